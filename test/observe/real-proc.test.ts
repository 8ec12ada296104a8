/**
 * The procfs of the machine the tests run on, with no rights asked for: what holds everywhere.
 * Namespaces are made and ended in test/kernel.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { NAMESPACE_TYPES, parseNamespaceLink } from '../../src/domain/namespace-type.ts';
import type { NamespaceLinks } from '../../src/domain/scan.ts';
import { createHostClock, createTimelineClock } from '../../src/observe/host-clock.ts';
import { readHostFacts } from '../../src/observe/host-facts.ts';
import { createProcfsScanner, type ProcfsScanner } from '../../src/observe/procfs-scan.ts';
import { findProcess } from './scan-tree.ts';
import { asUnprivileged, isRoot } from './unprivileged.ts';

const PROC = '/proc';
const PATIENCE_MS = 60_000;

const children: ChildProcessByStdio<Writable, null, null>[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    const ended = new Promise((resolve) => {
      child.once('exit', resolve);
    });
    child.kill('SIGKILL');
    await ended;
  }
});

function startShell(script: string): ChildProcessByStdio<Writable, null, null> {
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'] });
  children.push(child);
  return child;
}

function createRealScanner(): ProcfsScanner {
  const clock = createTimelineClock(createHostClock({ procRoot: PROC }), 0);
  return createProcfsScanner({ procRoot: PROC, bootId: 'real', clock });
}

function readOwnLinks(): NamespaceLinks {
  const links: NamespaceLinks = {};
  for (const type of NAMESPACE_TYPES.filter((name) =>
    readdirSync(`${PROC}/self/ns`).includes(name),
  )) {
    const inum = parseNamespaceLink(readlinkSync(`${PROC}/self/ns/${type}`))?.inum;
    if (inum !== undefined) {
      links[type] = inum;
    }
  }
  return links;
}

function listOwnTargets(): string[] {
  return readdirSync(`${PROC}/self/fd`).flatMap((fd) => {
    try {
      return readlinkSync(`${PROC}/self/fd/${fd}`);
    } catch {
      // The descriptor of the listing itself.
      return [];
    }
  });
}

describe('the procfs of this machine', () => {
  test('shows our own process as it shows itself', () => {
    const scan = createRealScanner().scan();
    const own = findProcess(scan, process.pid);
    expect(own.links).toEqual(readOwnLinks());
    expect(own).toMatchObject({
      ppid: process.ppid,
      isZombie: false,
      linksUnreadable: null,
      descriptorsUnreadable: null,
      threadsUnreadable: null,
      threads: [],
    });
    expect(scan.endedAtUs).toBeGreaterThan(scan.startedAtUs);
  });

  test('gives every process a start that is not after the scan', () => {
    const scan = createRealScanner().scan();
    expect(scan.processes.length).toBeGreaterThan(0);
    for (const { pid, startTimeTicks } of scan.processes) {
      expect(startTimeTicks * 10_000, `${pid}`).toBeLessThanOrEqual(scan.endedAtUs);
    }
  });

  test('is left without a namespace descriptor of ours', () => {
    const scanner = createRealScanner();
    scanner.scan();
    const targets = listOwnTargets();
    expect(targets.length).toBeGreaterThan(2);
    expect(targets.filter((target) => parseNamespaceLink(target))).toEqual([]);
    const open = targets.length;
    scanner.scan();
    expect(listOwnTargets().length).toBe(open);
  });

  test('is the same to a second scan, but for what came and went', () => {
    const scanner = createRealScanner();
    const [first, second] = [scanner.scan(), scanner.scan()];
    const pids = new Set([process.pid, process.ppid]);
    const ours = [first, second].map(({ processes }) =>
      processes.filter(({ pid }) => pids.has(pid)).map(({ links }) => links),
    );
    expect(ours[0]?.length).toBeGreaterThan(0);
    expect(ours[1]).toEqual(ours[0]);
  });

  test(
    'is walked to the end while processes come and go',
    { timeout: 2 * PATIENCE_MS },
    async () => {
      startShell('while :; do /bin/true & /bin/true; wait; done');
      startShell('while :; do (exit 0) & done');
      const scanner = createRealScanner();
      const untilMs = performance.now() + PATIENCE_MS;
      let vanished = 0;
      // However busy the machine is, somebody ends during a scan sooner or later.
      for (let scans = 0; scans < 4 || vanished === 0; scans += 1) {
        expect(performance.now(), 'nobody ended during a scan').toBeLessThan(untilMs);
        const { reports, processes } = scanner.scan();
        expect(new Set(processes.map(({ pid }) => pid)).size).toBe(processes.length);
        vanished += reports.reduce((sum, { vanishedCount }) => sum + vanishedCount, 0);
        await nextTurn();
      }
    },
  );

  test('tells a new name of a process within eight scans, and its start never changes', async () => {
    const child = startShell('read line; exec sleep 60');
    const pid = child.pid ?? 0;
    const scanner = createRealScanner();
    const before = findProcess(scanner.scan(), pid);
    expect(before.comm).toBe('sh');
    child.stdin.write('go\n');
    await vi.waitFor(() => expect(readFileSync(`${PROC}/${pid}/comm`, 'utf8')).toBe('sleep\n'));
    const names = new Set<string>();
    for (let scan = 0; scan < 8; scan += 1) {
      const now = findProcess(scanner.scan(['links']), pid);
      expect(now.startTimeTicks).toBe(before.startTimeTicks);
      names.add(now.comm);
    }
    expect(names).toContain('sleep');
  });

  test.runIf(isRoot)('shows an unprivileged scan every process, and what it may not see', () => {
    const pid = startShell('read line').pid ?? 0;
    const scan = asUnprivileged(() => createRealScanner().scan());
    const refused = findProcess(scan, pid);
    expect(refused).toMatchObject({ links: {}, linksUnreadable: 'EACCES' });
    expect(findProcess(scan, process.pid).linksUnreadable).toBeNull();
    const links = scan.reports.find(({ source }) => source === 'links');
    expect(links?.unreadable[0]).toMatchObject({ reason: 'EACCES' });
    expect(links?.unreadable[0]?.count).toBeGreaterThan(0);
    const seen = findProcess(createRealScanner().scan(), pid);
    expect(refused.startTimeTicks).toBe(seen.startTimeTicks);
    expect(seen.linksUnreadable).toBeNull();
  });
});

describe('the clocks of this machine', () => {
  test('boot time is what /proc/uptime says', async () => {
    const clock = createHostClock({ procRoot: PROC });
    const before = clock.bootTimeUs();
    await new Promise((resolve) => {
      setTimeout(resolve, 30);
    });
    const after = clock.bootTimeUs();
    expect(after - before).toBeGreaterThanOrEqual(29_000);
    expect(after).toBeGreaterThan(0);
  });

  test('wall time is what Date says', () => {
    const clock = createHostClock({ procRoot: PROC });
    for (let reading = 0; reading < 50; reading += 1) {
      const [before, wallUs, after] = [Date.now(), clock.wallUs(), Date.now()];
      expect(wallUs).toBeGreaterThanOrEqual((before - 1) * 1_000);
      expect(wallUs).toBeLessThanOrEqual((after + 2) * 1_000);
    }
  });
});

test('the facts of this machine can be read without any rights', () => {
  const facts = asUnprivileged(() =>
    readHostFacts({ procRoot: PROC, machineIdPath: '/etc/machine-id' }),
  );
  expect(facts.bootId).toMatch(/^[0-9a-f-]{36}$/);
  expect(facts.kernelRelease).not.toBe('');
});
