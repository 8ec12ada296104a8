/** When was watched and when not. */
import { toInstantJson, type Answer } from '../domain/json.ts';
import { fingerprintTime, openPage } from './cursor.ts';
import type { CoverageRowJson, PageRequest, WindowRequest } from './history.ts';
import { parseUnreadable, type GrowingStretch } from './judge-coverage.ts';
import { cutPage, toAnswer, type Question } from './question.ts';
import type { OpenWindow } from './resolve-time.ts';
import { fromKey, toHalfOpenWindow, toKey } from './window.ts';

interface CoverageRequest extends WindowRequest, PageRequest {}

interface CoverageRow {
  readonly seq: number;
  readonly kind: CoverageRowJson['kind'];
  readonly from_us: number;
  readonly to_us: number;
  readonly source: string;
  readonly scans: number | null;
  readonly minimum_lifetime_us: number | null;
  readonly scan_interval_us_median: number | null;
  readonly scan_duration_us_max: number | null;
  readonly complete: number | null;
  readonly unreadable: string | null;
  readonly reason: string | null;
  readonly lost: number | null;
  readonly order_us: number;
  readonly rank: number;
}

/** Cursor key: window of the first page, what rows are ordered by, rank, seq. */
const KEY_LENGTH = 5;
/** The growing stretch stands after everything that was written, so no page but the last ends with it. */
const GROWING_RANK = 2;

export function listCoverage(
  question: Question,
  request: CoverageRequest,
): Answer<CoverageRowJson> {
  const { since, until } = request;
  const asked = ['coverage', fingerprintTime(since), fingerprintTime(until)];
  const { limit, after, next } = openPage(request, asked, KEY_LENGTH);
  const { head, runner, coverage, times } = question;
  const window = after ? fromKey(after) : toHalfOpenWindow(times.toWindow(request));
  const [afterUs = null, afterRank = null, afterSeq = null] = after?.slice(2) ?? [];
  const written = runner.all<CoverageRow>('coverage', {
    since: window.sinceUs,
    until: window.untilUs,
    after_us: afterUs,
    after_rank: afterRank,
    after: afterSeq,
    limit: limit + 1,
  });
  const rows = [...written, ...readGrowing(question, window)];
  const { page, last } = cutPage(rows, limit);
  return toAnswer(head, {
    atUs: Math.min(window.untilUs ?? head.nowUs, head.nowUs),
    coverage: coverage.ofWindow(window),
    data: page.map((row) => toCoverageRowJson(question, row)),
    limit,
    next: last ? next([...toKey(window), last.order_us, last.rank, last.seq]) : null,
  });
}

function readGrowing({ runner }: Question, { sinceUs, untilUs }: OpenWindow): CoverageRow[] {
  return runner
    .all<GrowingStretch>('growing-stretch')
    .filter((row) => row.to_us > (sinceUs ?? -Infinity) && row.from_us < (untilUs ?? Infinity))
    .map((row) => ({
      ...row,
      kind: 'watched',
      seq: row.position,
      scans: null,
      scan_interval_us_median: row.scan_interval_us,
      scan_duration_us_max: row.scan_duration_us,
      reason: null,
      lost: null,
      order_us: row.to_us,
      rank: GROWING_RANK,
    }));
}

function toCoverageRowJson({ head: { clock } }: Question, row: CoverageRow): CoverageRowJson {
  return {
    seq: row.seq,
    kind: row.kind,
    from: toInstantJson(clock, row.from_us),
    to: toInstantJson(clock, row.to_us),
    source: row.source,
    scans: row.scans,
    minimumLifetimeUs: row.minimum_lifetime_us,
    scanIntervalUsMedian: row.scan_interval_us_median,
    scanDurationUsMax: row.scan_duration_us_max,
    complete: row.complete === null ? null : row.complete === 1,
    unreadable: row.unreadable === null ? [] : parseUnreadable(row.unreadable),
    reason: row.reason,
    lost: row.lost,
  };
}
