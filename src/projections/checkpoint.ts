/** How far the projection has come: one row in read.db, written together with the rows it covers. */
import type { Known } from '../domain/known.ts';
import type { ProjectionRow } from '../store/database-schema.ts';
import type { EventLogReader } from '../store/event-log-reader.ts';
import type { DatabaseHandle } from '../store/open-database.ts';

/**
 * Version of what the fold makes of the events. Raise it whenever the same events would give other rows;
 * every read.db is then rebuilt at the next start.
 */
const FOLD_VERSION = 9;

const NAME = 'read';

export type Checkpoint = ProjectionRow;

/** Undefined when nothing has been folded in yet. */
export function readCheckpoint(db: DatabaseHandle): Checkpoint | undefined {
  return db
    .prepare<[string], ProjectionRow>(
      `SELECT name, version, position, batch_hash, log_id, host, last_at_us, is_collecting, pruned_seq
       FROM projection WHERE name = ?`,
    )
    .get(NAME);
}

/** A function that writes the checkpoint with a statement prepared once. */
export function prepareCheckpoint(
  db: DatabaseHandle,
  log: Pick<EventLogReader, 'logId' | 'host' | 'cut'>,
): (known: Known, batchHash: Buffer) => void {
  const upsert = db.prepare(
    `INSERT OR REPLACE INTO projection
       (name, version, position, batch_hash, log_id, host, last_at_us, is_collecting, pruned_seq)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  // Nobody prunes while somebody folds: both hold the collector lock.
  const prunedSeq = log.cut()?.lastSeq ?? 0;
  return (known, batchHash) => {
    const { position, lastAt } = known;
    const isCollecting = Number(known.isCollecting);
    const origin = [log.logId, log.host];
    upsert.run(NAME, FOLD_VERSION, position, batchHash, ...origin, lastAt, isCollecting, prunedSeq);
  };
}

/** Why rows up to this checkpoint cannot be built upon, or null when they can. */
export function findMismatch(checkpoint: Checkpoint, log: EventLogReader): string | null {
  if (checkpoint.version !== FOLD_VERSION) {
    return `it was folded by version ${checkpoint.version} of the rules, not ${FOLD_VERSION}`;
  }
  if (checkpoint.log_id !== log.logId) {
    return `it was folded from log ${checkpoint.log_id}, not ${log.logId}`;
  }
  const prunedSeq = log.cut()?.lastSeq ?? 0;
  if (checkpoint.pruned_seq !== prunedSeq) {
    return `it was folded from a log pruned up to event ${checkpoint.pruned_seq}, not ${prunedSeq}`;
  }
  if (checkpoint.position === 0) {
    return null;
  }
  const hash = log.findBatchHash(checkpoint.position);
  if (hash === undefined) {
    return `it stands at event ${checkpoint.position}, which the log does not have`;
  }
  return hash.equals(checkpoint.batch_hash)
    ? null
    : `the log has another event ${checkpoint.position} than it was folded from`;
}
