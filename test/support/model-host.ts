/** The modelled host of scan-model.ts: what there is at a moment, and what a scan sees of it. */
import {
  INITIAL_INUMS,
  NAMESPACE_TYPES,
  type NamespaceType,
} from '../../src/domain/namespace-type.ts';
import {
  SCAN_SOURCES,
  type ForChildrenLinks,
  type NamespaceLinks,
  type ObservedMountNamespace,
  type ObservedProcess,
  type Scan,
  type ScanSource,
} from '../../src/domain/scan.ts';

interface ModelProcess {
  readonly pid: number;
  readonly startTimeTicks: number;
  readonly ppid: number;
  readonly comm: string;
  links: Required<NamespaceLinks>;
  forChildren: ForChildrenLinks;
  descriptors: { fd: number; type: NamespaceType; inum: number }[];
  threads: { tid: number; startTimeTicks: number; links: NamespaceLinks }[];
  isHidden: boolean;
}

interface ModelMount {
  readonly mountInum: number;
  readonly path: string;
  readonly type: NamespaceType;
  readonly inum: number;
  readonly mountIds: readonly number[];
}

/** Numbers choose among what there is at that moment, modulo how many there are. */
export type HostStep =
  | { readonly do: 'fork'; readonly parent: number; readonly comm: string }
  | {
      /** Forks so many at once; those of the storm before exit, except for a few. */
      readonly do: 'storm';
      readonly parent: number;
      readonly count: number;
      readonly stay: number;
      readonly comm: string;
    }
  | { readonly do: 'exit'; readonly process: number }
  | { readonly do: 'unshare'; readonly process: number; readonly types: readonly NamespaceType[] }
  | {
      readonly do: 'enter' | 'open';
      readonly process: number;
      readonly other: number;
      readonly type: NamespaceType;
    }
  | { readonly do: 'close' | 'hide'; readonly process: number }
  | {
      readonly do: 'bind';
      readonly process: number;
      readonly type: NamespaceType;
      readonly path: string;
    }
  | { readonly do: 'unbind'; readonly mount: number }
  | { readonly do: 'thread'; readonly process: number; readonly type: NamespaceType }
  | { readonly do: 'for-children'; readonly process: number; readonly type: 'pid' | 'time' };

const FIRST_INUM = 4_026_532_100;
const TICKS_PER_SECOND = 100;

export class ModelHost {
  #processes: ModelProcess[] = [];
  #mounts: ModelMount[] = [];
  #stormers = new Set<number>();

  constructor(bootTimeUs: number) {
    this.#addProcess({ pid: 1, ppid: 0, comm: 'init', links: INITIAL_INUMS }, bootTimeUs);
    this.#addProcess({ pid: 2, ppid: 1, comm: 'sh', links: INITIAL_INUMS }, bootTimeUs);
  }

