/**
 * Lifespans and holders as rows of read.db, and back. Pure.
 *
 * Columns come in groups by when they can change, so that an update touches no index it need not; values
 * stand in the order of the columns. The way back gives the domain's records, so that nobody else has to
 * know how a bound is spread over columns.
 */
import type { Bounds, Evidence } from '../domain/bounds.ts';
import { NsauditError } from '../domain/errors.ts';
import type { Holder, HolderKind } from '../domain/holder.ts';
import type { Creator, EndReason, Lifespan } from '../domain/lifespan.ts';
import type { NamespaceType } from '../domain/namespace-type.ts';
import type { Nsid } from '../domain/nsid.ts';
import { FOREVER_US } from '../domain/time.ts';
import type { HolderRow, LifespanRow, LifespanTableRow } from './database-schema.ts';
import { toSpanClass } from './span-class.ts';

export type SqlValue = string | number | null;

const LIFESPAN_BIRTH_COLUMNS = [
  'id',
  'boot',
  'type',
  'nsfs_dev',
  'inum',
  'incarnation',
  'initial',
  'suspected',
  'born_after_us',
  'born_by_us',
  'born_evidence',
  'from_us',
  'creator',
  'creator_uid',
  'creator_comm',
] as const satisfies readonly (keyof LifespanTableRow)[];

/** What changes while a lifespan goes on. */
export const LIFESPAN_GROWTH_COLUMNS = [
  'kernel_namespace_id',
  'owner',
  'parent',
  'owner_uid',
  'names',
  'nsids',
  'counted_references',
  'init_ended_after_us',
  'init_ended_by_us',
  'init_ended_evidence',
  'unheld_after_us',
  'unheld_by_us',
  'unheld_evidence',
  'unreferenced_after_us',
  'unreferenced_by_us',
  'unreferenced_evidence',
] as const satisfies readonly (keyof LifespanTableRow)[];

export const LIFESPAN_END_COLUMNS = [
  'gone_after_us',
  'gone_by_us',
  'gone_evidence',
  'reason',
  'to_us',
  'class',
] as const satisfies readonly (keyof LifespanTableRow)[];

export const LIFESPAN_COLUMNS = [
  ...LIFESPAN_BIRTH_COLUMNS,
  ...LIFESPAN_GROWTH_COLUMNS,
  ...LIFESPAN_END_COLUMNS,
] as const;

export function toLifespanBirth(lifespan: Lifespan): SqlValue[] {
  const { creator, born } = lifespan;
  return [
    lifespan.id,
    lifespan.boot,
    lifespan.type,
    lifespan.nsfsDev,
    lifespan.inum,
    lifespan.incarnation,
    Number(lifespan.initial),
    Number(lifespan.suspected),
    born.after,
    born.by,
    born.evidence,
    toFromUs(born),
    creator && toCreatorText(creator),
    creator && creator.uid,
    creator && creator.comm,
  ];
}

/** JSON with its fields in the order of the schema, as an event has them that was read back from the log. */
export function toCreatorText(creator: Creator): string {
  const { pid, startTimeTicks, ppid, comm, exe, uid, gid } = creator;
  const { loginuid, session, cgroup, containerId, how, evidence } = creator;
  const facts = { ppid, comm, exe, uid, gid, loginuid, session, cgroup, containerId };
  return JSON.stringify({ pid, startTimeTicks, ...facts, how, evidence });
}

export function toLifespanGrowth(lifespan: Lifespan): SqlValue[] {
  const { unheld, unreferenced, initEnded } = lifespan;
  return [
    lifespan.kernelNamespaceId,
    lifespan.owner,
    lifespan.parent,
    lifespan.ownerUid,
    toListText(lifespan.names),
    toListText(lifespan.nsids),
    lifespan.references && JSON.stringify(lifespan.references),
    initEnded && initEnded.after,
    initEnded && initEnded.by,
    initEnded && initEnded.evidence,
    unheld && unheld.after,
    unheld && unheld.by,
    unheld && unheld.evidence,
    unreferenced && unreferenced.after,
    unreferenced && unreferenced.by,
    unreferenced && unreferenced.evidence,
  ];
}

