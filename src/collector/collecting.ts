/**
 * Watching from the start to the stop, over all times in which nothing could be recorded.
 *
 * Holds:     the order of what is recorded at the start, at the stop, and around a suspension; the loops are
 *            scan-loop.ts and kernel-loop.ts.
 */
import {
  deriveRecordingChange,
  deriveStart,
  deriveStop,
  type Anchor,
  type CollectorFacts,
} from '../domain/derive-session.ts';
import { sizeBallast, type DiskPolicy } from '../domain/disk-policy.ts';
import { NsauditError } from '../domain/errors.ts';
import { SCAN_SOURCES, type Scan, type ScanSource } from '../domain/scan.ts';
import { US_PER_MS } from '../domain/time.ts';
import { resumeWatch, type Watch } from '../domain/watch.ts';
import { createAncestry, readOwnProcess } from '../observe/ancestry.ts';
import { createContainerFiles } from '../observe/container-files.ts';
import type { TimelineClock } from '../observe/host-clock.ts';
import type { HostFacts } from '../observe/host-facts.ts';
import type { NsidSource } from '../observe/netlink-nsids.ts';
import { makeBallast } from '../store/ballast.ts';
import { startHeartbeat, type CheckpointOptions } from './checkpoint-heartbeat.ts';
import { startContainerRound } from './container-round.ts';
import type { DiskWatch } from './disk-watch.ts';
import { watchByKernel } from './kernel-loop.ts';
import { startNsidRound } from './nsid-round.ts';
import type { ObserverOptions, Observers } from './open-observers.ts';
import { NotRecordedError, type Recorder } from './recorder.ts';
import { tendDisk, type LoopOptions, type Running } from './running.ts';
import { watchByScans } from './scan-loop.ts';
import { closeQuietly, suspend, type Resumption, type Suspension } from './suspend.ts';
import { startWalWatch } from './wal-watch.ts';

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
  /** How much room makes the collector record less, or nothing. */
  readonly diskPolicy?: DiskPolicy;
  /** The baseline is committed. The line starts with `ready `. */
  readonly onReady: (line: string) => void;
  /** Something a person should know, as a sentence. */
  readonly onNotice: (line: string) => void;
  /** A scan is in the record, or has found nothing new. */
  readonly onScan?: (scan: Scan) => void;
}

/** What stays open while the record may not. */
interface Collecting {
  readonly options: CollectorOptions;
  readonly host: HostFacts;
  readonly clock: TimelineClock;
  readonly observers: Observers;
  readonly nsids: NsidSource | null;
  readonly disk: DiskWatch;
  /** Timeline instant at which the collector ends by itself. */
  readonly endUs: number;
  /** Opens the record anew. */
  readonly open: () => Promise<Recorder>;
}

/** Recording that fails again sooner than this waits longer each time. */
const STEADY_US = 60_000_000;
const SUSPENDED_REST_US = 1_000_000;
const SUSPENDED_REST_MAX_US = 60_000_000;

/** Watches until the end, over all times in which nothing could be recorded. Closes the record. */
export async function watchOn(
  collecting: Collecting,
  first: Recorder,
  anchor: Anchor,
): Promise<void> {
  const { options, host, clock, disk } = collecting;
  const { stateDirectory, signal, onNotice } = options;
  let recorder = first;
  let resumption: Resumption | null = null;
  let restUs = SUSPENDED_REST_US;
  const announcement = { isDue: true };
  for (;;) {
    const startedUs = clock.timelineUs();
    let suspension: Suspension | null;
    try {
      suspension = await watch({ ...collecting, recorder, announcement }, { anchor, resumption });
    } catch (error) {
      closeQuietly(recorder);
      throw error;
    }
    if (suspension === null) {
      recorder.close();
      return;
    }
    const isSteady = clock.timelineUs() - startedUs > STEADY_US;
    restUs = isSteady ? SUSPENDED_REST_US : Math.min(SUSPENDED_REST_MAX_US, 2 * restUs);
    resumption = await suspend(recorder, suspension, {
      stateDirectory,
      signal,
      onNotice,
      restUs,
      disk,
      clock,
      bootId: host.bootId,
      open: collecting.open,
      endUs: collecting.endUs,
    });
    if (resumption === null) {
      return;
    }
    ({ recorder } = resumption);
  }
}

interface Recording extends Collecting {
  readonly recorder: Recorder;
  /** Due until somebody has been told that the collector is ready. */
  readonly announcement: { isDue: boolean };
}

interface Beginning {
  readonly anchor: Anchor;
  /** Null at the start of the collector. */
  readonly resumption: Resumption | null;
}

