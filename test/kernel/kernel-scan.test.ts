/**
 * Differential test: what the kernel's own list of tasks says is what a walk over procfs says, and what
 * lsns says. Real: the kernel, the namespaces, the loaded iterators. Modelled: nothing.
 *
 * Processes come and go between two looks. So procfs is walked before and after, and only what both walks
 * agree on is compared.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { learnInitialNamespaces } from '../../src/domain/initial-namespaces.ts';
import type { KernelNamespace } from '../../src/domain/kernel-record.ts';
import { INITIAL_INUMS, toNamespaceKey } from '../../src/domain/namespace-type.ts';
import type { ObservedProcess, ObservedThread, Scan } from '../../src/domain/scan.ts';
import { openHandleProbe } from '../../src/observe/handle-probe.ts';
import { createKernelScanner } from '../../src/observe/kernel-scan.ts';
import { isNotable } from '../../src/observe/process-draft.ts';
import { createProcfsScanner } from '../../src/observe/procfs-scan.ts';
import { asUnprivileged } from '../observe/unprivileged.ts';
import { findObstacle, listOwnNamespaceDescriptors, startLab, type Lab } from './lab.ts';

const OPTIONS = { procRoot: '/proc', bootId: 'test', clock: { timelineUs: () => 0 } };
const TUN = '/dev/net/tun';
const ATTEMPTS = 5;
const END_MS = 5_000;

const opened = createKernelScanner(OPTIONS);
const probe = openHandleProbe('/proc');
const hasIds = !('missing' in probe);
const noIds = 'missing' in probe ? ` — NOT RUN: ${probe.missing}` : '';
const obstacle = findObstacle() ?? ('missing' in opened ? opened.missing : null);
const hasLsns = spawnSync('lsns', ['--version']).status === 0;

const lsnsSchema = z.object({
  namespaces: z.array(
    z.object({ ns: z.coerce.number(), type: z.string(), nprocs: z.coerce.number() }),
  ),
});

interface Child {
  readonly pid: number;
  readonly links: Readonly<Record<string, number>>;
}

let lab: Lab;
let scratch: string;
const made: Record<string, number> = {};

describe.skipIf(obstacle)(`the kernel scan${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`, () => {
  beforeAll(async () => {
    lab = startLab();
    scratch = mkdtempSync(join(tmpdir(), 'nsaudit-scan-'));
    const expressions = {
      child: 'spawn("net","uts")["pid"]',
      contained: 'spawn("cgroup","ipc","mnt","net","pid","user","uts",via="clone")["pid"]',
      inTime: 'spawn_in_time()["pid"]',
      inPid: 'spawn_in_pid()["pid"]',
      nested: 'spawn_nested_users()["pid"]',
      threads: 'spawn_thread()["pid"]',
      zombie: 'spawn_zombie_leader()["pid"]',
      pidWithoutInit: 'spawn_unborn()["pid"]',
      unreaped: 'spawn_unreaped()["pid"]',
      socket: 'spawn_socket_elsewhere()["pid"]',
    };
    for (const [name, expression] of Object.entries(expressions)) {
      made[name] = (await lab.run<number>(expression)).result;
    }
    await lab.run(`hold(${made['child']}, "net")`);
    await lab.run(`hold(${made['inPid']}, "pid_for_children")`);
    await lab.run(`bind(${made['child']}, "uts", ${JSON.stringify(join(scratch, 'uts'))})`);
    await lab.run(
      `spawn_private_mount(${JSON.stringify(join(scratch, 'uts'))}, ${made['contained']}, "ipc")`,
    );
  });

  afterAll(async () => {
    await lab.run(`unbind(${JSON.stringify(join(scratch, 'uts'))})`);
    await lab.end();
    rmSync(scratch, { recursive: true, force: true });
    if ('close' in opened) {
      opened.close();
    }
  });

  test('says of processes, threads, descriptors, facts and mounts what procfs says', () => {
    const procfs = createProcfsScanner(OPTIONS);
    let differences: unknown[] = ['not compared'];
    for (let attempt = 0; attempt < ATTEMPTS && differences.length > 0; attempt += 1) {
      const before = procfs.scan();
      const ours = hideUnshown(scanKernel(), made['pidWithoutInit']);
      differences = compare(before, procfs.scan(), ours);
      for (const pid of Object.values(made)) {
        expect(ours.processes.some((process) => process.pid === pid)).toBe(true);
      }
    }
    expect(differences).toEqual([]);
  });

  test('shows a pid namespace that has no process yet, which procfs hides', () => {
    const { links, forChildren } = requireProcess(scanKernel(), made['pidWithoutInit']);
    expect(forChildren.pid).toBeGreaterThan(0);
    expect(forChildren.pid).not.toBe(links.pid);
  });

  test('agrees with lsns on the namespaces and how many processes are in each', () => {
    if (!hasLsns) {
      return;
    }
    let differences = ['not compared'];
    for (let attempt = 0; attempt < ATTEMPTS && differences.length > 0; attempt += 1) {
      const before = countByNamespace(scanKernel());
      const { stdout } = spawnSync('lsns', ['--json', '--list', '--output', 'NS,TYPE,NPROCS'], {
        encoding: 'utf8',
      });
      const after = countByNamespace(scanKernel());
      differences = lsnsSchema
        .parse(JSON.parse(stdout))
        .namespaces.filter(({ nprocs }) => nprocs > 0)
        .flatMap(({ type, ns, nprocs }) => {
          const counts = [before, after].map((count) => count.get(`${type}:${ns}`) ?? 0);
          const isWithin = nprocs >= Math.min(...counts) && nprocs <= Math.max(...counts) + 1;
          return isWithin ? [] : [`${type}:${ns}: lsns ${nprocs}, scans ${counts.join(' and ')}`];
        });
    }
    expect(differences).toEqual([]);
  });

  test.skipIf(!hasIds)(
    `gives every namespace the id that the kernel gives it${noIds}`,
    async () => {
      const scan = scanKernel();
      const { links } = requireProcess(scan, made['contained']);
      for (const type of ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'] as const) {
        const { result } = await lab.run<string>(`kernel_id(${made['contained']}, "${type}")`);
        expect(scan.kernelIds.get(toNamespaceKey(type, links[type] ?? 0)), type).toBe(result);
      }
      const { forChildren } = requireProcess(scan, made['inTime']);
      expect(scan.kernelIds.has(toNamespaceKey('time', forChildren.time ?? 0))).toBe(true);
    },
  );

  test('shows sockets and tun devices of a network namespace that their process has left', () => {
    const scan = scanKernel();
    const { sockets: own, links } = requireProcess(scan, made['socket']);
    expect(own.map(({ kind }) => kind)).toEqual(existsSync(TUN) ? ['socket', 'tun'] : ['socket']);
    const [inum] = own.map((each) => each.inum);
    expect(own.every((each) => each.inum === inum)).toBe(true);
    expect(inum).not.toBe(links.net);
    const all = scan.processes.flatMap(({ sockets }) => sockets);
    expect(all.some((each) => each.inum === INITIAL_INUMS.net)).toBe(false);
  });

  test.skipIf(!hasIds)(`a namespace ends while it is scanned again and again${noIds}`, async () => {
    const child = await lab.run<Child>('spawn("net")');
    const inum = child.result.links['net'] ?? 0;
    const kernelNamespaceId = scanKernel().kernelIds.get(toNamespaceKey('net', inum)) ?? null;
    const namespace = { type: 'net', inum, kernelNamespaceId } as const;
    expect(ask(namespace)).toBe('alive');
    const deadlineMs = performance.now() + END_MS;
    const ending = lab.run(`end(${child.result.pid})`);
    while (ask(namespace) === 'alive' && performance.now() < deadlineMs) {
      scanKernel();
      await setImmediate();
    }
    await ending;
    expect(ask(namespace)).toBe('stale');
  });

  test('a scan leaves no descriptor of a namespace or an iterator behind', () => {
    scanKernel();
    const before = readdirSync('/proc/self/fd').length;
    scanKernel();
    const descriptors = readdirSync('/proc/self/fd');
    expect(descriptors).toHaveLength(before);
    expect(listOwnNamespaceDescriptors(descriptors)).toEqual([]);
  });

  test('who may load nothing into the kernel is told so in a sentence', () => {
    const refused = asUnprivileged(() => createKernelScanner(OPTIONS));
    expect('missing' in refused ? refused.missing : '').toMatch(/^The kernel does not list tasks/);
  });

  test('covers only what it is asked for, and what that stands on', () => {
    const links = scanKernel(['links']);
    expect(links.covered).toEqual(['links']);
    expect(links.reports.map(({ source }) => source)).toEqual(['links']);
    expect(
      links.processes.every(
        ({ threads, descriptors }) => threads.length + descriptors.length === 0,
      ),
    ).toBe(true);
    expect(scanKernel(['threads']).covered).toEqual([
      'links',
      'threads',
      'descriptors',
      'sockets',
      'references',
    ]);
  });
});

function scanKernel(...parameters: Parameters<KernelScannerScan>): Scan {
  if ('missing' in opened) {
    throw new Error(opened.missing);
  }
  return opened.scanner.scan(...parameters);
}

function ask(namespace: KernelNamespace): string {
  return 'missing' in probe ? probe.missing : probe.probe(namespace);
}

type KernelScannerScan = Extract<typeof opened, { scanner: unknown }>['scanner']['scan'];

function requireProcess(scan: Scan, pid: number | undefined): ObservedProcess {
  const found = scan.processes.find((process) => process.pid === pid);
  if (!found) {
    throw new Error(`process ${pid} was not seen`);
  }
  return found;
}

/** What differs from both walks over procfs, where these agree. */
function compare(before: Scan, after: Scan, ours: Scan): unknown[] {
  const differences: unknown[] = [];
  const [first, second, mine] = [before, after, ours].map(normaliseProcesses);
  for (const [pid, theirs] of first ?? []) {
    const isSettled = isDeepStrictEqual(theirs, second?.get(pid));
    const seen = mine?.get(pid);
    if (isSettled ? !isDeepStrictEqual(theirs, seen) : Object.values(made).includes(pid)) {
      differences.push({ theirs, ours: seen, isSettled });
    }
  }
  for (const pid of mine?.keys() ?? []) {
    if (!first?.has(pid) && second?.has(pid) === false) {
      const ended = requireProcess(ours, pid);
      differences.push({ theirs: 'not there', ours: ended });
    }
  }
  const mounts = [before, after, ours].map(({ mountNamespaces }) =>
    mountNamespaces.toSorted((left, right) => left.inum - right.inum),
  );
  if (isDeepStrictEqual(mounts[0], mounts[1]) && !isDeepStrictEqual(mounts[0], mounts[2])) {
    differences.push({ theirs: mounts[0], ours: mounts[2] });
  }
  return differences;
}

