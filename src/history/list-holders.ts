/** What held namespaces. */
import { toHolderJson, type Answer, type HolderJson } from '../domain/json.ts';
import type { Target } from '../domain/parse-target.ts';
import type { TimeReference } from '../domain/parse-time.ts';
import { fingerprintTime, openPage } from './cursor.ts';
import type { PageRequest, WindowRequest } from './history.ts';
import { loadContainers } from './load-containers.ts';
import { loadHolders, requireHolder } from './load-holders.ts';
import { toAnswer, type Question } from './question.ts';
import { walkLives } from './walk-lives.ts';
import { fromKey, toHalfOpenWindow, toInstantWindow, toKey } from './window.ts';

interface HoldersRequest extends WindowRequest, PageRequest {
  readonly target: Target;
  readonly at?: TimeReference | undefined;
  /** False leaves out the collector itself and its children. */
  readonly observers?: boolean | undefined;
}

interface HolderOfLifeRow {
  readonly holder: number;
  readonly order_us: number;
}

/** Cursor key: window of the first page, where the life is, where the holder of it is. */
const KEY_LENGTH = 6;

/**
 * Holders of every life that a target names, life by life, oldest first. What holds a set is listed once
 * for each life of the set that was asked about.
 */
export function listHolders(question: Question, request: HoldersRequest): Answer<HolderJson> {
  const { target, at, since, until, observers = true } = request;
  const asked = ['holders', target, observers, ...[at, since, until].map(fingerprintTime)];
  const { limit, after, next } = openPage(request, asked, KEY_LENGTH);
  const { head, runner, coverage, times } = question;
  const window = after
    ? fromKey(after)
    : at
      ? toInstantWindow(times.toInstantUs(at))
      : toHalfOpenWindow(times.toWindow(request));
  const found = walkLives<HolderOfLifeRow>(question, {
    target,
    window,
    limit,
    after: after?.slice(2),
    keyOf: ({ order_us: orderUs, holder }) => [orderUs, holder],
    read: (lifespan, [afterUs, afterId], rows) =>
      runner.pick('holders-of-lifespan', ['holder', 'order_us'], {
        lifespan,
        observers: Number(observers),
        since: window.sinceUs,
        until: window.untilUs,
        after_us: afterUs ?? null,
        after: afterId ?? null,
        limit: rows,
      }),
  });
  const records = loadHolders(
    question,
    found.rows.map(({ row }) => row.holder),
  );
  const containerOf = loadContainers(
    question,
    [...records.values()].map(({ cgroup }) => cgroup),
  );
  const atUs = at
    ? (window.sinceUs ?? head.nowUs)
    : Math.min(window.untilUs ?? head.nowUs, head.nowUs);
  return toAnswer(head, {
    atUs,
    coverage: at ? coverage.atInstant(atUs) : coverage.ofWindow(window),
    data: found.rows.map(({ lifespan, row }) =>
      toHolderJson(requireHolder(records, row.holder), lifespan, {
        clock: head.clock,
        containerOf,
      }),
    ),
    limit,
    next: found.last ? next([...toKey(window), ...found.last]) : null,
  });
}
