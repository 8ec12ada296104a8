/**
 * Bind mounts of namespaces, in every mount namespace that some process or thread is in, or that a descriptor
 * or a bind mount keeps.
 *
 * One mountinfo is read per mount namespace, through whichever of its tasks lets us; where none does, the
 * kernel is asked by its id (mounts-by-id.ts). A mount that was propagated into several mount namespaces is
 * listed in each: each of them keeps the namespace alive.
 *
 * Source: proc_pid_mountinfo(5), proc_pid_root(5), mount_namespaces(7); kernel fs/proc_namespace.c.
 */
import { readlinkSync } from 'node:fs';
import type { Scan } from '../domain/scan.ts';
import { createFoundMounts, type MountsRead } from './found-mounts.ts';
import { readHidden, toHidden, type HiddenMounts } from './hidden-mounts.ts';
import { parseMountinfo, type MountinfoEntry } from './mountinfo.ts';
import type { MountsByHelperReader } from './mounts-by-helper.ts';
import type { MountsByIdReader } from './mounts-by-id.ts';
import { listDescribed, listMounted } from './mounts-out-of-reach.ts';
import { errnoOf, isGone, type ProcReader } from './proc-read.ts';
import type { ProcessDraft } from './process-draft.ts';
import type { Refusal } from './procfs-links.ts';
import type { SourceTally } from './source-tally.ts';

/** Every task of the mount namespace is in a chroot, and mountinfo leaves out what is outside of it. */
const CHROOTED = 'chroot';
/** What mountinfo answers for a task that has left its namespaces: it has ended and waits for its parent. */
const LEFT = 'EINVAL';

interface Answer {
  readonly entries: readonly MountinfoEntry[];
  /** Why there may be more than the entries say. */
  readonly refusal: Refusal | null;
  /** Of the task that it was read through. */
  readonly directory: string;
}

export interface MountPlaces {
  readonly reader: ProcReader;
  readonly byId: MountsByIdReader;
  readonly byHelper: MountsByHelperReader;
}

interface Looked {
  readonly drafts: readonly ProcessDraft[];
  /** Those known already. */
  readonly kernelIds: Scan['kernelIds'];
}

/**
 * Reads the nsfs mounts of every mount namespace that a process or thread of the drafts is in, and of those
 * that one of their descriptors, or one of these mounts, leads to.
 */
export function readMounts(places: MountPlaces, looked: Looked, tally: SourceTally): MountsRead {
  const found = createFoundMounts(tally);
  const hidden: HiddenMounts[] = [];
  for (const [inum, directories] of listTaskDirectories(looked.drafts)) {
    const answer = readThroughAny(places.reader, { inum, directories, tally });
    if (answer?.refusal) {
      const { directory, entries, refusal } = answer;
      hidden.push({ inum, path: `${directory}/ns/mnt`, example: refusal.path, entries, refusal });
    } else if (answer) {
      found.add(inum, answer.entries, null);
      hidden.push(...listMounted(found.get(inum), answer.directory).map(toHidden));
    }
  }
  hidden.push(...listDescribed(looked.drafts).map(toHidden));
  readHidden(places, hidden, looked.kernelIds, found);
  return found.toRead();
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
        return { entries, refusal: null, directory };
      } else {
        fallback = { entries, refusal: { reason: CHROOTED, path }, directory };
      }
    } catch (error) {
      const reason = errnoOf(error);
      if (isGone(reason) || reason === LEFT) {
        tally.vanished();
      } else {
        fallback ??= { entries: [], refusal: { reason, path }, directory };
      }
    }
  }
  return fallback;
}
