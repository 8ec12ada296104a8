/** Where the record stands: whose it is, how far it reaches, and how its timeline maps to wall time. */
import { NsauditError } from '../domain/errors.ts';
import { buildWallClock, type WallClock, type WallOffset } from '../domain/wall-clock.ts';
import type { Statements } from './open-reader.ts';

export interface Head {
  readonly host: string;
  readonly logId: string;
  /** seq of the last event folded into read.db. */
  readonly position: number;
  /** seq of the last event that was pruned from the log before it was folded; 0: none was. */
  readonly prunedSeq: number;
  readonly isCollecting: boolean;
  /** Timeline instant of the last event folded: from then on, records are as they stand in the database. */
  readonly lastEventUs: number;
  /**
   * The latest instant that was watched: the end of the last scan, or up to when kernel events have been
   * taken in. Questions about now are about this
   * instant, so that no answer claims more than was seen.
   */
  readonly nowUs: number;
  /** Start of the last scan; null before the first, and after a rebuild until the next. */
  readonly lastScanUs: number | null;
  readonly clock: WallClock;
}

interface HeadRow {
  readonly host: string;
  readonly log_id: string;
  readonly position: number;
  readonly is_collecting: number;
  readonly pruned_seq: number;
  readonly last_at_us: number;
  readonly scan_started_us: number | null;
  readonly scan_ended_us: number | null;
  readonly watched_us: number | null;
  readonly covered_us: number | null;
}

const HEAD_SQL = `
  SELECT p.host, p.log_id, p.position, p.is_collecting, p.last_at_us, p.pruned_seq,
    v.scan_started_us, v.scan_ended_us, v.watched_us,
    (SELECT max(c.to_us) FROM coverage AS c) AS covered_us
  FROM projection AS p
  LEFT JOIN live AS v ON v.id = 1
  ORDER BY p.position
  LIMIT 1`;

const OFFSETS_SQL = `
  SELECT w.from_us AS fromUs, w.offset_us AS offsetUs FROM wall_offset AS w ORDER BY w.from_us`;

/**
 * Reads the head of read.db.
 *
 * Errors: NsauditError `unavailable` when nothing has been folded into it yet.
 */
export function readHead(statements: Statements): Head {
  const row = statements.get<HeadRow>(HEAD_SQL);
  if (!row || row.position === 0) {
    throw new NsauditError(
      'unavailable',
      'nothing has been recorded yet: start the collector with nsaudit collect and wait for its first scan.',
    );
  }
  const nowUs = row.watched_us ?? row.scan_ended_us ?? row.covered_us ?? row.last_at_us;
  return {
    host: row.host,
    logId: row.log_id,
    position: row.position,
    prunedSeq: row.pruned_seq,
    isCollecting: row.is_collecting === 1,
    lastEventUs: row.last_at_us,
    nowUs,
    lastScanUs: row.scan_started_us,
    clock: buildWallClock(statements.all<WallOffset>(OFFSETS_SQL)),
  };
}
