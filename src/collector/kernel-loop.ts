/** The loop of the kernel profiles: empty the rings often, scan now and then and when something asks for it. */
import type { Scan } from '../domain/scan.ts';
import { US_PER_MS } from '../domain/time.ts';
import type { Watch } from '../domain/watch.ts';
import type { HandleProbe } from '../observe/handle-probe.ts';
import type { KernelEvents } from '../observe/kernel-events.ts';
import { KernelSession } from './kernel-session.ts';
import { restBetweenScansUs, restBeforeWantedScanUs } from './pace.ts';
import {
  HEARTBEAT_US,
  isOver,
  recordClockStep,
  recordPulse,
  rest,
  type Running,
} from './running.ts';

const BUSY_REST_US = 5_000;
/**
 * Each look costs a virtual machine a third of a millisecond of CPU, so there are few. The ring of births holds
 * 400,000 that repeat one another, which take the fastest process a second, and 61,000 of others.
 */
const IDLE_REST_US = 400_000;
/** How often readers are told up to when they may rely on the record. */
const PULSE_US = 1_000_000;

/** Runs until told to stop. Returns the memory of the last scan. */
export async function watchByKernel(
  running: Running,
  kernel: { readonly events: KernelEvents; readonly probe: HandleProbe | null },
  resumed: Watch,
): Promise<Watch> {
  const { options, clock, observers, disk } = running;
  const session = new KernelSession({
    ...running,
    ...kernel,
    scan: () => observers.scan(),
    initial: observers.initial,
    policy: { ...options, heartbeatUs: HEARTBEAT_US },
    growth: () => disk.growth,
    watch: resumed,
  });
  const { endUs } = running;
  const scans = startScanClock(running);
  let isFirst = true;
  let lastScan: Scan | null = null;
  let pulseDueUs = Number.NEGATIVE_INFINITY;
  while (isFirst || !isOver(running)) {
    if (isFirst || (scans.isDue(session) && !session.isBehind)) {
      isFirst = false;
      recordClockStep(running);
      lastScan = await scanOnce(running, session, scans);
      running.containers.run(clock.timelineUs());
      running.nsids.run(session.watch, { hasScanned: true });
      if (options.once) {
        break;
      }
    }
    const recordCount = await session.drain();
    running.containers.run(clock.timelineUs());
    running.nsids.run(session.watch, { hasScanned: false });
    if (lastScan !== null && clock.timelineUs() >= pulseDueUs) {
      recordPulse(running, lastScan, session.watchedUs);
      pulseDueUs = clock.timelineUs() + PULSE_US;
    }
    const isBusy = session.isBehind || recordCount + session.ask() > 0;
    await rest(
      Math.min(isBusy ? BUSY_REST_US : IDLE_REST_US, endUs - clock.timelineUs()),
      options.signal,
    );
  }
  await session.finish();
  return session.watch;
}

interface ScanClock {
  isDue(session: KernelSession): boolean;
  /** A scan took this long, from start to record. */
  noteScan(durationUs: number): void;
}

function startScanClock({ options, clock }: Running): ScanClock {
  let dueUs = Number.NEGATIVE_INFINITY;
  let wantedUs = Number.NEGATIVE_INFINITY;
  return {
    isDue: (session) =>
      clock.timelineUs() >= dueUs || (session.isScanWanted && clock.timelineUs() >= wantedUs),
    noteScan(durationUs) {
      const nowUs = clock.timelineUs();
      dueUs = nowUs + restBetweenScansUs(durationUs, options.scanIntervalMs * US_PER_MS);
      wantedUs = nowUs + restBeforeWantedScanUs(durationUs);
    },
  };
}

async function scanOnce(running: Running, session: KernelSession, scans: ScanClock): Promise<Scan> {
  const { scan, busyUs } = await session.scan();
  recordPulse(running, scan, session.watchedUs);
  scans.noteScan(busyUs);
  running.onScan(scan);
  return scan;
}
