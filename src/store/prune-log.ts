/**
 * Removes the beginning of the log, and keeps what answers about later times need of it.
 *
 * Holds:     the one transaction that may delete: it appends log.pruned, takes the triggers away, removes the
 *            segment, keeps the state at the cut and the hashes that the rest continues, puts the triggers back
 *            and compares the schema.
 * Promises:  after a crash at any moment there is the old log or the new one, each of which verifies.
 * Does not:  decide what may be removed (the caller, who has verified the log), or touch read.db, which has to
 *            be built anew. Hash tree nodes stay: they cost 45 bytes for 256 events.
 * Proved by: test/store/prune-log.test.ts, test/store/prune-kill.test.ts, test/projections/pruned.test.ts
 */
import { randomUUID } from 'node:crypto';
import { assert, NsauditError } from '../domain/errors.ts';
import { fromStoredEvent, type EventOf } from '../domain/event.ts';
import { restoreRetained, type RetainedRecord } from '../domain/restore-retained.ts';
import { startRetaining, type Retaining } from '../domain/retained.ts';
import { withDatabaseErrors } from './database-errors.ts';
import { LIST_SCHEMA, type SchemaEntry } from './database-schema.ts';
import type { EventLogReader } from './event-log-reader.ts';
import { createLogWriter } from './event-log-writer.ts';
import { usedBytes, type Segment } from './find-cut.ts';
import { listEdgeLevels } from './log-cut.ts';
import { hashRetained } from './log-hash.ts';
import { rootOf } from './merkle-proof.ts';
import { openDatabase, type DatabaseHandle } from './open-database.ts';

export interface PruneOptions {
  /** Who removed it, for the event. */
  readonly prunedBy: string;
  /** Size of the checkpoint that vouches for the segment; null: none does. */
  readonly witnessedSize: number | null;
  /** CLOCK_REALTIME, epoch microseconds. */
  readonly wallUs: number;
}

export interface PrunedLog {
  /** From this timeline instant on the log still tells everything. */
  readonly knownFromUs: number;
  /** Bytes of the file before and after. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Why the file could not be written anew, which takes as much space again as is left; null: it was. */
  readonly compactError: string | null;
}

/**
 * Removes a segment of a log that has been verified. The caller holds the collector lock, and has no read open.
 *
 * Errors: NsauditError `io` for a full disk or a write error, `integrity` when events cannot be folded:
 * nothing was removed then.
 */
export function pruneLog(
  logPath: string,
  log: EventLogReader,
  segment: Segment,
  options: PruneOptions,
): PrunedLog {
  const retaining = foldSegment(log, segment.lastSeq);
  const records = retaining.records().toSorted(bySqlKey);
  const event = toEvent(log, { segment, retaining, records }, options);
  const edge = Buffer.concat(
    listEdgeLevels(segment.lastSeq).map((level) =>
      log.nodeAt(level, Math.floor(segment.lastSeq / 2 ** level) - 1),
    ),
  );
  const db = openDatabase(logPath, 'log-writer');
  // Looking for events of each deleted batch would read all of them; they are deleted before it.
  withDatabaseErrors(logPath, () => db.pragma('foreign_keys = OFF'));
  const writer = createLogWriter(db);
  try {
    const bytesBefore = usedBytes(db);
    const header = {
      producer: `prune ${randomUUID()}`,
      producerSeq: 1,
      atUs: event.at,
      wallUs: options.wallUs,
    };
    writer.appendBatch([event], header, () =>
      withoutTriggers(db, () => replaceBeginning(db, { segment, records, edge, event })),
    );
    const compactError = compact(db);
    return { knownFromUs: event.before, bytesBefore, bytesAfter: usedBytes(db), compactError };
  } finally {
    writer.close();
  }
}

const PAGE_EVENTS = 1_000;

