/**
 * The query `intrusions` on real namespaces: who entered what somebody else had made, and who is not listed.
 *
 * Real: the kernel, nsenter, ip, the collector and its database. Modelled: nothing.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openHistory } from '../../src/history/open-history.ts';
import {
  findKernelObstacle,
  findObstacle,
  startLab,
  startWatcher,
  TESTED_PROFILE,
  type Lab,
  type Watcher,
} from './lab.ts';
import { endChild, findCommand, until } from './room.ts';

const kernelObstacle = findKernelObstacle();
const obstacle = findObstacle();
const SCAN_MS = 50;
const TEST_MS = 400_000;
const NAME = `nsaudit-entered-${process.pid}`;

interface Child {
  readonly pid: number;
  readonly links: { readonly net: number };
}

let lab: Lab;
let mover: Lab;
let watcher: Watcher;
const started = new Set<ChildProcess>();

function listIntrusions() {
  const history = openHistory({ stateDirectory: watcher.stateDirectory });
  try {
    return history.query({ name: 'intrusions', parameters: {}, limit: 1_000 }).data;
  } finally {
    history.close();
  }
}

/** How a process came into a namespace, as its holder says; undefined when it is no holder of it. */
function howOf(pid: number, inum: number) {
  const history = openHistory({ stateDirectory: watcher.stateDirectory });
  try {
    const target = { kind: 'inum', inum, type: 'net' } as const;
    return history.holders({ target, limit: 1_000 }).data.find((each) => each.pid === pid)?.how;
  } finally {
    history.close();
  }
}

const ofPid = (pid: number | undefined) => listIntrusions().filter((row) => row['pid'] === pid);

/** Waits for the first entry of a process into a namespace that somebody else made. */
function entryOf(pid: number | undefined, inum: number) {
  return until(`entry of ${pid}`, () => ofPid(pid).find((row) => row['inum'] === inum));
}

function start(...words: readonly [string, ...string[]]): ChildProcess {
  const [command, ...rest] = words;
  const child = spawn(command, rest, { stdio: 'ignore' });
  started.add(child);
  return child;
}

async function watchAs(profile: typeof TESTED_PROFILE | 'procfs'): Promise<void> {
  lab = startLab();
  mover = startLab();
  watcher = await startWatcher(SCAN_MS, { profile });
  await watcher.scans(1);
}

afterEach(async () => {
  await Promise.all([...started].map((child) => endChild(child, 'SIGKILL')));
  started.clear();
  await mover.end();
  await lab.end();
  await watcher.stop();
});

