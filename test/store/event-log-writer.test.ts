/** What the log takes and what it refuses, from our own writer and from anybody else who may write the file. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../src/domain/errors.ts';
import type { AuditEvent } from '../../src/domain/event.ts';
import type { BatchRow, EventRow } from '../../src/store/database-schema.ts';
import { openLogReader } from '../../src/store/event-log-reader.ts';
import type { EventLogWriter } from '../../src/store/event-log-writer.ts';
import type { OpenLog } from '../../src/store/open-log.ts';
import { verifyLog } from '../../src/store/verify-log.ts';
import { createAppender, dumpDatabase, openTestLog, Scratch } from '../support/state-on-disk.ts';
import { isInstalled, skipNotice } from '../systemd/offline-root.ts';
import { runChild } from './child-program.ts';
import { refusalOf, refusing, writeLog } from './disk.ts';
import { makeEvents } from './numbered-events.ts';

/** Three batches: events 1-3, 4 and 5-6. */
const SIZES = [3, 1, 2];
const HASH = 'zeroblob(32)';

function eventAt(seq: number | 'NULL'): string {
  return `INTO event (seq, batch, event, version, at_us, body, leaf) VALUES (${seq}, 1, 'x', 1, 0, '{}', ${HASH})`;
}

function batchAt(batch: number | 'NULL', producer = 'other', producerSeq = 1): string {
  return `INTO batch (batch, producer, producer_seq, first_seq, event_count, at_us, wall_us, prev_hash, hash) VALUES (${batch}, '${producer}', ${producerSeq}, 1, 1, 0, 0, ${HASH}, ${HASH})`;
}

const REFUSED: readonly string[] = [
  `UPDATE event SET body = '{}' WHERE seq = 2`,
  `UPDATE event SET seq = 100 WHERE seq = 6`,
  `UPDATE OR IGNORE event SET body = '{}'`,
  `UPDATE OR REPLACE event SET seq = 2 WHERE seq = 3`,
  'DELETE FROM event WHERE seq = 6',
  'DELETE FROM event',
  `INSERT ${eventAt(2)}`,
  `INSERT ${eventAt(6)}`,
  `INSERT ${eventAt(8)}`,
  `INSERT ${eventAt(0)}`,
  `INSERT ${eventAt(-1)}`,
  `INSERT ${eventAt('NULL')}`,
  `INSERT OR REPLACE ${eventAt(2)}`,
  `INSERT OR REPLACE ${eventAt(6)}`,
  `INSERT OR IGNORE ${eventAt(2)}`,
  `REPLACE ${eventAt(3)}`,
  `REPLACE ${eventAt(3).replace('(seq', '(rowid')}`,
  `INSERT ${eventAt(3)} ON CONFLICT (seq) DO UPDATE SET body = '{}'`,
  'UPDATE batch SET wall_us = 0 WHERE batch = 1',
  'DELETE FROM batch WHERE batch = 3',
  'DELETE FROM batch',
  `INSERT ${batchAt(2)}`,
  `INSERT ${batchAt(5)}`,
  `INSERT ${batchAt('NULL')}`,
  `INSERT OR REPLACE ${batchAt(3)}`,
  `REPLACE ${batchAt(1)}`,
  // At the head, but under the number of an earlier batch, which REPLACE would take away.
  `INSERT OR REPLACE ${batchAt(4, 'run-1', 1)}`,
  `INSERT ${batchAt(4, 'run-1', 3)} ON CONFLICT (producer, producer_seq) DO UPDATE SET wall_us = 0`,
  `UPDATE meta SET value = 'other' WHERE key = 'host'`,
  `DELETE FROM meta WHERE key = 'host'`,
  `INSERT OR REPLACE INTO meta (key, value) VALUES ('host', 'other')`,
  `INSERT INTO meta (key, value) VALUES ('host', 'x') ON CONFLICT (key) DO UPDATE SET value = 'x'`,
];

