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
  readonly kernel: KernelView | null;
}

/**
 * Adds namespace.unheld and namespace.disappeared to the draft, and returns the sightings to remember.
 *
 * A namespace ends only when two full scans did not see it and nothing unreadable held it last. A user
 * or pid namespace that may be kept by a child is unheld, not ended: its children are not visible here.
 */
export function deriveEnds(
  input: Input,
  resolution: Resolution,
  draft: Draft,
): Map<LifespanId, Sighting> {
  const { known, watch, scan } = input;
  const sightings = new Map<LifespanId, Sighting>();
  for (const id of resolution.lifespanOf.values()) {
    sightings.set(id, { lastSeenUs: scan.startedAtUs, missedByUs: null });
  }
  for (const lifespan of known.lifespans.values()) {
    if (sightings.has(lifespan.id) || resolution.replaced.has(lifespan.id) || lifespan.initial) {
      continue;
    }
    const sighting = watch.sightings.get(lifespan.id) ?? {
      lastSeenUs: lifespan.born.by,
      missedByUs: null,
    };
    const next = judgeUnseen(input, lifespan, sighting, draft);
    if (next) {
      sightings.set(lifespan.id, next);
    }
  }
  return sightings;
}

/** The sighting to remember, or undefined when the lifespan has ended. */
function judgeUnseen(
  input: Input,
  lifespan: Lifespan,
  sighting: Sighting,
  draft: Draft,
): Sighting | undefined {
  if (input.carried.has(lifespan.id)) {
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
  if (input.kernel?.tellsEnd(lifespan) === true || mayBeKeptByChild(input, lifespan)) {
    return sighting;
  }
  const gone = lifespan.unheld === null ? left : { ...left, by: input.scan.endedAtUs };
  settleMembers(input, id, gone, draft);
  draft.add({ event: 'namespace.disappeared', lifespan: id, type, inum, reason: 'vanished', gone });
  return undefined;
}

/**
 * Could a namespace that is still held be a child of this one, or be owned by it? Without asking the
 * kernel for parents and owners, every held namespace that may be younger could be.
 *
 * Source: user_namespaces(7), pid_namespaces(7): a child holds its parent, and every namespace the user
 * namespace that owns it.
 */
function mayBeKeptByChild({ known, holdings, carried }: Input, parent: Lifespan): boolean {
  if (parent.type !== 'user' && parent.type !== 'pid') {
    return false;
  }
  for (const other of known.lifespans.values()) {
    const isHeld =
      holdings.seen.has(toNamespaceKey(other.type, other.inum)) || carried.has(other.id);
    const canBeChild = parent.type === 'user' || other.type === 'pid';
    const mayBeYounger = parent.born.after === null || other.born.by > parent.born.after;
    if (isHeld && canBeChild && mayBeYounger && !other.initial && other.id !== parent.id) {
      return true;
    }
  }
  return false;
}
