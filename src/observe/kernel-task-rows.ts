/** What one row of the task iterator says. */
import type { ObservedThread } from '../domain/scan.ts';
import {
  createCommReader,
  readNumber,
  TASK_HAS_FILES,
  TASK_ROW,
  TASK_ROW_WORDS,
  TASK_SHARES_FILES,
  type Rows,
} from './kernel-inventory-rows.ts';
import type { Credentials } from './process-facts.ts';

/** What loginuid and session hold for a process that no login stands behind. */
const UNSET = 0xffff_ffff;

/** How many descriptor tables the rows tell of. */
export function countTables(rows: Rows): number {
  let tables = 0;
  for (let row = 0; row < rows.count; row += 1) {
    const at = row * TASK_ROW_WORDS;
    const isLeader = rows.words[at + TASK_ROW.pid] === rows.words[at + TASK_ROW.tid];
    const isOwn = isLeader || !hasFlag(rows, row, TASK_SHARES_FILES);
    tables += isOwn && hasFlag(rows, row, TASK_HAS_FILES) ? 1 : 0;
  }
  return tables;
}

/** Who the process of a row runs as. */
export function readCredentialsOf({ words }: Rows, row: number): Credentials {
  const at = row * TASK_ROW_WORDS;
  const read = (field: number): number | null => words[at + field] ?? null;
  const readIfSet = (field: number): number | null => {
    const value = read(field);
    return value === UNSET ? null : value;
  };
  return {
    uid: read(TASK_ROW.uid),
    gid: read(TASK_ROW.gid),
    loginuid: readIfSet(TASK_ROW.loginuid),
    session: readIfSet(TASK_ROW.session),
  };
}

/** The thread of a row, with nothing it holds. */
export function readThread(rows: Rows, row: number): ObservedThread {
  const at = row * TASK_ROW_WORDS;
  return {
    tid: readTid(rows, row),
    startTimeTicks: readNumber(rows, at + TASK_ROW.startTimeTicks),
    comm: createCommReader(rows)(row),
    links: {},
    forChildren: {},
    descriptors: [],
    sockets: [],
  };
}

/** Its thread id. */
export function readTid({ words }: Rows, row: number): number {
  return words[row * TASK_ROW_WORDS + TASK_ROW.tid] ?? 0;
}

/** Whether a flag of the row, TASK_…, is set. */
export function hasFlag({ words }: Rows, row: number, flag: number): boolean {
  return ((words[row * TASK_ROW_WORDS + TASK_ROW.flags] ?? 0) & flag) !== 0;
}
