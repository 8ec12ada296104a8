/**
 * Appends batches to the event log, the append-only record that everything else is folded from.
 *
 * Holds:     one writing connection and the statements it uses for every batch.
 * Promises:  a batch is durable and whole once `appendBatch` returns (one transaction, WAL,
 *            synchronous=FULL). A crash loses at most the batch in progress, never a part of one.
 *            Appending the same batch of the same producer again changes nothing.
 * Does not:  decide what is an event (domain), nor keep other writers out (collector-lock.ts); the
 *            triggers of the schema refuse what does not follow the head.
 * Proved by: test/store/event-log-writer.test.ts, test/store/kill.test.ts
 */
import { assert, InvariantError, NsauditError } from '../domain/errors.ts';
import { toStoredEvent, type AuditEvent, type StoredEvent } from '../domain/event.ts';
import { withDatabaseErrors } from './database-errors.ts';
import type { BatchRow } from './database-schema.ts';
import { HASH_BYTES, hashBatch, hashLeaves, type BatchHeaderRow } from './log-hash.ts';
import { prepareHead, type LogHead } from './log-head.ts';
import { openLogTree } from './log-tree.ts';
import type { MerkleFrontier, TreeHead } from './merkle-tree.ts';
import { closeWriter, emptyWal, openDatabase, type DatabaseHandle } from './open-database.ts';

export interface BatchHeader {
  /** The run of the collector: unique for ever. */
  readonly producer: string;
  /** The run's own counter, from 1. */
  readonly producerSeq: number;
  /** Host timeline, microseconds. */
  readonly atUs: number;
  /** CLOCK_REALTIME when the batch was made, epoch microseconds. */
  readonly wallUs: number;
}

export interface AppendedBatch {
  /** seq of the batch's last event. */
  readonly position: number;
  readonly batchHash: Buffer;
}

export interface EventLogWriter {
  head(): LogHead;
  /** Root of the tree over all events (RFC 6962). */
  treeHead(): TreeHead;
  /**
   * Appends events that follow the head without a hole, in timeline order.
   *
   * Errors: NsauditError `integrity` when the producer has already appended other events under this
   * number, `io` for a full disk or a write error, `busy` when somebody else writes; InvariantError for
   * events that do not follow the head. Nothing is appended then.
   */
  appendBatch(
    events: readonly AuditEvent[],
    header: BatchHeader,
    /** Runs in the same transaction, when the batch is in it: what it throws takes the batch back too. */
    beforeCommit?: () => void,
  ): AppendedBatch;
  /** Empties the `-wal` as far as readers let it. Errors: NsauditError `io`. */
  emptyWal(): void;
  /** Leaves the `-wal` and `-shm` files in place for readers of another user. */
  close(): void;
}

/** Opens an existing log.db whose end has been checked; the caller holds the collector lock (open-log.ts). */
export function openLogWriter(logPath: string): EventLogWriter {
  return createLogWriter(openDatabase(logPath, 'log-writer'));
}

/** The same over a connection of the caller; closing the writer closes it. */
export function createLogWriter(db: DatabaseHandle): EventLogWriter {
  const logPath = db.name;
  try {
    const statements = withDatabaseErrors(logPath, () => prepareStatements(db));
    // The head as the last append left it. Wrong only if somebody else wrote, and that the triggers refuse.
    let lastHead: LogHead | null = null;
    let lastFrontier: MerkleFrontier | null = withDatabaseErrors(logPath, () =>
      db.transaction(() => restoreFrontier(statements)).immediate(),
    );
    return {
      head: () => withDatabaseErrors(logPath, statements.readHead),
      treeHead: () =>
        withDatabaseErrors(logPath, () => {
          lastFrontier ??= db.transaction(() => restoreFrontier(statements)).immediate();
          return lastFrontier.head();
        }),
      appendBatch: (events, header, beforeCommit) =>
        withDatabaseErrors(logPath, () => {
          const [head, frontier] = [lastHead, lastFrontier];
          lastHead = null;
          lastFrontier = null;
          const appended = appendBatch(db, statements, {
            events,
            header,
            head,
            frontier,
            beforeCommit,
          });
          ({ head: lastHead, frontier: lastFrontier } = appended);
          return { position: appended.position, batchHash: appended.batchHash };
        }),
      emptyWal: () => withDatabaseErrors(logPath, () => emptyWal(db)),
      close: () => withDatabaseErrors(logPath, () => closeWriter(db)),
    };
  } catch (error) {
    db.close();
    throw error;
  }
}

interface Offer {
  readonly events: readonly AuditEvent[];
  readonly header: BatchHeader;
  /** Null: to be read. */
  readonly head: LogHead | null;
  readonly frontier: MerkleFrontier | null;
  readonly beforeCommit: (() => void) | undefined;
}

interface Outcome extends AppendedBatch {
  /** The head of the log now, unless it was left as it was. */
  readonly head: LogHead | null;
  readonly frontier: MerkleFrontier | null;
}

type Statements = ReturnType<typeof prepareStatements>;

