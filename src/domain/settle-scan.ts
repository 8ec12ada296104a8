/** A scan beside a stream of kernel records: what the scan says about things that moved meanwhile is not news. */
import { toIdentity, toProcessKey, type KernelMemory } from './kernel-memory.ts';
import type { Lifespan } from './lifespan.ts';
import {
  NAMESPACE_TYPES,
  toNamespaceKey,
  type NamespaceKey,
  type NamespaceType,
} from './namespace-type.ts';
import { findImplied } from './relations.ts';
import type {
  NamespaceLinks,
  ObservedBindMount,
  ObservedMountNamespace,
  ObservedProcess,
  Scan,
} from './scan.ts';

/** What kernel records tell, so that a scan need not be believed in it. */
export interface KernelView {
  readonly memory: KernelMemory;
  /** True when the end of this lifespan will be told by a hook or a handle: then no scan may end it. */
  tellsEnd(lifespan: Lifespan): boolean;
}

/** Stands for "changed while the scan ran": the records have said already what became of it. */
const MOVED = 'moved';

/**
 * The scan without what records have overtaken. Processes that moved are marked as not readable, so that
 * nothing is concluded from them; namespaces that ended are left out. The next scan sees them as they are.
 */
export function settleScan(scan: Scan, memory: KernelMemory): Scan {
  const { touchedPids, leftBefore, ended, closed, touchedMounts } = memory;
  if (touchedPids.size + leftBefore.size + ended.size + closed.size + touchedMounts.size === 0) {
    return scan;
  }
  const isAmong = (identities: ReadonlySet<string>, { type, inum }: Seen): boolean => {
    const kernelNamespaceId = scan.kernelIds.get(toNamespaceKey(type, inum)) ?? null;
    return identities.has(toIdentity({ type, inum, kernelNamespaceId }));
  };
  const hasEnded = (seen: Seen): boolean => isAmong(ended, seen);
  return {
    ...scan,
    processes: scan.processes.map((process) => {
      const key = toProcessKey(process.pid, process.startTimeTicks);
      if (touchedPids.has(process.pid) || leftBefore.has(key)) {
        return hide(process);
      }
      const descriptors = process.descriptors.filter(
        (descriptor) => !hasEnded(descriptor) && !isAmong(closed, descriptor),
      );
      const sockets = process.sockets.filter(({ inum }) => !hasEnded({ type: 'net', inum }));
      const isSame =
        descriptors.length === process.descriptors.length &&
        sockets.length === process.sockets.length;
      return isSame ? process : { ...process, descriptors, sockets };
    }),
    mountNamespaces: scan.mountNamespaces
      .filter(({ inum }) => !hasEnded({ type: 'mnt', inum }))
      .map((mounts) => ({
        ...mounts,
        bindMounts: settleMounts(mounts, memory).filter((mount) => !hasEnded(mount)),
      })),
  };
}

interface Seen {
  readonly type: NamespaceType;
  readonly inum: number;
}

/** Of mounts that records spoke of while the scan ran, those that are there now, whether or not it saw them. */
function settleMounts(
  { inum: mountInum, bindMounts }: ObservedMountNamespace,
  { touchedMounts, mounts }: KernelMemory,
): readonly ObservedBindMount[] {
  if (touchedMounts.size === 0) {
    return bindMounts;
  }
  const seen = bindMounts.flatMap((mount) => {
    const mountIds = mount.mountIds.filter((id) => !touchedMounts.has(id));
    const isGone = mountIds.length === 0 && mount.mountIds.length > 0;
    return isGone ? [] : [{ ...mount, mountIds }];
  });
  for (const mountId of touchedMounts) {
    const mount = mounts.get(mountId);
    const isSeen = seen.some(
      ({ path, type, inum }) => path === mount?.path && type === mount.type && inum === mount.inum,
    );
    if (mount?.mountInum === mountInum && !isSeen) {
      const { path, type, inum } = mount;
      seen.push({ path, type, inum, mountIds: [mountId] });
    }
  }
  return seen;
}

/**
 * Notes the mounts that a scan saw, and forgets those that it should have seen: records tell of their ends by
 * mount id. Those that records spoke of meanwhile are as they said.
 */
export function noteMounts({ mounts, touchedMounts }: KernelMemory, scan: Scan): void {
  const readable = new Set<number>();
  const seen = new Set<number>();
  for (const { inum: mountInum, bindMounts, unreadable } of scan.mountNamespaces) {
    if (unreadable === null) {
      readable.add(mountInum);
    }
    for (const { path, type, inum, mountIds } of bindMounts) {
      for (const mountId of mountIds) {
        seen.add(mountId);
        if (!touchedMounts.has(mountId)) {
          mounts.set(mountId, { type, inum, mountInum, path });
        }
      }
    }
  }
  for (const [mountId, { mountInum }] of mounts.entries()) {
    if (readable.has(mountInum) && !seen.has(mountId) && !touchedMounts.has(mountId)) {
      mounts.delete(mountId);
    }
  }
}

/** Every namespace a scan saw, in whatever place, and those that are there because of one of them. */
export function listSeenKeys({ processes, mountNamespaces, relations }: Scan): Set<NamespaceKey> {
  const seen = new Set<NamespaceKey>();
  const addLinks = (links: NamespaceLinks): void => {
    for (const type of NAMESPACE_TYPES) {
      const inum = links[type];
      if (inum !== undefined) {
        seen.add(toNamespaceKey(type, inum));
      }
    }
  };
  for (const process of processes) {
    for (const task of [process, ...process.threads]) {
      addLinks(task.links);
      addLinks(task.forChildren);
      task.descriptors.forEach(({ type, inum }) => seen.add(toNamespaceKey(type, inum)));
      task.sockets.forEach(({ inum }) => seen.add(toNamespaceKey('net', inum)));
    }
  }
  for (const { inum, bindMounts } of mountNamespaces) {
    seen.add(toNamespaceKey('mnt', inum));
    bindMounts.forEach((mount) => seen.add(toNamespaceKey(mount.type, mount.inum)));
  }
  for (const key of findImplied(seen, relations).keys()) {
    seen.add(key);
  }
  return seen;
}

function hide(process: ObservedProcess): ObservedProcess {
  return {
    ...process,
    links: {},
    forChildren: {},
    linksUnreadable: MOVED,
    descriptors: [],
    sockets: [],
    descriptorsUnreadable: MOVED,
    threads: [],
    threadsUnreadable: MOVED,
  };
}
