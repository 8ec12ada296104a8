/**
 * How well an instant or a window was watched.
 *
 * Promises:  `watched` only when one source watched all of it and no gap touches it; an instant later
 *            than the last scan was not watched.
 * Proved by: test/history/coverage.test.ts
 */
import { toInstantJson, type CoverageJson } from '../domain/json.ts';
import type { SqlRow } from './open-reader.ts';
import type { QueryRunner } from './query-runner.ts';
import type { Head } from './read-head.ts';
import type { OpenWindow } from './resolve-time.ts';

/** Lost notices of network namespace ids hide no namespace and no holder: only ids have wider bounds. */
const NOT_JUDGED = 'nsids';

/** Newest gaps that an answer lists; the question `coverage` has all of them. */
const GAPS_MAX = 100;

export interface Stretch extends SqlRow {
  readonly source: string;
  readonly from_us: number;
  readonly to_us: number;
  readonly watched_us: number;
  readonly last_scan_us: number;
  readonly minimum_lifetime_us: number;
  readonly complete: number;
  readonly unreadable: string;
}

export interface GrowingStretch {
  readonly source: string;
  readonly from_us: number;
  readonly to_us: number;
  readonly last_scan_us: number;
  readonly minimum_lifetime_us: number;
  readonly complete: number;
  readonly unreadable: string;
  readonly position: number;
  readonly scan_interval_us: number;
  readonly scan_duration_us: number;
}

interface GapRow {
  readonly source: string;
  readonly from_us: number;
  readonly to_us: number;
  readonly reason: string;
}

export interface CoverageJudge {
  atInstant(atUs: number): CoverageJson;
  /** The same, and as a gap what has been pruned of its boot before it: what ended then is not known any more. */
  ofBootUntil(atUs: number): CoverageJson;
  /** Of an open window: from the first scan, to the last one. */
  ofWindow(window: OpenWindow): CoverageJson;
  /** The rows of coverage-of-window, the growing stretch added to that of its source. */
  bySource(window: Window): readonly Stretch[];
}

/** What all written stretches together say, kept until there is a further one. */
export interface WholeRecord {
  key: string;
  stretches: readonly Stretch[];
}

/** `whole` belongs to the caller, who hands in the same one with every question. */
export function createCoverageJudge(
  { head, runner }: { head: Head; runner: QueryRunner },
  whole: WholeRecord,
): CoverageJudge {
  const readWritten = (since: number | null, until: number | null) =>
    runner.all<Stretch>('coverage-of-window', { since, until });
  const readWhole = (): readonly Stretch[] => {
    const key = `${head.logId} ${runner.lastCoverageSeq()}`;
    if (whole.key !== key) {
      whole.stretches = readWritten(null, null);
      whole.key = key;
    }
    return whole.stretches;
  };
  const grow = (written: readonly Stretch[], window: Window): readonly Stretch[] => {
    const [growing] = runner.all<GrowingStretch>('growing-stretch');
    return growing ? addGrowing(written, growing, window) : written;
  };
  const bySource = (window: Window) => grow(readWritten(window.sinceUs, window.untilUs), window);
  const judgeInstant = (atUs: number): CoverageJson => {
    const instant = { sinceUs: atUs, untilUs: atUs };
    return judge(instant, bySource(instant));
  };
  const judge = (window: Window, stretches: readonly Stretch[]): CoverageJson => {
    const { sinceUs: since, untilUs: until } = window;
    const gaps = runner
      .all<GapRow>('gaps', { since, until, limit: GAPS_MAX })
      .filter(({ source }) => source !== NOT_JUDGED);
    return toCoverageJson(head, window, stretches, gaps);
  };
  return {
    bySource,
    atInstant: judgeInstant,
    ofBootUntil(atUs) {
      const coverage = judgeInstant(atUs);
      const pruned = runner.prunedOfBoot(atUs);
      return pruned === undefined
        ? coverage
        : { ...coverage, gaps: [...coverage.gaps, toGapJson(head, pruned)] };
    },
    ofWindow({ sinceUs, untilUs }) {
      const endUs = untilUs ?? Math.max(head.nowUs, sinceUs ?? head.nowUs);
      const startUs = sinceUs ?? Math.min(runner.firstWatchedUs() ?? endUs, endUs);
      const window = { sinceUs: startUs, untilUs: endUs };
      const isWhole = sinceUs === null && untilUs === null;
      return judge(window, isWhole ? grow(readWhole(), window) : bySource(window));
    },
  };
}

