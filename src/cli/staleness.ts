/**
 * Whether an answer about now is an answer about now.
 *
 * Without an end, a question is about the latest instant that was watched. While a collector runs that
 * is a moment ago; when it has died, the answer still looks fresh, and must not.
 */
import { fromRfc3339, US_PER_SECOND } from '../domain/time.ts';
import { formatSpan } from './bounds-text.ts';
import type { CommandContext } from './command-context.ts';

/** A collector that scans every second is never this far behind; a slower one gets two of its scans. */
const AGE_LEAST_US = 10 * US_PER_SECOND;
const LIFETIME_FACTOR = 2;

/** Wall time now when the question was about now, else null. */
export function findAskedNowUs({ options, nowUs }: CommandContext): number | null {
  const end = options.text('at') ?? options.text('until') ?? 'now';
  return end.trim() === 'now' ? nowUs() : null;
}

/**
 * What to say about an answer that is older than it looks; null when it is as fresh as it can be.
 * `at` is the instant the answer is about.
 */
export function describeStaleness(
  askedNowUs: number | null,
  { at, minimumLifetimeUs }: { at: string; minimumLifetimeUs: number | null },
): string | null {
  const atUs = fromRfc3339(at);
  if (askedNowUs === null || atUs === undefined) {
    return null;
  }
  const ageUs = askedNowUs - atUs;
  const allowedUs = Math.max(AGE_LEAST_US, LIFETIME_FACTOR * (minimumLifetimeUs ?? 0));
  return ageUs > allowedUs
    ? `not watched since ${at}, for ${formatSpan(ageUs)}: this is how it was then, because no collector has scanned after that.`
    : null;
}
