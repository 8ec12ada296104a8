import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { NsauditError } from '../../src/domain/errors.ts';
import { SCAN_SOURCES } from '../../src/domain/scan.ts';
import { createProcfsScanner } from '../../src/observe/procfs-scan.ts';
import { createScanner, findProcess, findReport, scanOnce, useProcTree } from './scan-tree.ts';
import { asUnprivileged } from './unprivileged.ts';

const tree = useProcTree();

describe('a scan', () => {
  test('begins and ends on the clock it was given, and names its boot', () => {
    tree.addProcess(10);
    let nowUs = 500;
    const clock = { timelineUs: () => (nowUs += 7) };
    const scan = createProcfsScanner({ procRoot: tree.root, bootId: 'b-1', clock }).scan();
    expect(scan).toMatchObject({ bootId: 'b-1', startedAtUs: 507, endedAtUs: 514 });
  });

  test('covers every source unless it is told otherwise, and reports each', () => {
    tree.addProcess(10);
    const scan = scanOnce(tree);
    expect(scan.covered).toEqual(SCAN_SOURCES);
    expect(scan.reports.map(({ source }) => source)).toEqual(SCAN_SOURCES);
    expect(scan.reports.every(({ durationUs }) => durationUs >= 0)).toBe(true);
  });

  test('says which sources it did not cover, and reads nothing there', () => {
    tree.addProcess(10, {
      links: { net: 4026532268 },
      descriptors: { 3: 'net:[4026532268]' },
      threads: { 11: { links: { uts: 4026532300 } } },
    });
    const scan = scanOnce(tree, []);
    expect(scan.covered).toEqual(['links']);
    expect(scan.reports.map(({ source }) => source)).toEqual(['links']);
    expect(scan.mountNamespaces).toEqual([]);
    expect(findProcess(scan, 10)).toMatchObject({
      links: { net: 4026532268 },
      descriptors: [],
      threads: [],
      facts: null,
    });
  });

  test('takes only numbers for processes', () => {
    tree.addProcess(10);
    tree.write('10x/stat', 'junk');
    tree.write('1e1/stat', 'junk');
    tree.write('sys/kernel/osrelease', '6.1');
    tree.link('self', '10');
    expect(scanOnce(tree).processes.map(({ pid }) => pid)).toEqual([10]);
  });

  test('shows comm as it is, with parentheses, newlines and what is no UTF-8', () => {
    tree.addProcess(10, { comm: 'a) R 1 (\n' });
    tree.addProcess(11, { comm: Buffer.from([0x61, 0xfe]) });
    const scan = scanOnce(tree);
    expect(findProcess(scan, 10)).toMatchObject({
      comm: 'a) R 1 (\n',
      ppid: 1,
      startTimeTicks: 1_000,
    });
    expect(findProcess(scan, 11).comm).toBe('a\ufffd');
  });
});

describe('a process that ends during the scan', () => {
  test('is counted and left out, and the scan goes on', () => {
    tree.addProcess(10);
    tree.addProcess(11);
    tree.addProcess(12);
    // Listed and gone before its stat line was read: nothing but a name is left.
    rmSync(join(tree.root, '10'), { recursive: true });
    tree.write('10/left', '');
    tree.write('13', 'not even a directory');
    const scan = scanOnce(tree);
    expect(scan.processes.map(({ pid }) => pid).toSorted()).toEqual([11, 12]);
    expect(findReport(scan, 'links')).toMatchObject({
      readCount: 2,
      vanishedCount: 1,
      unreadable: [{ reason: 'ENOTDIR', count: 1 }],
    });
  });

  test('may lose any part of its directory without harm', () => {
    const parts = ['ns', 'fd', 'task', 'mountinfo', 'root', 'status', 'cgroup', 'exe', 'loginuid'];
    for (const [index, part] of parts.entries()) {
      const pid = 100 + index;
      tree.addProcess(pid, { links: { net: 4026532268, mnt: pid }, threads: { 900: {} } });
      rmSync(join(tree.root, `${pid}/${part}`), { recursive: true });
    }
    const scan = scanOnce(tree);
    expect(scan.processes).toHaveLength(parts.length);
    expect(scan.reports.flatMap(({ unreadable }) => unreadable)).toEqual([]);
    expect(scan.reports.every(({ vanishedCount }) => vanishedCount >= 0)).toBe(true);
    expect(findReport(scan, 'threads').vanishedCount).toBe(1);
    expect(findReport(scan, 'descriptors').vanishedCount).toBe(1);
    expect(findReport(scan, 'mounts').vanishedCount).toBe(2);
    expect(findReport(scan, 'facts').vanishedCount).toBe(1);
  });
});

describe('a stat line that cannot be read', () => {
  test('leaves a process out that was never seen, and counts it', () => {
    tree.addProcess(10);
    tree.addProcess(11);
    tree.write('10/stat', 'junk');
    tree.forbid('11/stat');
    tree.addProcess(12);
    const scan = asUnprivileged(() => scanOnce(tree));
    expect(scan.processes.map(({ pid }) => pid)).toEqual([12]);
    const { unreadable } = findReport(scan, 'links');
    expect(unreadable.toSorted((left, right) => left.reason.localeCompare(right.reason))).toEqual([
      { reason: 'EACCES', count: 1, example: `${tree.root}/11/stat` },
      { reason: 'EBADMSG', count: 1, example: `${tree.root}/10/stat` },
    ]);
  });

  test('does not make a process disappear that was seen before', () => {
    tree.addProcess(10, { comm: 'known', links: { net: 4026532268 } });
    tree.addProcess(11);
    const scanner = createScanner(tree);
    const seen = findProcess(scanner.scan(), 10);
    tree.forbid('10/stat');
    for (const _ of [1, 2]) {
      const scan = asUnprivileged(() => scanner.scan());
      expect(findProcess(scan, 10)).toMatchObject({
        startTimeTicks: seen.startTimeTicks,
        comm: 'known',
        links: {},
        linksUnreadable: 'EACCES',
        descriptorsUnreadable: 'EACCES',
        threadsUnreadable: 'EACCES',
      });
    }
  });
});

describe('a directory that is no proc', () => {
  test.each([
    ['without processes', ''],
    ['that is not there', '/missing'],
  ])('%s is refused, because an empty scan would end everything', (_, below) => {
    tree.write('version', 'Linux');
    const scanner = createProcfsScanner({
      procRoot: tree.root + below,
      bootId: 'boot',
      clock: { timelineUs: () => 0 },
    });
    expect(() => scanner.scan()).toThrow(NsauditError);
    expect(() => scanner.scan()).toThrow(tree.root);
  });
});

test('no file of the room names the place where proc is mounted', () => {
  const room = resolve(import.meta.dirname, '../../src/observe');
  const files = readdirSync(room).filter((name) => name.endsWith('.ts'));
  expect(files).toContain('procfs-scan.ts');
  for (const name of files) {
    const lines = readFileSync(join(room, name), 'utf8').split('\n');
    const code = lines.filter((line) => !/^\s*(\/\*|\*|\/\/)/.test(line)).join('\n');
    expect(code, name).not.toMatch(/['"`]\/proc\b/);
  }
});