/** Most lists are empty. */
function toListText(list: readonly unknown[]): string {
  return list.length === 0 ? '[]' : JSON.stringify(list);
}

export function toLifespanEnd({ born, gone, reason }: Lifespan): SqlValue[] {
  return [
    gone && gone.after,
    gone && gone.by,
    gone && gone.evidence,
    reason,
    toToUs(gone),
    classOf(born, gone),
  ];
}

export function toLifespan(row: LifespanRow): Lifespan {
  return {
    id: row.id,
    boot: row.boot,
    type: row.type as NamespaceType,
    nsfsDev: row.nsfs_dev,
    inum: row.inum,
    kernelNamespaceId: row.kernel_namespace_id,
    incarnation: row.incarnation,
    initial: row.initial === 1,
    suspected: row.suspected === 1,
    born: toBounds(row.born_after_us, row.born_by_us, row.born_evidence),
    initEnded: toMaybeBounds(
      row.init_ended_after_us,
      row.init_ended_by_us,
      row.init_ended_evidence,
    ),
    unheld: toMaybeBounds(row.unheld_after_us, row.unheld_by_us, row.unheld_evidence),
    unreferenced: toMaybeBounds(
      row.unreferenced_after_us,
      row.unreferenced_by_us,
      row.unreferenced_evidence,
    ),
    gone: toMaybeBounds(row.gone_after_us, row.gone_by_us, row.gone_evidence),
    reason: row.reason as EndReason | null,
    creator: row.creator === null ? null : parse<Creator>(row.creator, row),
    owner: row.owner,
    parent: row.parent,
    ownerUid: row.owner_uid,
    names: parse<string[]>(row.names, row),
    containers: parse<string[]>(row.containers, row),
    nsids: parse<Nsid[]>(row.nsids, row),
    references:
      row.counted_references === null
        ? null
        : parse<Lifespan['references']>(row.counted_references, row),
    holdersNow: row.holders_now,
    holdersEver: row.holders_ever,
  };
}

/** Errors: NsauditError `integrity` for what we never wrote. */
function parse<Value>(text: string, { id }: { readonly id: number }): Value {
  try {
    return JSON.parse(text) as Value;
  } catch (cause) {
    throw new NsauditError(
      'integrity',
      `row ${id} of read.db is damaged: what should be JSON in it is not; run nsaudit rebuild.`,
      { cause },
    );
  }
}

/** What every holder has, whatever its kind. */
const HOLDER_COMMON_COLUMNS = [
  'id',
  'kind',
  'set_id',
  'pid',
  'start_time_ticks',
  'ppid',
  'comm',
  'exe',
  'uid',
  'gid',
  'loginuid',
  'session',
  'cgroup',
  'container_id',
  'how',
  'ancestors',
  'observer',
  'gained_after_us',
  'gained_by_us',
  'gained_evidence',
  'from_us',
  'lost_after_us',
  'lost_by_us',
  'lost_evidence',
  'to_us',
  'class',
] as const satisfies readonly (keyof HolderRow)[];

/** Processes are most of all holders, and for them the columns of the other kinds are null. */
export const PROCESS_COLUMNS = HOLDER_COMMON_COLUMNS;

export const HOLDER_COLUMNS = [
  ...HOLDER_COMMON_COLUMNS,
  'lifespan',
  'tid',
  'fd',
  'path',
  'mount_namespace',
  'socket_inode',
  'interface',
  'namespace',
] as const satisfies readonly (keyof HolderRow)[];

export const HOLDER_LOSS_COLUMNS = [
  'lost_after_us',
  'lost_by_us',
  'lost_evidence',
  'to_us',
  'class',
] as const satisfies readonly (keyof HolderRow)[];

