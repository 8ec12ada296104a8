/**
 * Which of the references that the kernel counts for a namespace are explained by what a scan could see:
 * process sets, the one nsfs inode that descriptors and bind mounts share, and sockets.
 *
 * Source: kernel nsproxy.c, fs/nsfs.c, net/core/sock.c sk_alloc.
 */
import type { CountedReferences } from './lifespan.ts';
import { toNamespaceKey, type NamespaceKey } from './namespace-type.ts';
import type { ObservedReferences, Scan } from './scan.ts';

/**
 * What of a count of references has an explanation in the scan, by namespace. Whether the explanations cover
 * everything depends on what could be read, so that is looked at once.
 */
export function createExplanation(
  scan: Scan,
): (key: NamespaceKey, counted: ObservedReferences) => CountedReferences {
  const visible = listWithVisibleInode(scan);
  const isAllReadable = !hasUnreadable(scan);
  return (key, { total, processSets, hasInode, sockets }) => {
    // What cannot be read may have the descriptor or mount that the inode is there for.
    const isExplained = visible.has(key) || !isAllReadable;
    const nsfsInodes = hasInode ? 1 : 0;
    const explained = processSets + sockets + (isExplained ? nsfsInodes : 0);
    return {
      total,
      processSets,
      nsfsInodes,
      sockets,
      unattributed: Math.max(0, total - explained),
    };
  };
}

/** Namespaces with a descriptor or bind mount. */
function listWithVisibleInode({ processes, mountNamespaces }: Scan): Set<NamespaceKey> {
  const visible = new Set<NamespaceKey>();
  const tasks = processes.flatMap((process) => [process, ...process.threads]);
  for (const { type, inum } of tasks.flatMap(({ descriptors }) => descriptors)) {
    visible.add(toNamespaceKey(type, inum));
  }
  for (const { type, inum } of mountNamespaces.flatMap(({ bindMounts }) => bindMounts)) {
    visible.add(toNamespaceKey(type, inum));
  }
  return visible;
}

/** Some hosts keep process 1 from everybody, always: it is not what makes the difference. */
const FIRST_PID = 1;

/** Whether something, other than process 1, kept what it holds from the scan. */
export function hasUnreadable({ processes, mountNamespaces }: Scan): boolean {
  return (
    mountNamespaces.some(({ unreadable }) => unreadable !== null) ||
    processes.some(
      ({ pid, linksUnreadable, descriptorsUnreadable, threadsUnreadable }) =>
        pid !== FIRST_PID &&
        (linksUnreadable ?? descriptorsUnreadable ?? threadsUnreadable) !== null,
    )
  );
}
