/**
 * What happened, judged from what was known and what a scan saw. Pure: the same input gives the same events.
 *
 * Holds:     the rules of identity and time: what is the same life, when it began and ended at most and at
 *            least, and when nothing may be said.
 * Promises:  no end from a scan that could not look; two misses before a disappearance; the members of
 *            a batch are in an order that evolve can fold.
 * Does not:  read anything, know a clock, or store what it returns.
 */
import type { ProcessIdentity } from './arrival.ts';
import { findCarriedHolders, findCarriedLifespans } from './carried-holders.ts';
import { buildContinuity } from './continuity.ts';
import {
  countInitialMembers,
  deriveChurn,
  deriveGap,
  deriveStretch,
  type CoveragePolicy,
} from './derive-coverage.ts';
import { deriveEnds } from './derive-ends.ts';
import { deriveHolders } from './derive-holders.ts';
import { deriveInitUnseen } from './derive-init.ts';
import { deriveLifespans, type Resolution } from './derive-lifespans.ts';
import { findKept, withRelatives } from './derive-relatives.ts';
import { deriveUnattributed } from './derive-unattributed.ts';
import { startDraft, type Draft } from './draft.ts';
import type { AuditEvent } from './event.ts';
import type { GrowthPolicy } from './growth-policy.ts';
import { listHoldings } from './holdings.ts';
import { learnInitialNamespaces, type InitialNamespaces } from './initial-namespaces.ts';
import { toSetKey, type HolderId, type Known, type LifespanId } from './known.ts';
import { openMemberBooks } from './member-books.ts';
import { addCountedWhenDue } from './member-events.ts';
import { findCarriedMembers } from './member-scan.ts';
import { NAMESPACE_TYPES, toNamespaceKey } from './namespace-type.ts';
import { SCAN_SOURCES, type Scan } from './scan.ts';
import { settleScan, type KernelView } from './settle-scan.ts';
import type { Watch } from './watch.ts';

export interface DerivePolicy extends CoveragePolicy {
  /** `count`: processes that are only in initial namespaces are counted. `full`: they are listed like all others. */
  readonly initialHolders: 'count' | 'full';
  /** What kernel records tell beside the scans; null in the procfs profile. */
  readonly kernel: KernelView | null;
  readonly growth: GrowthPolicy;
  /** The process that collects, and by that holds what it is in. */
  readonly own?: ProcessIdentity | null;
}

export interface Derived {
  readonly events: AuditEvent[];
  /** How many lifespans nothing could be said about, because what held them last cannot be read. */
  readonly unknownCount: number;
  /** The memory for the next call; valid once the events have been folded into the known state. */
  readonly watch: Watch;
}

/** Derives the events of one scan. Neither `known` nor `watch` is changed. */
export function deriveEvents(
  known: Known,
  watch: Watch,
  whole: Scan,
  policy: DerivePolicy,
): Derived {
  const { kernel } = policy;
  const scan = kernel ? settleScan(whole, kernel.memory) : whole;
  // Beside a scan other events may have been recorded that are younger than its end.
  const bare = startDraft(known.position, Math.max(scan.endedAtUs, known.lastAt));
  const draft = withRelatives(known, bare);
  const isFull = SCAN_SOURCES.every((source) => scan.covered.includes(source));
  const gap = deriveGap({ watch, scan, policy }, draft);
  const looking: Watch = gap ? { ...watch, gapEndUs: gap.endUs } : watch;
  const { carriedHolders, books, ...seen } = lookOver({ known, watch, scan, whole, policy });
  const { initial, holdings, carried } = seen;
  const looked = { scan, isFull, kernel, own: policy.own ?? null, ...seen };
  const input = { known, watch: looking, books, ...looked };

  const resolution = deriveLifespans(input, draft);
  deriveHolders(input, resolution, carriedHolders, draft);
  deriveInitUnseen(input, draft);
  const sightings = deriveEnds(input, resolution, draft);
  const reckonings = deriveUnattributed({ ...input, whole }, resolution, draft);
  const { heartbeatUs } = policy;
  addCountedWhenDue(known, books, { atUs: scan.endedAtUs, heartbeatUs }, draft);
  const stretch = deriveStretch({ watch, scan, policy, hasGap: gap !== undefined }, draft);
  const wroteStretch = stretch !== null && stretch.scanDurationsUs.length === 0;
  const initialSet = listInitialSet(initial, resolution);
  const recordedCount =
    known.sets.get(known.setByMembers.get(toSetKey(initialSet)) ?? -1)?.counted ?? 0;
  const members = countInitialMembers(looking.initialMembers, holdings.initialProcesses, {
    atUs: scan.startedAtUs,
    recordedCount,
  });
  const initialMembers = deriveChurn(
    { known, members, initialSet, atUs: scan.endedAtUs, isDue: wroteStretch },
    draft,
  );
  const openGap = gap ? { seq: gap.seq, inferred: 0, scansLeft: 2 } : looking.gap;
  const window = { startedAtUs: scan.startedAtUs, endedAtUs: scan.endedAtUs };
  return {
    events: draft.events,
    unknownCount: carried.size,
    watch: {
      ...looking,
      previous: isFull ? window : looking.previous,
      previousBySource: new Map([
        ...looking.previousBySource,
        ...scan.covered.map((source) => [source, window] as const),
      ]),
      sightings,
      reckonings,
      holderLastSeenUs: rememberCarried(looking, carriedHolders),
      unreadable: listUnreadable(whole),
      initial,
      initialMembers,
      members: books.close(scan.endedAtUs),
      stretch,
      resumed: null,
      gap: deriveGapClosed({ openGap, isFull, carried, sightings, source: policy.source }, draft),
    },
  };
}

