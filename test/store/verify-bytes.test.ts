/** What verification says when the bytes of the file are changed, below everything that SQLite guards. */
import { readFileSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NsauditError } from '../../src/domain/errors.ts';
import { originOf } from '../../src/store/checkpoint-note.ts';
import { NO_TRUST, type Trust } from '../../src/store/verify-checkpoints.ts';
import { createAppender, dumpDatabase, openTestLog, Scratch } from '../support/state-on-disk.ts';
import { verify, writeLog } from './disk.ts';
import { makeEvents } from './numbered-events.ts';
import { retype } from './tamper.ts';

/** Batch 1: events 1-3, batch 2: 4, batch 3: 5-8, batch 4: 9-10, batch 5: 11-15. */
const SIZES = [3, 1, 4, 2, 5];

describe('a value of another type is never self-consistent, though its hash is the same', () => {
  test.each([
    ['event', 'UPDATE event SET body = CAST(body AS BLOB) WHERE seq = 6', { batch: 3, seq: 6 }],
    ['event', 'UPDATE event SET event = CAST(event AS BLOB) WHERE seq = 6', { batch: 3, seq: 6 }],
    ['event', 'UPDATE event SET leaf = CAST(leaf AS TEXT) WHERE seq = 6', { batch: 3, seq: 6 }],
    ['event', 'UPDATE event SET at_us = CAST(at_us AS BLOB) WHERE seq = 6', { batch: 3, seq: 6 }],
    [
      'batch',
      'UPDATE batch SET producer = CAST(producer AS BLOB) WHERE batch = 3',
      { batch: 3, seq: null },
    ],
    [
      'batch',
      'UPDATE batch SET hash = CAST(hash AS TEXT) WHERE batch = 3',
      { batch: 3, seq: null },
    ],
    [
      'batch',
      'UPDATE batch SET prev_hash = CAST(prev_hash AS TEXT) WHERE batch = 3',
      { batch: 3, seq: null },
    ],
    [
      'batch',
      'UPDATE batch SET wall_us = CAST(wall_us AS BLOB) WHERE batch = 3',
      { batch: 3, seq: null },
    ],
  ] as const)('%s: %s', async (kind, change, fault) => {
    using scratch = new Scratch();
    await writeLog(scratch.path, SIZES);
    retype(scratch.join('log.db'), change);
    const found = await verify(scratch.join('log.db'));
    expect(found).toMatchObject({ verdict: 'tampered', fault, events: 4 });
    expect(found.fault?.what).toBe(
      `${kind} ${fault.seq ?? 3} holds a value that its column cannot hold`,
    );
  });
});

/** A log without side files, so that its bytes are all there is. */
async function writeAlone(scratch: Scratch): Promise<string> {
  await writeLog(scratch.join('state'), SIZES);
  const db = new Database(scratch.join('state', 'log.db'));
  db.pragma('journal_mode = DELETE');
  db.close();
  return scratch.join('state', 'log.db');
}

describe('a flipped bit is never self-consistent', () => {
  test('in the text of any event', async () => {
    using scratch = new Scratch();
    const path = await writeAlone(scratch);
    const bytes = readFileSync(path);
    const copy = scratch.join('copy.db');
    for (let seq = 1; seq <= 15; seq += 1) {
      const offset = bytes.indexOf(`stop ${seq} `) + 'sto'.length;
      const flipped = Buffer.from(bytes);
      flipped[offset] = (bytes[offset] ?? 0) ^ 1;
      writeFileSync(copy, flipped);
      expect(await verify(copy)).toMatchObject({ verdict: 'tampered', fault: { seq } });
    }
  });

  test('wherever in the file, unless every event and batch reads as before', async () => {
    using scratch = new Scratch();
    const path = await writeAlone(scratch);
    const bytes = readFileSync(path);
    const unhashed = ['meta', 'kysely_migration', 'kysely_migration_lock'];
    const before = dumpDatabase(path, unhashed);
    const copy = scratch.join('copy.db');
    const place = fc.record({ offset: fc.nat({ max: bytes.length - 1 }), bit: fc.nat({ max: 7 }) });
    await fc.assert(
      fc.asyncProperty(place, async ({ offset, bit }) => {
        const flipped = Buffer.from(bytes);
        flipped[offset] = (bytes[offset] ?? 0) ^ (1 << bit);
        writeFileSync(copy, flipped);
        const after = await dumpIfConsistent(copy, unhashed);
        expect(after ?? before).toBe(before);
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});

/** B-tree pages by their first byte. Source: sqlite.org/fileformat2.html section 1.6. */
const PAGE_TYPES: readonly (readonly [name: string, type: number])[] = [
  ['an interior page of a table', 5],
  ['a leaf page of an index, or of a table without row ids', 10],
  ['a leaf page of a table', 13],
];

describe('with a byte flipped in a page nothing is verified, though a checkpoint of the whole log was kept', () => {
  test.each(PAGE_TYPES)('%s', async (_name, type) => {
    using scratch = new Scratch();
    const log = await openTestLog(scratch.join('state'));
    createAppender(log)(makeEvents(1, 600));
    const origin = originOf(log.reader);
    const kept = { ...log.writer.treeHead(), origin, signedBy: ['somebody'], cosignedAtS: null };
    log.close();
    const path = scratch.join('state', 'log.db');
    const db = new Database(path);
    db.pragma('journal_mode = DELETE');
    db.close();
    const trust = { ...NO_TRUST, checkpoints: [kept] };
    expect(await verify(path, trust)).toMatchObject({ verdict: 'verified', events: 600 });

    const bytes = readFileSync(path);
    const pageBytes = bytes.readUInt16BE(16);
    const copy = scratch.join('copy.db');
    const verdicts = new Set<string>();
    for (let page = pageBytes; page < bytes.length; page += pageBytes) {
      // A page without cells, as of the index of checkpoints, has nothing in it that could be another.
      if (bytes[page] === type && bytes.readUInt16BE(page + 3) > 0) {
        // Its type, how many cells it has, where they begin, and the first byte of the content of the last one.
        const content = bytes.readUInt16BE(page + 5);
        for (const offset of [0, 4, 6, 9, content + 1]) {
          const flipped = Buffer.from(bytes);
          flipped[page + offset] = (bytes[page + offset] ?? 0) ^ 0x10;
          writeFileSync(copy, flipped);
          verdicts.add(await verdictOf(copy, trust));
        }
      }
    }
    expect(verdicts.size).toBeGreaterThan(0);
    expect([...verdicts]).not.toContain('verified');
    expect([...verdicts]).not.toContain('self-consistent');
  });
});

async function verdictOf(path: string, trust: Trust): Promise<string> {
  try {
    return (await verify(path, trust)).verdict;
  } catch (error) {
    if (error instanceof NsauditError && error.code === 'integrity') {
      return 'refused';
    }
    throw error;
  }
}

/** Undefined when the log is refused or does not verify. */
async function dumpIfConsistent(
  path: string,
  except: readonly string[],
): Promise<string | undefined> {
  try {
    const { verdict } = await verify(path);
    return verdict === 'self-consistent' ? dumpDatabase(path, except) : undefined;
  } catch (error) {
    if (error instanceof NsauditError) {
      return undefined;
    }
    throw error;
  }
}
