import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatBounds, formatSpan, formatSpanExactly } from '../../src/cli/bounds-text.ts';
import { parseSpanUs } from '../../src/domain/parse-time.ts';
import { fromRfc3339, toRfc3339 } from '../../src/domain/time.ts';

const BY = '2026-11-22T10:17:03.512345Z';

describe('bounds', () => {
  test.each([
    [{ after: '2026-11-22T10:17:02.503000Z', by: BY }, '2026-11-22T10:17:03.513Z -1.01s'],
    [{ after: '2026-11-22T10:17:03.512045Z', by: BY }, '2026-11-22T10:17:03.513Z -955us'],
    [{ after: '2026-11-22T08:00:00.000000Z', by: BY }, '2026-11-22T10:17:03.513Z -2h18m'],
    [{ after: '2026-11-19T08:00:00.000000Z', by: BY }, '2026-11-22T10:17:03.513Z -3d03h'],
    [{ after: null, by: BY }, 'before 2026-11-22T10:17:03.513Z'],
    [{ after: BY, by: BY }, BY],
  ])('%j is shown as %s', (bounds, shown) => {
    expect(formatBounds({ ...bounds, evidence: 'scan' })).toBe(shown);
  });

  test('what has not happened is shown as nothing', () => {
    expect(formatBounds(null)).toBeNull();
  });

  test('the interval shown contains the interval recorded', () => {
    const instant = fc.integer({ min: 0, max: 4_000_000_000_000_000 });
    const span = fc.oneof(
      fc.integer({ min: 1, max: 5_000_000 }),
      fc.integer({ min: 1, max: 1e13 }),
    );
    fc.assert(
      fc.property(instant, span, (afterUs, spanUs) => {
        const bounds = { after: toRfc3339(afterUs), by: toRfc3339(afterUs + spanUs) };
        const shown = formatBounds({ ...bounds, evidence: 'scan' }) ?? '';
        const [by = '', width = ''] = shown.split(' -');
        const shownByUs = fromRfc3339(by) ?? Number.NaN;
        const shownSpanUs = parseSpanUs(width) ?? Number.NaN;
        expect(shownByUs).toBeGreaterThanOrEqual(afterUs + spanUs);
        expect(shownByUs - shownSpanUs).toBeLessThanOrEqual(afterUs);
      }),
    );
  });
});

describe('spans', () => {
  test.each([
    [0, '0us'],
    [999, '999us'],
    [1_000, '1ms'],
    [1_501, '1.6ms'],
    [436_301, '437ms'],
    [9_901, '10ms'],
    [999_999, '1s'],
    [1_000_000, '1s'],
    [1_004_001, '1.01s'],
    [59_990_001, '1m00s'],
    [3_599_000_001, '1h00m'],
    [86_400_000_000, '1d00h'],
  ])('%d us is %s', (spanUs, shown) => {
    expect(formatSpan(spanUs)).toBe(shown);
  });

  test('a span that is shown exactly is read back exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e13 }), (spanUs) => {
        expect(parseSpanUs(formatSpanExactly(spanUs))).toBe(spanUs);
      }),
    );
  });

  test('a span is never shown shorter than it is, nor by a twentieth longer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e13 }), (spanUs) => {
        const shownUs = parseSpanUs(formatSpan(spanUs)) ?? Number.NaN;
        expect(shownUs).toBeGreaterThanOrEqual(spanUs);
        expect(shownUs - spanUs).toBeLessThanOrEqual(Math.max(100, spanUs / 20));
      }),
    );
  });
});