export interface Window {
  readonly sinceUs: number;
  readonly untilUs: number;
}

/** The stretch that grows is of the source that watches now, and goes on where its last one ended. */
function addGrowing(
  written: readonly Stretch[],
  growing: GrowingStretch,
  { sinceUs, untilUs }: Window,
): readonly Stretch[] {
  const isInstant = sinceUs === untilUs;
  const touches = isInstant
    ? growing.from_us <= sinceUs && sinceUs <= growing.to_us
    : growing.from_us < untilUs && growing.to_us > sinceUs;
  if (!touches) {
    return written;
  }
  const before = written.find(({ source }) => source === growing.source);
  const watchedUs = Math.min(growing.to_us, untilUs) - Math.max(growing.from_us, sinceUs);
  const lastScanUs = growing.last_scan_us <= untilUs ? growing.last_scan_us : growing.from_us;
  const grown: Stretch = {
    source: growing.source,
    from_us: before?.from_us ?? Math.max(growing.from_us, sinceUs),
    to_us: Math.min(growing.to_us, untilUs),
    watched_us: (before?.watched_us ?? 0) + watchedUs,
    last_scan_us: lastScanUs,
    minimum_lifetime_us: Math.max(before?.minimum_lifetime_us ?? 0, growing.minimum_lifetime_us),
    complete: Math.min(before?.complete ?? 1, growing.complete),
    unreadable: growing.unreadable === '[]' ? (before?.unreadable ?? '[]') : growing.unreadable,
  };
  return [...written.filter((stretch) => stretch !== before), grown];
}

function toCoverageJson(
  { clock }: Head,
  { sinceUs, untilUs }: Window,
  stretches: readonly Stretch[],
  gaps: readonly GapRow[],
): CoverageJson {
  const lastScanUs = Math.max(...stretches.map((stretch) => stretch.last_scan_us));
  const best = stretches.toSorted((left, right) => right.watched_us - left.watched_us)[0];
  return {
    state: judgeState(best, { sinceUs, untilUs }, gaps.length > 0),
    from: toInstantJson(clock, sinceUs),
    to: toInstantJson(clock, untilUs),
    lastScan: best ? toInstantJson(clock, lastScanUs) : null,
    minimumLifetimeUs: best?.minimum_lifetime_us ?? null,
    complete: best !== undefined && stretches.every(({ complete }) => complete === 1),
    unreadable: stretches.flatMap((stretch) => parseUnreadable(stretch.unreadable)),
    gaps: gaps.toReversed().map((gap) => toGapJson({ clock }, gap)),
  };
}

function toGapJson(
  { clock }: Pick<Head, 'clock'>,
  { from_us: fromUs, to_us: toUs, reason }: GapRow,
): CoverageJson['gaps'][number] {
  return { from: toInstantJson(clock, fromUs), to: toInstantJson(clock, toUs), reason };
}

function judgeState(
  best: Stretch | undefined,
  { sinceUs, untilUs }: Window,
  hasGap: boolean,
): CoverageJson['state'] {
  if (!best || (best.watched_us === 0 && untilUs > sinceUs)) {
    return 'not-watched';
  }
  return best.watched_us >= untilUs - sinceUs && !hasGap ? 'watched' : 'partly-watched';
}

/** Parses the column `unreadable`, as the projection wrote it. */
export function parseUnreadable(json: string): CoverageJson['unreadable'] {
  return JSON.parse(json) as CoverageJson['unreadable'];
}
