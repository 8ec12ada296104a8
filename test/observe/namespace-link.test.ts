import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  createNamespaceLinkReader,
  type NamespaceLinkName,
} from '../../src/observe/namespace-link.ts';
import { useProcTree } from './scan-tree.ts';

const tree = useProcTree();

const NAMES: readonly NamespaceLinkName[] = [
  { path: '/ns/net', type: 'net' },
  { path: '/ns/pid_for_children', type: 'pid' },
];

const readers = [true, false].map((mayUseKoffi) => createNamespaceLinkReader(NAMES, mayUseKoffi));

/** What each reader says of the link of this number. */
function readBoth(directory: string, index = 0): (number | string)[] {
  return readers.map((reader) => {
    reader.enter(directory);
    return reader.read(index);
  });
}

test.each([
  ['net:[4026532268]', 4_026_532_268],
  ['net:[4294967295]', 4_294_967_295],
  ['net:[4294967296]', 'EBADMSG'],
  ['net:[0]', 'EBADMSG'],
  ['net:[]', 'EBADMSG'],
  ['net:[40265x2268]', 'EBADMSG'],
  ['net:[4026532268', 'EBADMSG'],
  ['net:[4026532268]x', 'EBADMSG'],
  ['uts:[4026532268]', 'EBADMSG'],
  [`/${'x'.repeat(400)}`, 'EBADMSG'],
])('with koffi and without, a link that says %s means %s', (text, meaning) => {
  tree.link('10/ns/net', text);
  expect(readBoth(join(tree.root, '10'))).toEqual([meaning, meaning]);
});

test('with koffi and without, what stands against reading a link has the same name', () => {
  tree.write('10/ns/net', 'no link');
  tree.write('11/ns', 'no directory');
  const at = (name: string): (number | string)[] => readBoth(join(tree.root, name));
  expect(at('10')).toEqual(['EINVAL', 'EINVAL']);
  expect(at('11')).toEqual(['ENOTDIR', 'ENOTDIR']);
  expect(at('12')).toEqual(['ENOENT', 'ENOENT']);
  expect(at('x'.repeat(5_000))).toEqual(['ENAMETOOLONG', 'ENAMETOOLONG']);
});

test('links of one directory are those of the directory entered last', () => {
  tree.link('10/ns/net', 'net:[4026532268]');
  tree.link('10/ns/pid_for_children', 'pid:[4026532269]');
  tree.link('1000000/ns/net', 'net:[4026532270]');
  for (const [index, first] of [4_026_532_268, 4_026_532_269].entries()) {
    expect(readBoth(join(tree.root, '1000000'))).toEqual([4_026_532_270, 4_026_532_270]);
    expect(readBoth(join(tree.root, '10'), index)).toEqual([first, first]);
  }
});

test('a link on the real procfs means what its text says, with koffi and without', () => {
  const said = Number(/\d+/.exec(readlinkSync('/proc/self/ns/net'))?.[0]);
  expect(readBoth('/proc/self')).toEqual([said, said]);
});
