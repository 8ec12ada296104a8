/** Who joined, moved and left, as the kernel told it: exact where a scan could only give bounds. */
import { markObserver, type Arrival, type Move } from './arrival.ts';
import type { Bounds } from './bounds.ts';
import { deriveMoved, isMoved } from './derive-containers.ts';
import { deriveInitLeft, noteInit } from './derive-init.ts';
import { exactly, findKernelNamespace, requireKernelNamespace } from './derive-kernel-births.ts';
import type { Draft } from './draft.ts';
import type { Holder } from './holder.ts';
import { findPending, listHoldersOf, loseHolder, losePending } from './kernel-holders.ts';
import type { KernelInput } from './kernel-input.ts';
import { hasJustEnded, toProcessKey } from './kernel-memory.ts';
import type { KernelNamespace, LeftRecord, TaskRecord } from './kernel-record.ts';
import { toSetKey, type LifespanId, type SetId } from './known.ts';
import type { MemberGain } from './member-books.ts';
import { addVisit } from './member-events.ts';
import type { ProcessFacts } from './process-facts.ts';
import { US_PER_TICK } from './time.ts';

/**
 * Adds what a task that joined or moved holds now and no longer holds. `facts` are those of the record,
 * or those of an exec that came right after it: a process is known by what it runs, not by who forked it.
 */
export function deriveTask(
  input: KernelInput,
  record: TaskRecord,
  facts: ProcessFacts,
  draft: Draft,
): void {
  const { task, atUs } = record;
  input.memory.touchedPids.add(task.pid);
  const isThread = task.tid !== task.pid;
  if (record.kind === 'joined' && !isThread) {
    loseEarlierProcess(input, record, draft);
  }
  const listed = listNamespaces(input, record.namespaces, isThread);
  const held = resolveAll(input, listed, atUs, draft);
  const isKnown = leaveOtherSet(input, record, facts, held, draft);
  if (isKnown !== 'stays' && held.length > 0) {
    gainTask(input, { record, facts, held, isKnown: isKnown === 'left' }, draft);
  }
  deriveForChildren(input, record, facts, draft);
  if (!isThread && record.kind === 'moved' && record.hasOtherThreads) {
    input.memory.isScanWanted = true;
  }
}

/** Ends what a task held. What else the process holds ends with its last thread. */
export function deriveLeft(
  input: KernelInput,
  { task, isLast, atUs }: LeftRecord,
  draft: Draft,
): void {
  input.memory.touchedPids.add(task.pid);
  if (isLast) {
    input.memory.left.add(toProcessKey(task.pid, task.startTimeTicks));
  }
  const isLeaderOnly = !isLast && task.tid === task.pid;
  if (isLeaderOnly) {
    // Its threads go on and hold what is theirs; which of it was the leader's too, only a scan tells.
    input.memory.isScanWanted = true;
    return;
  }
  const held = listHoldersOf(input, task.pid).filter(({ tid }) => isLast || tid === task.tid);
  for (const holder of held) {
    loseHolder(input, holder, { to: exactly(atUs), how: null }, draft);
  }
  const pending = isLast ? findPending(input, task) : undefined;
  if (pending) {
    losePending(input, pending, exactly(atUs));
  }
  if (isLast) {
    const sets = [...held.map(({ set }) => set), pending?.set ?? null];
    const process = toProcessKey(task.pid, task.startTimeTicks);
    const bornUs = (input.known.boot?.anchorUs ?? 0) + task.startTimeTicks * US_PER_TICK - 1;
    deriveInitLeft(input, { sets, bornUs, process, atUs }, draft);
  }
}

/** A set would change with every namespace that ends, so threads list only what is theirs alone. */
function listNamespaces(
  { initial, initialHolders }: KernelInput,
  namespaces: readonly KernelNamespace[],
  isThread: boolean,
): readonly KernelNamespace[] {
  if (initialHolders === 'full') {
    return namespaces;
  }
  const outside = namespaces.filter(({ type, inum }) => initial[type] !== inum);
  // A process in any namespace of its own is listed with all; one in none is only counted.
  return isThread || outside.length === 0 ? outside : namespaces;
}

function resolveAll(
  input: KernelInput,
  namespaces: readonly KernelNamespace[],
  atUs: number,
  draft: Draft,
): LifespanId[] {
  return namespaces
    .filter((namespace) => !isOver(input, namespace))
    .map((namespace) => requireKernelNamespace(input, namespace, atUs, draft))
    .toSorted((left, right) => left - right);
}

