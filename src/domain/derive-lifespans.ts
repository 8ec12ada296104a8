/** Decides for every namespace seen in a scan: the life we know, or a new one. */
import type { Bounds } from './bounds.ts';
import type { Continuity } from './continuity.ts';
import type { Draft } from './draft.ts';
import { isInitial, type Holding, type Holdings } from './holdings.ts';
import type { InitialNamespaces } from './initial-namespaces.ts';
import { eachHolder, findLifespan, type Known, type LifespanId } from './known.ts';
import type { Creator, Lifespan } from './lifespan.ts';
import type { OpenMemberBooks } from './member-books.ts';
import { settleMembers } from './member-events.ts';
import { isHeldByPending } from './member-scan.ts';
import type { NamespaceKey, NamespaceType } from './namespace-type.ts';
import type { Scan } from './scan.ts';
import { US_PER_TICK } from './time.ts';
import type { Watch } from './watch.ts';

export interface Resolution {
  /** The lifespan of every namespace seen. */
  readonly lifespanOf: ReadonlyMap<NamespaceKey, LifespanId>;
  /** Lives that ended because their inum is somebody else's now. */
  readonly replaced: ReadonlySet<LifespanId>;
}

interface Input {
  readonly known: Known;
  readonly watch: Watch;
  readonly books: OpenMemberBooks;
  readonly scan: Scan;
  readonly holdings: Holdings;
  readonly initial: InitialNamespaces;
  readonly continuity: Continuity;
  /** Namespaces that something unreadable may still hold. */
  readonly carried: ReadonlySet<LifespanId>;
}

/** Adds namespace.born, and namespace.disappeared for inode reuse, to the draft. */
export function deriveLifespans(input: Input, draft: Draft): Resolution {
  const lifespanOf = new Map<NamespaceKey, LifespanId>();
  const replaced = new Set<LifespanId>();
  const lives = new Map<number, number>();
  for (const [key, holdings] of input.holdings.seen) {
    const current = findLifespan(input.known, key);
    const reuse = current && detectReuse(input, current, key, holdings);
    if (current && !reuse) {
      learnKernelId(input, current, key, draft);
      lifespanOf.set(key, current.id);
      continue;
    }
    const [type, digits] = key.split(':') as [NamespaceType, string];
    for (const old of livesWithInum(input.known, Number(digits))) {
      if (!replaced.has(old.id) && (old.type === type || !isStillSeen(input, old))) {
        endByReuse(input, old, draft);
        replaced.add(old.id);
      }
    }
    const incarnation =
      (lives.get(Number(digits)) ?? input.known.incarnations.get(Number(digits)) ?? 0) + 1;
    lives.set(Number(digits), incarnation);
    lifespanOf.set(
      key,
      addBirth(input, { key, holdings, incarnation, isSuspected: reuse === 'suspected' }, draft),
    );
  }
  return { lifespanOf, replaced };
}

/** A life that was met without its kernel id, by a collector in the procfs profile, has one all the same. */
function learnKernelId(
  { scan }: Input,
  { id, type, inum, kernelNamespaceId: known }: Lifespan,
  key: NamespaceKey,
  draft: Draft,
): void {
  const kernelNamespaceId = scan.kernelIds.get(key);
  if (known !== null || kernelNamespaceId === undefined) {
    return;
  }
  draft.add({
    event: 'namespace.described',
    lifespan: id,
    type,
    inum,
    kernelNamespaceId,
    owner: null,
    parent: null,
    ownerUid: null,
    names: null,
    nsids: null,
  });
}

function livesWithInum(known: Known, inum: number): Lifespan[] {
  return (known.lifespansByInum.get(inum) ?? []).flatMap((id) => known.lifespans.get(id) ?? []);
}

/**
 * Another type with the same inum, seen in the same scan: it was read before the inum changed hands.
 * It is ended by the next scan, when only one of the two is still seen.
 */
function isStillSeen(input: Input, old: Lifespan): boolean {
  return old.initial || input.holdings.seen.has(`${old.type}:${old.inum}`);
}

/**
 * Is the namespace behind a known type and inum another one than before?
 *
 * The kernel's id says so where there is one. Without nothing proves it, so a new life is opened only on good grounds and marked:
 * a complete scan in between did not see it, or nobody who held it is left and every process that
 * holds it now started after it was last seen. A descriptor or bind mount that is new proves nothing:
 * handing a namespace over to one is how `ip netns add` works.
 */
