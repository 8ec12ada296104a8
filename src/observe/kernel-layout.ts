/**
 * Where what stands in the records and maps of src/observe/bpf/records.h: byte offsets from the start of
 * the struct. test/observe/kernel-layout.test.ts compares every one of them with the C compiler's.
 */
import type { NamespaceType } from '../domain/namespace-type.ts';

/** NSAUDIT_ABI: pins of another number are not taken over. */
export const KERNEL_ABI = 5;

export const RECORD_KIND = {
  birth: 1,
  joined: 2,
  moved: 3,
  left: 4,
  unreferenced: 5,
  destroyed: 6,
  exe: 7,
  cgroup: 8,
  unshared: 9,
  mounted: 10,
  unmounted: 11,
  closed: 12,
  repeated: 13,
} as const;

export const HEADER = {
  bytes: 24,
  bootNs: 0,
  seq: 8,
  kind: 16,
  count: 17,
  cpu: 18,
  flags: 20,
} as const;

/** Offsets within struct task_block. */
export const TASK = {
  bytes: 88,
  tgid: 0,
  tid: 4,
  startTicks: 8,
  threadStartTicks: 16,
  uid: 24,
  gid: 28,
  ppid: 32,
  loginuid: 36,
  session: 40,
  exe: 44,
  cgroupId: 48,
  comm: 56,
  leaderComm: 72,
} as const;

/** Offsets within struct namespace_ref. */
export const REF = { bytes: 16, id: 0, inum: 8, type: 12 } as const;

export const BIRTH = {
  bytes: 152,
  creator: 24,
  namespace: 112,
  owner: 128,
  how: 144,
  origin: 148,
} as const;

export const MEMBER = {
  bytes: 240,
  task: 24,
  ids: 112,
  inums: 192,
  how: 232,
  differs: 236,
} as const;

/** Begins with what stands in a MEMBER. */
export const UNSHARED = { bytes: 264, parent: 240, born: 256, ownerUid: 260 } as const;

/** Instant, id and number are told as differences from the unshared record that is repeated. */
export const REPEAT = { bytes: 16, laterNs: 0, moreId: 4, moreSeq: 8, inum: 12 } as const;

export const REPEATS_MAX = 16;

/** Only as many repeats as the header counts are there. Its instant and number are those of what is repeated. */
export const REPEATED = { bytes: 280, repeats: 24 } as const;

export const LEFT = {
  bytes: 64,
  tgid: 24,
  tid: 28,
  startTicks: 32,
  threadStartTicks: 40,
  comm: 48,
} as const;

export const END = { bytes: 40, namespace: 24 } as const;

export const PATH = { bytes: 1064, number: 24, length: 32, names: 40 } as const;

export const MOUNTED = {
  bytes: 1088,
  namespace: 24,
  mountNamespace: 40,
  mountId: 56,
  length: 60,
  names: 64,
} as const;

export const UNMOUNTED = { bytes: 48, namespace: 24, mountId: 40 } as const;

export const CONFIG = {
  bytes: 44,
  initial: 0,
  emitInitial: 32,
  birthFlags: 36,
  tellsEnds: 40,
} as const;

export const EXE_KEY = { bytes: 16 } as const;

export const EXE_IDENTITY = { bytes: 24 } as const;

export const TOLD_LAST = { bytes: 48 } as const;

/** See kernel-cpus.ts. */
export const CPU_STATE = {
  bytes: 688,
  counters: 0,
  told: 32,
  base: 128,
  waiting: 392,
  repeated: 400,
  takenSeq: 680,
} as const;

export const COUNTERS = { bytes: 16, seq: 0, dropped: 8 } as const;

export const TOTALS = { bytes: 16, liveFull: 0, exes: 8 } as const;

/** Slots of the task's namespaces: the eight types in the order of NAMESPACE_TYPES, then these two. */
export const SLOT = { pidForChildren: 8, timeForChildren: 9, count: 10 } as const;

export const FLAG = { otherThreads: 1, last: 1, truncated: 1, deleted: 2 } as const;

/** By the number in `how`. */
export const HOW_NAMES = [null, 'unshare', 'clone', 'clone3', 'fork', 'setns', 'exec'] as const;

/** The CLONE_NEW flags of sched.h. */
export const CLONE_FLAGS: Readonly<Record<NamespaceType, number>> = {
  cgroup: 0x0200_0000,
  ipc: 0x0800_0000,
  mnt: 0x0002_0000,
  net: 0x4000_0000,
  pid: 0x2000_0000,
  time: 0x0000_0080,
  user: 0x1000_0000,
  uts: 0x0400_0000,
};

export const WORD_LIMIT = 0x1_0000_0000;

/** A u64 as a number: exact up to 2^53. `at` is a byte offset, a multiple of 4. */
export function readCount(words: Uint32Array, at: number): number {
  return (words[(at >> 2) + 1] ?? 0) * WORD_LIMIT + (words[at >> 2] ?? 0);
}

/** `at` is a byte offset, a multiple of 4. */
export function readWord(words: Uint32Array, at: number): number {
  return words[at >> 2] ?? 0;
}
