/**
 * The members of each namespace set that are not in the log: over budget, and not yet known to stay.
 *
 * A member within the budget of its set is listed when it joins; who made a namespace or changed namespaces
 * itself has a larger one. One beyond it is pending: it is listed when it turns out to stay, and otherwise
 * counted when it leaves. Who left a set last is not counted but kept back until it is clear that nobody
 * came after.
 *
 * Holds:     one book per set that has anything in it; the log needs none of them.
 * Promises:  every member admitted is handed back to be listed, or is in the count, never both.
 * Does not:  know how members are found or left (scans, kernel events), or write events (member-events.ts).
 * Proved by: test/domain/member-books.test.ts
 */
import type { Bounds } from './bounds.ts';
import type { SetId } from './known.ts';
import {
  admitTo,
  copyBook,
  isIdle,
  leaveFrom,
  moveFrom,
  newBook,
  releaseFrom,
  takeFrom,
  toMemberKey,
  toVisit,
  type Admission,
  type MemberBook,
  type MemberGain,
  type MemberIdentity,
  type MemberLimits,
  type Move,
  type OpenBook,
  type PendingMember,
  type Visit,
} from './member-book.ts';

export type { Churn, MemberGain, MemberIdentity, PendingMember, Visit } from './member-book.ts';

export type MemberBooks = ReadonlyMap<SetId, MemberBook>;

/** Books being kept. What they were opened from is not changed. */
export interface OpenMemberBooks {
  /** `pend`: the caller must not list it, the books have it. The set must be in `gain`. */
  admit(set: SetId, gain: MemberGain, admission: Admission): 'list' | 'pend';
  find(set: SetId, member: MemberIdentity): PendingMember | undefined;
  /** The set in which a process is pending. */
  findSet(member: MemberIdentity): SetId | undefined;
  /** All that are pending in a set, in the order they were admitted. */
  pendingOf(set: SetId): readonly PendingMember[];
  /** Sets that have a book. */
  sets(): readonly SetId[];
  /** Takes a pending member out, for the caller to list; undefined when it is not pending. */
  release(set: SetId, member: MemberIdentity): PendingMember | undefined;
  /** Takes out all that are pending since `sinceUs` or longer, for the caller to list. */
  releaseOlder(sinceUs: number): PendingMember[];
  /**
   * A pending member left: it goes into the count. False when it is not pending, and the caller has to
   * find it among the listed. `isLast`: no listed member is in the set any more.
   */
  leave(set: SetId, member: MemberIdentity, to: Bounds, isLast: boolean): boolean;
  /**
   * A pending member changed namespaces itself. Takes it out, for the caller to list with both ends, or
   * counts it as leave does, when the budget for that is spent; then the result is undefined.
   */
  moveOn(set: SetId, member: MemberIdentity, move: Move): Visit | undefined;
  /** Since when a set has counted members, or one that left last, that are not in the log; undefined when it has none. */
  countingSince(set: SetId): number | undefined;
  /** Takes what has been counted and who left last, for the caller to write. The budget stays as it is. */
  takeCounted(set: SetId): Pick<MemberBook, 'churn' | 'last'>;
  /** Forgets the set. What it counted must have been taken before. */
  drop(set: SetId): void;
  /** The books to go on with. Those that say nothing more are left out. */
  close(atUs: number): MemberBooks;
}

/** Opens the books to be kept by whoever derives the events of one batch. */
export function openMemberBooks(books: MemberBooks, limits: MemberLimits): OpenMemberBooks {
  const open = new Map<SetId, OpenBook>();
  const closed = new Map(books);
  const touch = (set: SetId): OpenBook | undefined => {
    const book = closed.get(set);
    if (book) {
      closed.delete(set);
      open.set(set, copyBook(book));
    }
    return open.get(set);
  };
  const look = (set: SetId) => open.get(set) ?? closed.get(set);
  let setByMember: Map<string, SetId> | null = null;
  const index = () => (setByMember ??= indexPending(books));
  return {
    admit(set, gain, admission) {
      const book = touch(set) ?? addTo(open, set, newBook(admission.atUs, limits));
      const verdict = admitTo(book, gain, admission, limits);
      if (verdict === 'pend') {
        index().set(toMemberKey(gain), set);
      }
      return verdict;
    },
    find: (set, member) => look(set)?.pending.get(toMemberKey(member)),
    findSet(member) {
      const set = index().get(toMemberKey(member));
      return set !== undefined && look(set)?.pending.has(toMemberKey(member)) ? set : undefined;
    },
    pendingOf: (set) => [...(look(set)?.pending.values() ?? [])],
    sets: () => [...open.keys(), ...closed.keys()],
    release(set, member) {
      const found = look(set)?.pending.get(toMemberKey(member));
      if (found) {
        touch(set)?.pending.delete(toMemberKey(member));
      }
      return found;
    },
    releaseOlder(sinceUs) {
      return [...open.keys(), ...closed.keys()].flatMap((set) => releaseFrom(touch(set), sinceUs));
    },
    leave(set, member, to, isLast) {
      const visit = toVisit(look(set), member, { to, how: null });
      const book = visit && touch(set);
      if (book) {
        leaveFrom(book, visit, isLast);
      }
      return book !== undefined;
    },
    moveOn(set, member, move) {
      const visit = toVisit(look(set), member, move);
      const book = visit && touch(set);
      return book && moveFrom(book, visit, move, limits);
    },
    countingSince(set) {
      const book = look(set);
      return book?.churn?.openedUs ?? book?.last?.to.by;
    },
    takeCounted: (set) => takeFrom(touch(set)),
    drop(set) {
      open.delete(set);
      closed.delete(set);
    },
    close(atUs) {
      const left = [...closed, ...open].filter(([, book]) => !isIdle(book, atUs, limits));
      return new Map(left);
    },
  };
}

function addTo(open: Map<SetId, OpenBook>, set: SetId, book: OpenBook): OpenBook {
  open.set(set, book);
  return book;
}

function indexPending(books: MemberBooks): Map<string, SetId> {
  const index = new Map<string, SetId>();
  for (const [set, { pending }] of books) {
    for (const key of pending.keys()) {
      index.set(key, set);
    }
  }
  return index;
}
