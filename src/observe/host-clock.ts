/**
 * The clocks of this host: boot time, which counts suspend, and wall time, both in microseconds.
 *
 * Node offers CLOCK_MONOTONIC but not CLOCK_BOOTTIME, which the C library does. Without it the two differ by
 * the time spent suspended, which /proc/uptime gives to 10 ms; as long as the host never slept, boot time is
 * exact. Reading /proc/uptime costs ten times as much.
 *
 * Source: clock_gettime(2), proc_uptime(5), time_namespaces(7); kernel fs/proc/uptime.c.
 */
import { NsauditError } from '../domain/errors.ts';
import { US_PER_MS, US_PER_SECOND } from '../domain/time.ts';
import { openLibc } from './libc.ts';
import { createProcReader } from './proc-read.ts';

/** /proc/uptime is cut to 10 ms; the rest is for a process that had to wait between two readings. */
const TIME_NAMESPACE_MIN_US = 50_000;
const NS_PER_US = 1_000n;

export interface HostClock {
  /** CLOCK_BOOTTIME in microseconds. Never runs backwards. Throws NsauditError `io` when /proc/uptime is unreadable. */
  bootTimeUs(): number;
  /** CLOCK_REALTIME in microseconds since the epoch. Steps when somebody sets the clock. */
  wallUs(): number;
}

export interface TimelineClock extends HostClock {
  /** Microseconds on the host timeline: boot time plus the anchor of this boot. */
  timelineUs(): number;
}

export interface HostClockOptions {
  readonly procRoot: string;
  /** CLOCK_BOOTTIME in microseconds, if there is a better way to it than procfs. */
  readonly readBootUs?: () => number;
  /** CLOCK_MONOTONIC in microseconds. */
  readonly readMonotonicUs?: () => number;
  /** CLOCK_REALTIME cut to milliseconds. */
  readonly readWallMs?: () => number;
}

/** The clocks of the host that this process runs on. */
export function openOwnHostClock(procRoot: string): HostClock {
  const libc = openLibc();
  return createHostClock(
    'missing' in libc
      ? { procRoot }
      : { procRoot, readBootUs: () => Number(libc.bootNs() / NS_PER_US) },
  );
}

export function createHostClock({
  procRoot,
  readBootUs,
  readMonotonicUs = monotonicUs,
  readWallMs = Date.now,
}: HostClockOptions): HostClock {
  const readUs =
    readBootUs ?? createSuspendCorrection(`${procRoot}/uptime`, readMonotonicUs).readBootTimeUs;
  const wall = createWallRefiner();
  let lastBootTimeUs = 0;
  return {
    bootTimeUs() {
      lastBootTimeUs = Math.max(lastBootTimeUs, readUs());
      return lastBootTimeUs;
    },
    wallUs() {
      const beforeUs = readMonotonicUs();
      const wallMs = readWallMs();
      return wall.refine({ beforeUs, wallMs, afterUs: readMonotonicUs() });
    },
  };
}

/** The clock of a boot whose anchor is decided (see anchorBoot in the domain). */
export function createTimelineClock(clock: HostClock, anchorUs: number): TimelineClock {
  return { ...clock, timelineUs: () => anchorUs + clock.bootTimeUs() };
}

function monotonicUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * US_PER_SECOND + Math.floor(nanoseconds / 1_000);
}

/**
 * How far boot time is ahead of monotonic time. It only grows, and only while the host sleeps.
 *
 * /proc/uptime is cut, and read before monotonic time is: their difference is never more than the truth,
 * so the largest one seen is the best.
 */
function createSuspendCorrection(
  path: string,
  readMonotonicUs: () => number,
): { readBootTimeUs(): number } {
  const reader = createProcReader();
  let offsetUs: number | null = null;
  return {
    readBootTimeUs() {
      const uptimeUs = readUptimeUs();
      const nowUs = readMonotonicUs();
      const atLeastUs = uptimeUs - nowUs;
      // Only in a time namespace boot time can be far behind monotonic time.
      offsetUs ??= atLeastUs < -TIME_NAMESPACE_MIN_US ? atLeastUs : 0;
      offsetUs = Math.max(offsetUs, atLeastUs);
      return nowUs + offsetUs;
    },
  };

  function readUptimeUs(): number {
    const seconds = Number.parseFloat(readText());
    if (!Number.isFinite(seconds)) {
      throw new NsauditError('io', `${path} does not hold a number of seconds; is it a proc file?`);
    }
    return Math.round(seconds * US_PER_SECOND);
  }

  function readText(): string {
    try {
      return reader.readRecord(path).toString('latin1');
    } catch (error) {
      throw new NsauditError('io', `cannot read ${path}, which tells the time since boot`, {
        cause: error,
      });
    }
  }
}

interface WallReading {
  readonly beforeUs: number;
  readonly wallMs: number;
  readonly afterUs: number;
}

/**
 * Wall time to the microsecond from a clock that shows milliseconds.
 *
 * Each reading says where wall time minus monotonic time lies, to one millisecond; what all readings
 * agree on is narrower. Where they do not agree the wall clock was set, and the narrowing starts again.
 */
function createWallRefiner(): { refine(reading: WallReading): number } {
  let lowUs = Number.NEGATIVE_INFINITY;
  let highUs = Number.POSITIVE_INFINITY;
  return {
    refine({ beforeUs, wallMs, afterUs }) {
      const low = wallMs * US_PER_MS - afterUs;
      const high = (wallMs + 1) * US_PER_MS - 1 - beforeUs;
      const doAgree = low <= highUs && high >= lowUs;
      lowUs = doAgree ? Math.max(lowUs, low) : low;
      highUs = doAgree ? Math.min(highUs, high) : high;
      return beforeUs + Math.floor((lowUs + highUs) / 2);
    },
  };
}
