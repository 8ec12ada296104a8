/** When the next scan begins. Pure: instants and durations in microseconds of one clock. */

/**
 * How long to wait after a scan. Scans begin one interval apart; a scan that takes more than half of it
 * is followed by a rest as long as itself, so that slow scans never pile up and never take more than
 * half a core. The coverage events show the cadence that this gives.
 */
export function restAfterScanUs(
  scan: { startedAtUs: number; endedAtUs: number },
  intervalUs: number,
): number {
  const durationUs = scan.endedAtUs - scan.startedAtUs;
  return Math.max(intervalUs - durationUs, durationUs);
}

/**
 * A pause between two scans longer than this means that nobody watched, not that a scan was slow: the
 * rest after a slow scan is as long as the scan.
 */
export function silenceMaxUs(intervalUs: number, lastScanDurationUs: number): number {
  return Math.max(SILENCE_LEAST_US, SILENCE_FACTOR * Math.max(intervalUs, lastScanDurationUs));
}

const SILENCE_LEAST_US = 5_000_000;
const SILENCE_FACTOR = 5;

/**
 * How long to wait after a scan in the kernel profiles, where hooks tell what is urgent and scans only
 * find descriptors and bind mounts: as long as asked for, but scans never take more than a third of a percent
 * of a core at an interval of a second or more. Who asks for shorter intervals allows in proportion more, a
 * tenth of a core at most. `busyUs` is the CPU time of the scan and of judging it.
 */
export function restBetweenScansUs(busyUs: number, intervalUs: number): number {
  const restFactor = KERNEL_REST_FACTOR * Math.min(1, intervalUs / DEFAULT_INTERVAL_US);
  return Math.max(intervalUs - busyUs, Math.max(restFactor, KERNEL_REST_FACTOR_LEAST) * busyUs);
}

/** How long to wait before a scan that something asked for: a tenth of a core at most. */
export function restBeforeWantedScanUs(busyUs: number): number {
  return Math.max(WANTED_REST_LEAST_US, WANTED_REST_FACTOR * busyUs);
}

const DEFAULT_INTERVAL_US = 1_000_000;
const KERNEL_REST_FACTOR = 299;
const KERNEL_REST_FACTOR_LEAST = 9;
const WANTED_REST_LEAST_US = 100_000;
const WANTED_REST_FACTOR = 9;
