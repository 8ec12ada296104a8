/**
 * What must hold of every record that kernel events make, whatever happens: random stories through the rules.
 *
 * Real: all rules. Modelled: the host and what its hooks tell (test/support/kernel-model.ts).
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Bounds } from '../../src/domain/bounds.ts';
import { settleStorms } from '../../src/domain/derive-kernel-storms.ts';
import { DEFAULT_GROWTH_POLICY } from '../../src/domain/growth-policy.ts';
import { at, KernelAuditor } from '../support/kernel-auditor.ts';
import { KernelModel, kernelStoryArbitrary } from '../support/kernel-model.ts';
import { only } from '../support/scan-builder.ts';

const RUNS = Number(process.env['NSAUDIT_PROPERTY_RUNS'] ?? 150);
const SMALL = {
  holders: { burst: 2, perSecond: 0 },
  movers: { burst: 3, perSecond: 0 },
  births: { perMinuteMax: 6, shortLifeUs: 1_000_000 },
};

function lowest({ after, by }: Bounds): number {
  return after ?? by;
}

function expectInOrder(from: Bounds, to: Bounds | null, what: string): void {
  const end: Bounds = to ?? { after: null, by: Number.MAX_SAFE_INTEGER, evidence: 'scan' };
  expect(lowest(from), what).toBeLessThanOrEqual(from.by);
  expect(lowest(end), what).toBeLessThanOrEqual(end.by);
  expect(lowest(from), what).toBeLessThanOrEqual(end.by);
}

describe.each([
  ['without limits', DEFAULT_GROWTH_POLICY],
  ['with limits that are reached', SMALL],
])('%s', (_name, growth) => {
  test('bounds are in order, counts are right, and what is alive in the end is what the record says', () => {
    fc.assert(
      fc.property(kernelStoryArbitrary, (story) => {
        const auditor = new KernelAuditor({ growth });
        const model = new KernelModel(auditor);
        model.tell(story);
        model.settle();
        auditor.judge(1_000_000, (input, draft) =>
          settleStorms(input, { atUs: at(1_000_000), isStop: true }, draft),
        );
        model.settle();
        for (const life of auditor.lives) {
          expectInOrder(life.born, life.gone, JSON.stringify(life));
          expect(life.holdersNow, JSON.stringify(life)).toBeGreaterThanOrEqual(0);
        }
        for (const holder of auditor.holders) {
          expectInOrder(holder.from, holder.to, JSON.stringify(holder));
        }
        const open = [...auditor.known.lifespans.values()].filter(({ initial }) => !initial);
        const ids = new Set(open.map(({ kernelNamespaceId }) => kernelNamespaceId ?? ''));
        expect(ids).toEqual(model.alive());
        const born = only(auditor.log, 'namespace.born').filter(({ initial }) => !initial);
        const counted = only(auditor.log, 'namespaces.stormed').reduce(
          (sum, { count }) => sum + count,
          0,
        );
        expect(born.length + counted).toBe(model.birthCount);
        expect(new Set(born.map(({ kernelNamespaceId }) => kernelNamespaceId)).size).toBe(
          born.length,
        );
      }),
      { numRuns: RUNS },
    );
  }, 120_000);
});