/** Facts about its process, which are learnt anew when it is moved into a container. */
export const HOLDER_FACT_COLUMNS = [
  'ppid',
  'comm',
  'exe',
  'uid',
  'gid',
  'loginuid',
  'session',
  'cgroup',
  'container_id',
] as const satisfies readonly (keyof HolderRow)[];

/** In the order of HOLDER_FACT_COLUMNS, and then the id. */
export function toHolderFacts(holder: Holder): SqlValue[] {
  const { id, ppid, comm, exe, uid, gid, loginuid, session, cgroup, containerId } = holder;
  return [ppid, comm, exe, uid, gid, loginuid, session, cgroup, containerId, id];
}

/** In the order of PROCESS_COLUMNS. */
export function toProcessValues(holder: Holder): SqlValue[] {
  const { from, to } = holder;
  return [
    holder.id,
    holder.kind,
    holder.set,
    holder.pid,
    holder.startTimeTicks,
    holder.ppid,
    holder.comm,
    holder.exe,
    holder.uid,
    holder.gid,
    holder.loginuid,
    holder.session,
    holder.cgroup,
    holder.containerId,
    holder.how,
    holder.ancestors && JSON.stringify(holder.ancestors),
    Number(holder.observer === true),
    from.after,
    from.by,
    from.evidence,
    toFromUs(from),
    to && to.after,
    to && to.by,
    to && to.evidence,
    toToUs(to),
    classOf(from, to),
  ];
}

/** In the order of HOLDER_COLUMNS. */
export function toHolderValues(holder: Holder): SqlValue[] {
  return [
    ...toProcessValues(holder),
    holder.lifespan,
    holder.tid,
    holder.fd,
    holder.path,
    holder.mountNamespace,
    holder.socketInode,
    holder.interface,
    holder.namespace,
  ];
}

/** In the order of HOLDER_LOSS_COLUMNS, and then the id. */
export function toHolderLoss({ id, from, to }: Holder): SqlValue[] {
  return [to && to.after, to && to.by, to && to.evidence, toToUs(to), classOf(from, to), id];
}

export function toHolder(row: HolderRow): Holder {
  return {
    id: row.id,
    kind: row.kind as HolderKind,
    set: row.set_id,
    lifespan: row.lifespan,
    pid: row.pid,
    tid: row.tid,
    startTimeTicks: row.start_time_ticks,
    fd: row.fd,
    path: row.path,
    mountNamespace: row.mount_namespace,
    socketInode: row.socket_inode,
    interface: row.interface,
    namespace: row.namespace,
    ppid: row.ppid,
    comm: row.comm,
    exe: row.exe,
    uid: row.uid,
    gid: row.gid,
    loginuid: row.loginuid,
    session: row.session,
    cgroup: row.cgroup,
    containerId: row.container_id,
    how: row.how as Holder['how'],
    ancestors: row.ancestors === null ? null : parse<string[]>(row.ancestors, row),
    observer: row.observer === 1 ? true : null,
    from: toBounds(row.gained_after_us, row.gained_by_us, row.gained_evidence),
    to: toMaybeBounds(row.lost_after_us, row.lost_by_us, row.lost_evidence),
  };
}

/** The duration class of what began and ended within these bounds; the end is null while it goes on. */
export function classOf(from: Bounds, to: Bounds | null): number {
  return toSpanClass(toFromUs(from), toToUs(to));
}

/** The first instant at which it may have begun. */
function toFromUs({ after, by }: Bounds): number {
  return after ?? by;
}

/** The instant by which it was over for certain. */
function toToUs(end: Bounds | null): number {
  return end ? end.by : FOREVER_US;
}

/** Bounds as columns hold them. */
export function toBounds(after: number | null, by: number, evidence: string): Bounds {
  return { after, by, evidence: evidence as Evidence };
}

/** Bounds as columns hold them that are null before it happened. */
export function toMaybeBounds(
  after: number | null,
  by: number | null,
  evidence: string | null,
): Bounds | null {
  return by === null || evidence === null ? null : toBounds(after, by, evidence);
}
