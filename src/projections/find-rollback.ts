/**
 * Whether read.db tells that the log has lost what it once held: an older copy was put in its place, or its
 * write-ahead log was deleted. The log is durable before read.db is written, so read.db is never ahead by itself.
 */
import { NsauditError } from '../domain/errors.ts';
import type { EventLogReader } from '../store/event-log-reader.ts';
import type { DatabaseHandle } from '../store/open-database.ts';
import type { Checkpoint } from './checkpoint.ts';

/** Ids of records are positions in the log, so these say as the checkpoint does how far the log once came. */
const NEWEST_RECORD = `
  SELECT max(
    coalesce((SELECT max(id) FROM lifespan), 0),
    coalesce((SELECT max(id) FROM holder), 0),
    coalesce((SELECT max(seq) FROM coverage), 0)
  )`;

/**
 * Throws NsauditError `integrity` when records of read.db come from events that the log does not have. A
 * checkpoint that is ahead and no record is: then read.db is damaged, and nothing is thrown.
 */
export function refuseRollback(
  db: DatabaseHandle,
  checkpoint: Checkpoint,
  log: Pick<EventLogReader, 'logId' | 'head'>,
): void {
  const { position } = log.head();
  if (checkpoint.log_id !== log.logId || checkpoint.position <= position) {
    return;
  }
  const newest = db.prepare<[], number>(NEWEST_RECORD).pluck().get() ?? 0;
  if (newest > position && newest <= checkpoint.position) {
    throw new RollbackError(
      `the log ends at event ${position}, and ${db.name} was folded from the same log up to event ${checkpoint.position}: an older copy was put in its place, or its -wal was deleted; put the newer one back, or move ${db.name} away to go on from the older one.`,
    );
  }
}

/** Not to be mended by building read.db anew: that would do away with what tells. */
export class RollbackError extends NsauditError {
  constructor(message: string) {
    super('integrity', message);
  }
}
