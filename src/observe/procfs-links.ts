/**
 * Namespace links of one process or thread, and the stat line that says which one it is.
 *
 * A link is only ever read with readlink(2). To open it, or to stat it, would create an nsfs inode and
 * could become the last reference of the namespace that is being watched.
 *
 * Source: proc_pid_ns(5); kernel fs/proc/namespaces.c proc_ns_readlink, kernel/exit.c do_exit.
 */
import { readdirSync } from 'node:fs';
import { NAMESPACE_TYPES, type NamespaceType } from '../domain/namespace-type.ts';
import type { ForChildrenLinks, NamespaceLinks, UnreadableReason } from '../domain/scan.ts';
import { createNamespaceLinkReader } from './namespace-link.ts';
import { errnoOf, isGone, MALFORMED, type ProcReader } from './proc-read.ts';
import { parseStatLine, type StatLine } from './stat-line.ts';

type Draft<Shape> = { -readonly [Key in keyof Shape]: Shape[Key] };

/** What exists and could not be read. */
export interface Refusal {
  readonly reason: UnreadableReason;
  readonly path: string;
}

export interface LinksRead {
  readonly links: NamespaceLinks;
  readonly forChildren: ForChildrenLinks;
  readonly isZombie: boolean;
  /** The first link that was refused. The kernel decides per process, so no further one was tried. */
  readonly refusal: Refusal | null;
  /** What each link of this kernel said, 0 where it said nothing. */
  readonly inums: readonly number[];
}

export interface LinkReader {
  /** The stat line of a process or thread directory, null when it is gone. */
  readStat(directory: string): StatLine | Refusal | null;
  /**
   * The links of a process or thread directory, null when it is gone.
   *
   * `known` is its stat line, where the caller has one: then it must still be the same process.
   * `last` is what was read of it the last time, and is returned again when nothing has changed.
   */
  readLinks(directory: string, known: StatLine | null, last?: LinksRead | null): LinksRead | null;
}

interface Link {
  /** Its place among the links of this kernel. */
  readonly index: number;
  /** From the directory of the process on: put together here, because it is used for every process. */
  readonly path: string;
  readonly type: NamespaceType;
  readonly isForChildren: boolean;
}

/** An exiting process drops its nsproxy before it turns zombie; only these come from elsewhere. */
const ZOMBIE_TYPES: readonly NamespaceType[] = ['pid', 'user'];

/** True for the answer that something exists and could not be read. */
export function isRefusal(answer: object): answer is Refusal {
  return 'reason' in answer;
}

export function createLinkReader(procRoot: string, reader: ProcReader): LinkReader {
  const kernelLinks = listKernelLinks(procRoot);
  const zombieLinks = kernelLinks.filter(
    ({ type, isForChildren }) => !isForChildren && ZOMBIE_TYPES.includes(type),
  );

  const namespaceLinks = createNamespaceLinkReader(kernelLinks);

  /** Used for one process after the other. */
  const inums = kernelLinks.map(() => 0);

  function readLinks(
    directory: string,
    known: StatLine | null,
    last: LinksRead | null = null,
  ): LinksRead | null {
    inums.fill(0);
    namespaceLinks.enter(directory);
    let isZombie = known !== null && isZombieState(known.state);
    let wasRechecked = isZombie;
    let refusal: Refusal | null = null;
    for (const link of isZombie ? zombieLinks : kernelLinks) {
      const answer = namespaceLinks.read(link.index);
      if (typeof answer === 'number') {
        inums[link.index] = answer;
        continue;
      }
      const isAbsent = isGone(answer);
      // A process without a child yet has no pid_for_children: nothing to look into.
      if (isAbsent && (wasRechecked || link.isForChildren)) {
        continue;
      }
      // A process that ends at this moment answers EACCES or ENOENT, so neither is believed unseen.
      const state = recheck(reader, directory, known);
      if (state === 'gone') {
        return null;
      }
      wasRechecked = true;
      isZombie = state === 'zombie';
      if (!isAbsent) {
        refusal = { reason: answer, path: directory + link.path };
        break;
      }
    }
    const isUnchanged = !isZombie && !refusal && last !== null && isSame(inums, last.inums);
    return isUnchanged ? last : { ...sortLinks(kernelLinks, inums), isZombie, refusal };
  }

  return { readStat: (directory) => readStat(reader, directory), readLinks };
}

function readStat(reader: ProcReader, directory: string): StatLine | Refusal | null {
  const path = `${directory}/stat`;
  try {
    return parseStatLine(reader.readRecord(path)) ?? { reason: MALFORMED, path };
  } catch (error) {
    const reason = errnoOf(error);
    return isGone(reason) ? null : { reason, path };
  }
}

/** What became of a process whose link was absent or refused: a zombie, or gone, or as it was. */
function recheck(
  reader: ProcReader,
  directory: string,
  known: StatLine | null,
): 'same' | 'zombie' | 'gone' {
  const now = readStat(reader, directory);
  if (now === null) {
    return 'gone';
  }
  if (isRefusal(now)) {
    return 'same';
  }
  if (known && now.startTimeTicks !== known.startTimeTicks) {
    return 'gone';
  }
  return isZombieState(now.state) ? 'zombie' : 'same';
}

/** `Z` waits for its parent, `X` and `x` are the moment after. */
function isZombieState(state: string): boolean {
  return state === 'Z' || state === 'X' || state === 'x';
}

function isSame(left: readonly number[], right: readonly number[]): boolean {
  return left.every((inum, index) => inum === right[index]);
}

function sortLinks(
  kernelLinks: readonly Link[],
  inums: readonly number[],
): Pick<LinksRead, 'links' | 'forChildren' | 'inums'> {
  const links: Draft<NamespaceLinks> = {};
  const forChildren: Draft<NamespaceLinks> = {};
  for (const { index, type, isForChildren } of kernelLinks) {
    const inum = inums[index] ?? 0;
    if (inum > 0 && !isForChildren) {
      links[type] = inum;
    } else if (inum > 0 && inum !== links[type]) {
      forChildren[type] = inum;
    }
  }
  return { links, forChildren, inums: [...inums] };
}

/**
 * The links this kernel has at all, so that the ones it lacks do not cost an error for every process.
 *
 * All of them where our own directory does not tell.
 */
function listKernelLinks(procRoot: string): readonly Link[] {
  const all: readonly (readonly [name: string, type: NamespaceType])[] = [
    ...NAMESPACE_TYPES.map((type) => [type, type] as const),
    ['pid_for_children', 'pid'],
    ['time_for_children', 'time'],
  ];
  const names = readNames(`${procRoot}/self/ns`) ?? all.map(([name]) => name);
  return all
    .filter(([name]) => names.includes(name))
    .map(([name, type], index) => ({
      index,
      path: `/ns/${name}`,
      type,
      isForChildren: name !== type,
    }));
}

/** Null where the system refuses: the answer only saves time. */
function readNames(directory: string): string[] | null {
  try {
    return readdirSync(directory);
  } catch (error) {
    errnoOf(error);
    return null;
  }
}
