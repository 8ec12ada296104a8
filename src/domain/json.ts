/**
 * The JSON that the command line and the HTTP API both print: shapes, and the way from records to them.
 *
 * Ids and 64-bit numbers are decimal strings, instants RFC 3339 UTC with six digits, absent things null.
 * Schemas carry no transforms, so that the OpenAPI document can be generated from them.
 */
import { z } from 'zod';
import { EVIDENCE, type Bounds } from './bounds.ts';
import { containerJsonSchema, type ContainerOf } from './container-json.ts';
import { EVENT_NAMES } from './event.ts';
import { HOLDER_KINDS, holderSchema, type Holder } from './holder.ts';
import {
  countedReferencesSchema,
  CREATION_CALLS,
  END_REASONS,
  LIFESPAN_STATES,
  stateAt,
  type Creator,
  type Lifespan,
} from './lifespan.ts';
import type { NameInterval } from './name-intervals.ts';
import { NAMESPACE_TYPES } from './namespace-type.ts';
import type { WallClock } from './wall-clock.ts';

const instant = z
  .string()
  .meta({ format: 'date-time', description: 'RFC 3339, UTC, microseconds' });
const id = z.string().meta({ description: 'decimal digits' });
const count = z.number().int();
const text = z.string().nullable();
const number = z.number().int().nullable();

export const boundsJsonSchema = z
  .object({ after: instant.nullable(), by: instant, evidence: z.enum(EVIDENCE) })
  .meta({ id: 'Bounds', description: 'It happened after `after` and no later than `by`.' });

export const creatorJsonSchema = z
  .object({
    pid: count,
    startTimeTicks: z.string(),
    ppid: number,
    comm: text,
    exe: text,
    uid: number,
    gid: number,
    loginuid: number,
    session: number,
    cgroup: text,
    containerId: text,
    container: containerJsonSchema.nullable(),
    how: z.enum(CREATION_CALLS).nullable(),
    evidence: z.enum(['kernel-event', 'scan']),
  })
  .meta({ id: 'Creator' });

/** What the kernel counted on a namespace, and when. */
export const referencesJsonSchema = countedReferencesSchema
  .extend({ at: instant })
  .meta({ id: 'References' });

export const lifespanJsonSchema = z
  .object({
    lifespan: id,
    host: z.string(),
    boot: z.string(),
    type: z.enum(NAMESPACE_TYPES),
    inum: count,
    kernelNamespaceId: id.nullable(),
    incarnation: count,
    suspected: z.boolean(),
    state: z.enum(LIFESPAN_STATES),
    certainty: z.enum(['certain', 'possible']),
    born: boundsJsonSchema,
    /** Of a pid namespace: its init had ended, so that nobody could be forked into it any more. */
    initEnded: boundsJsonSchema.nullable(),
    unheld: boundsJsonSchema.nullable(),
    unreferenced: boundsJsonSchema.nullable(),
    gone: boundsJsonSchema.nullable(),
    reason: z.enum(END_REASONS).nullable(),
    creator: creatorJsonSchema.nullable(),
    owner: id.nullable(),
    parent: id.nullable(),
    ownerUid: number,
    names: z.array(z.string()),
    /** When it was mounted at each of its names; a name that came back stands here again. */
    nameIntervals: z.array(
      z.object({
        name: z.string(),
        from: boundsJsonSchema,
        to: boundsJsonSchema.nullable(),
        mountNamespaces: z.array(id),
      }),
    ),
    /** Network namespaces: its ids, each counted by one observing namespace. */
    nsids: z.array(
      z.object({
        observer: id,
        nsid: count,
        from: boundsJsonSchema,
        to: boundsJsonSchema.nullable(),
      }),
    ),
    /** Containers whose processes were ever in it; empty for an initial one, which nearly all are in. */
    containers: z.array(containerJsonSchema),
    initial: z.boolean(),
    references: referencesJsonSchema.nullable(),
    holders: z.object({ now: count, ever: count }),
  })
  .meta({ id: 'Lifespan' });

export type LifespanJson = z.infer<typeof lifespanJsonSchema>;

