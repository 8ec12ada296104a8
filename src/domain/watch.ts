/**
 * What the collector remembers between scans that is not an event: which scan saw what last, what was
 * missed once, and the watching stretch that is still growing. It is lost when the collector ends;
 * `resumeWatch` starts again from what the log says, which only makes bounds wider, never wrong.
 */
import type { InitialNamespaces } from './initial-namespaces.ts';
import type { HolderId, Known, LifespanId } from './known.ts';
import type { CountedReferences } from './lifespan.ts';
import type { MemberBooks } from './member-books.ts';
import type { ScanSource, SourceReport } from './scan.ts';

export interface ScanWindow {
  readonly startedAtUs: number;
  readonly endedAtUs: number;
}

export interface Sighting {
  /** Start of the last scan that saw it, or something that it owns or that is below it: it was there at or after. */
  readonly lastSeenUs: number;
  /** End of the first scan, since then, that looked everywhere and did not see it. */
  readonly missedByUs: number | null;
}

/** What the last scans made of the references of one life. */
export interface Reckoning {
  /** Null where the kernel does not count them, or nothing visible holds it. */
  readonly references: CountedReferences | null;
  readonly isUnexplained: boolean;
  /** Start of the last scan that found the contrary; null: none did. */
  readonly contraryUs: number | null;
  /** End of the first scan since then, and start of the last one. */
  readonly sinceUs: number;
  readonly lastUs: number;
}

/** Members of the initial namespaces, which are counted and not listed. */
export interface InitialMembers {
  /** startTimeTicks by pid. */
  readonly startTicksByPid: ReadonlyMap<number, number>;
  readonly gained: number;
  readonly lost: number;
  readonly byComm: ReadonlyMap<string, number>;
  /** From when the counts run; null before the first scan. */
  readonly fromUs: number | null;
}

/** A watching stretch that has not been written to the log yet. */
export interface Stretch {
  readonly fromUs: number;
  readonly toUs: number;
  readonly lastScanUs: number;
  readonly scanDurationsUs: readonly number[];
  readonly scanIntervalsUs: readonly number[];
  readonly minimumLifetimeUs: number;
  readonly processes: number;
  readonly reports: readonly SourceReport[];
  /** Who watched, as in CoveragePolicy. */
  readonly source: 'procfs' | 'kernel';
  /** Which sources ran and what kinds of things were unreadable; a change ends the stretch. */
  readonly quality: string;
}

export interface Watch {
  /** The last scan in which every source ran, of this boot. */
  readonly previous: ScanWindow | null;
  readonly previousBySource: ReadonlyMap<ScanSource, ScanWindow>;
  readonly sightings: ReadonlyMap<LifespanId, Sighting>;
  /** Holders kept only because they cannot be read at the moment: when they were last really seen. */
  readonly holderLastSeenUs: ReadonlyMap<HolderId, number>;
  /** `pid:startTimeTicks` of processes the previous scan could not read. */
  readonly unreadable: ReadonlySet<string>;
  /** What the last scans made of references, see derive-unattributed.ts. */
  readonly reckonings: ReadonlyMap<LifespanId, Reckoning>;
  readonly initial: InitialNamespaces;
  readonly initialMembers: InitialMembers;
  /** Members of the other sets that are not in the log (yet). */
  readonly members: MemberBooks;
  readonly stretch: Stretch | null;
  /** Timeline instant until which the last gap lasted: bounds that reach behind it were inferred. */
  readonly gapEndUs: number;
  /** The gap to write when the next scan arrives, after a restart. */
  readonly resumed: {
    readonly fromUs: number;
    readonly reason: 'stopped' | 'killed' | 'reboot' | 'suspended';
  } | null;
  /** The gap that waits for disappearances to be confirmed. */
  readonly gap: {
    readonly seq: number;
    readonly inferred: number;
    readonly scansLeft: number;
  } | null;
}

const NO_MEMBERS: InitialMembers = {
  startTicksByPid: new Map(),
  gained: 0,
  lost: 0,
  byComm: new Map(),
  fromUs: null,
};

/** The memory of a collector that has not looked yet and found nothing in the log. */
function emptyWatch(): Watch {
  return {
    previous: null,
    previousBySource: new Map(),
    sightings: new Map(),
    holderLastSeenUs: new Map(),
    unreadable: new Set(),
    reckonings: new Map(),
    initial: {},
    initialMembers: NO_MEMBERS,
    members: new Map(),
    stretch: null,
    gapEndUs: Number.NEGATIVE_INFINITY,
    resumed: null,
    gap: null,
  };
}

/**
 * The memory of a collector that starts where the log ends. Call it on the known state as it was read,
 * before collector.started and boot.started are folded into it.
 */
export function resumeWatch(known: Known, bootId: string): Watch {
  const { coverage, boot } = known;
  if (boot === null) {
    return emptyWatch();
  }
  const fromUs = Math.max(coverage?.to ?? 0, known.lastAt);
  if (boot.boot !== bootId) {
    return { ...emptyWatch(), resumed: { fromUs, reason: 'reboot' } };
  }
  const window = coverage && { startedAtUs: coverage.lastScan, endedAtUs: coverage.to };
  return {
    ...emptyWatch(),
    previous: window,
    sightings: new Map(
      [...known.lifespans.values()].map(({ id, born }) => [
        id,
        { lastSeenUs: Math.max(born.by, coverage?.lastScan ?? 0), missedByUs: null },
      ]),
    ),
    resumed: { fromUs, reason: known.isCollecting ? 'killed' : 'stopped' },
  };
}
