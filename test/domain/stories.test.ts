/**
 * What must hold of every record whatever happens on a host: random stories through the real rules.
 *
 * Real: deriveEvents and evolve. Modelled: the host (test/support/scan-model.ts).
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Bounds } from '../../src/domain/bounds.ts';
import type { Change } from '../../src/domain/change.ts';
import { fromStoredEvent, toStoredEvent, type AuditEvent } from '../../src/domain/event.ts';
import { evolve } from '../../src/domain/evolve.ts';
import type { Holder } from '../../src/domain/holder.ts';
import { emptyKnown, type Known } from '../../src/domain/known.ts';
import type { Lifespan } from '../../src/domain/lifespan.ts';
import { storyArbitrary, tellStory, type Step } from '../support/scan-model.ts';

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

const growthArbitrary = fc.record({
  holders: fc.record({ burst: fc.nat(3), perSecond: fc.nat(1) }),
  movers: fc.record({ burst: fc.nat(3), perSecond: fc.nat(1) }),
  births: fc.constant({ perMinuteMax: 0, shortLifeUs: 0 }),
});

/** A collector that is never killed: what it counts it writes before it ends. */
function withoutKills(story: readonly Step[]): Step[] {
  const kept = story
    .filter((step) => step.do !== 'reboot')
    .map((step) => (step.do === 'restart' ? { ...step, isClean: true } : step));
  return [...kept, { do: 'restart', isClean: true }];
}

/** What the log says up to the last stop, with lifespans numbered as they were born. */
function summarize(batches: readonly (readonly AuditEvent[])[]) {
  const events = batches.flat();
  const end = events.findLastIndex(({ event }) => event === 'collector.stopped');
  const known = emptyKnown();
  const numbers = new Map<number, number>();
  const lives: unknown[] = [];
  const counts = new Map<number, unknown>();
  const members = new Map<string, number>();
  const setNames = new Map<number, string>();
  for (const event of structuredClone(events.slice(0, end + 1))) {
    const set = 'set' in event ? event.set : null;
    if ('namespaces' in event && event.namespaces && set !== null) {
      setNames.set(set, event.namespaces.map((id) => numbers.get(id)).join());
    }
    if (event.event === 'namespace.born') {
      numbers.set(event.seq, numbers.size);
      const { seq: _seq, lifespan: _lifespan, ...rest } = event;
      lives.push(rest);
    } else if (event.event === 'namespace.unheld' || event.event === 'namespace.disappeared') {
      lives.push({ ...event, seq: 0, lifespan: numbers.get(event.lifespan) });
    }
    const name = setNames.get(set ?? -1);
    const add = (comm: string, count: number): void => {
      members.set(`${name} ${comm}`, (members.get(`${name} ${comm}`) ?? 0) + count);
    };
    if (event.event === 'holder.gained' && name !== undefined) {
      add(event.comm ?? '', 1);
    } else if (event.event === 'holders.churned') {
      Object.entries(event.byComm).forEach(([comm, count]) => add(comm, count));
    }
    for (const change of evolve(known, event)) {
      const ids = change.record === 'holder-counts' ? change.lifespans : [];
      for (const id of ids) {
        const { holdersNow, holdersEver } = known.lifespans.get(id) ?? {};
        counts.set(numbers.get(id) ?? -1, [holdersNow, holdersEver]);
      }
    }
  }
  return { lives, counts, members };
}

describe('whatever happens', () => {
  test('limits on growth change neither lives nor how many members of each name a set had', () => {
    fc.assert(
      fc.property(storyArbitrary(100), growthArbitrary, fc.boolean(), (story, growth, isFull) => {
        const initialHolders = isFull ? 'full' : 'count';
        const steps = withoutKills(story);
        const limited = summarize(tellStory(steps, { growth, initialHolders }));
        const endless = { burst: 1_000_000, perSecond: 0 };
        const unlimited = { ...growth, holders: endless, movers: endless };
        const all = summarize(tellStory(steps, { growth: unlimited, initialHolders }));
        expect(limited.lives).toEqual(all.lives);
        expect(limited.members).toEqual(all.members);
        expect(limited.counts).toEqual(all.counts);
      }),
      { numRuns: RUNS },
    );
  }, 120_000);

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
