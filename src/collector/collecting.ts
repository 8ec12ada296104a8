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
} from '../domain/derive-session.ts';
import { sizeBallast } from '../domain/disk-policy.ts';
import { NsauditError } from '../domain/errors.ts';
import { resumeWatch, type Watch } from '../domain/watch.ts';
import { createAncestry, readOwnProcess } from '../observe/ancestry.ts';
import { createContainerFiles } from '../observe/container-files.ts';
import { makeBallast } from '../store/ballast.ts';
import { startHeartbeat, type Heartbeat } from './checkpoint-heartbeat.ts';
import type { Collecting, CollectorOptions, Recording } from './collector-options.ts';
import { startContainerRound } from './container-round.ts';
import { announce, describeStop, toCollectorFacts } from './describe-collector.ts';
import { startFileWatch } from './file-watch.ts';
import { watchByKernel } from './kernel-loop.ts';
import { startNsidRound } from './nsid-round.ts';
import { NotRecordedError, type Recorder } from './recorder.ts';
import { tendDisk, type Running } from './running.ts';
import { watchByScans } from './scan-loop.ts';
import { closeQuietly, suspend, type Resumption, type Suspension } from './suspend.ts';
import { startWalWatch } from './wal-watch.ts';

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
    // First: what it refuses is left as it was.
    const heartbeat = openHeartbeat(recording);
    const resumed = begin(recording, beginning);
    const running = startRunning(recording, beginning, heartbeat);
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

/** Null without a key to sign with. */
function openHeartbeat({ options, recorder, clock }: Recording): Heartbeat | null {
  const { checkpoints = null, onNotice } = options;
  return checkpoints && startHeartbeat({ options: checkpoints, recorder, clock, onNotice });
}

function startRunning(
  recording: Recording,
  { resumption }: Beginning,
  heartbeat: Heartbeat | null,
): Running {
  const { options, host, recorder, clock, observers, disk, endUs, nsids } = recording;
  const { onNotice } = options;
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
    files: startFileWatch(recorder),
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
    heartbeat,
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
