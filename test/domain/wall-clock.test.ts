import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromRfc3339, toRfc3339 } from '../../src/domain/time.ts';
import { anchorBoot, buildWallClock, isWallStep } from '../../src/domain/wall-clock.ts';

const HOUR_US = 3_600_000_000;

describe('timeline and wall time', () => {
  test('without recorded offsets both are equal', () => {
    expect(buildWallClock([]).toWallUs(42)).toBe(42);
    expect(buildWallClock([]).toTimelineUs(42)).toBe(42);
  });

  test('a wall time that was shown twice means the later moment', () => {
    const clock = buildWallClock([{ fromUs: 10 * HOUR_US, offsetUs: -HOUR_US }]);
    expect(clock.toTimelineUs(9.5 * HOUR_US)).toBe(10.5 * HOUR_US);
  });

  test('a wall time that was jumped over means the moment of the jump', () => {
    const clock = buildWallClock([
      { fromUs: 0, offsetUs: 0 },
      { fromUs: 10 * HOUR_US, offsetUs: HOUR_US },
    ]);
    expect(clock.toTimelineUs(10.5 * HOUR_US)).toBe(10 * HOUR_US);
  });

  test('going to wall time and back never leads to an earlier moment', () => {
    const offsets = fc
      .array(
        fc.record({
          gap: fc.integer({ min: 1, max: 10 * HOUR_US }),
          offsetUs: fc.integer({ min: -HOUR_US, max: HOUR_US }),
        }),
      )
      .map((steps) => {
        let fromUs = 0;
        return steps.map(({ gap, offsetUs }) => ({ fromUs: (fromUs += gap), offsetUs }));
      });
    fc.assert(
      fc.property(offsets, fc.integer({ min: 0, max: 100 * HOUR_US }), (steps, timelineUs) => {
        const clock = buildWallClock(steps);
        const wallUs = clock.toWallUs(timelineUs);
        const back = clock.toTimelineUs(wallUs);
        expect(back).toBeGreaterThanOrEqual(timelineUs);
        expect(clock.toWallUs(back) === wallUs || back > timelineUs).toBe(true);
      }),
    );
  });

  test('the timeline of a boot in 1970 goes on where the log ended', () => {
    const lastTimelineUs = 1_795_305_600_000_000;
    const { anchorUs, offsetUs } = anchorBoot({
      wallUs: 30_000_000,
      bootTimeUs: 20_000_000,
      lastTimelineUs,
    });
    expect(anchorUs).toBe(lastTimelineUs + 1);
    expect(anchorUs + 20_000_000 + offsetUs).toBe(30_000_000);
  });

  test('slewing is no step, half a second and more is', () => {
    expect(isWallStep(0, 499_999)).toBe(false);
    expect(isWallStep(0, -500_001)).toBe(true);
  });
});

describe('RFC 3339', () => {
  test('text and microseconds are one to one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000_000_000 }), (us) => {
        expect(fromRfc3339(toRfc3339(us))).toBe(us);
      }),
    );
    expect(toRfc3339(1_795_305_600_000_001)).toBe('2026-11-22T00:00:00.000001Z');
  });

  test.each([
    '2026-02-31T00:00:00Z',
    '2026-11-22',
    '2026-11-22T25:00:00Z',
    '2026-11-22T00:00:00',
    '2026-11-22T00:00:00+25:00',
  ])('what is no instant is refused: %s', (text) => {
    expect(fromRfc3339(text)).toBeUndefined();
  });

  test('an offset is taken into account', () => {
    expect(fromRfc3339('2026-11-22T02:00:00.5+02:00')).toBe(1_795_305_600_500_000);
  });
});
