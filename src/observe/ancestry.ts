/**
 * Who was above a process that has just entered a namespace, and which process we are ourselves.
 *
 * A parent is read a moment after its child was told of. That it is the one meant, its start time shows: a
 * process that was given the pid since then started later than the child.
 *
 * Source: proc_pid_stat(5), proc(5) on /proc/self.
 */
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { listAncestors, type ProcessIdentity } from '../domain/arrival.ts';
import type { KernelRecord, TaskRecord } from '../domain/kernel-record.ts';
import { createProcReader, errnoOf, type ProcReader } from './proc-read.ts';
import { parseStatLine, type StatLine } from './stat-line.ts';

/** Adds ancestors to the records of tasks that entered namespaces by setns; all others are handed through. */
export type AddAncestors = (records: readonly KernelRecord[]) => readonly KernelRecord[];

/** `procRoot` must show all processes of the host. Who moves again and again is looked up once for each call. */
export function createAncestry(procRoot: string): AddAncestors {
  const reader = createProcReader();
  return (records) => {
    if (!records.some(isEntry)) {
      return records;
    }
    const found = new Map<number, (ProcessIdentity & { ppid: number }) | undefined>();
    const find = (pid: number) => {
      if (!found.has(pid)) {
        const stat = readStat(reader, join(procRoot, String(pid), 'stat'));
        found.set(pid, stat && { pid, startTimeTicks: stat.startTimeTicks, ppid: stat.ppid });
      }
      return found.get(pid);
    };
    return records.map((record) => {
      if (!isEntry(record) || record.facts.ppid === null) {
        return record;
      }
      const { startTimeTicks } = record.task;
      return {
        ...record,
        ancestors: listAncestors({ ppid: record.facts.ppid, startTimeTicks }, find),
      };
    });
  };
}

function isEntry(record: KernelRecord): record is TaskRecord {
  return record.kind === 'moved' && record.how === 'setns';
}

/** This process as procfs shows it; null where this procfs does not show it. */
export function readOwnProcess(procRoot: string): ProcessIdentity | null {
  try {
    const pid = Number(readlinkSync(join(procRoot, 'self')));
    const stat = readStat(createProcReader(), join(procRoot, 'self', 'stat'));
    return stat === undefined ? null : { pid, startTimeTicks: stat.startTimeTicks };
  } catch (error) {
    errnoOf(error);
    return null;
  }
}

function readStat(reader: ProcReader, path: string): StatLine | undefined {
  try {
    return parseStatLine(reader.readRecord(path));
  } catch (error) {
    // Gone or hidden: the chain breaks off here, which is what it then says.
    errnoOf(error);
    return undefined;
  }
}
