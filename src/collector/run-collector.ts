/**
 * The collector: observe → derive → append → project, once per interval, until told to stop.
 *
 * Holds:     the loop and the order of start and stop.
 * Promises:  what a tick observed is durable before the next one begins; a stop writes what is still open;
 *            a start after any end records the gap. Scans never pile up.
 * Does not:  decide what a scan means (domain), print, or read its options (cli).
 * Proved by: test/collector/run-collector.test.ts, test/kernel/restart.test.ts
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { deriveEvents, type DerivePolicy } from '../domain/derive-events.ts';
import {
  chooseAnchor,
  deriveClockStep,
  deriveStart,
  deriveStop,
} from '../domain/derive-session.ts';
import { DEFAULT_GROWTH_POLICY } from '../domain/growth-policy.ts';
import { SCAN_SOURCES, type Scan, type ScanSource } from '../domain/scan.ts';
import { US_PER_MS, US_PER_SECOND } from '../domain/time.ts';
import { resumeWatch, type Watch } from '../domain/watch.ts';
import { createHostClock, createTimelineClock, type TimelineClock } from '../observe/host-clock.ts';
import { readHostFacts, type HostFacts } from '../observe/host-facts.ts';
import { createProcfsScanner, type ProcfsScanner } from '../observe/procfs-scan.ts';
import { chooseProfile, type ProfileRequest } from './choose-profile.ts';
import { restAfterScanUs, silenceMaxUs } from './pace.ts';
import { openRecorder, type Recorder } from './recorder.ts';

export interface CollectorOptions {
  readonly stateDirectory: string;
  /** Where procfs is mounted. */
  readonly procRoot: string;
  readonly machineIdPath: string;
  readonly toolVersion: string;
  readonly profile: ProfileRequest;
  readonly scanIntervalMs: number;
  /** Stops by itself after this long; null: runs until the signal. */
  readonly forMs: number | null;
  /** One scan, then stop. */
  readonly once: boolean;
  readonly initialHolders: DerivePolicy['initialHolders'];
  readonly signal: AbortSignal;
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
};

/** A stretch of coverage is written at least this often. */
const HEARTBEAT_US = 60 * US_PER_SECOND;

/**
 * Runs until `signal`, `forMs` or `once` ends it, and leaves the record closed and complete.
 *
 * Errors: NsauditError `busy` when another collector holds the state directory; `unavailable`, `io` and
 * `integrity` as the store says; `io` when procfs cannot be read at all.
 */
export async function runCollector(options: CollectorOptions): Promise<void> {
  const { profile, notice } = chooseProfile(options.profile);
  if (notice !== null) {
    options.onNotice(notice);
  }
  const { procRoot, machineIdPath, stateDirectory } = options;
  const host = readHostFacts({ procRoot, machineIdPath });
  const hostClock = createHostClock({ procRoot });
  const name = host.hostId ?? randomUUID().replaceAll('-', '');
  const recorder = await openRecorder({ stateDirectory, host: name, clock: hostClock });
  try {
    if (recorder.rebuildReason !== null && recorder.known.position > 0) {
      options.onNotice(`read.db was built anew from the log: ${recorder.rebuildReason}`);
    }
    const reading = { bootTimeUs: hostClock.bootTimeUs(), wallUs: hostClock.wallUs() };
    const { anchorUs } = chooseAnchor(recorder.known, host.bootId, reading);
    const watch = resumeWatch(recorder.known, host.bootId);
    recorder.append(
      deriveStart(recorder.known, toCollectorFacts(options, host, profile), reading),
      anchorUs + reading.bootTimeUs,
    );
    const clock = createTimelineClock(hostClock, anchorUs);
    const scanner = createProcfsScanner({ procRoot, bootId: host.bootId, clock });
    const last = await watchUntilStopped({ options, recorder, clock, scanner }, watch);
    const atUs = clock.timelineUs();
    recorder.append(
      deriveStop(recorder.known, last, { atUs, reason: describeStop(options) }),
      atUs,
    );
  } finally {
    recorder.close();
  }
}

interface Running {
  readonly options: CollectorOptions;
  readonly recorder: Recorder;
  readonly clock: TimelineClock;
  readonly scanner: ProcfsScanner;
}

/** Returns the memory of the last scan. */
async function watchUntilStopped(running: Running, resumed: Watch): Promise<Watch> {
  const { options, recorder, clock, scanner } = running;
  const intervalUs = options.scanIntervalMs * US_PER_MS;
  const endUs =
    options.forMs === null
      ? Number.POSITIVE_INFINITY
      : clock.timelineUs() + options.forMs * US_PER_MS;
  let watch = resumed;
  let lastDurationUs = 0;
  let isFirst = true;
  while (isFirst || (!options.signal.aborted && clock.timelineUs() < endUs)) {
    recordClockStep(running);
    const scan = scanner.scan();
    const policy = {
      initialHolders: options.initialHolders,
      growth: DEFAULT_GROWTH_POLICY,
      source: 'procfs' as const,
      continuedFromUs: null,
      kernel: null,
      heartbeatUs: HEARTBEAT_US,
      silenceMaxUs: silenceMaxUs(intervalUs, lastDurationUs),
    };
    const derived = deriveEvents(recorder.known, watch, scan, policy);
    recorder.append(derived.events, scan.endedAtUs);
    recorder.pulse({
      scanStartedUs: scan.startedAtUs,
      scanEndedUs: scan.endedAtUs,
      scanIntervalUs: intervalUs,
      watchedUs: null,
    });
    watch = derived.watch;
    lastDurationUs = scan.endedAtUs - scan.startedAtUs;
    if (isFirst) {
      announce(running, scan);
      isFirst = false;
    }
    options.onScan?.(scan);
    if (options.once) {
      break;
    }
    await rest(
      Math.min(restAfterScanUs(scan, intervalUs), endUs - clock.timelineUs()),
      options.signal,
    );
  }
  return watch;
}

function recordClockStep({ recorder, clock }: Running): void {
  const reading = { bootTimeUs: clock.bootTimeUs(), wallUs: clock.wallUs() };
  recorder.append(deriveClockStep(recorder.known, reading), clock.timelineUs());
}

/** The line that scripts wait for, and before it what the first scan could not read. */
function announce({ options, recorder }: Running, scan: Scan): void {
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
    `ready profile=procfs interval=${options.scanIntervalMs}ms scan=${scanMs}ms processes=${scan.processes.length} namespaces=${known.lifespans.size} position=${known.position} state=${options.stateDirectory}`,
  );
}

async function rest(restUs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(Math.max(0, restUs / US_PER_MS), undefined, { signal });
  } catch (error) {
    if (!signal.aborted) {
      throw error;
    }
  }
}

function describeStop({ signal, once }: CollectorOptions): string {
  if (signal.aborted) {
    return 'signal';
  }
  return once ? 'once' : 'time is up';
}

function toCollectorFacts(
  options: CollectorOptions,
  host: HostFacts,
  profile: 'procfs' | 'tracepoint' | 'trampoline',
) {
  return {
    boot: host.bootId,
    profile,
    sources: [...SCAN_SOURCES],
    hooks: [],
    kernel: host.kernelRelease,
    toolVersion: options.toolVersion,
    pid: process.pid,
    uid: process.getuid?.() ?? 0,
    capabilities: [...host.capabilities],
    ownNamespaces: { ...host.ownNamespaces },
    scanIntervalUs: options.scanIntervalMs * US_PER_MS,
    initialHolders: options.initialHolders,
    growth: DEFAULT_GROWTH_POLICY,
  };
}
