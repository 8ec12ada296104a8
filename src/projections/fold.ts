/** Folds events into a known state and writes the rows they change: the one way, whether live or in a rebuild. */
import type { Change } from '../domain/change.ts';
import { fromStoredEvent, type AuditEvent } from '../domain/event.ts';
import { evolve } from '../domain/evolve.ts';
import type { Known } from '../domain/known.ts';
import type { EventLogReader } from '../store/event-log-reader.ts';
import type { DatabaseHandle } from '../store/open-database.ts';
import type { OnProgress } from '../store/progress.ts';
import { prepareCheckpoint } from './checkpoint.ts';
import { clearDirtyRecords, noDirtyRecords, noteChange } from './dirty-records.ts';
import { prepareRecordWriter } from './write-records.ts';

export interface Fold {
  readonly known: Known;
  /** How many records wait to be written. */
  dirtyCount(): number;
  fold(event: AuditEvent): void;
  /**
   * Writes what waits, and the checkpoint, in one transaction. `batchHash` is that of the last event's batch.
   * When this throws, nothing is written and everything still waits.
   */
  commit(batchHash: Buffer): void;
}

/** `known` is what the rows in `db` say, or, before there are any, what `records` say that are to be written. */
export function startFold(
  db: DatabaseHandle,
  log: EventLogReader,
  known: Known,
  records: readonly Change[] = [],
): Fold {
  const dirty = noDirtyRecords();
  records.forEach((change) => noteChange(dirty, change));
  const writeCheckpoint = prepareCheckpoint(db, log);
  let writer = prepareRecordWriter(db);
  let storedPosition = records.length === 0 ? known.position : 0;
  const write = db.transaction((batchHash: Buffer) => {
    writer.write(dirty, { known, storedPosition });
    writeCheckpoint(known, batchHash);
  });
  return {
    known,
    dirtyCount: () => dirty.lifespans.size + dirty.holders.size + dirty.sets.size,
    fold(event) {
      for (const change of evolve(known, event)) {
        noteChange(dirty, change);
      }
    },
    commit(batchHash) {
      try {
        write.immediate(batchHash);
      } catch (error) {
        // What the writer remembers of the rows may have been rolled back.
        writer = prepareRecordWriter(db);
        throw error;
      }
      clearDirtyRecords(dirty);
      storedPosition = known.position;
    },
  };
}

const PAGE_EVENTS = 1_000;

/**
 * Folds everything the log has beyond the known state, up to the head it has now. Commits whenever
 * `dirtyMax` records wait, and at the end, also when there was nothing to fold.
 */
export function foldLog(
  fold: Fold,
  log: EventLogReader,
  { dirtyMax, onProgress }: { dirtyMax: number; onProgress?: OnProgress | undefined },
): void {
  const { position: headPosition, batchHash } = log.head();
  while (fold.known.position < headPosition) {
    for (const stored of log.readEvents({ after: fold.known.position, limit: PAGE_EVENTS })) {
      fold.fold(fromStoredEvent(stored));
    }
    const { position } = fold.known;
    onProgress?.(position, headPosition);
    if (fold.dirtyCount() >= dirtyMax && position < headPosition) {
      fold.commit(log.findBatchHash(position) ?? batchHash);
    }
  }
  fold.commit(batchHash);
}
