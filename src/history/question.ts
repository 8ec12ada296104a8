/**
 * What a question works with: one snapshot of read.db, where it stands, and the tools made from them.
 * It is made for one question and not kept.
 */
import { toInstantJson, type Answer, type CoverageJson } from '../domain/json.ts';
import type { EventLogReader } from '../store/event-log-reader.ts';
import type { CoverageJudge } from './judge-coverage.ts';
import type { QueryRunner } from './query-runner.ts';
import type { Head } from './read-head.ts';
import type { TimeResolver } from './resolve-time.ts';

export interface Question {
  readonly head: Head;
  readonly runner: QueryRunner;
  readonly times: TimeResolver;
  readonly coverage: CoverageJudge;
  /** Opens log.db when it is first asked for. */
  readonly log: () => EventLogReader;
}

export interface Rows<Row> {
  readonly atUs: number;
  readonly coverage: CoverageJson;
  readonly data: readonly Row[];
  readonly limit: number;
  /** Cursor of the next page. */
  readonly next: string | null;
}

/** The envelope around the rows. */
export function toAnswer<Row>(
  { clock, position }: Head,
  { atUs, coverage, data, limit, next }: Rows<Row>,
): Answer<Row> {
  return { at: toInstantJson(clock, atUs), position, coverage, data, page: { limit, next } };
}

/** Splits what was read with a limit of one more than the page has: the page, and whether there is more. */
export function cutPage<Row>(
  rows: readonly Row[],
  limit: number,
): { page: readonly Row[]; last: Row | undefined } {
  const page = rows.slice(0, limit);
  return { page, last: rows.length > limit ? page.at(-1) : undefined };
}
