/**
 * Appending to the log against bare inserts of the same rows with the same durability: same columns, one
 * transaction for each batch, synchronous=FULL, but no triggers, no checks, no hashes and no chain.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toStoredEvent, type AuditEvent } from '../../src/domain/event.ts';
import { openProjection } from '../../src/projections/project.ts';
import { hashLeaf } from '../../src/store/log-hash.ts';
import { openDatabase } from '../../src/store/open-database.ts';
import { openRowCopier } from './copy-rows.ts';
import { startEventMix } from './event-mix.ts';
import { inScratch, withLog } from './fill-log.ts';
import { measurePairs, median, type BenchRow } from './measure.ts';

const BATCHES = 200;
const BATCH_EVENTS = 100;
const PAIRS = 11;

interface Comparison {
  readonly what: string;
  readonly reference: string;
  readonly isProjecting: boolean;
  readonly bare?: BareOptions;
  readonly least: number | null;
}

interface BareOptions {
  /** Makes the text of each body, as any writer of events must; otherwise rows are ready made. */
  readonly isMaking?: boolean;
  /** A read.db to copy what each batch introduced from. */
  readonly readPath?: string;
}

/** The log alone, and the log with the projections in the same tick. */
export function benchAppend(): Promise<BenchRow[]> {
  return inScratch(async (recorded) => {
    await append(recorded, true);
    const [alone, projecting] = ['append', 'append with projections'];
    const ready = 'bare FULL inserts of the same rows';
    return [
      await measure({ what: alone, reference: ready, isProjecting: false, least: 0.6 }),
      await measure({ what: projecting, reference: ready, isProjecting: true, least: 0.35 }),
      await measure({
        what: alone,
        reference: 'bare FULL inserts that also make the JSON of each body',
        isProjecting: false,
        bare: { isMaking: true },
        least: null,
      }),
      await measure({
        what: projecting,
        reference: 'bare FULL inserts, and a copy of the new rows of read.db inside SQLite',
        isProjecting: true,
        bare: { readPath: join(recorded, 'read.db') },
        least: null,
      }),
    ];
  });
}

async function measure({
  what,
  reference,
  isProjecting,
  bare = {},
  least,
}: Comparison): Promise<BenchRow> {
  const pairs = await measurePairs(
    PAIRS,
    () => inScratch((directory) => append(directory, isProjecting)),
    () => inScratch((directory) => insertBare(directory, bare)),
  );
  return {
    what: `${what}, batches of ${BATCH_EVENTS}`,
    reference,
    ours: median(pairs.map(({ ours }) => ours)),
    theirs: median(pairs.map(({ theirs }) => theirs)),
    unit: 'events/s',
    ratio: median(pairs.map(({ ours, theirs }) => ours / theirs)),
    budget: least === null ? null : { bound: 'at-least', ratio: least },
  };
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

function append(directory: string, isProjecting: boolean): Promise<number> {
  return withLog(directory, async (log) => {
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
    }
  });
}

interface BareRow {
  readonly event: AuditEvent;
  readonly batch: number;
  readonly body: string;
  /** What `body` is the JSON of. */
  readonly fields: unknown;
  readonly leaf: Buffer;
}

function toBareRow(event: AuditEvent): BareRow {
  const stored = toStoredEvent(event);
  const { body } = stored;
  const batch = Math.ceil(event.seq / BATCH_EVENTS);
  return { event, batch, body, fields: JSON.parse(body), leaf: hashLeaf(stored) };
}

async function insertBare(
  directory: string,
  { isMaking = false, readPath }: BareOptions,
): Promise<number> {
  const path = join(directory, 'bare.db');
  writeFileSync(path, '');
  const db = openDatabase(path, 'log-writer');
  const copier =
    readPath === undefined ? null : await openRowCopier(readPath, join(directory, 'read.db'));
  try {
    db.exec(
      `CREATE TABLE event (seq INTEGER PRIMARY KEY, batch INTEGER NOT NULL, event TEXT NOT NULL,
         version INTEGER NOT NULL, at_us INTEGER NOT NULL, body TEXT NOT NULL, leaf BLOB NOT NULL) STRICT`,
    );
    const insert = db.prepare(
      'INSERT INTO event (seq, batch, event, version, at_us, body, leaf) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    const insertAll = db.transaction((rows: readonly BareRow[]) => {
      for (const { event, batch, body, fields, leaf } of rows) {
        const { seq, event: name, version, at } = event;
        insert.run(seq, batch, name, version, at, isMaking ? JSON.stringify(fields) : body, leaf);
      }
    });
    return measureBatches(
      (events) => events.map(toBareRow),
      (rows, index) => {
        insertAll.immediate(rows);
        copier?.copy(index * BATCH_EVENTS, (index + 1) * BATCH_EVENTS);
      },
    );
  } finally {
    copier?.close();
    db.close();
  }
}
