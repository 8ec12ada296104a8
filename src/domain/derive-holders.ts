/** Compares the holders of a scan with the known ones: who came, who left, and who cannot be told. */
import { listAncestors, markObserver, type Arrival, type ProcessIdentity } from './arrival.ts';
import type { Bounds } from './bounds.ts';
import { sourceOf } from './carried-holders.ts';
import type { Continuity } from './continuity.ts';
import { deriveMoved } from './derive-containers.ts';
import type { Resolution } from './derive-lifespans.ts';
import type { Draft } from './draft.ts';
import { toHolderKey, type Holder, type HolderIdentity } from './holder.ts';
import type { Holding, Holdings } from './holdings.ts';
import {
  findLifespan,
  toSetKey,
  type HolderId,
  type Known,
  type LifespanId,
  type SetId,
} from './known.ts';
import type { MemberGain, OpenMemberBooks } from './member-books.ts';
import {
  admitSeen,
  findMovers,
  settlePending,
  type MemberSighting,
  type Movers,
} from './member-scan.ts';
import {
  isNamespaceType,
  toNamespaceKey,
  type NamespaceKey,
  type NamespaceType,
} from './namespace-type.ts';
import { NO_FACTS } from './process-facts.ts';
import type { Scan } from './scan.ts';
import type { KernelView } from './settle-scan.ts';
import { US_PER_TICK } from './time.ts';
import type { Watch } from './watch.ts';

interface Input {
  readonly known: Known;
  readonly watch: Watch;
  readonly books: OpenMemberBooks;
  readonly scan: Scan;
  readonly holdings: Holdings;
  readonly continuity: Continuity;
  readonly kernel: KernelView | null;
  readonly own?: ProcessIdentity | null;
}

/** Adds holder.lost and holder.gained to the draft, lost ones first. */
export function deriveHolders(
  input: Input,
  resolution: Resolution,
  carried: ReadonlySet<HolderId>,
  draft: Draft,
): void {
  const { known, books } = input;
  const sets = new Map<string, SetId>();
  const still = new Set<HolderId>(carried);
  const gained: Gain[] = [];
  const stayed: MemberSighting[] = [];
  // Where the kernel tells of every exec, it has told this too.
  const moved: { holder: Holder; holding: Holding }[] = [];
  const hold = createHoldResolver(known, resolution);
  for (const holding of input.holdings.listed) {
    const held = hold(holding);
    const knownId = findKnownHolder(input, holding, held, resolution);
    if (knownId !== undefined) {
      still.add(knownId);
      const holder = input.kernel === null ? known.holders.get(knownId) : undefined;
      if (holder) {
        moved.push({ holder, holding });
      }
    } else if (held.set !== undefined && isPending(books, holding, held.set)) {
      stayed.push({ set: held.set, member: holding });
    } else {
      gained.push({ holding, held, resolution, sets });
    }
  }
  const movers = findMovers(input, still, draft);
  for (const holder of known.holders.values()) {
    const isToldByScans = sourceOf(holder) !== undefined;
    const isStill = still.has(holder.id) || !isToldByScans;
    if (!isStill && !isEndedWith(known, holder, resolution.replaced)) {
      addLost(input, holder, movers, draft);
    }
  }
  settlePending(input, { stayed, still }, draft);
  for (const { holder, holding } of moved) {
    deriveMoved(holder, holding.facts, draft);
  }
  for (const gain of gained) {
    addGained(input, gain, movers, draft);
  }
}

function isPending(books: OpenMemberBooks, holding: Holding, set: SetId): boolean {
  return holding.kind === 'process' && books.find(set, holding) !== undefined;
}

/** What a holding holds, as lifespans. */
interface Held {
  /** In order, as in a namespace set. */
  readonly lifespans: readonly LifespanId[];
  /** The known set of exactly these; undefined when there is none, or when one of them has just ended. */
  readonly set: SetId | undefined;
}

/** Holdings of processes in the same namespaces share their list of keys, and are resolved once. */
function createHoldResolver(
  known: Known,
  { lifespanOf, replaced }: Resolution,
): (holding: Holding) => Held {
  const resolved = new Map<readonly NamespaceKey[], Held>();
  return ({ keys }) => {
    let held = resolved.get(keys);
    if (!held) {
      const lifespans = keys
        .flatMap((key) => lifespanOf.get(key) ?? [])
        .toSorted((left, right) => left - right);
      const isReplaced = lifespans.some((id) => replaced.has(id));
      held = {
        lifespans,
        set: isReplaced ? undefined : known.setByMembers.get(toSetKey(lifespans)),
      };
      resolved.set(keys, held);
    }
    return held;
  };
}

function isTask(holding: Holding): boolean {
  return holding.kind === 'process' || holding.kind === 'thread';
}

function findKnownHolder(
  { known }: Input,
  holding: Holding,
  held: Held,
  resolution: Resolution,
): HolderId | undefined {
  const set = isTask(holding) ? held.set : null;
  if (set === undefined || held.lifespans.some((id) => resolution.replaced.has(id))) {
    return undefined;
  }
  return known.holderByKey.get(toHolderKey(toIdentity(known, holding, { set, held, resolution })));
}

/**
 * A mount namespace can be known although nothing that the scan showed is in it: records overtook the scan about
 * all of its processes (settleScan).
 */
function findPlace(
  known: Known,
  { lifespanOf, replaced }: Resolution,
  key: NamespaceKey,
): LifespanId | null {
  const id = lifespanOf.get(key) ?? findLifespan(known, key)?.id ?? null;
  return id === null || replaced.has(id) ? null : id;
}

