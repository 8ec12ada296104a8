import { describe, expect, test } from 'vitest';
import { chooseProfile } from '../../src/collector/choose-profile.ts';
import { restAfterScanUs, silenceMaxUs } from '../../src/collector/pace.ts';

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
});

describe('profiles', () => {
  test('what cannot be had is said, and the next lower profile runs', () => {
    expect(chooseProfile('auto')).toEqual({ profile: 'procfs', notice: null });
    expect(chooseProfile('trampoline')).toMatchObject({
      profile: 'procfs',
      notice: expect.stringContaining('trampoline'),
    });
  });
});
