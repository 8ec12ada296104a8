/**
 * Open descriptors of namespaces, in the fd table of every process and of threads that have their own.
 *
 * Nothing in /proc says whether a thread shares the fd table of its leader, so tables are compared by
 * the numbers in use. A table of its own that uses the very same numbers is taken for shared.
 *
 * Source: proc_pid_fd(5), unshare(2) CLONE_FILES; kernel fs/proc/fd.c proc_fd_getattr, which since
 * Linux 6.2 gives the number of open descriptors as st_size.
 */
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { parseNamespaceLink } from '../domain/namespace-type.ts';
import type { ObservedDescriptor } from '../domain/scan.ts';
import { errnoOf, isDecimal, isGone } from './proc-read.ts';
import type { ProcessDraft } from './process-draft.ts';
import type { LinkReader } from './procfs-links.ts';
import { isStillThere, readThreadIdentity } from './procfs-threads.ts';
import type { SourceTally } from './source-tally.ts';

/**
 * Two tables of the same size up to this one are compared number by number. Listing the table of every
 * thread takes 1.5 us a descriptor, which for 500 threads with 1,000 descriptors is most of a second.
 */
const COMPARED_NUMBERS_MAX = 64;

export interface DescriptorReader {
  /** Fills in the descriptors of the process and of its threads, whose tids must be known already. */
  readDescriptors(draft: ProcessDraft, tally: SourceTally): void;
}

/** The table that the threads of a process are compared with. */
interface Reference {
  readonly directory: string;
  readonly numbers: readonly string[];
  readonly descriptors: readonly ObservedDescriptor[];
}

export function createDescriptorReader(links: LinkReader): DescriptorReader {
  /** Set once a table's st_size was seen to be its number of descriptors. */
  let hasTableSizes = false;

  /** A leader that has ended has no table (null); the first of its threads then stands in for it. */
  function readThreadTables(
    draft: ProcessDraft,
    leader: Reference | null,
    tally: SourceTally,
  ): void {
    let reference = leader;
    if (leader && draft.tids.length > 0 && !hasTableSizes) {
      hasTableSizes = sizeOf(leader.directory) === leader.numbers.length;
    }
    for (const tid of draft.tids) {
      const directory = `${draft.directory}/task/${tid}/fd`;
      try {
        if (reference && !hasOwnTable(directory, reference, hasTableSizes)) {
          continue;
        }
        const numbers = readdirSync(directory);
        const descriptors = readNamespaceDescriptors(directory, numbers);
        tally.read();
        addToThread(
          links,
          draft,
          tid,
          reference ? notInFlux(descriptors, reference) : descriptors,
          tally,
        );
        reference ??= { directory, numbers, descriptors };
      } catch (error) {
        note(errnoOf(error), directory, tally, (errno) => {
          draft.observed.threadsUnreadable ??= errno;
        });
      }
    }
  }

  return {
    readDescriptors(draft, tally) {
      const { observed, tids } = draft;
      const directory = `${draft.directory}/fd`;
      if (observed.isZombie) {
        readThreadTables(draft, null, tally);
        return;
      }
      try {
        const numbers = readdirSync(directory);
        const descriptors = readNamespaceDescriptors(directory, numbers);
        tally.read();
        // A pid can be given away again between two looks; only where something was found is it worth asking.
        if (descriptors.length > 0 && isStillThere(links, draft)) {
          observed.descriptors = descriptors;
        }
        readThreadTables(draft, { directory, numbers, descriptors }, tally);
      } catch (error) {
        note(errnoOf(error), directory, tally, (errno) => {
          observed.descriptorsUnreadable = errno;
          observed.threadsUnreadable ??= tids.length > 0 ? errno : null;
        });
      }
    },
  };
}

function note(
  errno: string,
  directory: string,
  tally: SourceTally,
  refuse: (errno: string) => void,
): void {
  if (isGone(errno)) {
    tally.vanished();
  } else {
    refuse(errno);
    tally.unreadable(errno, directory);
  }
}

/** The first descriptor that is refused speaks for the table, and its error is thrown. */
function readNamespaceDescriptors(
  directory: string,
  numbers: readonly string[],
): ObservedDescriptor[] {
  const descriptors: ObservedDescriptor[] = [];
  for (const number of numbers) {
    const target = readTarget(`${directory}/${number}`);
    const namespace = target === null ? undefined : parseNamespaceLink(target);
    if (namespace && isDecimal(number)) {
      descriptors.push({ fd: Number(number), ...namespace });
    }
  }
  return descriptors;
}

/** Null for a descriptor that has been closed, and for a path too long to be given: that is a file. */
function readTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (isGone(errno) || errno === 'ENAMETOOLONG') {
      return null;
    }
    throw error;
  }
}

function hasOwnTable(directory: string, reference: Reference, hasTableSizes: boolean): boolean {
  if (hasTableSizes) {
    const size = sizeOf(directory);
    // A shared table can grow between two looks, so a difference is looked at twice.
    if (size !== sizeOf(reference.directory) && sizeOf(directory) !== sizeOf(reference.directory)) {
      return true;
    }
    if (size > COMPARED_NUMBERS_MAX) {
      return false;
    }
  }
  const numbers = readdirSync(directory);
  return (
    !isSameTable(numbers, reference.numbers) &&
    !isSameTable(numbers, readdirSync(reference.directory))
  );
}

/**
 * What of a thread's descriptors is its own for sure.
 *
 * While the reference table changes, a shared one looks different: then only what the reference never
 * showed counts.
 */
function notInFlux(
  descriptors: readonly ObservedDescriptor[],
  reference: Reference,
): readonly ObservedDescriptor[] {
  if (
    descriptors.length === 0 ||
    isSameTable(readdirSync(reference.directory), reference.numbers)
  ) {
    return descriptors;
  }
  return descriptors.filter(
    ({ fd, inum }) =>
      !reference.descriptors.some((other) => other.fd === fd && other.inum === inum),
  );
}

function isSameTable(left: readonly string[], right: readonly string[]): boolean {
  if (left.length !== right.length) {
    return false;
  }
  const numbers = new Set(right);
  return left.every((number) => numbers.has(number));
}

function sizeOf(directory: string): number {
  return statSync(directory).size;
}

function addToThread(
  links: LinkReader,
  draft: ProcessDraft,
  tid: number,
  descriptors: readonly ObservedDescriptor[],
  tally: SourceTally,
): void {
  if (descriptors.length === 0) {
    return;
  }
  const known = draft.observed.threads.find((thread) => thread.tid === tid);
  const others = draft.observed.threads.filter((thread) => thread !== known);
  const identity = known ?? readThreadIdentity(links, draft, tid, tally);
  if (identity) {
    const none = { links: {}, forChildren: {}, sockets: [] };
    draft.observed.threads = [...others, { ...none, ...identity, descriptors }];
  }
}
