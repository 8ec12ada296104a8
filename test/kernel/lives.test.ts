/**
 * Real namespaces of all eight types, made and ended in every way the lab knows, against what the lab
 * measured before and after each step.
 */
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NamespaceType } from '../../src/domain/namespace-type.ts';
import {
  findObstacle,
  listOwnNamespaceDescriptors,
  startLab,
  startWatcher,
  type Lab,
  type Watcher,
} from './lab.ts';
import { expectEndWithin, expectWithin, holdersOf, requireLife } from './lives.ts';

const obstacle = findObstacle();
const SCAN_INTERVAL_MS = 100;

interface Child {
  readonly pid: number;
  readonly links: { readonly [Type in NamespaceType]?: number };
}

let lab: Lab;
let watcher: Watcher;

describe.skipIf(obstacle)(
  `lives of real namespaces${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`,
  () => {
    beforeEach(async () => {
      lab = startLab();
      watcher = await startWatcher(SCAN_INTERVAL_MS);
      await watcher.scans(1);
    });

    afterEach(async () => {
      await lab.end();
      await watcher.stop();
    });

    const ways: [name: string, types: NamespaceType[], expression: string][] = [
      [
        'unshare',
        ['cgroup', 'ipc', 'mnt', 'net', 'user', 'uts'],
        'spawn("cgroup","ipc","mnt","net","user","uts")',
      ],
      [
        'clone',
        ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'],
        'spawn("cgroup","ipc","mnt","net","pid","user","uts",via="clone")',
      ],
      [
        'clone3',
        ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'],
        'spawn("cgroup","ipc","mnt","net","pid","user","uts",via="clone3")',
      ],
      ['unshare, then a child in the new pid namespace', ['pid'], 'spawn_in_pid()'],
      ['unshare, then a child in the new time namespace', ['time'], 'spawn_in_time()'],
    ];

    test.each(ways)(
      '%s: birth, holder and end lie within their bounds',
      async (_way, types, expression) => {
        const made = await lab.run<Child>(expression);
        await watcher.scans(2);
        const alive = watcher.read();
        for (const type of types) {
          const life = requireLife(alive, type, made.result.links[type]);
          expectWithin(alive, life.born, made, type);
          expect(life.born.evidence).toBe('scan');
          expect(life).toMatchObject({ gone: null, initial: false, suspected: false });
          expect(life.creator?.evidence).toBe('scan');
          const holders = holdersOf(alive, life);
          expect(
            holders.some((holder) => holder.pid === made.result.pid && holder.to === null),
          ).toBe(true);
        }
        const ended = await lab.run(`end(${made.result.pid})`);
        await watcher.scans(3);
        const after = watcher.read();
        for (const type of types) {
          const life = requireLife(after, type, made.result.links[type]);
          expect(life.reason, `${type} ended`).toBe('vanished');
          expectEndWithin(after, life.gone, ended, type);
          for (const holder of holdersOf(after, life)) {
            expect(holder.to, `${type} holder ended`).not.toBeNull();
          }
        }
      },
    );

    test('the creator found by a scan is the process that unshared', async () => {
      const made = await lab.run<Child>('spawn("net")');
      await watcher.scans(2);
      const life = requireLife(watcher.read(), 'net', made.result.links.net);
      expect(life.creator).toMatchObject({
        pid: made.result.pid,
        ppid: lab.pid,
        comm: 'python3',
        uid: 0,
        how: null,
      });
    });

    test('a descriptor keeps a network namespace after its last process, and is its only holder', async () => {
      const made = await lab.run<Child>('spawn("net")');
      const { result: fd } = await lab.run<number>(`hold(${made.result.pid}, "net")`);
      await watcher.scans(2);
      await lab.run(`end(${made.result.pid})`);
      await watcher.scans(4);
      const held = watcher.read();
      const life = requireLife(held, 'net', made.result.links.net);
      expect(life).toMatchObject({ gone: null, holdersNow: 1 });
      expect(holdersOf(held, life).filter((holder) => holder.to === null)).toMatchObject([
        { kind: 'fd', pid: lab.pid, fd },
      ]);
      const released = await lab.run(`release(${fd})`);
      await watcher.scans(3);
      const after = watcher.read();
      expectEndWithin(
        after,
        requireLife(after, 'net', made.result.links.net).gone,
        released,
        'net',
      );
    });

    test('a thread in another namespace, and a descriptor in a table of its own, are holders', async () => {
      const made = await lab.run<{
        pid: number;
        netTid: number;
        net: number;
        utsTid: number;
        fd: number;
        uts: number;
      }>('spawn_thread()');
      const { pid, netTid, net, utsTid, fd, uts } = made.result;
      await watcher.scans(2);
      const record = watcher.read();
      expect(holdersOf(record, requireLife(record, 'net', net))).toMatchObject([
        { kind: 'thread', pid, tid: netTid },
      ]);
      const ofUts = holdersOf(record, requireLife(record, 'uts', uts)).filter(
        (holder) => holder.to === null,
      );
      expect(ofUts).toMatchObject([{ kind: 'fd', pid, tid: utsTid, fd }]);
      const ended = await lab.run(`end(${pid})`);
      await watcher.scans(3);
      const after = watcher.read();
      expectEndWithin(after, requireLife(after, 'net', net).gone, ended, 'net');
    });

    test('a zombie leader does not hide what its threads hold', async () => {
      const made = await lab.run<{ pid: number; tid: number; net: number }>(
        'spawn_zombie_leader()',
      );
      const { pid, tid, net } = made.result;
      await watcher.scans(2);
      const record = watcher.read();
      const life = requireLife(record, 'net', net);
      expectWithin(record, life.born, made, 'net');
      const open = holdersOf(record, life).filter((holder) => holder.to === null);
      expect(open).toMatchObject([{ kind: 'thread', pid, tid }]);
      const ended = await lab.run(`end(${pid})`);
      await watcher.scans(3);
      const after = watcher.read();
      expectEndWithin(after, requireLife(after, 'net', net).gone, ended, 'net');
    });

    test('a user namespace that only its child keeps is held by it, until the child is gone', async () => {
      const made = await lab.run<{ pid: number; outer: number }>('spawn_nested_users()');
      await watcher.scans(2);
      const left = await lab.run<{ inner: number }>(`enter_inner_user(${made.result.pid})`);
      await watcher.scans(4);
      const record = watcher.read();
      const outer = requireLife(record, 'user', made.result.outer);
      expectWithin(record, outer.born, made, 'outer');
      expect(outer).toMatchObject({ unheld: null, gone: null });
      const inner = requireLife(record, 'user', left.result.inner);
      expectWithin(record, inner.born, left, 'inner');
      expect(inner.owner).toBe(outer.id);
      const ended = await lab.run(`end(${made.result.pid})`);
      await watcher.scans(5);
      const after = watcher.read();
      expectEndWithin(after, requireLife(after, 'user', left.result.inner).gone, ended, 'inner');
      expectEndWithin(after, requireLife(after, 'user', made.result.outer).gone, ended, 'outer');
    });

    test('at rest the collector holds no namespace descriptor', async () => {
      const made = await lab.run<Child>('spawn("net")');
      await watcher.scans(3);
      await lab.run(`end(${made.result.pid})`);
      await watcher.scans(3);
      expect(listOwnNamespaceDescriptors(readdirSync('/proc/self/fd'))).toEqual([]);
    });
  },
);
