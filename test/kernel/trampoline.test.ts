/**
 * The trampoline profile, where the kernel allows it: births and ends are exact, and the last reference of a
 * namespace and its destruction are told apart. Emulated kernels run it (npm run test:vm).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Holder } from '../../src/domain/holder.ts';
import type { NamespaceType } from '../../src/domain/namespace-type.ts';
import {
  findKernelObstacle,
  startLab,
  startWatcher,
  type Lab,
  type Record,
  type Watcher,
} from './lab.ts';
import { expectEndWithin, expectExactlyWithin, holdersOf, lastLife } from './lives.ts';

const obstacle = findKernelObstacle('trampoline');
const PATIENCE_MS = 300_000;
/** Whoever asks for scans this often gets as many as a tenth of a core allows: in an emulator one takes seconds. */
const SCAN_INTERVAL_MS = 30;
const TYPES = ['cgroup', 'ipc', 'mnt', 'net', 'user', 'uts'] as const;

interface Child {
  readonly pid: number;
  readonly links: { readonly [Type in NamespaceType]?: number };
}

/** No scan but the first falls into a test. */
const NO_SCAN_MS = 3_600_000;

let lab: Lab;
let watcher: Watcher;

/** The holder, once the record has it as `isWanted` says; the last one of its kind and place. */
async function untilHolder(
  find: (holder: Holder) => boolean,
  isWanted: (holder: Holder) => boolean,
): Promise<{ readonly record: Record; readonly holder: Holder | undefined }> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const record = watcher.read();
    const holder = record.holders.findLast(find);
    if ((holder && isWanted(holder)) || Date.now() > deadline) {
      return { record, holder };
    }
    await sleep(100);
  }
}

describe.skipIf(obstacle)(`trampolines${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`, () => {
  beforeEach(async () => {
    lab = startLab();
    watcher = await startWatcher(SCAN_INTERVAL_MS, { profile: 'trampoline' });
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

  test('the last descriptor of a namespace that goes on is told as soon as it is closed', async () => {
    const made = await lab.run<Child>('spawn("net")');
    const held = await lab.run<number>(`hold(${made.result.pid}, "net")`);
    const isOurs = ({ kind, pid, fd }: Holder): boolean =>
      kind === 'fd' && pid === lab.pid && fd === held.result;
    await untilHolder(isOurs, () => true);
    const released = await lab.run(`release(${held.result})`);
    const { record, holder } = await untilHolder(isOurs, ({ to }) => to !== null);
    expectEndWithin(record, holder?.to ?? null, released, 'descriptor');
    expect(holder?.to?.evidence).toBe('kernel-event');
    expect(holder?.to?.by).toBeLessThanOrEqual(record.anchorUs + released.afterUs);
    expect(lastLife(record, 'net', made.result.links.net)?.gone).toBeNull();
  });
});

describe.skipIf(obstacle)(`bind mounts${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`, () => {
  let scratch: string;
  let path: string;

  beforeEach(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'nsaudit-mounts-'));
    path = join(scratch, 'blue net');
    lab = startLab();
    watcher = await startWatcher(NO_SCAN_MS, { profile: 'trampoline' });
  });

  afterEach(async () => {
    await lab.end();
    await watcher.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  const isMounted = (holder: Holder): boolean => holder.path === path;

  test('a bind mount that is made and undone between two scans is told, at exact instants, and so is its name', async () => {
    const made = await lab.run<Child>('spawn("net")');
    const bound = await lab.run(`bind(${made.result.pid}, "net", ${JSON.stringify(path)})`);
    const unbound = await lab.run(`unbind(${JSON.stringify(path)})`);
    const { record, holder } = await untilHolder(isMounted, ({ to }) => to !== null);
    const life = lastLife(record, 'net', made.result.links.net);
    expect(holder).toMatchObject({ kind: 'bind-mount', lifespan: life?.id, pid: null });
    expectExactlyWithin(record, holder?.from ?? null, bound, 'mounted');
    expectExactlyWithin(record, holder?.to ?? null, unbound, 'unmounted');
    expect(life).toMatchObject({ names: [path], gone: null });
    const place = record.lifespans.find(({ id }) => id === holder?.mountNamespace);
    expect(place).toMatchObject({ type: 'mnt', initial: true });
  });

  test('a mount in a mount namespace of its own ends with it, at an exact instant', async () => {
    const made = await lab.run<Child>('spawn("uts")');
    await lab.run(`open(${JSON.stringify(path)}, "x").close()`);
    const other = await lab.run<{ pid: number; mnt: number }>(
      `spawn_private_mount(${JSON.stringify(path)}, ${made.result.pid}, "uts")`,
    );
    const ended = await lab.run(`end(${other.result.pid})`);
    const { record, holder } = await untilHolder(isMounted, ({ to }) => to !== null);
    expect(holder?.mountNamespace).toBe(lastLife(record, 'mnt', other.result.mnt)?.id);
    expect(holder?.lifespan).toBe(lastLife(record, 'uts', made.result.links.uts)?.id);
    expectExactlyWithin(record, holder?.from ?? null, other, 'mounted');
    expectExactlyWithin(record, holder?.to ?? null, ended, 'unmounted');
  });
});