function detectReuse(
  input: Input,
  current: Lifespan,
  key: NamespaceKey,
  holdings: readonly Holding[],
): 'certain' | 'suspected' | undefined {
  const seenId = input.scan.kernelIds.get(key);
  if (seenId !== undefined && current.kernelNamespaceId !== null) {
    return seenId === current.kernelNamespaceId ? undefined : 'certain';
  }
  if (current.initial || input.carried.has(current.id)) {
    return undefined;
  }
  const sighting = input.watch.sightings.get(current.id);
  if (sighting?.missedByUs != null && current.unheld === null) {
    return 'suspected';
  }
  if (holdings.length === 0 || isContinued(input, current.id, key)) {
    return undefined;
  }
  const anchorUs = input.known.boot?.anchorUs ?? 0;
  const lastSeenUs = sighting?.lastSeenUs ?? current.born.by;
  const areAllYounger = holdings.every(
    ({ startTimeTicks, fd }) =>
      startTimeTicks !== null &&
      fd === null &&
      anchorUs + startTimeTicks * US_PER_TICK >= lastSeenUs,
  );
  return areAllYounger ? 'suspected' : undefined;
}

function isContinued(input: Input, id: LifespanId, key: NamespaceKey): boolean {
  const { known, continuity } = input;
  for (const holder of eachHolder(known, id)) {
    if (continuity.holds(holder, key)) {
      return true;
    }
  }
  return isHeldByPending(input, id, key);
}

function endByReuse(input: Input, old: Lifespan, draft: Draft): void {
  const lastSeenUs = input.watch.sightings.get(old.id)?.lastSeenUs ?? old.born.by;
  const gone: Bounds = { after: lastSeenUs, by: input.scan.endedAtUs, evidence: 'inode-reuse' };
  const { id: lifespan, type, inum } = old;
  settleMembers(input, lifespan, gone, draft);
  draft.add({ event: 'namespace.disappeared', lifespan, type, inum, reason: 'inode-reuse', gone });
}

interface Birth {
  readonly key: NamespaceKey;
  readonly holdings: readonly Holding[];
  readonly incarnation: number;
  readonly isSuspected: boolean;
}

function addBirth(input: Input, birth: Birth, draft: Draft): LifespanId {
  const [type, digits] = birth.key.split(':') as [NamespaceType, string];
  const born = boundBirth(input, birth);
  return draft.add({
    event: 'namespace.born',
    lifespan: draft.nextSeq(),
    type,
    inum: Number(digits),
    boot: input.scan.bootId,
    nsfsDev: input.scan.nsfsDev,
    kernelNamespaceId: input.scan.kernelIds.get(birth.key) ?? null,
    incarnation: birth.incarnation,
    initial: isInitial(input.initial, birth.key),
    suspected: birth.isSuspected,
    born,
    creator: born.after === null ? null : findCreator(birth.holdings),
    owner: null,
    parent: null,
    ownerUid: null,
  });
}

/**
 * It was born after the start of the last scan that looked everywhere. The start, not the end: what
 * came up behind the back of that scan was there before it ended.
 */
function boundBirth({ watch, scan }: Input, { holdings }: Birth): Bounds {
  const by = scan.endedAtUs;
  if (watch.previous === null) {
    return { after: null, by, evidence: 'baseline' };
  }
  const wasHidden =
    holdings.length > 0 &&
    holdings.every(({ pid, startTimeTicks }) => watch.unreadable.has(`${pid}:${startTimeTicks}`));
  if (wasHidden) {
    return { after: null, by, evidence: 'scan' };
  }
  const after = watch.previous.startedAtUs;
  return { after, by, evidence: after < watch.gapEndUs ? 'inferred-after-gap' : 'scan' };
}

/** The oldest process holding it at first sight: the likely maker. Who entered with setns looks the same. */
function findCreator(holdings: readonly Holding[]): Creator | null {
  let oldest: Holding | undefined;
  for (const holding of holdings) {
    const isTask =
      holding.kind === 'process' || holding.kind === 'thread' || holding.kind === 'for-children';
    if (isTask && (oldest === undefined || isOlder(holding, oldest))) {
      oldest = holding;
    }
  }
  const { pid = null, startTimeTicks = null, facts = null } = oldest ?? {};
  if (pid === null || startTimeTicks === null || facts === null) {
    return null;
  }
  return { pid, startTimeTicks, ...facts, how: null, evidence: 'scan' };
}

function isOlder(left: Holding, right: Holding): boolean {
  const difference = (left.startTimeTicks ?? 0) - (right.startTimeTicks ?? 0);
  return difference === 0 ? (left.pid ?? 0) < (right.pid ?? 0) : difference < 0;
}
