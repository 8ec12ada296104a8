/** What tests of lives ask a record, against what the lab measured. */
import { expect } from 'vitest';
import type { Bounds } from '../../src/domain/bounds.ts';
import type { Holder } from '../../src/domain/holder.ts';
import type { Lifespan } from '../../src/domain/lifespan.ts';
import type { NamespaceType } from '../../src/domain/namespace-type.ts';
import type { Record, Step } from './lab.ts';

/** The only life of a namespace that is not an initial one. */
export function requireLife(
  record: Record,
  type: NamespaceType,
  inum: number | undefined,
): Lifespan {
  const lives = record.lifespans.filter(
    (life) => life.type === type && life.inum === inum && !life.initial,
  );
  expect(lives, `one life of ${type}:[${inum}]`).toHaveLength(1);
  const [life] = lives;
  if (!life) {
    throw new Error('unreachable');
  }
  return life;
}

/** Every holder a life ever had, members of its sets included. */
export function holdersOf(record: Record, life: Lifespan): Holder[] {
  const sets = new Map<number, readonly number[]>();
  for (const event of record.events) {
    if (
      (event.event === 'holder.gained' || event.event === 'holders.churned') &&
      event.namespaces &&
      event.set !== null
    ) {
      sets.set(event.set, event.namespaces);
    }
  }
  return record.holders.filter(
    ({ lifespan, set }) =>
      lifespan === life.id || (set !== null && sets.get(set)?.includes(life.id)),
  );
}

/** The step happened within [beforeUs, afterUs]; a birth must lie in (after, by]. */
export function expectWithin(
  record: Record,
  bounds: Bounds,
  step: Step<unknown>,
  what: string,
): void {
  expect(bounds.after ?? 0, `${what}: after`).toBeLessThanOrEqual(record.anchorUs + step.afterUs);
  expect(bounds.by, `${what}: by`).toBeGreaterThanOrEqual(record.anchorUs + step.beforeUs);
}

/** An end lies in [after, by). */
export function expectEndWithin(
  record: Record,
  bounds: Bounds | null,
  step: Step<unknown>,
  what: string,
): void {
  expect(bounds, `${what}: has ended`).not.toBeNull();
  expect(bounds?.after ?? 0, `${what}: after`).toBeLessThanOrEqual(record.anchorUs + step.afterUs);
  expect(bounds?.by ?? 0, `${what}: by`).toBeGreaterThanOrEqual(record.anchorUs + step.beforeUs);
}

/** The last life of a namespace: its inum may have been used before. */
export function lastLife(
  record: Record,
  type: NamespaceType,
  inum: number | undefined,
): Lifespan | undefined {
  return record.lifespans
    .filter((life) => life.type === type && life.inum === inum && !life.initial)
    .toSorted((left, right) => left.id - right.id)
    .at(-1);
}

/** The instant is exact, and lies within the step. */
export function expectExactlyWithin(
  record: Record,
  bounds: Bounds | null,
  step: Step<unknown>,
  what: string,
): void {
  expect(bounds, what).toMatchObject({ evidence: 'kernel-event' });
  expect(bounds?.after, `${what}: exact`).toBe(bounds?.by);
  expect(bounds?.by ?? 0, `${what}: not before`).toBeGreaterThanOrEqual(
    record.anchorUs + step.beforeUs,
  );
  expect(bounds?.by ?? 0, `${what}: not after`).toBeLessThanOrEqual(record.anchorUs + step.afterUs);
}
