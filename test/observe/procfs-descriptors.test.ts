import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createProcReader } from '../../src/observe/proc-read.ts';
import { createProcessDraft } from '../../src/observe/process-draft.ts';
import { createDescriptorReader } from '../../src/observe/procfs-descriptors.ts';
import { createLinkReader } from '../../src/observe/procfs-links.ts';
import { createSourceTally } from '../../src/observe/source-tally.ts';
import { findProcess, findReport, scanOnce, useProcTree } from './scan-tree.ts';
import { asUnprivileged } from './unprivileged.ts';

const tree = useProcTree();

const NETWORK = 'net:[4026532268]';
const GONE = { cgroup: null, ipc: null, mnt: null, net: null, time: null, uts: null };

describe('descriptors', () => {
  test('of namespaces are listed, of anything else are not', () => {
    tree.addProcess(10, {
      descriptors: {
        0: '/dev/null',
        1: 'socket:[4026532268]',
        2: 'pipe:[12]',
        3: NETWORK,
        7: 'mnt:[4026532300]',
        8: '/run/netns/net:[4026532269]',
        9: 'anon_inode:[eventpoll]',
      },
    });
    const { descriptors } = findProcess(scanOnce(tree), 10);
    expect(descriptors.toSorted((left, right) => left.fd - right.fd)).toEqual([
      { fd: 3, type: 'net', inum: 4026532268 },
      { fd: 7, type: 'mnt', inum: 4026532300 },
    ]);
  });

  test('junk among the descriptors is none', () => {
    tree.addProcess(10, { descriptors: { '1e3': NETWORK, x: NETWORK, '-1': NETWORK, 4: NETWORK } });
    expect(findProcess(scanOnce(tree), 10).descriptors).toEqual([
      { fd: 4, type: 'net', inum: 4026532268 },
    ]);
  });

  test('a table that may not be listed is unreadable, and not empty', () => {
    tree.addProcess(10, { descriptors: { 3: NETWORK } });
    tree.addProcess(11, { descriptors: { 3: NETWORK }, threads: { 12: {} } });
    tree.forbid('10/fd');
    tree.forbid('11/fd');
    const scan = asUnprivileged(() => scanOnce(tree));
    expect(findProcess(scan, 10)).toMatchObject({
      descriptors: [],
      descriptorsUnreadable: 'EACCES',
      threadsUnreadable: null,
    });
    // Whether a thread shares a table that cannot be read, nobody can say.
    expect(findProcess(scan, 11)).toMatchObject({
      descriptorsUnreadable: 'EACCES',
      threadsUnreadable: 'EACCES',
    });
    expect(findReport(scan, 'descriptors').unreadable).toEqual([
      { reason: 'EACCES', count: 2, example: `${tree.root}/10/fd` },
    ]);
  });

  test('a process that ends before its table is read is counted', () => {
    tree.addProcess(10);
    rmSync(join(tree.root, '10/fd'), { recursive: true });
    const scan = scanOnce(tree);
    expect(findProcess(scan, 10)).toMatchObject({ descriptors: [], descriptorsUnreadable: null });
    expect(findReport(scan, 'descriptors')).toMatchObject({ readCount: 0, vanishedCount: 1 });
  });

  test('a table is not taken for that of the process which had the pid before', () => {
    tree.addProcess(10, { startTimeTicks: 2_000, descriptors: { 3: NETWORK } });
    const links = createLinkReader(tree.root, createProcReader());
    const tally = createSourceTally('descriptors');
    const read = (startTimeTicks: number): number => {
      const draft = createProcessDraft(
        {
          pid: 10,
          directory: `${tree.root}/10`,
          ppid: 1,
          comm: 'x',
          startTimeTicks,
          threadCount: 1,
        },
        { isZombie: false, links: {}, forChildren: {}, linksUnreadable: null },
      );
      createDescriptorReader(links).readDescriptors(draft, tally);
      return draft.observed.descriptors.length;
    };
    expect(read(2_000)).toBe(1);
    expect(read(1_000)).toBe(0);
  });
});

describe('descriptors of threads', () => {
  test('are listed only where the thread uses other numbers than its leader', () => {
    tree.addProcess(10, {
      descriptors: { 0: '/dev/null', 3: NETWORK },
      threads: {
        11: { descriptors: { 3: NETWORK, 0: '/dev/null' }, comm: 'shares' },
        12: { descriptors: { 0: '/dev/null', 3: NETWORK, 4: 'uts:[4026532300]' }, comm: 'own' },
        13: { descriptors: { 0: '/dev/null', 5: '/dev/zero' }, comm: 'dull' },
      },
    });
    const scan = scanOnce(tree);
    const { descriptors, threads } = findProcess(scan, 10);
    expect(descriptors).toEqual([{ fd: 3, type: 'net', inum: 4026532268 }]);
    expect(threads).toHaveLength(1);
    expect(threads[0]).toMatchObject({ tid: 12, comm: 'own', links: {}, forChildren: {} });
    expect(threads[0]?.descriptors.toSorted((left, right) => left.fd - right.fd)).toEqual([
      { fd: 3, type: 'net', inum: 4026532268 },
      { fd: 4, type: 'uts', inum: 4026532300 },
    ]);
    expect(findReport(scan, 'descriptors').readCount).toBe(3);
  });

  test('stand beside what else the thread differs in', () => {
    tree.addProcess(10, {
      threads: { 11: { links: { uts: 4026532300 }, descriptors: { 3: NETWORK } } },
    });
    expect(findProcess(scanOnce(tree), 10).threads).toMatchObject([
      { tid: 11, links: { uts: 4026532300 }, descriptors: [{ fd: 3 }] },
    ]);
  });

  test('of a leader that has ended are listed once, under a thread that goes on', () => {
    tree.addProcess(10, {
      state: 'Z',
      links: GONE,
      threads: { 11: { descriptors: { 3: NETWORK } }, 12: { descriptors: { 3: NETWORK } } },
    });
    const { descriptors, threads } = findProcess(scanOnce(tree), 10);
    expect(descriptors).toEqual([]);
    expect(threads.map((thread) => thread.descriptors.length).toSorted()).toEqual([0, 1]);
  });

  test('that may not be read make the threads unreadable, not the process', () => {
    tree.addProcess(10, { threads: { 11: { descriptors: { 3: NETWORK } } } });
    tree.forbid('10/task/11/fd');
    const scan = asUnprivileged(() => scanOnce(tree));
    expect(findProcess(scan, 10)).toMatchObject({
      descriptorsUnreadable: null,
      threadsUnreadable: 'EACCES',
    });
  });

  test('come with the threads even when only the threads are asked for', () => {
    tree.addProcess(10, { threads: { 11: { descriptors: { 3: NETWORK } } } });
    const scan = scanOnce(tree, ['threads']);
    expect(scan.covered).toEqual(['links', 'threads', 'descriptors']);
    expect(findProcess(scan, 10).threads).toMatchObject([{ tid: 11, descriptors: [{ fd: 3 }] }]);
  });
});
