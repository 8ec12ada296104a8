/** Turns a scan into holdings: who holds which namespaces at this moment, by type and inum. */
import type { HolderKind } from './holder.ts';
import type { InitialNamespaces } from './initial-namespaces.ts';
import {
  NAMESPACE_TYPES,
  toNamespaceKey,
  type NamespaceKey,
  type NamespaceType,
} from './namespace-type.ts';
import type { ProcessFacts } from './process-facts.ts';
import type {
  ForChildrenLinks,
  NamespaceLinks,
  ObservedDescriptor,
  ObservedProcess,
  ObservedSocket,
  Scan,
} from './scan.ts';

export interface Holding {
  readonly kind: HolderKind;
  readonly pid: number | null;
  readonly tid: number | null;
  readonly startTimeTicks: number | null;
  readonly fd: number | null;
  readonly path: string | null;
  /** inum of the mount namespace a bind mount is in. */
  readonly mountInum: number | null;
  readonly socketInode: number | null;
  /** Of a tun descriptor, and the inum of the network namespace that the device is in, where that is another. */
  readonly interface: string | null;
  readonly deviceInum: number | null;
  readonly facts: ProcessFacts | null;
  /** What it holds, in the order of NAMESPACE_TYPES. Several for a process or thread, else one. */
  readonly keys: readonly NamespaceKey[];
}

export interface Holdings {
  readonly listed: readonly Holding[];
  /** Every namespace seen, also those only the initial processes are in. */
  readonly seen: ReadonlyMap<NamespaceKey, readonly Holding[]>;
  /** Processes that are in initial namespaces only: counted, not listed. */
  readonly initialProcesses: readonly ObservedProcess[];
}

export interface HoldingOptions {
  readonly initial: InitialNamespaces;
  readonly initialHolders: 'count' | 'full';
}

type Who = Pick<Holding, 'pid' | 'tid' | 'startTimeTicks' | 'facts'>;

const NOBODY = {
  pid: null,
  tid: null,
  startTimeTicks: null,
  fd: null,
  path: null,
  mountInum: null,
  socketInode: null,
  interface: null,
  deviceInum: null,
  facts: null,
};

/** Lists what each process, thread, descriptor, socket and bind mount holds. */
export function listHoldings(scan: Scan, options: HoldingOptions): Holdings {
  const listed: Holding[] = [];
  const initialProcesses: ObservedProcess[] = [];
  const seen = new Map<NamespaceKey, Holding[]>();
  const intern = createKeyInterner(options);
  for (const process of scan.processes) {
    const { keys, areInitial } = intern(process.links);
    if (process.linksUnreadable !== null) {
      // Half a set would look like a change of namespaces; what could be read was seen all the same.
      note(seen, keys);
    } else if (options.initialHolders === 'count' && areInitial) {
      note(seen, keys);
      if (keys.length > 0) {
        initialProcesses.push(process);
      }
    } else {
      const who = {
        pid: process.pid,
        tid: null,
        startTimeTicks: process.startTimeTicks,
        facts: process.facts,
      };
      listed.push({ ...NOBODY, ...who, kind: 'process', keys });
    }
    listed.push(...listOfProcess(process, options));
  }
  for (const mounts of scan.mountNamespaces) {
    for (const { path, type, inum } of mounts.bindMounts) {
      const keys = [toNamespaceKey(type, inum)];
      listed.push({ ...NOBODY, kind: 'bind-mount', path, mountInum: mounts.inum, keys });
    }
  }
  for (const holding of listed) {
    note(seen, holding.keys, holding);
  }
  return { listed, seen, initialProcesses };
}

/** True for a key of an initial namespace. */
export function isInitial(initial: InitialNamespaces, key: NamespaceKey): boolean {
  const [type, inum] = key.split(':') as [NamespaceType, string];
  return initial[type] === Number(inum);
}

