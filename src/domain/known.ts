/**
 * What the log says is there now: the state that `evolve` folds events into.
 *
 * Holds:     lifespans without an end, holders without an end, the interned namespace sets, the open
 *            watching stretch, and the wall clock offsets.
 * Promises:  it is a function of the events alone; two folds of the same events are equal.
 * Does not:  remember what has ended (the read database does), nor what a scan saw (watch.ts does).
 */
import type { Container } from './container.ts';
import type { EventOf } from './event.ts';
import type { Holder } from './holder.ts';
import type { Lifespan } from './lifespan.ts';
import { toNamespaceKey, type NamespaceKey } from './namespace-type.ts';
import type { WallOffset } from './wall-clock.ts';

export type LifespanId = number;
export type HolderId = number;
export type SetId = number;

export interface Boot {
  readonly boot: string;
  readonly kernel: string;
  readonly anchorUs: number;
}

export interface NamespaceSet {
  readonly id: SetId;
  readonly namespaces: readonly LifespanId[];
  /** Members that are listed one by one. */
  readonly members: Set<HolderId>;
  /** Members that are only counted (holders.churned). */
  counted: number;
}

export type Coverage = EventOf<'coverage.changed'>;
export type Gap = EventOf<'observation.gap'>;
/** A gap as it is answered with: also what was removed from the log is one (`pruned`). */
export interface GapRecord extends Pick<Gap, 'seq' | 'source' | 'lost' | 'from' | 'to'> {
  readonly reason: Gap['reason'] | 'pruned';
}
/** Births that were only counted: a record of their own, and nothing that is there now. */
export type Storm = EventOf<'namespaces.stormed'>;

export interface Known {
  /** seq of the last event folded; 0 before the first. */
  position: number;
  /** Timeline instant of the last event folded. */
  lastAt: number;
  boot: Boot | null;
  readonly wallOffsets: WallOffset[];
  /** Lifespans that have not ended, by id. */
  readonly lifespans: Map<LifespanId, Lifespan>;
  readonly lifespanByKey: Map<NamespaceKey, LifespanId>;
  /** Not ended lifespans by inum: more than one only until the older one's end has been recorded. */
  readonly lifespansByInum: Map<number, LifespanId[]>;
  /** Not ended lifespans by the kernel's id, where the kernel has ids. */
  readonly lifespanByKernelId: Map<string, LifespanId>;
  /** How many lifespans each inum had in this boot. */
  readonly incarnations: Map<number, number>;
  readonly holders: Map<HolderId, Holder>;
  readonly holderByKey: Map<string, HolderId>;
  /** Holders that are tasks, or belong to one, by the pid of their process. */
  readonly holdersByPid: Map<number, Set<HolderId>>;
  /** Holders of one lifespan alone; members of sets are found through `setsOf`. */
  readonly holdersOf: Map<LifespanId, Set<HolderId>>;
  readonly sets: Map<SetId, NamespaceSet>;
  readonly setByMembers: Map<string, SetId>;
  readonly setsOf: Map<LifespanId, Set<SetId>>;
  /** The control groups in `containers` of each lifespan: one that is kept for years sees many. */
  readonly containersOf: Map<LifespanId, Set<string>>;
  /** What was learnt in this boot about containers, by their control group. */
  readonly containers: Map<string, Container>;
  /** The last watching stretch; null before the first scan of this boot. */
  coverage: Coverage | null;
  /** Gaps not closed yet. */
  readonly openGaps: Map<number, Gap>;
  /** False after collector.stopped; true after collector.started, also when the collector was killed. */
  isCollecting: boolean;
  /**
   * Timeline instant from which on the log tells everything it ever told: what was before has been removed
   * (see retained.ts). Null: nothing was.
   */
  knownFromUs: number | null;
}

export function emptyKnown(): Known {
  return {
    position: 0,
    lastAt: 0,
    boot: null,
    wallOffsets: [],
    lifespans: new Map(),
    lifespanByKey: new Map(),
    lifespansByInum: new Map(),
    lifespanByKernelId: new Map(),
    incarnations: new Map(),
    holders: new Map(),
    holderByKey: new Map(),
    holdersByPid: new Map(),
    holdersOf: new Map(),
    sets: new Map(),
    setByMembers: new Map(),
    setsOf: new Map(),
    containersOf: new Map(),
    containers: new Map(),
    coverage: null,
    openGaps: new Map(),
    isCollecting: false,
    knownFromUs: null,
  };
}

/** Text that is equal for equal namespace sets. Ids must be sorted. */
export function toSetKey(namespaces: readonly LifespanId[]): string {
  return namespaces.join(',');
}

/** The not ended lifespan that a type and inum name at this moment. */
export function findLifespan(known: Known, key: NamespaceKey): Lifespan | undefined {
  const id = known.lifespanByKey.get(key);
  return id === undefined ? undefined : known.lifespans.get(id);
}

/** Every listed holder of a lifespan: its own, and the members of the sets it is in. */
export function* eachHolder(known: Known, lifespanId: LifespanId): Generator<Holder> {
  for (const holderId of known.holdersOf.get(lifespanId) ?? []) {
    const holder = known.holders.get(holderId);
    if (holder) {
      yield holder;
    }
  }
  for (const setId of known.setsOf.get(lifespanId) ?? []) {
    for (const holderId of known.sets.get(setId)?.members ?? []) {
      const holder = known.holders.get(holderId);
      if (holder) {
        yield holder;
      }
    }
  }
}

/** Enters a lifespan into every index. Used by evolve and by whoever loads a known state from its rows. */
export function indexLifespan(known: Known, lifespan: Lifespan): void {
  known.lifespans.set(lifespan.id, lifespan);
  known.containersOf.set(lifespan.id, new Set(lifespan.containers));
  known.lifespanByKey.set(toNamespaceKey(lifespan.type, lifespan.inum), lifespan.id);
  known.lifespansByInum.set(lifespan.inum, [
    ...(known.lifespansByInum.get(lifespan.inum) ?? []),
    lifespan.id,
  ]);
  if (lifespan.kernelNamespaceId !== null) {
    known.lifespanByKernelId.set(lifespan.kernelNamespaceId, lifespan.id);
  }
}

/** Enters a namespace set into every index. */
export function indexSet(known: Known, set: NamespaceSet): void {
  known.sets.set(set.id, set);
  known.setByMembers.set(toSetKey(set.namespaces), set.id);
  for (const lifespanId of set.namespaces) {
    add(known.setsOf, lifespanId, set.id);
  }
}

/** Enters a holder into every index; its set, if it has one, must be there. */
export function indexHolder(known: Known, key: string, holder: Holder): void {
  known.holders.set(holder.id, holder);
  known.holderByKey.set(key, holder.id);
  if (holder.lifespan !== null) {
    add(known.holdersOf, holder.lifespan, holder.id);
  }
  if (holder.set !== null) {
    known.sets.get(holder.set)?.members.add(holder.id);
  }
  if (holder.pid !== null) {
    add(known.holdersByPid, holder.pid, holder.id);
  }
}

function add<Key, Value>(index: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const values = index.get(key);
  if (values) {
    values.add(value);
  } else {
    index.set(key, new Set([value]));
  }
}
