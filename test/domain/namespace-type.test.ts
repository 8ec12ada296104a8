import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  INITIAL_INUMS,
  isNamespaceType,
  NAMESPACE_TYPES,
  parseNamespaceLink,
  toNamespaceKey,
} from '../../src/domain/namespace-type.ts';

const namespaces = fc.record({
  type: fc.constantFrom(...NAMESPACE_TYPES),
  inum: fc.integer({ min: 1, max: 0xffffffff }),
});

describe('the text of a namespace link', () => {
  test('is read back as the namespace it was written for', () => {
    fc.assert(
      fc.property(namespaces, ({ type, inum }) => {
        expect(parseNamespaceLink(`${type}:[${inum}]`)).toEqual({ type, inum });
      }),
    );
  });

  test('is nothing else that a descriptor may point at', () => {
    const others = [
      '/dev/null',
      'socket:[4026531833]',
      'pipe:[4026531833]',
      'anon_inode:[eventpoll]',
      '/tmp/net:[4026531833]',
      'net:[4026531833] (deleted)',
      'net:[]',
      'net:[-1]',
      'net:[0]',
      'net:[4294967296]',
      'net:4026531833',
      'mount:[4026531833]',
      'net:[4026531833]\n',
      '',
    ];
    for (const text of others) {
      expect(parseNamespaceLink(text), text).toBeUndefined();
    }
  });

  test('is never found in text that does not begin with a type', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const found = parseNamespaceLink(text);
        expect(found === undefined || text === `${found.type}:[${found.inum}]`).toBe(true);
      }),
    );
  });
});

test('two namespaces have the same key only when type and inum are the same', () => {
  fc.assert(
    fc.property(namespaces, namespaces, (left, right) => {
      const isSame = left.type === right.type && left.inum === right.inum;
      const keys = [left, right].map(({ type, inum }) => toNamespaceKey(type, inum));
      expect(keys[0] === keys[1]).toBe(isSame);
    }),
  );
});

test('every type has its own fixed inum, below the numbers that are handed out', () => {
  const inums = NAMESPACE_TYPES.map((type) => INITIAL_INUMS[type]);
  expect(new Set(inums).size).toBe(NAMESPACE_TYPES.length);
  expect(Math.max(...inums)).toBeLessThan(0xf0000000);
});

test('only the eight spellings of /proc/PID/ns are types', () => {
  expect(NAMESPACE_TYPES.every(isNamespaceType)).toBe(true);
  for (const text of ['pid_for_children', 'mount', 'NET', 'net ', '']) {
    expect(isNamespaceType(text), text).toBe(false);
  }
});
