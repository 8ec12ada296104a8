/** A log that has every kind of page that a SQLite file can have, and where each of them is. */
import { readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { Signer } from '../../src/store/signed-note.ts';
import { openScribe } from './checkpoints.ts';

export const PAGE_KINDS = [
  'header',
  'schema interior',
  'schema leaf',
  'table interior',
  'table leaf',
  'index interior',
  'index leaf',
  'overflow',
  'freelist trunk',
  'freelist leaf',
] as const;
export type PageKind = (typeof PAGE_KINDS)[number];

export interface Page {
  readonly kind: PageKind;
  /** Bytes of the file: what the page says of itself first, then, from `content` on, what it holds. */
  readonly start: number;
  readonly content: number;
  readonly end: number;
}

export interface PagedLog {
  readonly path: string;
  readonly note: string;
  readonly signer: Signer;
}

/** Written by the real store, without side files, so that the bytes of one file are all there is. */
export async function writePagedLog(directory: string): Promise<PagedLog> {
  const scribe = await openScribe(directory);
  for (let batch = 0; batch < 460; batch += 1) {
    scribe.write(1);
    // Longer than a page now and then: it overflows.
    const reason = batch % 60 === 0 ? 'x'.repeat(6_000) : 'test';
    scribe.publish({ change: { failed: [{ target: 'x', reason }] } });
  }
  const note = scribe.publish();
  scribe.log.close();
  const path = `${directory}/log.db`;
  const db = new Database(path);
  db.pragma('journal_mode = DELETE');
  // As a pruning leaves it that finds no room to write the file anew.
  db.exec(`CREATE TABLE removed (body TEXT);
    INSERT INTO removed SELECT hex(randomblob(900)) FROM event LIMIT 40; DROP TABLE removed`);
  db.close();
  return { path, note, signer: scribe.signer };
}

/** The bytes of the header in which SQLite describes the file. Source: sqlite.org/fileformat2.html section 1.3. */
const HEADER_BYTES = 100;
const FIRST_TRUNK_OFFSET = 32;

/** B-tree pages by their first byte. Source: sqlite.org/fileformat2.html section 1.6. */
const BY_TYPE: Readonly<Record<number, PageKind>> = {
  2: 'index interior',
  5: 'table interior',
  10: 'index leaf',
  13: 'table leaf',
};

export function listPages(path: string): Page[] {
  const bytes = readFileSync(path);
  return [
    { kind: 'header', start: 0, content: 0, end: HEADER_BYTES },
    ...listUsedPages(path, bytes),
    ...listFreePages(bytes),
  ];
}

function listUsedPages(path: string, bytes: Buffer): Page[] {
  const db = new Database(path, { readonly: true });
  const rows = db
    .prepare<[], { name: string; kind: string; offset: number; size: number; payload: number }>(
      'SELECT name, pagetype AS kind, pgoffset AS offset, pgsize AS size, payload FROM dbstat',
    )
    .all();
  db.close();
  return rows.map(({ name, kind, offset, size, payload }) => {
    if (kind === 'overflow') {
      // The number of the next page, and a part of a body.
      return { kind, start: offset, content: offset + 4, end: offset + 4 + payload };
    }
    const start = offset === 0 ? HEADER_BYTES : offset;
    const type = BY_TYPE[bytes[start] ?? 0];
    if (type === undefined) {
      throw new Error(`the page at ${offset} is of none of the types that there are`);
    }
    const schema = type === 'table leaf' ? 'schema leaf' : 'schema interior';
    const content = offset + bytes.readUInt16BE(start + 5);
    return {
      kind: name === 'sqlite_schema' ? schema : type,
      start,
      content,
      end: offset + size,
    };
  });
}

/** Trunks are a list, each with the numbers of the pages that are not used. Source: section 1.5. */
function listFreePages(bytes: Buffer): Page[] {
  const pageBytes = bytes.readUInt16BE(16);
  const found: Page[] = [];
  let trunk = bytes.readUInt32BE(FIRST_TRUNK_OFFSET);
  while (trunk !== 0) {
    const start = (trunk - 1) * pageBytes;
    const count = bytes.readUInt32BE(start + 4);
    found.push({ kind: 'freelist trunk', start, content: start, end: start + 8 + count * 4 });
    for (let index = 0; index < count; index += 1) {
      const leaf = (bytes.readUInt32BE(start + 8 + index * 4) - 1) * pageBytes;
      found.push({ kind: 'freelist leaf', start: leaf, content: leaf, end: leaf + pageBytes });
    }
    trunk = bytes.readUInt32BE(start);
  }
  return found;
}
