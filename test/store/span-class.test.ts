/** Duration classes: an interval that is put into too small a class would never be found. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FOREVER_US } from '../../src/domain/time.ts';
import { OPEN_CLASS, toClassWidthUs, toSpanClass } from '../../src/store/span-class.ts';

const durationUs = fc.oneof(
  fc.nat(),
  fc.maxSafeNat(),
  // Just around every power of two, where a rounded logarithm errs.
  fc
    .tuple(fc.integer({ min: 0, max: 52 }), fc.integer({ min: -2, max: 2 }))
    .map(([exponent, offset]) => Math.max(0, 2 ** exponent + offset)),
);

describe('the class of an interval', () => {
  test('is the smallest, from 10 on, that is wider than the interval', () => {
    fc.assert(
      fc.property(fc.nat(), durationUs, (fromUs, lengthUs) => {
        const toUs = fromUs + lengthUs;
        fc.pre(toUs < FOREVER_US);
        const spanClass = toSpanClass(fromUs, toUs);
        expect(toClassWidthUs(spanClass)).toBeGreaterThan(lengthUs);
        expect(spanClass === 10 || toClassWidthUs(spanClass - 1) <= lengthUs).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  test('is known for lengths of note', () => {
    const classes = [0, 1, 1_023, 1_024, 1_025, 60_000_000, 86_400_000_000, 2 ** 32, 2 ** 52];
    expect(classes.map((lengthUs) => toSpanClass(5, 5 + lengthUs))).toEqual([
      10, 10, 10, 11, 11, 26, 37, 33, 53,
    ]);
  });

  test('is 63 while it is open, and that reaches back for ever', () => {
    expect(toSpanClass(0, FOREVER_US)).toBe(OPEN_CLASS);
    expect(OPEN_CLASS).toBe(63);
    expect(toClassWidthUs(OPEN_CLASS)).toBe(FOREVER_US);
  });
});
