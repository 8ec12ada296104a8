/** What descriptors hold, out of the rows of the descriptor iterator. */
import type { ObservedDescriptor, ObservedSocket, ObservedThread } from '../domain/scan.ts';
import type { FileRow } from './kernel-inventory-rows.ts';
import { findThread, replaceDraft, type KernelTasks } from './kernel-scan-tasks.ts';
import type { ProcessDraft } from './process-draft.ts';
import type { SourceTally } from './source-tally.ts';

/** Fills in what descriptors of processes and threads hold. A process that is not among the tasks has come since. */
export function addDescriptors(
  rows: readonly FileRow[],
  tasks: KernelTasks,
  tally: SourceTally,
): void {
  const holding = rows.filter(({ isOwnNetwork }) => !isOwnNetwork);
  const byPid = groupBy(holding, ({ pid }) => pid);
  for (let index = 0; index < tasks.drafts.length && byPid.size > 0; index += 1) {
    const draft = tasks.drafts[index];
    const ofPid = draft && byPid.get(draft.observed.pid);
    if (!ofPid) {
      continue;
    }
    const { pid, startTimeTicks } = draft.observed;
    // A pid can be given away again between two looks.
    const own = ofPid.filter((row) => row.startTimeTicks === startTimeTicks);
    byPid.delete(pid);
    if (own.length > 0) {
      addToProcess(replaceDraft(tasks, index, draft), own, (tid) => findThread(tasks, pid, tid));
    }
  }
  tally.vanished(byPid.size);
}

function addToProcess(
  { observed }: ProcessDraft,
  rows: readonly FileRow[],
  findNew: (tid: number) => ObservedThread | undefined,
): void {
  const byTid = groupBy(rows, ({ tid }) => tid);
  Object.assign(observed, toHeld(byTid.get(observed.pid) ?? []));
  byTid.delete(observed.pid);
  // A leader that has ended has no table; the first of its threads then stands in for it.
  const standIn = observed.isZombie ? rows[0] : undefined;
  for (const [tid, ofThread] of byTid) {
    const isListed = standIn && standIn.tid !== tid && standIn.table === ofThread[0]?.table;
    const known = observed.threads.find((thread) => thread.tid === tid);
    const thread = isListed ? undefined : (known ?? findNew(tid));
    if (thread) {
      observed.threads = [
        ...observed.threads.filter((other) => other !== known),
        { ...thread, ...toHeld(ofThread) },
      ];
    }
  }
}

function toHeld(rows: readonly FileRow[]): {
  readonly descriptors: readonly ObservedDescriptor[];
  readonly sockets: readonly ObservedSocket[];
} {
  const descriptors: ObservedDescriptor[] = [];
  const sockets: ObservedSocket[] = [];
  for (const { kind, fd, type, inum, inode, interface: device, deviceInum } of rows) {
    if (kind === 'namespace') {
      descriptors.push({ fd, type, inum });
    } else {
      const socketInode = kind === 'socket' ? inode : null;
      sockets.push({ kind, fd, socketInode, inum, interface: device, deviceInum });
    }
  }
  return { descriptors, sockets };
}

function groupBy(rows: readonly FileRow[], key: (row: FileRow) => number): Map<number, FileRow[]> {
  const groups = new Map<number, FileRow[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group) {
      group.push(row);
    } else {
      groups.set(key(row), [row]);
    }
  }
  return groups;
}
