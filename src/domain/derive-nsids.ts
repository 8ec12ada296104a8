/**
 * Which ids network namespaces have in the one we are in, judged from lists, notices and answers.
 *
 * Holds:     what this run has made sure of. An id means nothing until a namespace was asked and gave it.
 * Promises:  an id that was taken back is never taken for that of its next owner; what may have changed while
 *            it was asked is asked again.
 * Does not:  ask (collector).
 */
import type { Bounds } from './bounds.ts';
import type { Draft } from './draft.ts';
import { eachHolder, type Known, type LifespanId } from './known.ts';
import type { Lifespan } from './lifespan.ts';
import { findOpenNsid } from './nsid.ts';

/** As in collector.started, and of the gaps that lost notices are. */
const NSIDS = 'nsids';

export interface NsidMemory {
  /** Lifespan of the network namespace in which the ids count. */
  readonly observer: LifespanId;
  /** Made sure of in this run. */
  readonly owners: Map<number, LifespanId>;
  /** Ids we were told of when they were given, and nobody was found yet who has them. */
  readonly given: Map<number, Bounds>;
  /** Had no id when they were asked; asked again when the list has changed. */
  readonly without: Set<LifespanId>;
  /** The last list, and when it began to be read; null before the first. */
  listed: { readonly nsids: ReadonlySet<number>; readonly fromUs: number } | null;
  /** Gaps of lost notices that the next list closes. */
  readonly openGaps: number[];
}

export function createNsidMemory(observer: LifespanId): NsidMemory {
  return {
    observer,
    owners: new Map(),
    given: new Map(),
    without: new Set(),
    listed: null,
    openGaps: [],
  };
}

export interface NsidInput {
  readonly known: Known;
  readonly memory: NsidMemory;
  /** When a scan last saw it. */
  readonly lastSeenUs: (id: LifespanId) => number;
}

/**
 * We were told that an id was taken back, which happens when its namespace is cleaned up: after its last
 * reference was dropped, before its inum is free.
 */
export function deriveRemoved(input: NsidInput, nsid: number, to: Bounds, draft: Draft): void {
  const { known, memory } = input;
  const owner = memory.owners.get(nsid);
  memory.owners.delete(nsid);
  memory.given.delete(nsid);
  const lifespan = owner === undefined ? undefined : known.lifespans.get(owner);
  if (lifespan === undefined) {
    return;
  }
  endNsid(input, lifespan, { nsid, to }, draft);
  if (lifespan.unreferenced === null && !lifespan.initial) {
    const { id, type, inum } = lifespan;
    const after = Math.min(Math.max(input.lastSeenUs(id), latestUs(known, lifespan)), to.by);
    const unreferenced: Bounds = { after, by: to.by, evidence: 'kernel-event' };
    draft.add({ event: 'namespace.unreferenced', lifespan: id, type, inum, unreferenced });
  }
}

/** Somebody held it from this instant on at the latest: it was there. */
function latestUs(known: Known, { id, born }: Lifespan): number {
  let us = born.by;
  for (const { from } of eachHolder(known, id)) {
    us = Math.max(us, from.by);
  }
  return us;
}

/** We were told that an id was given. To whom, only asking tells. */
export function noteGiven({ memory }: NsidInput, nsid: number, from: Bounds): void {
  memory.owners.delete(nsid);
  memory.given.set(nsid, from);
  memory.without.clear();
}

/** Notices were lost: what is told next need not be what happened next, so the next list has to say. */
export function deriveNoticesLost(
  memory: NsidMemory,
  { from, to }: { readonly from: number; readonly to: number },
  draft: Draft,
): void {
  const gap = { source: NSIDS, lost: null, from, to, reason: 'lost' } as const;
  memory.openGaps.push(draft.add({ event: 'observation.gap', ...gap }));
  // An id may have been taken back and given to another one meanwhile: everybody is asked anew.
  memory.owners.clear();
  memory.given.clear();
  memory.without.clear();
}

/** Takes over a whole list, and ends what is not in it any more. Closes these gaps. */
export function deriveListed(
  input: NsidInput,
  list: {
    readonly nsids: ReadonlySet<number>;
    readonly fromUs: number;
    readonly toUs: number;
    readonly openGaps: readonly number[];
  },
  draft: Draft,
): void {
  const { known, memory } = input;
  const { listed, observer, owners } = memory;
  let inferred = 0;
  for (const lifespan of listNetworks(known)) {
    for (const { nsid, from } of lifespan.nsids.filter((each) => each.observer === observer)) {
      if (findOpenNsid(lifespan.nsids, { observer, nsid }) && !list.nsids.has(nsid)) {
        const isOwn = owners.get(nsid) === lifespan.id && listed !== null;
        const after = Math.max(from.by, isOwn ? listed.fromUs : from.by);
        const evidence = isOwn ? 'scan' : 'inferred-after-gap';
        endNsid(input, lifespan, { nsid, to: { after, by: list.toUs, evidence } }, draft);
        inferred += 1;
      }
    }
  }
  for (const nsid of owners.keys()) {
    if (!list.nsids.has(nsid)) {
      owners.delete(nsid);
    }
  }
  for (const nsid of memory.given.keys()) {
    if (!list.nsids.has(nsid)) {
      memory.given.delete(nsid);
    }
  }
  if (listed === null || !isEqual(listed.nsids, list.nsids)) {
    memory.without.clear();
  }
  for (const [index, gap] of list.openGaps.entries()) {
    // What was found out cannot be told apart by loss.
    const found = { recovered: 0, inferred: index === 0 ? inferred : 0, unknown: 0 };
    draft.add({ event: 'observation.gap_closed', source: NSIDS, gap, ...found });
  }
}

