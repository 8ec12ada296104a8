/**
 * What must hold of every record whatever happens on a host: random stories through the real rules.
 *
 * Real: deriveEvents and evolve. Modelled: the host (test/support/scan-model.ts).
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Bounds } from '../../src/domain/bounds.ts';
import type { Change } from '../../src/domain/change.ts';
import { fromStoredEvent, toStoredEvent } from '../../src/domain/event.ts';
import { evolve } from '../../src/domain/evolve.ts';
import type { Holder } from '../../src/domain/holder.ts';
import { emptyKnown, type Known } from '../../src/domain/known.ts';
import type { Lifespan } from '../../src/domain/lifespan.ts';
import { storyArbitrary, tellStory } from '../support/scan-model.ts';

const RUNS = Number(process.env['NSAUDIT_PROPERTY_RUNS'] ?? 100);

function lowest({ after, by }: Bounds): number {
  return after ?? by;
}

function checkLifespan(lifespan: Lifespan): void {
  const { born, gone, holdersNow, holdersEver } = lifespan;
  const text = JSON.stringify(lifespan);
  expect(lowest(born), text).toBeLessThanOrEqual(born.by);
  expect(holdersNow, text).toBeGreaterThanOrEqual(0);
  expect(holdersEver, text).toBeGreaterThanOrEqual(holdersNow);
  if (gone) {
    expect(holdersNow, text).toBe(0);
    expect(lowest(gone), text).toBeLessThanOrEqual(gone.by);
    expect(lowest(born), text).toBeLessThanOrEqual(gone.by);
    expect(born.after ?? 0, text).toBeLessThanOrEqual(lowest(gone));
  }
}

function checkHolder(known: Known, holder: Holder): void {
  const { from, to, set, lifespan } = holder;
  const text = JSON.stringify(holder);
  expect(lowest(from), text).toBeLessThanOrEqual(from.by);
  if (to) {
    expect(lowest(to), text).toBeLessThanOrEqual(to.by);
    expect(lowest(from), text).toBeLessThanOrEqual(to.by);
  } else {
    expect(set === null || known.sets.has(set), text).toBe(true);
    expect(lifespan === null || known.lifespans.has(lifespan), text).toBe(true);
  }
}

function checkChange(known: Known, change: Change): void {
  if (change.record === 'lifespan') {
    checkLifespan(change.value);
  } else if (change.record === 'holder') {
    checkHolder(known, change.value);
  }
}

/** Holders of each open lifespan, counted one by one. */
function countHolders(known: Known): Map<number, number> {
  const counts = new Map([...known.lifespans.keys()].map((id) => [id, 0]));
  const add = (id: number, count: number): void => {
    counts.set(id, (counts.get(id) ?? 0) + count);
  };
  for (const { set, lifespan } of known.holders.values()) {
    const held = set === null ? [lifespan] : (known.sets.get(set)?.namespaces ?? []);
    held.forEach((id) => id !== null && add(id, 1));
  }
  for (const { namespaces, counted } of known.sets.values()) {
    namespaces.forEach((id) => add(id, counted));
  }
  return counts;
}

describe('whatever happens', () => {
  test('bounds are in order, counts are right, and events follow one another in time', () => {
    fc.assert(
      fc.property(storyArbitrary(100), fc.boolean(), (story, isFull) => {
        const known = emptyKnown();
        let lastAt = 0;
        for (const event of tellStory(story, {
          initialHolders: isFull ? 'full' : 'count',
        }).flat()) {
          expect(event.at).toBeGreaterThanOrEqual(lastAt);
          lastAt = event.at;
          evolve(known, event).forEach((change) => checkChange(known, change));
        }
        const counted = [...known.lifespans.values()].map(({ id, holdersNow }) => [id, holdersNow]);
        expect(new Map(counted as [number, number][])).toEqual(countHolders(known));
      }),
      { numRuns: RUNS },
    );
  }, 120_000);

  test('an event that was stored and read back is the same event', () => {
    fc.assert(
      fc.property(storyArbitrary(60), (story) => {
        for (const event of tellStory(story).flat()) {
          expect(fromStoredEvent(toStoredEvent(event))).toEqual(event);
        }
      }),
      { numRuns: 30 },
    );
  }, 120_000);
});
