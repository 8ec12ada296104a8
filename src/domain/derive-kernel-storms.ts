/**
 * Holds back the births of a storm: when one user makes more namespaces than are listed one by one, a life
 * that is over within a second and that only one process was ever in is counted instead.
 *
 * Each function looks at a record first and says whether it is dealt with; what is not goes to the rules
 * that list everything. Whatever is held back is listed in full, at its true instants, as soon as anything
 * but its first process has to do with it, or when it lives too long.
 */
import { openBirthBooks, type OpenBirthBooks, type PendingBirth } from './birth-books.ts';
import {
  addKernelBirth,
  exactly,
  findKernelNamespace,
  findRelations,
  toCreator,
} from './derive-kernel-births.ts';
import { deriveTask, visitTask } from './derive-kernel-tasks.ts';
import type { Draft } from './draft.ts';
import type { GrowthPolicy } from './growth-policy.ts';
import { findPending, listHoldersOf, loseHolder, losePending } from './kernel-holders.ts';
import type { KernelInput } from './kernel-input.ts';
import { becomeVacant, hasJustEnded, type HeldBirth, type KernelMemory } from './kernel-memory.ts';
import type {
  BirthRecord,
  EndRecord,
  KernelNamespace,
  KernelRecord,
  KernelTask,
  LeftRecord,
  TaskRecord,
} from './kernel-record.ts';
import type { Known } from './known.ts';
import { NAMESPACE_TYPES, toNamespaceKey, type NamespaceKey } from './namespace-type.ts';
import { US_PER_SECOND } from './time.ts';

export interface StormInput extends KernelInput {
  readonly births: OpenBirthBooks<HeldBirth>;
}

/** Opens the books of a batch; `close` keeps them in the memory. */
export function openStorms(
  memory: KernelMemory,
  growth: GrowthPolicy,
): { readonly births: OpenBirthBooks<HeldBirth>; close(atUs: number): void } {
  const births = openBirthBooks(memory.births, growth.births);
  return {
    births,
    close(atUs) {
      memory.births = births.close(atUs);
    },
  };
}

/** True when the birth is held back, or counted already. A namespace that had the inum and was held back has ended with it. */
export function absorbBirth(input: StormInput, record: BirthRecord, draft: Draft): boolean {
  const { namespace, atUs } = record;
  const creator = toCreator(record);
  const key = keyOf(namespace);
  const earlier = input.births.find(key);
  const isCounted = input.memory.folded.has(namespace.kernelNamespaceId ?? '');
  if (isCounted || (earlier && isSameBirth(earlier, record))) {
    return true;
  }
  for (const type of NAMESPACE_TYPES) {
    endHeldBack(input, toNamespaceKey(type, namespace.inum), atUs, draft);
  }
  if (creator === null || isListed(input, namespace)) {
    return false;
  }
  const { type, kernelNamespaceId } = namespace;
  const life = { type, kernelNamespaceId, creator, bornUs: atUs };
  const held = { birth: record, entered: null, leftUs: null };
  const isPending = input.births.admit(key, life, held) === 'pend';
  input.memory.recoveredCount += Number(isPending && record.isRecovered);
  return isPending;
}

/** True when a process enters a namespace that is held back as the first one, and nothing else. */
export function absorbTask(input: StormInput, record: TaskRecord, draft: Draft): boolean {
  input.memory.touchedPids.add(record.task.pid);
  leaveHeldBack(input, record.task, record.atUs, record.namespaces);
  const heldBack = [...record.namespaces, ...record.forChildren]
    .map(keyOf)
    .filter((key) => input.births.find(key) !== undefined);
  if (heldBack.length === 0) {
    return false;
  }
  const isFirst =
    record.forChildren.length === 0 &&
    record.task.tid === record.task.pid &&
    heldBack.every((key) => isOwnOrEmpty(input.births.find(key), record));
  if (!isFirst) {
    heldBack.forEach((key) => listHeldBack(input, key, draft));
    return false;
  }
  for (const key of heldBack) {
    enter(input, key, record);
  }
  for (const holder of listHoldersOf(input, record.task.pid)) {
    if (holder.kind === 'process') {
      const how = record.how === 'unshare' ? record.how : null;
      loseHolder(input, holder, { to: exactly(record.atUs), how }, draft);
    }
  }
  const pending = findPending(input, record.task);
  if (pending) {
    losePending(input, pending, exactly(record.atUs));
  }
  return true;
}

