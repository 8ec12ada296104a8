/**
 * References that nothing visible explains: a descriptor in flight between processes, a detached mount, a
 * file registered with io_uring, a socket in no descriptor table, or the kernel itself.
 *
 * Scans are not atomic, so two in a row must agree. Where the kernel counts references, what is left of the
 * count is unattributed; where a namespace is alive by its handle and two scans see nobody, that is.
 *
 * Source: kernel nsproxy.c, fs/nsfs.c, net/core/sock.c sk_alloc; open_by_handle_at(2).
 */
import { NO_ARRIVAL } from './arrival.ts';
import type { Bounds } from './bounds.ts';
import type { Resolution } from './derive-lifespans.ts';
import { NO_HOLDER } from './derive-relatives.ts';
import type { Draft } from './draft.ts';
import { createExplanation, hasUnreadable } from './explain-references.ts';
import { toHolderKey, type Holder } from './holder.ts';
import type { Known, LifespanId } from './known.ts';
import type { CountedReferences, Lifespan } from './lifespan.ts';
import type { NamespaceKey } from './namespace-type.ts';
import { NO_FACTS } from './process-facts.ts';
import { KERNEL_SOURCES, type Scan } from './scan.ts';
import type { KernelView } from './settle-scan.ts';
import type { Reckoning, Sighting, Watch } from './watch.ts';

interface Input {
  readonly known: Known;
  readonly watch: Watch;
  /** As it was made, not settled: counts and descriptors must be of the same moment. */
  readonly whole: Scan;
  readonly isFull: boolean;
  readonly carried: ReadonlySet<LifespanId>;
  readonly kept: ReadonlyMap<LifespanId, unknown>;
  readonly kernel: KernelView | null;
}

/**
 * Adds holders of kind `unattributed`, their losses, and counts of references to the draft. Returns what to
 * remember: nothing new where some source did not run, because then nothing is known to be explained or not.
 */
export function deriveUnattributed(
  input: Input,
  resolution: Resolution,
  draft: Draft,
): ReadonlyMap<LifespanId, Reckoning> {
  const { known, watch, whole, isFull } = input;
  if (!isFull || !KERNEL_SOURCES.every((source) => whole.covered.includes(source))) {
    return watch.reckonings;
  }
  const reckonings = new Map<LifespanId, Reckoning>();
  const explain = createExplanation(whole);
  const consider = (id: LifespanId, key: NamespaceKey | null): void => {
    const lifespan = known.lifespans.get(id);
    if (lifespan?.initial === true || resolution.replaced.has(id)) {
      return;
    }
    const counted = key === null ? undefined : whole.references.get(key);
    const references = key !== null && counted ? explain(key, counted) : null;
    const isUnexplained =
      key === null ? isAliveUnseen(input, id) : (references?.unattributed ?? 0) > 0;
    const was = watch.reckonings.get(id);
    const now = reckon(was, { references, isUnexplained, whole });
    reckonings.set(id, now);
    // What this very scan found for the first time is judged by the next one.
    if (lifespan) {
      judge(input, lifespan, { was, now, isSeen: key !== null }, draft);
    }
  };
  for (const [key, id] of resolution.lifespanOf) {
    consider(id, key);
  }
  for (const id of known.lifespans.keys()) {
    if (!reckonings.has(id)) {
      consider(id, null);
    }
  }
  return reckonings;
}

/** Alive by its handle since a whole scan missed it, and missed by this one again. */
function isAliveUnseen({ watch, kernel, carried, kept, whole }: Input, id: LifespanId): boolean {
  const missedByUs = watch.sightings.get(id)?.missedByUs ?? null;
  const aliveUs = kernel?.memory.vacant.get(id)?.lastAliveUs ?? null;
  return (
    missedByUs !== null &&
    aliveUs !== null &&
    aliveUs >= missedByUs &&
    !carried.has(id) &&
    !kept.has(id) &&
    !hasUnreadable(whole)
  );
}