const KTHREADD = 2;

function byTid(left: ObservedThread, right: ObservedThread): number {
  return left.tid - right.tid;
}

/** Without what may differ: the long names of kernel threads, and the order of threads. */
function normaliseProcesses({ processes }: Scan): Map<number, unknown> {
  return new Map(
    processes.map((process) => {
      const isKernelThread = process.ppid === KTHREADD || process.pid === KTHREADD;
      return [
        process.pid,
        {
          ...process,
          comm: isKernelThread ? '' : process.comm,
          threads: process.threads.toSorted(byTid),
        },
      ];
    }),
  );
}

function countByNamespace({ processes }: Scan): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { links } of processes) {
    for (const [type, inum] of Object.entries(links)) {
      const key = `${type}:${inum}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return counts;
}

/** The scan without what procfs does not show: sockets, and the pid namespace that children of `pid` will be in. */
function hideUnshown(scan: Scan, pid: number | undefined): Scan {
  const hideSockets = (process: ObservedProcess): ObservedProcess => {
    const hidden = {
      ...process,
      sockets: [],
      threads: process.threads
        .map((thread) => ({ ...thread, sockets: [] }))
        .filter(({ links, forChildren, descriptors }) =>
          [links, forChildren, descriptors].some((held) => Object.keys(held).length > 0),
        ),
    };
    return isNotable(hidden, initial) ? hidden : { ...hidden, facts: null };
  };
  const initial = learnInitialNamespaces(scan.processes);
  return {
    ...scan,
    processes: scan.processes.map((each) =>
      hideSockets(each.pid === pid ? { ...each, forChildren: {}, facts: null } : each),
    ),
  };
}
