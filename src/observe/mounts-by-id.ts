/**
 * Mount namespaces that no process lets us read: kept by a descriptor or a bind mount alone, or with chrooted
 * processes only.
 *
 * Holds:     the kernel's ids of those that the last scan asked about.
 * Promises:  a namespace is opened once at most, to be asked its id, and closed at once; not even that where
 *            the kernel's own list has said the id.
 * Does not:  find such namespaces (procfs-mounts.ts).
 * Proved by: test/kernel/hidden-mounts.test.ts
 *
 * Source: ioctl_nsfs(2) NS_GET_MNTNS_ID (since Linux 6.11); the id is the one of NS_GET_ID (6.18).
 */
import { closeSync, readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { lazily } from './lazily.ts';
import { nameErrno, openLibc, type Libc } from './libc.ts';
import { openMountLister, type MountLister } from './mount-list.ts';
import type { MountinfoEntry } from './mountinfo.ts';
import { openNamespace, type NamespacePlace } from './open-namespace.ts';
import { errnoOf, isGone } from './proc-read.ts';

export interface MountNamespaceSight {
  readonly inum: number;
  /** In digits, where it is known already. */
  readonly kernelNamespaceId: string | null;
  /** Leads to the namespace, to be opened; null where only a mount that no process sees does. */
  readonly path: string | null;
}

/** What is mounted, or why that cannot be told: an errno name, of which some say that this kernel cannot tell. */
export type MountsTold =
  | { readonly entries: readonly MountinfoEntry[] }
  | { readonly reason: string };

export interface MountsByIdReader {
  /** Forgets the ids of namespaces that nobody asked about since the last call. */
  nextScan(): void;
  read(sight: MountNamespaceSight): MountsTold;
}

/** No path leads to it, or not any more. */
const NO_PATH = 'ESRCH';
const NOT_OURS = 'EPERM';
/** Source: include/uapi/linux/nsfs.h. */
const NS_GET_MNTNS_ID = 0x8008_b705;
const ID_BYTES = 8;
const { ENOENT } = constants.errno;
/** The root of this system is the kernel's own, as where it lives in its initial ramdisk. */
const OWN_ROOT = 'root of the kernel';
/**
 * What kernels answer that lack the calls (before 6.8), the id in them or the question for it (before 6.11).
 * And the kernel takes the first mount over its own root for the root of a mount namespace: where none is, it
 * lists what is below some other mount. Source: kernel 6.12 fs/namespace.c grab_requested_root.
 */
const LACKING: ReadonlySet<string> = new Set(['ENOSYS', 'E2BIG', 'ENOTTY', OWN_ROOT]);

/** True when the reason is that this kernel is too old, or cannot tell on this system. */
export function isKernelTooOld(reason: string): boolean {
  return LACKING.has(reason);
}

type Id = { readonly id: bigint } | { readonly reason: string };

interface Kept {
  readonly id: bigint;
  /** Set when the kernel denied that there is such a namespace just after it had told the id. */
  readonly refusal: string | null;
}

export function createMountsByIdReader(procRoot: string): MountsByIdReader {
  const tools = lazily(() => openTools(procRoot));
  let known = new Map<number, Kept>();
  let next = new Map<number, Kept>();
  let lacking: { readonly reason: string } | null = null;
  const read = (sight: MountNamespaceSight): MountsTold => {
    const { inum, kernelNamespaceId } = sight;
    const opened = tools();
    if ('reason' in opened) {
      return opened;
    }
    const kept = known.get(inum);
    if (kept?.refusal != null) {
      next.set(inum, kept);
      return { reason: kept.refusal };
    }
    const knownId = kernelNamespaceId === null ? kept?.id : BigInt(kernelNamespaceId);
    const told = knownId === undefined ? null : opened.lister.list(knownId);
    if (knownId !== undefined && told !== null && told !== -ENOENT) {
      next.set(inum, { id: knownId, refusal: null });
      return toTold(told);
    }
    // Another one may have the inum by now, so it is asked again.
    const asked = askId(opened, sight);
    if ('reason' in asked) {
      return asked;
    }
    const listed = opened.lister.list(asked.id);
    // It was there a moment ago, so what is denied is not its being but our right to look.
    const now = listed === -ENOENT ? { reason: NOT_OURS } : toTold(listed);
    next.set(inum, { id: asked.id, refusal: 'reason' in now ? now.reason : null });
    return now;
  };
  return {
    nextScan() {
      known = next;
      next = new Map();
    },
    read(sight) {
      if (lacking && sight.path !== null) {
        return lacking;
      }
      const told = read(sight);
      if ('reason' in told && isKernelTooOld(told.reason)) {
        lacking = told;
      }
      return told;
    },
  };
}

interface Tools {
  readonly libc: Libc;
  readonly lister: MountLister;
  readonly place: NamespacePlace;
}

function openTools(procRoot: string): Tools | { readonly reason: string } {
  const libc = openLibc();
  const lister = openMountLister();
  if ('missing' in libc || 'missing' in lister) {
    return { reason: NO_PATH };
  }
  try {
    if (isOnOwnRoot(readFileSync(`${procRoot}/self/mountinfo`, 'latin1'))) {
      return { reason: OWN_ROOT };
    }
    return { libc, lister, place: { procRoot, dev: statSync(`${procRoot}/self/ns/mnt`).dev } };
  } catch (error) {
    const reason = errnoOf(error);
    return { reason: isGone(reason) ? NO_PATH : reason };
  }
}

/** Only the first mount of a mount namespace is its own parent (proc_pid_mountinfo(5)), and others hide it. */
function isOnOwnRoot(mountinfo: string): boolean {
  return /^(\d+) \1 /m.test(mountinfo);
}

function toTold(listed: readonly MountinfoEntry[] | number): MountsTold {
  return typeof listed === 'number' ? { reason: nameErrno(listed) } : { entries: listed };
}

function askId({ libc, place }: Tools, { inum, path }: MountNamespaceSight): Id {
  if (path === null) {
    return { reason: NO_PATH };
  }
  try {
    const fd = openNamespace(path, inum, place);
    if (fd === null) {
      return { reason: NO_PATH };
    }
    try {
      const id = Buffer.alloc(ID_BYTES);
      const result = libc.ioctl(fd, NS_GET_MNTNS_ID, id);
      return result < 0 ? { reason: nameErrno(result) } : { id: id.readBigUInt64LE() };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const reason = errnoOf(error);
    return { reason: isGone(reason) ? NO_PATH : reason };
  }
}
