/** Lifespans in full, as they were at an instant. */
import { assert } from '../domain/errors.ts';
import { toLifespanJson, type LifespanJson } from '../domain/json.ts';
import type { Lifespan } from '../domain/lifespan.ts';
import { toNameIntervals, type BindMount, type NameInterval } from '../domain/name-intervals.ts';
import type { HolderRow, LifespanRow } from '../store/database-schema.ts';
import { toBounds, toLifespan, toMaybeBounds } from '../store/read-rows.ts';
import { loadContainers } from './load-containers.ts';
import type { Question } from './question.ts';

/** One record, as it stands now; undefined when there is none of that id. */
export function findLifespan({ runner }: Question, id: number): Lifespan | undefined {
  const row = runner.get<LifespanRow>('lifespan', { lifespan: id });
  return row && toLifespan(row);
}

interface Described {
  readonly atUs: number;
  /** False leaves the collector itself and its children out of the counts of holders. */
  readonly observers?: boolean;
}

/**
 * The lifespans of these ids, in this order, as they are printed for an instant: `holders.now` is the
 * count at that instant.
 */
export function loadLifespans(
  question: Question,
  ids: readonly number[],
  { atUs, observers = true }: Described,
): LifespanJson[] {
  const { host, clock, nowUs, lastEventUs } = question.head;
  const list = JSON.stringify(ids);
  const rows = question.runner.all<LifespanRow>('lifespan', { lifespan: list });
  const lifespanById = new Map(rows.map((row) => [row.id, toLifespan(row)]));
  const cgroups = [...lifespanById.values()].flatMap(({ creator, containers }) => [
    creator?.cgroup ?? null,
    ...containers,
  ]);
  const rendering = {
    host,
    clock,
    atUs,
    watchedUntilUs: nowUs,
    containerOf: loadContainers(question, cgroups),
    nameIntervals: loadNames(question, list),
  };
  const counts = atUs >= lastEventUs ? undefined : countHolders(question, list, atUs);
  const left = observers ? undefined : countObservers(question, list, atUs);
  return ids.map((id) => {
    const lifespan = lifespanById.get(id);
    assert(lifespan !== undefined, `lifespan ${id} is named by read.db but not in it`);
    const leftOut = left?.get(id) ?? { now: 0, ever: 0 };
    const now = (counts?.get(id) ?? lifespan.holdersNow) - leftOut.now;
    const ever = lifespan.holdersEver - leftOut.ever;
    return toLifespanJson(lifespan, rendering, { now, ever });
  });
}

type NameRow = Pick<
  HolderRow,
  | 'path'
  | 'mount_namespace'
  | 'gained_after_us'
  | 'gained_by_us'
  | 'gained_evidence'
  | 'lost_after_us'
  | 'lost_by_us'
  | 'lost_evidence'
> & { readonly lifespan: number };

/** By lifespan: when it was mounted where. */
function loadNames({ runner }: Question, list: string): Map<number, NameInterval[]> {
  const mounts = new Map<number, BindMount[]>();
  for (const row of runner.all<NameRow>('names-of-lifespan', { lifespan: list })) {
    const mount = {
      path: row.path,
      mountNamespace: row.mount_namespace,
      from: toBounds(row.gained_after_us, row.gained_by_us, row.gained_evidence),
      to: toMaybeBounds(row.lost_after_us, row.lost_by_us, row.lost_evidence),
    };
    mounts.set(row.lifespan, [...(mounts.get(row.lifespan) ?? []), mount]);
  }
  return new Map([...mounts].map(([lifespan, own]) => [lifespan, toNameIntervals(own)]));
}

function countHolders({ runner }: Question, list: string, atUs: number): Map<number, number> {
  const rows = runner.all<{ lifespan: number; holders: number }>('holder-count', {
    lifespan: list,
    at: atUs,
  });
  return new Map(rows.map(({ lifespan, holders }) => [lifespan, holders]));
}

/** Of those that the collector and its children ever held: how often. */
function countObservers(
  { runner }: Question,
  list: string,
  atUs: number,
): Map<number, { readonly now: number; readonly ever: number }> {
  const rows = runner.all<{ lifespan: number; holders_now: number; holders_ever: number }>(
    'observer-count',
    { lifespan: list, at: atUs },
  );
  return new Map(
    rows.map((row) => [row.lifespan, { now: row.holders_now, ever: row.holders_ever }]),
  );
}
