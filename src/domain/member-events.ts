/** Writes into the draft what the member books hold: who is listed after all, and who was only counted. */
import type { Bounds } from './bounds.ts';
import { topComms } from './comm-counts.ts';
import type { Draft } from './draft.ts';
import type { Known, LifespanId, SetId } from './known.ts';
import type { Churn, OpenMemberBooks, Visit } from './member-books.ts';
import { FOREVER_US } from './time.ts';

/** Adds what was counted in a set: holders.churned, and both ends of the member that left last. */
function addCounted(known: Known, books: OpenMemberBooks, set: SetId, draft: Draft): void {
  const { churn, last } = books.takeCounted(set);
  if (churn) {
    addChurned(known, set, churn, draft);
  }
  if (last) {
    addVisit(last, draft);
  }
}

/** Adds what was counted in each set where counting began a heartbeat ago: so at most once a heartbeat for one set. */
export function addCountedWhenDue(
  known: Known,
  books: OpenMemberBooks,
  { atUs, heartbeatUs }: { atUs: number; heartbeatUs: number },
  draft: Draft,
): void {
  for (const set of books.sets()) {
    const sinceUs = books.countingSince(set);
    if (sinceUs !== undefined && atUs - sinceUs >= heartbeatUs) {
      addCounted(known, books, set, draft);
    }
  }
}

/**
 * Adds what was counted in the sets of a lifespan. Call it before namespace.unheld and before
 * namespace.disappeared: afterwards nobody may join what has ended, not even in hindsight.
 *
 * `gone` is null while the lifespan goes on. Otherwise its pending members left then, and its sets dissolve.
 */
export function settleMembers(
  { known, books }: { known: Known; books: OpenMemberBooks },
  lifespan: LifespanId,
  gone: Bounds | null,
  draft: Draft,
): void {
  for (const set of known.setsOf.get(lifespan) ?? []) {
    if (gone !== null) {
      const isLast = known.sets.get(set)?.members.size === 0;
      for (const { gain } of books.pendingOf(set)) {
        books.leave(set, gain, boundEnd(gone, gain.from), isLast);
      }
    }
    addCounted(known, books, set, draft);
    if (gone !== null) {
      books.drop(set);
    }
  }
}

/** Adds everything that is not in the log when nobody will look any more: who is pending is still there. */
export function addAllMembers(known: Known, books: OpenMemberBooks, draft: Draft): void {
  for (const set of books.sets()) {
    addCounted(known, books, set, draft);
  }
  for (const { gain } of books.releaseOlder(FOREVER_US)) {
    draft.add(gain);
  }
}

/** Adds a member that has come and gone as what it was. */
export function addVisit({ gain, to, how }: Visit, draft: Draft): void {
  const holder = draft.add(gain);
  const { kind, pid, set, lifespan } = gain;
  draft.add({ event: 'holder.lost', holder, kind, pid, set, lifespan, type: null, how, to });
}

/** Nobody left before having come. */
function boundEnd(to: Bounds, from: Bounds): Bounds {
  return { ...to, after: Math.max(to.after ?? 0, from.after ?? 0) };
}

function addChurned(known: Known, set: SetId, churn: Churn, draft: Draft): void {
  const { count, byComm, fromUs, toUs } = churn;
  draft.add({
    event: 'holders.churned',
    set,
    namespaces: null,
    gained: count,
    lost: count,
    // They came and went: how many others there are that are only counted is as it was.
    now: known.sets.get(set)?.counted ?? 0,
    byComm: topComms(byComm),
    from: fromUs,
    to: toUs,
  });
}
