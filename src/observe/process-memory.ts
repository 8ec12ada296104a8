/**
 * What the last scans read of each process, so that its stat line need not be read in every one.
 *
 * The kernel takes as long to make a stat line as to answer three links. Pid and start time cannot
 * change while the process lives, and the inode of its task directory tells that it does: /proc gives
 * every process inodes of its own. Name and parent can change, so the line is still read every few scans.
 *
 * Source: kernel fs/proc/base.c proc_pid_make_inode, and proc_task_getattr, where st_nlink is the number
 * of threads and two.
 */
import { statfsSync } from 'node:fs';
import { errnoOf } from './proc-read.ts';
import type { LinksRead } from './procfs-links.ts';
import type { StatLine } from './stat-line.ts';
import { createTaskStatReader } from './task-stat.ts';

/** A name or parent that changes while the namespaces stay the same may be noticed this many scans late. */
const REREAD_SCANS = 8;

/** linux/magic.h. Other file systems, which tests use, give an inode number again at once. */
const PROC_SUPER_MAGIC = 0x9fa0;

export interface Recalled {
  readonly stat: StatLine;
  readonly read: LinksRead;
}

/** The process that is in a directory at this moment. */
export interface Sighting {
  readonly inode: number;
  readonly changedMs: number;
  /** Null when it has to be read (again). */
  readonly recalled: Recalled | null;
}

export interface ProcessMemory {
  /** Begins a scan, and forgets the processes that the last one did not see. */
  nextScan(): void;
  /** Null where there is nothing to tell processes apart by. */
  look(pid: number, directory: string): Sighting | null;
  /**
   * Remembers a process whose links could all be read; there is nothing to gain with any other.
   * The sighting must be older than the reading: then no process can be taken for the one before it.
   */
  remember(pid: number, sighting: Sighting, read: Recalled): void;
}

interface Entry extends Recalled {
  readonly inode: number;
  readonly changedMs: number;
  seenInScan: number;
}

export function createProcessMemory(procRoot: string): ProcessMemory {
  const isProcfs = findFileSystem(procRoot) === PROC_SUPER_MAGIC;
  const statTask = createTaskStatReader();
  const entries = new Map<number, Entry>();
  let scan = 0;
  return {
    nextScan() {
      for (const [pid, entry] of entries) {
        if (entry.seenInScan < scan) {
          entries.delete(pid);
        }
      }
      scan += 1;
    },
    look(pid, directory) {
      // Gone or refused: the stat line, which is read next, answers the same and is counted.
      const task = isProcfs ? statTask(`${directory}/task`) : null;
      if (task === null) {
        return null;
      }
      const { inode, changedMs, linkCount } = task;
      const entry = entries.get(pid);
      const isSame = entry?.inode === inode && entry.changedMs === changedMs;
      // Pids are due in turn, so that scans take equally long.
      if (!isSame || (pid + scan) % REREAD_SCANS === 0) {
        return { inode, changedMs, recalled: null };
      }
      entry.seenInScan = scan;
      const threadCount = linkCount - 2;
      const stat =
        threadCount === entry.stat.threadCount ? entry.stat : { ...entry.stat, threadCount };
      return { inode, changedMs, recalled: { stat, read: entry.read } };
    },
    remember(pid, { inode, changedMs }, { stat, read }) {
      if (read.isZombie || read.refusal) {
        entries.delete(pid);
      } else {
        entries.set(pid, { stat, read, inode, changedMs, seenInScan: scan });
      }
    },
  };
}

function findFileSystem(path: string): number | null {
  try {
    return statfsSync(path).type;
  } catch (error) {
    // Whoever lists the processes there says what is wrong with it.
    errnoOf(error);
    return null;
  }
}