describe('rows of the log cannot be changed, deleted, replaced or inserted out of order', () => {
  test.each(REFUSED)('by a plain connection: %s', async (sql) => {
    using scratch = new Scratch();
    await writeLog(scratch.path, SIZES);
    const path = scratch.join('log.db');
    const before = dumpDatabase(path);
    const db = new Database(path);
    expect(() => db.exec(sql)).toThrow(/append-only/);
    db.close();
    expect(dumpDatabase(path)).toBe(before);
  });

  const missing = isInstalled('sqlite3') ? [] : ['sqlite3'];
  test.skipIf(missing.length > 0).each(REFUSED)(
    `${skipNotice(missing)}by sqlite3(1): %s`,
    async (sql) => {
      using scratch = new Scratch();
      await writeLog(scratch.path, SIZES);
      const path = scratch.join('log.db');
      const before = dumpDatabase(path);
      const { status, stderr } = spawnSync('sqlite3', ['-batch', path, sql], { encoding: 'utf8' });
      expect(stderr).toMatch(/append-only/);
      expect(status).not.toBe(0);
      expect(dumpDatabase(path)).toBe(before);
    },
  );
});

async function withLog<Result>(work: (log: OpenLog, path: string) => Result): Promise<Result> {
  using scratch = new Scratch();
  const log = await openTestLog(scratch.path);
  try {
    return work(log, scratch.join('log.db'));
  } finally {
    log.close();
  }
}

const HEADER = { producer: 'run-1', producerSeq: 1, atUs: 2_000_000, wallUs: 3_000_000 };

describe('a batch is appended once', () => {
  test('and the same again changes nothing, also after others', async () => {
    await withLog((log, path) => {
      const first = log.writer.appendBatch(makeEvents(1, 3), HEADER);
      log.writer.appendBatch(makeEvents(4, 2), { ...HEADER, producerSeq: 2 });
      const before = dumpDatabase(path);
      expect(log.writer.appendBatch(makeEvents(1, 3), HEADER)).toEqual(first);
      expect(dumpDatabase(path)).toBe(before);
      expect(log.writer.head().position).toBe(5);
    });
  });

  test('and the same from another run does not follow the head', async () => {
    await withLog(({ writer }) => {
      writer.appendBatch(makeEvents(1, 3), HEADER);
      const again = { ...HEADER, producer: 'run-2' };
      expect(() => writer.appendBatch(makeEvents(1, 3), again)).toThrow(InvariantError);
    });
  });

  test.each([
    ['other events', makeEvents(1, 3).with(1, { ...one(2), at: 1_000_001 }), HEADER],
    ['more events', makeEvents(1, 4), HEADER],
    ['fewer events', makeEvents(1, 2), HEADER],
    ['another time', makeEvents(1, 3), { ...HEADER, wallUs: 3_000_001 }],
  ] as const)(
    'and under its number %s are refused as damage to the record',
    async (_title, events, header) => {
      using scratch = new Scratch();
      const log = await openTestLog(scratch.path);
      log.writer.appendBatch(makeEvents(1, 3), HEADER);
      const before = dumpDatabase(scratch.join('log.db'));
      const refusal = await refusalOf(() => log.writer.appendBatch(events, header));
      const after = dumpDatabase(scratch.join('log.db'));
      log.close();
      const says = /already holds another batch 1 of producer run-1; .* so stop both/;
      expect(refusal).toEqual(refusing('integrity', scratch.join('log.db'), says));
      expect(after).toBe(before);
    },
  );
});

function one(seq: number): AuditEvent {
  return makeEvents(seq, 1)[0] as AuditEvent;
}

describe('events that do not follow the head are refused, and nothing is appended', () => {
  const NEXT = { ...HEADER, producerSeq: 2 };
  test.each([
    ['no event', []],
    ['a hole before them', makeEvents(5, 2)],
    ['a hole among them', [one(4), one(6)]],
    ['a seq that is taken', makeEvents(3, 2)],
    ['one event twice', [one(4), one(4)]],
    ['an earlier instant than the head', [{ ...one(4), at: 1_000_999 }]],
    ['an earlier instant than the event before', [one(4), { ...one(5), at: one(4).at - 1 }]],
  ])('%s', async (_title, events) => {
    await withLog((log, path) => {
      log.writer.appendBatch(makeEvents(1, 3), HEADER);
      const before = dumpDatabase(path);
      expect(() => log.writer.appendBatch(events, NEXT)).toThrow(InvariantError);
      expect(dumpDatabase(path)).toBe(before);
      expect(log.writer.appendBatch(makeEvents(4, 1), NEXT).position).toBe(4);
    });
  });

  test('an event that is none', async () => {
    await withLog((log, path) => {
      log.writer.appendBatch(makeEvents(1, 3), HEADER);
      const before = dumpDatabase(path);
      const broken = [one(4), { ...one(5), reason: 7 } as unknown as AuditEvent];
      expect(() => log.writer.appendBatch(broken, NEXT)).toThrow(/reason/);
      expect(dumpDatabase(path)).toBe(before);
    });
  });
});

