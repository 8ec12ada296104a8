/**
 * Asks the kernel whether a namespace still has a reference, without holding one and without /proc.
 *
 * A nsfs file handle names a namespace by id, type and inum. Opening it succeeds while somebody refers to
 * the namespace and answers ESTALE from the drop of the last reference on, which may be before the inum
 * is free again. What was opened is closed at once: for a few microseconds the probe itself is a reference.
 *
 * Source: open_by_handle_at(2); kernel 6.18 fs/nsfs.c nsfs_fh_to_dentry, include/uapi/linux/nsfs.h
 * `struct nsfs_file_handle`, include/uapi/linux/fcntl.h FD_NSFS_ROOT, include/linux/exportfs.h FILEID_NSFS.
 */
import { closeSync, constants as fileConstants, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { KernelNamespace } from '../domain/kernel-record.ts';
import { CLONE_FLAGS } from './clone-flags.ts';
import { nameErrno, openLibc, type Libc, type Missing } from './libc.ts';
import { findForeignType } from './own-namespaces.ts';
import { errnoOf } from './proc-read.ts';

export type Liveness = 'alive' | 'stale' | 'unknown';

export interface HandleProbe {
  /**
   * `stale`: nothing refers to it any more. `unknown`: it has no kernel id, or the kernel refused, which is
   * counted. Costs about a microsecond for a stale one, about five for one that is alive.
   */
  probe(namespace: KernelNamespace): Liveness;
  /** Opens it, lets `work` use the descriptor, and closes it. Null when it cannot be opened, which is not counted. */
  use<Result>(namespace: KernelNamespace, work: (fd: number) => Result): Result | null;
  /** How often the kernel answered what says nothing about the namespace, by errno name. */
  refusals(): ReadonlyMap<string, number>;
}

/** Stands for the root of nsfs, which is mounted nowhere. */
const FD_NSFS_ROOT = -10_003;
const AT_FDCWD = -100;
const AT_SYMLINK_FOLLOW = 0x400;
const FILEID_NSFS = 0xf1;

/** `struct file_handle`: u32 handle_bytes, i32 handle_type, then u64 ns_id, u32 ns_type, u32 ns_inum. */
const HANDLE_BYTES = 16;
const AT_HANDLE_TYPE = 4;
const AT_ID = 8;
const AT_NAMESPACE_TYPE = 16;
const AT_INUM = 20;
const RECORD_BYTES = 24;

/** fcntl.h; node:fs has no name for it. */
const O_CLOEXEC = 0o2_000_000;
const { ESTALE } = constants.errno;
const OPEN_FLAGS = fileConstants.O_RDONLY | O_CLOEXEC;

/** capabilities(7), linux/capability.h. */
const CAP_SYS_ADMIN = 21n;
const EFFECTIVE_CAPABILITIES = /^CapEff:\t([0-9a-f]+)$/m;

/**
 * Tries it on a namespace of our own. Our own may be opened by anybody, so the right to open those of
 * others is looked up: CAP_SYS_ADMIN in the initial user and pid namespaces.
 */
export function openHandleProbe(procRoot: string): HandleProbe | Missing {
  const libc = openLibc();
  if ('missing' in libc) {
    return libc;
  }
  const missing = findMissingRight(procRoot) ?? findMissingKernel(libc, procRoot);
  return missing === null ? createHandleProbe(libc) : { missing };
}

function createHandleProbe({ openByHandleAt }: Libc): HandleProbe {
  const handle = createHandle();
  const refused = new Map<string, number>();
  const open = ({ type, inum, kernelNamespaceId }: KernelNamespace): number => {
    handle.writeBigUInt64LE(BigInt(kernelNamespaceId ?? 0), AT_ID);
    handle.writeUInt32LE(CLONE_FLAGS[type], AT_NAMESPACE_TYPE);
    handle.writeUInt32LE(inum, AT_INUM);
    return openByHandleAt(FD_NSFS_ROOT, handle, OPEN_FLAGS);
  };
  return {
    use(namespace, work) {
      const fd = namespace.kernelNamespaceId === null ? -ESTALE : open(namespace);
      if (fd < 0) {
        return null;
      }
      try {
        return work(fd);
      } finally {
        closeSync(fd);
      }
    },
    probe({ type, inum, kernelNamespaceId }) {
      if (kernelNamespaceId === null) {
        return 'unknown';
      }
      const fd = open({ type, inum, kernelNamespaceId });
      if (fd >= 0) {
        closeSync(fd);
        return 'alive';
      }
      if (fd === -ESTALE) {
        return 'stale';
      }
      const name = nameErrno(fd);
      refused.set(name, (refused.get(name) ?? 0) + 1);
      return 'unknown';
    },
    refusals: () => refused,
  };
}

function createHandle(): Buffer {
  const handle = Buffer.alloc(RECORD_BYTES);
  handle.writeUInt32LE(HANDLE_BYTES, 0);
  handle.writeInt32LE(FILEID_NSFS, AT_HANDLE_TYPE);
  return handle;
}

function findMissingRight(procRoot: string): string | null {
  try {
    const foreign = findForeignType(procRoot, ['user', 'pid']);
    if (foreign !== null) {
      return `Namespaces cannot be probed from outside the initial ${foreign} namespace.`;
    }
    const status = readFileSync(`${procRoot}/self/status`, 'latin1');
    const digits = EFFECTIVE_CAPABILITIES.exec(status)?.[1] ?? '0';
    const isAdmin = ((BigInt(`0x${digits}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
    return isAdmin ? null : 'Namespaces cannot be probed without CAP_SYS_ADMIN.';
  } catch (error) {
    return `${procRoot}/self does not tell whether we may probe namespaces (${errnoOf(error)}).`;
  }
}

/** Before 6.18 namespaces have no handles (EOPNOTSUPP), or handles that say less. */
function findMissingKernel(libc: Libc, procRoot: string): string | null {
  const handle = createHandle();
  const nameToHandle = libc.koffi
    .load(null)
    .func('int name_to_handle_at(int, const char *, uint8_t *, uint8_t *, int)');
  const path = `${procRoot}/self/ns/uts`;
  const result = nameToHandle(AT_FDCWD, path, handle, Buffer.alloc(4), AT_SYMLINK_FOLLOW) as number;
  if (result !== 0 || handle.readInt32LE(AT_HANDLE_TYPE) !== FILEID_NSFS) {
    const reason = result === 0 ? 'another kind of handle' : nameErrno(libc.errno());
    return `The kernel gives namespaces no handles (${reason}): it does so since Linux 6.18.`;
  }
  const fd = libc.openByHandleAt(FD_NSFS_ROOT, handle, OPEN_FLAGS);
  if (fd < 0) {
    return `The kernel does not open a namespace by its handle (${nameErrno(fd)}).`;
  }
  closeSync(fd);
  return null;
}
