/**
 * Appending to the log against bare inserts of the same rows with the same durability: same columns, one
 * transaction for each batch, synchronous=FULL, but no triggers, no checks, no hashes and no chain.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toStoredEvent, type AuditEvent } from '../../src/domain/event.ts';
import { openProjection } from '../../src/projections/project.ts';
import { hashLeaf } from '../../src/store/log-hash.ts';
import { openDatabase } from '../../src/store/open-database.ts';
import { openLog } from '../../src/store/open-log.ts';
import { makeEventMix } from './event-mix.ts';
import { measurePairs, median, type BenchRow } from './measure.ts';

const EVENTS = 20_000;
const BATCH_EVENTS = 100;
const PAIRS = 11;

/** Two rows: the log alone, and the log with the projections in the same tick. */
export async function benchAppend(): Promise<BenchRow[]> {
  const batches = cut(makeEventMix(EVENTS));
  const rows = toBareRows(batches);
  const bare = (): Promise<number> => inScratch((directory) => insertBare(directory, rows));
  const measure = async (what: string, least: number, isProjecting: boolean): Promise<BenchRow> => {
    const ours = (): Promise<number> =>
      inScratch((directory) => append(directory, batches, isProjecting));
    const pairs = await measurePairs(PAIRS, ours, bare);
    return {
      what: `${what}, batches of ${BATCH_EVENTS}`,
      reference: 'bare FULL inserts of the same rows',
      ours: median(pairs.map((pair) => pair.ours)),
      theirs: median(pairs.map((pair) => pair.theirs)),
      unit: 'events/s',
      ratio: median(pairs.map((pair) => pair.ours / pair.theirs)),
      budget: { bound: 'at-least', ratio: least },
    };
  };
  return [
    await measure('append', 0.6, false),
    await measure('append with projections', 0.35, true),
  ];
}

function cut(events: readonly AuditEvent[]): AuditEvent[][] {
  const batches: AuditEvent[][] = [];
  for (let from = 0; from < events.length; from += BATCH_EVENTS) {
    batches.push(events.slice(from, from + BATCH_EVENTS));
  }
  return batches;
}

async function inScratch(work: (directory: string) => number | Promise<number>): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'nsaudit-bench-'));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function toRate(events: number, fromMs: number): number {
  return (events * 1_000) / (performance.now() - fromMs);
}

async function append(
  directory: string,
  batches: readonly AuditEvent[][],
  isProjecting: boolean,
): Promise<number> {
  const holder = { pid: process.pid, startedUs: 0, purpose: 'benchmark' };
  const log = await openLog({ stateDirectory: directory, holder, host: 'bench' });
  const projection = await openProjection({ files: log.files, log: log.reader });
  const fromMs = performance.now();
  batches.forEach((events, index) => {
    const header = { producer: 'bench', producerSeq: index + 1, atUs: index, wallUs: index };
    const { batchHash } = log.writer.appendBatch(events, header);
    if (isProjecting) {
      projection.apply(events, batchHash);
    }
  });
  const rate = toRate(log.writer.head().position, fromMs);
  projection.close();
  log.close();
  return rate;
}

type BareRow = readonly [number, number, string, number, number, string, Buffer];

function toBareRows(batches: readonly AuditEvent[][]): BareRow[][] {
  return batches.map((events, batch) =>
    events.map(toStoredEvent).map((stored) => {
      const { seq, event, version, at, body } = stored;
      return [seq, batch, event, version, at, body, hashLeaf(stored)];
    }),
  );
}

function insertBare(directory: string, batches: readonly BareRow[][]): number {
  const path = join(directory, 'bare.db');
  writeFileSync(path, '');
  const db = openDatabase(path, 'log-writer');
  db.exec(
    `CREATE TABLE event (seq INTEGER PRIMARY KEY, batch INTEGER NOT NULL, event TEXT NOT NULL,
       version INTEGER NOT NULL, at_us INTEGER NOT NULL, body TEXT NOT NULL, leaf BLOB NOT NULL) STRICT`,
  );
  const insert = db.prepare(
    'INSERT INTO event (seq, batch, event, version, at_us, body, leaf) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const insertAll = db.transaction((rows: readonly BareRow[]) => {
    for (const row of rows) {
      insert.run(...row);
    }
  });
  const fromMs = performance.now();
  let count = 0;
  for (const rows of batches) {
    insertAll.immediate(rows);
    count += rows.length;
  }
  const rate = toRate(count, fromMs);
  db.close();
  return rate;
}
