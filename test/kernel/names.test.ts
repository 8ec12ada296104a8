/** Names and bind mounts: `ip netns`, mounts in other mount namespaces, propagated copies. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findObstacle, startLab, startWatcher, type Lab, type Watcher } from './lab.ts';

const hasIp = spawnSync('ip', ['-V']).status === 0;
const obstacle = findObstacle() ?? (hasIp ? null : 'no ip command');
const NAME = `nsaudit-test-${process.pid}`;

let lab: Lab;
let watcher: Watcher;
let scratch: string;

describe.skipIf(obstacle)(`names of namespaces${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`, () => {
  beforeEach(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'nsaudit-names-'));
    lab = startLab();
    watcher = await startWatcher(100);
    await watcher.scans(1);
  });

  afterEach(async () => {
    await lab.end();
    await watcher.stop();
    spawnSync('ip', ['netns', 'delete', NAME]);
    rmSync(scratch, { recursive: true, force: true });
  });

  test('ip netns add and delete: a name, a bind mount that holds it, and an end within its bounds', async () => {
    const before = await lab.run<number>('now_us()');
    expect(spawnSync('ip', ['netns', 'add', NAME]).status).toBe(0);
    const made = await lab.run<number>('now_us()');
    await watcher.scans(2);
    const record = watcher.read();
    const path = `/run/netns/${NAME}`;
    const life = record.lifespans.find(({ names }) => names.includes(path));
    expect(life).toMatchObject({ type: 'net', gone: null, suspected: false });
    expect(life?.born.after ?? 0).toBeLessThanOrEqual(record.anchorUs + made.result);
    expect(life?.born.by ?? 0).toBeGreaterThan(record.anchorUs + before.result);
    const holders = record.holders.filter(
      ({ lifespan, to }) => lifespan === life?.id && to === null,
    );
    expect(holders.length).toBeGreaterThan(0);
    expect(holders.every(({ kind }) => kind === 'bind-mount')).toBe(true);
    const deleting = await lab.run<number>('now_us()');
    expect(spawnSync('ip', ['netns', 'delete', NAME]).status).toBe(0);
    const deleted = await lab.run<number>('now_us()');
    await watcher.scans(3);
    const after = watcher.read();
    const ended = after.lifespans.find(({ id }) => id === life?.id);
    expect(ended?.reason).toBe('vanished');
    expect(ended?.gone?.after ?? 0).toBeLessThanOrEqual(after.anchorUs + deleted.result);
    expect(ended?.gone?.by ?? 0).toBeGreaterThan(after.anchorUs + deleting.result);
  });

  test('a file without a mount, as a failed ip netns leaves it behind, is no name', async () => {
    const path = `/run/netns/${NAME}`;
    expect(spawnSync('ip', ['netns', 'add', NAME]).status).toBe(0);
    await watcher.scans(2);
    expect(spawnSync('umount', [path]).status).toBe(0);
    expect(existsSync(path)).toBe(true);
    await watcher.scans(3);
    const record = watcher.read();
    const life = record.lifespans.find(({ names }) => names.includes(path));
    const mounts = record.holders.filter((holder) => holder.path === path);
    expect(life?.gone).not.toBeNull();
    expect(mounts.length).toBeGreaterThan(0);
    expect(mounts.every(({ to }) => to !== null)).toBe(true);
  });

  test('a bind mount that only another mount namespace has is a holder there, with odd bytes in its path', async () => {
    const path = join(scratch, 'blue net\\\n\u00e9');
    const made = await lab.run<{ pid: number; links: { uts: number } }>('spawn("uts")');
    await lab.run(`open(${JSON.stringify(path)}, "x").close()`);
    const other = await lab.run<{ pid: number; mnt: number }>(
      `spawn_private_mount(${JSON.stringify(path)}, ${made.result.pid}, "uts")`,
    );
    await watcher.scans(2);
    await lab.run(`end(${made.result.pid})`);
    await watcher.scans(4);
    const record = watcher.read();
    const life = record.lifespans.find(
      ({ type, inum }) => type === 'uts' && inum === made.result.links.uts,
    );
    expect(life).toMatchObject({ gone: null, names: [path] });
    const mnt = record.lifespans.find(
      ({ type, inum }) => type === 'mnt' && inum === other.result.mnt,
    );
    const open = record.holders.filter(({ lifespan, to }) => lifespan === life?.id && to === null);
    expect(open).toMatchObject([{ kind: 'bind-mount', path, mountNamespace: mnt?.id }]);
    await lab.run(`end(${other.result.pid})`);
    await watcher.scans(6);
    expect(watcher.read().lifespans.find(({ id }) => id === life?.id)?.reason).toBe('vanished');
  });
});
