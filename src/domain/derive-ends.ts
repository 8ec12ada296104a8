/** Decides what became of the namespaces a scan did not see. */
import type { Bounds } from './bounds.ts';
import type { Resolution } from './derive-lifespans.ts';
import type { Draft } from './draft.ts';
import type { Holdings } from './holdings.ts';
import type { Known, LifespanId } from './known.ts';
import type { Lifespan } from './lifespan.ts';
import type { OpenMemberBooks } from './member-books.ts';
import { settleMembers } from './member-events.ts';
import { toNamespaceKey } from './namespace-type.ts';
import { isKeptBy, knowsKept } from './relations.ts';
import type { Scan } from './scan.ts';
import type { KernelView } from './settle-scan.ts';
import type { Sighting, Watch } from './watch.ts';

interface Input {
  readonly known: Known;
  readonly watch: Watch;
  readonly books: OpenMemberBooks;
  readonly scan: Scan;
  readonly holdings: Holdings;
  /** Every source ran in this scan: only then does not seeing mean anything. */
  readonly isFull: boolean;
  readonly carried: ReadonlySet<LifespanId>;
  readonly kept: ReadonlyMap<LifespanId, 'seen' | 'carried'>;
  readonly kernel: KernelView | null;
}

/**
 * Adds namespace.unheld and namespace.disappeared to the draft, and returns the sightings to remember.
 *
 * A namespace ends only when two full scans did not see it and nothing unreadable held it last. What a
 * child or owned namespace keeps is held. A user or pid namespace that may be kept by one whose relations
 * are not known is unheld, not ended.
 */
export function deriveEnds(
  input: Input,
  resolution: Resolution,
  draft: Draft,
): Map<LifespanId, Sighting> {
  const { known, watch, scan } = input;
  const { replaced } = resolution;
  const sightings = new Map<LifespanId, Sighting>();
  for (const id of resolution.lifespanOf.values()) {
    sightings.set(id, { lastSeenUs: scan.startedAtUs, missedByUs: null });
  }
  const ended = new Set(replaced);
  const course: Course = { ...input, ended };
  const unseen = [...known.lifespans.values()].filter(
    ({ id, initial }) => !sightings.has(id) && !replaced.has(id) && !initial,
  );
  for (const lifespan of orderChildrenFirst(known, unseen)) {
    const sighting = watch.sightings.get(lifespan.id) ?? {
      lastSeenUs: lifespan.born.by,
      missedByUs: null,
    };
    const next = judgeUnseen(course, lifespan, sighting, draft);
    if (next) {
      sightings.set(lifespan.id, next);
    } else {
      ended.add(lifespan.id);
    }
  }
  return sightings;
}

interface Course extends Input {
  /** Lives that this draft has ended so far. */
  readonly ended: ReadonlySet<LifespanId>;
}

/** So that what keeps a namespace alive has been judged before it. Most have no children, and stay in order. */
function orderChildrenFirst(known: Known, unseen: readonly Lifespan[]): Lifespan[] {
  const depthOf = ({ type, owner, parent }: Lifespan): number => {
    if (type !== 'user' && type !== 'pid') {
      return Number.MAX_SAFE_INTEGER;
    }
    let depth = type === 'pid' ? DEPTH_MAX : 0;
    let above = parent ?? owner;
    for (let steps = 0; above !== null && steps < DEPTH_MAX; steps += 1) {
      depth += 1;
      const life = known.lifespans.get(above);
      above = life?.type === type ? (life.parent ?? life.owner) : null;
    }
    return depth;
  };
  return unseen
    .map((lifespan) => ({ lifespan, depth: depthOf(lifespan) }))
    .toSorted((left, right) => right.depth - left.depth)
    .map(({ lifespan }) => lifespan);
}

/** More than the 32 levels that the kernel allows. */
const DEPTH_MAX = 64;

/** The sighting to remember, or undefined when the lifespan has ended. */
function judgeUnseen(
  input: Course,
  lifespan: Lifespan,
  sighting: Sighting,
  draft: Draft,
): Sighting | undefined {
  const kept = input.kept.get(lifespan.id);
  if (kept === 'seen') {
    return { lastSeenUs: input.scan.startedAtUs, missedByUs: null };
  }
  if (kept === 'carried' || input.carried.has(lifespan.id) || isHeldFromBelow(input, lifespan)) {
    return { ...sighting, missedByUs: null };
  }
  if (!input.isFull) {
    return sighting;
  }
  if (sighting.missedByUs === null) {
    return { ...sighting, missedByUs: input.scan.endedAtUs };
  }
  const { id, type, inum } = lifespan;
  const evidence = sighting.lastSeenUs < input.watch.gapEndUs ? 'inferred-after-gap' : 'scan';
  const leftUs = input.kernel?.memory.vacant.get(lifespan.id)?.leftUs ?? null;
  const left: Bounds =
    leftUs === null
      ? { after: sighting.lastSeenUs, by: sighting.missedByUs, evidence }
      : { after: leftUs, by: leftUs, evidence: 'kernel-event' };
  if (lifespan.unheld === null) {
    settleMembers(input, id, null, draft);
    draft.add({ event: 'namespace.unheld', lifespan: id, type, inum, unheld: left });
  }
  if (input.kernel?.tellsEnd(lifespan) === true || mayBeKept(input, lifespan)) {
    return sighting;
  }
  const gone = lifespan.unheld === null ? left : { ...left, by: input.scan.endedAtUs };
  settleMembers(input, id, gone, draft);
  draft.add({ event: 'namespace.disappeared', lifespan: id, type, inum, reason: 'vanished', gone });
  return undefined;
}

/** Something that it owns or that is below it has not ended: a scan that sees neither says nothing about it. */
function isHeldFromBelow({ known, ended }: Course, kept: Lifespan): boolean {
  if (kept.type !== 'user' && kept.type !== 'pid') {
    return false;
  }
  for (const other of known.lifespans.values()) {
    if (isKeptBy(kept, other) && !other.initial && !ended.has(other.id)) {
      return true;
    }
  }
  return false;
}

/**
 * May a held namespace keep this one alive, by being below it or owned by it? Not one whose owner and parent
 * are known, or else this one would be held; any other that may be younger.
 *
 * Source: user_namespaces(7), pid_namespaces(7): a child holds its parent, and every namespace the user
 * namespace that owns it.
 */
function mayBeKept({ known, holdings, carried, ended }: Course, kept: Lifespan): boolean {
  const { type } = kept;
  if (type !== 'user' && type !== 'pid') {
    return false;
  }
  for (const other of known.lifespans.values()) {
    if (other.id === kept.id || ended.has(other.id) || other.initial) {
      continue;
    }
    const isHeld =
      holdings.seen.has(toNamespaceKey(other.type, other.inum)) || carried.has(other.id);
    const mayBeYounger = kept.born.after === null || other.born.by > kept.born.after;
    if (isHeld && mayBeYounger && !knowsKept(other, type)) {
      return true;
    }
  }
  return false;
}
