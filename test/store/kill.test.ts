/**
 * What kill -9 costs: the batch in progress and nothing else.
 *
 * Goal:   nothing acknowledged is lost, no batch is stored in part, the log verifies, and the next
 *         collector goes on.
 * Method: a real process opens the log, appends and acknowledges each batch on its standard output, which
 *         the kernel keeps when the process dies; SIGKILL comes after a random time. Power loss is not
 *         modelled: that is what synchronous=FULL is for, which open-database.test.ts reads back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { toStoredEvent } from '../../src/domain/event.ts';
import { openLogReader } from '../../src/store/event-log-reader.ts';
import { verifyLog } from '../../src/store/verify-log.ts';
import { openTestLog, Scratch } from '../support/state-on-disk.ts';
import { startChild } from './child-program.ts';
import { batchSizeOf, makeEvents } from './numbered-events.ts';

const ROUNDS = 10;
/** Logs side by side, and how often the writer of each is killed. */
const LOGS = 4;
const KILLS = 50;
const PATIENCE_MS = 300_000;

/** What a run left behind, as it left it: read before any writer opens the log again. */
async function readLeft(directory: string, producer: string) {
  const reader = openLogReader(directory);
  try {
    const { events, verdict, fault } = await verifyLog(reader);
    const stored = reader.readEvents({ after: 0, limit: events + 1 });
    const sizes = reader
      .readBatches({ after: 0, eventLimit: Number.MAX_SAFE_INTEGER })
      .filter(({ row }) => row.producer === producer)
      .map((batch) => batch.events.length);
    return { events, verdict, fault, stored, sizes };
  } finally {
    reader.close();
  }
}

test(
  'a collector that is killed while it appends loses nothing that it acknowledged',
  async () => {
    using scratch = new Scratch();
    let end = 0;
    for (let round = 1; round <= ROUNDS; round += 1) {
      const producer = `run-${round}`;
      const child = startChild('append', [scratch.path, producer, '1000000']);
      expect(await child.nextLine()).toBe('open');
      await sleep(Math.random() * 120);
      await child.kill();
      const acknowledged = child.lines.slice(1).map(Number);
      const left = await readLeft(scratch.path, producer);
      expect(left).toMatchObject({ verdict: 'self-consistent', fault: null });
      expect(left.stored).toEqual(makeEvents(1, left.events).map(toStoredEvent));
      // The last batch may have been durable before it could be acknowledged.
      const unacknowledged = left.sizes.length - acknowledged.length;
      expect([0, 1]).toContain(unacknowledged);
      expect(left.sizes).toEqual(left.sizes.map((_, index) => batchSizeOf(index + 1)));
      const ends = left.sizes.map((size) => (end += size));
      expect(acknowledged).toEqual(ends.slice(0, acknowledged.length));
      expect(left.events).toBe(end);
    }
    expect(end).toBeGreaterThan(0);
    const log = await openTestLog(scratch.path);
    const header = { producer: 'last', producerSeq: 1, atUs: 1e12, wallUs: 1e12 };
    expect(log.writer.appendBatch(makeEvents(end + 1, 2), header).position).toBe(end + 2);
    log.close();
  },
  PATIENCE_MS,
);

/** Kills a writer again and again, while it opens, appends or closes; nobody but writers touches the log meanwhile. */
async function killOften(directory: string, log: number): Promise<number> {
  let acknowledged = 0;
  let startMs = Number.POSITIVE_INFINITY;
  for (let kill = 1; kill <= KILLS; kill += 1) {
    // Two batches: so it is killed at its end, too.
    const batches = kill % 5 === 0 ? '2' : '1000000';
    const child = startChild('append', [directory, `run-${log}-${kill}`, batches]);
    const startedAt = performance.now();
    if (kill % 4 === 1) {
      // These are killed while they append, and tell how long a start takes here.
      await child.nextLine();
      startMs = Math.min(startMs, performance.now() - startedAt);
      await child.nextLine();
      await sleep(Math.random() * 40);
    } else {
      await sleep(Math.random() * startMs * 1.6);
    }
    await child.kill();
    const positions = child.lines.slice(1).map(Number);
    const reader = openLogReader(directory);
    const { position } = reader.head();
    reader.close();
    acknowledged = Math.max(acknowledged, ...positions);
    expect(position).toBeGreaterThanOrEqual(acknowledged);
  }
  return acknowledged;
}

test(
  `after ${LOGS * KILLS} kills at random moments nothing acknowledged is lost and every chain is whole`,
  async () => {
    using scratch = new Scratch();
    await Promise.all(
      Array.from({ length: LOGS }, async (_, log) => {
        const directory = scratch.join(`state-${log}`);
        (await openTestLog(directory)).close();
        const acknowledged = await killOften(directory, log);
        const left = await readLeft(directory, '');
        expect(left).toMatchObject({ verdict: 'self-consistent', fault: null });
        expect(left.events).toBeGreaterThanOrEqual(acknowledged);
        expect(left.events).toBeGreaterThan(0);
        expect(left.stored).toEqual(makeEvents(1, left.events).map(toStoredEvent));
      }),
    );
  },
  PATIENCE_MS,
);

test(
  'a collector that is killed while it starts leaves a log that the next one opens, or none',
  async () => {
    let opened = 0;
    let startMs = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      using scratch = new Scratch();
      const child = startChild('append', [scratch.join('state'), 'run-1', '1']);
      // From before the first file to after the last: the first runs tell how long a start takes here.
      const startedAt = performance.now();
      if (round < 2) {
        await child.nextLine();
        startMs = Math.max(startMs, performance.now() - startedAt);
      } else {
        await sleep(startMs * (0.6 + Math.random() * 0.6));
      }
      await child.kill();
      const log = await openTestLog(scratch.join('state'));
      const { verdict, events } = await verifyLog(log.reader);
      const acknowledged = Number(child.lines.at(1) ?? 0);
      log.close();
      expect(verdict).toBe('self-consistent');
      expect([acknowledged, batchSizeOf(1)]).toContain(events);
      opened += child.lines.length > 0 ? 1 : 0;
    }
    expect(opened).toBeGreaterThan(0);
  },
  PATIENCE_MS,
);
