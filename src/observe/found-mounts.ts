/** The nsfs mounts of one scan, as they are found, mount namespace by mount namespace. */
import { parseNamespaceLink } from '../domain/namespace-type.ts';
import type { ObservedBindMount, ObservedMountNamespace } from '../domain/scan.ts';
import type { MountinfoEntry } from './mountinfo.ts';
import { NOT_DUE } from './mounts-by-helper.ts';
import type { Refusal } from './procfs-links.ts';
import type { SourceTally } from './source-tally.ts';

export interface MountsRead {
  readonly mountNamespaces: readonly ObservedMountNamespace[];
  /** `major:minor` of nsfs, null where no namespace is mounted anywhere. */
  readonly nsfsDev: string | null;
}

export interface FoundMounts {
  get(inum: number): ObservedMountNamespace | undefined;
  /** With a refusal, there may be more than the entries say. */
  add(inum: number, entries: readonly MountinfoEntry[], refusal: Refusal | null): void;
  toRead(): MountsRead;
}

/** `tally`: of what could be read and what not. */
export function createFoundMounts(tally: SourceTally): FoundMounts {
  const byInum = new Map<number, ObservedMountNamespace>();
  let nsfsDev: string | null = null;
  return {
    get: (inum) => byInum.get(inum),
    add(inum, entries, refusal) {
      nsfsDev ??= entries[0]?.device ?? null;
      if (refusal === null) {
        tally.read();
      } else if (refusal.reason !== NOT_DUE) {
        tally.unreadable(refusal.reason, refusal.path);
      }
      const unreadable = refusal?.reason ?? null;
      byInum.set(inum, { inum, bindMounts: toBindMounts(entries), unreadable });
    },
    toRead: () => ({ mountNamespaces: [...byInum.values()], nsfsDev }),
  };
}

/** One mount on top of another of the same namespace at the same place is one holder. */
function toBindMounts(entries: readonly MountinfoEntry[]): ObservedBindMount[] {
  const mounts = new Map<string, ObservedBindMount>();
  for (const { mountId, root, mountPoint } of entries) {
    const namespace = parseNamespaceLink(root);
    const key = `${root} ${mountPoint}`;
    if (namespace) {
      const mountIds = [...(mounts.get(key)?.mountIds ?? []), mountId];
      mounts.set(key, { path: mountPoint, ...namespace, mountIds });
    }
  }
  return [...mounts.values()];
}
