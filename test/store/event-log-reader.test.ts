/** Reading the log: pages, instants, and a writer in another process that goes on meanwhile. */
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { toStoredEvent } from '../../src/domain/event.ts';
import {
  openLogFile,
  openLogReader,
  type EventLogReader,
} from '../../src/store/event-log-reader.ts';
import { createAppender, HOST, openTestLog, Scratch } from '../support/state-on-disk.ts';
import { startChild } from './child-program.ts';
import { refusalOf, refusing, writeLog } from './disk.ts';
import { batchSizeOf, instantOf, makeEvents } from './numbered-events.ts';

/** Batches of these sizes, and a reader. */
async function withReader<Result>(
  sizes: readonly number[],
  work: (reader: EventLogReader) => Result,
): Promise<Result> {
  using scratch = new Scratch();
  await writeLog(scratch.path, sizes);
  const reader = openLogReader(scratch.path);
  try {
    return work(reader);
  } finally {
    reader.close();
  }
}

describe('pages', () => {
  const stored = makeEvents(1, 10).map(toStoredEvent);

  test.each([1, 2, 3, 7, 10, 11])('of %i events give every event once, in order', async (limit) => {
    const found = await withReader([3, 1, 6], (reader) => {
      const pages = [];
      for (let page = reader.readEvents({ after: 0, limit }); page.length > 0;) {
        expect(page.length).toBeLessThanOrEqual(limit);
        pages.push(page);
        page = reader.readEvents({ after: page.at(-1)?.seq ?? 0, limit });
      }
      return pages.flat();
    });
    expect(found).toEqual(stored);
  });

  test('begin after the seq that is named', async () => {
    const page = await withReader([10], (reader) => reader.readEvents({ after: 4, limit: 3 }));
    expect(page).toEqual(stored.slice(4, 7));
  });

  test('behind the head are empty', async () => {
    await withReader([10], (reader) => {
      expect(reader.readEvents({ after: 10, limit: 5 })).toEqual([]);
      expect(reader.readEvents({ after: 99, limit: 5 })).toEqual([]);
      expect(reader.readBatches({ after: 1, eventLimit: 5 })).toEqual([]);
    });
  });

  test.each([1, 4, 5, 100])('of batches with about %i events give whole batches', async (limit) => {
    const sizes = [3, 1, 6, 2, 2];
    await withReader(sizes, (reader) => {
      const found = [];
      for (let page = reader.readBatches({ after: 0, eventLimit: limit }); page.length > 0;) {
        const count = page.reduce((sum, { row }) => sum + row.event_count, 0);
        expect(page.length === 1 || count <= limit).toBe(true);
        found.push(...page);
        page = reader.readBatches({ after: page.at(-1)?.row.batch ?? 0, eventLimit: limit });
      }
      expect(found.map(({ events }) => events.length)).toEqual(sizes);
      expect(found.flatMap(({ events }) => events.map(({ seq }) => seq))).toEqual(
        Array.from({ length: 14 }, (_, index) => index + 1),
      );
    });
  });
});

describe('the first event at or after an instant', () => {
  test('is the one that looking at each would find, also among equal instants', async () => {
    const count = 50;
    const seqs = Array.from({ length: count }, (_, index) => index + 1);
    const instants = [0, ...seqs.map(instantOf), 9_999_999].flatMap((us) => [us - 1, us, us + 1]);
    const expected = instants.map((us) => seqs.find((seq) => instantOf(seq) >= us) ?? count + 1);
    const found = await withReader([20, 30], (reader) =>
      instants.map((us) => reader.findSeqAt(us)),
    );
    expect(found).toEqual(expected);
  });

  test('of an empty log is the one that comes next', async () => {
    expect(await withReader([], (reader) => reader.findSeqAt(5))).toBe(1);
  });
});

test('an event leads to the hash of its batch, and no event to none', async () => {
  await withReader([3, 1, 6], (reader) => {
    const hashes = reader.readBatches({ after: 0, eventLimit: 100 }).map(({ row }) => row.hash);
    const found = [1, 3, 4, 5, 10, 11, 0].map((seq) => reader.findBatchHash(seq));
    const [first, second, third] = hashes;
    expect(found).toEqual([first, first, second, third, third, undefined, undefined]);
    expect(reader.head().batchHash).toEqual(third);
  });
});

test('a log says which host it is of, and has an id of its own', async () => {
  const ids = [];
  for (let log = 0; log < 2; log += 1) {
    ids.push(
      await withReader([1], ({ host, logId }) => {
        expect(host).toBe(HOST);
        return logId;
      }),
    );
  }
  expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  expect(ids[0]).not.toBe(ids[1]);
});

test('a log that does not say which host it is of is refused', async () => {
  using scratch = new Scratch();
  await writeLog(scratch.path, [1]);
  const db = new Database(scratch.join('log.db'));
  db.exec(`DROP TRIGGER meta_no_delete; DELETE FROM meta WHERE key = 'host'`);
  db.close();
  const refusal = await refusalOf(() => openLogReader(scratch.path));
  const says = /does not say its host; restore a backup/;
  expect(refusal).toEqual(refusing('integrity', scratch.join('log.db'), says));
});

describe('while a writer writes', () => {
  test('each read ends with a whole batch, and nothing that was read changes', async () => {
    using scratch = new Scratch();
    const batchCount = 150;
    const child = startChild('append', [scratch.path, 'run-1', String(batchCount)]);
    expect(await child.nextLine()).toBe('open');
    const ends = new Set([0]);
    for (let batch = 1, end = 0; batch <= batchCount; batch += 1) {
      end += batchSizeOf(batch);
      ends.add(end);
    }
    const last = Math.max(...ends);
    const reader = openLogReader(scratch.path);
    let reads = 0;
    let position = 0;
    const deadlineMs = performance.now() + 15_000;
    while (position < last && performance.now() < deadlineMs) {
      const { position: head } = reader.head();
      const page = reader.readEvents({ after: position, limit: last });
      const end = page.at(-1)?.seq ?? position;
      expect(ends.has(head) && ends.has(end) && end >= head).toBe(true);
      expect(page).toEqual(makeEvents(position + 1, end - position).map(toStoredEvent));
      reads += page.length > 0 ? 1 : 0;
      position = end;
      await new Promise(setImmediate);
    }
    reader.close();
    expect(position).toBe(last);
    expect(await child.finished()).toBe(0);
    expect(child.lines).toHaveLength(batchCount + 1);
    expect(reads).toBeGreaterThan(3);
  });

  test('a reader between two reads does not keep the writer from emptying its write-ahead log', async () => {
    using scratch = new Scratch();
    const log = await openTestLog(scratch.path);
    const append = createAppender(log);
    append(makeEvents(1, 3));
    const reader = openLogFile(scratch.join('log.db'));
    reader.readEvents({ after: 0, limit: 2 });
    reader.readBatches({ after: 0, eventLimit: 1 });
    reader.findSeqAt(0);
    append(makeEvents(4, 3));
    const other = new Database(scratch.join('log.db'));
    const [outcome] = other.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
    other.close();
    expect(outcome).toMatchObject({ busy: 0 });
    expect(reader.readEvents({ after: 3, limit: 9 })).toEqual(makeEvents(4, 3).map(toStoredEvent));
    reader.close();
    log.close();
  });
});
