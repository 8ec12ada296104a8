/**
 * No tampering verifies as self-consistent, and the first fault is named.
 *
 * Method: real logs are changed by SQL, with the triggers dropped and made again exactly as they were (bytes:
 *         verify-bytes.test.ts). What verification cannot see without a hash noted elsewhere is tested too.
 */
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openLogReader } from '../../src/store/event-log-reader.ts';
import { rootOf } from '../../src/store/merkle-proof.ts';
import type { Verification } from '../../src/store/verify-log.ts';
import { storyArbitrary, tellStory } from '../support/scan-model.ts';
import { Scratch, writeState } from '../support/state-on-disk.ts';
import { startChild } from './child-program.ts';
import { verify, writeLog } from './disk.ts';
import { edit, rehashBatch, rehashEvent, tamper, type Change } from './tamper.ts';

/** Batch 1: events 1-3, batch 2: 4, batch 3: 5-8, batch 4: 9-10, batch 5: 11-15. */
const SIZES = [3, 1, 4, 2, 5];

type Tampering = readonly [
  title: string,
  changes: readonly Change[],
  verdict: Verification['verdict'],
  fault: { readonly batch: number | null; readonly seq: number | null },
  events: number,
];

const TAMPERINGS: readonly Tampering[] = [
  ['an edited body', [edit(6)], 'tampered', { batch: 3, seq: 6 }, 4],
  ['an edited body of the first event', [edit(1)], 'tampered', { batch: 1, seq: 1 }, 0],
  ['an edited body of the last event', [edit(15)], 'tampered', { batch: 5, seq: 15 }, 10],
  [
    'a body in which only the order of keys or a space differs',
    [`UPDATE event SET body = body || ' ' WHERE seq = 6`],
    'tampered',
    { batch: 3, seq: 6 },
    4,
  ],
  ['an edited body and its leaf', [edit(6), rehashEvent(6)], 'tampered', at(3), 4],
  [
    'an edited body, its leaf and its batch',
    [edit(6), rehashEvent(6), rehashBatch(3)],
    'tampered',
    at(4),
    8,
  ],
  [
    'the edit of a name',
    [`UPDATE event SET event = 'collector.started' WHERE seq = 6`],
    'tampered',
    { batch: 3, seq: 6 },
    4,
  ],
  [
    'the edit of an instant',
    ['UPDATE event SET at_us = at_us + 1 WHERE seq = 6'],
    'tampered',
    { batch: 3, seq: 6 },
    4,
  ],
  [
    'the edit of a version',
    ['UPDATE event SET version = 2 WHERE seq = 6'],
    'tampered',
    { batch: 3, seq: 6 },
    4,
  ],
  [
    'two rows that changed places',
    [
      'UPDATE event SET seq = -6 WHERE seq = 6',
      'UPDATE event SET seq = 6 WHERE seq = 7',
      'UPDATE event SET seq = 7 WHERE seq = -6',
    ],
    'tampered',
    { batch: 3, seq: 6 },
    4,
  ],
  [
    'two rows that changed places, with new leaves',
    [
      'UPDATE event SET seq = -6 WHERE seq = 6',
      'UPDATE event SET seq = 6 WHERE seq = 7',
      'UPDATE event SET seq = 7 WHERE seq = -6',
      rehashEvent(6),
      rehashEvent(7),
    ],
    'tampered',
    at(3),
    4,
  ],
  ['a cut tail', ['DELETE FROM event WHERE seq = 15'], 'incomplete', { batch: 5, seq: 15 }, 10],
  [
    'a tail cut shorter than its batch says, with a new count',
    ['DELETE FROM event WHERE seq = 15', 'UPDATE batch SET event_count = 4 WHERE batch = 5'],
    'tampered',
    at(5),
    10,
  ],
  ['batches without any event', ['DELETE FROM event'], 'incomplete', { batch: 1, seq: 1 }, 0],
  [
    'a last batch without its events',
    ['DELETE FROM event WHERE batch = 5'],
    'incomplete',
    { batch: 5, seq: 11 },
    10,
  ],
  [
    'a last batch whose events stayed',
    ['DELETE FROM batch WHERE batch = 5'],
    'incomplete',
    { batch: null, seq: 11 },
    10,
  ],
  [
    'a removed batch',
    ['DELETE FROM event WHERE batch = 3', 'DELETE FROM batch WHERE batch = 3'],
    'incomplete',
    at(3),
    4,
  ],
  [
    'a removed first batch',
    ['DELETE FROM event WHERE batch = 1', 'DELETE FROM batch WHERE batch = 1'],
    'incomplete',
    at(1),
    0,
  ],
  [
    'a removed batch, with the later ones renumbered',
    [
      'DELETE FROM event WHERE batch = 3',
      'DELETE FROM batch WHERE batch = 3',
      'UPDATE batch SET batch = batch - 1, first_seq = first_seq - 4 WHERE batch > 3',
      'UPDATE event SET batch = batch - 1, seq = seq - 4 WHERE batch > 3',
    ],
    'tampered',
    at(3),
    4,
  ],
  ['a gap', ['DELETE FROM event WHERE seq = 6'], 'incomplete', { batch: 3, seq: 6 }, 4],
  [
    'a gap that is closed by renumbering',
    ['DELETE FROM event WHERE seq = 6', 'UPDATE event SET seq = seq - 1 WHERE seq > 6'],
    'tampered',
    { batch: 3, seq: 6 },
    4,
  ],
  [
    'an event that was moved to another batch',
    ['UPDATE event SET batch = 4 WHERE seq = 8'],
    'incomplete',
    { batch: 3, seq: 8 },
    4,
  ],
  [
    'an added event at the end',
    [
      `INSERT INTO event SELECT 16, batch, event, version, at_us, body, leaf FROM event WHERE seq = 15`,
    ],
    'incomplete',
    { batch: null, seq: 16 },
    15,
  ],
  [
    'an added event before the first',
    [
      `INSERT INTO event SELECT 0, batch, event, version, at_us, body, leaf FROM event WHERE seq = 1`,
    ],
    'tampered',
    { batch: null, seq: 0 },
    0,
  ],
  [
    'an added batch before the first',
    [
      `INSERT INTO batch SELECT 0, producer, 0, 0, 1, at_us, wall_us, prev_hash, hash FROM batch WHERE batch = 1`,
    ],
    'incomplete',
    at(1),
    0,
  ],
  ['another wall time', ['UPDATE batch SET wall_us = 1 WHERE batch = 3'], 'tampered', at(3), 4],
  ['another producer', [`UPDATE batch SET producer = 'x' WHERE batch = 3`], 'tampered', at(3), 4],
  [
    'another host',
    [`UPDATE meta SET value = 'elsewhere' WHERE key = 'host'`],
    'tampered',
    at(1),
    0,
  ],
  ['another hash', ['UPDATE batch SET hash = zeroblob(32) WHERE batch = 3'], 'tampered', at(3), 4],
  [
    'another hash of the batch before',
    ['UPDATE batch SET prev_hash = zeroblob(32) WHERE batch = 3'],
    'tampered',
    at(3),
    4,
  ],
];