interface Outlook {
  readonly known: Known;
  readonly watch: Watch;
  readonly scan: Scan;
  readonly policy: DerivePolicy;
}

/** What the scan saw as holdings, and what it can neither confirm nor deny. */
function lookOver({ known, watch, scan, whole, policy }: Outlook & { readonly whole: Scan }) {
  const { kernel, initialHolders, growth } = policy;
  const initial: InitialNamespaces = {
    ...learnInitialNamespaces(scan.processes),
    ...watch.initial,
  };
  const holdings = listHoldings(scan, { initial, initialHolders });
  const continuity = buildContinuity({ known, kernel }, scan, holdings);
  const carriedHolders = findCarriedHolders({ known, scan, whole, continuity });
  const books = openMemberBooks(watch.members, growth);
  const carried = new Set([
    ...findCarriedLifespans(known, carriedHolders),
    ...findCarriedMembers({ known, books, continuity }),
  ]);
  const kept = findKept(known, holdings.seen.keys(), carried);
  return { initial, holdings, continuity, carriedHolders, books, carried, kept };
}

function listInitialSet(initial: InitialNamespaces, resolution: Resolution): LifespanId[] {
  return NAMESPACE_TYPES.flatMap((type) => {
    const inum = initial[type];
    return inum === undefined ? [] : (resolution.lifespanOf.get(toNamespaceKey(type, inum)) ?? []);
  }).toSorted((left, right) => left - right);
}

/** A holder that is carried on was last seen by the scan before it became unreadable. */
function rememberCarried(watch: Watch, carried: ReadonlySet<HolderId>): Map<HolderId, number> {
  const lastSeenUs = new Map<HolderId, number>();
  for (const id of carried) {
    const seenUs = watch.holderLastSeenUs.get(id) ?? watch.previous?.startedAtUs;
    if (seenUs !== undefined) {
      lastSeenUs.set(id, seenUs);
    }
  }
  return lastSeenUs;
}

function listUnreadable(scan: Scan): Set<string> {
  return new Set(
    scan.processes
      .filter(
        (process) =>
          process.linksUnreadable ?? process.descriptorsUnreadable ?? process.threadsUnreadable,
      )
      .map(({ pid, startTimeTicks }) => `${pid}:${startTimeTicks}`),
  );
}

interface GapState {
  readonly openGap: Watch['gap'];
  readonly isFull: boolean;
  readonly carried: ReadonlySet<LifespanId>;
  readonly sightings: Watch['sightings'];
  readonly source: string;
}

/** A gap is closed by the second full scan after it: then every disappearance it hid is confirmed. */
function deriveGapClosed(
  { openGap, isFull, carried, sightings, source }: GapState,
  draft: Draft,
): Watch['gap'] {
  if (openGap === null) {
    return null;
  }
  const inferred =
    openGap.inferred +
    draft.events.filter(
      (event) =>
        (event.event === 'namespace.born' && event.born.evidence === 'inferred-after-gap') ||
        (event.event === 'namespace.disappeared' && event.gone.evidence === 'inferred-after-gap'),
    ).length;
  const scansLeft = openGap.scansLeft - (isFull ? 1 : 0);
  if (scansLeft > 0) {
    return { ...openGap, inferred, scansLeft };
  }
  const recovered =
    [...sightings.values()].filter(({ missedByUs }) => missedByUs === null).length - carried.size;
  draft.add({
    event: 'observation.gap_closed',
    source,
    gap: openGap.seq,
    recovered: Math.max(0, recovered),
    inferred,
    unknown: carried.size,
  });
  return null;
}
