/**
 * Reads back what was kept of removed events (retained.ts): the state at the cut, and the records that read.db
 * begins with.
 */
import { z } from 'zod';
import type { Change } from './change.ts';
import { containerSchema } from './container.ts';
import { InvariantError } from './errors.ts';
import { fromStoredEvent, type EventName, type EventOf } from './event.ts';
import { clipCoverage } from './evolve.ts';
import { holderSchema, toHolderKey } from './holder.ts';
import { emptyKnown, indexHolder, indexLifespan, indexSet, type Known } from './known.ts';
import { lifespanSchema } from './lifespan.ts';

const id = z.number().int().nonnegative();
const timelineUs = z.number().int();

export const RETAINED_RECORDS = [
  'head',
  'wall-offset',
  'lifespan',
  'set',
  'holder',
  'container',
  'incarnation',
  'coverage',
  'gap',
] as const;

/** One record as it is stored: a JSON body without nulls, under a kind and an id. */
export interface RetainedRecord {
  readonly record: (typeof RETAINED_RECORDS)[number];
  /** Of wall-offset: its place in the row of them; of incarnation: the inum; 0 of head; else a seq. */
  readonly id: number;
  readonly body: string;
}

const headSchema = z.object({
  /** seq and instant of the last event that was folded in. */
  position: id,
  lastAt: timelineUs,
  isCollecting: z.boolean(),
  /** Instant of the first event there ever was. */
  firstAt: timelineUs,
  /** Nothing that is kept is incomplete from this instant on. */
  knownFrom: timelineUs,
  boot: z
    .object({ seq: id, boot: z.string(), kernel: z.string(), anchorUs: timelineUs })
    .nullable()
    .default(null),
});

const wallOffsetSchema = z.object({ fromUs: timelineUs, offsetUs: z.number().int() });
const setSchema = z.object({ id, namespaces: z.array(id), counted: id });
const incarnationSchema = z.object({ lives: id });
const storedEventSchema = z.object({
  seq: id,
  event: z.string(),
  version: id,
  at: timelineUs,
  body: z.string(),
});

/** As it is stored, what may be left out left out. */
export type RetainedHead = z.input<typeof headSchema>;

/** By kind, as the list of kinds has them, then by id. */
export function inOrder(left: RetainedRecord, right: RetainedRecord): number {
  const kind = RETAINED_RECORDS.indexOf(left.record) - RETAINED_RECORDS.indexOf(right.record);
  return kind === 0 ? left.id - right.id : kind;
}

/** What kept records say: the state at the cut, and the records of read.db that it consists of. */
export interface Restored {
  readonly known: Known;
  readonly changes: readonly Change[];
  /** Instant of the first event there ever was. */
  readonly firstAtUs: number;
}

/**
 * Reads kept records back. They must be all there are, in any order.
 *
 * Errors: InvariantError or a ZodError when they are not what `records` gave.
 */
export function restoreRetained(records: readonly RetainedRecord[]): Restored {
  const of = (kind: RetainedRecord['record']) =>
    records
      .filter(({ record }) => record === kind)
      .toSorted(inOrder)
      .map((kept) => ({ key: kept.id, value: JSON.parse(kept.body) as unknown }));
  const [first] = of('head');
  if (first === undefined) {
    throw new InvariantError('what was kept of the removed events has no head');
  }
  const head = headSchema.parse(first.value);
  const known = emptyKnown();
  const changes: Change[] = [];
  known.position = head.position;
  known.lastAt = head.lastAt;
  known.isCollecting = head.isCollecting;
  known.knownFromUs = head.knownFrom;
  if (head.boot) {
    const { seq, ...boot } = head.boot;
    known.boot = boot;
    changes.push({ record: 'boot', value: boot, seq });
  }
  for (const { value } of of('wall-offset')) {
    const offset = wallOffsetSchema.parse(value);
    known.wallOffsets.push(offset);
    changes.push({ record: 'wall-offset', value: offset });
  }
  restoreHeld(known, changes, of);
  for (const { key, value } of of('container')) {
    const container = containerSchema.parse(value);
    known.containers.set(container.cgroup, container);
    changes.push({ record: 'container', value: container, seq: key });
  }
  for (const { key: inum, value } of of('incarnation')) {
    const { lives } = incarnationSchema.parse(value);
    known.incarnations.set(inum, lives);
    changes.push({ record: 'incarnation', boot: known.boot?.boot ?? '', inum, lives });
  }
  for (const { value } of of('coverage')) {
    const coverage = readEvent(value, 'coverage.changed');
    known.coverage = coverage;
    const { from: fromUs } = coverage;
    changes.push({ record: 'coverage', value: clipCoverage(known, coverage), fromUs });
  }
  for (const { key, value } of of('gap')) {
    const gap = readEvent(value, 'observation.gap');
    known.openGaps.set(key, gap);
    changes.push({ record: 'gap', value: gap, closed: null });
  }
  return { known, changes, firstAtUs: head.firstAt };
}

/** Lifespans first: sets are of lifespans, and holders of either. */
function restoreHeld(
  known: Known,
  changes: Change[],
  of: (kind: RetainedRecord['record']) => readonly { readonly value: unknown }[],
): void {
  for (const { value } of of('lifespan')) {
    const lifespan = lifespanSchema.parse(value);
    indexLifespan(known, lifespan);
    changes.push({ record: 'lifespan', value: lifespan });
    for (const [place, cgroup] of lifespan.containers.entries()) {
      changes.push({ record: 'container-use', value: { lifespan: lifespan.id, place, cgroup } });
    }
  }
  for (const { value } of of('set')) {
    const set = { ...setSchema.parse(value), members: new Set<number>() };
    indexSet(known, set);
    changes.push({ record: 'set', value: set });
  }
  for (const { value } of of('holder')) {
    const holder = holderSchema.parse(value);
    if (holder.to === null) {
      indexHolder(known, toHolderKey(holder), holder);
    }
    changes.push({ record: 'holder', value: holder });
  }
}

/** A kept event of this name. Errors: as fromStoredEvent; InvariantError for one of another name. */
export function readRetainedEvent<Name extends EventName>(
  { body }: Pick<RetainedRecord, 'body'>,
  name: Name,
): EventOf<Name> {
  return readEvent(JSON.parse(body), name);
}

function readEvent<Name extends EventName>(value: unknown, name: Name): EventOf<Name> {
  const event = fromStoredEvent(storedEventSchema.parse(value));
  if (event.event !== name) {
    throw new InvariantError(`event ${event.seq} was kept as ${name}, and is ${event.event}`);
  }
  return event as EventOf<Name>;
}
