/**
 * Namespaces of all types, asked by their kernel ids whether they live, while something holds them and
 * after that. Real: the kernel and the namespaces. Modelled: nothing.
 */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KernelNamespace } from '../../src/domain/kernel-record.ts';
import { INITIAL_INUMS, type NamespaceType } from '../../src/domain/namespace-type.ts';
import { openHandleProbe, type HandleProbe } from '../../src/observe/handle-probe.ts';
import { asUnprivileged } from '../observe/unprivileged.ts';
import { findObstacle, listOwnNamespaceDescriptors, startLab, type Lab } from './lab.ts';

const opened = openHandleProbe('/proc');
const obstacle = findObstacle() ?? ('missing' in opened ? opened.missing : null);

/** User and pid namespaces go in deferred work; on a busy machine that takes its time. */
const END_MS = 5_000;

const DIRECT_TYPES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'] as const;

interface Child {
  readonly pid: number;
  readonly links: { readonly [Type in NamespaceType]?: number };
}

let lab: Lab;

describe.skipIf(obstacle)(`asked by handle${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`, () => {
  beforeEach(() => {
    lab = startLab();
  });

  afterEach(() => lab.end());

  test('a namespace of every type is alive while a process is in it and stale soon after', async () => {
    const probe = requireProbe();
    const types = DIRECT_TYPES.map((type) => `"${type}"`).join(',');
    const made = await lab.run<Child>(`spawn(${types},via="clone")`);
    const inTime = await lab.run<Child>('spawn_in_time()');
    const namespaces = [
      ...(await Promise.all(DIRECT_TYPES.map((type) => identify(made.result, type)))),
      await identify(inTime.result, 'time', 'time_for_children'),
    ];
    for (const namespace of namespaces) {
      expect(probe.probe(namespace), namespace.type).toBe('alive');
    }
    await lab.run(`end(${made.result.pid})`);
    await lab.run(`end(${inTime.result.pid})`);
    for (const namespace of namespaces) {
      expect(await waitForEnd(probe, namespace), namespace.type).toBe('stale');
    }
    expect([...probe.refusals()]).toEqual([]);
  });

  test('a descriptor keeps a namespace alive to the probe, and the probe keeps nothing', async () => {
    const probe = requireProbe();
    const made = await lab.run<Child>('spawn("net")');
    const namespace = await identify(made.result, 'net');
    const { result: fd } = await lab.run<number>(`hold(${made.result.pid}, "net")`);
    await lab.run(`end(${made.result.pid})`);
    await sleep(50);
    for (let times = 0; times < 1_000; times += 1) {
      expect(probe.probe(namespace)).toBe('alive');
    }
    expect(listOwnNamespaceDescriptors(readdirSync('/proc/self/fd'))).toEqual([]);
    await lab.run(`release(${fd})`);
    // The drop was the last reference, so nothing is left that a probe could have kept.
    expect(await waitForEnd(probe, namespace)).toBe('stale');
  });

  test('an id, type or inum that belongs to no namespace is stale, and one without an id is unknown', async () => {
    const probe = requireProbe();
    const made = await lab.run<Child>('spawn("uts")');
    const namespace = await identify(made.result, 'uts');
    expect(probe.probe({ ...namespace, kernelNamespaceId: '18446744073709551615' })).toBe('stale');
    expect(probe.probe({ ...namespace, type: 'ipc' })).toBe('stale');
    expect(probe.probe({ ...namespace, inum: namespace.inum + 1 })).toBe('stale');
    expect(probe.probe({ ...namespace, kernelNamespaceId: null })).toBe('unknown');
    expect(probe.probe(namespace)).toBe('alive');
  });

  test('who may not look at the namespaces of others learns it from the start', () => {
    expect(asUnprivileged(() => openHandleProbe('/proc'))).toEqual({
      missing: 'Namespaces cannot be probed without CAP_SYS_ADMIN.',
    });
  });
});

function requireProbe(): HandleProbe {
  const probe = openHandleProbe('/proc');
  if ('missing' in probe) {
    throw new Error(probe.missing);
  }
  return probe;
}

async function identify(
  { pid, links }: Child,
  type: NamespaceType,
  link: string = type,
): Promise<KernelNamespace> {
  const { result } = await lab.run<string>(`kernel_id(${pid}, "${link}")`);
  const inum = links[type] ?? 0;
  expect(inum).not.toBe(INITIAL_INUMS[type]);
  return { type, inum, kernelNamespaceId: result };
}

async function waitForEnd(probe: HandleProbe, namespace: KernelNamespace): Promise<string> {
  const deadlineMs = performance.now() + END_MS;
  for (;;) {
    const liveness = probe.probe(namespace);
    if (liveness !== 'alive' || performance.now() > deadlineMs) {
      return liveness;
    }
    await sleep(2);
  }
}
