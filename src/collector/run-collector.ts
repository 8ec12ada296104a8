/**
 * The collector: observe → derive → append → project, until told to stop.
 *
 * Holds:     the order of start and stop; the loops are scan-loop.ts and kernel-loop.ts.
 * Promises:  what a tick observed is durable before the next one begins; a stop writes what is still open;
 *            a start after any end records the gap. Scans never pile up.
 * Does not:  decide what a scan or a record means (domain), print, or read its options (cli).
 * Proved by: test/collector/run-collector.test.ts, test/kernel/restart.test.ts
 */
import { randomUUID } from 'node:crypto';
import {
  chooseAnchor,
  deriveStart,
  deriveStop,
  type Anchor,
  type CollectorFacts,
} from '../domain/derive-session.ts';
import { SCAN_SOURCES, type Scan, type ScanSource } from '../domain/scan.ts';
import { US_PER_MS } from '../domain/time.ts';
import { resumeWatch } from '../domain/watch.ts';
import { createAncestry, readOwnProcess } from '../observe/ancestry.ts';
import { createContainerFiles } from '../observe/container-files.ts';
import {
  createHostClock,
  createTimelineClock,
  openOwnHostClock,
  type TimelineClock,
} from '../observe/host-clock.ts';
import { readHostFacts, type HostFacts } from '../observe/host-facts.ts';
import { openNsids, type NsidSource } from '../observe/netlink-nsids.ts';
import { startHeartbeat, type CheckpointOptions } from './checkpoint-heartbeat.ts';
import { startContainerRound } from './container-round.ts';
import { watchByKernel } from './kernel-loop.ts';
import { startNsidRound } from './nsid-round.ts';
import { openObservers, type ObserverOptions, type Observers } from './open-observers.ts';
import { openRecorder, type Recorder } from './recorder.ts';
import type { LoopOptions, Running } from './running.ts';
import { watchByScans } from './scan-loop.ts';

export interface CollectorOptions
  extends
    LoopOptions,
    Pick<ObserverOptions, 'profile' | 'isOwnHost' | 'pinDirectory' | 'ringBytes'> {
  readonly stateDirectory: string;
  /** Where procfs is mounted. */
  readonly procRoot: string;
  readonly machineIdPath: string;
  readonly toolVersion: string;
  /** Null: nothing is signed. */
  readonly checkpoints?: CheckpointOptions | null;
  /** Leaves pinned hooks attached at the stop, so that the next start has no blind window. */
  readonly keepHooks: boolean;
  /** The baseline is committed. The line starts with `ready `. */
  readonly onReady: (line: string) => void;
  /** Something a person should know, as a sentence. */
  readonly onNotice: (line: string) => void;
  /** A scan is in the record, or has found nothing new. */
  readonly onScan?: (scan: Scan) => void;
}

/** What one unreadable thing of a source is. */
const UNREADABLE_NOUNS: Readonly<Record<ScanSource, string>> = {
  links: 'namespace links of a process',
  threads: 'threads of a process',
  descriptors: 'descriptors of a process',
  mounts: 'mounts of a mount namespace',
  facts: 'facts about a process',
  relations: 'owner and parent of a namespace',
  sockets: 'sockets of a process',
  references: 'references to a namespace',
};

/**
 * Runs until `signal`, `forMs` or `once` ends it, and leaves the record closed and complete.
 *
 * Errors: NsauditError `busy` when another collector holds the state directory; `unavailable`, `io` and
 * `integrity` as the store says; `io` when procfs cannot be read at all.
 */
export async function runCollector(options: CollectorOptions): Promise<void> {
  const { procRoot, machineIdPath, stateDirectory } = options;
  const host = readHostFacts({ procRoot, machineIdPath });
  const hostClock = options.isOwnHost ? openOwnHostClock(procRoot) : createHostClock({ procRoot });
  const name = host.hostId ?? randomUUID().replaceAll('-', '');
  const recorder = await openRecorder({ stateDirectory, host: name, clock: hostClock });
  try {
    if (recorder.rebuildReason !== null && recorder.known.position > 0) {
      options.onNotice(`read.db was built anew from the log: ${recorder.rebuildReason}`);
    }
    const { bootId } = host;
    const reading = { bootTimeUs: hostClock.bootTimeUs(), wallUs: hostClock.wallUs() };
    const anchor = chooseAnchor(recorder.known, bootId, reading);
    const { anchorUs } = anchor;
    const clock = createTimelineClock(hostClock, anchorUs);
    const nsids = options.isOwnHost ? openNsids() : null;
    const recordedPosition = recorder.known.position;
    const observers = openObservers({ ...options, bootId, clock, anchorUs, recordedPosition });
    try {
      observers.notices.forEach((notice) => options.onNotice(notice));
      const source = nsids === null || 'missing' in nsids ? null : nsids;
      await watch({ options, host, recorder, clock, observers, nsids: source }, anchor);
    } finally {
      observers.close({ keepPins: options.keepHooks });
      if (nsids !== null && 'close' in nsids) {
        nsids.close();
      }
    }
  } finally {
    recorder.close();
  }
}

