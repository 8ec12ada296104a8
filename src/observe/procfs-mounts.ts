/**
 * Bind mounts of namespaces, in every mount namespace that some process or thread is in.
 *
 * One mountinfo is read per mount namespace, through whichever of its tasks lets us. A mount that was
 * propagated into several mount namespaces is listed in each: each of them keeps the namespace alive.
 *
 * Source: proc_pid_mountinfo(5), proc_pid_root(5), mount_namespaces(7); kernel fs/proc_namespace.c.
 */
import { readlinkSync } from 'node:fs';
import { parseNamespaceLink } from '../domain/namespace-type.ts';
import type { ObservedBindMount, ObservedMountNamespace } from '../domain/scan.ts';
import { parseMountinfo, type MountinfoEntry } from './mountinfo.ts';
import { errnoOf, isGone, type ProcReader } from './proc-read.ts';
import type { ProcessDraft } from './process-draft.ts';
import type { Refusal } from './procfs-links.ts';
import type { SourceTally } from './source-tally.ts';

/** Every task of the mount namespace is in a chroot, and mountinfo leaves out what is outside of it. */
const CHROOTED = 'chroot';
/** The mount namespace is kept by a descriptor or a mount and has no process to read it through. */
const NO_PROCESS = 'ESRCH';
/** What mountinfo answers for a task that has left its namespaces: it has ended and waits for its parent. */
const LEFT = 'EINVAL';

export interface MountsRead {
  readonly mountNamespaces: readonly ObservedMountNamespace[];
  /** `major:minor` of nsfs, null where no namespace is mounted anywhere. */
  readonly nsfsDev: string | null;
}

interface Answer {
  readonly entries: readonly MountinfoEntry[];
  /** Why there may be more than the entries say. */
  readonly refusal: Refusal | null;
}

/** Reads the nsfs mounts of every mount namespace that a process or thread of the drafts is in. */
export function readMounts(
  reader: ProcReader,
  drafts: readonly ProcessDraft[],
  tally: SourceTally,
): MountsRead {
  const mountNamespaces: ObservedMountNamespace[] = [];
  let nsfsDev: string | null = null;
  for (const [inum, directories] of listTaskDirectories(drafts)) {
    const answer = readThroughAny(reader, { inum, directories, tally });
    if (answer === null) {
      continue;
    }
    const { entries, refusal } = answer;
    nsfsDev ??= entries[0]?.device ?? null;
    if (refusal) {
      tally.unreadable(refusal.reason, refusal.path);
    } else {
      tally.read();
    }
    mountNamespaces.push({
      inum,
      bindMounts: toBindMounts(entries),
      unreadable: refusal?.reason ?? null,
    });
  }
  addOutOfReach(drafts, mountNamespaces, tally);
  return { mountNamespaces, nsfsDev };
}

/** Directories of the tasks in each mount namespace, leaders before threads. */
function listTaskDirectories(drafts: readonly ProcessDraft[]): Map<number, string[]> {
  const byInum = new Map<number, string[]>();
  const add = (inum: number | undefined, directory: string): void => {
    if (inum !== undefined) {
      const directories = byInum.get(inum);
      if (directories) {
        directories.push(directory);
      } else {
        byInum.set(inum, [directory]);
      }
    }
  };
  for (const { observed, directory } of drafts) {
    add(observed.links.mnt, directory);
  }
  for (const { observed, directory } of drafts) {
    for (const thread of observed.threads) {
      add(thread.links.mnt, `${directory}/task/${thread.tid}`);
    }
  }
  return byInum;
}

/** The first whole answer, else a chrooted task's, else the last refusal, else null: all tasks are gone. */
function readThroughAny(
  reader: ProcReader,
  { inum, directories, tally }: { inum: number; directories: string[]; tally: SourceTally },
): Answer | null {
  let fallback: Answer | null = null;
  for (const directory of directories) {
    const path = `${directory}/mountinfo`;
    try {
      const isWhole = readlinkSync(`${directory}/root`) === '/';
      if (!isWhole && fallback && fallback.entries.length > 0) {
        continue;
      }
      const entries = parseMountinfo(reader.readWhole(path), 'nsfs');
      // A task may have changed its mount namespace, or given its pid to another, since its link was read.
      if (readlinkSync(`${directory}/ns/mnt`) !== `mnt:[${inum}]`) {
        tally.vanished();
      } else if (isWhole) {
        return { entries, refusal: null };
      } else {
        fallback = { entries, refusal: { reason: CHROOTED, path } };
      }
    } catch (error) {
      const reason = errnoOf(error);
      if (isGone(reason) || reason === LEFT) {
        tally.vanished();
      } else {
        fallback ??= { entries: [], refusal: { reason, path } };
      }
    }
  }
  return fallback;
}

/** One mount on top of another of the same namespace at the same place is one holder. */
function toBindMounts(entries: readonly MountinfoEntry[]): ObservedBindMount[] {
  const mounts = new Map<string, ObservedBindMount>();
  for (const { root, mountPoint } of entries) {
    const namespace = parseNamespaceLink(root);
    if (namespace) {
      mounts.set(`${root} ${mountPoint}`, { path: mountPoint, ...namespace });
    }
  }
  return [...mounts.values()];
}

/** Adds the mount namespaces that something holds and no task is in: what is mounted there stays unknown. */
function addOutOfReach(
  drafts: readonly ProcessDraft[],
  mountNamespaces: ObservedMountNamespace[],
  tally: SourceTally,
): void {
  const listed = new Set(mountNamespaces.map(({ inum }) => inum));
  const add = (inum: number, example: string): void => {
    if (!listed.has(inum)) {
      listed.add(inum);
      tally.unreadable(NO_PROCESS, example);
      mountNamespaces.push({ inum, bindMounts: [], unreadable: NO_PROCESS });
    }
  };
  for (const { path, type, inum } of mountNamespaces.flatMap(({ bindMounts }) => bindMounts)) {
    if (type === 'mnt') {
      add(inum, path);
    }
  }
  for (const { directory, observed } of drafts) {
    for (const { fd, type, inum } of observed.descriptors) {
      if (type === 'mnt') {
        add(inum, `${directory}/fd/${fd}`);
      }
    }
    for (const thread of observed.threads) {
      for (const { fd, type, inum } of thread.descriptors) {
        if (type === 'mnt') {
          add(inum, `${directory}/task/${thread.tid}/fd/${fd}`);
        }
      }
    }
  }
}
