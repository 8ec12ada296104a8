/**
 * The host timeline and wall time.
 *
 * The timeline is CLOCK_BOOTTIME plus one anchor per boot, chosen so that it never runs backwards, not
 * within a boot and not from one boot to the next. Everything in the log is ordered and measured on it,
 * so no clock step can turn an interval around. Wall time is the timeline plus an offset that changes
 * at recorded moments only: where a boot begins, and where the wall clock stepped.
 *
 * Times people give and read are wall times; they are converted here and nowhere else.
 */
import { toRfc3339 } from './time.ts';

export interface WallOffset {
  /** Timeline instant from which the offset holds. */
  readonly fromUs: number;
  /** Wall time minus timeline. */
  readonly offsetUs: number;
}

export interface WallClock {
  /** Wall time of a timeline instant. */
  toWallUs(timelineUs: number): number;
  /** The same as RFC 3339, UTC, six digits. */
  toWallText(timelineUs: number): string;
  /**
   * Timeline instant of a wall time. Where the clock was set back and showed the time twice, the later
   * moment is meant; a time the clock jumped over maps to the moment of the jump.
   */
  toTimelineUs(wallUs: number): number;
}

/** Most instants of an answer stand in it several times; a page of one has fewer than that. */
const TEXTS_MAX = 4_096;

/**
 * Builds the conversion from the recorded offsets, in timeline order. Before the first of them both times
 * are equal, because an offset of 0 at the start of a record is not recorded.
 */
export function buildWallClock(offsets: readonly WallOffset[]): WallClock {
  const start: WallOffset = { fromUs: Number.NEGATIVE_INFINITY, offsetUs: 0 };
  const steps = [start, ...offsets];
  const texts = new Map<number, string>();
  const toWallUs = (timelineUs: number): number =>
    timelineUs + (steps.findLast((step) => step.fromUs <= timelineUs) ?? start).offsetUs;
  return {
    toWallUs,
    toWallText(timelineUs) {
      let text = texts.get(timelineUs);
      if (text === undefined) {
        text = toRfc3339(toWallUs(timelineUs));
        if (texts.size === TEXTS_MAX) {
          texts.clear();
        }
        texts.set(timelineUs, text);
      }
      return text;
    },
    toTimelineUs(wallUs) {
      const index = steps.findLastIndex((step) => wallUs >= step.fromUs + step.offsetUs);
      const { offsetUs } = steps[index] ?? start;
      return Math.min(wallUs - offsetUs, steps[index + 1]?.fromUs ?? Number.POSITIVE_INFINITY);
    },
  };
}

/**
 * The anchor and offset of a boot that begins to be observed.
 *
 * Normally the anchor is wall time minus boot time and the offset 0. When the wall clock says this boot
 * began before the last thing already recorded (no battery-backed clock: 1970), the timeline goes on
 * from there and the offset says how far wrong the wall clock is.
 */
export function anchorBoot(reading: {
  wallUs: number;
  bootTimeUs: number;
  lastTimelineUs: number;
}): {
  anchorUs: number;
  offsetUs: number;
} {
  const wallAnchorUs = reading.wallUs - reading.bootTimeUs;
  const anchorUs = Math.max(wallAnchorUs, reading.lastTimelineUs + 1);
  return { anchorUs, offsetUs: wallAnchorUs - anchorUs };
}

/** A wall clock that moved less than this against boot time is being slewed, not stepped. */
const STEP_MIN_US = 500_000;

/** True when the wall clock's distance from the timeline has changed so much that it must be recorded. */
export function isWallStep(recordedOffsetUs: number, measuredOffsetUs: number): boolean {
  return Math.abs(measuredOffsetUs - recordedOffsetUs) > STEP_MIN_US;
}
