/** On the real procfs, because the numbers it gives are what this stands on. */
import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createTaskStatReader } from '../../src/observe/task-stat.ts';
import { useProcTree } from './scan-tree.ts';

const tree = useProcTree();

const readers = [true, false].map((mayUseKoffi) => createTaskStatReader(mayUseKoffi));

test('a task directory has the same inode, instant and number of links with koffi and without', async () => {
  const path = `/proc/${process.pid}/task`;
  // A thread may end in between, so they are compared until nothing changes.
  await expect
    .poll(() => {
      const [withKoffi, without] = readers.map((read) => read(path));
      return { withKoffi, isSame: JSON.stringify(withKoffi) === JSON.stringify(without) };
    })
    .toMatchObject({ withKoffi: { inode: statSync(path).ino }, isSame: true });
});

test('what is not there has no numbers', () => {
  expect(readers.map((read) => read(`${tree.root}/10/task`))).toEqual([null, null]);
  tree.write('10', 'a file');
  expect(readers.map((read) => read(`${tree.root}/10/task`))).toEqual([null, null]);
});
