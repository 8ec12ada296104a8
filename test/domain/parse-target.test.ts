import { describe, expect, test } from 'vitest';
import { parseTarget } from '../../src/domain/parse-target.ts';

describe('a target', () => {
  test.each([
    ['4026532268', { kind: 'inum', inum: 4_026_532_268, type: null }],
    ['net:[4026532268]', { kind: 'inum', inum: 4_026_532_268, type: 'net' }],
    ['net:4026532268', { kind: 'inum', inum: 4_026_532_268, type: 'net' }],
    ['cgroup:[4294967295]', { kind: 'inum', inum: 4_294_967_295, type: 'cgroup' }],
    [':1283', { kind: 'kernel-id', kernelNamespaceId: '1283' }],
    [':18446744073709551615', { kind: 'kernel-id', kernelNamespaceId: '18446744073709551615' }],
    [':007', { kind: 'kernel-id', kernelNamespaceId: '7' }],
    ['#734112', { kind: 'lifespan', lifespan: 734_112 }],
    ['/run/netns/blue', { kind: 'name', name: '/run/netns/blue' }],
    ['/run/netns/with space and ü', { kind: 'name', name: '/run/netns/with space and ü' }],
  ])('%s', (text, target) => {
    expect(parseTarget(text)).toEqual(target);
  });

  test.each([
    '',
    '0',
    '-5',
    '1.5',
    '0x10',
    '4294967296',
    '99999999999',
    '[4026532268]',
    'net:',
    'net:[]',
    'net:[4026532268',
    'nett:[4026532268]',
    'pid_for_children:[4026532268]',
    'net:[0]',
    ':',
    ':0',
    ':18446744073709551616',
    ':-1',
    '#',
    '#-1',
    '#12a',
    '#1234567890123456',
    'blue',
    'run/netns/blue',
    '/',
    '/a\0b',
    ' 4026532268',
  ])('%j is refused by name, with the accepted forms', (text) => {
    expect(() => parseTarget(text)).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: expect.stringMatching(/cannot read the target ".*net:\[4026532268\].*#734112/s),
      }),
    );
  });
});
