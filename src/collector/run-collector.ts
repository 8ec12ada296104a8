/**
 * The collector: observe → derive → append → project, until told to stop.
 *
 * Holds:     what stays open from start to stop, whatever happens to the record meanwhile.
 * Promises:  what a tick observed is durable before the next one begins; a stop writes what is still open;
 *            a start after any end records the gap. Scans never pile up. A disk that is full, read-only or
 *            fails ends nothing: see suspend.ts.
 * Does not:  decide what a scan or a record means (domain), print, or read its options (cli).
 * Proved by: test/collector/run-collector.test.ts, test/kernel/restart.test.ts, test/kernel/full-disk.test.ts
 */
import { chooseAnchor } from '../domain/derive-session.ts';
import { NsauditError } from '../domain/errors.ts';
import { US_PER_MS } from '../domain/time.ts';
import {
  createHostClock,
  createTimelineClock,
  openOwnHostClock,
  type HostClock,
} from '../observe/host-clock.ts';
import { readHostFacts, type HostFacts } from '../observe/host-facts.ts';
import { openNsids } from '../observe/netlink-nsids.ts';
import { releaseBallast } from '../store/ballast.ts';
import { toStateFiles } from '../store/state-directory.ts';
import { watchOn } from './collecting.ts';
import type { CollectorOptions } from './collector-options.ts';
import { startDiskWatch } from './disk-watch.ts';
import { openObservers } from './open-observers.ts';
import { openRecorder, type Recorder } from './recorder.ts';

/**
 * Runs until `signal`, `forMs` or `once` ends it, and leaves the record closed and complete.
 *
 * Errors: NsauditError `busy` when another collector holds the state directory; `unavailable`, `io` and
 * `integrity` as the store says; `io` when procfs cannot be read at all.
 */
export async function runCollector(options: CollectorOptions): Promise<void> {
  const { procRoot, machineIdPath } = options;
  const host = readHostFacts({ procRoot, machineIdPath });
  const hostClock = options.isOwnHost ? openOwnHostClock(procRoot) : createHostClock({ procRoot });
  const open = createOpener(options, host, hostClock);
  const recorder = await openInSpite(open, options.stateDirectory);
  let isHandedOver = false;
  try {
    const { bootId } = host;
    const reading = { bootTimeUs: hostClock.bootTimeUs(), wallUs: hostClock.wallUs() };
    const anchor = chooseAnchor(recorder.known, bootId, reading);
    const { anchorUs } = anchor;
    const clock = createTimelineClock(hostClock, anchorUs);
    const nsids = options.isOwnHost ? openNsids(options.nsidBufferBytes) : null;
    const recordedPosition = recorder.known.position;
    const observers = openObservers({ ...options, bootId, clock, anchorUs, recordedPosition });
    try {
      observers.notices.forEach((notice) => options.onNotice(notice));
      const source = nsids === null || 'missing' in nsids ? null : nsids;
      const disk = startDiskWatch({ directory: options.stateDirectory, ...options });
      const forMs = options.forMs ?? Number.POSITIVE_INFINITY;
      const endUs = clock.timelineUs() + forMs * US_PER_MS;
      const parts = { options, host, clock, observers, nsids: source, disk, endUs, open };
      isHandedOver = true;
      await watchOn(parts, recorder, anchor);
    } finally {
      observers.close({ keepPins: options.keepHooks });
      if (nsids !== null && 'close' in nsids) {
        nsids.close();
      }
    }
  } finally {
    if (!isHandedOver) {
      recorder.close();
    }
  }
}

/** Opens the record, also anew after it could not be written. */
function createOpener(
  { stateDirectory, onNotice }: CollectorOptions,
  { hostId, bootId }: HostFacts,
  clock: HostClock,
): () => Promise<Recorder> {
  return async () => {
    const recorder = await openRecorder({ stateDirectory, hostId, bootId, clock });
    if (recorder.rebuildReason !== null && recorder.known.position > 0) {
      onNotice(`read.db was built anew from the log: ${recorder.rebuildReason}`);
    }
    return recorder;
  };
}

/** On a full disk with the room that the ballast leaves: the record has to say why nothing is recorded. */
async function openInSpite(
  open: () => Promise<Recorder>,
  stateDirectory: string,
): Promise<Recorder> {
  try {
    return await open();
  } catch (error) {
    const isRefused = error instanceof NsauditError && error.code === 'io';
    if (!isRefused || !releaseBallast(toStateFiles(stateDirectory).ballastPath)) {
      throw error;
    }
    return await open();
  }
}
