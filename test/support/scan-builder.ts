/** Builds scans by hand for tests of the pure rules: a small world of processes, descriptors and mounts. */
import type { Change } from '../../src/domain/change.ts';
import { deriveEvents, type DerivePolicy } from '../../src/domain/derive-events.ts';
import {
  chooseAnchor,
  deriveStart,
  deriveStop,
  type CollectorFacts,
} from '../../src/domain/derive-session.ts';
import {
  eventSchema,
  fromStoredEvent,
  toStoredEvent,
  type AuditEvent,
  type EventName,
  type EventOf,
} from '../../src/domain/event.ts';
import { evolve } from '../../src/domain/evolve.ts';
import { DEFAULT_GROWTH_POLICY } from '../../src/domain/growth-policy.ts';
import type { Holder } from '../../src/domain/holder.ts';
import { emptyKnown, type Known } from '../../src/domain/known.ts';
import type { Lifespan } from '../../src/domain/lifespan.ts';
import { INITIAL_INUMS, type NamespaceKey } from '../../src/domain/namespace-type.ts';
import {
  SCAN_SOURCES,
  type NamespaceLinks,
  type ObservedMountNamespace,
  type ObservedProcess,
  type ObservedRelations,
  type Scan,
} from '../../src/domain/scan.ts';
import { resumeWatch, type Watch } from '../../src/domain/watch.ts';

export const BOOT = 'aaaaaaaa-0000-4000-8000-000000000001';
export const OTHER_BOOT = 'bbbbbbbb-0000-4000-8000-000000000002';

/** Wall time at boot time zero in these tests: 2026-11-22T00:00:00Z. */
export const ANCHOR_US = 1_795_305_600_000_000;

export const FACTS = {
  ppid: 1,
  comm: 'test',
  exe: '/usr/bin/test',
  uid: 0,
  gid: 0,
  loginuid: null,
  session: null,
  cgroup: '/',
  containerId: null,
};

/** A process in the initial namespaces, except for the links given. Started at second 1 of the boot. */
export function process(
  pid: number,
  links: NamespaceLinks = {},
  more: Partial<ObservedProcess> = {},
): ObservedProcess {
  return {
    pid,
    startTimeTicks: 100,
    ppid: 1,
    comm: 'test',
    isZombie: false,
    links: { ...INITIAL_INUMS, ...links },
    forChildren: {},
    linksUnreadable: null,
    descriptors: [],
    sockets: [],
    descriptorsUnreadable: null,
    threads: [],
    threadsUnreadable: null,
    facts: FACTS,
    ...more,
  };
}

export function unreadableProcess(
  pid: number,
  more: Partial<ObservedProcess> = {},
): ObservedProcess {
  return {
    ...process(pid),
    links: {},
    facts: null,
    linksUnreadable: 'EACCES',
    descriptorsUnreadable: 'EACCES',
    ...more,
  };
}

export interface ScanInput {
  /** Second of the boot at which the scan starts; it takes 100 ms. */
  readonly second: number;
  readonly processes: readonly ObservedProcess[];
  readonly mountNamespaces?: readonly ObservedMountNamespace[];
  readonly covered?: Scan['covered'];
  readonly references?: Scan['references'];
  readonly bootId?: string;
  readonly relations?: Readonly<Partial<Record<NamespaceKey, ObservedRelations>>>;
}

export function scan({
  second,
  processes,
  mountNamespaces,
  covered = SCAN_SOURCES,
  references = new Map(),
  bootId = BOOT,
  relations = {},
}: ScanInput): Scan {
  const startedAtUs = ANCHOR_US + second * 1_000_000;
  return {
    bootId,
    startedAtUs,
    endedAtUs: startedAtUs + 100_000,
    nsfsDev: null,
    kernelIds: new Map(),
    relations: new Map(Object.entries(relations) as [NamespaceKey, ObservedRelations][]),
    references,
    processes,
    mountNamespaces: mountNamespaces ?? [
      { inum: INITIAL_INUMS.mnt, bindMounts: [], unreadable: null },
    ],
    reports: covered.map((source) => ({
      source,
      durationUs: 10,
      readCount: 1,
      vanishedCount: 0,
      unreadable: [],
    })),
    covered,
  };
}

const POLICY: DerivePolicy = {
  initialHolders: 'count',
  source: 'procfs',
  kernel: null,
  continuedFromUs: null,
  growth: DEFAULT_GROWTH_POLICY,
  heartbeatUs: 60_000_000,
  silenceMaxUs: 30_000_000,
};

const COLLECTOR: CollectorFacts = {
  boot: BOOT,
  profile: 'procfs',
  sources: [...SCAN_SOURCES],
  hooks: [],
  kernel: '6.1.0',
  toolVersion: '0.0.0',
  pid: 10,
  uid: 0,
  capabilities: [],
  ownNamespaces: {},
  scanIntervalUs: 1_000_000,
  initialHolders: 'count',
  growth: DEFAULT_GROWTH_POLICY,
};

/** A collector without I/O: folds what it derives, through the stored form, so that nothing is lost in storage. */
export class Auditor {
  readonly known: Known = emptyKnown();
  readonly log: AuditEvent[] = [];
  /** Every life there ever was, ended ones too. */
  readonly lives = new Set<Lifespan>();
  /** Every holder that was listed, ended ones too. */
  readonly holders = new Set<Holder>();
  watch: Watch;
  policy: DerivePolicy;

  constructor(policy: Partial<DerivePolicy> = {}) {
    this.policy = { ...POLICY, ...policy };
    this.watch = this.start({ second: 0 });
  }

  start({
    second,
    boot = BOOT,
    wallUs,
  }: {
    second: number;
    boot?: string;
    wallUs?: number;
  }): Watch {
    const reading = {
      wallUs: wallUs ?? ANCHOR_US + second * 1_000_000,
      bootTimeUs: second * 1_000_000,
    };
    this.watch = resumeWatch(this.known, boot);
    const anchor = chooseAnchor(this.known, boot, reading);
    this.append(deriveStart(this.known, { ...COLLECTOR, boot }, { ...reading, anchor }));
    return this.watch;
  }

  scan(input: ScanInput): AuditEvent[] {
    const { events, watch } = deriveEvents(this.known, this.watch, scan(input), this.policy);
    this.append(events);
    this.watch = watch;
    return events;
  }

  /** Ends this collector on purpose. */
  stop({ second }: { second: number }): AuditEvent[] {
    const events = deriveStop(this.known, this.watch, { atUs: at(second), reason: 'signal' });
    this.append(events);
    return events;
  }

  append(events: readonly AuditEvent[]): Change[] {
    return events.flatMap((event) => this.fold(event));
  }

  fold(event: AuditEvent): Change[] {
    const read = fromStoredEvent(toStoredEvent(eventSchema.parse(event)));
    this.log.push(read);
    const changes = evolve(this.known, read);
    for (const change of changes) {
      if (change.record === 'lifespan') {
        this.lives.add(change.value);
      } else if (change.record === 'holder') {
        this.holders.add(change.value);
      }
    }
    return changes;
  }
}

export function only<Name extends EventName>(
  events: readonly AuditEvent[],
  name: Name,
): EventOf<Name>[] {
  return events.filter((event): event is EventOf<Name> => event.event === name);
}

/** Seconds of the boot to the timeline. */
export function at(second: number): number {
  return ANCHOR_US + Math.round(second * 1_000_000);
}
