/** Says how well was watched: stretches of coverage, gaps, and the members that are only counted. */
import { countComm, topComms } from './comm-counts.ts';
import type { DraftEvent, Draft } from './draft.ts';
import type { Known, LifespanId } from './known.ts';
import { toSetKey } from './known.ts';
import { SCAN_SOURCES, type ObservedProcess, type Scan } from './scan.ts';
import type { InitialMembers, Stretch, Watch } from './watch.ts';

export interface CoveragePolicy {
  /** Who watches: `kernel` where hooks tell of every birth between the scans. */
  readonly source: 'procfs' | 'kernel';
  /** The first scan goes on from here, because hooks watched since then; null: it begins anew. */
  readonly continuedFromUs: number | null;
  /** A stretch is written at least this often, also when nothing happens. */
  readonly heartbeatUs: number;
  /** A longer pause between two scans is a gap, not a slow scan. */
  readonly silenceMaxUs: number;
}

/**
 * Adds observation.gap to the draft when nothing was watched before this scan.
 * Returns the seq of the gap and its end, or undefined.
 */
export function deriveGap(
  { watch, scan, policy }: { watch: Watch; scan: Scan; policy: CoveragePolicy },
  draft: Draft,
): { seq: number; endUs: number } | undefined {
  const { resumed, previous } = watch;
  const to = scan.startedAtUs;
  const gap = { event: 'observation.gap', source: policy.source, lost: null } as const;
  if (resumed) {
    const { fromUs: from, reason } = resumed;
    return {
      seq: draft.add({ ...gap, from, to, reason }),
      endUs: to,
    };
  }
  const from = watch.stretch?.toUs ?? previous?.endedAtUs;
  if (from === undefined || scan.startedAtUs - from <= policy.silenceMaxUs) {
    return undefined;
  }
  const reason = 'stalled';
  return {
    seq: draft.add({ ...gap, from, to, reason }),
    endUs: to,
  };
}

/** Adds the scan to the growing stretch, and writes stretches that are over or due. */
export function deriveStretch(
  {
    watch,
    scan,
    policy,
    hasGap,
  }: { watch: Watch; scan: Scan; policy: CoveragePolicy; hasGap: boolean },
  draft: Draft,
): Stretch | null {
  const quality = describeQuality(scan, policy.source);
  const old = watch.stretch;
  const isOver = old !== null && (hasGap || old.quality !== quality);
  if (isOver && old.scanDurationsUs.length > 0) {
    draft.add(toCoverage(old));
  }
  const beginUs = policy.continuedFromUs ?? scan.startedAtUs;
  const fromUs = old === null || hasGap ? beginUs : old.toUs;
  const grown = growStretch(isOver ? null : old, {
    scan,
    quality,
    source: policy.source,
    fromUs,
    previous: hasGap ? null : old,
  });
  const isFirst = old === null || isOver;
  if (isFirst || grown.toUs - grown.fromUs >= policy.heartbeatUs) {
    draft.add(toCoverage(grown));
    return {
      ...grown,
      fromUs: grown.toUs,
      scanDurationsUs: [],
      scanIntervalsUs: [],
      minimumLifetimeUs: 0,
    };
  }
  return grown;
}

/** Which sources ran, and which of them could not read something, and why. */
function describeQuality(scan: Scan, watcher: string): string {
  const holes = scan.reports.flatMap(({ source, unreadable }) =>
    unreadable.map(({ reason }) => `${source}:${reason}`),
  );
  return [watcher, ...scan.covered, '|', ...holes.toSorted()].join(' ');
}

interface Growth {
  readonly scan: Scan;
  readonly quality: string;
  readonly source: CoveragePolicy['source'];
  readonly fromUs: number;
  /** The stretch before this scan, whose last scan bounds what could be missed; null after a gap. */
  readonly previous: Stretch | null;
}

