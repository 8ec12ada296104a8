/**
 * What `nsaudit verify` answers when one bit is another in a page of any kind that a file of SQLite can have, though a
 * checkpoint of the whole log was kept: never that it is verified, unless everything that can be read is as it was.
 *
 * Not found, because there is nothing to find: bytes that belong to no row, entry or list of pages, as in a page
 * that is not used, or the counters of the header by which SQLite tells its own connections apart.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runWords } from '../cli/run-words.ts';
import { dumpDatabase, Scratch } from '../support/state-on-disk.ts';
import { listPages, PAGE_KINDS, writePagedLog, type Page, type PageKind } from './pages.ts';

const FLIPS = 20;
let scratch: Scratch;
let words: readonly string[];
let bytes: Buffer;
let before: string;
let pages: readonly Page[];

beforeAll(async () => {
  scratch = new Scratch();
  const { path, note, signer } = await writePagedLog(scratch.path);
  writeFileSync(scratch.join('kept.note'), note);
  const keys = ['--public-key', signer.verifier.text];
  words = ['verify', scratch.join('copy.db'), '--checkpoint', scratch.join('kept.note'), ...keys];
  bytes = readFileSync(path);
  before = readAll(path);
  pages = listPages(path);
}, 60_000);

afterAll(() => scratch[Symbol.dispose]());

/** Everything that somebody who reads the file as SQL can see of it. */
function readAll(path: string): string {
  const db = new Database(path, { readonly: true });
  try {
    const schema = db.prepare('SELECT * FROM sqlite_schema ORDER BY type, name').all();
    return JSON.stringify(schema) + dumpDatabase(path);
  } finally {
    db.close();
  }
}

/** Of the header every byte, of others some of what a page says of itself, and more of what it holds. */
function listOffsets(kind: PageKind): number[] {
  const of = pages.filter((page) => page.kind === kind);
  if (kind === 'header') {
    return Array.from({ length: 100 }, (_, offset) => offset);
  }
  return Array.from({ length: FLIPS }, (_, index) => {
    const { start, content, end } = of[index % of.length] ?? { start: 0, content: 0, end: 1 };
    const isHead = index % 4 === 0;
    // A prime, so that all parts of a page get their turn.
    return isHead ? start + ((index / 4) % 12) : content + ((index * 7_919) % (end - content));
  });
}

interface Judged {
  readonly status: number;
  readonly stderr: string;
}

async function flip(offset: number, bit: number): Promise<Judged> {
  const flipped = Buffer.from(bytes);
  flipped[offset] = (flipped[offset] ?? 0) ^ (1 << bit);
  writeFileSync(scratch.join('copy.db'), flipped);
  return runWords(words);
}

function isAsBefore(): boolean {
  return readAll(scratch.join('copy.db')) === before;
}

/** 69: of a format that a newer version would write. */
function isRefusal({ status, stderr }: Judged): boolean {
  return [4, 5, 69].includes(status) && /^nsaudit: [^\n]+[.]\n$/.test(stderr);
}

test('a log that nobody touched is verified, and has pages of every kind', async () => {
  writeFileSync(scratch.join('copy.db'), bytes);
  expect(await runWords(words)).toMatchObject({ status: 0 });
  for (const kind of PAGE_KINDS) {
    expect(pages.filter((page) => page.kind === kind).length, kind).toBeGreaterThan(0);
  }
});

describe('one flipped bit is never verified, unless all that can be read is as it was, and gets one clear sentence', () => {
  test.each(PAGE_KINDS)('in a page of the kind: %s', { timeout: 180_000 }, async (kind) => {
    let found = 0;
    for (const [index, offset] of listOffsets(kind).entries()) {
      const judged = await flip(offset, (index * 3) % 8);
      const isVerified = judged.status === 0;
      found += isVerified ? 0 : 1;
      const where = `${kind} at ${offset}: exit ${judged.status}, ${judged.stderr}`;
      expect(isVerified ? isAsBefore() : isRefusal(judged), where).toBe(true);
    }
    // A page that is not used has nothing in it that could be another.
    expect(found > 0).toBe(kind !== 'freelist leaf');
  });
});
