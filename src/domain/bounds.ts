/**
 * When something happened, as far as it was observed: an interval and the evidence for it.
 *
 * A birth b satisfies after < b <= by, an end e satisfies after <= e < by. A kernel event gives
 * after = by. `after` is null for what was there when we first looked.
 */
import { z } from 'zod';

export const EVIDENCE = [
  'kernel-event',
  /** An nsfs file handle went stale. */
  'handle',
  'scan',
  /** Present when the collector first looked. */
  'baseline',
  /** The inode number was seen on another namespace. */
  'inode-reuse',
  'inferred-after-gap',
  'reboot',
  'import',
] as const;

export type Evidence = (typeof EVIDENCE)[number];

const timelineUs = z.number().int();

export const boundsSchema = z.object({
  after: timelineUs.nullable().default(null),
  by: timelineUs,
  evidence: z.enum(EVIDENCE),
});

/** Both ends in microseconds on the host timeline. */
export type Bounds = z.infer<typeof boundsSchema>;

/**
 * An end that no beginning follows. Records that contradict one another, as after a loss, must not turn an
 * interval around: then the end is later than was told.
 */
export function notBefore(end: Bounds, latestUs: number): Bounds {
  return end.by >= latestUs ? end : { ...end, by: latestUs };
}