/**
 * Ends what a task held before, unless that is what it holds now: then it `stays`. A member that is not
 * listed and moves on is listed for the time it was there; one that executes something is counted by that.
 */
function leaveOtherSet(
  input: KernelInput,
  record: TaskRecord,
  facts: ProcessFacts,
  held: readonly LifespanId[],
  draft: Draft,
): 'stays' | 'left' | 'new' {
  const { known, books } = input;
  const isSame = (set: SetId | null): boolean =>
    set !== null && toSetKey(known.sets.get(set)?.namespaces ?? []) === toSetKey(held);
  const current = findTaskHolder(input, record);
  if (current) {
    if (isSame(current.set)) {
      describeAfterExec(input, current, { record, facts }, draft);
      return 'stays';
    }
    loseHolder(input, current, { to: exactly(record.atUs), how: toMove(record) }, draft);
    return 'left';
  }
  const found = record.task.tid === record.task.pid ? findPending(input, record.task) : undefined;
  if (found === undefined) {
    return 'new';
  }
  const { set, pending } = found;
  if (!isSame(set)) {
    const isLast = known.sets.get(set)?.members.size === 0;
    const move = { to: exactly(record.atUs), how: toMove(record), isLast, atUs: record.atUs };
    const visit = books.moveOn(set, pending.gain, move);
    if (visit) {
      addVisit(visit, draft);
    }
    return 'left';
  }
  books.release(set, pending.gain);
  const gain = { ...pending.gain, ...facts };
  const admission = { atUs: record.atUs, seenUs: pending.sinceUs, isMover: false };
  if (books.admit(set, gain, admission) === 'list') {
    draft.add(gain);
  }
  return 'stays';
}

/** A container engine moves the first process into its control group before it executes anything in there. */
function describeAfterExec(
  { memory }: KernelInput,
  holder: Holder,
  { record, facts }: { readonly record: TaskRecord; readonly facts: ProcessFacts },
  draft: Draft,
): void {
  const isNews = facts.containerId !== holder.containerId || !memory.described.has(holder);
  if (record.how === 'exec' && isNews && isMoved(holder, facts)) {
    memory.described.add(holder);
    deriveMoved(holder, facts, draft);
  }
}

/** What has an id and has ended cannot be entered again: the record is older than what ended it. */
function isOver({ memory }: KernelInput, { kernelNamespaceId }: KernelNamespace): boolean {
  return kernelNamespaceId !== null && hasJustEnded(memory, kernelNamespaceId);
}

/** The pid was somebody else's before, whose end was lost: it lies before this start. */
function loseEarlierProcess(input: KernelInput, { task, atUs }: TaskRecord, draft: Draft): void {
  for (const holder of listHoldersOf(input, task.pid)) {
    const isEarlier =
      holder.tid !== null ||
      (holder.startTimeTicks !== null && holder.startTimeTicks !== task.startTimeTicks);
    if (isEarlier) {
      const seenUs = Math.max(holder.from.by, input.watch.previous?.startedAtUs ?? holder.from.by);
      const after = Math.min(seenUs, atUs);
      const to: Bounds = { after, by: atUs, evidence: 'kernel-event' };
      loseHolder(input, holder, { to, how: null }, draft);
    }
  }
}

function findTaskHolder(input: KernelInput, { task }: TaskRecord): Holder | undefined {
  const isThread = task.tid !== task.pid;
  return listHoldersOf(input, task.pid).find(({ kind, tid, startTimeTicks }) =>
    isThread
      ? kind === 'thread' && tid === task.tid
      : kind === 'process' && startTimeTicks === task.startTimeTicks,
  );
}

interface Gain {
  readonly record: TaskRecord;
  readonly facts: ProcessFacts;
  /** In order. */
  readonly held: readonly LifespanId[];
  /** It held something else until now. */
  readonly isKnown: boolean;
}

function gainTask(input: KernelInput, gain: Gain, draft: Draft): void {
  const { record, held } = gain;
  const gained = toGained(input, gain, draft);
  held.forEach((id) => input.memory.vacant.delete(id));
  const { set } = gained;
  const isMember = record.task.tid === record.task.pid && set !== null;
  const admission = { atUs: record.atUs, isMover: record.kind === 'moved' };
  if (!isMember || input.books.admit(set, gained, admission) === 'list') {
    draft.add(gained);
  }
  if (isMember) {
    noteInit(input, record, set);
  }
}

