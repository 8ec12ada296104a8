/**
 * What the collector remembers between kernel records that is not an event: which namespaces nobody is
 * known to hold, and what moved while a scan was under way. Lost when the collector ends, like the Watch;
 * unlike it, it is changed in place, because records come by the ten thousand.
 */
import { emptyBirthBooks, type BirthBooks } from './birth-books.ts';
import type { Holder } from './holder.ts';
import type { BirthRecord, KernelNamespace, TaskRecord } from './kernel-record.ts';
import type { Known, LifespanId } from './known.ts';
import type { MemberBudget } from './member-budget.ts';
import { createMountTable, type MountTable } from './mount-table.ts';
import { toNamespaceKey, type NamespaceKey } from './namespace-type.ts';

/** A namespace without a known holder, which is asked after until its end is known. */
export interface Vacancy {
  /** When the last known holder left; null where only a scan says that there is none. */
  readonly leftUs: number | null;
  /** It was alive at this instant. */
  readonly lastAliveUs: number;
  readonly nextProbeUs: number;
  /** How often it was asked and still there. */
  readonly probes: number;
}

export interface KernelMemory {
  readonly vacant: Map<LifespanId, Vacancy>;
  /** Pid namespaces whose birth was told: their init (toProcessKey), null until there is one. */
  readonly inits: Map<LifespanId, string | null>;
  /** Processes that records spoke of since the scan under way began: what it saw of them may be older. */
  readonly touchedPids: Set<number>;
  /** Processes (toProcessKey) that ended since the scan under way began. */
  left: Set<string>;
  /** Those of the scan before: the kernel takes their namespaces away a little after it has told their end. */
  leftBefore: Set<string>;
  /** Namespaces (toIdentity) that ended since the scan under way began: it may have seen them before. */
  ended: Set<string>;
  /** Those of the scan before: a birth that is told late must not begin them again. */
  endedBefore: Set<string>;
  /** Those whose last descriptor and bind mount went since the scan under way began. */
  readonly closed: Set<string>;
  readonly mounts: MountTable;
  /** Ids of mounts that records spoke of since the scan under way began: what it saw of them may be older. */
  readonly touchedMounts: Set<number>;
  /** Of mounts that are listed one by one; null before the first. */
  mountBudget: MemberBudget | null;
  /** Mounts beyond it since the last scan. */
  unlistedMounts: { readonly count: number; readonly fromUs: number; readonly toUs: number } | null;
  /** Ended ones that the kernel side may forget; whoever tells it empties the list. */
  readonly forgettable: KernelNamespace[];
  /** By kernel id: ended and counted, while the count is not in the log yet. Then they become forgettable. */
  readonly folded: Map<string, KernelNamespace>;
  /** Gaps in the stream of records that the next whole scan closes. */
  readonly openGaps: number[];
  /** Births since the last whole scan that the ring had lost and the map of live namespaces still knew. */
  recoveredCount: number;
  /** Births since then that nothing told, and that other records gave away. */
  inferredCount: number;
  /** Births of a storm that are not listed, see derive-kernel-storms.ts. */
  births: BirthBooks<HeldBirth>;
  /** By pid: the namespaces held back that a process is in. */
  readonly heldBackIn: Map<number, readonly NamespaceKey[]>;
  /** Holders whose facts were told anew: once, unless it is about another container. */
  readonly described: WeakSet<Holder>;
  /** End of the last loss of records: ends before it may have been missed. */
  lossUs: number;
  /** Something happened that only a scan can tell. */
  isScanWanted: boolean;
}

/** Everything needed to list a birth later than it was told. */
export interface HeldBirth {
  readonly birth: BirthRecord;
  /** The first process in it, and the only one while it is held back. */
  entered: TaskRecord | null;
  /** When that process left. */
  leftUs: number | null;
}

export function createKernelMemory(): KernelMemory {
  return {
    vacant: new Map(),
    inits: new Map(),
    touchedPids: new Set(),
    left: new Set(),
    leftBefore: new Set(),
    ended: new Set(),
    endedBefore: new Set(),
    closed: new Set(),
    mounts: createMountTable(),
    touchedMounts: new Set(),
    mountBudget: null,
    unlistedMounts: null,
    forgettable: [],
    folded: new Map(),
    openGaps: [],
    recoveredCount: 0,
    inferredCount: 0,
    births: emptyBirthBooks(),
    heldBackIn: new Map(),
    described: new WeakSet(),
    lossUs: Number.NEGATIVE_INFINITY,
    isScanWanted: false,
  };
}

