/** What the rows of the iterators say, without a kernel: rows made by hand. */
import { describe, expect, test } from 'vitest';
import type { FileRow } from '../../src/observe/kernel-inventory-rows.ts';
import {
  readFileRows,
  TASK_ENDED,
  TASK_SHARES_FILES,
} from '../../src/observe/kernel-inventory-rows.ts';
import { createSetReader, type SetReader } from '../../src/observe/kernel-inventory-sets.ts';
import { addDescriptors } from '../../src/observe/kernel-scan-files.ts';
import {
  addThreads,
  createTaskReader,
  type KernelTasks,
} from '../../src/observe/kernel-scan-tasks.ts';
import { countTables, readCredentialsOf } from '../../src/observe/kernel-task-rows.ts';
import { createSourceTally } from '../../src/observe/source-tally.ts';
import { fileRows, taskRows, type FileInput, type TaskInput } from './inventory-rows.ts';

const NET = 4_026_532_268;
const UTS = 4_026_531_838;
const IN_NET = { net: [NET, 2n ** 60n + 1n], uts: [UTS, 3n] } as const;
const tally = createSourceTally('links');

describe('processes', () => {
  test('a row is a process with its links, identity and parent', () => {
    const { tasks } = read([
      { pid: 20, ticks: 2n ** 33n + 5n, comm: 'häuser', namespaces: IN_NET, threadCount: 3 },
    ]);
    expect(tasks.drafts[0]).toMatchObject({
      directory: '/proc/20',
      threadCount: 3,
      observed: {
        pid: 20,
        startTimeTicks: 2 ** 33 + 5,
        ppid: 1,
        comm: 'häuser',
        isZombie: false,
        links: { net: NET, uts: UTS },
        forChildren: {},
        linksUnreadable: null,
      },
    });
  });

  test('a process that has ended is a zombie with the links it still has', () => {
    const { tasks } = read([
      { pid: 20, flags: TASK_ENDED, namespaces: { pid: [7, 0n], user: [8, 0n] } },
    ]);
    expect(tasks.drafts[0]?.observed).toMatchObject({ isZombie: true, links: { pid: 7, user: 8 } });
  });

  test('what children get is listed only where it differs', () => {
    const { tasks } = read([
      {
        pid: 20,
        namespaces: {
          pid: [7, 0n],
          pid_for_children: [7, 0n],
          time: [8, 0n],
          time_for_children: [9, 0n],
        },
      },
    ]);
    expect(tasks.drafts[0]?.observed.forChildren).toEqual({ time: 9 });
  });

  test('an id that no login stands behind is none', () => {
    const { tasks } = read([{ pid: 20, loginuid: 1_000 }, { pid: 21 }]);
    expect([0, 1].map((row) => readCredentialsOf(tasks.source, row))).toEqual([
      { uid: 1_000, gid: 1_001, loginuid: 1_000, session: null },
      { uid: 1_000, gid: 1_001, loginuid: null, session: null },
    ]);
  });
});

describe('sets of namespaces', () => {
  test('processes in the same namespaces share their links; ids of 64 bits stay exact', () => {
    const { tasks, sets } = read([
      { pid: 20, namespaces: IN_NET },
      { pid: 21, namespaces: { ...IN_NET, net: [5, 4n] } },
      { pid: 22, namespaces: IN_NET },
    ]);
    expect(tasks.drafts[0]?.observed.links).toBe(tasks.drafts[2]?.observed.links);
    expect(sets.seen().map(({ ids }) => ids)).toEqual([
      [
        [`net:${NET}`, '1152921504606846977'],
        [`uts:${UTS}`, '3'],
      ],
      [
        ['net:5', '4'],
        [`uts:${UTS}`, '3'],
      ],
    ]);
  });

  test('an inum with another id is another set, and a kernel without ids gives none', () => {
    const { sets } = read([
      { pid: 20, namespaces: { net: [NET, 4n] } },
      { pid: 21, namespaces: { net: [NET, 5n] } },
      { pid: 22, namespaces: { net: [NET, 0n] } },
    ]);
    expect(sets.seen().map(({ ids }) => ids.map(([, id]) => id))).toEqual([['4'], ['5'], []]);
  });
});

describe('from scan to scan', () => {
  test('a process keeps its draft while its row says the same, and only then', () => {
    const sets = createSetReader();
    const reader = createTaskReader('/proc', sets);
    const before: TaskInput[] = [20, 21, 22, 24].map((pid) => ({ pid, namespaces: IN_NET }));
    const first = reader.read(taskRows(before), tally);
    const after = before
      .filter(({ pid }) => pid !== 21)
      .map((task) => (task.pid === 22 ? { ...task, ticks: 9n } : task));
    const second = reader.read(taskRows([...after, { pid: 30 }]), tally);
    expect(second.drafts.map((draft) => first.drafts.includes(draft))).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(second.drafts.map(({ observed }) => observed.pid)).toEqual([20, 22, 24, 30]);
    reader.forget();
    const third = reader.read(taskRows(after), tally);
    expect(third.drafts.some((draft) => second.drafts.includes(draft))).toBe(false);
  });

  test('what a process held in one scan is not taken over into the next', () => {
    const sets = createSetReader();
    const reader = createTaskReader('/proc', sets);
    const rows = [{ pid: 20, namespaces: IN_NET }];
    const first = reader.read(taskRows(rows), tally);
    addFiles(first, [{ pid: 20, inum: 5 }]);
    expect(first.drafts[0]?.observed.descriptors).toHaveLength(1);
    expect(reader.read(taskRows(rows), tally).drafts[0]?.observed.descriptors).toEqual([]);
  });
});

