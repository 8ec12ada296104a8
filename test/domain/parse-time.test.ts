import { describe, expect, test } from 'vitest';
import { parseSpanUs, parseTime } from '../../src/domain/parse-time.ts';
import { fromRfc3339, toRfc3339 } from '../../src/domain/time.ts';

const NOW = '2026-11-22T10:17:03.250000Z';
const nowUs = fromRfc3339(NOW) ?? 0;

function parse(text: string) {
  const reference = parseTime(text, { nowUs });
  return reference.kind === 'wall' ? toRfc3339(reference.wallUs) : reference;
}

describe('times are UTC', () => {
  test.each([
    ['2026-11-22T10:17:03Z', '2026-11-22T10:17:03.000000Z'],
    ['2026-11-22T12:17:03.000042+02:00', '2026-11-22T10:17:03.000042Z'],
    ['2026-11-22t10:17:03z', '2026-11-22T10:17:03.000000Z'],
    ['2026-11-22T10:17:03.123456789Z', '2026-11-22T10:17:03.123456Z'],
    ['2026-11-22 10:17', '2026-11-22T10:17:00.000000Z'],
    ['2026-11-22T10:17', '2026-11-22T10:17:00.000000Z'],
    ['2026-11-22 10:17:03', '2026-11-22T10:17:03.000000Z'],
    ['2026-11-22 10:17:03.5', '2026-11-22T10:17:03.500000Z'],
    ['2026-11-22 10:17:03 UTC', '2026-11-22T10:17:03.000000Z'],
    ['2026-11-22', '2026-11-22T00:00:00.000000Z'],
    ['@1732270000', '2024-11-22T10:06:40.000000Z'],
    ['@1732270000.5', '2024-11-22T10:06:40.500000Z'],
    ['  2026-11-22  ', '2026-11-22T00:00:00.000000Z'],
  ])('%s', (text, wall) => {
    expect(parse(text)).toBe(wall);
    expect(parseTime(text, { nowUs })).not.toHaveProperty('isRelative');
  });
});

describe('what depends on the instant of asking says so', () => {
  test.each([
    ['10:17', '2026-11-22T10:17:00.000000Z'],
    ['23:59:59.75', '2026-11-22T23:59:59.750000Z'],
    ['today', '2026-11-22T00:00:00.000000Z'],
    ['yesterday', '2026-11-21T00:00:00.000000Z'],
    ['tomorrow', '2026-11-23T00:00:00.000000Z'],
    ['-2h', '2026-11-22T08:17:03.250000Z'],
    ['+5min', '2026-11-22T10:22:03.250000Z'],
    ['2h ago', '2026-11-22T08:17:03.250000Z'],
    ['1h 30min ago', '2026-11-22T08:47:03.250000Z'],
    ['1h30min ago', '2026-11-22T08:47:03.250000Z'],
    ['-1.5 hours', '2026-11-22T08:47:03.250000Z'],
    ['-250ms', '2026-11-22T10:17:03.000000Z'],
    ['-250000us', '2026-11-22T10:17:03.000000Z'],
    ['-250000µs', '2026-11-22T10:17:03.000000Z'],
    ['3 days ago', '2026-11-19T10:17:03.250000Z'],
    ['-1w', '2026-11-15T10:17:03.250000Z'],
    ['-1week 2days', '2026-11-13T10:17:03.250000Z'],
    // A month is 30.44 days and a year 365.25, and M is no m.
    ['-1M', '2026-10-22T23:47:03.250000Z'],
    ['-1m', '2026-11-22T10:16:03.250000Z'],
    ['-1y', '2025-11-22T04:17:03.250000Z'],
  ])('%s', (text, wall) => {
    expect(parse(text)).toBe(wall);
    expect(parseTime(text, { nowUs })).toHaveProperty('isRelative', true);
  });
});

test('an event, the boot and now are no wall times', () => {
  expect(parse('seq:123')).toEqual({ kind: 'seq', seq: 123 });
  expect(parse('boot')).toEqual({ kind: 'boot' });
  expect(parse('now')).toEqual({ kind: 'now' });
});

describe('what can be read in two ways, or in none, is refused by name', () => {
  test.each([
    '',
    ' ',
    '12/11/2026',
    '11-12-2026',
    '22.11.2026',
    '26-11-22',
    '20261122',
    '1732270000',
    '2026-11-22 10',
    '2026-13-01',
    '2026-02-30',
    '2026-11-22 24:00',
    '2026-11-22 10:60',
    '25:00',
    '10',
    '-2',
    '2h',
    '-2 fortnights',
    '-2h ago',
    'ago',
    '--2h',
    '-',
    '@',
    '@-5',
    '@12:00',
    'seq:',
    'seq:-1',
    'seq:1.5',
    'seq:12345678901234567890',
    'noon',
    'Yesterday',
    'last week',
    '-1e3s',
    '9999-12-31',
  ])('%j', (text) => {
    expect(() => parseTime(text, { nowUs })).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: expect.stringMatching(/^(cannot read the time "|the time ").*[.]$/),
      }),
    );
  });

  test('the sentence names the text and every accepted form', () => {
    expect(() => parseTime('12/11/2026', { nowUs })).toThrow(
      /"12\/11\/2026".*RFC 3339.*2026-11-22.*yesterday.*-2h.*ago.*@1732270000.*boot.*seq:123/,
    );
  });
});

test('a duration has units', () => {
  expect(parseSpanUs('500ms')).toBe(500_000);
  expect(parseSpanUs('1h 30min')).toBe(5_400_000_000);
  for (const text of ['', '5', 's', '5 s x', '-5s']) {
    expect(parseSpanUs(text), text).toBeUndefined();
  }
});
