/**
 * The nsfs mounts of any mount namespace by the kernel's id of it, without a process in it and without a
 * descriptor of it.
 *
 * Source: listmount(2), statmount(2); kernel 6.11 fs/namespace.c, include/uapi/linux/mount.h
 * `struct mnt_id_req`, `struct statmount`, include/uapi/linux/magic.h NSFS_MAGIC.
 */
import { constants } from 'node:os';
import { openLibc, type Libc, type Missing } from './libc.ts';
import type { MountinfoEntry } from './mountinfo.ts';

export interface MountLister {
  /**
   * The nsfs mounts of the mount namespace, as mountinfo of a process at its root would list them, or a
   * negative errno. ENOENT: there is no such mount namespace, or it is not ours to see (CAP_SYS_ADMIN in the
   * user namespace that owns it).
   */
  list(mountNamespaceId: bigint): readonly MountinfoEntry[] | number;
}

/** The same on every architecture that has the calls, but alpha. */
const SYS_STATMOUNT = 457;
const SYS_LISTMOUNT = 458;
/** `struct mnt_id_req`: u32 size, u32 spare, u64 mnt_id, u64 param, u64 mnt_ns_id (since 6.11). */
const REQUEST_BYTES = 32;
const AT_MOUNT = 8;
const AT_PARAM = 16;
const AT_NAMESPACE = 24;
/** Stands for the root of the mount namespace. */
const LSMT_ROOT = 0xffff_ffff_ffff_ffffn;
const STATMOUNT_SB_BASIC = 0x1n;
const STATMOUNT_MNT_BASIC = 0x2n;
const STATMOUNT_MNT_ROOT = 0x8n;
const STATMOUNT_MNT_POINT = 0x10n;
const WANTED = STATMOUNT_SB_BASIC | STATMOUNT_MNT_BASIC | STATMOUNT_MNT_ROOT | STATMOUNT_MNT_POINT;
const NSFS_MAGIC = 0x6e73_6673n;

/** `struct statmount`; the offsets of texts count from where texts begin. */
const AT_DEVICE_MAJOR = 16;
const AT_DEVICE_MINOR = 20;
const AT_MAGIC = 24;
/** The id that mountinfo and the kernel's hooks give, which is reused. */
const AT_MOUNT_ID = 56;
const AT_ROOT_TEXT = 104;
const AT_POINT_TEXT = 108;
const AT_TEXTS = 512;
/** Two paths, and what stands before them. */
const ANSWER_BYTES = AT_TEXTS + 2 * 4_096;
const IDS_AT_ONCE = 512;
const ID_BYTES = 8;

const { ENOENT } = constants.errno;

type Call = (
  number: number,
  request: Buffer,
  answer: Buffer,
  size: number,
  flags: number,
) => number;

/** Binds the calls. Whether the kernel has them, the first list says: ENOSYS before 6.8, E2BIG before 6.11. */
export function openMountLister(): MountLister | Missing {
  const libc = openLibc();
  return 'missing' in libc ? libc : createMountLister(libc);
}

function createMountLister({ koffi, errno }: Libc): MountLister {
  const call = koffi
    .load(null)
    .func('int64_t syscall(int64_t, uint8_t *, uint8_t *, uint64_t, int64_t)');
  const checked: Call = (...parameters) => {
    const result = Number(call(...parameters));
    return result < 0 ? -errno() : result;
  };
  const request = Buffer.alloc(REQUEST_BYTES);
  request.writeUInt32LE(REQUEST_BYTES, 0);
  const answer = Buffer.alloc(ANSWER_BYTES);
  return {
    list(mountNamespaceId) {
      request.writeBigUInt64LE(mountNamespaceId, AT_NAMESPACE);
      const ids = listIds(checked, request);
      if (typeof ids === 'number') {
        return ids;
      }
      const entries: MountinfoEntry[] = [];
      for (const id of ids) {
        const entry = readEntry(checked, request, answer, id);
        if (typeof entry === 'number') {
          return entry;
        }
        entries.push(...(entry ? [entry] : []));
      }
      return entries;
    },
  };
}

/** Ids of the mounts, in rising order, or a negative errno. */
function listIds(call: Call, request: Buffer): bigint[] | number {
  const page = Buffer.alloc(IDS_AT_ONCE * ID_BYTES);
  const ids: bigint[] = [];
  for (;;) {
    request.writeBigUInt64LE(LSMT_ROOT, AT_MOUNT);
    request.writeBigUInt64LE(ids.at(-1) ?? 0n, AT_PARAM);
    const count = call(SYS_LISTMOUNT, request, page, IDS_AT_ONCE, 0);
    if (count < 0) {
      return count;
    }
    for (let index = 0; index < count; index += 1) {
      ids.push(page.readBigUInt64LE(index * ID_BYTES));
    }
    if (count < IDS_AT_ONCE) {
      return ids;
    }
  }
}

/** Null for what is no namespace, or was unmounted since it was listed. */
function readEntry(
  call: Call,
  request: Buffer,
  answer: Buffer,
  id: bigint,
): MountinfoEntry | null | number {
  const ask = (what: bigint): number => {
    request.writeBigUInt64LE(id, AT_MOUNT);
    request.writeBigUInt64LE(what, AT_PARAM);
    return call(SYS_STATMOUNT, request, answer, ANSWER_BYTES, 0);
  };
  // Hardly a mount is of nsfs, and texts cost.
  const looked = ask(STATMOUNT_SB_BASIC);
  if (looked === 0 && answer.readBigUInt64LE(AT_MAGIC) !== NSFS_MAGIC) {
    return null;
  }
  const asked = looked < 0 ? looked : ask(WANTED);
  if (asked < 0) {
    return asked === -ENOENT ? null : asked;
  }
  return {
    mountId: answer.readUInt32LE(AT_MOUNT_ID),
    device: `${answer.readUInt32LE(AT_DEVICE_MAJOR)}:${answer.readUInt32LE(AT_DEVICE_MINOR)}`,
    root: readText(answer, AT_ROOT_TEXT),
    mountPoint: readText(answer, AT_POINT_TEXT),
    fileSystem: 'nsfs',
    superOptions: '',
  };
}

/** Texts end with a NUL and are not escaped, unlike those of mountinfo. */
function readText(answer: Buffer, at: number): string {
  const start = AT_TEXTS + answer.readUInt32LE(at);
  return answer.toString('utf8', start, answer.indexOf(0, start));
}