function sha256(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  parts.forEach((part) => hash.update(part));
  return hash.digest('hex');
}

test('each leaf and each batch hash is what its stored columns give, from the meta table on', async () => {
  using scratch = new Scratch();
  await writeLog(scratch.path, [3, 1, 40]);
  const db = new Database(scratch.join('log.db'), { readonly: true });
  const batches = db.prepare<[], BatchRow>('SELECT * FROM batch ORDER BY batch').all();
  const byBatch = db.prepare<[number], EventRow>(
    'SELECT * FROM event WHERE batch = ? ORDER BY seq',
  );
  const meta = db
    .prepare<[], { key: string; value: string }>('SELECT key, value FROM meta ORDER BY key')
    .all()
    .map(({ key, value }) => `${key.length}\n${key}${value.length}\n${value}`);
  let previous: Buffer = Buffer.from(sha256(Buffer.of(2), ...meta), 'hex');
  for (const row of batches) {
    const events = byBatch.all(row.batch);
    for (const { seq, version, at_us: atUs, event, body, leaf } of events) {
      const numbers = `${seq}\n${version}\n${atUs}\n${event.length}\n`;
      expect(leaf.toString('hex')).toBe(sha256(Buffer.of(0), numbers, event, body));
    }
    const { batch, producer_seq, first_seq, event_count, at_us, wall_us, producer } = row;
    const numbers = `${batch}\n${producer_seq}\n${first_seq}\n${event_count}\n${at_us}\n${wall_us}\n`;
    const name = `${producer.length}\n${producer}`;
    const leaves = events.map(({ leaf }) => leaf);
    expect(row.prev_hash.equals(previous)).toBe(true);
    expect(row.hash.toString('hex')).toBe(sha256(Buffer.of(1), numbers, name, previous, ...leaves));
    previous = row.hash;
  }
  db.close();
  expect(batches.map(({ event_count: count }) => count)).toEqual([3, 1, 40]);
});

function describeHead(writer: EventLogWriter): unknown {
  const { position, batch, batchHash, lastAtUs } = writer.head();
  return { position, batch, batchHash: batchHash.toString('hex'), lastAtUs };
}

describe('the head', () => {
  test('of an empty log is what it says about itself', async () => {
    const head = await withLog(({ writer }) => describeHead(writer));
    const batchHash: unknown = expect.stringMatching(/^(?!0{64})[0-9a-f]{64}$/);
    expect(head).toEqual({ position: 0, batch: 0, batchHash, lastAtUs: 0 });
  });

  test('is what the last batch was, also after closing and opening again', async () => {
    using scratch = new Scratch();
    const log = await openTestLog(scratch.path);
    const append = createAppender(log);
    append(makeEvents(1, 3));
    const { position, batchHash } = append(makeEvents(4, 2));
    const head = describeHead(log.writer);
    log.close();
    expect(head).toEqual({
      position,
      batch: 2,
      batchHash: batchHash.toString('hex'),
      lastAtUs: one(5).at,
    });
    const again = await openTestLog(scratch.path);
    expect(describeHead(again.writer)).toEqual(head);
    again.close();
  });
});

test('a write error in the middle of a batch loses that batch and nothing else', async () => {
  using scratch = new Scratch();
  await writeLog(scratch.path, [3]);
  // Of 512 bytes each: setrlimit(2) RLIMIT_FSIZE stands in for a disk that fills up.
  const limited = ['sh', '-c', 'ulimit -f 1000 && exec "$@"', 'sh'];
  const lines = await runChild('append', [scratch.path, 'run-2', '100000'], limited);
  const acknowledged = Number(lines.at(-2));
  expect(acknowledged).toBeGreaterThan(100);
  expect(JSON.parse(lines.at(-1) ?? '')).toEqual(
    refusing('io', scratch.join('log.db'), /could not be read or written; check the disk/),
  );
  const reader = openLogReader(scratch.path);
  expect(reader.head().position).toBe(acknowledged);
  expect(await verifyLog(reader)).toMatchObject({ verdict: 'self-consistent' });
  reader.close();
});
