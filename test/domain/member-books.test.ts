/**
 * Members beyond the budget of their set: whatever joins and leaves, the log tells of each of them once.
 *
 * Real: the books, the draft, the fold. Modelled: who joins and leaves one set, as kernel events would say.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exactly, LIFESPAN, OneSet, SECOND_US, START_US } from '../support/one-set.ts';
import { only } from '../support/scan-builder.ts';

/** What the log says of the members, listed and counted. */
function tally({ log }: OneSet) {
  const listed = only(log, 'holder.gained');
  const churned = only(log, 'holders.churned');
  const byComm = new Map<string, number>();
  const add = (comm: string, count: number) => byComm.set(comm, (byComm.get(comm) ?? 0) + count);
  listed.forEach(({ comm }) => add(comm ?? '', 1));
  churned.forEach((event) =>
    Object.entries(event.byComm).forEach(([comm, count]) => add(comm, count)),
  );
  return { listed, churned, byComm };
}

const stepArbitrary = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('join' as const),
      comm: fc.constantFrom('sh', 'true', 'nginx', ''),
      isMover: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('leave' as const), index: fc.nat(50) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), us: fc.nat(90_000_000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reconcile' as const) }) },
);

function play(
  set: OneSet,
  steps: readonly (typeof stepArbitrary extends fc.Arbitrary<infer Step> ? Step : never)[],
) {
  set.join('first');
  for (const step of steps) {
    set.pass(1_000);
    if (step.do === 'join') {
      set.join(step.comm, step.isMover);
    } else if (step.do === 'leave') {
      const pid = [...set.inside.keys()][step.index % Math.max(1, set.inside.size)];
      if (pid !== undefined) {
        set.leave(pid);
      }
    } else if (step.do === 'pass') {
      set.pass(step.us);
    } else {
      set.reconcile();
    }
  }
}

const budget = fc.record({ burst: fc.nat(4), perSecond: fc.nat(2) });
const limits = fc.record({ holders: budget, movers: budget });

function limitsOf(burst: number) {
  return { holders: { burst, perSecond: 0 }, movers: { burst: 2, perSecond: 0 } };
}
const steps = fc.array(stepArbitrary, { maxLength: 120, size: 'max' });

describe('listed and counted members', () => {
  test('are together all that there were, in total and by comm, and nobody is both', () => {
    fc.assert(
      fc.property(limits, steps, (limit, story) => {
        const set = new OneSet(limit);
        play(set, story);
        set.stop();
        const { listed, churned, byComm } = tally(set);
        expect(byComm).toEqual(set.joined);
        expect(new Set(listed.map(({ pid }) => pid)).size).toBe(listed.length);
        churned.forEach(({ gained, lost, byComm: counts }) => {
          expect(lost).toBe(gained);
          expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(gained);
        });
        // Whoever is inside at the end is listed, and the counts of the fold are the truth.
        const open = [...set.known.holders.values()].map(({ pid }) => pid);
        expect(new Set(open)).toEqual(new Set(set.inside.keys()));
        const total = [...set.joined.values()].reduce((sum, count) => sum + count, 0);
        expect(set.known.lifespans.get(LIFESPAN)).toMatchObject({
          holdersNow: set.inside.size,
          holdersEver: total,
        });
      }),
      { numRuns: 200 },
    );
  });

  test('the first and the last member are listed with both ends', () => {
    fc.assert(
      fc.property(limits, steps, (limit, story) => {
        const set = new OneSet(limit);
        play(set, story);
        for (const pid of set.inside.keys()) {
          set.pass(1_000);
          set.leave(pid);
        }
        const last = set.lastLeft;
        set.end();
        const { listed } = tally(set);
        expect(listed[0]).toMatchObject({ pid: 1, namespaces: [LIFESPAN] });
        const lost = only(set.log, 'holder.lost').map(({ pid }) => pid);
        expect(last === null || listed.some(({ pid }) => pid === last)).toBe(true);
        expect(last === null || lost.includes(last)).toBe(true);
        expect(set.books.size).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test('are counted before the set ends with one of its namespaces, also who was still pending', () => {
    const set = new OneSet(limitsOf(1));
    set.join('first');
    set.join('a');
    set.join('b');
    set.leave(2);
    set.end();
    expect(set.log.slice(-2).map(({ event }) => event)).toEqual([
      'holders.churned',
      'namespace.disappeared',
    ]);
    expect(tally(set).churned).toMatchObject([{ gained: 2, lost: 2, byComm: { a: 1, b: 1 } }]);
  });

  test('who made a namespace or changed namespaces itself has a budget of its own', () => {
    const set = new OneSet(limitsOf(0));
    set.join('first');
    const movers = [1, 2, 3, 4].map(() => {
      const pid = set.join('mover', true);
      set.leave(pid);
      return pid;
    });
    set.stop();
    expect(tally(set).listed.map(({ pid }) => pid)).toEqual([1, ...movers.slice(0, 2)]);
    expect(tally(set).churned).toMatchObject([{ gained: 2, byComm: { mover: 2 } }]);
  });

  test('who outlives a whole time between two reconciles is listed, with when it came', () => {
    const set = new OneSet(limitsOf(0));
    set.join('first');
    set.pass(SECOND_US);
    const stays = set.join('stays');
    const atUs = START_US + SECOND_US;
    set.pass(SECOND_US);
    set.reconcile();
    expect(tally(set).listed).toHaveLength(1);
    set.pass(SECOND_US);
    set.reconcile();
    expect(tally(set).listed[1]).toMatchObject({ pid: stays, from: exactly(atUs) });
  });

  test('counts are written at most once a heartbeat', () => {
    const set = new OneSet(limitsOf(0));
    set.join('first');
    for (let second = 0; second < 300; second += 1) {
      set.leave(set.join('sh'));
      set.pass(SECOND_US);
      set.reconcile();
    }
    const { churned } = tally(set);
    expect(churned).toHaveLength(5);
    for (const [index, { from }] of churned.entries()) {
      expect(from).toBeGreaterThanOrEqual(churned[index - 1]?.to ?? 0);
    }
  });

  test('the 20 most frequent names are counted exactly, the rest together', () => {
    const set = new OneSet(limitsOf(0));
    set.join('first');
    for (let index = 0; index < 30; index += 1) {
      for (let time = 0; time <= index; time += 1) {
        set.leave(set.join(`c${index}`));
      }
    }
    set.stop();
    const [churned] = tally(set).churned;
    const expected = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`c${29 - index}`, 30 - index]),
    );
    expect(churned?.byComm).toEqual({ ...expected, '': 55 });
  });
});