function at(batch: number, seq: number | null = null): Tampering[3] {
  return { batch, seq };
}

describe('a log that nobody touched is self-consistent', () => {
  test('with the head hash and all it holds counted', async () => {
    using scratch = new Scratch();
    await writeLog(scratch.path, SIZES);
    const reader = openLogReader(scratch.path);
    const { batchHash } = reader.head();
    const { logId } = reader;
    const root = rootOf(reader.nodeAt, 15);
    reader.close();
    expect(await verify(scratch.join('log.db'))).toEqual({
      verdict: 'self-consistent',
      events: 15,
      batches: 5,
      pruned: null,
      headHash: batchHash.toString('hex'),
      origin: `nsaudit/host.example/${logId}`,
      root: root.toString('base64'),
      checkpoints: { count: 0, newestSize: null },
      witness: null,
      fault: null,
    });
  });

  test('when it is empty', async () => {
    using scratch = new Scratch();
    await writeLog(scratch.path, []);
    expect(await verify(scratch.join('log.db'))).toMatchObject({
      verdict: 'self-consistent',
      events: 0,
    });
  });

  test('when it is longer than what is read at a time', async () => {
    using scratch = new Scratch();
    const sizes = [4_999, 2, 5_001, 1, 3_000];
    await writeLog(scratch.path, sizes);
    expect(await verify(scratch.join('log.db'))).toMatchObject({
      verdict: 'self-consistent',
      events: 13_003,
      batches: 5,
    });
  });

  test('when the rules of the domain wrote it', async () => {
    await fc.assert(
      fc.asyncProperty(storyArbitrary(40), async (story) => {
        using scratch = new Scratch();
        const batches = tellStory(story);
        await writeState(scratch.path, batches);
        expect(await verify(scratch.join('log.db'))).toMatchObject({
          verdict: 'self-consistent',
          events: batches.flat().length,
        });
      }),
      { numRuns: 5 },
    );
  });

  test('while a collector appends, up to the end it found', async () => {
    using scratch = new Scratch();
    const child = startChild('append', [scratch.path, 'run-1', '400']);
    expect(await child.nextLine()).toBe('open');
    let events = 0;
    for (let round = 0; round < 5; round += 1) {
      const verification = await verify(scratch.join('log.db'));
      expect(verification).toMatchObject({ verdict: 'self-consistent', fault: null });
      expect(verification.events).toBeGreaterThanOrEqual(events);
      ({ events } = verification);
    }
    await child.kill();
  });
});

