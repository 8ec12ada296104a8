/** Levels of a disk that fills: what begins when, what ends when, and what they cost. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DEFAULT_DISK_POLICY,
  judgeDiskLevel,
  limitGrowth,
  parseDiskPolicy,
  sizeBallast,
  type DiskLevel,
} from '../../src/domain/disk-policy.ts';
import { DEFAULT_GROWTH_POLICY } from '../../src/domain/growth-policy.ts';

const MIB = 1_048_576;
const LARGE = { totalBytes: 1_000_000 * MIB };
const LEVELS: readonly DiskLevel[] = ['ample', 'low', 'reduced', 'suspended'];

function judge(previous: DiskLevel, freeMib: number): DiskLevel {
  return judgeDiskLevel(previous, { ...LARGE, freeBytes: freeMib * MIB }, DEFAULT_DISK_POLICY);
}

describe('the level of a disk', () => {
  test.each<[freeMib: number, level: DiskLevel]>([
    [513, 'ample'],
    [511, 'low'],
    [127, 'reduced'],
    [31, 'suspended'],
    [0, 'suspended'],
  ])('with %i MiB free of a large one is %s', (freeMib, level) => {
    expect(judge('ample', freeMib)).toBe(level);
  });

  test('of a small one goes by its size, so that an empty one is never full', () => {
    const space = { totalBytes: 100 * MIB, freeBytes: 90 * MIB };
    expect(judgeDiskLevel('ample', space, DEFAULT_DISK_POLICY)).toBe('ample');
    expect(judgeDiskLevel('ample', { ...space, freeBytes: MIB }, DEFAULT_DISK_POLICY)).toBe(
      'suspended',
    );
  });

  test('is left only with a quarter more free than it begins at', () => {
    expect(judge('reduced', 159)).toBe('reduced');
    expect(judge('reduced', 161)).toBe('low');
    expect(judge('reduced', 639)).toBe('low');
    expect(judge('reduced', 641)).toBe('ample');
  });

  test('stays the same when it is judged again, and never falls as room shrinks', () => {
    const mebibytes = fc.integer({ min: 0, max: 1_000 });
    const level = fc.constantFrom(...LEVELS);
    fc.assert(
      fc.property(level, mebibytes, mebibytes, (previous, one, other) => {
        const rank = (freeMib: number) => LEVELS.indexOf(judge(previous, freeMib));
        expect(judge(judge(previous, one), one)).toBe(judge(previous, one));
        expect(rank(Math.min(one, other))).toBeGreaterThanOrEqual(rank(Math.max(one, other)));
      }),
    );
  });

  test('of a file system that does not say its size is ample', () => {
    const space = { totalBytes: 0, freeBytes: 0 };
    expect(judgeDiskLevel('ample', space, DEFAULT_DISK_POLICY)).toBe('ample');
  });
});

test('members are counted instead of listed from `reduced` on; births are listed at every level', () => {
  const { births, holders } = DEFAULT_GROWTH_POLICY;
  expect(limitGrowth('low', DEFAULT_GROWTH_POLICY)).toEqual(DEFAULT_GROWTH_POLICY);
  expect(holders.burst).toBeGreaterThan(0);
  expect(limitGrowth('reduced', DEFAULT_GROWTH_POLICY)).toEqual({
    births,
    holders: { burst: 0, perSecond: 0 },
    movers: { burst: 0, perSecond: 0 },
  });
});

test('the ballast is 8 MiB, and less on a small disk', () => {
  expect(sizeBallast(LARGE)).toBe(8 * MIB);
  expect(sizeBallast({ totalBytes: 50 * MIB })).toBe(MIB);
  expect(sizeBallast({ totalBytes: 100_000 })).toBe(65_536);
});

describe('limits as text', () => {
  test('are sizes or shares', () => {
    expect(parseDiskPolicy('1.5G,128M,5%')).toEqual({
      low: { bytes: 1_536 * MIB, percent: null },
      reduced: { bytes: 128 * MIB, percent: null },
      suspended: { bytes: null, percent: 5 },
    });
  });

  test.each(['', '1M', '1M,2M', '1M,2M,3M,4M', '1,2,3', '1M,2M,101%', '1M,-2M,3M', '1M,2M,3X'])(
    '%j is none',
    (text) => {
      expect(parseDiskPolicy(text)).toBeUndefined();
    },
  );
});