/**
 * From the start, or from where it goes on, to the stop, both recorded. Returns why it ends before that.
 *
 * Errors: for one look, also NotRecordedError: nobody waits for it.
 */
async function watch(recording: Recording, beginning: Beginning): Promise<Suspension | null> {
  const { options, recorder, clock, disk } = recording;
  try {
    const resumed = begin(recording, beginning);
    const running = startRunning(recording, beginning);
    tendDisk(running);
    if (disk.isSuspended()) {
      return refuseOnce(options, { error: null, level: disk.previousLevel, watch: null });
    }
    setBallastAside(recording);
    const last = await watchBy(running, resumed);
    if (disk.isSuspended() && !options.signal.aborted) {
      return { error: null, level: disk.previousLevel, watch: last };
    }
    const atUs = Math.max(clock.timelineUs(), recorder.known.lastAt);
    const reason = describeStop(options);
    recorder.append(deriveStop(recorder.known, last, { atUs, reason }), atUs);
    await running.heartbeat?.finish();
    return null;
  } catch (error) {
    if (error instanceof NotRecordedError) {
      return refuseOnce(options, { error, level: disk.level, watch: null });
    }
    throw error;
  }
}

/** The first events; the memory to go on with. */
function begin(recording: Recording, { anchor, resumption }: Beginning): Watch {
  const { host, recorder, clock } = recording;
  const { known } = recorder;
  const resumed = resumeWatch(known, host.bootId);
  if (known.boot?.boot !== host.bootId || resumption === null) {
    const bootTimeUs = clock.bootTimeUs();
    const start = deriveStart(known, toCollectorFacts(recording), { anchor, bootTimeUs });
    recorder.append(start, start.at(-1)?.at ?? clock.timelineUs());
    return resumed;
  }
  const { change, fromUs } = resumption;
  const atUs = Math.max(clock.timelineUs(), known.lastAt);
  recorder.append(deriveRecordingChange(known, change, { atUs, watch: null }), atUs);
  return { ...resumed, resumed: { fromUs, reason: 'suspended' } };
}

function startRunning(recording: Recording, { resumption }: Beginning): Running {
  const { options, host, recorder, clock, observers, disk, endUs, nsids } = recording;
  const { checkpoints = null, onNotice } = options;
  return {
    options,
    recorder,
    clock,
    observers,
    disk,
    endUs,
    own: readOwnProcess(options.procRoot),
    addAncestors: createAncestry(options.procRoot),
    bootId: host.bootId,
    isResumed: resumption !== null,
    wal: startWalWatch({ files: recorder.files, emptyWals: () => recorder.emptyWals(), onNotice }),
    containers: startContainerRound(
      recorder,
      options.isOwnHost ? createContainerFiles('/') : null,
      onNotice,
    ),
    nsids: startNsidRound({
      source: nsids,
      recorder,
      clock,
      observers,
      procRoot: options.procRoot,
      own: { net: host.ownNamespaces.net, mnt: host.ownNamespaces.mnt },
    }),
    heartbeat: checkpoints && startHeartbeat({ options: checkpoints, recorder, clock, onNotice }),
    onScan(scan) {
      if (recording.announcement.isDue) {
        recording.announcement.isDue = false;
        announce(recording, scan);
      }
      options.onScan?.(scan);
    },
  };
}

function watchBy(running: Running, resumed: Watch): Promise<Watch> {
  const { kernel } = running.observers;
  return kernel === null ? watchByScans(running, resumed) : watchByKernel(running, kernel, resumed);
}

/** Without it the last events may not find room; that is no reason not to watch. */
function setBallastAside({ options, recorder, disk }: Recording): void {
  try {
    makeBallast(recorder.files.ballastPath, sizeBallast(disk.space ?? { totalBytes: 0 }));
  } catch (error) {
    if (!(error instanceof NsauditError)) {
      throw error;
    }
    options.onNotice(`no room could be set aside for the last events: ${error.message}`);
  }
}

/** One look does not wait for room. */
function refuseOnce(
  { once, stateDirectory }: CollectorOptions,
  suspension: Suspension,
): Suspension {
  if (once) {
    throw (
      suspension.error ??
      new NsauditError(
        'io',
        `${stateDirectory} has too little room to record anything; free some space.`,
      )
    );
  }
  return suspension;
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

/** The line that scripts wait for, and before it what the first scan could not read. */
function announce({ options, recorder, observers }: Recording, scan: Scan): void {
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

function toCollectorFacts({ options, host, observers, nsids, disk }: Recording): CollectorFacts {
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
    growth: disk.growth,
  };
}
