/**
 * The trampoline profile, where the kernel allows it: births and ends are exact, and the last reference of a
 * namespace and its destruction are told apart. Emulated kernels run it (npm run test:vm).
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NamespaceType } from '../../src/domain/namespace-type.ts';
import { findKernelObstacle, startLab, startWatcher, type Lab, type Watcher } from './lab.ts';
import { expectExactlyWithin, holdersOf, lastLife } from './lives.ts';

const obstacle = findKernelObstacle('trampoline');
const PATIENCE_MS = 60_000;
const TYPES = ['cgroup', 'ipc', 'mnt', 'net', 'user', 'uts'] as const;

interface Child {
  readonly pid: number;
  readonly links: { readonly [Type in NamespaceType]?: number };
}

let lab: Lab;
let watcher: Watcher;

describe.skipIf(obstacle)(`trampolines${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`, () => {
  beforeEach(async () => {
    lab = startLab();
    watcher = await startWatcher(500, { profile: 'trampoline' });
    await watcher.scans(1);
  });

  afterEach(async () => {
    await lab.end();
    await watcher.stop();
  });

  test('births, holders and ends of six types are exact, and the inum of a network namespace is freed after its last reference is gone', async () => {
    const made = await lab.run<Child>(`spawn(${TYPES.map((type) => `"${type}"`).join(',')})`);
    await watcher.scans(1);
    const alive = watcher.read();
    for (const type of TYPES) {
      const life = lastLife(alive, type, made.result.links[type]);
      expectExactlyWithin(alive, life?.born ?? null, made, type);
      expect(life?.creator, type).toMatchObject({
        pid: made.result.pid,
        how: 'unshare',
        evidence: 'kernel-event',
      });
      const open = life ? holdersOf(alive, life).filter(({ to }) => to === null) : [];
      expect(
        open.map(({ pid }) => pid),
        type,
      ).toContain(made.result.pid);
    }
    const ended = await lab.run(`end(${made.result.pid})`);
    const deadline = Date.now() + PATIENCE_MS;
    let record = watcher.read();
    const areEnded = () =>
      TYPES.every((type) => lastLife(record, type, made.result.links[type])?.gone != null);
    while (!areEnded() && Date.now() < deadline) {
      await watcher.scans(1);
      record = watcher.read();
    }
    for (const type of TYPES) {
      const life = lastLife(record, type, made.result.links[type]);
      expect(life?.reason, type).toBe('destroyed');
      expect(life?.gone, type).toMatchObject({ evidence: 'kernel-event' });
      expect(life?.gone?.after, type).toBe(life?.gone?.by);
      expect(life?.gone?.by, type).toBeGreaterThanOrEqual(record.anchorUs + ended.beforeUs);
    }
    const net = lastLife(record, 'net', made.result.links.net);
    expect(net?.unreferenced).toMatchObject({ evidence: 'kernel-event' });
    expect(net?.unreferenced?.after).toBe(net?.unreferenced?.by);
    expect(net?.gone?.by).toBeGreaterThan(net?.unreferenced?.by ?? Number.POSITIVE_INFINITY);
  });

  test('a process that enters with setns joins, and leaves, at exact instants', async () => {
    const made = await lab.run<Child>('spawn("net")');
    const entered = await lab.run<{ pid: number; inner: number }>(
      `spawn_entering(${made.result.pid}, "net")`,
    );
    const left = await lab.run(`end(${entered.result.pid})`);
    await watcher.scans(2);
    const record = watcher.read();
    const life = lastLife(record, 'net', made.result.links.net);
    const holder = life && holdersOf(record, life).find(({ pid }) => pid === entered.result.pid);
    expect(holder).toBeDefined();
    expectExactlyWithin(record, holder?.from ?? null, entered, 'joined');
    expectExactlyWithin(record, holder?.to ?? null, left, 'left');
  });
});
