/** Where this process itself stands: some of what the kernel says is only meant for the host's own view. */
import { readlinkSync } from 'node:fs';
import { INITIAL_INUMS, type NamespaceType } from '../domain/namespace-type.ts';
import { errnoOf } from './proc-read.ts';

/**
 * The first of these types in whose initial namespace we are not, or null. A type this kernel does not
 * have is no obstacle.
 *
 * Source: include/uapi/linux/nsfs.h `enum init_ns_ino`. Only for types whose initial inum has been fixed
 * since Linux 3.8 (5.6 for time). Throws the error of readlink(2) where it is refused.
 */
export function findForeignType(
  procRoot: string,
  types: readonly Exclude<NamespaceType, 'net' | 'mnt'>[],
): NamespaceType | null {
  return types.find((type) => readInum(procRoot, type) !== INITIAL_INUMS[type]) ?? null;
}

function readInum(procRoot: string, type: NamespaceType): number {
  try {
    const text = readlinkSync(`${procRoot}/self/ns/${type}`);
    return Number(text.slice(type.length + 2, -1));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      return INITIAL_INUMS[type];
    }
    throw error;
  }
}