function foldSegment(log: EventLogReader, lastSeq: number): Retaining {
  const kept = log.readRetained();
  const retaining = startRetaining(kept.length === 0 ? undefined : restoreRetained(kept));
  while (retaining.known.position < lastSeq) {
    const { position } = retaining.known;
    const limit = Math.min(PAGE_EVENTS, lastSeq - position);
    const page = log.readEvents({ after: position, limit });
    assert(page.length > 0, `event ${position + 1} is missing`);
    page.forEach((stored) => retaining.fold(fromStoredEvent(stored)));
  }
  return retaining;
}

interface Folded {
  readonly segment: Segment;
  readonly retaining: Retaining;
  readonly records: readonly RetainedRecord[];
}

function toEvent(
  log: EventLogReader,
  { segment, retaining, records }: Folded,
  { prunedBy, witnessedSize }: PruneOptions,
): EventOf<'log.pruned'> {
  const head = log.head();
  return {
    event: 'log.pruned',
    version: 1,
    seq: head.position + 1,
    at: head.lastAtUs,
    firstSeq: segment.firstSeq,
    lastSeq: segment.lastSeq,
    before: retaining.knownFromUs(),
    prunedBy,
    root: rootOf(log.nodeAt, segment.lastSeq).toString('base64'),
    lastBatch: segment.lastBatch,
    batchHash: segment.batchHash.toString('base64'),
    retained: hashRetained(records).toString('base64'),
    witnessedSize,
  };
}

/** The order in which SQLite gives rows of `retained`: by the bytes of the kind, then by id. */
function bySqlKey(left: RetainedRecord, right: RetainedRecord): number {
  return left.record === right.record
    ? left.id - right.id
    : Buffer.compare(Buffer.from(left.record), Buffer.from(right.record));
}

/** Inside a transaction of the caller, which must be taken back when this throws. */
function withoutTriggers(db: DatabaseHandle, work: () => void): void {
  const select = db.prepare<[], SchemaEntry>(LIST_SCHEMA);
  const before = select.all();
  const triggers = before.filter(({ type }) => type === 'trigger');
  triggers.forEach(({ name }) => db.exec(`DROP TRIGGER "${name}"`));
  work();
  triggers.forEach(({ sql }) => db.exec(sql ?? ''));
  const isSame = JSON.stringify(select.all()) === JSON.stringify(before);
  assert(isSame, `the schema of ${db.name} is not what it was before events were removed`);
}

interface Beginning {
  readonly segment: Segment;
  readonly records: readonly RetainedRecord[];
  readonly edge: Buffer;
  readonly event: EventOf<'log.pruned'>;
}

function replaceBeginning(db: DatabaseHandle, { segment, records, edge, event }: Beginning): void {
  const { lastSeq, lastBatch, batchHash } = segment;
  const lastAtUs = db
    .prepare<[number], number>('SELECT at_us FROM event WHERE seq = ?')
    .pluck()
    .get(lastSeq);
  db.prepare('DELETE FROM event WHERE seq <= ?').run(lastSeq);
  db.prepare('DELETE FROM batch WHERE batch <= ?').run(lastBatch);
  db.exec('DELETE FROM retained');
  const insert = db.prepare('INSERT INTO retained (record, id, body) VALUES (?, ?, ?)');
  records.forEach(({ record, id, body }) => insert.run(record, id, body));
  db.prepare(
    `INSERT OR REPLACE INTO pruned
       (id, last_seq, last_batch, batch_hash, last_at_us, edge, event_seq)
     VALUES (1, ?, ?, ?, ?, ?, ?)`,
  ).run(lastSeq, lastBatch, batchHash, lastAtUs, edge, event.seq);
}

/** Writes the file anew, so that nothing of what was removed is left in pages that are not used. */
function compact(db: DatabaseHandle): string | null {
  try {
    withDatabaseErrors(db.name, () => db.exec('VACUUM'));
    return null;
  } catch (error) {
    if (error instanceof NsauditError) {
      return error.message;
    }
    throw error;
  }
}
