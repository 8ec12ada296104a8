/**
 * How much of the log others may cause: nobody fills the disk by forking or unsharing.
 *
 * Beyond these limits things are counted instead of listed (holders.churned, namespaces.stormed). The limits
 * in force are part of collector.started, so a reader of the log knows when something may have been counted.
 */
import { z } from 'zod';
import { US_PER_SECOND } from './time.ts';

const limit = z.number().int().nonnegative();

export const growthPolicySchema = z.object({
  /** For each namespace set: how many members are listed at once, and how many a second after that. */
  holders: z.object({ burst: limit, perSecond: limit }),
  /** The same for members that made a namespace or changed namespaces themselves: somebody may do that in a loop. */
  movers: z.object({ burst: limit, perSecond: limit }),
  /** For each uid: how many births a minute are listed whatever they are; beyond, which lives are short. */
  births: z.object({ perMinuteMax: limit, shortLifeUs: limit }),
});

export type GrowthPolicy = z.infer<typeof growthPolicySchema>;

/**
 * A member that comes and goes costs about 750 bytes of log.db with the facts of a Docker container, so that
 * 1,000 forks a second for a minute cost 0.6 MB: test/domain/member-growth.test.ts holds them to 1 MB.
 */
export const DEFAULT_GROWTH_POLICY: GrowthPolicy = {
  holders: { burst: 500, perSecond: 5 },
  movers: { burst: 5_000, perSecond: 50 },
  births: { perMinuteMax: 100_000, shortLifeUs: US_PER_SECOND },
};
