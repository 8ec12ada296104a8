import { describe, expect, test } from 'vitest';
import { parseInteger, parsePid, parseSeq, parseTypes } from '../../src/domain/parse-arguments.ts';

test('types are a list without repetition, in the order given', () => {
  expect(parseTypes('net')).toEqual(['net']);
  expect(parseTypes('uts, net,uts')).toEqual(['uts', 'net']);
});

test.each(['', 'nett', 'net,', 'net;mnt', 'NET', 'pid_for_children'])(
  'what is no type is refused: %j',
  (text) => {
    expect(() => parseTypes(text)).toThrow(/is no namespace type: use one or more of cgroup, ipc/);
  },
);

describe('whole numbers', () => {
  test('are decimal digits within a range', () => {
    expect(parseInteger('7', { what: 'limit', min: 1, max: 1_000 })).toBe(7);
    expect(parsePid('2147483647')).toBe(2_147_483_647);
    expect(parseSeq('0')).toBe(0);
  });

  test.each(['', '0', '1001', '1e3', '1.0', ' 7', '0x7', '-1', '99999999999999999999'])(
    'anything else is refused: %j',
    (text) => {
      expect(() => parseInteger(text, { what: 'limit', min: 1, max: 1_000 })).toThrow(
        `limit "${text}" is not a whole number from 1 to 1000.`,
      );
    },
  );

  test.each(['0', '2147483648', '-4'])('no process has the id %s', (text) => {
    expect(() => parsePid(text)).toThrow(/pid/);
  });
});
