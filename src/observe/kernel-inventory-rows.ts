/**
 * The rows that the iterators write, as words of 32 bits. Where a field is here, it is there in
 * bpf/inventory.h, and the other way round.
 */
import { NAMESPACE_TYPES, type NamespaceType } from '../domain/namespace-type.ts';
import { typeOfCloneFlag } from './clone-flags.ts';

/** What an iterator wrote, over the same memory. Valid until that iterator has been read twice more. */
export interface Rows {
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  /** For comparisons: a number of 32 bits with a sign never costs V8 an object of its own. */
  readonly signedWords: Int32Array;
  readonly count: number;
}

/** `struct inventory_task`: the eight types in the order of NAMESPACE_TYPES, then what children get. */
export const TASK_ROW_WORDS = 46;
export const TASK_LINKS = [...NAMESPACE_TYPES, 'pid_for_children', 'time_for_children'] as const;
export const TASK_ROW = {
  startTimeTicks: 0,
  ids: 2,
  inums: 22,
  pid: 32,
  tid: 33,
  ppid: 34,
  uid: 35,
  gid: 36,
  loginuid: 37,
  session: 38,
  flags: 39,
  threadCount: 40,
  comm: 41,
} as const;
export const TASK_ENDED = 1;
export const TASK_HAS_FILES = 2;
export const TASK_SHARES_FILES = 4;

const COMM_WORDS = 4;
const WORD_BYTES = 4;
const WORD_VALUES = 2 ** 32;

/** `struct inventory_file`. */
export const FILE_ROW_WORDS = 24;
const FILE_ROW = {
  id: 0,
  processStartTimeTicks: 2,
  table: 4,
  inode: 6,
  socket: 8,
  pid: 10,
  tid: 11,
  fd: 12,
  kind: 13,
  cloneFlag: 14,
  inum: 15,
  references: 16,
  flags: 17,
  deviceInum: 18,
  interface: 19,
} as const;
const FILE_KINDS = [undefined, 'namespace', 'socket', 'tun'] as const;
const FILE_HAS_INODE = 1;
const FILE_OWN_NETWORK = 2;
const INTERFACE_WORDS = 4;

/** A descriptor that holds a namespace. */
export interface FileRow {
  readonly kind: 'namespace' | 'socket' | 'tun';
  readonly pid: number;
  readonly tid: number;
  /** Of the process. */
  readonly startTimeTicks: number;
  /** Equal for tasks that share a descriptor table, while they live. */
  readonly table: string;
  readonly fd: number;
  readonly inode: number;
  /** Equal for descriptors of one socket or tun file, while it lives. */
  readonly socket: string;
  readonly type: NamespaceType;
  readonly inum: number;
  readonly kernelNamespaceId: string | null;
  /** What the kernel counts on the namespace; 0 where it does not say. */
  readonly references: number;
  /** The namespace has an inode in nsfs. */
  readonly hasInode: boolean;
  /** Of the network namespace that the task is in. */
  readonly isOwnNetwork: boolean;
  /** Of a tun descriptor with a device: its name, and the network namespace that it is in. */
  readonly interface: string | null;
  readonly deviceInum: number | null;
}

/** A value of 64 bits that is known to be exact as a number. */
export function readNumber({ words }: Rows, at: number): number {
  return (words[at] ?? 0) + (words[at + 1] ?? 0) * WORD_VALUES;
}

/** A value of 64 bits as decimal digits. */
export function readDigits(words: Uint32Array, at: number): string {
  const high = words[at + 1] ?? 0;
  const low = words[at] ?? 0;
  return high < 2 ** 21
    ? String(low + high * WORD_VALUES)
    : String((BigInt(high) << 32n) | BigInt(low));
}

/** Reads the comm of one row after the other: neighbours mostly have the same. */
export function createCommReader(rows: Rows): (row: number) => string {
  const { bytes, signedWords } = rows;
  const isSame = createComparison(COMM_WORDS);
  let last = -1;
  let comm = '';
  return (row) => {
    const at = row * TASK_ROW_WORDS + TASK_ROW.comm;
    if (last < 0 || !isSame(signedWords, last, signedWords, at)) {
      comm = decodeText(bytes, at * WORD_BYTES, COMM_WORDS * WORD_BYTES);
      last = at;
    }
    return comm;
  };
}

/** Compares `count` words from two places on. */
export function createComparison(
  count: number,
): (words: Int32Array, at: number, others: Int32Array, from: number) => boolean {
  return (words, at, others, from) => {
    for (let word = 0; word < count; word += 1) {
      if (words[at + word] !== others[from + word]) {
        return false;
      }
    }
    return true;
  };
}

function decodeText(bytes: Buffer, from: number, length: number): string {
  let to = from;
  while (to < from + length && bytes[to] !== 0) {
    to += 1;
  }
  return bytes.toString('utf8', from, to);
}

/** Leaves out what is of a type this program does not know. */
export function readFileRows(rows: Rows): FileRow[] {
  const { bytes, words, count } = rows;
  const found: FileRow[] = [];
  for (let row = 0; row < count; row += 1) {
    const at = row * FILE_ROW_WORDS;
    const kind = FILE_KINDS[words[at + FILE_ROW.kind] ?? 0];
    const type = typeOfCloneFlag(words[at + FILE_ROW.cloneFlag] ?? 0);
    if (kind !== undefined && type !== undefined) {
      const id = readDigits(words, at + FILE_ROW.id);
      const flags = words[at + FILE_ROW.flags] ?? 0;
      const deviceInum = words[at + FILE_ROW.deviceInum] ?? 0;
      found.push({
        kind,
        pid: words[at + FILE_ROW.pid] ?? 0,
        tid: words[at + FILE_ROW.tid] ?? 0,
        startTimeTicks: readNumber(rows, at + FILE_ROW.processStartTimeTicks),
        table: readDigits(words, at + FILE_ROW.table),
        fd: words[at + FILE_ROW.fd] ?? 0,
        inode: readNumber(rows, at + FILE_ROW.inode),
        socket: readDigits(words, at + FILE_ROW.socket),
        type,
        inum: words[at + FILE_ROW.inum] ?? 0,
        kernelNamespaceId: id === '0' ? null : id,
        references: words[at + FILE_ROW.references] ?? 0,
        hasInode: (flags & FILE_HAS_INODE) !== 0,
        isOwnNetwork: (flags & FILE_OWN_NETWORK) !== 0,
        interface: deviceInum === 0 ? null : readInterface(bytes, at),
        deviceInum: deviceInum === 0 ? null : deviceInum,
      });
    }
  }
  return found;
}

function readInterface(bytes: Buffer, at: number): string {
  const from = (at + FILE_ROW.interface) * WORD_BYTES;
  return decodeText(bytes, from, INTERFACE_WORDS * WORD_BYTES);
}
