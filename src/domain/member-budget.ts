/**
 * A token bucket: so many at once, so many a second after that. Pure.
 *
 * Instants are those of one timeline. One that lies before the last one gives no tokens and takes none.
 */
import { US_PER_SECOND } from './time.ts';

export interface MemberBudget {
  /** Fractions add up to whole tokens. */
  readonly tokens: number;
  readonly filledAtUs: number;
}

export interface BudgetLimits {
  /** Tokens in a full bucket. */
  readonly burst: number;
  /** Tokens that run in. */
  readonly perSecond: number;
}

/** A full bucket. */
export function fullBudget({ burst }: BudgetLimits, atUs: number): MemberBudget {
  return { tokens: burst, filledAtUs: atUs };
}

/** The bucket with what has run in since it was last filled. */
export function fillBudget(
  { tokens, filledAtUs }: MemberBudget,
  atUs: number,
  { burst, perSecond }: BudgetLimits,
): MemberBudget {
  const runInUs = Math.max(0, atUs - filledAtUs);
  return {
    tokens: Math.min(burst, tokens + (runInUs * perSecond) / US_PER_SECOND),
    filledAtUs: Math.max(atUs, filledAtUs),
  };
}

/** Takes one token; undefined when there is none. */
export function spendToken({ tokens, filledAtUs }: MemberBudget): MemberBudget | undefined {
  return tokens >= 1 ? { tokens: tokens - 1, filledAtUs } : undefined;
}
