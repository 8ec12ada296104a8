/** Is the namespace behind a known type and inum another one than before? */
import type { Continuity } from './continuity.ts';
import type { Holding, Holdings } from './holdings.ts';
import { eachHolder, type Known, type LifespanId } from './known.ts';
import type { Lifespan } from './lifespan.ts';
import type { OpenMemberBooks } from './member-books.ts';
import { isHeldByPending } from './member-scan.ts';
import { toNamespaceKey, type NamespaceKey } from './namespace-type.ts';
import { contradicts, isKeptBy, listKept, type Relations } from './relations.ts';
import type { Scan } from './scan.ts';
import { US_PER_TICK } from './time.ts';
import type { Watch } from './watch.ts';

export interface ReuseInput {
  readonly known: Known;
  readonly watch: Watch;
  readonly books: OpenMemberBooks;
  readonly scan: Scan;
  readonly holdings: Holdings;
  readonly continuity: Continuity;
  /** Namespaces that something unreadable may still hold. */
  readonly carried: ReadonlySet<LifespanId>;
  /** Namespaces that something below them keeps, see derive-relatives.ts. */
  readonly kept: ReadonlyMap<LifespanId, 'seen' | 'carried'>;
}

/** What a scan says about the namespace that a type and inum name. */
export interface Sight {
  readonly key: NamespaceKey;
  /** Empty for what only initial processes are in, and for what only a child or owned namespace shows. */
  readonly holdings: readonly Holding[];
  readonly relations: Relations;
}

/**
 * The kernel's id says so where there is one. Without nothing proves it, so a new life is opened only on
 * good grounds and marked: owner or parent are others, a complete scan in between did not see it, or
 * nobody who held it is left and every process that holds it now started after it was last seen. A
 * descriptor or bind mount that is new proves nothing: handing a namespace over to one is how
 * `ip netns add` works. A child or owned namespace that goes on proves that this one did.
 */
export function detectReuse(
  input: ReuseInput,
  current: Lifespan,
  { key, holdings, relations }: Sight,
): 'certain' | 'suspected' | undefined {
  const seenId = input.scan.kernelIds.get(key);
  if (seenId !== undefined && current.kernelNamespaceId !== null) {
    return seenId === current.kernelNamespaceId ? undefined : 'certain';
  }
  if (current.initial) {
    return undefined;
  }
  if (contradicts(current, relations)) {
    return 'suspected';
  }
  if (input.carried.has(current.id) || input.kept.get(current.id) === 'carried') {
    return undefined;
  }
  const hasVanished =
    input.watch.sightings.get(current.id)?.missedByUs != null && current.unheld === null;
  const isOther = hasVanished || hasOnlyNewHolders(input, current, { key, holdings, relations });
  return isOther && !goesOnBelow(input, current) ? 'suspected' : undefined;
}

/** Nobody who held it is left, and every process that holds it now started after it was last seen. */
function hasOnlyNewHolders(
  input: ReuseInput,
  current: Lifespan,
  { key, holdings }: Sight,
): boolean {
  if (holdings.length === 0 || isContinued(input, current.id, key)) {
    return false;
  }
  const anchorUs = input.known.boot?.anchorUs ?? 0;
  const lastSeenUs = input.watch.sightings.get(current.id)?.lastSeenUs ?? current.born.by;
  return holdings.every(
    ({ startTimeTicks, fd }) =>
      startTimeTicks !== null &&
      fd === null &&
      anchorUs + startTimeTicks * US_PER_TICK >= lastSeenUs,
  );
}

function isContinued(input: ReuseInput, id: LifespanId, key: NamespaceKey): boolean {
  const { known, continuity } = input;
  for (const holder of eachHolder(known, id)) {
    if (continuity.holds(holder, key)) {
      return true;
    }
  }
  return isHeldByPending(input, id, key);
}

/** Something that it keeps alive no longer than itself is held by who held it before, and says nothing else. */
function goesOnBelow(input: ReuseInput, current: Lifespan): boolean {
  const key = toNamespaceKey(current.type, current.inum);
  for (const other of input.known.lifespans.values()) {
    const otherKey = toNamespaceKey(other.type, other.inum);
    const observed = input.scan.relations.get(otherKey);
    if (
      isKeptBy(current, other) &&
      (observed === undefined || listKept(observed).includes(key)) &&
      (isContinued(input, other.id, otherKey) || goesOnBelow(input, other))
    ) {
      return true;
    }
  }
  return false;
}
