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
import { startEventMix } from './event-mix.ts';
import { measurePairs, median, type BenchRow } from './measure.ts';

const BATCHES = 200;
const BATCH_EVENTS = 100;
const PAIRS = 11;

/** Two rows: the log alone, and the log with the projections in the same tick. */
export async function benchAppend(): Promise<BenchRow[]> {
  return [
    await measureAgainstBare('append', 0.6, false),
    await measureAgainstBare('append with projections', 0.35, true),
  ];
}

async function measureAgainstBare(
  what: string,
  least: number,
  isProjecting: boolean,
): Promise<BenchRow> {
  const ours = (): Promise<number> => inScratch((directory) => append(directory, isProjecting));
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
}

function bare(): Promise<number> {
  return inScratch(insertBare);
}

async function inScratch(work: (directory: string) => number | Promise<number>): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'nsaudit-bench-'));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * Events a second that `write` can take. Each batch is made just before it is written, as in a collector,
 * and the making is not measured.
 */
function measureBatches<Batch>(
  make: (events: AuditEvent[]) => Batch,
  write: (batch: Batch, index: number) => void,
): number {
  const mix = startEventMix();
  let spentMs = 0;
  for (let index = 0; index < BATCHES; index += 1) {
    const batch = make(mix.next(BATCH_EVENTS));
    const fromMs = performance.now();
    write(batch, index);
    spentMs += performance.now() - fromMs;
  }
  return (BATCHES * BATCH_EVENTS * 1_000) / spentMs;
}

async function append(directory: string, isProjecting: boolean): Promise<number> {
  const holder = { pid: process.pid, startedUs: 0, purpose: 'benchmark' };
  const log = await openLog({ stateDirectory: directory, holder, host: 'bench' });
  const projection = await openProjection({ files: log.files, log: log.reader });
  try {
    return measureBatches(
      (events) => events,
      (events, index) => {
        const header = { producer: 'bench', producerSeq: index + 1, atUs: index, wallUs: index };
        const { batchHash } = log.writer.appendBatch(events, header);
        if (isProjecting) {
          projection.apply(events, batchHash);
        }
      },
    );
  } finally {
    projection.close();
    log.close();
  }
}

type BareRow = readonly [number, number, string, number, number, string, Buffer];

function toBareRow(event: AuditEvent): BareRow {
  const stored = toStoredEvent(event);
  const { seq, event: name, version, at, body } = stored;
  return [seq, Math.ceil(seq / BATCH_EVENTS), name, version, at, body, hashLeaf(stored)];
}

function insertBare(directory: string): number {
  const path = join(directory, 'bare.db');
  writeFileSync(path, '');
  const db = openDatabase(path, 'log-writer');
  try {
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
    return measureBatches(
      (events) => events.map(toBareRow),
      (rows) => insertAll.immediate(rows),
    );
  } finally {
    db.close();
  }
}