/** Adds both ends of a stay that is over, told late. Whatever the process holds now is left as it is. */
export function visitTask(
  input: KernelInput,
  record: TaskRecord,
  leftUs: number,
  draft: Draft,
): void {
  const listed = listNamespaces(input, record.namespaces, false);
  const held = resolveAll(input, listed, record.atUs, draft);
  if (held.length > 0) {
    const gain = { record, facts: record.facts, held, isKnown: true };
    const holder = input.known.holders.get(draft.add(toGained(input, gain, draft)));
    if (holder) {
      loseHolder(input, holder, { to: exactly(leftUs), how: null }, draft);
    }
  }
}

/** holder.gained for a task, and for its set when that is new. */
function toGained(
  input: KernelInput,
  { record, facts, held, isKnown }: Gain,
  draft: Draft,
): MemberGain {
  const { task } = record;
  const isThread = task.tid !== task.pid;
  const knownSet = input.known.setByMembers.get(toSetKey(held));
  const set = knownSet ?? draft.nextSeq();
  return {
    ...NOTHING,
    ...facts,
    event: 'holder.gained',
    kind: isThread ? 'thread' : 'process',
    set,
    namespaces: knownSet === undefined ? [...held] : null,
    pid: task.pid,
    tid: isThread ? task.tid : null,
    startTimeTicks: isThread ? task.threadStartTimeTicks : task.startTimeTicks,
    comm: facts.comm ?? task.comm,
    ...toArrival(input, record, isKnown),
    from: boundGain(input, record, isKnown),
  };
}

/** Who is only met at an exec came at some moment before, and nobody saw how. */
function toArrival({ own }: KernelInput, record: TaskRecord, isKnown: boolean): Arrival {
  const { how, task, facts, ancestors = null } = record;
  return {
    how: how === 'exec' && !isKnown ? null : how,
    ancestors: ancestors && [...ancestors],
    observer: markObserver(own, { ...task, ppid: facts.ppid }),
  };
}

/** The call by which a task that moved left what it held; null where it began only now, or nobody saw how. */
function toMove({ kind, how }: TaskRecord): Move | null {
  return kind === 'moved' && (how === 'unshare' || how === 'setns' || how === 'exec') ? how : null;
}

/** An exec changes nothing by itself: who is only met there joined at some moment since it started. */
function boundGain({ known }: KernelInput, record: TaskRecord, isKnown: boolean): Bounds {
  if (record.how !== 'exec' || isKnown) {
    return exactly(record.atUs);
  }
  const startedUs = (known.boot?.anchorUs ?? 0) + record.task.startTimeTicks * US_PER_TICK;
  const after = Math.min(startedUs - 1, record.atUs);
  return { after, by: record.atUs, evidence: 'kernel-event' };
}

const NOTHING = {
  lifespan: null,
  fd: null,
  path: null,
  mountNamespace: null,
  socketInode: null,
  interface: null,
  namespace: null,
  type: null,
} as const;

/** What the children of a task will get is held by the task, one holder for each. */
function deriveForChildren(
  input: KernelInput,
  record: TaskRecord,
  facts: ProcessFacts,
  draft: Draft,
): void {
  const { task, atUs } = record;
  const tid = task.tid === task.pid ? null : task.tid;
  const wanted = listNamespaces(input, record.forChildren, true);
  const current = listHoldersOf(input, task.pid).filter(
    (holder) => holder.kind === 'for-children' && holder.tid === tid,
  );
  for (const holder of current) {
    const isWanted = wanted.some(
      (namespace) => findKernelNamespace(input.known, namespace)?.id === holder.lifespan,
    );
    if (!isWanted) {
      loseHolder(input, holder, { to: exactly(atUs), how: toMove(record) }, draft);
    }
  }
  for (const namespace of wanted) {
    const lifespan = requireKernelNamespace(input, namespace, atUs, draft);
    if (!current.some((holder) => holder.lifespan === lifespan)) {
      input.memory.vacant.delete(lifespan);
      draft.add({
        ...NOTHING,
        ...facts,
        event: 'holder.gained',
        kind: 'for-children',
        set: null,
        namespaces: null,
        lifespan,
        type: namespace.type,
        pid: task.pid,
        tid,
        startTimeTicks: tid === null ? task.startTimeTicks : task.threadStartTimeTicks,
        comm: facts.comm ?? task.comm,
        ...toArrival(input, record, true),
        from: exactly(atUs),
      });
    }
  }
}