describe('threads and descriptors', () => {
  const threads: TaskInput[] = [
    { pid: 20, namespaces: IN_NET, threadCount: 3 },
    { pid: 20, tid: 21, flags: 2 + TASK_SHARES_FILES, namespaces: { ...IN_NET, net: [5, 4n] } },
    { pid: 20, tid: 22, ticks: 8n, comm: 'worker', namespaces: IN_NET },
  ];

  test('a thread is listed where it differs, with what differs', () => {
    const { tasks, sets } = read(threads);
    addThreads(tasks, sets, tally);
    expect(tasks.drafts[0]).toMatchObject({ tids: [21, 22] });
    expect(tasks.drafts[0]?.observed.threads).toMatchObject([{ tid: 21, links: { net: 5 } }]);
    expect(countTables(tasks.source)).toBe(2);
  });

  test('a descriptor in the table of a thread is of that thread, which may differ in nothing else', () => {
    const { tasks, sets } = read(threads);
    addThreads(tasks, sets, tally);
    addFiles(tasks, [
      { pid: 20, fd: 4, inum: 5 },
      { pid: 20, tid: 22, fd: 5, inum: 6, type: 'uts', table: 1n },
    ]);
    expect(tasks.drafts[0]?.observed.descriptors).toEqual([{ fd: 4, type: 'net', inum: 5 }]);
    expect(tasks.drafts[0]?.observed.threads[1]).toEqual({
      tid: 22,
      startTimeTicks: 8,
      comm: 'worker',
      links: {},
      forChildren: {},
      sockets: [],
      descriptors: [
        {
          fd: 5,
          type: 'uts',
          inum: 6,
        },
      ],
    });
  });

  test('the threads of a leader that has ended are listed in full, and their common table once', () => {
    const { tasks, sets } = read([
      { pid: 20, flags: TASK_ENDED, threadCount: 3 },
      { pid: 20, tid: 21, namespaces: IN_NET },
      { pid: 20, tid: 22, namespaces: IN_NET },
    ]);
    addThreads(tasks, sets, tally);
    addFiles(tasks, [
      { pid: 20, tid: 21, inum: 5 },
      { pid: 20, tid: 22, inum: 5 },
    ]);
    const found = tasks.drafts[0]?.observed.threads ?? [];
    expect(found.map(({ tid, links }) => [tid, links.net])).toEqual([
      [22, NET],
      [21, NET],
    ]);
    expect(found.map(({ descriptors }) => descriptors.length)).toEqual([0, 1]);
  });

  test('descriptors of a process that has the pid of an earlier one are left out and counted', () => {
    const { tasks } = read([{ pid: 20, ticks: 1n }]);
    const counted = createSourceTally('descriptors');
    addDescriptors(
      decode([
        { pid: 20, ticks: 2n, inum: 5 },
        { pid: 99, inum: 5 },
      ]),
      tasks,
      counted,
    );
    expect(tasks.drafts[0]?.observed.descriptors).toEqual([]);
    expect(counted.report().vanishedCount).toBe(1);
  });

  test('sockets are told apart from namespace descriptors; those of the own network namespace hold nothing more', () => {
    const { tasks } = read([{ pid: 20 }]);
    addFiles(tasks, [
      { pid: 20, fd: 4, kind: 2, inum: 5 },
      { pid: 20, fd: 5, kind: 3, inum: 6, device: [7, 'tap0'] },
      { pid: 20, fd: 6, kind: 2, inum: NET, flags: 2 },
    ]);
    const { descriptors, sockets } = tasks.drafts[0]?.observed ?? {};
    expect(descriptors).toEqual([]);
    expect(sockets).toEqual([
      { kind: 'socket', fd: 4, socketInode: 77, inum: 5, interface: null, deviceInum: null },
      { kind: 'tun', fd: 5, socketInode: null, inum: 6, interface: 'tap0', deviceInum: 7 },
    ]);
  });

  test('a table that a leader leaves to its threads is listed once, sockets too', () => {
    const { tasks } = read([
      { pid: 20, flags: 1 },
      { pid: 20, tid: 21 },
      { pid: 20, tid: 22 },
    ]);
    const table = 9n;
    addFiles(tasks, [
      { pid: 20, tid: 21, table, kind: 2, inum: 5 },
      { pid: 20, tid: 22, table, kind: 2, inum: 5 },
    ]);
    const listed = tasks.drafts[0]?.observed.threads;
    expect(listed?.map(({ tid, sockets }) => [tid, sockets.length])).toEqual([[21, 1]]);
  });
});

function read(inputs: readonly TaskInput[]): { tasks: KernelTasks; sets: SetReader } {
  const sets = createSetReader();
  return { tasks: createTaskReader('/proc', sets).read(taskRows(inputs), tally), sets };
}

function decode(files: readonly FileInput[]): FileRow[] {
  return readFileRows(fileRows(files));
}

function addFiles(tasks: KernelTasks, files: readonly FileInput[]): void {
  addDescriptors(decode(files), tasks, tally);
}
