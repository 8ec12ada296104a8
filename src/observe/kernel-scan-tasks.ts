/** Processes and differing threads out of the rows of the task iterator. */
import type { ObservedThread } from '../domain/scan.ts';
import {
  createComparison,
  createCommReader,
  readNumber,
  TASK_ENDED,
  TASK_ROW,
  TASK_ROW_WORDS,
  type Rows,
} from './kernel-inventory-rows.ts';
import type { NamespaceSet, SetReader } from './kernel-inventory-sets.ts';
import { hasFlag, readThread, readTid } from './kernel-task-rows.ts';
import { createProcessDraft, type ProcessDraft } from './process-draft.ts';
import { findDiffering } from './procfs-threads.ts';
import type { SourceTally } from './source-tally.ts';

/** The processes, and for each of them, at the same index, its namespaces and the row it came from. */
export interface KernelTasks {
  readonly source: Rows;
  readonly drafts: ProcessDraft[];
  readonly sets: readonly NamespaceSet[];
  readonly rows: readonly number[];
  /** Rows of threads that may differ from their process, by pid. */
  readonly threadRows: ReadonlyMap<number, readonly number[]>;
}

export interface TaskReader {
  /**
   * One draft per process, in the order of pids. Counts every process as read.
   *
   * A process about which nothing has changed since the last call keeps its draft, facts included: most
   * have not, and to make them all anew costs more than to read them. So a draft must not be changed but
   * for facts that it has not yet; replaceDraft is for the rest.
   */
  read(source: Rows, tally: SourceTally): KernelTasks;
  /** The next call makes every draft anew. */
  forget(): void;
}

const isSameRow = createComparison(TASK_ROW_WORDS);

export function createTaskReader(procRoot: string, sets: SetReader): TaskReader {
  let previous: KernelTasks | null = null;
  return {
    read(source, tally) {
      const drafts: ProcessDraft[] = [];
      const setOf: NamespaceSet[] = [];
      const rows: number[] = [];
      const threadRows = new Map<number, number[]>();
      const recall = createRecall(previous, source);
      const create = createDraftReader(procRoot, source);
      sets.nextScan(source);
      for (let row = 0; row < source.count; row += 1) {
        const pid = source.words[row * TASK_ROW_WORDS + TASK_ROW.pid] ?? 0;
        if (readTid(source, row) === pid) {
          const set = sets.read(row);
          drafts.push(recall(pid, row) ?? create(pid, row, set));
          setOf.push(set);
          rows.push(row);
        } else {
          const others = threadRows.get(pid);
          if (others) {
            others.push(row);
          } else {
            threadRows.set(pid, [row]);
          }
        }
      }
      tally.read(drafts.length);
      previous = { source, drafts, sets: setOf, rows, threadRows };
      return previous;
    },
    forget() {
      previous = null;
    },
  };
}

/** Puts a copy into the place of a draft, which can be changed whoever else has the draft. */
export function replaceDraft(
  { drafts }: KernelTasks,
  index: number,
  draft: ProcessDraft,
): ProcessDraft {
  const copy = { ...draft, observed: { ...draft.observed } };
  drafts[index] = copy;
  return copy;
}

/** Asked for pids in rising order, as both lists are. */
function createRecall(
  previous: KernelTasks | null,
  { signedWords }: Rows,
): (pid: number, row: number) => ProcessDraft | null {
  let index = 0;
  return (pid, row) => {
    if (previous === null) {
      return null;
    }
    const { drafts, rows, source } = previous;
    while (index < rows.length && (drafts[index]?.observed.pid ?? 0) < pid) {
      index += 1;
    }
    const draft = drafts[index];
    const was = rows[index];
    const isSame =
      draft?.observed.pid === pid &&
      was !== undefined &&
      isSameRow(signedWords, row * TASK_ROW_WORDS, source.signedWords, was * TASK_ROW_WORDS);
    return isSame && isBare(draft) ? draft : null;
  };
}

/** Holds nothing by threads and descriptors, which may have changed without a trace in the row. */
function isBare({ observed, tids }: ProcessDraft): boolean {
  const { threads, descriptors, sockets } = observed;
  return threads.length + descriptors.length + sockets.length + tids.length === 0;
}

function createDraftReader(
  procRoot: string,
  source: Rows,
): (pid: number, row: number, set: NamespaceSet) => ProcessDraft {
  const { words } = source;
  const readComm = createCommReader(source);
  return (pid, row, { links, forChildren }) => {
    const at = row * TASK_ROW_WORDS;
    return createProcessDraft(
      {
        pid,
        directory: `${procRoot}/${pid}`,
        startTimeTicks: readNumber(source, at + TASK_ROW.startTimeTicks),
        ppid: words[at + TASK_ROW.ppid] ?? 0,
        comm: readComm(row),
        threadCount: words[at + TASK_ROW.threadCount] ?? 1,
      },
      { isZombie: hasFlag(source, row, TASK_ENDED), links, forChildren, linksUnreadable: null },
    );
  };
}

/** Fills in the threads of the processes, and the tids of all that have a row. */
export function addThreads(tasks: KernelTasks, sets: SetReader, tally: SourceTally): void {
  const { drafts, threadRows, source } = tasks;
  for (let index = 0; index < drafts.length; index += 1) {
    const draft = drafts[index];
    tally.read(Math.max(0, (draft?.threadCount ?? 1) - 1));
    const ofProcess = draft && threadRows.get(draft.observed.pid);
    if (ofProcess) {
      const own = replaceDraft(tasks, index, draft);
      own.tids = ofProcess.map((row) => readTid(source, row));
      own.observed.threads = ofProcess.flatMap((row) => {
        const differing = findDiffering(sets.read(row), draft);
        return differing ? [{ ...readThread(source, row), ...differing }] : [];
      });
    }
  }
}

/** The thread of a row with nothing it holds, or undefined when the thread has no row. */
export function findThread(
  { threadRows, source }: KernelTasks,
  pid: number,
  tid: number,
): ObservedThread | undefined {
  const row = threadRows.get(pid)?.find((candidate) => readTid(source, candidate) === tid);
  return row === undefined ? undefined : readThread(source, row);
}