function listOfProcess(process: ObservedProcess, options: HoldingOptions): Holding[] {
  const { pid, startTimeTicks, facts } = process;
  const who = { pid, tid: null, startTimeTicks, facts };
  const holdings = [
    ...listForChildren(who, process.forChildren, options),
    ...listDescriptors(who, process.descriptors, options),
    ...listSockets(who, process.sockets, options),
  ];
  for (const thread of process.threads) {
    const threadFacts = facts && { ...facts, comm: thread.comm };
    const thisThread = {
      pid,
      tid: thread.tid,
      startTimeTicks: thread.startTimeTicks,
      facts: threadFacts,
    };
    const keys = keepListed(toKeys(thread.links), options);
    if (keys.length > 0) {
      holdings.push({ ...NOBODY, ...thisThread, kind: 'thread', keys });
    }
    holdings.push(
      ...listForChildren(thisThread, thread.forChildren, options),
      ...listDescriptors(thisThread, thread.descriptors, options),
      ...listSockets(thisThread, thread.sockets, options),
    );
  }
  return holdings;
}

function listForChildren(who: Who, links: ForChildrenLinks, options: HoldingOptions): Holding[] {
  return keepListed(toKeys(links), options).map((key) => ({
    ...NOBODY,
    ...who,
    kind: 'for-children',
    keys: [key],
  }));
}

function listDescriptors(
  who: Who,
  descriptors: readonly ObservedDescriptor[],
  options: HoldingOptions,
): Holding[] {
  return descriptors.flatMap(({ fd, type, inum }) =>
    keepListed([toNamespaceKey(type, inum)], options).map((key) => ({
      ...NOBODY,
      ...who,
      kind: 'fd',
      fd,
      keys: [key],
    })),
  );
}

function listSockets(
  who: Who,
  sockets: readonly ObservedSocket[],
  options: HoldingOptions,
): Holding[] {
  return sockets.flatMap(({ kind, fd, socketInode, inum, interface: device, deviceInum }) =>
    keepListed([toNamespaceKey('net', inum)], options).map((key) => ({
      ...NOBODY,
      ...who,
      kind,
      fd,
      socketInode,
      interface: device,
      deviceInum: deviceInum === inum ? null : deviceInum,
      keys: [key],
    })),
  );
}

function keepListed(keys: NamespaceKey[], options: HoldingOptions): NamespaceKey[] {
  return options.initialHolders === 'full'
    ? keys
    : keys.filter((key) => !isInitial(options.initial, key));
}

interface InternedKeys {
  readonly keys: readonly NamespaceKey[];
  readonly areInitial: boolean;
}

/** Most processes share their namespaces with others: they share one list of keys as well. */
function createKeyInterner({ initial }: HoldingOptions): (links: NamespaceLinks) => InternedKeys {
  const interned = new Map<string, InternedKeys>();
  return (links) => {
    const text = NAMESPACE_TYPES.map((type) => links[type]).join(' ');
    let found = interned.get(text);
    if (!found) {
      const keys = toKeys(links);
      found = { keys, areInitial: keys.every((key) => isInitial(initial, key)) };
      interned.set(text, found);
    }
    return found;
  };
}

function toKeys(links: NamespaceLinks): NamespaceKey[] {
  return NAMESPACE_TYPES.flatMap((type) => {
    const inum = links[type];
    return inum === undefined ? [] : [toNamespaceKey(type, inum)];
  });
}

function note(
  seen: Map<NamespaceKey, Holding[]>,
  keys: readonly NamespaceKey[],
  holding?: Holding,
): void {
  for (const key of keys) {
    let holdings = seen.get(key);
    if (!holdings) {
      holdings = [];
      seen.set(key, holdings);
    }
    if (holding) {
      holdings.push(holding);
    }
  }
}

/** Text that is equal for one holder in two scans, whatever it holds. */
export function toHoldingIdentity(
  holding: Omit<Holding, 'facts' | 'keys' | 'deviceInum' | 'interface'>,
): string {
  const { kind, pid, startTimeTicks, tid, fd, mountInum, path, socketInode } = holding;
  return `${kind} ${pid} ${startTimeTicks} ${tid} ${fd} ${mountInum} ${path ?? socketInode}`;
}
