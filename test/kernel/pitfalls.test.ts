/**
 * What is easily got wrong about namespaces and their holders, each as one situation that the lab makes, by
 * procfs and by kernel events. ARCHITECTURE.md lists all pitfalls with the test of each.
 *
 * Real: the kernel, the namespaces, a collector with a database of its own. Modelled: nothing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { toNameIntervals } from '../../src/domain/name-intervals.ts';
import type { NamespaceType } from '../../src/domain/namespace-type.ts';
import { openHistory } from '../../src/history/open-history.ts';
import { MAIN_FILE } from '../cli/built-program.ts';
import { ownHolders, until } from './holders.ts';
import {
  findKernelObstacle,
  findObstacle,
  listOwnNamespaceDescriptors,
  makeStateDirectory,
  startLab,
  startWatcher,
  TESTED_PROFILE,
  type Lab,
  type Record,
  type Watcher,
} from './lab.ts';
import { expectEndWithin, holdersOf, lastLife } from './lives.ts';

const obstacle = findObstacle();
const profiles = [
  ['procfs', null],
  [TESTED_PROFILE, findKernelObstacle()],
] as const;
const TEST_MS = 400_000;
const SCAN_MS = 50;

let lab: Lab;
let watcher: Watcher;
let scratch: string;

function isGone(type: NamespaceType, inum: number): (record: Record) => boolean {
  return (record) => (lastLife(record, type, inum)?.gone ?? null) !== null;
}

function openMembers(record: Record, type: NamespaceType, inum: number) {
  const life = lastLife(record, type, inum);
  return life ? holdersOf(record, life).filter(({ to }) => to === null) : [];
}

/** A kernel thread in a mount namespace that is not the one of the others, or null. */
function findKernelThread(): { pid: number; mnt: number } | null {
  const home = readMount('2');
  const pid = readdirSync('/proc').find((name) => {
    const mnt = /^\d+$/.test(name) && isKernelThread(name) ? readMount(name) : null;
    return mnt !== null && mnt !== home;
  });
  return pid === undefined ? null : { pid: Number(pid), mnt: readMount(pid) ?? 0 };
}

function readMount(pid: string): number | null {
  try {
    return Number(readlinkSync(`/proc/${pid}/ns/mnt`).slice('mnt:['.length, -1));
  } catch {
    return null;
  }
}

function isKernelThread(pid: string): boolean {
  try {
    // Its executable is a link that leads nowhere.
    readlinkSync(`/proc/${pid}/exe`);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && readMount(pid) !== null;
  }
}

