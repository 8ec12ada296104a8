/**
 * Threads that differ from their process in their namespaces or in what their children get.
 *
 * Namespaces belong to the thread; the process-level links are those of the leader. A leader that has
 * ended while its threads go on is a zombie without links, and its threads hold what it held.
 *
 * Source: proc_pid_task(5), unshare(2), setns(2); kernel fs/proc/base.c proc_task_readdir.
 */
import { readdirSync } from 'node:fs';
import { NAMESPACE_TYPES } from '../domain/namespace-type.ts';
import type { ForChildrenLinks, NamespaceLinks, ObservedThread } from '../domain/scan.ts';
import { errnoOf, isDecimal, isGone } from './proc-read.ts';
import type { ProcessDraft } from './process-draft.ts';
import { isRefusal, type LinkReader } from './procfs-links.ts';
import type { SourceTally } from './source-tally.ts';

type Draft<Shape> = { -readonly [Key in keyof Shape]: Shape[Key] };

interface Differing {
  readonly links: NamespaceLinks;
  readonly forChildren: ForChildrenLinks;
}

const NO_LINKS: Differing = { links: {}, forChildren: {} };

/** Fills in tids, threads and threadsUnreadable of one process. Only those with several threads are worth the call. */
export function readThreads(links: LinkReader, draft: ProcessDraft, tally: SourceTally): void {
  if (draft.observed.linksUnreadable !== null) {
    // The kernel asks the same question for every thread of a process.
    refuse(draft, draft.observed.linksUnreadable, `${draft.directory}/task`, tally);
    return;
  }
  const tids = listTids(draft, tally);
  const threads: ObservedThread[] = [];
  for (const tid of tids) {
    const thread = readThread(links, draft, tid, tally);
    if (thread) {
      threads.push(thread);
    }
  }
  // A pid can be given away again between two looks; only where something was found is it worth asking.
  const isSame = threads.length === 0 || isStillThere(links, draft);
  draft.tids = isSame ? tids : [];
  draft.observed.threads = isSame ? threads : [];
}

/** True while the process is the one the draft is about. Where stat is refused, nothing speaks against it. */
export function isStillThere(links: LinkReader, draft: ProcessDraft): boolean {
  const stat = links.readStat(draft.directory);
  return (
    stat !== null && (isRefusal(stat) || stat.startTimeTicks === draft.observed.startTimeTicks)
  );
}

/**
 * The thread with the identity that stat gives it and nothing else known, null when it is gone.
 * A refused stat counts against the process.
 */
export function readThreadIdentity(
  links: LinkReader,
  draft: ProcessDraft,
  tid: number,
  tally: SourceTally,
): Pick<ObservedThread, 'tid' | 'startTimeTicks' | 'comm'> | null {
  const stat = links.readStat(`${draft.directory}/task/${tid}`);
  if (stat === null) {
    tally.vanished();
    return null;
  }
  if (isRefusal(stat)) {
    refuse(draft, stat.reason, stat.path, tally);
    return null;
  }
  return { tid, startTimeTicks: stat.startTimeTicks, comm: stat.comm };
}

function listTids(draft: ProcessDraft, tally: SourceTally): number[] {
  const directory = `${draft.directory}/task`;
  try {
    return readdirSync(directory)
      .filter(isDecimal)
      .map(Number)
      .filter((tid) => tid !== draft.observed.pid);
  } catch (error) {
    const errno = errnoOf(error);
    if (isGone(errno)) {
      tally.vanished();
    } else {
      refuse(draft, errno, directory, tally);
    }
    return [];
  }
}

function readThread(
  links: LinkReader,
  draft: ProcessDraft,
  tid: number,
  tally: SourceTally,
): ObservedThread | null {
  const seen = links.readLinks(`${draft.directory}/task/${tid}`, null);
  if (seen === null) {
    tally.vanished();
    return null;
  }
  tally.read();
  if (seen.refusal) {
    refuse(draft, seen.refusal.reason, seen.refusal.path, tally);
  }
  const differing = findDiffering(seen, draft);
  const identity = differing && readThreadIdentity(links, draft, tid, tally);
  return identity && { ...identity, ...differing, descriptors: [], sockets: [] };
}

/** What of a thread's namespaces is not that of its process, null when there is nothing. */
export function findDiffering(thread: Differing, { observed }: ProcessDraft): Differing | null {
  // A leader that has ended is no measure: what its threads are in is listed in full.
  const leader = observed.isZombie ? NO_LINKS : observed;
  const links = differingLinks(thread.links, leader.links);
  const forChildren = differingForChildren(thread.forChildren, leader.forChildren);
  const isSame = Object.keys(links).length === 0 && Object.keys(forChildren).length === 0;
  return isSame ? null : { links, forChildren };
}

function differingLinks(links: NamespaceLinks, ofLeader: NamespaceLinks): NamespaceLinks {
  const differing: Draft<NamespaceLinks> = {};
  for (const type of NAMESPACE_TYPES) {
    const inum = links[type];
    if (inum !== undefined && inum !== ofLeader[type]) {
      differing[type] = inum;
    }
  }
  return differing;
}

function differingForChildren(
  links: ForChildrenLinks,
  ofLeader: ForChildrenLinks,
): ForChildrenLinks {
  const differing: Draft<ForChildrenLinks> = {};
  for (const type of ['pid', 'time'] as const) {
    const inum = links[type];
    if (inum !== undefined && inum !== ofLeader[type]) {
      differing[type] = inum;
    }
  }
  return differing;
}

/** One refused thread is enough: then nothing that any thread of this process held may be called lost. */
function refuse(draft: ProcessDraft, reason: string, path: string, tally: SourceTally): void {
  draft.observed.threadsUnreadable ??= reason;
  tally.unreadable(reason, path);
}
