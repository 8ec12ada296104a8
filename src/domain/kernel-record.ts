/**
 * What the kernel said at the moment it happened: one record per hook that fired. Facts only, no decisions.
 *
 * Instants are microseconds on the host timeline (see wall-clock.ts) and exact. Records come in the order
 * of time; where two carry the same instant, the birth of a namespace comes before whoever is in it.
 * Pids are those of the initial pid namespace.
 */
import type { CreationCall } from './lifespan.ts';
import type { NamespaceType } from './namespace-type.ts';
import type { ProcessFacts } from './process-facts.ts';

/** A namespace at one instant. */
export interface KernelNamespace {
  readonly type: NamespaceType;
  readonly inum: number;
  /** The kernel's u64 ns_id as decimal digits; null on kernels without (before 6.18). */
  readonly kernelNamespaceId: string | null;
}

/** A thread, and the process it belongs to. */
export interface KernelTask {
  /** Thread group id. */
  readonly pid: number;
  /** Equal to `pid` for the thread that stands for the process. */
  readonly tid: number;
  /** Of the process, as in ObservedProcess: with the pid it identifies the process in one boot. */
  readonly startTimeTicks: number;
  /** Of this thread. */
  readonly threadStartTimeTicks: number;
  readonly comm: string;
}

export interface BirthRecord {
  readonly kind: 'birth';
  readonly atUs: number;
  readonly namespace: KernelNamespace;
  /** The task that made it; for clone the parent. */
  readonly creator: KernelTask | null;
  /** Facts about the creator's process at that moment. */
  readonly facts: ProcessFacts | null;
  readonly how: CreationCall | null;
  /** The user namespace that owns it (for a user namespace: its parent), where the kernel said. */
  readonly owner: KernelNamespace | null;
  /** Of a user namespace its owner, of a pid namespace the one it was made in, without a kernel id. */
  readonly parent: KernelNamespace | null;
  /** Of a user namespace: effective user id of who made it, in the initial user namespace. */
  readonly ownerUid: number | null;
  /** True when it was not read from a ring but found in the map of live namespaces after a loss. */
  readonly isRecovered: boolean;
}

/**
 * A process began (`joined`), or a task changed namespaces by unshare, setns or exec (`moved`). A thread
 * is only told about when some namespace differs from that of its process.
 */
export interface TaskRecord {
  readonly kind: 'joined' | 'moved';
  readonly atUs: number;
  readonly task: KernelTask;
  /** Facts about its process at that moment, `comm` included. */
  readonly facts: ProcessFacts;
  readonly how: CreationCall | 'fork' | 'setns' | 'exec' | null;
  /** For a process all of them; for a thread those that differ from its process. */
  readonly namespaces: readonly KernelNamespace[];
  /** What its children get, where that differs from its own. */
  readonly forChildren: readonly KernelNamespace[];
  /** The process has other threads, which may now differ from it: only a scan can tell. */
  readonly hasOtherThreads: boolean;
  /** As in Arrival; missing where nobody looked. */
  readonly ancestors?: readonly string[];
}

/** A task ended. */
export interface LeftRecord {
  readonly kind: 'left';
  readonly atUs: number;
  readonly task: KernelTask;
  /** It was the last thread of its process. */
  readonly isLast: boolean;
}

/**
 * `unreferenced`: the last reference was dropped. `destroyed`: the inum is free. `closed`: the last descriptor
 * and bind mount are gone, while others may still hold it.
 */
export interface EndRecord {
  readonly kind: 'unreferenced' | 'destroyed' | 'closed';
  readonly atUs: number;
  readonly namespace: KernelNamespace;
}

/** A namespace was mounted on a file. */
export interface MountedRecord {
  readonly kind: 'mounted';
  readonly atUs: number;
  readonly namespace: KernelNamespace;
  readonly mountNamespace: KernelNamespace;
  /** As in mountinfo: no other mount has it before this one is unmounted. */
  readonly mountId: number;
  /** As its mount namespace sees it from its root; null where it did not fit into the record. */
  readonly path: string | null;
}

/** A mount of a namespace was taken out of its mount namespace. */
export interface UnmountedRecord {
  readonly kind: 'unmounted';
  readonly atUs: number;
  readonly namespace: KernelNamespace;
  readonly mountId: number;
}

/** Records that were made and could not be delivered. */
export interface LossRecord {
  readonly kind: 'lost';
  /** When the loss was noticed. */
  readonly atUs: number;
  readonly stream: KernelStream;
  readonly count: number;
  /** The losses lie between these instants. */
  readonly fromUs: number;
  readonly toUs: number;
}

/** `life`: births and ends. `holders`: who joined, moved and left. */
export const KERNEL_STREAMS = ['life', 'holders'] as const;
export type KernelStream = (typeof KERNEL_STREAMS)[number];

export type KernelRecord =
  | BirthRecord
  | TaskRecord
  | LeftRecord
  | EndRecord
  | MountedRecord
  | UnmountedRecord
  | LossRecord;
