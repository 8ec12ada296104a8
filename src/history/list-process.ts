/** Which namespaces a process was in. */
import { assert } from '../domain/errors.ts';
import type { Holder } from '../domain/holder.ts';
import { toHolderJson, type Answer, type LifespanJson } from '../domain/json.ts';
import type { TimeReference } from '../domain/parse-time.ts';
import type { WallClock } from '../domain/wall-clock.ts';
import { fingerprintTime, openPage } from './cursor.ts';
import type { PageRequest, ProcessJson } from './history.ts';
import { loadHolders, requireHolder } from './load-holders.ts';
import { loadLifespans } from './load-lifespans.ts';
import { cutPage, toAnswer, type Question } from './question.ts';

interface ProcessRequest extends PageRequest {
  readonly pid: number;
  readonly at?: TimeReference | undefined;
}

interface MembershipRow {
  readonly holder: number;
  readonly set_id: number;
  readonly order_us: number;
}

/** Cursor key: instant of the first page, what rows are ordered by, holder. */
const KEY_LENGTH = 3;

export function listProcess(question: Question, request: ProcessRequest): Answer<ProcessJson> {
  const { pid, at } = request;
  const { head, runner, coverage, times } = question;
  const { limit, after, next } = openPage(
    request,
    ['process', pid, fingerprintTime(at)],
    KEY_LENGTH,
  );
  const [atUs = times.toInstantUs(at), beforeUs = null, before = null] = after ?? [];
  const rows = runner.pick<MembershipRow>('process-history', ['holder', 'set_id', 'order_us'], {
    pid,
    at: at ? atUs : null,
    before_us: beforeUs,
    before,
    limit: limit + 1,
  });
  const { page, last } = cutPage(rows, limit);
  const sets = new Map<number, readonly LifespanJson[]>();
  const namespacesOf = (set: number): readonly LifespanJson[] => {
    const namespaces = sets.get(set) ?? loadSet(question, set, atUs);
    sets.set(set, namespaces);
    return namespaces;
  };
  const holders = loadHolders(
    question,
    page.map((row) => row.holder),
  );
  return toAnswer(head, {
    atUs,
    coverage: at ? coverage.atInstant(atUs) : coverage.ofWindow({ sinceUs: null, untilUs: null }),
    data: page.map((row) =>
      toProcessJson(head.clock, requireHolder(holders, row.holder), namespacesOf(row.set_id)),
    ),
    limit,
    next: last ? next([atUs, last.order_us, last.holder]) : null,
  });
}

function loadSet(question: Question, set: number, atUs: number): readonly LifespanJson[] {
  const rows = question.runner.all<{ lifespan: number }>('lifespans-of-set', { set_id: set });
  const ids = rows.map(({ lifespan }) => lifespan);
  return loadLifespans(question, ids, { atUs });
}

function toProcessJson(
  clock: WallClock,
  holder: Holder,
  namespaces: readonly LifespanJson[],
): ProcessJson {
  const { pid, tid, startTimeTicks, comm, from, to } = toHolderJson(holder, 0, {
    clock,
    containerOf: () => null,
  });
  assert(pid !== null && startTimeTicks !== null, `holder ${holder.id} is a process without a pid`);
  return { pid, tid, startTimeTicks, comm, from, to, namespaces };
}
