/**
 * What happened, judged from what the kernel said. The twin of deriveEvents, for records instead of scans.
 *
 * Holds:     the rules by which births, moves and ends told by hooks become events.
 * Promises:  a birth and an end that a hook told are exact; what a record implies without telling it (a
 *            namespace nobody knew, a process whose end was lost) gets bounds and says so; a loss is an event.
 * Does not:  read anything or know a clock. Scans still find what no hook tells, such as descriptors.
 * Proved by: test/domain/derive-kernel-events.test.ts
 */
import { deriveKernelBirth } from './derive-kernel-births.ts';
import { deriveKernelEnd } from './derive-kernel-ends.ts';
import { deriveClosed, deriveMounted, deriveUnmounted } from './derive-kernel-mounts.ts';
import {
  absorbBirth,
  absorbEnd,
  absorbLeft,
  absorbTask,
  type StormInput,
} from './derive-kernel-storms.ts';
import { deriveLeft, deriveTask } from './derive-kernel-tasks.ts';
import type { Draft } from './draft.ts';
import { unreachable } from './errors.ts';
import type { KernelInput } from './kernel-input.ts';
import { toProcessKey } from './kernel-memory.ts';
import type { KernelRecord, LossRecord, TaskRecord } from './kernel-record.ts';
import type { ProcessFacts } from './process-facts.ts';

/**
 * Adds the events of records, which are in the order of time. Each event is folded into the known state
 * by the draft at once; the memory is changed in place.
 */
export function deriveKernelEvents(
  input: StormInput,
  records: readonly KernelRecord[],
  draft: Draft,
): void {
  const execs = findExecs(records);
  for (const record of records) {
    switch (record.kind) {
      case 'birth':
        if (!absorbBirth(input, record, draft)) {
          deriveKernelBirth(input, record, draft);
        }
        break;
      case 'joined':
      case 'moved':
        if (!absorbTask(input, record, draft)) {
          deriveTask(input, record, factsAfterExec(record, execs), draft);
        }
        break;
      case 'left':
        absorbLeft(input, record);
        deriveLeft(input, record, draft);
        break;
      case 'unreferenced':
      case 'destroyed':
        if (!absorbEnd(input, record, draft)) {
          deriveKernelEnd(input, record, draft);
        }
        break;
      case 'mounted':
        deriveMounted(input, record, draft);
        break;
      case 'unmounted':
        deriveUnmounted(input, record, draft);
        break;
      case 'closed':
        deriveClosed(input, record, draft);
        break;
      case 'lost':
        deriveLoss(input, record, draft);
        break;
      default:
        unreachable(record);
    }
  }
}

/** By process: the exec that came right after its fork, in the same batch. */
function findExecs(records: readonly KernelRecord[]): Map<string, ProcessFacts> {
  const execs = new Map<string, ProcessFacts>();
  for (const record of records) {
    if (record.kind === 'moved' && record.how === 'exec') {
      execs.set(toProcessKey(record.task.pid, record.task.startTimeTicks), record.facts);
    }
  }
  return execs;
}

function factsAfterExec(
  { kind, task, facts }: TaskRecord,
  execs: ReadonlyMap<string, ProcessFacts>,
): ProcessFacts {
  const key = toProcessKey(task.pid, task.startTimeTicks);
  return (kind === 'joined' ? execs.get(key) : undefined) ?? facts;
}

/** A loss is a gap until a scan and the map of live namespaces have shown what it hid. */
function deriveLoss({ memory }: KernelInput, record: LossRecord, draft: Draft): void {
  const seq = draft.add({
    event: 'observation.gap',
    source: record.stream === 'life' ? 'kernel' : 'kernel-holders',
    lost: record.count,
    from: record.fromUs,
    to: record.toUs,
    reason: 'lost',
  });
  memory.openGaps.push(seq);
  memory.lossUs = Math.max(memory.lossUs, record.toUs);
  memory.isScanWanted = true;
}

/** Adds observation.gap_closed for every loss, after a scan that looked everywhere. */
export function deriveLossesClosed(
  { memory }: Pick<KernelInput, 'memory'>,
  { inferred, unknown }: { inferred: number; unknown: number },
  draft: Draft,
): void {
  for (const [index, gap] of memory.openGaps.entries()) {
    // What was found out cannot be told apart by loss, so the last one carries all of it.
    const isLast = index === memory.openGaps.length - 1;
    draft.add({
      event: 'observation.gap_closed',
      source: 'kernel',
      gap,
      recovered: isLast ? memory.recoveredCount : 0,
      inferred: isLast ? memory.inferredCount + inferred : 0,
      unknown,
    });
  }
  memory.openGaps.length = 0;
  memory.recoveredCount = 0;
  memory.inferredCount = 0;
}