/** Network namespaces to ask, the youngest first: none while every id in the list has its owner. */
export function listToAsk(
  { known, memory }: NsidInput,
  nsids: ReadonlySet<number>,
  limit: number,
): Lifespan[] {
  if ([...nsids].every((nsid) => memory.owners.has(nsid))) {
    return [];
  }
  const owners = new Set(memory.owners.values());
  return listNetworks(known)
    .filter(({ id }) => !owners.has(id) && !memory.without.has(id))
    .toReversed()
    .slice(0, limit);
}

/** A namespace was asked between two lists or notices that leave no doubt, and gave this answer. */
export function deriveAnswer(
  input: NsidInput,
  {
    id,
    nsid,
    atUs,
  }: { readonly id: LifespanId; readonly nsid: number | null; readonly atUs: number },
  draft: Draft,
): void {
  const { known, memory } = input;
  const { observer, listed, given } = memory;
  const lifespan = known.lifespans.get(id);
  if (lifespan === undefined) {
    return;
  }
  for (const open of lifespan.nsids) {
    if (open.observer === observer && open.to === null && open.nsid !== nsid) {
      const to: Bounds = { after: open.from.by, by: atUs, evidence: 'inferred-after-gap' };
      endNsid(input, lifespan, { nsid: open.nsid, to }, draft);
    }
  }
  if (nsid === null) {
    memory.without.add(id);
    return;
  }
  memory.owners.set(nsid, id);
  for (const other of listNetworks(known)) {
    const had = other.id === id ? undefined : findOpenNsid(other.nsids, { observer, nsid });
    if (had) {
      // It was taken back without our being told.
      const to: Bounds = { after: had.from.by, by: atUs, evidence: 'inferred-after-gap' };
      endNsid(input, other, { nsid, to }, draft);
    }
  }
  if (!findOpenNsid(lifespan.nsids, { observer, nsid })) {
    const seen: Bounds =
      listed === null
        ? { after: null, by: atUs, evidence: 'baseline' }
        : { after: listed.fromUs, by: atUs, evidence: 'scan' };
    const from = notBefore(given.get(nsid) ?? seen, lifespan.born);
    const news = { observer, nsid, from, to: null };
    draft.add({ ...NOTHING_NEW, ...subjectOf(lifespan), nsids: [news] });
  }
  given.delete(nsid);
}

/** Nothing has an id before it is there. */
function notBefore(from: Bounds, born: Bounds): Bounds {
  const after = from.after === null ? born.after : Math.max(from.after, born.after ?? from.after);
  return after === null ? from : { ...from, after: Math.min(after, from.by) };
}

function endNsid(
  { memory }: NsidInput,
  lifespan: Lifespan,
  { nsid, to }: { readonly nsid: number; readonly to: Bounds },
  draft: Draft,
): void {
  const open = findOpenNsid(lifespan.nsids, { observer: memory.observer, nsid });
  if (open) {
    const by = Math.max(to.by, open.from.by);
    const after = Math.min(Math.max(to.after ?? open.from.by, open.from.after ?? open.from.by), by);
    const news = { observer: memory.observer, nsid, from: null, to: { ...to, after, by } };
    draft.add({ ...NOTHING_NEW, ...subjectOf(lifespan), nsids: [news] });
  }
}

function subjectOf({
  id,
  type,
  inum,
}: Lifespan): Pick<Lifespan, 'type' | 'inum'> & { lifespan: number } {
  return { lifespan: id, type, inum };
}

const NOTHING_NEW = {
  event: 'namespace.described',
  kernelNamespaceId: null,
  owner: null,
  parent: null,
  ownerUid: null,
  names: null,
  initEnded: null,
  references: null,
} as const;

function listNetworks(known: Known): Lifespan[] {
  return [...known.lifespans.values()].filter(({ type }) => type === 'net');
}

function isEqual(left: ReadonlySet<number>, right: ReadonlySet<number>): boolean {
  return left.size === right.size && [...left].every((each) => right.has(each));
}