function reckon(
  was: Reckoning | undefined,
  {
    references,
    isUnexplained,
    whole,
  }: Pick<Reckoning, 'references' | 'isUnexplained'> & { readonly whole: Scan },
): Reckoning {
  const isSame = was?.isUnexplained === isUnexplained;
  return {
    references,
    isUnexplained,
    contraryUs: isSame ? was.contraryUs : (was?.lastUs ?? null),
    sinceUs: isSame ? was.sinceUs : whole.endedAtUs,
    lastUs: whole.startedAtUs,
  };
}

interface Verdict {
  readonly was: Reckoning | undefined;
  readonly now: Reckoning;
  readonly isSeen: boolean;
}

function judge(
  input: Input,
  lifespan: Lifespan,
  { was, now, isSeen }: Verdict,
  draft: Draft,
): void {
  const identity = { ...NO_HOLDER, kind: 'unattributed', lifespan: lifespan.id } as const;
  const openId = input.known.holderByKey.get(toHolderKey(identity));
  const open = openId === undefined ? undefined : input.known.holders.get(openId);
  // A namespace that nothing visible holds was missed by two scans already, and alive in between.
  const isAgreed = was?.isUnexplained === now.isUnexplained || (!isSeen && now.isUnexplained);
  const isGained = isAgreed && now.isUnexplained && open === undefined;
  if (isGained) {
    const from = isSeen ? boundSeen(input, lifespan, now) : boundUnseen(input, lifespan);
    const { type } = lifespan;
    const nobody = { ...NO_FACTS, ...NO_ARRIVAL };
    draft.add({ event: 'holder.gained', ...identity, type, namespaces: null, ...nobody, from });
  } else if (open && isAgreed && !now.isUnexplained) {
    addLost(open, lifespan, now, draft);
  }
  const isFirst = lifespan.references === null && isEqual(was?.references, now.references);
  const isChanged = isGained || (open !== undefined && isAgreed && !now.isUnexplained);
  if (now.references !== null && (isFirst || isChanged)) {
    addReferences(lifespan, now.references, draft);
  }
}

function isEqual(
  left: CountedReferences | null | undefined,
  right: CountedReferences | null,
): boolean {
  return left != null && JSON.stringify(left) === JSON.stringify(right);
}

/** Unexplained since some moment between the last scan that could explain all, and the first that could not. */
function boundSeen({ watch }: Input, { born }: Lifespan, now: Reckoning): Bounds {
  const after = now.contraryUs ?? born.after;
  const evidence = (after ?? now.sinceUs) < watch.gapEndUs ? 'inferred-after-gap' : 'scan';
  return { after, by: Math.max(now.sinceUs, born.by), evidence };
}

/** From when the last visible holder left: until then that one explained why it lived. */
function boundUnseen({ watch, kernel }: Input, { id, born }: Lifespan): Bounds {
  const vacancy = kernel?.memory.vacant.get(id);
  if (vacancy?.leftUs != null) {
    return { after: vacancy.leftUs, by: vacancy.leftUs, evidence: 'kernel-event' };
  }
  const sighting: Sighting | undefined = watch.sightings.get(id);
  const after = Math.max(sighting?.lastSeenUs ?? born.by, born.by);
  return { after, by: Math.max(after, vacancy?.lastAliveUs ?? after), evidence: 'scan' };
}

function addLost(open: Holder, { type }: Lifespan, now: Reckoning, draft: Draft): void {
  const { id, kind, pid, set, lifespan } = open;
  const after = Math.max(now.contraryUs ?? open.from.by, open.from.after ?? 0);
  const to: Bounds = { after, by: Math.max(now.sinceUs, open.from.by), evidence: 'scan' };
  draft.add({ event: 'holder.lost', holder: id, kind, pid, set, lifespan, type, how: null, to });
}

function addReferences(lifespan: Lifespan, references: CountedReferences, draft: Draft): void {
  const { id, type, inum } = lifespan;
  draft.add({
    event: 'namespace.described',
    lifespan: id,
    type,
    inum,
    kernelNamespaceId: null,
    owner: null,
    parent: null,
    ownerUid: null,
    names: null,
    initEnded: null,
    nsids: null,
    references,
  });
}
