/** A process while a scan is still learning about it: each source fills in its part. */
import type { InitialNamespaces } from '../domain/initial-namespaces.ts';
import { NAMESPACE_TYPES } from '../domain/namespace-type.ts';
import type { NamespaceLinks, ObservedProcess } from '../domain/scan.ts';

type Unfinished<Shape> = { -readonly [Key in keyof Shape]: Shape[Key] };

export interface ProcessDraft {
  /** What the scan will say; the links source makes it, the others replace what they have to say. */
  readonly observed: Unfinished<ObservedProcess>;
  /** Its directory, `procRoot/PID`. */
  readonly directory: string;
  readonly threadCount: number;
  /** Threads other than the leader, once they are listed. */
  tids: readonly number[];
}

/** Shared by all processes that have nothing there, which is nearly all of them. */
const NONE: readonly never[] = Object.freeze([]);

interface Known extends Pick<ObservedProcess, 'pid' | 'startTimeTicks' | 'ppid' | 'comm'> {
  readonly directory: string;
  readonly threadCount: number;
}

type KnownLinks = Pick<ObservedProcess, 'isZombie' | 'links' | 'forChildren' | 'linksUnreadable'>;

/** What the links source knows. Written out, not spread: a scan makes one of these for every process. */
export function createProcessDraft(known: Known, read: KnownLinks): ProcessDraft {
  return {
    observed: {
      pid: known.pid,
      startTimeTicks: known.startTimeTicks,
      ppid: known.ppid,
      comm: known.comm,
      isZombie: read.isZombie,
      links: read.links,
      forChildren: read.forChildren,
      linksUnreadable: read.linksUnreadable,
      descriptors: NONE,
      sockets: NONE,
      descriptorsUnreadable: null,
      threads: NONE,
      threadsUnreadable: null,
      facts: null,
    },
    directory: known.directory,
    threadCount: known.threadCount,
    tids: NONE,
  };
}

/** True when the process or one of its threads is outside the initial namespaces or holds a descriptor of one. */
export function isNotable(process: ObservedProcess, initial: InitialNamespaces): boolean {
  return (
    holdsByDescriptor(process) ||
    isOutside(process, initial) ||
    process.threads.some((thread) => holdsByDescriptor(thread) || isOutside(thread, initial))
  );
}

function holdsByDescriptor({
  descriptors,
  sockets,
}: Pick<ObservedProcess, 'descriptors' | 'sockets'>): boolean {
  return descriptors.length + sockets.length > 0;
}

/** True when some link, of its own or for its children, leads out of the initial namespaces. */
export function isOutside(
  task: { readonly links: NamespaceLinks; readonly forChildren: NamespaceLinks },
  initial: InitialNamespaces,
): boolean {
  return NAMESPACE_TYPES.some((type) => {
    const own = task.links[type];
    const forChildren = task.forChildren[type];
    return (
      (own !== undefined && own !== initial[type]) ||
      (forChildren !== undefined && forChildren !== initial[type])
    );
  });
}
