/** Windows in cursors and in statements. */
import { FOREVER_US } from '../domain/time.ts';
import type { OpenWindow } from './resolve-time.ts';

/** Two numbers for a cursor. */
export function toKey({ sinceUs, untilUs }: OpenWindow): [number, number] {
  return [sinceUs ?? -FOREVER_US, untilUs ?? FOREVER_US];
}

/** The window of a cursor key that begins with one. */
export function fromKey([since = -FOREVER_US, until = FOREVER_US]: readonly number[]): OpenWindow {
  return {
    sinceUs: since === -FOREVER_US ? null : since,
    untilUs: until === FOREVER_US ? null : until,
  };
}

/** Statements take [since, until); a window without width is the instant it begins at. */
export function toHalfOpenWindow({ sinceUs, untilUs }: OpenWindow): OpenWindow {
  return sinceUs !== null && sinceUs === untilUs
    ? { sinceUs, untilUs: untilUs + 1 }
    : { sinceUs, untilUs };
}

/** The window of one microsecond that stands for an instant. */
export function toInstantWindow(atUs: number): OpenWindow {
  return { sinceUs: atUs, untilUs: atUs + 1 };
}
