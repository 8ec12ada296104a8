/**
 * Where the log may be cut: between two batches, whichever they are. A segment is what lies before the cut,
 * whole batches from the first stored one on; the hash tree goes on over it by the hashes that are kept.
 */
import type { BatchRow } from './database-schema.ts';
import type { DatabaseHandle } from './open-database.ts';

/** The end of a segment, and how much it is. */
export interface Segment {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly lastBatch: number;
  readonly batchHash: Buffer;
  readonly events: number;
  readonly batches: number;
  /** Wall time at which its last batch was appended, epoch microseconds. */
  readonly appendedByUs: number;
}

export interface CutRequest {
  /** Removes what was appended before this wall time, epoch microseconds. */
  readonly beforeWallUs?: number | undefined;
  /** Removes what lies before this event. */
  readonly beforeSeq?: number | undefined;
  /** Removes the oldest batches until about so much is left. */
  readonly sizeBytes?: number | undefined;
}

/**
 * The largest segment that any part of the request covers; null when that is not even one batch. The last
 * batch always stays: it says where the log is.
 */
export function findSegment(db: DatabaseHandle, request: CutRequest): Segment | null {
  const { beforeWallUs, beforeSeq, sizeBytes } = request;
  const first = selectEdge(db, 'ASC');
  const last = selectEdge(db, 'DESC');
  if (first === undefined || last === undefined) {
    return null;
  }
  const wanted = Math.max(
    beforeWallUs === undefined ? 0 : lastBatchBeforeWall(db, beforeWallUs, last.batch),
    beforeSeq === undefined ? 0 : lastBatchBeforeSeq(db, beforeSeq, last.batch),
    sizeBytes === undefined ? 0 : lastBatchBeyondSize(db, sizeBytes),
  );
  const end = selectBatch(db, Math.min(wanted, last.batch - 1));
  if (end === undefined) {
    return null;
  }
  const lastSeq = end.first_seq + end.event_count - 1;
  return {
    firstSeq: first.first_seq,
    lastSeq,
    lastBatch: end.batch,
    batchHash: end.hash,
    events: lastSeq - first.first_seq + 1,
    batches: end.batch - first.batch + 1,
    appendedByUs: end.wall_us,
  };
}

/** seq of the event with which the newest boot began; undefined when none is stored. */
export function findBootSeq(db: DatabaseHandle): number | undefined {
  const select = db.prepare<[], number | null>(
    `SELECT max(seq) FROM event WHERE event = 'boot.started'`,
  );
  return select.pluck().get() ?? undefined;
}

const COLUMNS =
  'batch, producer, producer_seq, first_seq, event_count, at_us, wall_us, prev_hash, hash';

function selectEdge(db: DatabaseHandle, order: 'ASC' | 'DESC'): BatchRow | undefined {
  return db
    .prepare<[], BatchRow>(`SELECT ${COLUMNS} FROM batch ORDER BY batch ${order} LIMIT 1`)
    .get();
}

function selectBatch(db: DatabaseHandle, batch: number): BatchRow | undefined {
  return db.prepare<[number], BatchRow>(`SELECT ${COLUMNS} FROM batch WHERE batch = ?`).get(batch);
}

/** Where the clock was set back, the first batch that is new enough ends the search: more is kept then. */
function lastBatchBeforeWall(db: DatabaseHandle, wallUs: number, lastBatch: number): number {
  const next = db
    .prepare<[number], number>('SELECT batch FROM batch WHERE wall_us >= ? ORDER BY batch LIMIT 1')
    .pluck()
    .get(wallUs);
  return (next ?? lastBatch + 1) - 1;
}

function lastBatchBeforeSeq(db: DatabaseHandle, seq: number, lastBatch: number): number {
  const next = db
    .prepare<[number], number>('SELECT batch FROM event WHERE seq >= ? ORDER BY seq LIMIT 1')
    .pluck()
    .get(seq);
  return (next ?? lastBatch + 1) - 1;
}

/**
 * From the newest batch back, until what was passed makes up the size. A batch counts by its texts, and in
 * the proportion in which all texts make up what the file uses.
 */
function lastBatchBeyondSize(db: DatabaseHandle, sizeBytes: number): number {
  const weigh = db
    .prepare<[number, number], number>(
      'SELECT coalesce(sum(octet_length(body)), 0) FROM event WHERE seq BETWEEN ? AND ?',
    )
    .pluck();
  const textBytes = weigh.get(0, Number.MAX_SAFE_INTEGER) ?? 0;
  const share = textBytes / Math.max(1, usedBytes(db));
  let restBytes = sizeBytes * share;
  const batches = db
    .prepare<[], [batch: number, firstSeq: number, count: number]>(
      'SELECT batch, first_seq, event_count FROM batch ORDER BY batch DESC',
    )
    .raw();
  for (const [batch, firstSeq, count] of batches.iterate()) {
    restBytes -= weigh.get(firstSeq, firstSeq + count - 1) ?? 0;
    if (restBytes < 0) {
      return batch;
    }
  }
  return 0;
}

/** Bytes of the database file that hold something. */
export function usedBytes(db: DatabaseHandle): number {
  const read = (name: string) => Number(db.pragma(name, { simple: true }));
  return (read('page_count') - read('freelist_count')) * read('page_size');
}