function prepareStatements(db: DatabaseHandle) {
  return {
    begin: db.prepare('BEGIN IMMEDIATE'),
    commit: db.prepare('COMMIT'),
    rollback: db.prepare('ROLLBACK'),
    readHead: prepareHead(db),
    tree: openLogTree(db),
    findBatch: db.prepare<[string, number], BatchRow>(
      `SELECT batch, producer, producer_seq, first_seq, event_count, at_us, wall_us, prev_hash, hash
       FROM batch WHERE producer = ? AND producer_seq = ?`,
    ),
    insertBatch: db.prepare(
      `INSERT INTO batch (batch, producer, producer_seq, first_seq, event_count, at_us, wall_us, prev_hash, hash)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    insertEvent: db.prepare(toInsertEvents(1)),
    insertEvents: db.prepare(toInsertEvents(EVENTS_AT_ONCE)),
    insertNode: db.prepare('INSERT INTO tree_node (level, position, hash) VALUES (?, ?, ?)'),
  };
}

/** The frontier of what is stored; writes the nodes that a log of the first format lacks. */
function restoreFrontier({ tree, readHead, insertNode }: Statements): MerkleFrontier {
  return tree.restore(readHead().position, ({ level, position, hash }) =>
    insertNode.run(level, position, hash),
  );
}

function appendBatch(db: DatabaseHandle, statements: Statements, offer: Offer): Outcome {
  assert(offer.events.length > 0, 'a batch has at least one event');
  const events = offer.events.map(toStoredEvent);
  const batch = { events, leaves: hashLeaves(events), header: offer.header };
  statements.begin.run();
  try {
    const { producer, producerSeq } = offer.header;
    const earlier = statements.findBatch.get(producer, producerSeq);
    const appended = earlier
      ? acceptRepetition(db, earlier, batch)
      : insert(statements, batch, offer);
    offer.beforeCommit?.();
    statements.commit.run();
    return appended;
  } catch (error) {
    // SQLite has already rolled back after a full disk or a write error.
    if (db.inTransaction) {
      statements.rollback.run();
    }
    throw error;
  }
}

interface HashedBatch {
  readonly events: readonly StoredEvent[];
  /** One after the other. */
  readonly leaves: Buffer;
  readonly header: BatchHeader;
}

function insert(
  statements: Statements,
  { events, leaves, header }: HashedBatch,
  offer: Offer,
): Outcome {
  const head = offer.head ?? statements.readHead();
  const frontier = offer.frontier ?? restoreFrontier(statements);
  const lastAtUs = checkOrder(events, head);
  const batch: BatchHeaderRow = {
    batch: head.batch + 1,
    producer: header.producer,
    producer_seq: header.producerSeq,
    first_seq: head.position + 1,
    event_count: events.length,
    at_us: header.atUs,
    wall_us: header.wallUs,
    prev_hash: head.batchHash,
  };
  const batchHash = hashBatch(batch, leaves);
  statements.insertBatch.run(
    batch.batch,
    batch.producer,
    batch.producer_seq,
    batch.first_seq,
    batch.event_count,
    batch.at_us,
    batch.wall_us,
    batch.prev_hash,
    batchHash,
  );
  insertEvents(statements, batch.batch, { events, leaves });
  frontier.append(leaves, (level, index, node) => statements.insertNode.run(level, index, node));
  const position = head.position + events.length;
  const newHead = { position, batch: batch.batch, batchHash, lastAtUs };
  return { position, batchHash, head: newHead, frontier };
}

/** A row takes a third less when a statement inserts several. */
const EVENTS_AT_ONCE = 16;

const EVENT_COLUMNS = ['seq', 'batch', 'event', 'version', 'at_us', 'body', 'leaf'] as const;

function toInsertEvents(count: number): string {
  const row = `(${EVENT_COLUMNS.map(() => '?').join(', ')})`;
  const rows = Array.from({ length: count }, () => row).join(', ');
  return `INSERT INTO event (${EVENT_COLUMNS.join(', ')}) VALUES ${rows}`;
}

function insertEvents(
  { insertEvent, insertEvents: insertSome }: Statements,
  batch: number,
  { events, leaves }: Pick<HashedBatch, 'events' | 'leaves'>,
): void {
  let values: (number | string | Buffer)[] = [];
  let offset = 0;
  for (const { seq, event, version, at, body } of events) {
    const leaf = leaves.subarray(offset, (offset += HASH_BYTES));
    values.push(seq, batch, event, version, at, body, leaf);
    if (values.length === EVENTS_AT_ONCE * EVENT_COLUMNS.length) {
      insertSome.run(...values);
      values = [];
    }
  }
  for (let first = 0; first < values.length; first += EVENT_COLUMNS.length) {
    insertEvent.run(...values.slice(first, first + EVENT_COLUMNS.length));
  }
}

/** Returns the instant of the last event. Errors: InvariantError. */
function checkOrder(events: readonly StoredEvent[], head: LogHead): number {
  let { position, lastAtUs } = head;
  for (const { seq, at } of events) {
    position += 1;
    if (seq !== position) {
      throw new InvariantError(`event ${seq} does not follow event ${position - 1}`);
    }
    if (at < lastAtUs) {
      throw new InvariantError(`event ${seq} is at ${at}, before the event that it follows`);
    }
    lastAtUs = at;
  }
  return lastAtUs;
}

/** The hash of the earlier batch tells whether everything in it is the same. */
function acceptRepetition(
  db: DatabaseHandle,
  earlier: BatchRow,
  { events, leaves, header }: HashedBatch,
): Outcome {
  const repeated: BatchHeaderRow = {
    ...earlier,
    event_count: events.length,
    at_us: header.atUs,
    wall_us: header.wallUs,
  };
  if (!hashBatch(repeated, leaves).equals(earlier.hash)) {
    throw new NsauditError(
      'integrity',
      `${db.name} already holds another batch ${header.producerSeq} of producer ${header.producer}; two collectors share one name, so stop both.`,
    );
  }
  const position = earlier.first_seq + earlier.event_count - 1;
  return { position, batchHash: earlier.hash, head: null, frontier: null };
}
