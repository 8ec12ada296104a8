/** Ends and finds holders as kernel records need it: by process, listed or only counted. */
import type { Move } from './arrival.ts';
import { notBefore, type Bounds } from './bounds.ts';
import { listHeldRelatives } from './derive-relatives.ts';
import type { Draft } from './draft.ts';
import type { Holder } from './holder.ts';
import type { KernelInput } from './kernel-input.ts';
import { becomeVacant } from './kernel-memory.ts';
import type { KernelTask } from './kernel-record.ts';
import type { LifespanId, SetId } from './known.ts';
import type { Lifespan } from './lifespan.ts';
import type { PendingMember } from './member-books.ts';

/** Every listed holder that is a task of this process, or belongs to one. */
export function listHoldersOf({ known }: KernelInput, pid: number): Holder[] {
  return [...(known.holdersByPid.get(pid) ?? [])].flatMap((id) => known.holders.get(id) ?? []);
}

export interface PendingOf {
  readonly set: SetId;
  readonly pending: PendingMember;
}

/** A process that is a member of a set without being listed. */
export function findPending(
  { books }: KernelInput,
  { pid, startTimeTicks }: KernelTask,
): PendingOf | undefined {
  const member = { pid, startTimeTicks };
  const set = books.findSet(member);
  const pending = set === undefined ? undefined : books.find(set, member);
  return set !== undefined && pending ? { set, pending } : undefined;
}

/** When a holder let go, and by which call it left for elsewhere. */
export interface Loss {
  readonly to: Bounds;
  readonly how: Move | null;
}

/** Ends a listed holder. What nobody is known to hold any more is vacant from then on. */
export function loseHolder(
  input: KernelInput,
  holder: Holder,
  { to, how }: Loss,
  draft: Draft,
): void {
  const { known } = input;
  const { id, kind, pid, set, lifespan } = holder;
  const held =
    set === null ? (lifespan === null ? [] : [lifespan]) : (known.sets.get(set)?.namespaces ?? []);
  draft.add({
    event: 'holder.lost',
    holder: id,
    kind,
    pid,
    set,
    lifespan,
    type: lifespan === null ? null : (known.lifespans.get(lifespan)?.type ?? null),
    how,
    to: notBefore(to, holder.from.by),
  });
  noteVacant(input, held, Math.max(to.by, holder.from.by));
}

/** Ends a member that was not listed: it goes into the count of its set. */
export function losePending(input: KernelInput, { set, pending }: PendingOf, to: Bounds): void {
  const { known, books } = input;
  const members = known.sets.get(set);
  books.leave(set, pending.gain, to, members?.members.size === 0);
  noteVacant(input, members?.namespaces ?? [], to.by);
}

/** Notes which of these nobody is known to hold since that instant; when exactly may not have been told. */
function noteVacant(
  input: KernelInput,
  held: readonly LifespanId[],
  leftUs: number,
  lastAliveUs = leftUs,
): void {
  for (const id of held) {
    const life = input.known.lifespans.get(id);
    if (life && !life.initial && life.holdersNow === 0 && !isHeldByPending(input, id)) {
      becomeVacant(input.memory, id, leftUs, Math.max(lastAliveUs, life.born.by));
    }
  }
}

/** Notes what a namespace that has ended was the last to keep. Its end may not have been told exactly. */
export function noteReleased(input: KernelInput, ended: Lifespan, gone: Bounds): void {
  const kept = listHeldRelatives(ended)
    .map(({ lifespan }) => lifespan)
    .filter((id) => !input.memory.vacant.has(id));
  noteVacant(input, kept, gone.by, gone.after ?? 0);
}

/** A member that is not listed holds as well as any other. */
export function isHeldByPending(
  { known, books }: Pick<KernelInput, 'known' | 'books'>,
  id: LifespanId,
): boolean {
  for (const set of known.setsOf.get(id) ?? []) {
    if (books.pendingOf(set).length > 0) {
      return true;
    }
  }
  return false;
}
