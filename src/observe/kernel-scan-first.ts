/**
 * The first process, where the kernel leaves it out of its list: then it is read in procfs.
 *
 * There always is a process 1, so that it is missing says that somebody keeps it from us, as some guests of
 * virtual machines do with their init. Not to see it must not mean that it has ended.
 */
import type { ObservedProcess } from '../domain/scan.ts';
import type { ProcReader } from './proc-read.ts';
import type { ProcessDraft } from './process-draft.ts';
import { createProcessMemory } from './process-memory.ts';
import { createDescriptorReader } from './procfs-descriptors.ts';
import { createLinkReader } from './procfs-links.ts';
import { readProcess } from './procfs-processes.ts';
import { readThreads } from './procfs-threads.ts';
import type { SourceTally } from './source-tally.ts';

export interface FirstProcessReader {
  /** Adds process 1 to the end of the drafts when it is not among them. Then the other two read the rest of it. */
  addIfMissing(drafts: ProcessDraft[], tally: SourceTally): void;
  addThreads(tally: SourceTally): void;
  addDescriptors(tally: SourceTally): void;
}

const FIRST_PID = 1;

export function createFirstProcessReader(procRoot: string, reader: ProcReader): FirstProcessReader {
  const links = createLinkReader(procRoot, reader);
  const memory = createProcessMemory(procRoot);
  const descriptors = createDescriptorReader(links);
  const directory = `${procRoot}/${FIRST_PID}`;
  let previous: ObservedProcess | undefined;
  let draft: ProcessDraft | null = null;
  return {
    addIfMissing(drafts, tally) {
      draft = null;
      if (drafts[0]?.observed.pid === FIRST_PID) {
        return;
      }
      memory.nextScan();
      const place = { pid: FIRST_PID, directory, findPrevious: () => previous };
      draft = readProcess({ links, memory }, place, tally);
      if (draft) {
        previous = draft.observed;
        drafts.push(draft);
      }
    },
    addThreads(tally) {
      if (draft && draft.threadCount > 1) {
        readThreads(links, draft, tally);
      }
    },
    addDescriptors(tally) {
      if (draft) {
        descriptors.readDescriptors(draft, tally);
      }
    },
  };
}
