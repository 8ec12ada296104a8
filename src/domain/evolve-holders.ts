/**
 * Folds the events about holders: who came, who left, who is only counted, and the sets they are in.
 *
 * Broken promises are thrown rather than asserted where it counts: the text of an assertion is made
 * whether or not it fails, and for numbers that takes longer than the fold.
 */
import type { Bounds } from './bounds.ts';
import type { Change } from './change.ts';
import { findContainerGroupByPath, listGroupsAbove, type Container } from './container.ts';
import { assert, InvariantError } from './errors.ts';
import type { EventOf } from './event.ts';
import { toHolderKey, type Holder } from './holder.ts';
import {
  indexHolder,
  indexSet,
  toSetKey,
  type Known,
  type LifespanId,
  type NamespaceSet,
  type SetId,
} from './known.ts';
import type { Lifespan } from './lifespan.ts';

/**
 * Opens a holder, and its set when the event introduces it. A bind mount's path becomes a name of what it holds.
 *
 * Errors: InvariantError when it holds a set or lifespan that is not open.
 */
export function applyGained(known: Known, event: EventOf<'holder.gained'>): Change[] {
  const changes: Change[] = introduceSet(known, event);
  const holder = toHolder(event);
  indexHolder(known, toHolderKey(holder), holder);
  changes.push({ record: 'holder', value: holder });
  const held = heldBy(known, holder);
  const container = findContainerGroup(known, holder);
  // It is not visible, so it is not counted, and what it alone holds stays unheld.
  for (const id of holder.kind === 'unattributed' ? [] : held) {
    const lifespan = requireLifespan(known, id);
    lifespan.holdersNow += 1;
    lifespan.holdersEver += 1;
    const isNamed =
      holder.kind === 'bind-mount' && holder.path !== null && addName(lifespan, holder.path);
    if (isNamed || lifespan.unheld !== null) {
      lifespan.unheld = null;
      changes.push({ record: 'lifespan', value: lifespan });
    }
    noteContainer(known, changes, { lifespan, cgroup: container });
  }
  changes.push({ record: 'holder-counts', lifespans: held });
  return changes;
}

/** Field by field: leaving out the event's own fields by name takes longer than the rest of the fold. */
function toHolder(event: EventOf<'holder.gained'>): Holder {
  return {
    id: event.seq,
    kind: event.kind,
    set: event.set,
    lifespan: event.lifespan,
    pid: event.pid,
    tid: event.tid,
    startTimeTicks: event.startTimeTicks,
    fd: event.fd,
    path: event.path,
    mountNamespace: event.mountNamespace,
    socketInode: event.socketInode,
    interface: event.interface,
    namespace: event.namespace,
    ppid: event.ppid,
    comm: event.comm,
    exe: event.exe,
    uid: event.uid,
    gid: event.gid,
    loginuid: event.loginuid,
    session: event.session,
    cgroup: event.cgroup,
    containerId: event.containerId,
    how: event.how,
    ancestors: event.ancestors,
    observer: event.observer,
    from: event.from,
    to: null,
  };
}

/** Takes over what is known of a process now. Errors: InvariantError when its holder is not open. */
export function applyFacts(known: Known, event: EventOf<'holder.described'>): Change[] {
  const holder = known.holders.get(event.holder);
  if (holder === undefined) {
    throw new InvariantError(
      `event ${event.seq} describes holder ${event.holder}, which is not open`,
    );
  }
  holder.ppid = event.ppid ?? holder.ppid;
  holder.comm = event.comm ?? holder.comm;
  holder.exe = event.exe ?? holder.exe;
  holder.uid = event.uid ?? holder.uid;
  holder.gid = event.gid ?? holder.gid;
  holder.loginuid = event.loginuid ?? holder.loginuid;
  holder.session = event.session ?? holder.session;
  holder.cgroup = event.cgroup ?? holder.cgroup;
  holder.containerId = event.cgroup === null ? holder.containerId : event.containerId;
  return [{ record: 'holder-facts', value: holder }, ...linkContainer(known, holder)];
}

/** Remembers a container, and which namespaces its processes hold already. */
export function applyContainer(known: Known, event: EventOf<'container.described'>): Change[] {
  const { engine, containerId, name, podUid, cgroup, seq } = event;
  const container: Container = { engine, containerId, name, podUid, cgroup };
  known.containers.set(cgroup, container);
  const changes: Change[] = [{ record: 'container', value: container, seq }];
  for (const holder of known.holders.values()) {
    if (holder.cgroup !== null && listGroupsAbove(holder.cgroup).includes(cgroup)) {
      changes.push(...linkContainer(known, holder));
    }
  }
  return changes;
}

function linkContainer(known: Known, holder: Holder): Change[] {
  const container = findContainerGroup(known, holder);
  const changes: Change[] = [];
  for (const id of heldBy(known, holder)) {
    noteContainer(known, changes, { lifespan: requireLifespan(known, id), cgroup: container });
  }
  return changes;
}

/** The control group of the container that a process is in: by its path, or because its engine said so. */
function findContainerGroup(known: Known, { cgroup, containerId }: Holder): string | null {
  if (cgroup === null || cgroup === '/') {
    return null;
  }
  const byPath = containerId === null ? null : findContainerGroupByPath(cgroup);
  if (byPath !== null || known.containers.size === 0) {
    return byPath;
  }
  return listGroupsAbove(cgroup).find((path) => known.containers.has(path)) ?? null;
}

