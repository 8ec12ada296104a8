/**
 * What a kernel record names by number and a person wants as text: the paths of executables and cgroups.
 *
 * The kernel tells them before the first record that names them. What it did not tell (the record was lost,
 * the path too long, or the cgroup is in a version 1 hierarchy) is read from procfs while the process is
 * there.
 *
 * Source: proc_pid_exe(5), proc_pid_cgroup(5), proc_pid_stat(5); fs/d_path.c for the form of the path.
 */
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { lazily } from './lazily.ts';
import { createProcReader, type ProcReader } from './proc-read.ts';
import { parseCgroupPath } from './process-facts.ts';
import { parseStatLine } from './stat-line.ts';

export interface FactTexts {
  /** The kernel told the path of an executable; null when it could not tell all of it. */
  learnExe(number: number, path: string | null): void;
  /** The same for a cgroup of the unified hierarchy, by its id. */
  learnCgroup(id: number, path: string | null): void;
  /** Null for a task without executable, and when the path was lost and the process is gone. */
  exe(number: number, pid: number, startTimeTicks: number): string | null;
  /** Null when the process was gone before its cgroup became known. */
  cgroup(cgroupId: number, pid: number, startTimeTicks: number): string | null;
}

/** The root of the unified hierarchy: on hosts that use version 1 hierarchies every process has it. */
const ROOT_CGROUP_ID = 1;
const MEMORY_MAX = 20_000;

export function createFactTexts(procRoot: string): FactTexts {
  const reader = createProcReader();
  const exes = new Map<number, string | null>();
  const cgroups = new Map<number | string, string | null>();

  const isUnified = lazily(() => readIsUnified(reader, procRoot));
  const ask = (
    pid: number,
    startTimeTicks: number,
    read: (directory: string) => string | null,
  ): string | null => askProcess(reader, join(procRoot, String(pid)), startTimeTicks, read);

  return {
    learnExe(number, path) {
      remember(exes, number, path);
    },
    learnCgroup(id, path) {
      remember(cgroups, id, path);
    },
    exe(number, pid, startTimeTicks) {
      if (number === 0) {
        return null;
      }
      const known = exes.get(number) ?? null;
      if (known !== null) {
        return known;
      }
      const found = ask(pid, startTimeTicks, (directory) => readlinkSync(join(directory, 'exe')));
      if (found !== null) {
        remember(exes, number, found);
      }
      return found;
    },
    cgroup(cgroupId, pid, startTimeTicks) {
      const key = cgroupId > ROOT_CGROUP_ID ? cgroupId : `${pid} ${startTimeTicks}`;
      const known = cgroups.get(key);
      if (known != null || (known === null && typeof key === 'string')) {
        return known;
      }
      if (typeof key === 'string' && isUnified()) {
        return '/';
      }
      const found = ask(pid, startTimeTicks, (directory) =>
        parseCgroupPath(reader.readWhole(join(directory, 'cgroup'))),
      );
      // A cgroup that one process could not show another one may; a process that is gone stays gone.
      if (found !== null || typeof key === 'string') {
        remember(cgroups, key, found);
      }
      return found;
    },
  };
}

/** Whether this host uses no version 1 hierarchy: then the root cgroup is all that a task in it is in. */
function readIsUnified(reader: ProcReader, procRoot: string): boolean {
  try {
    const lines = reader
      .readWhole(join(procRoot, 'self', 'cgroup'))
      .toString('utf8')
      .trim();
    return /^0::[^\n]*$/.test(lines);
  } catch {
    return false;
  }
}

/** The answer of `read` about a process, or null when that process is gone by now. */
function askProcess(
  reader: ProcReader,
  directory: string,
  startTimeTicks: number,
  read: (directory: string) => string | null,
): string | null {
  try {
    const answer = read(directory);
    const stat = parseStatLine(reader.readRecord(join(directory, 'stat')));
    return stat?.startTimeTicks === startTimeTicks ? answer : null;
  } catch {
    return null;
  }
}

/** Forgets the oldest first. */
function remember<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.set(key, value);
  if (map.size > MEMORY_MAX) {
    for (const oldest of map.keys()) {
      map.delete(oldest);
      break;
    }
  }
}