describe.skipIf(obstacle).each(profiles)(
  `pitfalls, by %s${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`,
  { timeout: TEST_MS },
  (profile, missing) => {
    const note = missing === null ? '' : ` — NOT RUN: ${missing}`;

    beforeEach(async () => {
      scratch = mkdtempSync(join(tmpdir(), 'nsaudit-pitfalls-'));
      lab = startLab();
      watcher = await startWatcher(SCAN_MS, { profile });
      await watcher.scans(1);
    }, TEST_MS);

    afterEach(async () => {
      await lab.end();
      await watcher.stop();
      spawnSync('umount', ['-l', join(scratch, 'shared')]);
      rmSync(scratch, { recursive: true, force: true });
    });

    test.skipIf(missing)(
      `what a thread holds is held though its leader has ended, and ends with the thread${note}`,
      async () => {
        const made = await lab.run<{ pid: number; tid: number; net: number }>(
          'spawn_zombie_leader()',
        );
        const { pid, tid, net } = made.result;
        const isHeld = (record: Record): boolean => openMembers(record, 'net', net).length > 0;
        await until(watcher, isHeld);
        await watcher.scans(3);
        const record = watcher.read();
        expect(openMembers(record, 'net', net)).toMatchObject([{ kind: 'thread', pid, tid }]);
        expect(lastLife(record, 'net', net)).toMatchObject({ gone: null, unheld: null });
        const ending = await lab.run(`end(${pid})`);
        const after = await until(watcher, isGone('net', net));
        expectEndWithin(after, lastLife(after, 'net', net)?.gone ?? null, ending, 'net');
      },
    );

    test.skipIf(missing)(
      `a process that has ended and is not reaped still keeps its user namespace, and no other${note}`,
      async () => {
        const made = await lab.run<{ pid: number; user: number; net: number }>('spawn_ending()');
        const { pid, user, net } = made.result;
        await watcher.scans(2);
        const ended = await lab.run(`become_zombie(${pid})`);
        const record = await until(watcher, isGone('net', net));
        expectEndWithin(record, lastLife(record, 'net', net)?.gone ?? null, ended, 'net');
        await watcher.scans(3);
        expect(lastLife(watcher.read(), 'user', user)).toMatchObject({ gone: null });
        const reaped = await lab.run(`end(${pid})`);
        const after = await until(watcher, isGone('user', user));
        expectEndWithin(after, lastLife(after, 'user', user)?.gone ?? null, reaped, 'user');
      },
    );

    test.skipIf(missing)(
      `a time namespace that nobody is in yet is held by what children will get${note}`,
      async () => {
        const made = await lab.run<{ pid: number; time: number; forChildren: number }>(
          'spawn_time_for_children()',
        );
        const { pid, time, forChildren } = made.result;
        expect(forChildren).not.toBe(time);
        const isHeld = (record: Record): boolean =>
          ownHolders(record, 'time', forChildren).length > 0;
        const record = await until(watcher, isHeld);
        expect(openMembers(record, 'time', forChildren)).toMatchObject([
          { kind: 'for-children', pid },
        ]);
        const ending = await lab.run(`end(${pid})`);
        const after = await until(watcher, isGone('time', forChildren));
        const gone = lastLife(after, 'time', forChildren)?.gone ?? null;
        expectEndWithin(after, gone, ending, 'time');
      },
    );

    test.skipIf(missing)(
      `a pid namespace before its first child is held by who made it, or not claimed at all${note}`,
      async () => {
        const made = await lab.run<{ pid: number }>('spawn_unborn()');
        const { pid } = made.result;
        await watcher.scans(3);
        const record = watcher.read();
        const holders = record.holders.filter((holder) => holder.pid === pid);
        expect(holders).toMatchObject(
          profile === 'procfs' ? [] : [{ kind: 'for-children', to: null }],
        );
        await lab.run(`end(${pid})`);
      },
    );

    test.skipIf(missing)(
      `a bind mount that is propagated is a holder in each mount namespace, and one name as long as one is left${note}`,
      async () => {
        const shared = join(scratch, 'shared');
        const path = join(shared, 'uts');
        mkdirSync(shared);
        await lab.run(`make_shared(${JSON.stringify(shared)})`);
        const made = await lab.run<{ pid: number; links: { uts: number } }>('spawn("uts")');
        const copy = await lab.run<{ pid: number; links: { mnt: number } }>('spawn("mnt")');
        const { uts } = made.result.links;
        await lab.run(`bind(${made.result.pid}, "uts", ${JSON.stringify(path)})`);
        await lab.run(`end(${made.result.pid})`);
        const mountsOf = (record: Record) =>
          ownHolders(record, 'uts', uts).filter(({ kind }) => kind === 'bind-mount');
        const here = readMount(String(lab.pid));
        const isIn = (record: Record, mnt: number | null): boolean =>
          mountsOf(record).some(
            ({ mountNamespace, to }) =>
              to === null &&
              record.lifespans.some(({ id, inum }) => id === mountNamespace && inum === mnt),
          );
        await until(watcher, (each) => isIn(each, here) && isIn(each, copy.result.links.mnt));
        await lab.run(`end(${copy.result.pid})`);
        const left = await until(watcher, (each) => !isIn(each, copy.result.links.mnt));
        expect(isIn(left, here)).toBe(true);
        expect(lastLife(left, 'uts', uts)).toMatchObject({ unheld: null, gone: null });
        expect(toNameIntervals(mountsOf(left))).toMatchObject([{ name: path, to: null }]);
        const ending = await lab.run(`unbind(${JSON.stringify(path)})`);
        const after = await until(watcher, isGone('uts', uts));
        const intervals = toNameIntervals(mountsOf(after));
        expect(intervals).toMatchObject([{ name: path }]);
        expectEndWithin(after, intervals[0]?.to ?? null, ending, 'name');
      },
    );

    test.skipIf(missing)(
      `another parent, user and program of a process are no change of what it holds${note}`,
      async () => {
        const made = await lab.run<{ pid: number; inner: number; uts: number }>('spawn_below()');
        const { pid, inner, uts } = made.result;
        const isHeld = (record: Record): boolean => openMembers(record, 'uts', uts).length > 0;
        const [before] = openMembers(await until(watcher, isHeld), 'uts', uts);
        await lab.run(`become_other(${pid}, ${inner})`);
        await watcher.scans(3);
        const record = watcher.read();
        expect(openMembers(record, 'uts', uts)).toMatchObject([{ id: before?.id, pid: inner }]);
        const ofInner = record.events.filter(
          (event) => event.event === 'holder.gained' && event.pid === inner && event.set !== null,
        );
        expect(ofInner).toHaveLength(1);
        await lab.run(`end(${inner})`);
        await until(watcher, isGone('uts', uts));
      },
    );

    test.skipIf(missing)(
      `between two looks the collector has no descriptor of a namespace, no thread in another one and no child${note}`,
      async () => {
        const made = await lab.run<{ pid: number; links: { mnt: number; net: number } }>(
          'spawn("mnt", "net")',
        );
        const { result: fd } = await lab.run<number>(`hold(${made.result.pid}, "mnt")`);
        await lab.run(`end(${made.result.pid})`);
        const own = readdirSync('/proc/self/ns').map((type) =>
          readlinkSync(`/proc/self/ns/${type}`),
        );
        for (let look = 0; look < 5; look += 1) {
          await watcher.scans(1);
          expect(listOwnNamespaceDescriptors(readdirSync('/proc/self/fd'))).toEqual([]);
          for (const tid of readdirSync('/proc/self/task')) {
            const task = `/proc/self/task/${tid}/ns`;
            expect(readdirSync(task).map((type) => readlinkSync(`${task}/${type}`))).toEqual(own);
          }
        }
        expect((await lab.run<number[]>(`children_of(${process.pid})`)).result).toEqual([lab.pid]);
        const ending = await lab.run(`release(${fd})`);
        const after = await until(watcher, isGone('mnt', made.result.links.mnt));
        const gone = lastLife(after, 'mnt', made.result.links.mnt)?.gone ?? null;
        expectEndWithin(after, gone, ending, 'mnt');
      },
    );

    const kernelThread = obstacle === null ? findKernelThread() : null;
    const noThread = kernelThread ? note : ' — NOT RUN: no kernel thread in a namespace of its own';

    test.skipIf(missing ?? !kernelThread)(
      `a kernel thread in a namespace of its own is a holder without an executable${noThread}`,
      () => {
        const record = watcher.read();
        const { pid = 0, mnt = 0 } = kernelThread ?? {};
        expect(openMembers(record, 'mnt', mnt)).toMatchObject([
          { kind: 'process', pid, exe: null },
        ]);
      },
    );
  },
);