function growStretch(
  old: Stretch | null,
  { scan, quality, source, fromUs, previous }: Growth,
): Stretch {
  const durationUs = scan.endedAtUs - scan.startedAtUs;
  const intervalUs = previous === null ? null : scan.startedAtUs - previous.lastScanUs;
  const scannedUs = previous === null ? durationUs : scan.endedAtUs - previous.lastScanUs;
  // Hooks tell of every birth, however short the life.
  const lifetimeUs = source === 'kernel' ? 0 : scannedUs;
  return {
    fromUs: old?.fromUs ?? fromUs,
    toUs: scan.endedAtUs,
    lastScanUs: scan.startedAtUs,
    scanDurationsUs: [...(old?.scanDurationsUs ?? []), durationUs],
    scanIntervalsUs: [
      ...(old?.scanIntervalsUs ?? []),
      ...(intervalUs === null ? [] : [intervalUs]),
    ],
    minimumLifetimeUs: Math.max(old?.minimumLifetimeUs ?? 0, lifetimeUs),
    processes: scan.processes.length,
    reports: scan.reports,
    source,
    quality,
  };
}

/** The event for a stretch. */
export function toCoverage(stretch: Stretch): DraftEvent {
  const unreadable = stretch.reports.flatMap((report) =>
    report.unreadable.map(({ reason, count, example }) => ({
      source: report.source,
      reason,
      count,
      example,
    })),
  );
  const intervals = stretch.scanIntervalsUs.toSorted((left, right) => left - right);
  return {
    event: 'coverage.changed',
    source: stretch.source,
    from: stretch.fromUs,
    to: stretch.toUs,
    lastScan: stretch.lastScanUs,
    scans: stretch.scanDurationsUs.length,
    minimumLifetimeUs: stretch.minimumLifetimeUs,
    scanDurationUsMax: Math.max(0, ...stretch.scanDurationsUs),
    scanIntervalUsMedian: intervals[Math.floor(intervals.length / 2)] ?? 0,
    processes: stretch.processes,
    complete: unreadable.length === 0 && stretch.reports.length === SCAN_SOURCES.length,
    unreadable,
  };
}

/**
 * Counts who joined and left the initial namespaces since the last scan.
 *
 * `recordedCount` is how many the log says there are: after a restart nobody remembers who they were,
 * and only the difference in number counts as joined or left.
 */
export function countInitialMembers(
  old: InitialMembers,
  processes: readonly ObservedProcess[],
  { atUs, recordedCount }: { atUs: number; recordedCount: number },
): InitialMembers {
  if (old.fromUs === null && recordedCount > 0) {
    const startTicksByPid = new Map(
      processes.map(({ pid, startTimeTicks }) => [pid, startTimeTicks]),
    );
    const difference = startTicksByPid.size - recordedCount;
    const byComm = new Map<string, number>();
    return {
      startTicksByPid,
      byComm,
      gained: Math.max(0, difference),
      lost: Math.max(0, -difference),
      fromUs: atUs,
    };
  }
  const startTicksByPid = new Map<number, number>();
  const byComm = new Map(old.byComm);
  let { gained } = old;
  let stayed = 0;
  for (const { pid, startTimeTicks, comm } of processes) {
    startTicksByPid.set(pid, startTimeTicks);
    if (old.startTicksByPid.get(pid) === startTimeTicks) {
      stayed += 1;
    } else {
      gained += 1;
      countComm(byComm, comm);
    }
  }
  const lost = old.lost + old.startTicksByPid.size - stayed;
  return { startTicksByPid, byComm, gained, lost, fromUs: old.fromUs ?? atUs };
}

/**
 * Adds holders.churned for the initial set when it is due and something changed.
 * Returns the counts to go on with.
 */
export function deriveChurn(
  input: {
    known: Known;
    members: InitialMembers;
    initialSet: readonly LifespanId[];
    atUs: number;
    isDue: boolean;
  },
  draft: Draft,
): InitialMembers {
  const { known, members, initialSet, atUs, isDue } = input;
  const hasChanged = members.gained > 0 || members.lost > 0;
  if (!isDue || !hasChanged || initialSet.length === 0) {
    return members;
  }
  const knownSet = known.setByMembers.get(toSetKey(initialSet));
  draft.add({
    event: 'holders.churned',
    set: knownSet ?? draft.nextSeq(),
    namespaces: knownSet === undefined ? [...initialSet] : null,
    gained: members.gained,
    lost: members.lost,
    now: members.startTicksByPid.size,
    byComm: topComms(members.byComm),
    from: members.fromUs ?? atUs,
    to: atUs,
  });
  return {
    startTicksByPid: members.startTicksByPid,
    gained: 0,
    lost: 0,
    byComm: new Map(),
    fromUs: atUs,
  };
}
