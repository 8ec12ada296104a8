import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseCgroupPath } from '../../src/observe/process-facts.ts';
import { toStatLine } from '../support/proc-tree.ts';
import { createScanner, findProcess, findReport, scanOnce, useProcTree } from './scan-tree.ts';
import { asUnprivileged } from './unprivileged.ts';

const tree = useProcTree();

const ID = '0123456789abcdef'.repeat(4);
const OUTSIDE = { links: { net: 4026532268 } };

/** Enough of them that what they are in is the initial namespace. */
function addInitialProcesses(): void {
  for (let pid = 1; pid <= 10; pid += 1) {
    tree.addProcess(pid);
  }
}

describe('facts about a process', () => {
  test('say who it is: real ids, login, binary, cgroup and container', () => {
    tree.addProcess(20, {
      ...OUTSIDE,
      ppid: 7,
      comm: 'web server',
      exe: '/usr/bin/web (deleted)',
      files: {
        status: 'Name:\tweb\\nserver\nUid:\t1001\t0\t0\t0\nGid:\t101\t0\t0\t0\nGroups:\t1 2\n',
        cgroup: `0::/system.slice/docker-${ID}.scope\n`,
        loginuid: '1000',
        sessionid: '42',
      },
    });
    expect(findProcess(scanOnce(tree), 20).facts).toEqual({
      ppid: 7,
      comm: 'web server',
      exe: '/usr/bin/web (deleted)',
      uid: 1001,
      gid: 101,
      loginuid: 1000,
      session: 42,
      cgroup: `/system.slice/docker-${ID}.scope`,
      containerId: ID,
    });
  });

  test('that do not exist are null and count as nothing', () => {
    tree.addProcess(20, {
      ...OUTSIDE,
      exe: null,
      files: { loginuid: '4294967295', sessionid: null, cgroup: null },
    });
    const scan = scanOnce(tree);
    expect(findProcess(scan, 20).facts).toMatchObject({
      exe: null,
      loginuid: null,
      session: null,
      cgroup: null,
      containerId: null,
      uid: 1000,
    });
    expect(findReport(scan, 'facts')).toMatchObject({
      readCount: 1,
      vanishedCount: 0,
      unreadable: [],
    });
  });

  test('that may not be read are null and counted', () => {
    tree.addProcess(20, OUTSIDE);
    tree.forbid('20/cgroup');
    tree.forbid('20/loginuid');
    const scan = asUnprivileged(() => scanOnce(tree));
    expect(findProcess(scan, 20).facts).toMatchObject({ cgroup: null, loginuid: null, uid: 1000 });
    expect(findReport(scan, 'facts').unreadable).toEqual([
      { reason: 'EACCES', count: 2, example: `${tree.root}/20/cgroup` },
    ]);
  });

  test('are resolved for whoever is outside the initial namespaces or holds a descriptor of one', () => {
    addInitialProcesses();
    tree.addProcess(20, OUTSIDE);
    tree.addProcess(21, { forChildren: { pid: 4026532301 } });
    tree.addProcess(22, { descriptors: { 3: 'net:[4026531833]' } });
    tree.addProcess(23, { threads: { 230: { links: { uts: 4026532300 } } } });
    tree.addProcess(24, { threads: { 240: { descriptors: { 3: 'net:[4026531833]' } } } });
    tree.addProcess(25, { threads: { 250: {} }, descriptors: { 3: '/dev/null' } });
    const scanner = createScanner(tree);
    for (const scan of [scanner.scan(), scanner.scan()]) {
      const known = scan.processes.filter(({ facts }) => facts !== null).map(({ pid }) => pid);
      expect(known.toSorted()).toEqual([20, 21, 22, 23, 24]);
    }
  });

  test('of a leader that has ended are those of a thread that goes on', () => {
    const gone = { cgroup: null, ipc: null, mnt: null, net: null, time: null, uts: null };
    tree.addProcess(20, { state: 'Z', links: gone, exe: null, threads: { 21: OUTSIDE } });
    tree.link('20/task/21/exe', '/usr/bin/worker');
    tree.write('20/task/21/status', 'Uid:\t1\t1\t1\t1\nGid:\t2\t2\t2\t2\n');
    const { facts } = findProcess(scanOnce(tree), 20);
    expect(facts).toMatchObject({ exe: '/usr/bin/worker', uid: 1, gid: 2 });
  });
});

function changeExe(to: string): void {
  rmSync(join(tree.root, '20/exe'));
  symlinkSync(to, join(tree.root, '20/exe'));
}

describe('facts are remembered', () => {
  test('while pid, start time and comm stay the same', () => {
    tree.addProcess(20, OUTSIDE);
    const scanner = createScanner(tree);
    scanner.scan();
    changeExe('/usr/bin/other');
    const again = scanner.scan();
    expect(findProcess(again, 20).facts?.exe).toBe('/usr/bin/sleep');
    expect(findReport(again, 'facts').readCount).toBe(0);
  });

  test.each([
    ['another name', { comm: 'renamed' }],
    ['another start time', { startTimeTicks: 2_000 }],
  ])('but read again for %s', (_, change) => {
    tree.addProcess(20, OUTSIDE);
    const scanner = createScanner(tree);
    scanner.scan();
    changeExe('/usr/bin/other');
    tree.write('20/stat', toStatLine(20, change));
    const facts = findProcess(scanner.scan(), 20).facts;
    expect(facts?.exe).toBe('/usr/bin/other');
  });

  test('until the process is gone', () => {
    tree.addProcess(19);
    tree.addProcess(20, OUTSIDE);
    const scanner = createScanner(tree);
    scanner.scan();
    tree.removeProcess(20);
    scanner.scan();
    tree.addProcess(20, { ...OUTSIDE, exe: '/usr/bin/other' });
    expect(findProcess(scanner.scan(), 20).facts?.exe).toBe('/usr/bin/other');
  });
});

describe('the cgroup path', () => {
  test.each([
    ['of the unified hierarchy', '0::/user.slice/a\n', '/user.slice/a'],
    ['with colons and spaces', '0::/a:b/c d\n', '/a:b/c d'],
    [
      'of systemd where the unified hierarchy is not used',
      '9:memory:/docker/long/path\n1:name=systemd:/system.slice\n0::/\n',
      '/system.slice',
    ],
    ['of any hierarchy where systemd is not used', '2:cpu:/\n4:memory:/job/7\n0::/\n', '/job/7'],
    ['of a process in the root', '1:name=systemd:/\n0::/\n', '/'],
    ['outside our own cgroup namespace', '0::/../other\n', '/../other'],
    ['of a hierarchy with several controllers', '4:cpu,cpuacct:/job/7\n', '/job/7'],
  ])('%s', (_, content, path) => {
    expect(parseCgroupPath(Buffer.from(content))).toBe(path);
  });

  test('is null when there is none', () => {
    expect(parseCgroupPath(Buffer.from(''))).toBeNull();
    expect(parseCgroupPath(Buffer.from('junk\n:::\n'))).toBeNull();
  });
});