/** Notes that the process of a namespace that is held back has ended. The record is still to be judged. */
export function absorbLeft(input: StormInput, { task, isLast, atUs }: LeftRecord): void {
  if (isLast) {
    leaveHeldBack(input, task, atUs, []);
  }
}

/** True when the end is that of a namespace that was held back. */
export function absorbEnd(input: StormInput, record: EndRecord, draft: Draft): boolean {
  const isPending = input.births.find(keyOf(record.namespace)) !== undefined;
  if (isPending && record.kind === 'destroyed') {
    endHeldBack(input, keyOf(record.namespace), record.atUs, draft);
  }
  return isPending;
}

/**
 * Lists what has lived too long to be counted, and writes counts that are a second old; at the stop all. What is
 * counted and written the kernel side may forget, and not before: a run that is killed leaves it to the next one.
 * `atUs` is the instant up to which records have been judged.
 */
export function settleStorms(
  input: StormInput,
  { atUs, isStop }: { atUs: number; isStop: boolean },
  draft: Draft,
): void {
  const untilUs = isStop ? Number.MAX_SAFE_INTEGER : atUs;
  for (const [key, pending] of input.births.releaseOverdue(untilUs)) {
    list(input, key, pending, draft);
  }
  const { folded, forgettable } = input.memory;
  const isDue = isStop || folded.size >= FOLDED_MAX;
  const isWritten = input.births.addStorms({ atUs, everyUs: isDue ? 0 : US_PER_SECOND }, draft);
  if (isWritten) {
    forgettable.push(...folded.values());
    folded.clear();
  }
}

/**
 * So many lives are counted before their count is written: until then they take room in the map of live
 * namespaces, which has 65,536 places.
 */
const FOLDED_MAX = 8_192;

/** Lists those that something else has seen: a scan must not find what the record does not have. */
export function listSeen(input: StormInput, seen: ReadonlySet<NamespaceKey>, draft: Draft): void {
  for (const key of input.memory.births.pending.keys()) {
    if (seen.has(key)) {
      listHeldBack(input, key, draft);
    }
  }
}

/**
 * True when some task is in a namespace that nobody knows, although the kernel has an id for it: its birth
 * was lost, before the loss itself has been noticed.
 */
export function namesLostBirth(
  { known, memory }: { readonly known: Known; readonly memory: KernelMemory },
  records: readonly KernelRecord[],
): boolean {
  const told = new Set<string>();
  const isKnown = (namespace: KernelNamespace): boolean => {
    const id = namespace.kernelNamespaceId;
    const held = memory.births.pending.get(keyOf(namespace))?.held.birth.namespace;
    return (
      id === null ||
      told.has(id) ||
      known.lifespanByKernelId.has(id) ||
      held?.kernelNamespaceId === id ||
      hasJustEnded(memory, id)
    );
  };
  for (const record of records) {
    if (record.kind === 'birth' && record.namespace.kernelNamespaceId !== null) {
      told.add(record.namespace.kernelNamespaceId);
    } else if (record.kind === 'joined' || record.kind === 'moved') {
      if (!record.namespaces.every(isKnown) || !record.forChildren.every(isKnown)) {
        return true;
      }
    }
  }
  return false;
}

/** Namespaces held back whose process has left: to be asked after, like the vacant ones. */
export function listLeftBehind(
  { births }: KernelMemory,
  { atUs, limit }: { atUs: number; limit: number },
): { key: NamespaceKey; namespace: KernelNamespace }[] {
  const found: { key: NamespaceKey; namespace: KernelNamespace }[] = [];
  for (const [key, { held }] of births.pending) {
    if (held.leftUs !== null && held.leftUs < atUs && held.birth.namespace.kernelNamespaceId) {
      found.push({ key, namespace: held.birth.namespace });
      if (found.length >= limit) {
        break;
      }
    }
  }
  return found;
}

/** A handle went stale: the namespace that was held back is over, if it is still the same one. */
export function endLeftBehind(
  input: StormInput,
  { key, namespace, probedUs }: { key: NamespaceKey; namespace: KernelNamespace; probedUs: number },
  draft: Draft,
): void {
  const held = input.births.find(key)?.held;
  const isSame = held?.birth.namespace.kernelNamespaceId === namespace.kernelNamespaceId;
  if (held && isSame && held.leftUs !== null && held.leftUs <= probedUs) {
    endHeldBack(input, key, probedUs, draft);
  }
}

function keyOf({ type, inum }: KernelNamespace): NamespaceKey {
  return toNamespaceKey(type, inum);
}

