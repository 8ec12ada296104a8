import { describe, expect, test } from 'vitest';
import { INITIAL_INUMS } from '../../src/domain/namespace-type.ts';
import { findProcess, findReport, scanOnce, useProcTree } from './scan-tree.ts';
import { asUnprivileged } from './unprivileged.ts';

const tree = useProcTree();

const GONE = { cgroup: null, ipc: null, mnt: null, net: null, time: null, uts: null };

describe('threads', () => {
  test('a thread is listed with the types that differ from its leader, and only those', () => {
    tree.addProcess(10, {
      links: { uts: 4026532300 },
      threads: {
        11: { links: { uts: 4026532300 } },
        12: { links: { uts: 4026532300, net: 4026532268 }, comm: 'worker', startTimeTicks: 1_007 },
      },
    });
    const scan = scanOnce(tree);
    expect(findProcess(scan, 10).threads).toEqual([
      {
        tid: 12,
        startTimeTicks: 1_007,
        comm: 'worker',
        links: { net: 4026532268 },
        forChildren: {},
        descriptors: [],
        sockets: [],
      },
    ]);
    expect(findReport(scan, 'threads')).toMatchObject({
      readCount: 2,
      vanishedCount: 0,
      unreadable: [],
    });
  });

  test('a thread that differs in what its children get is listed', () => {
    tree.addProcess(10, {
      forChildren: { time: 61 },
      threads: {
        11: { forChildren: { pid: 50 } },
        12: { forChildren: { time: 61 } },
        13: { forChildren: { time: 62 } },
        14: { forChildren: { pid: null } },
      },
    });
    const { threads } = findProcess(scanOnce(tree), 10);
    expect(threads.map(({ tid, links, forChildren }) => ({ tid, links, forChildren }))).toEqual([
      { tid: 11, links: {}, forChildren: { pid: 50 } },
      { tid: 13, links: {}, forChildren: { time: 62 } },
    ]);
  });

  test('of a leader that has ended every thread is listed with all it is in', () => {
    tree.addProcess(10, {
      state: 'Z',
      links: GONE,
      forChildren: { pid: null },
      threads: { 11: { links: { net: 4026532268 } }, 12: { forChildren: { pid: 50 } } },
    });
    const { isZombie, threads } = findProcess(scanOnce(tree), 10);
    expect(isZombie).toBe(true);
    expect(threads).toMatchObject([
      { tid: 11, links: { ...INITIAL_INUMS, net: 4026532268 }, forChildren: {} },
      { tid: 12, links: INITIAL_INUMS, forChildren: { pid: 50 } },
    ]);
  });

  test('a process with one thread is not looked into', () => {
    tree.addProcess(10, { threadCount: 1, threads: { 11: { links: { net: 4026532268 } } } });
    const scan = scanOnce(tree);
    expect(findProcess(scan, 10).threads).toEqual([]);
    expect(findReport(scan, 'threads').readCount).toBe(0);
  });

  test('a thread that ends meanwhile is counted and nothing else', () => {
    tree.addProcess(10, { threadCount: 3, threads: { 12: { links: { net: 4026532268 } } } });
    tree.write('10/task/11/children', '');
    tree.write('10/task/junk', '');
    const scan = scanOnce(tree);
    expect(findProcess(scan, 10)).toMatchObject({
      threads: [{ tid: 12 }],
      threadsUnreadable: null,
    });
    expect(findReport(scan, 'threads')).toMatchObject({ readCount: 1, vanishedCount: 1 });
  });

  test('a process whose links are unreadable has unreadable threads', () => {
    tree.addProcess(10, { threads: { 11: { links: { net: 4026532268 } } } });
    tree.forbid('10/ns');
    const scan = asUnprivileged(() => scanOnce(tree));
    expect(findProcess(scan, 10)).toMatchObject({ threads: [], threadsUnreadable: 'EACCES' });
    expect(findReport(scan, 'threads').unreadable).toEqual([
      { reason: 'EACCES', count: 1, example: `${tree.root}/10/task` },
    ]);
  });

  test('one unreadable thread makes the threads of its process unreadable, and hides no other', () => {
    tree.addProcess(10, {
      threads: { 11: { links: { net: 4026532268 } }, 12: { links: { net: 4026532269 } } },
    });
    tree.forbid('10/task/11/ns');
    const scan = asUnprivileged(() => scanOnce(tree));
    expect(findProcess(scan, 10)).toMatchObject({
      linksUnreadable: null,
      threadsUnreadable: 'EACCES',
      threads: [{ tid: 12, links: { net: 4026532269 } }],
    });
  });

  test('a task directory that may not be listed makes the threads unreadable', () => {
    tree.addProcess(10, { threads: { 11: {} } });
    tree.forbid('10/task');
    const scan = asUnprivileged(() => scanOnce(tree));
    expect(findProcess(scan, 10)).toMatchObject({
      links: INITIAL_INUMS,
      threadsUnreadable: 'EACCES',
    });
  });
});
