/**
 * Births that are not in the log: those of a user who makes more namespaces than are listed one by one,
 * until it is known whether they are short.
 *
 * A birth beyond the limit is pending. It is listed after all when anything but its creator comes to hold
 * it or when it lives longer than a short life, and counted when it ends before that.
 *
 * Holds:     how many each user made in the last minute, pending births, and the counts not yet written.
 * Promises:  every birth admitted is handed back to be listed, or is in a count, never both.
 * Does not:  know who holds what, or list anything: `Held` is whatever the caller needs to list it later.
 * Proved by: test/domain/birth-books.test.ts, test/collector/lagging-session.test.ts
 */
import { countBirth, forgetBirths, isStorming, NO_BIRTHS, type BirthRate } from './birth-rate.ts';
import { addStorms, countShortLife, type ShortLife, type Storms } from './birth-storms.ts';
import type { Draft } from './draft.ts';
import type { GrowthPolicy } from './growth-policy.ts';
import type { NamespaceKey } from './namespace-type.ts';

export type NewLife = Omit<ShortLife, 'goneUs'>;

export interface PendingBirth<Held> {
  readonly life: NewLife;
  readonly held: Held;
}

export interface BirthBooks<Held> {
  /** By uid of the creator. */
  readonly rates: ReadonlyMap<number, BirthRate>;
  /** In the order of their births. */
  readonly pending: ReadonlyMap<NamespaceKey, PendingBirth<Held>>;
  readonly storms: Storms;
}

/** Books being kept. What they were opened from is not changed. */
export interface OpenBirthBooks<Held> {
  /**
   * Counts a birth. `pend`: the caller must not list it, the books have it. Whoever made it is not known:
   * it is listed and counts for nobody; do not call this.
   */
  admit(key: NamespaceKey, life: NewLife, held: Held): 'list' | 'pend';
  find(key: NamespaceKey): PendingBirth<Held> | undefined;
  /** Takes a pending birth out, for the caller to list: something else holds it, or asks about it. */
  release(key: NamespaceKey): PendingBirth<Held> | undefined;
  /** Takes out those that have lived too long to be counted, for the caller to list. */
  releaseOverdue(atUs: number): readonly (readonly [NamespaceKey, PendingBirth<Held>])[];
  /**
   * A namespace ended. True when it was pending and short, and is counted now. Otherwise it has to be
   * ended in the log; it may have to be released before.
   */
  end(key: NamespaceKey, goneUs: number): boolean;
  /**
   * Adds namespaces.stormed for what has been counted for `everyUs` or longer; 0: for everything. True when
   * nothing is left that is counted and not written.
   */
  addStorms(due: { readonly atUs: number; readonly everyUs: number }, draft: Draft): boolean;
  /** The books to go on with. `atUs`: up to when births have been judged, which may be long ago by the clock. */
  close(atUs: number): BirthBooks<Held>;
}

/** Books in which nothing has happened yet. */
export function emptyBirthBooks<Held>(): BirthBooks<Held> {
  return { rates: new Map(), pending: new Map(), storms: new Map() };
}

/** Opens the books to be kept by whoever derives the events of one batch. */
export function openBirthBooks<Held>(
  books: BirthBooks<Held>,
  { perMinuteMax, shortLifeUs }: GrowthPolicy['births'],
): OpenBirthBooks<Held> {
  const rates = new Map(books.rates);
  const pending = new Map(books.pending);
  const storms = new Map(books.storms);
  return {
    admit(key, life, held) {
      const { uid } = life.creator;
      if (uid === null) {
        return 'list';
      }
      const rate = countBirth(rates.get(uid) ?? NO_BIRTHS, life.bornUs);
      rates.set(uid, rate);
      if (!isStorming(rate, life.bornUs, perMinuteMax)) {
        return 'list';
      }
      pending.set(key, { life, held });
      return 'pend';
    },
    find: (key) => pending.get(key),
    release(key) {
      const found = pending.get(key);
      pending.delete(key);
      return found;
    },
    releaseOverdue(atUs) {
      const overdue: [NamespaceKey, PendingBirth<Held>][] = [];
      for (const entry of pending) {
        if (atUs - entry[1].life.bornUs < shortLifeUs) {
          break;
        }
        overdue.push(entry);
      }
      overdue.forEach(([key]) => pending.delete(key));
      return overdue;
    },
    end(key, goneUs) {
      const found = pending.get(key);
      if (!found || goneUs - found.life.bornUs >= shortLifeUs) {
        return false;
      }
      pending.delete(key);
      countShortLife(storms, { ...found.life, goneUs });
      return true;
    },
    addStorms(due, draft) {
      addStorms(storms, due, draft);
      return storms.size === 0;
    },
    close(atUs) {
      return { rates: forgetIdle(rates, atUs), pending, storms };
    },
  };
}

function forgetIdle(rates: ReadonlyMap<number, BirthRate>, atUs: number): Map<number, BirthRate> {
  return new Map(
    [...rates]
      .map(([uid, rate]) => [uid, forgetBirths(rate, atUs)] as const)
      .filter(([, { total }]) => total > 0),
  );
}