const notBuilt = existsSync(MAIN_FILE) ? '' : ' — NOT RUN: not built: run npm run build';

test.skipIf(obstacle ?? notBuilt !== '')(
  `from inside a user namespace, what stands above it is not known, which is counted, and nothing is made up${obstacle ?? notBuilt}`,
  () => {
    const stateDirectory = makeStateDirectory();
    onTestFinished(() => rmSync(join(stateDirectory, '..'), { recursive: true, force: true }));
    const inside = ['-r', '-p', '-f', '--mount-proc'];
    const words = ['collect', '--once', '--profile=procfs', `--state-dir=${stateDirectory}`];
    const run = spawnSync('unshare', [...inside, process.execPath, MAIN_FILE, ...words]);
    expect(run.status, run.stderr.toString()).toBe(0);
    const history = openHistory({ stateDirectory });
    try {
      const { data, coverage } = history.state({});
      expect(new Set(data.map(({ type }) => type)).size).toBeGreaterThan(5);
      expect(data.every(({ ownerUid }) => ownerUid === null)).toBe(true);
      expect(data.find(({ type }) => type === 'net')).toMatchObject({ owner: null, parent: null });
      expect(data.find(({ type }) => type === 'user')).toMatchObject({ owner: null, parent: null });
      const refusals = coverage.unreadable.filter(({ source }) => source === 'relations');
      expect(refusals.map(({ reason }) => reason)).toContain('EPERM');
      expect(coverage.complete).toBe(false);
    } finally {
      history.close();
    }
  },
);
