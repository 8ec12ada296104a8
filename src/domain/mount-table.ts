/**
 * The bind mounts of namespaces that are there, by the kernel's mount id, as records and scans told them.
 *
 * Several mounts of one namespace at one place, one on top of the other, are one holder: so mounts are
 * counted by what they mean. Changed in place.
 */
import type { NamespaceType } from './namespace-type.ts';

export interface Mount {
  readonly type: NamespaceType;
  readonly inum: number;
  /** inum of the mount namespace that it is in. */
  readonly mountInum: number;
  readonly path: string;
}

export interface MountTable {
  get(mountId: number): Mount | undefined;
  /** Notes a mount; whatever had the id before is gone. */
  set(mountId: number, mount: Mount): void;
  delete(mountId: number): void;
  /** Some mount means this. */
  has(mount: Mount): boolean;
  entries(): IterableIterator<[number, Mount]>;
}

export function createMountTable(): MountTable {
  const mounts = new Map<number, Mount>();
  const counts = new Map<string, number>();
  const count = (mount: Mount, change: number): void => {
    const text = toText(mount);
    const now = (counts.get(text) ?? 0) + change;
    if (now > 0) {
      counts.set(text, now);
    } else {
      counts.delete(text);
    }
  };
  const remove = (mountId: number): void => {
    const mount = mounts.get(mountId);
    if (mount) {
      mounts.delete(mountId);
      count(mount, -1);
    }
  };
  return {
    get: (mountId) => mounts.get(mountId),
    set(mountId, mount) {
      remove(mountId);
      mounts.set(mountId, mount);
      count(mount, 1);
    },
    delete: remove,
    has: (mount) => counts.has(toText(mount)),
    entries: () => mounts.entries(),
  };
}

function toText({ type, inum, mountInum, path }: Mount): string {
  return `${type} ${inum} ${mountInum} ${path}`;
}