interface Collecting {
  readonly options: CollectorOptions;
  readonly host: HostFacts;
  readonly recorder: Recorder;
  readonly clock: TimelineClock;
  readonly observers: Observers;
  readonly nsids: NsidSource | null;
}

/** From the start to the stop, both recorded. */
async function watch(collecting: Collecting, anchor: Anchor): Promise<void> {
  const { options, host, recorder, clock, observers } = collecting;
  const { bootId } = host;
  const resumed = resumeWatch(recorder.known, bootId);
  const start = deriveStart(recorder.known, toCollectorFacts(collecting), {
    anchor,
    bootTimeUs: clock.bootTimeUs(),
  });
  recorder.append(start, start.at(-1)?.at ?? clock.timelineUs());
  let isFirst = true;
  const { checkpoints = null, onNotice } = options;
  const heartbeat =
    checkpoints && startHeartbeat({ options: checkpoints, recorder, clock, onNotice });
  const running: Running = {
    options,
    own: readOwnProcess(options.procRoot),
    addAncestors: createAncestry(options.procRoot),
    bootId,
    recorder,
    clock,
    observers,
    containers: startContainerRound(
      recorder,
      options.isOwnHost ? createContainerFiles('/') : null,
      options.onNotice,
    ),
    nsids: startNsidRound({
      source: collecting.nsids,
      recorder,
      clock,
      observers,
      procRoot: options.procRoot,
      own: { net: host.ownNamespaces.net, mnt: host.ownNamespaces.mnt },
    }),
    heartbeat,
    onScan(scan) {
      if (isFirst) {
        isFirst = false;
        announce(collecting, scan);
      }
      options.onScan?.(scan);
    },
  };
  const last =
    observers.kernel === null
      ? await watchByScans(running, resumed)
      : await watchByKernel(running, observers.kernel, resumed);
  const atUs = Math.max(clock.timelineUs(), recorder.known.lastAt);
  const reason = describeStop(options);
  recorder.append(deriveStop(recorder.known, last, { atUs, reason }), atUs);
  await heartbeat?.finish();
}
/** The line that scripts wait for, and before it what the first scan could not read. */
function announce({ options, recorder, observers }: Collecting, scan: Scan): void {
  const holes = scan.reports.flatMap(({ source, unreadable }) =>
    unreadable.map(
      ({ reason, count, example }) =>
        `${count} × ${UNREADABLE_NOUNS[source]} (${reason}, as ${example})`,
    ),
  );
  if (holes.length > 0) {
    options.onNotice(
      `not everything can be read: ${holes.join('; ')}. What only they hold is not seen, and what they held last is not called gone.`,
    );
  }
  const { known } = recorder;
  const scanMs = Math.round((scan.endedAtUs - scan.startedAtUs) / US_PER_MS);
  options.onReady(
    `ready profile=${observers.profile} interval=${options.scanIntervalMs}ms scan=${scanMs}ms processes=${scan.processes.length} namespaces=${known.lifespans.size} position=${known.position} state=${options.stateDirectory}`,
  );
}

function describeStop({ signal, once }: CollectorOptions): string {
  if (signal.aborted) {
    return 'signal';
  }
  return once ? 'once' : 'time is up';
}

function toCollectorFacts({ options, host, observers, nsids }: Collecting): CollectorFacts {
  const { profile, hooks, kernel } = observers;
  const kernelSources = kernel === null ? [] : ['kernel', ...(kernel.probe ? ['handles'] : [])];
  return {
    boot: host.bootId,
    profile,
    sources: [...kernelSources, ...SCAN_SOURCES, ...(nsids === null ? [] : ['nsids'])],
    hooks: hooks.map(({ name, state }) => ({ name, state })),
    kernel: host.kernelRelease,
    toolVersion: options.toolVersion,
    pid: process.pid,
    uid: process.getuid?.() ?? 0,
    capabilities: [...host.capabilities],
    ownNamespaces: { ...host.ownNamespaces },
    scanIntervalUs: options.scanIntervalMs * US_PER_MS,
    initialHolders: options.initialHolders,
    growth: options.growth,
  };
}