/** This very namespace is held back, and not an earlier or later one with its inum. */
function isHeldBack({ births }: StormInput, namespace: KernelNamespace): boolean {
  const held = births.find(keyOf(namespace))?.held;
  return held?.birth.namespace.kernelNamespaceId === namespace.kernelNamespaceId;
}

function isSameBirth({ held }: PendingBirth<HeldBirth>, { namespace, atUs }: BirthRecord): boolean {
  const { kernelNamespaceId } = held.birth.namespace;
  return kernelNamespaceId === null
    ? held.birth.atUs === atUs
    : kernelNamespaceId === namespace.kernelNamespaceId;
}

function isListed({ known, memory }: StormInput, { kernelNamespaceId }: KernelNamespace): boolean {
  return (
    kernelNamespaceId !== null &&
    (known.lifespanByKernelId.has(kernelNamespaceId) || hasJustEnded(memory, kernelNamespaceId))
  );
}

function isOwnOrEmpty(pending: PendingBirth<HeldBirth> | undefined, { task }: TaskRecord): boolean {
  const entered = pending?.held.entered?.task;
  return entered === undefined || isSameProcess(entered, task);
}

function isSameProcess(left: KernelTask, right: KernelTask): boolean {
  return left.pid === right.pid && left.startTimeTicks === right.startTimeTicks;
}

function enter({ births, memory }: StormInput, key: NamespaceKey, record: TaskRecord): void {
  const held = births.find(key)?.held;
  if (held) {
    // The newest says what else the process is in now.
    held.entered = record;
    const { pid } = record.task;
    memory.heldBackIn.set(pid, [...(memory.heldBackIn.get(pid) ?? []), key]);
  }
}

/** The process is no longer in the namespaces held back that are not among `stays`. */
function leaveHeldBack(
  { births, memory }: StormInput,
  task: KernelTask,
  atUs: number,
  stays: readonly KernelNamespace[],
): void {
  const keys = memory.heldBackIn.get(task.pid);
  if (keys === undefined) {
    return;
  }
  memory.heldBackIn.delete(task.pid);
  for (const key of keys) {
    const held = births.find(key)?.held;
    const isIn = stays.some((namespace) => keyOf(namespace) === key);
    if (held?.entered && isSameProcess(held.entered.task, task) && !isIn) {
      held.leftUs = atUs;
    }
  }
}

/** Counts a life that ended, or lists it when it was too long for that. */
function endHeldBack(input: StormInput, key: NamespaceKey, goneUs: number, draft: Draft): void {
  const namespace = input.births.find(key)?.held.birth.namespace;
  if (!input.births.end(key, goneUs)) {
    listHeldBack(input, key, draft);
  } else if (namespace && namespace.kernelNamespaceId !== null) {
    input.memory.ended.add(namespace.kernelNamespaceId);
    input.memory.folded.set(namespace.kernelNamespaceId, namespace);
  }
}

/** Lists those of the namespaces that are held back: something else than a process has to do with them. */
export function listNamed(
  input: StormInput,
  namespaces: readonly KernelNamespace[],
  draft: Draft,
): void {
  for (const namespace of namespaces) {
    listHeldBack(input, keyOf(namespace), draft);
  }
}

function listHeldBack(input: StormInput, key: NamespaceKey, draft: Draft): void {
  const pending = input.births.release(key);
  if (pending) {
    list(input, key, pending, draft);
  }
}

/** Adds everything that was held back about a namespace, at its true instants. */
function list(
  input: StormInput,
  key: NamespaceKey,
  { life, held }: PendingBirth<HeldBirth>,
  draft: Draft,
): void {
  const { birth, entered, leftUs } = held;
  const id = addKernelBirth(input, draft, {
    namespace: birth.namespace,
    atUs: birth.atUs,
    born: exactly(birth.atUs),
    creator: life.creator,
    relations: findRelations(input.known, birth),
  });
  becomeVacant(input.memory, id, birth.atUs);
  if (entered === null) {
    return;
  }
  // Others that its process is in may be held back too: what it is in is listed together.
  for (const namespace of entered.namespaces) {
    if (keyOf(namespace) !== key && isHeldBack(input, namespace)) {
      listHeldBack(input, keyOf(namespace), draft);
    }
  }
  // What it was in besides may have ended and been counted since.
  const namespaces = entered.namespaces.filter((each) => findKernelNamespace(input.known, each));
  const stay = { ...entered, namespaces };
  if (leftUs === null) {
    deriveTask(input, stay, stay.facts, draft);
  } else {
    visitTask(input, stay, leftUs, draft);
  }
}