export const holderJsonSchema = z
  .object({
    holder: id,
    lifespan: id,
    kind: z.enum(HOLDER_KINDS),
    pid: number,
    tid: number,
    startTimeTicks: text,
    fd: number,
    path: text,
    mountNamespace: id.nullable(),
    socketInode: number,
    interface: text,
    namespace: id.nullable(),
    ppid: number,
    comm: text,
    exe: text,
    uid: number,
    gid: number,
    loginuid: number,
    session: number,
    cgroup: text,
    containerId: text,
    container: containerJsonSchema.nullable(),
    set: id.nullable(),
    how: holderSchema.shape.how.unwrap(),
    ancestors: z.array(z.string()).nullable(),
    observer: z.boolean(),
    from: boundsJsonSchema,
    to: boundsJsonSchema.nullable(),
  })
  .meta({ id: 'Holder' });

export type HolderJson = z.infer<typeof holderJsonSchema>;

export const unreadableJsonSchema = z.object({
  source: z.string(),
  reason: z.string(),
  count,
  example: z.string(),
});

/** How well the instant or window of an answer was watched. */
export const coverageJsonSchema = z
  .object({
    state: z.enum(['watched', 'partly-watched', 'not-watched']),
    /** Window asked about; both ends equal for an instant. */
    from: instant.nullable(),
    to: instant.nullable(),
    lastScan: instant.nullable(),
    /** Namespaces that lived longer than this cannot have been missed while watched. */
    minimumLifetimeUs: number,
    complete: z.boolean(),
    unreadable: z.array(unreadableJsonSchema),
    gaps: z.array(z.object({ from: instant, to: instant, reason: z.string() })),
  })
  .meta({ id: 'Coverage' });

export type CoverageJson = z.infer<typeof coverageJsonSchema>;

/** Fields after the header differ by event; they are named as in Lifespan and Holder. */
export const eventJsonSchema = z
  .looseObject({
    seq: count,
    event: z.enum(EVENT_NAMES as [string, ...string[]]),
    version: count,
    at: instant,
  })
  .meta({ id: 'Event' });

export type EventJson = z.infer<typeof eventJsonSchema>;

/** The envelope of every answer. */
export function answerSchema<Row extends z.ZodType>(row: Row) {
  return z.object({
    at: instant,
    position: count,
    coverage: coverageJsonSchema,
    data: z.array(row),
    page: z.object({ limit: count, next: z.string().nullable() }),
  });
}

export interface Answer<Row> {
  readonly at: string;
  readonly position: number;
  readonly coverage: CoverageJson;
  readonly data: readonly Row[];
  readonly page: { readonly limit: number; readonly next: string | null };
}

export interface Rendering {
  readonly host: string;
  readonly clock: WallClock;
  /** Timeline instant the answer is about. */
  readonly atUs: number;
  /** The last instant that was watched: what had not ended by then is only possibly there later. */
  readonly watchedUntilUs: number;
  readonly containerOf: ContainerOf;
  /** By lifespan; those without a name are missing. */
  readonly nameIntervals: ReadonlyMap<number, readonly NameInterval[]>;
}

/** Timeline microseconds to RFC 3339 wall time. */
export function toInstantJson(clock: WallClock, timelineUs: number): string {
  return clock.toWallText(timelineUs);
}

function toBoundsJson(clock: WallClock, bounds: Bounds): LifespanJson['born'];
function toBoundsJson(clock: WallClock, bounds: Bounds | null): LifespanJson['gone'];
function toBoundsJson(clock: WallClock, bounds: Bounds | null): LifespanJson['gone'] {
  return (
    bounds && {
      after: bounds.after === null ? null : toInstantJson(clock, bounds.after),
      by: toInstantJson(clock, bounds.by),
      evidence: bounds.evidence,
    }
  );
}

/**
 * A lifespan as it is printed. `state` and `certainty` are about the instant of the rendering: certain
 * when it lies between the bounds of birth and end, possible when it lies within them or was not watched
 * any more. `holders` is counted by the caller, for the same instant.
 */