describe('tampering with rows is never self-consistent, and the first fault is named', () => {
  test.each(TAMPERINGS)('%s', async (_title, changes, verdict, fault, events) => {
    using scratch = new Scratch();
    await writeLog(scratch.path, SIZES);
    tamper(scratch.join('log.db'), changes);
    const found = await verify(scratch.join('log.db'));
    expect(found).toMatchObject({ verdict, fault, events });
    expect(found.fault?.what).toMatch(/\S/);
  });
});

const WEAKER = `CREATE TRIGGER event_no_update BEFORE UPDATE ON event WHEN 0 BEGIN SELECT RAISE(ABORT, 'event is append-only'); END`;

describe('tampering with the schema is never self-consistent', () => {
  test.each([
    ['a trigger that is gone', 'DROP TRIGGER event_no_update', /event_no_update is missing/],
    [
      'a trigger that was made weaker',
      `DROP TRIGGER event_no_update; ${WEAKER}`,
      /event_no_update is not as nsaudit makes it/,
    ],
    [
      'a trigger that was added',
      'CREATE TRIGGER more AFTER INSERT ON event BEGIN SELECT 1; END',
      /trigger more was added/,
    ],
    ['a table that was added', 'CREATE TABLE more (id INTEGER)', /table more was added/],
    [
      'a table that is no longer strict',
      `PRAGMA foreign_keys = OFF; CREATE TABLE copy AS SELECT * FROM event; DROP TABLE event; ALTER TABLE copy RENAME TO event`,
      /event(_\w+)? is (missing|not as nsaudit makes it)/,
    ],
  ])('%s', async (_title, sql, what) => {
    using scratch = new Scratch();
    await writeLog(scratch.path, SIZES);
    const db = new Database(scratch.join('log.db'));
    db.exec(sql);
    db.close();
    const { verdict, fault } = await verify(scratch.join('log.db'));
    expect(verdict).not.toBe('self-consistent');
    expect(fault?.what).toMatch(what);
  });
});

describe('what only a head hash noted elsewhere can tell', () => {
  test.each([
    [
      'a tail that was cut between two batches',
      ['DELETE FROM event WHERE batch = 5', 'DELETE FROM batch WHERE batch = 5'],
      10,
    ],
    [
      'a log that was written anew from an event to its end',
      [edit(6), rehashEvent(6), rehashBatch(3), rehashBatch(4), rehashBatch(5)],
      15,
    ],
  ])('%s', async (_title, changes, events) => {
    using scratch = new Scratch();
    await writeLog(scratch.path, SIZES);
    const { headHash } = await verify(scratch.join('log.db'));
    tamper(scratch.join('log.db'), changes);
    const after = await verify(scratch.join('log.db'));
    expect(after).toMatchObject({ verdict: 'self-consistent', events });
    expect(after.headHash).not.toBe(headHash);
  });
});
