/** What descriptors hold, out of the rows of the descriptor iterator. */
import type { ObservedDescriptor, ObservedThread } from '../domain/scan.ts';
import type { FileRow } from './kernel-inventory-rows.ts';
import { findThread, replaceDraft, type KernelTasks } from './kernel-scan-tasks.ts';
import type { ProcessDraft } from './process-draft.ts';
import type { SourceTally } from './source-tally.ts';

/**
 * A socket, or an opened /dev/net/tun, of another network namespace than the one its task is in. It keeps
 * that network namespace alive. Those of the initial one are left out of a scan: it needs nobody.
 */
export interface ObservedSocket {
  readonly kind: 'socket' | 'tun';
  readonly pid: number;
  readonly startTimeTicks: number;
  readonly tid: number;
  readonly fd: number;
  /** Of the socket, as digits; the same for every descriptor of it. For tun that of the device file. */
  readonly inode: string;
  readonly inum: number;
}

/** Fills in the descriptors of processes and threads. A process that is not among the tasks has come since. */
export function addDescriptors(
  rows: readonly FileRow[],
  tasks: KernelTasks,
  tally: SourceTally,
): ObservedSocket[] {
  const byPid = groupBy(rows, ({ pid }) => pid);
  const sockets: ObservedSocket[] = [];
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
    const namespaces = own.filter(({ kind }) => kind === 'namespace');
    if (namespaces.length > 0) {
      addToProcess(replaceDraft(tasks, index, draft), namespaces, (tid) =>
        findThread(tasks, pid, tid),
      );
    }
    sockets.push(...own.flatMap(toSocket));
  }
  tally.vanished(byPid.size);
  return sockets;
}

function addToProcess(
  { observed }: ProcessDraft,
  namespaces: readonly FileRow[],
  findNew: (tid: number) => ObservedThread | undefined,
): void {
  const byTid = groupBy(namespaces, ({ tid }) => tid);
  observed.descriptors = (byTid.get(observed.pid) ?? []).map(toDescriptor);
  byTid.delete(observed.pid);
  // A leader that has ended has no table; the first of its threads then stands in for it.
  const standIn = observed.isZombie ? namespaces[0] : undefined;
  for (const [tid, ofThread] of byTid) {
    const isListed = standIn && standIn.tid !== tid && standIn.table === ofThread[0]?.table;
    const known = observed.threads.find((thread) => thread.tid === tid);
    const thread = isListed ? undefined : (known ?? findNew(tid));
    if (thread) {
      observed.threads = [
        ...observed.threads.filter((other) => other !== known),
        { ...thread, descriptors: ofThread.map(toDescriptor) },
      ];
    }
  }
}

function toDescriptor({ fd, type, inum }: FileRow): ObservedDescriptor {
  return { fd, type, inum };
}

function toSocket({ kind, pid, startTimeTicks, tid, fd, inode, inum }: FileRow): ObservedSocket[] {
  return kind === 'namespace' ? [] : [{ kind, pid, startTimeTicks, tid, fd, inode, inum }];
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
