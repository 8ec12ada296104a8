/**
 * How many namespaces a user made in the last minute: a sliding minute in whole seconds. Pure.
 *
 * Seconds are those of the host timeline. A birth told about late counts for the second it is told in.
 */
import { US_PER_SECOND } from './time.ts';

export interface BirthRate {
  /** Seconds in which there were births, oldest first; the last one is still counting. */
  readonly seconds: readonly { readonly second: number; readonly count: number }[];
  readonly total: number;
}

export const NO_BIRTHS: BirthRate = { seconds: [], total: 0 };

const WINDOW_SECONDS = 60;

/** The rate with one more birth at `atUs`. */
export function countBirth(rate: BirthRate, atUs: number): BirthRate {
  const { seconds, total } = forgetBirths(rate, atUs);
  const second = Math.floor(atUs / US_PER_SECOND);
  const last = seconds.at(-1);
  const grown =
    last !== undefined && last.second >= second
      ? [...seconds.slice(0, -1), { second: last.second, count: last.count + 1 }]
      : [...seconds, { second, count: 1 }];
  return { seconds: grown, total: total + 1 };
}

/** The rate without the births that are more than a minute old: the second of `atUs` and the 59 before it stay. */
export function forgetBirths(rate: BirthRate, atUs: number): BirthRate {
  const oldest = Math.floor(atUs / US_PER_SECOND) - WINDOW_SECONDS + 1;
  const [first] = rate.seconds;
  if (first === undefined || first.second >= oldest) {
    return rate;
  }
  const seconds = rate.seconds.filter(({ second }) => second >= oldest);
  return { seconds, total: seconds.reduce((sum, { count }) => sum + count, 0) };
}

/** The user made more than `perMinuteMax` in the last minute. */
export function isStorming(rate: BirthRate, atUs: number, perMinuteMax: number): boolean {
  return forgetBirths(rate, atUs).total > perMinuteMax;
}
