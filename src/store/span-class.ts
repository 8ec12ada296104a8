/**
 * Duration classes: what makes "alive at T" a short range search for each class instead of a walk through
 * everything that began before T.
 */
import { FOREVER_US } from '../domain/time.ts';

/** Class of an interval that has not ended. */
export const OPEN_CLASS = 63;
/** All intervals shorter than 2^10 microseconds share a class. */
const CLASS_MIN = 10;
const UINT32_RANGE = 2 ** 32;

/**
 * The duration class k of an interval: the smallest, but at least 10, for which it is shorter than 2^k
 * microseconds; 63 while it is open. Whatever of class k contains T begins in (T - 2^k, T].
 */
export function toSpanClass(fromUs: number, toUs: number): number {
  if (toUs === FOREVER_US) {
    return OPEN_CLASS;
  }
  const durationUs = toUs - fromUs;
  const high = Math.floor(durationUs / UINT32_RANGE);
  // Counting bits is exact; a logarithm is rounded, and a class too small would hide the row.
  const bits = high > 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(durationUs);
  return Math.max(CLASS_MIN, bits);
}

/** How far the intervals of a class reach: 2^k microseconds, and for ever for open ones. */
export function toClassWidthUs(spanClass: number): number {
  return spanClass === OPEN_CLASS ? FOREVER_US : 2 ** spanClass;
}
