/**
 * When the init of a pid namespace ended. The namespace may go on, held by whatever else, but nobody can be
 * forked into it any more: fork fails with ENOMEM.
 *
 * Holds:     where a process is, the init is: it is the first in and takes all others along. So a pid
 *            namespace that had a process and has none any more has no init any more.
 * Promises:  nothing is said of one in which nobody was seen, nor while somebody may be in it unseen.
 * Source:    pid_namespaces(7); kernel pid_namespace.c zap_pid_ns_processes, pid.c disable_pid_allocation.
 * Proved by: test/kernel/init-ended.test.ts
 */
import type { Bounds } from './bounds.ts';
import type { Draft } from './draft.ts';
import type { Holder } from './holder.ts';
import { isHeldByPending } from './kernel-holders.ts';
import type { KernelInput } from './kernel-input.ts';
import { toProcessKey, type KernelMemory } from './kernel-memory.ts';
import type { TaskRecord } from './kernel-record.ts';
import type { Known, LifespanId, SetId } from './known.ts';
import type { Lifespan } from './lifespan.ts';
import type { OpenMemberBooks } from './member-books.ts';
import type { Scan } from './scan.ts';
import { US_PER_TICK } from './time.ts';

/** Adds that the init has ended, with what else a namespace.described may say left open. */
function addInitEnded({ id, type, inum }: Lifespan, initEnded: Bounds, draft: Draft): void {
  draft.add({
    event: 'namespace.described',
    lifespan: id,
    type,
    inum,
    kernelNamespaceId: null,
    owner: null,
    parent: null,
    ownerUid: null,
    names: null,
    nsids: null,
    references: null,
    initEnded,
  });
}

/** The pid namespaces of these sets of which it is not known that their init has ended. */
function listPidLives(known: Known, sets: Iterable<SetId | null>): Lifespan[] {
  const ids = new Set<LifespanId>();
  for (const set of sets) {
    for (const id of known.sets.get(set ?? -1)?.namespaces ?? []) {
      ids.add(id);
    }
  }
  return [...ids].flatMap((id) => {
    const life = known.lifespans.get(id);
    return life?.type === 'pid' && !life.initial && life.initEnded === null ? life : [];
  });
}

/** Processes and threads that are known as members of a namespace. */
function listMembers(known: Known, id: LifespanId): Holder[] {
  return [...(known.setsOf.get(id) ?? [])].flatMap((set) =>
    [...(known.sets.get(set)?.members ?? [])].flatMap((member) => known.holders.get(member) ?? []),
  );
}

function isCounted(known: Known, id: LifespanId): boolean {
  return [...(known.setsOf.get(id) ?? [])].some((set) => (known.sets.get(set)?.counted ?? 0) > 0);
}

/** Notes the first process of a pid namespace whose birth the kernel told: that is its init. */
export function noteInit({ known, memory }: KernelInput, record: TaskRecord, set: SetId): void {
  if (record.kind === 'joined') {
    for (const { id } of listPidLives(known, [set])) {
      if (memory.inits.get(id) === null) {
        memory.inits.set(id, toProcessKey(record.task.pid, record.task.startTimeTicks));
      }
    }
  }
}

/**
 * The last thread of a process has ended, and it is in none of these sets any more. Exact when it is known
 * that it was the init; else the init was there when the last process began that is known, and is not now.
 */
export function deriveInitLeft(
  input: KernelInput,
  { sets, bornUs, process, atUs }: Departure,
  draft: Draft,
): void {
  const { known, memory } = input;
  for (const life of listPidLives(known, sets)) {
    const told: Bounds = { after: atUs, by: atUs, evidence: 'kernel-event' };
    if (isInit(memory, life, process)) {
      addInitEnded(life, told, draft);
    } else if (isEmpty(input, life.id)) {
      addInitEnded(life, { ...told, after: Math.min(bornUs, atUs) }, draft);
    }
    if (life.initEnded !== null) {
      memory.inits.delete(life.id);
    }
  }
}

/** A process that has ended, and where it was. */
export interface Departure {
  readonly sets: readonly (SetId | null)[];
  /** It was forked no earlier than this. */
  readonly bornUs: number;
  /** As toProcessKey. */
  readonly process: string;
  readonly atUs: number;
}

/** Where records were lost since the birth, the first process that was told of need not be the init. */
function isInit({ inits, lossUs }: KernelMemory, life: Lifespan, process: string): boolean {
  return inits.get(life.id) === process && lossUs < life.born.by;
}

function isEmpty(input: KernelInput, id: LifespanId): boolean {
  const { known, memory } = input;
  return (
    listMembers(known, id).length === 0 &&
    !isHeldByPending(input, id) &&
    !isCounted(known, id) &&
    memory.openGaps.length === 0
  );
}

interface ScanInput {
  readonly known: Known;
  readonly books: OpenMemberBooks;
  readonly scan: Scan;
}

/** Adds what the holders that this draft lost say about the init of their pid namespaces. Call it before any end. */
export function deriveInitUnseen(input: ScanInput, draft: Draft): void {
  const { known, books, scan } = input;
  const lost = new Map<number, Bounds>();
  for (const event of draft.events) {
    if (event.event === 'holder.lost' && event.kind === 'process') {
      lost.set(event.holder, event.to);
    }
  }
  const sets = [...lost.keys()].map((id) => known.holders.get(id)?.set ?? null);
  const lives = listPidLives(known, sets);
  if (lives.length === 0 || !scan.covered.includes('links') || hidesProcesses(scan)) {
    return;
  }
  for (const life of lives) {
    const members = listMembers(known, life.id);
    const isLeft =
      members.every(({ id }) => lost.has(id)) &&
      !isHeldByPending({ known, books }, life.id) &&
      !isCounted(known, life.id) &&
      !scan.processes.some(({ links, isZombie }) => links.pid === life.inum && !isZombie);
    const by = Math.max(...members.map(({ id }) => lost.get(id)?.by ?? scan.endedAtUs));
    if (isLeft) {
      // When the last of them was forked, the init was there.
      const after = Math.max(...members.map((member) => startedUs(known, member)));
      addInitEnded(life, { after: Math.min(after, by), by, evidence: 'scan' }, draft);
    }
  }
}

/** Start times are cut to ticks: it started after this instant. */
function startedUs(known: Known, { startTimeTicks }: Holder): number {
  return (known.boot?.anchorUs ?? 0) + (startTimeTicks ?? 0) * US_PER_TICK - 1;
}

/** Some process may be in any namespace, as far as this scan can tell. Process 1 is in the initial one. */
function hidesProcesses({ processes }: Scan): boolean {
  return processes.some(
    ({ pid, links, linksUnreadable }) =>
      pid !== 1 && linksUnreadable !== null && links.pid === undefined,
  );
}
