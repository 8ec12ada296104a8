import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { INITIAL_INUMS, NAMESPACE_TYPES } from '../../src/domain/namespace-type.ts';
import { createProcReader } from '../../src/observe/proc-read.ts';
import { createLinkReader } from '../../src/observe/procfs-links.ts';
import { parseStatLine } from '../../src/observe/stat-line.ts';
import { toStatLine } from '../support/proc-tree.ts';
import { findProcess, findReport, scanOnce, useProcTree } from './scan-tree.ts';
import { asUnprivileged } from './unprivileged.ts';

const tree = useProcTree();

describe('processes and their links', () => {
  test('a process is in the namespaces that its links name', () => {
    tree.addProcess(10, { links: { net: 4026532268, uts: 4026532300 }, comm: 'web', ppid: 7 });
    const process = findProcess(scanOnce(tree), 10);
    expect(process).toMatchObject({
      pid: 10,
      startTimeTicks: 1_000,
      ppid: 7,
      comm: 'web',
      isZombie: false,
      linksUnreadable: null,
      forChildren: {},
    });
    expect(process.links).toEqual({ ...INITIAL_INUMS, net: 4026532268, uts: 4026532300 });
  });

  test('what children get is listed only where it differs from the own namespace', () => {
    tree.addProcess(10, { links: { pid: 5, time: 6 }, forChildren: { pid: 50, time: 6 } });
    tree.addProcess(11, { forChildren: { time: 60 } });
    const scan = scanOnce(tree);
    expect(findProcess(scan, 10).forChildren).toEqual({ pid: 50 });
    expect(findProcess(scan, 11).forChildren).toEqual({ time: 60 });
  });

  test('before the first child there is no pid_for_children, and that is normal', () => {
    tree.addProcess(10, { forChildren: { pid: null } });
    const scan = scanOnce(tree);
    expect(findProcess(scan, 10)).toMatchObject({ forChildren: {}, linksUnreadable: null });
    expect(findReport(scan, 'links')).toMatchObject({ readCount: 1, unreadable: [] });
  });

  test('a zombie keeps its pid and user namespace, and the rest is absent, not unreadable', () => {
    const gone = { cgroup: null, ipc: null, mnt: null, net: null, time: null, uts: null };
    tree.addProcess(10, {
      state: 'Z',
      links: { ...gone, user: 4026532500 },
      forChildren: { pid: null },
    });
    const scan = scanOnce(tree);
    expect(findProcess(scan, 10)).toMatchObject({
      isZombie: true,
      links: { pid: INITIAL_INUMS.pid, user: 4026532500 },
      linksUnreadable: null,
    });
    expect(findReport(scan, 'links').unreadable).toEqual([]);
  });

  test('a process that is exiting holds what it still has', () => {
    const gone = { cgroup: null, ipc: null, mnt: null, net: null, time: null, uts: null };
    tree.addProcess(10, { state: 'R', links: gone, forChildren: { pid: null } });
    expect(findProcess(scanOnce(tree), 10)).toMatchObject({
      isZombie: false,
      links: { pid: INITIAL_INUMS.pid, user: INITIAL_INUMS.user },
      linksUnreadable: null,
    });
  });

  test('an old kernel without cgroup and time namespaces has six types', () => {
    const old = { links: { cgroup: null, time: null }, forChildren: { pid: null } };
    tree.addProcess(1, old);
    tree.addProcess(10, old);
    const sixTypes = NAMESPACE_TYPES.filter((type) => type !== 'cgroup' && type !== 'time');
    expect(Object.keys(findProcess(scanOnce(tree), 10).links)).toEqual(sixTypes);
    // The same when our own directory tells which links there are.
    tree.link('self', '1');
    const scan = scanOnce(tree);
    expect(Object.keys(findProcess(scan, 10).links)).toEqual(sixTypes);
    expect(findReport(scan, 'links')).toMatchObject({
      readCount: 2,
      vanishedCount: 0,
      unreadable: [],
    });
  });

  test('links that may not be read are unreadable, with the reason and an example', () => {
    tree.addProcess(10, { links: { net: 4026532268 } });
    tree.addProcess(11);
    tree.forbid('10/ns');
    const scan = asUnprivileged(() => scanOnce(tree));
    expect(findProcess(scan, 10)).toMatchObject({
      links: {},
      linksUnreadable: 'EACCES',
      comm: 'sleep',
    });
    expect(findProcess(scan, 11)).toMatchObject({ links: INITIAL_INUMS, linksUnreadable: null });
    expect(findReport(scan, 'links')).toMatchObject({
      readCount: 2,
      unreadable: [{ reason: 'EACCES', count: 1, example: `${tree.root}/10/ns/cgroup` }],
    });
  });

  test('a link that says something else than its name is unreadable, not believed', () => {
    tree.addProcess(10, { links: { net: null } });
    tree.link('10/ns/net', 'uts:[4026532268]');
    tree.addProcess(11, { links: { uts: null } });
    tree.link('11/ns/uts', 'whatever');
    tree.addProcess(12, { links: { uts: null } });
    tree.write('12/ns/uts', 'a file');
    const scan = scanOnce(tree);
    expect(findProcess(scan, 10).linksUnreadable).toBe('EBADMSG');
    expect(findProcess(scan, 11).linksUnreadable).toBe('EBADMSG');
    expect(findProcess(scan, 12).linksUnreadable).toBe('EINVAL');
  });
});

function readLinks(stat: Buffer): unknown {
  const reader = createLinkReader(tree.root, createProcReader());
  return reader.readLinks(`${tree.root}/10`, parseStatLine(stat) ?? null);
}

describe('a process that ends while it is read', () => {
  test('is gone when its directory is gone, whatever was read before', () => {
    expect(readLinks(toStatLine(10, {}))).toBeNull();
  });

  test('is gone when its pid belongs to another process by now', () => {
    tree.addProcess(10, { links: { net: null }, startTimeTicks: 2_000 });
    expect(readLinks(toStatLine(10, { startTimeTicks: 1_000 }))).toBeNull();
  });

  test('is a zombie when it became one since its stat line was read', () => {
    const gone = { cgroup: null, ipc: null, mnt: null, net: null, time: null, uts: null };
    tree.addProcess(10, { state: 'Z', links: gone, forChildren: { pid: null } });
    expect(readLinks(toStatLine(10, { state: 'S' }))).toMatchObject({
      isZombie: true,
      links: { pid: INITIAL_INUMS.pid, user: INITIAL_INUMS.user },
    });
  });

  test('counts as vanished when its links are refused and then it is not there', () => {
    tree.addProcess(10);
    tree.forbid('10/ns');
    rmSync(join(tree.root, '10/stat'));
    expect(asUnprivileged(() => readLinks(toStatLine(10, {})))).toBeNull();
  });
});
