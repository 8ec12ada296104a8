/**
 * Where the log begins, when its beginning has been removed (prune-log.ts), and what was kept of that.
 *
 * Does not:  check anything of it; verify-cut.ts does.
 */
import { NsauditError } from '../domain/errors.ts';
import type { RetainedRecord } from '../domain/restore-retained.ts';
import type { PrunedRow } from './database-schema.ts';
import { HASH_BYTES } from './log-hash.ts';
import { KEPT_LEVELS } from './merkle-tree.ts';
import type { DatabaseHandle } from './open-database.ts';

/** Logs of an earlier format cannot have been pruned. */
const CUT_FORMAT_VERSION = 3;

export interface LogCut {
  /** The last event that was removed, its batch and its instant on the host timeline. */
  readonly lastSeq: number;
  readonly lastBatch: number;
  readonly lastAtUs: number;
  /** What the first batch that is left continues. */
  readonly batchHash: Buffer;
  /** seq of the log.pruned that says the same. */
  readonly eventSeq: number;
  /** The hash of a whole subtree of the removed events that no `tree_node` holds; undefined when it was not kept. */
  edgeAt(level: number, index: number): Buffer | undefined;
}

export interface CutReader {
  /** Null while the log is whole. */
  cut(): LogCut | null;
  /** Everything that was kept of the removed events. */
  readRetained(): RetainedRecord[];
  findRetained(record: RetainedRecord['record'], id: number): RetainedRecord | undefined;
}

/**
 * Prepares the reading. The log may be of an earlier format, and be brought to this one while it is open.
 * `guard` turns what SQLite says into an NsauditError.
 */
export function createCutReader(
  db: DatabaseHandle,
  guard: <Result>(action: () => Result) => Result,
): CutReader {
  const cut = prepareCut(db);
  return {
    cut: () => guard(cut),
    readRetained: () =>
      guard(() =>
        cut() === null
          ? []
          : db
              .prepare<[], RetainedRecord>(
                'SELECT record, id, body FROM retained ORDER BY record, id',
              )
              .all(),
      ),
    findRetained: (record, id) =>
      guard(() =>
        cut() === null
          ? undefined
          : db
              .prepare<[string, number], RetainedRecord>(
                'SELECT record, id, body FROM retained WHERE record = ? AND id = ?',
              )
              .get(record, id),
      ),
  };
}

/** A function that reads the cut with a statement prepared once. */
export function prepareCut(db: DatabaseHandle): () => LogCut | null {
  let select: ReturnType<typeof prepareSelect> | undefined;
  return () => {
    if (select === undefined && !hasCutTable(db)) {
      return null;
    }
    select ??= prepareSelect(db);
    const row = select.get();
    return row ? toCut(row) : null;
  };
}

function hasCutTable(db: DatabaseHandle): boolean {
  return Number(db.pragma('user_version', { simple: true })) >= CUT_FORMAT_VERSION;
}

function prepareSelect(db: DatabaseHandle) {
  return db.prepare<[], PrunedRow>(
    'SELECT id, last_seq, last_batch, batch_hash, last_at_us, edge, event_seq FROM pruned',
  );
}

function toCut(row: PrunedRow): LogCut {
  const { last_seq: lastSeq, edge } = row;
  return {
    lastSeq,
    lastBatch: row.last_batch,
    lastAtUs: row.last_at_us,
    batchHash: row.batch_hash,
    eventSeq: row.event_seq,
    edgeAt(level, index) {
      const place = listEdgeLevels(lastSeq).indexOf(level);
      const isAtEdge = index === Math.floor(lastSeq / 2 ** level) - 1;
      const hash = edge.subarray(place * HASH_BYTES, (place + 1) * HASH_BYTES);
      return place >= 0 && isAtEdge && hash.length === HASH_BYTES ? hash : undefined;
    },
  };
}

/** Levels below the stored ones on which a whole subtree ends with event `size`, the lowest first. */
export function listEdgeLevels(size: number): number[] {
  const levels: number[] = [];
  for (let level = 0; level < KEPT_LEVELS; level += 1) {
    if (Math.floor(size / 2 ** level) % 2 === 1) {
      levels.push(level);
    }
  }
  return levels;
}

/** What an event that was removed is answered with. */
export function removedError(what: string, { lastSeq }: Pick<LogCut, 'lastSeq'>): NsauditError {
  return new NsauditError(
    'pruned',
    `${what}: events 1 to ${lastSeq} have been pruned, and the log begins with event ${lastSeq + 1}.`,
  );
}

/** Errors: NsauditError `pruned` when there is no event of this seq because it has been removed. */
export function requireNotPruned(reader: Pick<CutReader, 'cut'>, seq: number): void {
  const cut = reader.cut();
  if (cut !== null && seq >= 1 && seq <= cut.lastSeq) {
    throw removedError(`event ${seq} is not in the log any more`, cut);
  }
}