export function toLifespanJson(
  lifespan: Lifespan,
  { host, clock, atUs, watchedUntilUs, containerOf, nameIntervals }: Rendering,
  holders: LifespanJson['holders'],
): LifespanJson {
  const {
    id: lifespanId,
    boot,
    type,
    inum,
    kernelNamespaceId,
    incarnation,
    suspected,
    reason,
    ownerUid,
  } = lifespan;
  const { names, initial, born, gone } = lifespan;
  const aliveUntilUs = gone === null ? watchedUntilUs : (gone.after ?? born.by);
  const isCertain = atUs >= born.by && (atUs <= aliveUntilUs || (gone !== null && atUs >= gone.by));
  return {
    lifespan: String(lifespanId),
    host,
    boot,
    type,
    inum,
    kernelNamespaceId,
    incarnation,
    suspected,
    state: stateAt(lifespan, atUs),
    certainty: isCertain ? 'certain' : 'possible',
    born: toBoundsJson(clock, born),
    initEnded: toBoundsJson(clock, lifespan.initEnded),
    unheld: toBoundsJson(clock, lifespan.unheld),
    unreferenced: toBoundsJson(clock, lifespan.unreferenced),
    gone: toBoundsJson(clock, gone),
    reason,
    creator: lifespan.creator && toCreatorJson(lifespan.creator, containerOf),
    owner: toIdJson(lifespan.owner),
    parent: toIdJson(lifespan.parent),
    ownerUid,
    names,
    nameIntervals: (nameIntervals.get(lifespanId) ?? []).map(({ mountNamespaces, ...named }) => ({
      name: named.name,
      from: toBoundsJson(clock, named.from),
      to: toBoundsJson(clock, named.to),
      mountNamespaces: mountNamespaces.map(String),
    })),
    nsids: lifespan.nsids.map(({ observer, nsid, from, to }) => ({
      observer: String(observer),
      nsid,
      from: toBoundsJson(clock, from),
      to: toBoundsJson(clock, to),
    })),
    containers: lifespan.containers.flatMap((cgroup) => containerOf(cgroup) ?? []),
    initial,
    references: lifespan.references && {
      ...lifespan.references,
      at: toInstantJson(clock, lifespan.references.at),
    },
    holders,
  };
}

function toCreatorJson(
  creator: Creator,
  containerOf: ContainerOf,
): NonNullable<LifespanJson['creator']> {
  return {
    pid: creator.pid,
    startTimeTicks: String(creator.startTimeTicks),
    ppid: creator.ppid,
    comm: creator.comm,
    exe: creator.exe,
    uid: creator.uid,
    gid: creator.gid,
    loginuid: creator.loginuid,
    session: creator.session,
    cgroup: creator.cgroup,
    containerId: creator.containerId,
    container: containerOf(creator.cgroup),
    how: creator.how,
    evidence: creator.evidence,
  };
}

/** A holder as it is printed, for one of the lifespans it holds. */
export function toHolderJson(
  holder: Holder,
  lifespan: number,
  { clock, containerOf }: Pick<Rendering, 'clock' | 'containerOf'>,
): HolderJson {
  // Field by field: an object made by spreading costs the garbage collector ten times as much.
  return {
    kind: holder.kind,
    lifespan: String(lifespan),
    pid: holder.pid,
    tid: holder.tid,
    fd: holder.fd,
    path: holder.path,
    socketInode: holder.socketInode,
    interface: holder.interface,
    ppid: holder.ppid,
    comm: holder.comm,
    exe: holder.exe,
    uid: holder.uid,
    gid: holder.gid,
    loginuid: holder.loginuid,
    session: holder.session,
    cgroup: holder.cgroup,
    containerId: holder.containerId,
    how: holder.how,
    ancestors: holder.ancestors,
    holder: String(holder.id),
    startTimeTicks: holder.startTimeTicks === null ? null : String(holder.startTimeTicks),
    container: containerOf(holder.cgroup),
    mountNamespace: toIdJson(holder.mountNamespace),
    namespace: toIdJson(holder.namespace),
    set: toIdJson(holder.set),
    observer: holder.observer === true,
    from: toBoundsJson(clock, holder.from),
    to: toBoundsJson(clock, holder.to),
  };
}

function toIdJson(value: number | null): string | null {
  return value === null ? null : String(value);
}
