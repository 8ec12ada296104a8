/** A read.db whose bytes were changed, cut or taken away: it is built anew by itself, and the log is not touched. */
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verify } from '../store/disk.ts';
import { Auditor, process } from '../support/scan-builder.ts';
import {
  dumpDatabase,
  NOT_FOLDED,
  Scratch,
  withState,
  writeState,
} from '../support/state-on-disk.ts';

/** B-tree pages by their first byte. Source: sqlite.org/fileformat2.html section 1.6. */
const PAGE_TYPES: readonly (readonly [name: string, type: number])[] = [
  ['an interior page of an index', 2],
  ['an interior page of a table', 5],
  ['a leaf page of an index', 10],
  ['a leaf page of a table', 13],
];
const FILE_HEADER_BYTES = 100;

let scratch: Scratch;
let readPath: string;
let whole: Buffer;
let dump: string;
let pageBytes: number;

beforeAll(async () => {
  scratch = new Scratch();
  const auditor = new Auditor();
  const processes = Array.from({ length: 600 }, (_, index) =>
    process(index + 2, { net: 4_026_540_000 + index }),
  );
  auditor.scan({ second: 10, processes });
  auditor.scan({ second: 11, processes: processes.slice(300) });
  auditor.scan({ second: 12, processes: processes.slice(300) });
  await writeState(scratch.join('state'), [auditor.log]);
  readPath = scratch.join('state', 'read.db');
  whole = readFileSync(readPath);
  dump = dumpDatabase(readPath, NOT_FOLDED);
  pageBytes = whole.readUInt16BE(16);
});

afterAll(() => scratch[Symbol.dispose]());

function put(bytes: Buffer): void {
  for (const suffix of ['-wal', '-shm']) {
    rmSync(`${readPath}${suffix}`, { force: true });
  }
  writeFileSync(readPath, bytes);
}

function takeUp(): Promise<string | null> {
  return withState(scratch.join('state'), ({ projection }) => projection.rebuildReason);
}

/** Takes it up; what came of it. */
async function heal(): Promise<{ isRebuilt: boolean; isWhole: boolean; log: string }> {
  const reason = await takeUp();
  const { verdict } = await verify(scratch.join('state', 'log.db'));
  return {
    isRebuilt: reason !== null,
    isWhole: dumpDatabase(readPath, NOT_FOLDED) === dump,
    log: verdict,
  };
}

const HEALED = { isRebuilt: true, isWhole: true, log: 'self-consistent' };

/** Offset of the B-tree header of the last page of a type; page 1 begins with that of the file. */
function findPage(type: number): number {
  for (let offset = whole.length - pageBytes; offset >= 0; offset -= pageBytes) {
    const header = offset === 0 ? FILE_HEADER_BYTES : offset;
    if (whole[header] === type) {
      return header;
    }
  }
  throw new Error(`there is no page of type ${type}`);
}

describe('a read.db is built anew by itself', () => {
  test.each(PAGE_TYPES)('with one byte flipped in the header of %s', async (_name, type) => {
    // Its type, how many cells it has, and where the first of them is.
    for (const byte of [0, 4, 8, 12]) {
      const bytes = Buffer.from(whole);
      const offset = findPage(type) + byte;
      bytes[offset] = (bytes[offset] ?? 0) ^ 0x40;
      put(bytes);
      expect(await heal()).toEqual(HEALED);
    }
  });

  test.each([
    ['its magic', 3],
    ['its page size', 16],
    ['its format version', 63],
    ['its application id', 69],
  ])('with %s flipped', async (_what, offset) => {
    const bytes = Buffer.from(whole);
    bytes[offset] = (bytes[offset] ?? 0) ^ 0x40;
    put(bytes);
    expect(await heal()).toEqual(HEALED);
  });

  test.each([0, 50, 4_096, 50_000])('cut to %i bytes', async (length) => {
    put(whole);
    truncateSync(readPath, length);
    expect(await heal()).toEqual(HEALED);
  });
});

test('with a list in a row that is no JSON any more it is built anew', async () => {
  put(whole);
  const db = new Database(readPath);
  db.exec(`UPDATE lifespan SET nsids = '[Z]' WHERE to_us = (SELECT max(to_us) FROM lifespan)`);
  db.close();
  expect(await heal()).toEqual(HEALED);
});

test('with any byte flipped it is taken up or built anew, and the log stays as it is', async () => {
  const place = fc.record({ offset: fc.nat({ max: whole.length - 1 }), bit: fc.nat({ max: 7 }) });
  await fc.assert(
    fc.asyncProperty(place, async ({ offset, bit }) => {
      const bytes = Buffer.from(whole);
      bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit);
      put(bytes);
      await takeUp();
      expect(await takeUp()).toBeNull();
    }),
    { numRuns: 40 },
  );
}, 120_000);
