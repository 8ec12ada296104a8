/** Where each namespace of a scan can be reached: the place that leads to it for longest. */
import type { InitialNamespaces } from '../domain/initial-namespaces.ts';
import {
  NAMESPACE_TYPES,
  toNamespaceKey,
  type NamespaceKey,
  type NamespaceType,
} from '../domain/namespace-type.ts';
import type {
  ForChildrenLinks,
  NamespaceLinks,
  ObservedDescriptor,
  ObservedMountNamespace,
  ObservedProcess,
} from '../domain/scan.ts';
import { lazily } from './lazily.ts';

export interface NamespaceSight {
  readonly key: NamespaceKey;
  readonly type: NamespaceType;
  readonly inum: number;
  /** The oldest task that shows it; null where only a mount does. */
  readonly holder: Task | null;
  /** Of that task's directory, `ns/net` or `fd/3`; of a mount `root/PATH`. */
  readonly place: string;
  /** inum of the mount namespace that a mount is in. */
  readonly mountInum: number | null;
}

interface Task {
  readonly pid: number;
  readonly tid: number | null;
  readonly startTimeTicks: number;
}

interface Looked {
  readonly processes: readonly ObservedProcess[];
  readonly mountNamespaces: readonly ObservedMountNamespace[];
}

export interface Sights {
  /** All but the initial ones, each once. */
  readonly found: readonly NamespaceSight[];
  /** Path of a sight; null for what is mounted only where no process is. */
  toPath(sight: NamespaceSight): string | null;
  /** A sight of an initial namespace; null when no process is in it. */
  findInitial(type: NamespaceType): NamespaceSight | null;
}

/** A task is asked before a descriptor, a descriptor before a mount, and the older before the younger. */
export function findSights(
  { processes, mountNamespaces }: Looked,
  initial: InitialNamespaces,
  procRoot: string,
): Sights {
  const links = createIndex();
  const descriptors = createIndex();
  const pidByMount = lazily(() => mapFirst(processes));
  for (const process of processes) {
    addTask({ links, descriptors, initial }, process, process, null);
    for (const thread of process.threads) {
      const inProcess = { ...thread, pid: process.pid };
      addTask({ links, descriptors, initial }, inProcess, inProcess, thread.tid);
    }
  }
  const found = [...links.list()];
  found.push(...descriptors.list().filter((sight) => !links.has(sight)));
  found.push(...listMounts(mountNamespaces, initial, (it) => links.has(it) || descriptors.has(it)));
  return {
    found,
    toPath({ holder, place, mountInum }) {
      if (holder === null) {
        const pid = mountInum === null ? undefined : pidByMount().get(mountInum);
        return pid === undefined ? null : `${procRoot}/${pid}/${place}`;
      }
      const { pid, tid } = holder;
      return `${procRoot}/${pid}/${tid === null ? '' : `task/${tid}/`}${place}`;
    },
    findInitial(type) {
      const inum = initial[type];
      const process = processes.find((each) => inum !== undefined && each.links[type] === inum);
      return process && inum !== undefined
        ? { ...toSight(type, inum), holder: toTask(process, null), place: `ns/${type}` }
        : null;
    },
  };
}

/** A process in each mount namespace that some process is in. */
function mapFirst(processes: readonly ObservedProcess[]): ReadonlyMap<number, number> {
  const pids = new Map<number, number>();
  for (const { pid, links } of processes) {
    if (links.mnt !== undefined && !pids.has(links.mnt)) {
      pids.set(links.mnt, pid);
    }
  }
  return pids;
}

interface Index {
  /** Nothing is put together where an older one is known. */
  add(type: NamespaceType, inum: number, task: Task, toPlace: () => string): void;
  has(namespace: { readonly type: NamespaceType; readonly inum: number }): boolean;
  list(): NamespaceSight[];
}

function createIndex(): Index {
  const byType = new Map<NamespaceType, Map<number, NamespaceSight>>(
    NAMESPACE_TYPES.map((type) => [type, new Map()]),
  );
  return {
    add(type, inum, task, toPlace) {
      const sights = byType.get(type);
      const known = sights?.get(inum)?.holder;
      if (known == null || isOlder(task, known)) {
        sights?.set(inum, { ...toSight(type, inum), holder: task, place: toPlace() });
      }
    },
    has: ({ type, inum }) => byType.get(type)?.has(inum) ?? false,
    list: () => [...byType.values()].flatMap((sights) => [...sights.values()]),
  };
}

interface Indexes {
  readonly links: Index;
  readonly descriptors: Index;
  readonly initial: InitialNamespaces;
}

function addTask(
  { links, descriptors, initial }: Indexes,
  process: { readonly pid: number; readonly startTimeTicks: number },
  held: {
    readonly links: NamespaceLinks;
    readonly forChildren: ForChildrenLinks;
    readonly descriptors: readonly ObservedDescriptor[];
  },
  tid: number | null,
): void {
  for (const type of NAMESPACE_TYPES) {
    const inum = held.links[type];
    if (inum !== undefined && inum !== initial[type]) {
      links.add(type, inum, toTask(process, tid), () => `ns/${type}`);
    }
  }
  for (const type of ['pid', 'time'] as const) {
    const inum = held.forChildren[type];
    if (inum !== undefined && inum !== initial[type]) {
      links.add(type, inum, toTask(process, tid), () => `ns/${type}_for_children`);
    }
  }
  for (const { fd, type, inum } of held.descriptors) {
    if (inum !== initial[type]) {
      descriptors.add(type, inum, toTask(process, tid), () => `fd/${fd}`);
    }
  }
}

function listMounts(
  mountNamespaces: readonly ObservedMountNamespace[],
  initial: InitialNamespaces,
  isKnown: (namespace: { readonly type: NamespaceType; readonly inum: number }) => boolean,
): NamespaceSight[] {
  const found = new Map<NamespaceKey, NamespaceSight>();
  for (const { inum: mountInum, bindMounts } of mountNamespaces) {
    for (const { type, inum, path } of bindMounts) {
      const sight = { ...toSight(type, inum), place: `root${path}`, mountInum };
      if (inum !== initial[type] && !isKnown(sight) && !found.has(sight.key)) {
        found.set(sight.key, sight);
      }
    }
  }
  return [...found.values()];
}

function toSight(type: NamespaceType, inum: number): NamespaceSight {
  return { key: toNamespaceKey(type, inum), type, inum, holder: null, place: '', mountInum: null };
}

function toTask(
  { pid, startTimeTicks }: { readonly pid: number; readonly startTimeTicks: number },
  tid: number | null,
): Task {
  return { pid, tid, startTimeTicks };
}

function isOlder(left: Task, right: Task): boolean {
  const difference = left.startTimeTicks - right.startTimeTicks;
  return difference === 0 ? left.pid < right.pid : difference < 0;
}
