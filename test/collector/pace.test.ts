import { describe, expect, test } from 'vitest';
import {
  restAfterScanUs,
  restBeforeWantedScanUs,
  restBetweenScansUs,
  silenceMaxUs,
} from '../../src/collector/pace.ts';

describe('pace', () => {
  test('scans begin one interval apart while they are short', () => {
    expect(restAfterScanUs({ startedAtUs: 0, endedAtUs: 200 }, 1_000)).toBe(800);
  });

  test('a scan slower than its interval is followed by a rest as long as itself: nothing piles up', () => {
    expect(restAfterScanUs({ startedAtUs: 0, endedAtUs: 3_000 }, 1_000)).toBe(3_000);
  });

  test('the rest after a slow scan is never taken for a gap', () => {
    for (const durationUs of [1, 1_000_000, 20_000_000]) {
      const restUs = restAfterScanUs({ startedAtUs: 0, endedAtUs: durationUs }, 1_000_000);
      expect(silenceMaxUs(1_000_000, durationUs)).toBeGreaterThan(restUs * 2);
    }
  });

  test('beside kernel events scans take a third of a percent of a core at most, a tenth when something asks for them', () => {
    for (const busyUs of [500, 8_000, 300_000]) {
      const share = (intervalUs: number) =>
        busyUs / (busyUs + restBetweenScansUs(busyUs, intervalUs));
      expect(share(1_000_000)).toBeLessThanOrEqual(1 / 300);
      expect(share(100_000)).toBeLessThanOrEqual(1 / 30);
      expect(share(10_000)).toBeLessThanOrEqual(1 / 10);
      expect(busyUs / (busyUs + restBeforeWantedScanUs(busyUs))).toBeLessThanOrEqual(0.1);
    }
    expect(restBetweenScansUs(3_000, 1_000_000)).toBe(997_000);
  });
});