/** Of an initial namespace this would be a list of all containers, and mean nothing. */
function noteContainer(
  { containersOf }: Known,
  changes: Change[],
  { lifespan: { id, initial, containers }, cgroup }: { lifespan: Lifespan; cgroup: string | null },
): void {
  const noted = containersOf.get(id);
  if (cgroup !== null && !initial && noted?.has(cgroup) === false) {
    noted.add(cgroup);
    const place = containers.push(cgroup) - 1;
    changes.push({ record: 'container-use', value: { lifespan: id, place, cgroup } });
  }
}

/** Ends a holder. Errors: InvariantError when it is not open. */
export function applyLost(known: Known, event: EventOf<'holder.lost'>): Change[] {
  const holder = known.holders.get(event.holder);
  if (holder === undefined) {
    throw new InvariantError(`event ${event.seq} ends holder ${event.holder}, which is not open`);
  }
  return closeHolder(known, holder, event.to);
}

/** Takes over the number of members that are only counted. Errors: InvariantError for a set nothing introduced. */
export function applyChurned(known: Known, event: EventOf<'holders.churned'>): Change[] {
  const changes = introduceSet(known, event);
  const set = known.sets.get(event.set);
  assert(
    set !== undefined,
    `event ${event.seq} counts members of set ${event.set}, which nothing introduced`,
  );
  const difference = event.now - set.counted;
  set.counted = event.now;
  changes.push({ record: 'set', value: set });
  for (const id of set.namespaces) {
    const lifespan = requireLifespan(known, id);
    lifespan.holdersNow += difference;
    // A set that is introduced with members has gained them, also those counted for another set before.
    lifespan.holdersEver += Math.max(event.gained, difference);
  }
  changes.push({ record: 'holder-counts', lifespans: set.namespaces });
  return changes;
}

/** A set with an ended namespace can have no member any more, and must not be found again by its members. */
export function dissolveSet(known: Known, setId: SetId, gone: Bounds): Change[] {
  const set = known.sets.get(setId);
  if (!set) {
    return [];
  }
  const changes: Change[] = [];
  for (const holderId of set.members) {
    const holder = known.holders.get(holderId);
    if (holder) {
      changes.push(...closeHolder(known, holder, gone));
    }
  }
  for (const id of set.namespaces) {
    requireLifespan(known, id).holdersNow -= set.counted;
    known.setsOf.get(id)?.delete(setId);
  }
  changes.push({ record: 'holder-counts', lifespans: set.namespaces });
  known.sets.delete(setId);
  known.setByMembers.delete(toSetKey(set.namespaces));
  return changes;
}

/** Ends a holder and takes it out of every index; what it held has one holder less. */
export function closeHolder(known: Known, holder: Holder, to: Bounds): Change[] {
  holder.to = to;
  known.holders.delete(holder.id);
  const key = toHolderKey(holder);
  if (known.holderByKey.get(key) === holder.id) {
    known.holderByKey.delete(key);
  }
  const held = heldBy(known, holder);
  for (const id of holder.kind === 'unattributed' ? [] : held) {
    requireLifespan(known, id).holdersNow -= 1;
  }
  if (holder.lifespan !== null) {
    known.holdersOf.get(holder.lifespan)?.delete(holder.id);
  }
  if (holder.set !== null) {
    known.sets.get(holder.set)?.members.delete(holder.id);
  }
  if (holder.pid !== null) {
    const ofPid = known.holdersByPid.get(holder.pid);
    ofPid?.delete(holder.id);
    if (ofPid?.size === 0) {
      known.holdersByPid.delete(holder.pid);
    }
  }
  return [
    { record: 'holder', value: holder },
    { record: 'holder-counts', lifespans: held },
  ];
}

/** A set is named by the event that introduces it: the one that lists its namespaces. */
function introduceSet(
  known: Known,
  { seq, set: id, namespaces }: EventOf<'holder.gained'> | EventOf<'holders.churned'>,
): Change[] {
  if (id === null || namespaces === null) {
    return [];
  }
  if (id !== seq) {
    throw new InvariantError(`event ${seq} introduces set ${id}`);
  }
  const set: NamespaceSet = { id, namespaces, members: new Set(), counted: 0 };
  indexSet(known, set);
  return [{ record: 'set', value: set }];
}

function heldBy(known: Known, { id, set, lifespan }: Holder): readonly LifespanId[] {
  if (set === null) {
    return lifespan === null ? [] : [lifespan];
  }
  const found = known.sets.get(set);
  if (found === undefined) {
    throw new InvariantError(`holder ${id} is a member of set ${set}, which is not open`);
  }
  return found.namespaces;
}

/** Errors: InvariantError when the lifespan has ended or never begun. */
export function requireLifespan(known: Known, id: LifespanId): Lifespan {
  const lifespan = known.lifespans.get(id);
  if (lifespan === undefined) {
    throw new InvariantError(`lifespan ${id} is not open`);
  }
  return lifespan;
}

/** Adds a name in the order seen, and says whether it is new: one that comes back is not added twice. */
export function addName(lifespan: Lifespan, name: string): boolean {
  if (lifespan.names.includes(name)) {
    return false;
  }
  lifespan.names.push(name);
  return true;
}
