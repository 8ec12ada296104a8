/**
 * Reads the event log, also while a writer writes.
 *
 * Holds:     one read-only connection.
 * Promises:  what it returns was committed; no read stays open between two calls, so the writer can always
 *            give the space of its write-ahead log back.
 * Does not:  check hashes (verify-log.ts) or know what an event means.
 * Proved by: test/store/event-log-reader.test.ts
 */
import { NsauditError } from '../domain/errors.ts';
import type { StoredEvent } from '../domain/event.ts';
import { withDatabaseErrors } from './database-errors.ts';
import { requireKnownVersion } from './database-file.ts';
import { LOG_FORMAT } from './database-format.ts';
import { LIST_SCHEMA, type BatchRow, type MetaRow, type SchemaEntry } from './database-schema.ts';
import { createCutReader, type CutReader } from './log-cut.ts';
import { prepareHead, readMetaHash, type LogHead } from './log-head.ts';
import { createLogTreeReader, type LogTreeReader } from './log-tree-reader.ts';
import { openDatabase, type DatabaseHandle } from './open-database.ts';
import { requireStateDirectory } from './state-directory.ts';
import { prepareLeaves, type StoredLeaf } from './stored-leaf.ts';

/** A batch with every event that is stored from its first seq to its last. */
export interface StoredBatch {
  readonly row: BatchRow;
  readonly events: readonly StoredLeaf[];
}

export interface EventLogReader extends LogTreeReader, CutReader {
  /** UUID of this log, made when it was. */
  readonly logId: string;
  /** Name of the host that the log is about. */
  readonly host: string;
  head(): LogHead;
  /** At most `limit` events with a seq greater than `after`, in order; fromStoredEvent reads them. */
  readEvents(page: { after: number; limit: number }): StoredEvent[];
  /** seq of the first event at or after a timeline instant; head + 1 when there is none. */
  findSeqAt(atUs: number): number;
  /** Hash of the batch that this event is in; undefined when there is no such event. */
  findBatchHash(seq: number): Buffer | undefined;
  /** Batches with a number greater than `after`, in order, about `eventLimit` events in all and at least one batch. */
  readBatches(page: { after: number; eventLimit: number }): StoredBatch[];
  /** seq of the first stored event, whether or not a batch claims it; 1 when there is none. */
  firstSeq(): number;
  /** The same of the last one; 0 when there is none. */
  lastSeq(): number;
  /** Number of the last batch; 0 when there is none. */
  lastBatch(): number;
  /** What the first batch continues. */
  metaHash(): Buffer;
  /** Tables, indexes, triggers and views, also those that SQLite makes by itself. */
  readSchema(): SchemaEntry[];
  close(): void;
}

/**
 * Opens the log of a state directory.
 *
 * Errors: NsauditError, as requireStateDirectory and openDatabase say.
 */
export function openLogReader(stateDirectory: string): EventLogReader {
  return openLogFile(requireStateDirectory(stateDirectory).logPath);
}

/**
 * Opens a log file that need not be in a state directory, such as a backup.
 *
 * Errors: as openDatabase says; NsauditError `unavailable` when it is of a newer version.
 */
export function openLogFile(logPath: string): EventLogReader {
  const db = openDatabase(logPath, 'reader');
  try {
    return withDatabaseErrors(logPath, () => {
      requireKnownVersion(logPath, Number(db.pragma('user_version', { simple: true })), LOG_FORMAT);
      return createReader(db);
    });
  } catch (error) {
    db.close();
    throw error;
  }
}

