/** The bits by which the kernel names namespace types. */
import { NAMESPACE_TYPES, type NamespaceType } from '../domain/namespace-type.ts';

/** Source: include/uapi/linux/sched.h; also ns_type of struct nsfs_file_handle and of struct ns_common. */
export const CLONE_FLAGS: Readonly<Record<NamespaceType, number>> = {
  time: 0x0000_0080,
  mnt: 0x0002_0000,
  cgroup: 0x0200_0000,
  uts: 0x0400_0000,
  ipc: 0x0800_0000,
  user: 0x1000_0000,
  pid: 0x2000_0000,
  net: 0x4000_0000,
};

/** Undefined for a bit that names no type, which a newer kernel may have. */
export function typeOfCloneFlag(flag: number): NamespaceType | undefined {
  return NAMESPACE_TYPES.find((type) => CLONE_FLAGS[type] === flag);
}
