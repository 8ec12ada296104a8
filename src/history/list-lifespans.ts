/** Lives: all that a target names, or one. */
import type { Answer, LifespanJson } from '../domain/json.ts';
import type { Target } from '../domain/parse-target.ts';
import { fingerprintTime, openPage } from './cursor.ts';
import { findLives, requireLifespan } from './find-lives.ts';
import type { PageRequest, WindowRequest } from './history.ts';
import { loadLifespans } from './load-lifespans.ts';
import { cutPage, toAnswer, type Question } from './question.ts';
import { fromKey, toHalfOpenWindow, toKey } from './window.ts';

interface LivesRequest extends WindowRequest, PageRequest {
  readonly target: Target;
  readonly observers?: boolean | undefined;
}

/** Cursor key: window of the first page, what rows are ordered by, lifespan. */
const KEY_LENGTH = 4;

export function listLifespans(question: Question, request: LivesRequest): Answer<LifespanJson> {
  const { target, since, until, observers = true } = request;
  const times = [since, until].map(fingerprintTime);
  const asked = ['lifespans', target, observers, ...times];
  const { limit, after, next } = openPage(request, asked, KEY_LENGTH);
  const window = after ? fromKey(after) : question.times.toWindow(request);
  const rows = findLives(question, target, {
    window: toHalfOpenWindow(window),
    before: after?.slice(2),
    limit: limit + 1,
  });
  const { page, last } = cutPage(rows, limit);
  const ids = page.map((row) => row.lifespan);
  const atUs = Math.min(window.untilUs ?? question.head.nowUs, question.head.nowUs);
  return toAnswer(question.head, {
    atUs,
    coverage: question.coverage.ofWindow(window),
    data: loadLifespans(question, ids, { atUs, observers }),
    limit,
    next: last ? next([...toKey(window), last.order_us, last.lifespan]) : null,
  });
}

/** One life, as of now; the coverage is that of the time it spanned. */
export function readLifespan(
  question: Question,
  id: number,
  { observers = true }: { readonly observers?: boolean | undefined } = {},
): Answer<LifespanJson> {
  const { nowUs } = question.head;
  const { born, gone } = requireLifespan(question, id);
  return toAnswer(question.head, {
    atUs: nowUs,
    coverage: question.coverage.ofWindow({
      sinceUs: born.after ?? born.by,
      untilUs: Math.max(born.by, gone?.by ?? nowUs),
    }),
    data: loadLifespans(question, [id], { atUs: nowUs, observers }),
    limit: 1,
    next: null,
  });
}
