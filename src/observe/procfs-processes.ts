/**
 * The processes of a procfs: which there are, what each is called, and the namespaces it is in.
 *
 * Source: proc_pid(5), proc_pid_stat(5); kernel fs/proc/base.c proc_pid_readdir.
 */
import { readdirSync } from 'node:fs';
import { NsauditError } from '../domain/errors.ts';
import type { ObservedProcess, UnreadableReason } from '../domain/scan.ts';
import { errnoOf, isDecimal } from './proc-read.ts';
import { createProcessDraft, type ProcessDraft } from './process-draft.ts';
import type { ProcessMemory, Recalled } from './process-memory.ts';
import { isRefusal, type LinkReader, type Refusal } from './procfs-links.ts';
import type { SourceTally } from './source-tally.ts';

/**
 * Pids in the order the kernel lists them. Throws NsauditError `io` when there is no process at all:
 * that is another directory than proc, and to go on would end every namespace.
 */
export function listPids(procRoot: string): number[] {
  const pids = readNames(procRoot).filter(isDecimal).map(Number);
  if (pids.length === 0) {
    throw new NsauditError(
      'io',
      `${procRoot} shows no process: is a proc file system mounted there?`,
    );
  }
  return pids;
}

function readNames(procRoot: string): string[] {
  try {
    return readdirSync(procRoot);
  } catch (error) {
    throw new NsauditError('io', `cannot list the processes in ${procRoot} (${errnoOf(error)})`, {
      cause: error,
    });
  }
}

interface ProcessPlace {
  readonly pid: number;
  readonly directory: string;
  /** The process that had this pid in the previous scan. */
  readonly findPrevious: (pid: number) => ObservedProcess | undefined;
}

export interface ProcessReaders {
  readonly links: LinkReader;
  readonly memory: ProcessMemory;
}

/** One process with its links, null when it is gone or nothing at all can be said about it. */
export function readProcess(
  readers: ProcessReaders,
  { pid, directory, findPrevious }: ProcessPlace,
  tally: SourceTally,
): ProcessDraft | null {
  const answer = readStatAndLinks(readers, pid, directory);
  if (answer === null) {
    tally.vanished();
    return null;
  }
  if (isRefusal(answer)) {
    tally.unreadable(answer.reason, answer.path);
    return carryOver(findPrevious(pid), directory, answer.reason);
  }
  tally.read();
  const { read, stat } = answer;
  if (read.refusal) {
    tally.unreadable(read.refusal.reason, read.refusal.path);
  }
  const { startTimeTicks, ppid, comm, threadCount } = stat;
  return createProcessDraft(
    { pid, directory, startTimeTicks, ppid, comm, threadCount },
    {
      isZombie: read.isZombie,
      links: read.links,
      forChildren: read.forChildren,
      linksUnreadable: read.refusal?.reason ?? null,
    },
  );
}

/** Null when the process is gone, a refusal when not even its stat line can be read. */
function readStatAndLinks(
  { links, memory }: ProcessReaders,
  pid: number,
  directory: string,
): Recalled | Refusal | null {
  const sighting = memory.look(pid, directory);
  const recalled = sighting?.recalled;
  if (recalled) {
    const read = links.readLinks(directory, recalled.stat, recalled.read);
    if (read === recalled.read) {
      return recalled;
    }
  }
  const stat = links.readStat(directory);
  if (stat === null || isRefusal(stat)) {
    return stat;
  }
  const read = links.readLinks(directory, stat);
  if (read && sighting) {
    memory.remember(pid, sighting, { stat, read });
  }
  return read && { stat, read };
}

/**
 * A process whose stat is refused from now on (hidepid, a security module) is still listed. To leave it
 * out would say that it has ended; so it stays what it was, unreadable in every respect.
 */
function carryOver(
  previous: ObservedProcess | undefined,
  directory: string,
  reason: UnreadableReason,
): ProcessDraft | null {
  if (!previous) {
    return null;
  }
  const draft = createProcessDraft(
    { ...previous, directory, threadCount: 1 },
    { isZombie: previous.isZombie, links: {}, forChildren: {}, linksUnreadable: reason },
  );
  draft.observed.descriptorsUnreadable = reason;
  draft.observed.threadsUnreadable = reason;
  return draft;
}
