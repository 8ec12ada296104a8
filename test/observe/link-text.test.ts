import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createLinkTextReader } from '../../src/observe/link-text.ts';
import { useProcTree } from './scan-tree.ts';

const tree = useProcTree();

const readers = [true, false].map((mayUseKoffi) => createLinkTextReader(mayUseKoffi));

/** What each reader says, the errno name in brackets. */
function readBoth(path: string): string[] {
  return readers.map((reader) => reader.read(path) ?? `(${reader.errno()})`);
}

test('a link says the same with koffi and without, and so does what stands against reading it', () => {
  tree.link('10/ns/net', 'net:[4026532268]');
  tree.link('10/fd/3', `/${'x'.repeat(100)}`);
  tree.write('10/stat', 'no link');
  symlinkSync(Buffer.from([0x2f, 0xff, 0xc3, 0xa9]), join(tree.root, 'bytes'));
  const at = (name: string): string[] => readBoth(join(tree.root, name));
  expect(at('10/ns/net')).toEqual(['net:[4026532268]', 'net:[4026532268]']);
  expect(at('10/fd/3')).toEqual([`/${'x'.repeat(63)}`, `/${'x'.repeat(63)}`]);
  expect(at('bytes')).toEqual(['/\u00ff\u00c3\u00a9', '/\u00ff\u00c3\u00a9']);
  expect(at('10/stat')).toEqual(['(EINVAL)', '(EINVAL)']);
  expect(at('11/ns/net')).toEqual(['(ENOENT)', '(ENOENT)']);
  expect(at('10/stat/net')).toEqual(['(ENOTDIR)', '(ENOTDIR)']);
});

test('a link of a namespace on the real procfs says the same with koffi and without', () => {
  const [first = '', second = ''] = readBoth('/proc/self/ns/net');
  expect(first).toMatch(/^net:\[\d+\]$/);
  expect(second).toBe(first);
});