  take(step: HostStep, bootTimeUs: number): void {
    if (step.do === 'unbind') {
      this.#mounts.splice(step.mount % Math.max(1, this.#mounts.length), 1);
      return;
    }
    if (step.do === 'fork') {
      const { pid, links } = this.#choose(step.parent);
      this.#addProcess({ pid: this.#freePid(), ppid: pid, comm: step.comm, links }, bootTimeUs);
      return;
    }
    if (step.do === 'storm') {
      this.#storm(step, bootTimeUs);
      return;
    }
    const process = this.#choose(step.process);
    switch (step.do) {
      case 'exit':
        if (process.pid !== 1) {
          this.#processes = this.#processes.filter((other) => other !== process);
        }
        break;
      case 'unshare':
        for (const type of step.types) {
          process.links = { ...process.links, [type]: this.#freeInum() };
        }
        break;
      case 'enter':
        process.links = {
          ...process.links,
          [step.type]: this.#choose(step.other).links[step.type],
        };
        break;
      case 'open':
        process.descriptors.push({
          fd: 3 + process.descriptors.length,
          type: step.type,
          inum: this.#choose(step.other).links[step.type],
        });
        break;
      case 'close':
        process.descriptors.pop();
        break;
      case 'bind':
        this.#bind(process, step);
        break;
      case 'thread':
        process.threads.push({
          tid: 10_000 + process.pid * 10 + process.threads.length,
          startTimeTicks: toTicks(bootTimeUs),
          links: { [step.type]: this.#freeInum() },
        });
        break;
      case 'for-children':
        process.forChildren = { [step.type]: this.#freeInum() };
        break;
      case 'hide':
        process.isHidden = !process.isHidden;
        break;
    }
  }

  scan(scan: Pick<Scan, 'bootId' | 'startedAtUs' | 'endedAtUs'>, without: ScanSource | null): Scan {
    const covered = SCAN_SOURCES.filter((source) => source !== without);
    const hidden = this.#processes.filter(({ isHidden }) => isHidden);
    return {
      ...scan,
      kernelIds: new Map(),
      relations: new Map(),
      references: new Map(),
      nsfsDev: this.#mounts.length > 0 ? '0:4' : null,
      processes: this.#processes.map((process) => observe(process, covered)),
      mountNamespaces: covered.includes('mounts') ? this.#observeMounts() : [],
      covered,
      reports: covered.map((source) => ({
        source,
        durationUs: 10,
        readCount: this.#processes.length - hidden.length,
        vanishedCount: 0,
        unreadable: hidden
          .slice(0, 1)
          .map(({ pid }) => ({ reason: 'EACCES', count: hidden.length, example: String(pid) })),
      })),
    };
  }

  #choose(index: number): ModelProcess {
    const process = this.#processes[index % this.#processes.length];
    if (!process) {
      throw new TypeError('the model has no process');
    }
    return process;
  }

  #addProcess(
    process: Pick<ModelProcess, 'pid' | 'ppid' | 'comm' | 'links'>,
    bootTimeUs: number,
  ): void {
    this.#processes.push({
      ...process,
      links: { ...process.links },
      startTimeTicks: toTicks(bootTimeUs),
      forChildren: {},
      descriptors: [],
      threads: [],
      isHidden: false,
    });
  }

  #storm(
    { parent, count, stay, comm }: HostStep & { readonly do: 'storm' },
    bootTimeUs: number,
  ): void {
    const inside = this.#processes.filter((process) => !isPlain(process));
    // In a container, when there is one: members of the initial namespaces are mostly counted anyway.
    const { pid: ppid, links } =
      inside[parent % Math.max(1, inside.length)] ?? this.#choose(parent);
    const ended = new Set([...this.#stormers].filter((pid) => pid !== ppid).slice(stay));
    this.#processes = this.#processes.filter(({ pid }) => !ended.has(pid));
    this.#stormers = new Set();
    for (let index = 0; index < count; index += 1) {
      const pid = this.#freePid();
      this.#addProcess({ pid, ppid, comm, links }, bootTimeUs);
      this.#stormers.add(pid);
    }
  }

  #bind(process: ModelProcess, { type, path }: { type: NamespaceType; path: string }): void {
    const mountInum = process.links.mnt;
    const isTaken = this.#mounts.some(
      (mount) => mount.mountInum === mountInum && mount.path === path,
    );
    if (!isTaken) {
      this.#mounts.push({ mountInum, path, type, inum: process.links[type], mountIds: [] });
    }
  }

  #observeMounts(): ObservedMountNamespace[] {
    const inums = new Set(this.#processes.map(({ links }) => links.mnt));
    // The mounts of a mount namespace end with it.
    this.#mounts = this.#mounts.filter(({ mountInum }) => inums.has(mountInum));
    return [...inums].map((inum) => {
      const isReadable = this.#processes.some(
        ({ links, isHidden }) => links.mnt === inum && !isHidden,
      );
      return {
        inum,
        bindMounts: isReadable ? this.#mounts.filter(({ mountInum }) => mountInum === inum) : [],
        unreadable: isReadable ? null : 'EACCES',
      };
    });
  }

  #freePid(): number {
    const taken = new Set(this.#processes.map(({ pid }) => pid));
    let pid = 2;
    while (taken.has(pid)) {
      pid += 1;
    }
    return pid;
  }

  #freeInum(): number {
    const taken = new Set<number>(this.#mounts.flatMap(({ inum, mountInum }) => [inum, mountInum]));
    for (const { links, forChildren, descriptors, threads } of this.#processes) {
      const held = [links, forChildren, ...threads.map((thread) => thread.links)];
      held.flatMap((some) => Object.values(some)).forEach((inum) => taken.add(inum));
      descriptors.forEach(({ inum }) => taken.add(inum));
    }
    let inum = FIRST_INUM;
    while (taken.has(inum)) {
      inum += 1;
    }
    return inum;
  }
}

function isPlain({ links }: ModelProcess): boolean {
  return NAMESPACE_TYPES.every((type) => links[type] === INITIAL_INUMS[type]);
}

function toTicks(bootTimeUs: number): number {
  return Math.floor((bootTimeUs * TICKS_PER_SECOND) / 1_000_000);
}

function observe(process: ModelProcess, covered: readonly ScanSource[]): ObservedProcess {
  const { pid, startTimeTicks, ppid, comm, isHidden } = process;
  const unreadable = isHidden ? 'EACCES' : null;
  const sees = (source: ScanSource): boolean => !isHidden && covered.includes(source);
  const areInitial = isPlain(process);
  return {
    pid,
    startTimeTicks,
    ppid,
    comm,
    isZombie: false,
    links: isHidden ? {} : process.links,
    forChildren: isHidden ? {} : process.forChildren,
    linksUnreadable: unreadable,
    descriptors: sees('descriptors') ? process.descriptors : [],
    sockets: [],
    descriptorsUnreadable: unreadable,
    threads: sees('threads')
      ? process.threads.map((thread) => ({
          ...thread,
          comm,
          forChildren: {},
          descriptors: [],
          sockets: [],
        }))
      : [],
    threadsUnreadable: unreadable,
    facts:
      areInitial || !sees('facts')
        ? null
        : {
            ppid,
            comm,
            exe: `/bin/${comm}`,
            uid: pid % 3,
            gid: 0,
            loginuid: null,
            session: pid % 2 ? 7 : null,
            cgroup: '/a b',
            containerId: null,
          },
  };
}