/** Forgets what moved during the scan before: call it when a scan begins. */
export function beginScan(memory: KernelMemory): void {
  memory.touchedPids.clear();
  memory.leftBefore = memory.left;
  memory.left = new Set();
  memory.endedBefore = memory.ended;
  memory.ended = new Set();
  memory.closed.clear();
  memory.touchedMounts.clear();
  memory.isScanWanted = false;
}

/** Text that is equal for the same process of one boot. */
export function toProcessKey(pid: number, startTimeTicks: number): string {
  return `${pid}:${startTimeTicks}`;
}

/** The namespace ended not long ago. */
export function hasJustEnded({ ended, endedBefore }: KernelMemory, identity: string): boolean {
  return ended.has(identity) || endedBefore.has(identity);
}

/** Text that is equal for equal namespaces of one boot; without kernel ids, at one instant. */
export function toIdentity({ type, inum, kernelNamespaceId }: KernelNamespace): string {
  return kernelNamespaceId ?? toNamespaceKey(type, inum);
}

/** First question after the last holder left: most types are gone by then. */
const FIRST_PROBE_US = 2_000;
/** A namespace that lives on without a holder is asked after less and less often, but at least this often. */
const PROBE_INTERVAL_MAX_US = 5_000_000;

/** Notes that the last known holder left at this instant, or no more exactly than since `lastAliveUs`. */
export function becomeVacant(
  memory: KernelMemory,
  id: LifespanId,
  leftUs: number,
  lastAliveUs = leftUs,
): void {
  const nextProbeUs = leftUs + FIRST_PROBE_US;
  const toldUs = lastAliveUs < leftUs ? null : leftUs;
  memory.vacant.set(id, { leftUs: toldUs, lastAliveUs, nextProbeUs, probes: 0 });
}

/** Notes that it was still there. The pause doubles with every answer. */
export function stillAlive(vacancy: Vacancy, aliveUs: number): Vacancy {
  const pauseUs = Math.min(FIRST_PROBE_US * 2 ** (vacancy.probes + 1), PROBE_INTERVAL_MAX_US);
  return {
    ...vacancy,
    lastAliveUs: aliveUs,
    nextProbeUs: aliveUs + pauseUs,
    probes: vacancy.probes + 1,
  };
}

/**
 * Brings the list of vacant namespaces in line with what is known after a scan: namespaces that a scan
 * found without a holder are added, those that have one again are removed. `isHeldOtherwise` tells of
 * members that are only counted.
 */
export function refreshVacancies(
  { known, memory }: { readonly known: Known; readonly memory: KernelMemory },
  { atUs, isHeldOtherwise }: { atUs: number; isHeldOtherwise: (id: LifespanId) => boolean },
): void {
  for (const id of memory.vacant.keys()) {
    if ((known.lifespans.get(id)?.holdersNow ?? 1) > 0) {
      memory.vacant.delete(id);
    }
  }
  for (const id of memory.inits.keys()) {
    if (!known.lifespans.has(id)) {
      memory.inits.delete(id);
    }
  }
  for (const { id, initial, holdersNow, born, unheld } of known.lifespans.values()) {
    if (holdersNow === 0 && !initial && !memory.vacant.has(id) && !isHeldOtherwise(id)) {
      const lastAliveUs = Math.max(born.by, unheld?.after ?? born.by);
      memory.vacant.set(id, { leftUs: null, lastAliveUs, nextProbeUs: atUs, probes: 0 });
    }
  }
}

/** Vacant namespaces that should be asked after now, at most `limit`. */
export function listDueProbes(
  known: Known,
  memory: KernelMemory,
  { atUs, limit }: { atUs: number; limit: number },
): { id: LifespanId; namespace: KernelNamespace }[] {
  const due: { id: LifespanId; namespace: KernelNamespace }[] = [];
  for (const [id, { nextProbeUs }] of memory.vacant) {
    const lifespan = known.lifespans.get(id);
    if (lifespan === undefined || lifespan.holdersNow > 0) {
      memory.vacant.delete(id);
    } else if (nextProbeUs <= atUs && lifespan.kernelNamespaceId !== null) {
      const { type, inum, kernelNamespaceId } = lifespan;
      due.push({ id, namespace: { type, inum, kernelNamespaceId } });
      if (due.length >= limit) {
        break;
      }
    }
  }
  return due;
}
