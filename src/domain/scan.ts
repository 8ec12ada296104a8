/**
 * One full walk by one source: what observe hands to deriveEvents. Facts only, no decisions.
 *
 * Instants are microseconds on the host timeline (see wall-clock.ts). A scan is not atomic: each fact
 * was true at some moment in [startedAtUs, endedAtUs], and two facts need not have been true together.
 * "Unreadable" is kept apart from "absent" everywhere, because only absence may end a holder.
 */
import type { NamespaceKey, NamespaceType } from './namespace-type.ts';
import type { ProcessFacts } from './process-facts.ts';

/** inum by type; a type is missing when the kernel or the process has no such link (old kernel, zombie). */
export type NamespaceLinks = Partial<Record<NamespaceType, number>>;

/** What `pid_for_children` and `time_for_children` point at, listed only where it differs from the own link. */
export type ForChildrenLinks = Partial<Record<'pid' | 'time', number>>;

/** Why something that exists could not be read: the errno name, for example `EACCES`. */
export type UnreadableReason = string;

export interface ObservedDescriptor {
  readonly fd: number;
  readonly type: NamespaceType;
  readonly inum: number;
}

/**
 * A socket, or an opened /dev/net/tun, that keeps another network namespace alive than the one its task is
 * in. Those of the initial one are left out: it needs nobody.
 */
export interface ObservedSocket {
  readonly kind: 'socket' | 'tun';
  readonly fd: number;
  /** Inode number of the socket, the same for every descriptor of it; null for tun. */
  readonly socketInode: number | null;
  /** The network namespace that it keeps: the one it was opened in. */
  readonly inum: number;
  /** The device of a tun descriptor, once it has one, and the network namespace that it is in by now. */
  readonly interface: string | null;
  readonly deviceInum: number | null;
}

/** One thread that differs from its process: in its namespaces, in what its children get, or in its fd table. */
export interface ObservedThread {
  readonly tid: number;
  readonly startTimeTicks: number;
  readonly comm: string;
  /** Only the types whose inum differs from the leader's; all of them when the leader is a zombie. */
  readonly links: NamespaceLinks;
  readonly forChildren: ForChildrenLinks;
  /** Namespace descriptors, only when this thread has an fd table of its own. */
  readonly descriptors: readonly ObservedDescriptor[];
  readonly sockets: readonly ObservedSocket[];
}

export interface ObservedProcess {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of /proc/PID/stat: with the pid it identifies the process in one boot. */
  readonly startTimeTicks: number;
  readonly ppid: number;
  readonly comm: string;
  readonly isZombie: boolean;
  readonly links: NamespaceLinks;
  readonly forChildren: ForChildrenLinks;
  /** Set when some link exists but could not be read; then nothing this process held may be called lost. */
  readonly linksUnreadable: UnreadableReason | null;
  readonly descriptors: readonly ObservedDescriptor[];
  readonly sockets: readonly ObservedSocket[];
  /** For sockets too. */
  readonly descriptorsUnreadable: UnreadableReason | null;
  readonly threads: readonly ObservedThread[];
  readonly threadsUnreadable: UnreadableReason | null;
  /** Resolved only for processes outside the initial namespaces, or that hold namespace descriptors. */
  readonly facts: ProcessFacts | null;
}

export interface ObservedBindMount {
  /** Mount point as its mount namespace sees it, octal escapes decoded; bytes that are not UTF-8 become U+FFFD. */
  readonly path: string;
  readonly type: NamespaceType;
  readonly inum: number;
  /** The kernel's ids of the mounts there, one on top of another. */
  readonly mountIds: readonly number[];
}

/** The nsfs bind mounts of one mount namespace, from one mountinfo read through one of its processes. */
export interface ObservedMountNamespace {
  readonly inum: number;
  readonly bindMounts: readonly ObservedBindMount[];
  /** Set when no process of this mount namespace let us read its mountinfo. */
  readonly unreadable: UnreadableReason | null;
}

/**
 * Whose a namespace is. Neither of it changes while the namespace lives, and both of what it names live as
 * long as it does. Null: not told, or there is none (a parent of other types, the owner of the initial one).
 *
 * Source: user_namespaces(7), pid_namespaces(7), ioctl_nsfs(2).
 */
export interface ObservedRelations {
  /** The user namespace that owns it; of a user namespace its parent. */
  readonly owner: NamespaceKey | null;
  /** Of user and pid namespaces. */
  readonly parent: NamespaceKey | null;
  /**
   * Effective user id of who made the user namespace that owns it, or that it is, in the initial user
   * namespace.
   */
  readonly ownerUid: number | null;
}

/** Names of the places every profile looks, each its own file in observe: a scan of all of them is whole. */
export const SCAN_SOURCES = [
  'links',
  'threads',
  'descriptors',
  'mounts',
  'facts',
  'relations',
] as const;
/** What only the kernel's own lists show. A scan without them can deny nothing that they would show. */
export const KERNEL_SOURCES = ['sockets', 'references'] as const;
export type ScanSource = (typeof SCAN_SOURCES)[number] | (typeof KERNEL_SOURCES)[number];

/** References to one namespace, as the kernel counts them and as far as they can be told apart. */
export interface ObservedReferences {
  readonly total: number;
  /** struct nsproxy: one for all tasks that share it, two where it is also what their children get. */
  readonly processSets: number;
  /** It has an inode in nsfs: one reference for all descriptors and mounts of it. */
  readonly hasInode: boolean;
  /** Sockets and tun files in descriptor tables. */
  readonly sockets: number;
}

export interface SourceReport {
  readonly source: ScanSource;
  readonly durationUs: number;
  /** What was read: processes for links and facts, threads, fd tables, mount namespaces. */
  readonly readCount: number;
  /** Gone between listing and reading: normal, counted. */
  readonly vanishedCount: number;
  readonly unreadable: readonly {
    readonly reason: UnreadableReason;
    readonly count: number;
    readonly example: string;
  }[];
}

export interface Scan {
  readonly bootId: string;
  readonly startedAtUs: number;
  readonly endedAtUs: number;
  /** st_dev of nsfs as mountinfo prints it (`0:4`), when some nsfs bind mount showed it; it can change per boot. */
  readonly nsfsDev: string | null;
  readonly processes: readonly ObservedProcess[];
  readonly mountNamespaces: readonly ObservedMountNamespace[];
  readonly reports: readonly SourceReport[];
  /**
   * The kernel's ids of the namespaces seen, as decimal digits. Empty where the source or the kernel has
   * none. A namespace seen under two ids in one scan (its inum changed hands meanwhile) is left out.
   */
  readonly kernelIds: ReadonlyMap<NamespaceKey, string>;
  /**
   * Of the namespaces seen, and of owners and parents of those that nothing else showed, up to the initial
   * ones. What could not be learnt is missing.
   */
  readonly relations: ReadonlyMap<NamespaceKey, ObservedRelations>;
  /** What the kernel counts on namespaces. Only of those that something visible holds, where it says. */
  readonly references: ReadonlyMap<NamespaceKey, ObservedReferences>;
  /** Sources that did run in this scan; what a source that did not run would have shown stays as it was. */
  readonly covered: readonly ScanSource[];
}
