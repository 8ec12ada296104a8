/**
 * Every kind of holder that only the kernel's own lists show, in situations that the lab makes.
 *
 * Real: the kernel, the namespaces, a collector with a database of its own. Modelled: nothing. What holds
 * what, and from when to when, is what the lab did and measured.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ownHolders, until } from './holders.ts';
import {
  findKernelObstacle,
  startLab,
  startWatcher,
  TESTED_PROFILE,
  type Lab,
  type Record,
  type Watcher,
} from './lab.ts';
import { expectEndWithin, expectWithin, lastLife } from './lives.ts';

const obstacle = findKernelObstacle();
const noTun =
  existsSync('/dev/net/tun') && spawnSync('ip', ['-V']).status === 0 ? '' : ' — NOT RUN: no tun';
const TEST_MS = 400_000;
const SCAN_MS = 50;
const outOfTime = { after: null, by: 0, evidence: 'scan' } as const;

let lab: Lab;
let watcher: Watcher;

describe.skipIf(obstacle)(
  `holders that only the kernel shows${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`,
  { timeout: TEST_MS },
  () => {
    beforeEach(async () => {
      lab = startLab();
      watcher = await startWatcher(SCAN_MS, { profile: TESTED_PROFILE });
      await watcher.scans(1);
    });

    afterEach(async () => {
      await lab.end();
      await watcher.stop();
    });

    test('a network namespace that only sockets hold is held by each of their descriptors, and ends with them', async () => {
      const made = await lab.run<{ pid: number; net: number; inodes: number[] }>(
        'spawn_sockets(2)',
      );
      const { pid, net, inodes } = made.result;
      const record = await until(watcher, (each) => ownHolders(each, 'net', net).length >= 4);
      const holders = ownHolders(record, 'net', net);
      expect(holders.map(({ kind }) => kind)).toEqual(Array(4).fill('socket'));
      expect(holders.every((holder) => holder.pid === pid && holder.tid === null)).toBe(true);
      expect(new Set(holders.map(({ socketInode }) => socketInode))).toEqual(new Set(inodes));
      expect(new Set(holders.map(({ fd }) => fd)).size).toBe(4);
      expect(lastLife(record, 'net', net)).toMatchObject({ unheld: null, gone: null });
      holders.forEach((holder) => expectWithin(record, holder.from, made, 'socket'));
      // Scans that see the sockets leave the namespace held.
      await watcher.scans(3);
      expect(lastLife(watcher.read(), 'net', net)).toMatchObject({ unheld: null, gone: null });
      const ending = await lab.run(`end(${pid})`);
      const after = await until(
        watcher,
        (each) => (lastLife(each, 'net', net)?.gone ?? null) !== null,
      );
      // Where the inum was given away before a scan came, the end is all that is told.
      const life = lastLife(after, 'net', net);
      expectEndWithin(after, life?.unheld ?? life?.gone ?? null, ending, 'unheld');
      ownHolders(after, 'net', net).forEach(({ to }) =>
        expectEndWithin(after, to, ending, 'socket'),
      );
    });

    test('a socket in the descriptor table of a single thread is held by that thread', async () => {
      const made = await lab.run<{ pid: number; tid: number; net: number; fd: number }>(
        'spawn_socket_in_thread()',
      );
      const { pid, tid, net, fd } = made.result;
      const record = await until(watcher, (each) =>
        ownHolders(each, 'net', net).some(({ kind }) => kind === 'socket'),
      );
      const sockets = ownHolders(record, 'net', net).filter(({ kind }) => kind === 'socket');
      expect(sockets).toMatchObject([{ pid, tid, fd, to: null }]);
    });

    test('a namespace descriptor in the descriptor table of a single thread is held by that thread', async () => {
      const made = await lab.run<{ pid: number; utsTid: number; fd: number; uts: number }>(
        'spawn_thread()',
      );
      const { pid, utsTid, fd, uts } = made.result;
      const record = await until(watcher, (each) =>
        ownHolders(each, 'uts', uts).some(({ kind, to }) => kind === 'fd' && to === null),
      );
      const open = ownHolders(record, 'uts', uts).filter(({ to }) => to === null);
      expect(open).toMatchObject([{ kind: 'fd', pid, tid: utsTid, fd }]);
    });

    test('a user namespace without a process is held by its child, from the birth of the child to its end', async () => {
      const outer = await lab.run<{ pid: number; outer: number }>('spawn_nested_users()');
      const inner = await lab.run<{ inner: number }>(`enter_inner_user(${outer.result.pid})`);
      await until(watcher, (each) => ownHolders(each, 'user', outer.result.outer).length > 0);
      await watcher.scans(2);
      const record = watcher.read();
      const child = lastLife(record, 'user', inner.result.inner);
      const open = ownHolders(record, 'user', outer.result.outer).filter(({ to }) => to === null);
      expect(open).toMatchObject([{ kind: 'child-namespace', namespace: child?.id }]);
      expect(open[0]?.from).toEqual(child?.born);
      expectWithin(record, open[0]?.from ?? outOfTime, inner, 'from');
      expect(lastLife(record, 'user', outer.result.outer)).toMatchObject({ unheld: null });
      const ending = await lab.run(`end(${outer.result.pid})`);
      const isOver = (each: Record): boolean =>
        (lastLife(each, 'user', outer.result.outer)?.gone ?? null) !== null;
      const after = await until(watcher, isOver);
      const [held] = ownHolders(after, 'user', outer.result.outer);
      expect(held?.to).toEqual(lastLife(after, 'user', inner.result.inner)?.gone);
      expectEndWithin(
        after,
        lastLife(after, 'user', outer.result.outer)?.gone ?? null,
        { ...ending, afterUs: Number.POSITIVE_INFINITY },
        'gone',
      );
    });

    test('a user namespace without a process is held by a network namespace that it owns', async () => {
      const made = await lab.run<{ pid: number; links: { user: number; net: number } }>(
        'spawn("user", "net")',
      );
      const { pid, links } = made.result;
      const fd = (await lab.run<number>(`hold(${pid}, "net")`)).result;
      await watcher.scans(1);
      await lab.run(`end(${pid})`);
      await watcher.scans(2);
      expect((await lab.run<number>(`owner_of(${fd})`)).result).toBe(links.user);
      const record = watcher.read();
      const net = lastLife(record, 'net', links.net);
      const open = ownHolders(record, 'user', links.user).filter(({ to }) => to === null);
      expect(open).toMatchObject([{ kind: 'owned-namespace', namespace: net?.id }]);
      expect(lastLife(record, 'user', links.user)).toMatchObject({ unheld: null, gone: null });
      await lab.run(`release(${fd})`);
      await until(watcher, (each) => (lastLife(each, 'user', links.user)?.gone ?? null) !== null);
    });

    test.skipIf(noTun)(
      `a tap device that was moved names both network namespaces, and keeps the one it was opened in${noTun}`,
      async () => {
        const name = `nst${process.pid}`;
        const made = await lab.run<{ pid: number; net: number; deviceNet: number; fd: number }>(
          `spawn_tun("${name}")`,
        );
        const { pid, net, deviceNet, fd } = made.result;
        const isThere = (each: Record): boolean =>
          ownHolders(each, 'net', net).some(
            (holder) => holder.pid === pid && holder.namespace !== null,
          );
        const record = await until(watcher, isThere);
        const open = ownHolders(record, 'net', net).filter(
          (holder) => holder.pid === pid && holder.to === null,
        );
        expect(open).toMatchObject([
          {
            kind: 'tun',
            fd,
            interface: name,
            namespace: lastLife(record, 'net', deviceNet)?.id,
          },
        ]);
        expect(ownHolders(record, 'net', deviceNet)).toEqual([]);
        await lab.run(`end(${pid})`);
        await until(watcher, (each) => (lastLife(each, 'net', net)?.gone ?? null) !== null);
      },
    );
  },
);
