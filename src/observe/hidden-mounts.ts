/** What is mounted in mount namespaces that no process lets us read, or only in part. */
import { toNamespaceKey } from '../domain/namespace-type.ts';
import type { Scan } from '../domain/scan.ts';
import type { FoundMounts } from './found-mounts.ts';
import type { MountinfoEntry } from './mountinfo.ts';
import type { MountsByHelperReader } from './mounts-by-helper.ts';
import { isKernelTooOld, type MountsByIdReader, type MountsTold } from './mounts-by-id.ts';
import { listMounted, type MountNamespaceSight } from './mounts-out-of-reach.ts';
import type { Refusal } from './procfs-links.ts';

/** A mount namespace that no process lets us read, or only in part. */
export interface HiddenMounts extends MountNamespaceSight {
  readonly entries: readonly MountinfoEntry[];
  /** Counts for more than why the kernel does not list it. */
  readonly refusal: Refusal | null;
}

/** Of which nothing could be read yet. */
export function toHidden(sight: MountNamespaceSight): HiddenMounts {
  return { ...sight, entries: [], refusal: null };
}

/**
 * By the kernel's ids, and what an old kernel does not list by entering it. Changes `hidden`, to which it
 * adds what it comes across, and `found`.
 */
export function readHidden(
  { byId, byHelper }: { readonly byId: MountsByIdReader; readonly byHelper: MountsByHelperReader },
  hidden: HiddenMounts[],
  kernelIds: Scan['kernelIds'],
  found: FoundMounts,
): void {
  const toEnter = new Map<number, HiddenMounts & { readonly path: string }>();
  const note = (each: HiddenMounts, told: MountsTold): void => {
    const { inum, example, entries, refusal } = each;
    if ('entries' in told) {
      found.add(inum, told.entries, null);
      hidden.push(...listMounted(found.get(inum), null).map(toHidden));
    } else {
      found.add(inum, entries, refusal ?? { reason: told.reason, path: example });
    }
  };
  const ask = (): void => {
    // In turn, because one that nobody is in may hold another one.
    for (let each = hidden.shift(); each; each = hidden.shift()) {
      const { inum, path } = each;
      if (found.get(inum) === undefined && !toEnter.has(inum)) {
        const kernelNamespaceId = kernelIds.get(toNamespaceKey('mnt', inum)) ?? null;
        const told = byId.read({ inum, path, kernelNamespaceId });
        if ('reason' in told && isKernelTooOld(told.reason) && path !== null) {
          toEnter.set(inum, { ...each, path });
        } else {
          note(each, told);
        }
      }
    }
  };
  byId.nextScan();
  ask();
  for (const [inum, told] of byHelper.read([...toEnter.values()])) {
    const each = toEnter.get(inum);
    if (each) {
      note(each, told);
    }
  }
  ask();
}
