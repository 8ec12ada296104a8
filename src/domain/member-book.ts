/**
 * The members of one namespace set that are not in the log: over budget, and not yet known to stay. Changed in place
 * between opening and closing the books; member-books.ts says what for.
 */
import type { Move as MoveCall } from './arrival.ts';
import type { Bounds } from './bounds.ts';
import { countComm } from './comm-counts.ts';
import type { DraftEvent } from './draft.ts';
import type { GrowthPolicy } from './growth-policy.ts';
import { fillBudget, fullBudget, spendToken, type MemberBudget } from './member-budget.ts';

/** holder.gained as it would be written for a member of a set that has been introduced before. */
export type MemberGain = Extract<DraftEvent, { event: 'holder.gained' }>;

export interface PendingMember {
  readonly gain: MemberGain;
  /** When it was admitted; for scans the start of the scan that saw it. */
  readonly sinceUs: number;
}

/** A member that has come and gone. */
export interface Visit {
  readonly gain: MemberGain;
  readonly to: Bounds;
  /** By which call it left for elsewhere. */
  readonly how: MoveCall | null;
}

/** Members that came and went. */
export interface Churn {
  readonly count: number;
  readonly byComm: ReadonlyMap<string, number>;
  /** No earlier than the first came, no later than the last went, as far as is known. */
  readonly fromUs: number;
  readonly toUs: number;
  /** When counting began: the end of the first of them. */
  readonly openedUs: number;
}

export interface MemberBook {
  readonly budget: MemberBudget;
  /** Of members that made a namespace or changed namespaces themselves. */
  readonly moverBudget: MemberBudget;
  /** By `pid:startTimeTicks`, in the order they were admitted. */
  readonly pending: ReadonlyMap<string, PendingMember>;
  /** Left a set in which nobody was known to be any more. */
  readonly last: Visit | null;
  readonly churn: Churn | null;
}

export interface MemberIdentity {
  readonly pid: number | null;
  readonly startTimeTicks: number | null;
}

export interface Admission {
  readonly atUs: number;
  /** What `sinceUs` will be; `atUs` unless told. */
  readonly seenUs?: number;
  /** It made a namespace, or changed namespaces itself. */
  readonly isMover: boolean;
  /** It is listed whatever the budget: it was there when somebody first looked. So is one that introduces its set. */
  readonly isFree?: boolean;
}

/** `isLast`: no listed member is in the set any more. */
export interface Move {
  readonly to: Bounds;
  readonly how: MoveCall | null;
  readonly isLast: boolean;
  readonly atUs: number;
}

export type MemberLimits = Pick<GrowthPolicy, 'holders' | 'movers'>;

/** A book that is being kept. */
export interface OpenBook {
  budget: MemberBudget;
  moverBudget: MemberBudget;
  readonly pending: Map<string, PendingMember>;
  last: Visit | null;
  churn: OpenChurn | null;
}

interface OpenChurn {
  count: number;
  readonly byComm: Map<string, number>;
  fromUs: number;
  toUs: number;
  readonly openedUs: number;
}

/** Decides about a newcomer, after whom nobody who left before can have been the last. */
export function admitTo(
  book: OpenBook,
  gain: MemberGain,
  { atUs, seenUs = atUs, isMover, isFree = false }: Admission,
  limits: MemberLimits,
): 'list' | 'pend' {
  if (book.last) {
    count(book, book.last);
    book.last = null;
  }
  const isIntroduction = gain.namespaces !== null;
  if (spend(book, { atUs, isMover }, limits) || isFree || isIntroduction) {
    return 'list';
  }
  book.pending.set(toMemberKey(gain), { gain, sinceUs: seenUs });
  return 'pend';
}

/** Takes a token of the set; false when there is none. */
function spend(
  book: OpenBook,
  { atUs, isMover }: { atUs: number; isMover: boolean },
  { holders, movers }: MemberLimits,
): boolean {
  const budget = isMover ? 'moverBudget' : 'budget';
  const filled = fillBudget(book[budget], atUs, isMover ? movers : holders);
  const spent = spendToken(filled);
  book[budget] = spent ?? filled;
  return spent !== undefined;
}

/** A pending member with its end; undefined when it is not pending. */
export function toVisit(
  book: MemberBook | OpenBook | undefined,
  member: MemberIdentity,
  { to, how }: Pick<Move, 'to' | 'how'>,
): Visit | undefined {
  const found = book?.pending.get(toMemberKey(member));
  return found && { gain: found.gain, to, how };
}

/** Takes a pending member out: undefined when it was counted instead, as the budget of movers is spent. */
export function moveFrom(
  book: OpenBook,
  visit: Visit,
  { isLast, atUs }: Move,
  limits: MemberLimits,
): Visit | undefined {
  if (spend(book, { atUs, isMover: true }, limits)) {
    book.pending.delete(toMemberKey(visit.gain));
    return visit;
  }
  leaveFrom(book, visit, isLast);
  return undefined;
}

/** Takes what has been counted, and who left last. */
export function takeFrom(book: OpenBook | undefined): Pick<MemberBook, 'churn' | 'last'> {
  const taken = { churn: book?.churn ?? null, last: book?.last ?? null };
  if (book) {
    book.churn = null;
    book.last = null;
  }
  return taken;
}

/** Counts a pending member that left, or keeps it back as the last one. */
export function leaveFrom(book: OpenBook, visit: Visit, isLast: boolean): void {
  book.pending.delete(toMemberKey(visit.gain));
  if (isLast && book.pending.size === 0) {
    book.last = visit;
  } else {
    count(book, visit);
  }
}

/** A copy that may be changed. */
export function copyBook({ budget, moverBudget, pending, last, churn }: MemberBook): OpenBook {
  return {
    budget,
    moverBudget,
    pending: new Map(pending),
    last,
    churn: churn && { ...churn, byComm: new Map(churn.byComm) },
  };
}

/** Text that is equal for one process, within one boot. */
export function toMemberKey({ pid, startTimeTicks }: MemberIdentity): string {
  return `${pid}:${startTimeTicks}`;
}

/** Takes out who is pending since `sinceUs` or longer. */
export function releaseFrom(book: OpenBook | undefined, sinceUs: number): PendingMember[] {
  const released: PendingMember[] = [];
  for (const [key, member] of book?.pending ?? []) {
    if (member.sinceUs <= sinceUs) {
      book?.pending.delete(key);
      released.push(member);
    }
  }
  return released;
}

function count(book: OpenBook, { gain, to }: Visit): void {
  const fromUs = gain.from.after ?? gain.from.by;
  book.churn ??= { count: 0, byComm: new Map(), fromUs, toUs: to.by, openedUs: to.by };
  book.churn.count += 1;
  book.churn.fromUs = Math.min(book.churn.fromUs, fromUs);
  book.churn.toUs = Math.max(book.churn.toUs, to.by);
  countComm(book.churn.byComm, gain.comm);
}

/** A book with nothing in it but full buckets is as good as none. */
export function isIdle(book: MemberBook, atUs: number, { holders, movers }: MemberLimits): boolean {
  return (
    book.pending.size === 0 &&
    book.last === null &&
    book.churn === null &&
    fillBudget(book.budget, atUs, holders).tokens >= holders.burst &&
    fillBudget(book.moverBudget, atUs, movers).tokens >= movers.burst
  );
}

/** A book with full buckets. */
export function newBook(atUs: number, { holders, movers }: MemberLimits): OpenBook {
  return {
    budget: fullBudget(holders, atUs),
    moverBudget: fullBudget(movers, atUs),
    pending: new Map(),
    last: null,
    churn: null,
  };
}