describe.skipIf(kernelObstacle)(
  `entries told by the kernel${kernelObstacle ? ` — NOT RUN: ${kernelObstacle}` : ''}`,
  { timeout: TEST_MS },
  () => {
    beforeEach(() => watchAs(TESTED_PROFILE));

    test('nsenter into the namespace of another process is listed with both; who was born there is not', async () => {
      const target = (await lab.run<Child>('spawn("net")')).result;
      const intruder = start('nsenter', '-t', String(target.pid), '-n', 'sleep', '600');
      const row = await entryOf(intruder.pid, target.links.net);
      expect(row).toMatchObject({
        how: 'setns',
        kind: 'process',
        type: 'net',
        uid: 0,
        left_by: null,
        creator_is: 'another',
        creator_pid: target.pid,
        creator_comm: 'python3',
        creator_seen_by: 'kernel-event',
        ancestors: 'whole',
      });
      expect(ofPid(target.pid)).toEqual([]);
      await endChild(intruder, 'SIGKILL');
      await until('its leaving', () =>
        ofPid(intruder.pid).find((each) => each['left_by'] !== null),
      );
    });

    test('a child of who made it, born there, and a child of the maker that enters are not listed', async () => {
      await mover.run('unshare("net")');
      const born = (await mover.run<{ pid: number }>('spawn_born()')).result;
      // By clone the parent is the maker.
      const target = (await lab.run<Child>('spawn("net", via="clone")')).result;
      const entered = (
        await lab.run<{ pid: number; inner: number }>(`spawn_entering(${target.pid}, "net")`)
      ).result;
      // Listed by then, so that the others would be too.
      const intruder = start('nsenter', '-t', String(target.pid), '-n', 'sleep', '600');
      await entryOf(intruder.pid, target.links.net);
      for (const pid of [mover.pid, born.pid, target.pid, entered.pid, entered.inner]) {
        expect(ofPid(pid), String(pid)).toEqual([]);
      }
    });

    test('who goes back to where it had been is not listed again, nor entering an initial namespace', async () => {
      const target = (await lab.run<Child>('spawn("net")')).result;
      await mover.run(`enter(${target.pid}, "net")`);
      await entryOf(mover.pid, target.links.net);
      await mover.run(`enter(${lab.pid}, "net")`);
      await mover.run(`enter(${target.pid}, "net")`);
      await watcher.scans(2);
      expect(ofPid(mover.pid)).toHaveLength(1);
    });

    test('whose maker nobody saw is listed apart, as unknown', async () => {
      const target = (await lab.run<Child>('spawn("net")')).result;
      const before = watcher;
      watcher = await startWatcher(SCAN_MS, { profile: TESTED_PROFILE });
      await before.stop();
      const intruder = start('nsenter', '-t', String(target.pid), '-n', 'sleep', '600');
      expect(await entryOf(intruder.pid, target.links.net)).toMatchObject({
        creator_is: 'unknown',
        creator_pid: null,
      });
    });

    test('who lets its children enter a pid namespace of another process is listed, by its children', async () => {
      const target = (
        await lab.run<{ pid: number; links: { pid: number } }>('spawn("pid", via="clone")')
      ).result;
      await mover.run(`enter(${target.pid}, "pid")`);
      const row = await entryOf(mover.pid, target.links.pid);
      expect(row).toMatchObject({ kind: 'for-children', how: 'setns', creator_pid: lab.pid });
    });

    const noIp = findCommand('ip') === null ? ' — NOT RUN: no ip' : '';
    test.skipIf(noIp)(
      `a command run by ip netns exec has entered what the command ip netns add made${noIp}`,
      async () => {
        try {
          expect(spawnSync('ip', ['netns', 'add', NAME]).status).toBe(0);
          const intruder = start('ip', 'netns', 'exec', NAME, 'sleep', '600');
          const row = await until('entry', () =>
            ofPid(intruder.pid).find(({ type }) => type === 'net'),
          );
          expect(row).toMatchObject({ creator_is: 'another', creator_comm: 'ip', creator_uid: 0 });
          expect(String(row['names'])).toContain(NAME);
          await endChild(intruder, 'SIGKILL');
        } finally {
          spawnSync('ip', ['netns', 'delete', NAME]);
        }
      },
    );
  },
);

describe.skipIf(obstacle)(
  `entries seen by scans${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`,
  { timeout: TEST_MS },
  () => {
    beforeEach(() => watchAs('procfs'));

    test('who was seen elsewhere before is listed as moved; who was first seen inside is not', async () => {
      const target = (await lab.run<Child>('spawn("net")')).result;
      await watcher.scans(2);
      await mover.run(`enter(${target.pid}, "net")`);
      const born = (await mover.run<{ pid: number }>('spawn_born()')).result;
      expect(await entryOf(mover.pid, target.links.net)).toMatchObject({
        how: 'moved',
        creator_is: 'another',
        creator_pid: target.pid,
        creator_seen_by: 'scan',
        ancestors: 'whole',
      });
      await watcher.scans(2);
      // Nobody saw how it came: neither born there nor entered is claimed.
      expect(howOf(born.pid, target.links.net)).toBeNull();
      expect(ofPid(born.pid)).toEqual([]);
      expect(ofPid(target.pid)).toEqual([]);
    });

    test('who moves into a namespace that it made is not listed', async () => {
      const own = (await mover.run<{ net: number }>('unshare("net")')).result;
      await watcher.scans(2);
      const target = (await lab.run<Child>('spawn("net")')).result;
      await watcher.scans(2);
      await mover.run(`enter(${target.pid}, "net")`);
      await entryOf(mover.pid, target.links.net);
      expect(ofPid(mover.pid).map(({ inum }) => inum)).not.toContain(own.net);
    });
  },
);