function createReader(db: DatabaseHandle): EventLogReader {
  const guard = <Result>(action: () => Result): Result => withDatabaseErrors(db.name, action);
  const statements = prepareStatements(db);
  const { readHead } = statements;
  return {
    logId: requireMeta(db, 'log_id'),
    host: requireMeta(db, 'host'),
    head: () => guard(readHead),
    readEvents: ({ after, limit }) =>
      guard(() => statements.selectEvents.all(after, limit).map(toStored)),
    findSeqAt: (atUs) => guard(() => findSeqAt(statements, atUs)),
    findBatchHash: (seq) => guard(() => statements.selectBatchHash.get(seq)),
    readBatches: ({ after, eventLimit }) =>
      guard(() => db.transaction(() => readBatches(statements, after, eventLimit))()),
    firstSeq: () => guard(() => statements.selectFirstSeq.get() ?? 1),
    lastSeq: () => guard(() => statements.selectLastSeq.get() ?? 0),
    lastBatch: () => guard(() => statements.selectLastBatch.get() ?? 0),
    metaHash: () => guard(() => readMetaHash(db)),
    readSchema: () => guard(() => statements.selectSchema.all()),
    ...createLogTreeReader(db, guard),
    ...createCutReader(db, guard),
    close: () => {
      db.close();
    },
  };
}

type EventColumns = [seq: number, event: string, version: number, atUs: number, body: string];
type Statements = ReturnType<typeof prepareStatements>;

function prepareStatements(db: DatabaseHandle) {
  return {
    readHead: prepareHead(db),
    // Arrays: an object for each row takes the driver half as long again.
    selectEvents: db
      .prepare<[number, number], EventColumns>(
        'SELECT seq, event, version, at_us, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?',
      )
      .raw(),
    selectAt: db.prepare<[number], number>('SELECT at_us FROM event WHERE seq = ?').pluck(),
    selectFirstSeq: db.prepare<[], number | null>('SELECT min(seq) FROM event').pluck(),
    selectLastSeq: db.prepare<[], number | null>('SELECT max(seq) FROM event').pluck(),
    selectLastBatch: db.prepare<[], number | null>('SELECT max(batch) FROM batch').pluck(),
    selectBatchHash: db
      .prepare<[number], Buffer>(
        'SELECT batch.hash FROM event JOIN batch ON batch.batch = event.batch WHERE event.seq = ?',
      )
      .pluck(),
    selectBatches: db.prepare<[number], BatchRow>(
      `SELECT batch, producer, producer_seq, first_seq, event_count, at_us, wall_us, prev_hash, hash
       FROM batch WHERE batch > ? ORDER BY batch`,
    ),
    readLeafRows: prepareLeaves(db),
    selectSchema: db.prepare<[], SchemaEntry>(LIST_SCHEMA),
  };
}

function toStored([seq, event, version, at, body]: EventColumns): StoredEvent {
  return { seq, event, version, at, body };
}

function requireMeta(db: DatabaseHandle, key: MetaRow['key']): string {
  const value = db
    .prepare<[string], string>('SELECT value FROM meta WHERE key = ?')
    .pluck()
    .get(key);
  if (value === undefined) {
    throw new NsauditError(
      'integrity',
      `${db.name} does not say its ${key}; restore a backup, or move it away to begin a new record.`,
    );
  }
  return value;
}

/** Events are in timeline order, so halving the range finds the first one that is not too early. */
function findSeqAt(statements: Statements, atUs: number): number {
  let first = statements.selectFirstSeq.get() ?? 1;
  let end = (statements.selectLastSeq.get() ?? 0) + 1;
  while (first < end) {
    const middle = Math.floor((first + end) / 2);
    const middleUs = statements.selectAt.get(middle);
    if (middleUs === undefined || middleUs < atUs) {
      first = middle + 1;
    } else {
      end = middle;
    }
  }
  return first;
}

/** Batches are stepped through: how many of them the page takes is known only when their sizes are. */
function readBatches(statements: Statements, after: number, eventLimit: number): StoredBatch[] {
  const found: StoredBatch[] = [];
  let remaining = eventLimit;
  for (const row of statements.selectBatches.iterate(after)) {
    if (found.length > 0 && row.event_count > remaining) {
      break;
    }
    remaining -= row.event_count;
    const lastSeq = row.first_seq + row.event_count - 1;
    const events = statements.readLeafRows(row.first_seq, lastSeq, row.event_count);
    found.push({ row, events });
  }
  return found;
}
