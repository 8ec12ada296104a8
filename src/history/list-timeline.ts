/** What happened, in order. */
import { toInstantJson, type Answer } from '../domain/json.ts';
import type { NamespaceType } from '../domain/namespace-type.ts';
import type { Target } from '../domain/parse-target.ts';
import { fingerprintTime, openPage, type Page } from './cursor.ts';
import type { PageRequest, TimelineJson, WindowRequest } from './history.ts';
import { cutPage, toAnswer, type Question } from './question.ts';
import type { OpenWindow } from './resolve-time.ts';
import { walkLives } from './walk-lives.ts';
import { fromKey, toHalfOpenWindow, toKey } from './window.ts';

interface TimelineRequest extends WindowRequest, PageRequest {
  readonly types?: readonly NamespaceType[] | undefined;
  readonly target?: Target | undefined;
  /** False leaves out the collector itself and its children. */
  readonly observers?: boolean | undefined;
}

interface TimelineRow {
  readonly by_us: number;
  readonly after_us: number | null;
  readonly what: TimelineJson['what'];
  readonly lifespan: number | null;
  readonly type: NamespaceType | null;
  readonly inum: number | null;
  readonly detail: string;
  readonly order_us: number;
  readonly rank: number;
  readonly seq: number;
}

/** Cursor key: window of the first page, where the life is (zeros without a target), where the row is. */
const KEY_LENGTH = 7;

/** Births, ends and gaps of all namespaces; with a target, its lives in turn, with their holders. */
export function listTimeline(question: Question, request: TimelineRequest): Answer<TimelineJson> {
  const { types, target, since, until, observers = true } = request;
  const times = [since, until].map(fingerprintTime);
  const asked = ['timeline', types ?? null, target ?? null, observers, ...times];
  const page = openPage(request, asked, KEY_LENGTH);
  const window = page.after
    ? fromKey(page.after)
    : toHalfOpenWindow(question.times.toWindow(request));
  const found = target
    ? ofTarget(question, { target, types, window, page, observers })
    : ofHost(question, { types, window, page });
  const { head, coverage } = question;
  return toAnswer(head, {
    atUs: Math.min(window.untilUs ?? head.nowUs, head.nowUs),
    coverage: coverage.ofWindow(window),
    data: found.rows.map((row) => toTimelineJson(question, row)),
    limit: page.limit,
    next: found.last ? page.next([...toKey(window), ...found.last]) : null,
  });
}

interface Search {
  readonly types: readonly NamespaceType[] | undefined;
  readonly window: OpenWindow;
  readonly page: Page;
}

interface Found {
  readonly rows: readonly TimelineRow[];
  readonly last: readonly number[] | null;
}

function ofHost({ runner }: Question, { types, window, page: { limit, after } }: Search): Found {
  const [afterUs = null, afterRank = null, afterSeq = null] = after?.slice(4) ?? [];
  const rows = runner.all<TimelineRow>('timeline', {
    since: window.sinceUs,
    until: window.untilUs,
    type: types?.join(',') ?? null,
    after_us: afterUs,
    after_rank: afterRank,
    after: afterSeq,
    limit: limit + 1,
  });
  const { page, last } = cutPage(rows, limit);
  return { rows: page, last: last ? [0, 0, last.order_us, last.rank, last.seq] : null };
}

function ofTarget(
  question: Question,
  { target, types, window, page, observers }: Search & { target: Target; observers: boolean },
): Found {
  const found = walkLives<TimelineRow>(question, {
    target,
    window,
    limit: page.limit,
    after: page.after?.slice(2),
    keyOf: ({ order_us: orderUs, rank, seq }) => [orderUs, rank, seq],
    read: (lifespan, [afterUs = null, afterRank = null, afterSeq = null], limit) =>
      question.runner
        .all<TimelineRow>('timeline-of-lifespan', {
          lifespan,
          observers: Number(observers),
          since: window.sinceUs,
          until: window.untilUs,
          after_us: afterUs,
          after_rank: afterRank,
          after: afterSeq,
          limit,
        })
        .filter(({ type }) => !types || (type !== null && types.includes(type))),
  });
  return { rows: found.rows.map(({ row }) => row), last: found.last };
}

function toTimelineJson({ head: { clock } }: Question, row: TimelineRow): TimelineJson {
  const { what, lifespan, type, inum, detail } = row;
  const isEventOfRow = what === 'born' || what === 'holder-gained' || what === 'gap';
  return {
    at: toInstantJson(clock, row.by_us),
    after: row.after_us === null ? null : toInstantJson(clock, row.after_us),
    what,
    lifespan: lifespan === null ? null : String(lifespan),
    type,
    inum,
    detail,
    seq: isEventOfRow ? row.seq : null,
  };
}
