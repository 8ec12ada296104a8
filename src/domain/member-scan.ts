/** What a scan says about the members that are not in the log: who stayed, left, moved on, or came anew. */
import type { Bounds } from './bounds.ts';
import type { Continuity } from './continuity.ts';
import type { Draft } from './draft.ts';
import type { HolderId, Known, LifespanId, SetId } from './known.ts';
import type { MemberGain, MemberIdentity, OpenMemberBooks, PendingMember } from './member-books.ts';
import { addVisit } from './member-events.ts';
import type { NamespaceKey, NamespaceType } from './namespace-type.ts';
import type { ObservedProcess, Scan } from './scan.ts';
import type { Watch } from './watch.ts';

interface Input {
  readonly known: Known;
  readonly watch: Watch;
  readonly books: OpenMemberBooks;
  readonly scan: Scan;
  readonly continuity: Continuity;
}

export interface MemberSighting {
  readonly set: SetId;
  readonly member: MemberIdentity;
}

interface ScannedMembers {
  /** Pending members seen in their set again. */
  readonly stayed: readonly MemberSighting[];
  /** Listed holders that are still there, or may be. */
  readonly still: ReadonlySet<HolderId>;
}

/** Lifespans that a pending member may still hold, because it cannot be read at the moment. */
export function findCarriedMembers({
  known,
  books,
  continuity,
}: Pick<Input, 'known' | 'books' | 'continuity'>): Set<LifespanId> {
  const carried = new Set<LifespanId>();
  for (const set of books.sets()) {
    const isCarried = books.pendingOf(set).some((pending) => isUnreadable(continuity, pending));
    if (isCarried) {
      known.sets.get(set)?.namespaces.forEach((id) => carried.add(id));
    }
  }
  return carried;
}

/** A pending member of a set with this lifespan was seen in the namespace: it is the same one as before. */
export function isHeldByPending(
  { known, books, continuity }: Pick<Input, 'known' | 'books' | 'continuity'>,
  lifespan: LifespanId,
  key: NamespaceKey,
): boolean {
  const [type, inum] = key.split(':') as [NamespaceType, string];
  for (const set of known.setsOf.get(lifespan) ?? []) {
    const isHeld = books
      .pendingOf(set)
      .some(({ gain }) => findSame(continuity, gain)?.links[type] === Number(inum));
    if (isHeld) {
      return true;
    }
  }
  return false;
}

/** Which processes came by themselves. */
export interface Movers {
  /** Was seen elsewhere before, and is not a zombie, which has left its namespaces by ending. */
  hasMoved(member: MemberIdentity): boolean;
  /** Made a namespace, or changed namespaces itself. */
  isMover(member: MemberIdentity): boolean;
}

/**
 * Finds the processes that were seen elsewhere before, as they changed namespaces themselves, and the likely
 * creators of what this draft says was born. A zombie did not move: it has left its namespaces by ending.
 */
export function findMovers(
  { known, watch, books, continuity }: Input,
  still: ReadonlySet<HolderId>,
  draft: Draft,
): Movers {
  const moved = new Set<string>();
  const makers = new Set<string>();
  for (const { id, kind, pid, startTimeTicks } of known.holders.values()) {
    if (kind === 'process' && !still.has(id)) {
      moved.add(toProcessKey({ pid, startTimeTicks }));
    }
  }
  for (const { gain } of books.sets().flatMap((set) => books.pendingOf(set))) {
    moved.add(toProcessKey(gain));
  }
  for (const event of draft.events) {
    if (event.event === 'namespace.born' && event.creator) {
      makers.add(toProcessKey(event.creator));
    }
  }
  const { startTicksByPid } = watch.initialMembers;
  const isLiving = (member: MemberIdentity): boolean =>
    findSame(continuity, member)?.isZombie === false;
  const hasMoved = (member: MemberIdentity): boolean => {
    const { pid, startTimeTicks } = member;
    const wasInitial = pid !== null && startTicksByPid.get(pid) === startTimeTicks;
    return (wasInitial || moved.has(toProcessKey(member))) && isLiving(member);
  };
  return {
    hasMoved,
    isMover: (member) => hasMoved(member) || (makers.has(toProcessKey(member)) && isLiving(member)),
  };
}

/**
 * Lists pending members that stayed for a whole time between two scans, or moved on, and counts those that left.
 */
export function settlePending(input: Input, { stayed, still }: ScannedMembers, draft: Draft): void {
  const { known, watch, books } = input;
  const previousUs = watch.previousBySource.get('links')?.startedAtUs ?? Number.NEGATIVE_INFINITY;
  const heldSets = new Set(stayed.map(({ set }) => set));
  const stillPending = new Set<PendingMember>();
  for (const { set, member } of stayed) {
    const pending = books.find(set, member);
    if (pending && pending.sinceUs <= previousUs) {
      books.release(set, member);
      draft.add(pending.gain);
    } else if (pending) {
      stillPending.add(pending);
    }
  }
  for (const set of books.sets()) {
    const unseen = books.pendingOf(set).filter((pending) => !stillPending.has(pending));
    if (unseen.length > 0) {
      const listed = [...(known.sets.get(set)?.members ?? [])];
      const isLeft = !heldSets.has(set) && !listed.some((id) => still.has(id));
      unseen.forEach((member) => settleUnseen(input, { set, member, isLeft }, draft));
    }
  }
}

function settleUnseen(
  input: Input,
  { set, member, isLeft }: { set: SetId; member: PendingMember; isLeft: boolean },
  draft: Draft,
): void {
  const { books, continuity } = input;
  const { gain } = member;
  if (isUnreadable(continuity, member)) {
    return;
  }
  const to = boundLeave(input, member);
  if (findSame(continuity, gain)?.isZombie === false) {
    const move = { to, how: 'moved', isLast: isLeft, atUs: input.scan.endedAtUs } as const;
    const visit = books.moveOn(set, gain, move);
    if (visit) {
      addVisit(visit, draft);
    }
  } else {
    books.leave(set, gain, to, isLeft);
  }
}

interface Newcomer {
  readonly set: SetId;
  readonly gain: MemberGain;
  readonly isMover: boolean;
}

/** Whether a process or thread new in a set is listed; what is over budget is kept in the books. */
export function admitSeen(
  { watch, books, scan }: Input,
  { set, gain, isMover }: Newcomer,
): 'list' | 'pend' {
  if (gain.kind !== 'process') {
    return 'list';
  }
  const isFirstLook = watch.previous === null;
  return books.admit(set, gain, {
    atUs: scan.endedAtUs,
    seenUs: scan.startedAtUs,
    isMover,
    isFree: isFirstLook,
  });
}

function boundLeave({ watch, scan }: Input, { gain, sinceUs }: PendingMember): Bounds {
  const after = Math.max(sinceUs, gain.from.after ?? 0);
  const evidence = after < watch.gapEndUs ? 'inferred-after-gap' : 'scan';
  return { after, by: scan.endedAtUs, evidence };
}

function isUnreadable(continuity: Continuity, { gain }: PendingMember): boolean {
  const process = findSame(continuity, gain);
  return (
    continuity.hasMoved(gain.pid) || (process !== undefined && process.linksUnreadable !== null)
  );
}

function findSame(
  continuity: Continuity,
  { pid, startTimeTicks }: MemberIdentity,
): ObservedProcess | undefined {
  const process = pid === null ? undefined : continuity.findProcess(pid);
  return process?.startTimeTicks === startTimeTicks ? process : undefined;
}

function toProcessKey({ pid, startTimeTicks }: MemberIdentity): string {
  return `${pid}:${startTimeTicks}`;
}
