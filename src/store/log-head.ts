/** Where the log ends, and whether its last batch is whole. */
import { NsauditError } from '../domain/errors.ts';
import { checkBatch } from './check-batch.ts';
import type { BatchRow, MetaRow } from './database-schema.ts';
import { hashMeta } from './log-hash.ts';
import type { DatabaseHandle } from './open-database.ts';
import { prepareLeaves } from './stored-leaf.ts';

export interface LogHead {
  /** seq of the last event; 0 for an empty log. */
  readonly position: number;
  readonly batch: number;
  /** Hash of the last batch; of an empty log, that of what it says about itself. */
  readonly batchHash: Buffer;
  /** Timeline instant of the last event; 0 for an empty log. */
  readonly lastAtUs: number;
}

const LAST_BATCH = `
  SELECT batch, producer, producer_seq, first_seq, event_count, at_us, wall_us, prev_hash, hash
  FROM batch ORDER BY batch DESC LIMIT 1`;

const HEAD = `
  SELECT last.batch, last.first_seq + last.event_count - 1 AS position, last.hash AS batchHash, event.at_us AS lastAtUs
  FROM (SELECT batch, first_seq, event_count, hash FROM batch ORDER BY batch DESC LIMIT 1) AS last
  LEFT JOIN event ON event.seq = last.first_seq + last.event_count - 1`;

/** A function that reads the head with a statement prepared once. */
export function prepareHead(db: DatabaseHandle): () => LogHead {
  const select = db.prepare<
    [],
    { batch: number; position: number; batchHash: Buffer; lastAtUs: number | null }
  >(HEAD);
  return () => {
    const row = select.get();
    if (row === undefined) {
      return { position: 0, batch: 0, batchHash: readMetaHash(db), lastAtUs: 0 };
    }
    if (row.lastAtUs === null) {
      throw damaged(db, `event ${row.position} is missing`);
    }
    return { ...row, lastAtUs: row.lastAtUs };
  };
}

/** The hash that the first batch continues. */
export function readMetaHash(db: DatabaseHandle): Buffer {
  return hashMeta(db.prepare<[], MetaRow>('SELECT key, value FROM meta ORDER BY key').all());
}

/**
 * Checks the end of the log, where a crash would show: nothing may be appended to a broken batch.
 * The whole log is for verifyLog to check.
 *
 * Errors: NsauditError `integrity`.
 */
export function checkHead(db: DatabaseHandle): void {
  const last = db.prepare<[], BatchRow>(LAST_BATCH).get();
  const headSeq = db.prepare<[], number | null>('SELECT max(seq) FROM event').pluck().get() ?? 0;
  if (last === undefined) {
    if (headSeq > 0) {
      throw damaged(db, `event ${headSeq} belongs to no batch`);
    }
    return;
  }
  const events = prepareLeaves(db)(last.first_seq, headSeq, Number.MAX_SAFE_INTEGER);
  const previous = {
    batch: last.batch - 1,
    hash: last.prev_hash,
    position: last.first_seq - 1,
    lastAtUs: 0,
  };
  const checked = checkBatch(last, events, previous);
  if ('verdict' in checked) {
    throw damaged(db, checked.what);
  }
}

function damaged(db: DatabaseHandle, what: string): NsauditError {
  return new NsauditError(
    'integrity',
    `${db.name} is damaged at its end: ${what}; run nsaudit verify and restore a backup.`,
  );
}
