/** The loop of the procfs profile: scan → derive → append, once per interval. */
import { deriveEvents } from '../domain/derive-events.ts';
import { US_PER_MS } from '../domain/time.ts';
import type { Watch } from '../domain/watch.ts';
import { restAfterScanUs, silenceMaxUs } from './pace.ts';
import {
  HEARTBEAT_US,
  isOver,
  recordClockStep,
  recordPulse,
  restBeating,
  type Running,
} from './running.ts';

/** Runs until told to stop. Returns the memory of the last scan. */
export async function watchByScans(running: Running, resumed: Watch): Promise<Watch> {
  const { options, recorder, clock, observers, disk } = running;
  const intervalUs = options.scanIntervalMs * US_PER_MS;
  const { endUs } = running;
  let watch = resumed;
  let lastDurationUs = 0;
  let isFirst = true;
  while (isFirst || !isOver(running)) {
    isFirst = false;
    recordClockStep(running);
    const scan = observers.scan();
    const derived = deriveEvents(recorder.known, watch, scan, {
      initialHolders: options.initialHolders,
      growth: disk.growth,
      heartbeatUs: HEARTBEAT_US,
      silenceMaxUs: silenceMaxUs(intervalUs, lastDurationUs),
      source: 'procfs',
      continuedFromUs: null,
      kernel: null,
      own: running.own,
    });
    recorder.append(derived.events, scan.endedAtUs);
    ({ watch } = derived);
    running.containers.run(clock.timelineUs());
    running.nsids.run(watch, { hasScanned: true });
    recordPulse(running, scan, null);
    lastDurationUs = scan.endedAtUs - scan.startedAtUs;
    running.onScan(scan);
    if (options.once) {
      break;
    }
    await restBeating(
      running,
      Math.min(restAfterScanUs(scan, intervalUs), endUs - clock.timelineUs()),
    );
  }
  return watch;
}