function toIdentity(
  known: Known,
  holding: Holding,
  { set, held, resolution }: { set: SetId | null; held: Held; resolution: Resolution },
): HolderIdentity {
  const { kind, pid, tid, startTimeTicks, fd, path, mountInum, deviceInum } = holding;
  const placeOf = (type: NamespaceType, inum: number | null): LifespanId | null =>
    inum === null ? null : findPlace(known, resolution, toNamespaceKey(type, inum));
  return {
    kind,
    set,
    lifespan: set === null ? (held.lifespans[0] ?? null) : null,
    pid,
    tid,
    startTimeTicks,
    fd,
    path,
    mountNamespace: placeOf('mnt', mountInum),
    socketInode: holding.socketInode,
    interface: holding.interface,
    namespace: placeOf('net', deviceInum),
  };
}

function isEndedWith(known: Known, holder: Holder, replaced: ReadonlySet<LifespanId>): boolean {
  const held =
    holder.set === null ? [holder.lifespan] : (known.sets.get(holder.set)?.namespaces ?? []);
  return held.some((id) => id !== null && replaced.has(id));
}

function addLost({ watch, scan }: Input, holder: Holder, movers: Movers, draft: Draft): void {
  const { id, kind, pid, set, lifespan } = holder;
  const source = sourceOf(holder) ?? 'links';
  const seenUs = watch.holderLastSeenUs.get(id) ?? watch.previousBySource.get(source)?.startedAtUs;
  const after = Math.max(
    seenUs ?? watch.previous?.startedAtUs ?? holder.from.by,
    holder.from.after ?? 0,
  );
  const evidence = after < watch.gapEndUs ? 'inferred-after-gap' : 'scan';
  draft.add({
    event: 'holder.lost',
    holder: id,
    kind,
    pid,
    set,
    lifespan,
    type: null,
    how: kind === 'process' && movers.hasMoved(holder) ? 'moved' : null,
    to: { after, by: scan.endedAtUs, evidence },
  });
}

interface Gain {
  readonly holding: Holding;
  readonly held: Held;
  readonly resolution: Resolution;
  /** Sets introduced by this draft. */
  readonly sets: Map<string, SetId>;
}

function addGained(
  input: Input,
  { holding, held, resolution, sets }: Gain,
  movers: Movers,
  draft: Draft,
): void {
  if (held.lifespans.length === 0) {
    return;
  }
  let set: SetId | null = null;
  let isNewSet = false;
  if (isTask(holding)) {
    const key = toSetKey(held.lifespans);
    set = held.set ?? sets.get(key) ?? draft.nextSeq();
    isNewSet = set === draft.nextSeq();
    sets.set(key, set);
  }
  const gain: MemberGain = {
    event: 'holder.gained',
    ...toIdentity(input.known, holding, { set, held, resolution }),
    type: set === null ? typeOf(holding) : null,
    namespaces: isNewSet ? [...held.lifespans] : null,
    ...(holding.facts ?? NO_FACTS),
    ...toArrival(input, holding, movers),
    from: boundGain(input, holding),
  };
  const isMover = movers.isMover(gain);
  if (set === null || admitSeen(input, { set, gain, isMover }) === 'list') {
    draft.add(gain);
  }
}

/** A process that was seen elsewhere has moved. What its children get is another thing it had not before. */
function toArrival({ own, known, continuity }: Input, holding: Holding, movers: Movers): Arrival {
  const { kind, pid, tid, startTimeTicks, facts } = holding;
  const task = { pid, startTimeTicks, ppid: facts?.ppid ?? null };
  const process = pid === null ? undefined : continuity.findProcess(pid);
  const isKnown = [...(known.holdersByPid.get(pid ?? -1) ?? [])].some(
    (id) => known.holders.get(id)?.startTimeTicks === startTimeTicks,
  );
  const hasMoved =
    (kind === 'process' && movers.hasMoved(holding)) ||
    (kind === 'for-children' && tid === null && (isKnown || movers.hasMoved(holding)));
  return {
    how: hasMoved ? 'moved' : null,
    ancestors: hasMoved && process ? listAncestors(process, continuity.findProcess) : null,
    observer: markObserver(own, task),
  };
}

function typeOf(holding: Holding): NamespaceType | null {
  const [type = ''] = (holding.keys[0] ?? '').split(':');
  return isNamespaceType(type) ? type : null;
}

/** A process cannot have held anything before it started, which bounds what the first scan finds. */
function boundGain({ known, watch, scan }: Input, holding: Holding): Bounds {
  const source = sourceOf(holding) ?? 'links';
  const previousUs =
    watch.previousBySource.get(source)?.startedAtUs ?? watch.previous?.startedAtUs ?? null;
  const wasHidden = watch.unreadable.has(`${holding.pid}:${holding.startTimeTicks}`);
  const lastLookUs = wasHidden ? null : previousUs;
  const startedUs =
    holding.startTimeTicks === null ? null : toTimelineUs(known, holding.startTimeTicks);
  // Start times are cut to ticks: it started at or after this instant, and bounds exclude their lower end.
  const startBoundUs = startedUs === null ? null : startedUs - 1;
  const after =
    lastLookUs === null ? startBoundUs : Math.max(lastLookUs, startBoundUs ?? lastLookUs);
  if (previousUs === null) {
    return { after, by: scan.endedAtUs, evidence: 'baseline' };
  }
  return {
    after,
    by: scan.endedAtUs,
    evidence: previousUs < watch.gapEndUs ? 'inferred-after-gap' : 'scan',
  };
}

function toTimelineUs(known: Known, startTimeTicks: number): number {
  return (known.boot?.anchorUs ?? 0) + startTimeTicks * US_PER_TICK;
}
