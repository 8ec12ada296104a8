/**
 * Real namespaces watched through kernel events: births and joins are exact, ends lie within their bounds.
 *
 * NSAUDIT_TEST_PROFILE names the profile; without it the highest one that this kernel allows is tested.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NamespaceType } from '../../src/domain/namespace-type.ts';
import {
  findKernelObstacle,
  listOwnNamespaceDescriptors,
  startLab,
  startWatcher,
  TESTED_PROFILE,
  type Lab,
  type Record,
  type Step,
  type Watcher,
} from './lab.ts';
import { expectEndWithin, expectExactlyWithin, holdersOf, lastLife, requireLife } from './lives.ts';

const obstacle = findKernelObstacle();
const SCAN_INTERVAL_MS = 100;
/** Emulated kernels are slow. */
const PATIENCE_MS = TESTED_PROFILE === 'auto' ? 10_000 : 60_000;

interface Child {
  readonly pid: number;
  readonly links: { readonly [Type in NamespaceType]?: number };
}

interface Trash {
  readonly inum: number;
  readonly bornAfterUs: number;
  readonly bornByUs: number;
  readonly leftAfterUs?: number;
  readonly leftByUs?: number;
}

function list(types: readonly string[]): string {
  return types.map((type) => `"${type}"`).join(',');
}

let lab: Lab;
let watcher: Watcher;

/** Reads the record until it says what is waited for; the deadline leaves the last reading to the test. */
async function settled(isSettled: (record: Record) => boolean): Promise<Record> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const record = watcher.read();
    if (isSettled(record) || Date.now() > deadline) {
      return record;
    }
    await watcher.scans(1);
  }
}

function isEnded(type: NamespaceType, inum: number | undefined) {
  return (record: Record) => lastLife(record, type, inum)?.gone != null;
}

/** A new inum may have had a life before, of whatever type: what was just made is the last one. */
function newest(record: Record, type: NamespaceType, inum: number | undefined) {
  const life = lastLife(record, type, inum);
  if (!life) {
    throw new Error(`no life of ${type}:[${inum}]`);
  }
  return life;
}

function expectEnd(
  record: Record,
  type: NamespaceType,
  inum: number | undefined,
  step: Step<unknown>,
) {
  const life = newest(record, type, inum);
  expect(['destroyed', 'vanished'], `${type} ended`).toContain(life.reason);
  const first = life.unreferenced ?? life.gone;
  // A workqueue may destroy it after the step: its last reference is what the step took away.
  expect(first?.by ?? 0, `${type}: by`).toBeGreaterThanOrEqual(record.anchorUs + step.beforeUs);
  expect(life.unheld?.by ?? 0).toBeLessThanOrEqual(life.gone?.by ?? 0);
  expect(life.born.by).toBeLessThanOrEqual(life.gone?.by ?? 0);
}

describe.skipIf(obstacle)(
  `lives of real namespaces, by kernel events${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`,
  () => {
    beforeEach(async () => {
      lab = startLab();
      watcher = await startWatcher(SCAN_INTERVAL_MS, { profile: TESTED_PROFILE });
      await watcher.scans(1);
    });

    afterEach(async () => {
      await lab.end();
      await watcher.stop();
    });

    const six: NamespaceType[] = ['cgroup', 'ipc', 'mnt', 'net', 'user', 'uts'];
    const seven: NamespaceType[] = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];
    const ways: [how: string, types: NamespaceType[], expression: string][] = [
      ['unshare', six, `spawn(${list(six)})`],
      ['clone', seven, `spawn(${list(seven)},via="clone")`],
      ['clone3', seven, `spawn(${list(seven)},via="clone3")`],
      ['unshare', ['pid'], 'spawn_in_pid()'],
      ['unshare', ['time'], 'spawn_in_time()'],
      ['unshare', ['time'], 'spawn_exec_time()'],
    ];

    test.each(ways)(
      '%s of %s by %s: the birth is exact and its maker known, the end is bounded',
      async (how, types, expression) => {
        const made = await lab.run<Child>(expression);
        await watcher.scans(1);
        const alive = watcher.read();
        for (const type of types) {
          const life = newest(alive, type, made.result.links[type]);
          expectExactlyWithin(alive, life.born, made, type);
          expect(life).toMatchObject({ gone: null, initial: false, suspected: false });
          const maker = how === 'unshare' ? made.result.pid : lab.pid;
          expect(life.creator, type).toMatchObject({
            pid: maker,
            how,
            evidence: 'kernel-event',
            uid: 0,
          });
          expect(life.creator?.exe, type).toContain('python3');
          const holders = holdersOf(alive, life).filter((holder) => holder.to === null);
          expect(
            holders.some(({ pid }) => pid === made.result.pid),
            type,
          ).toBe(true);
        }
        const ended = await lab.run(`end(${made.result.pid})`);
        const after = await settled((record) =>
          types.every((type) => isEnded(type, made.result.links[type])(record)),
        );
        for (const type of types) {
          expectEnd(after, type, made.result.links[type], ended);
        }
      },
    );

    test('four namespaces over two inode numbers, slowly: four exact births by one process, ends in their bounds', async () => {
      const { result: truth } = await lab.run<Trash[]>('trash(0.3)');
      const pid = lab.pid;
      await lab.end();
      const record = await settled(
        (each) =>
          each.lifespans.filter((life) => life.creator?.pid === pid && life.gone).length >= 4,
      );
      expect(truth).toHaveLength(4);
      expectTrash(record, truth, pid);
    });

    test('four namespaces, as fast as can be: four lifespans all the same', async () => {
      const { result: truth } = await lab.run<Trash[]>('trash(0)');
      const pid = lab.pid;
      await lab.end();
      const record = await settled(
        (each) =>
          each.lifespans.filter((life) => life.creator?.pid === pid && life.gone).length >= 4,
      );
      expect(truth).toHaveLength(4);
      expectTrash(record, truth, pid);
    });

    test('a process that enters with setns joins at that instant, and so does the child it forks there', async () => {
      const made = await lab.run<Child>('spawn("net","uts")');
      const entered = await lab.run<{ pid: number; inner: number }>(
        `spawn_entering(${made.result.pid}, "net")`,
      );
      await watcher.scans(1);
      const record = watcher.read();
      const holders = holdersOf(record, newest(record, 'net', made.result.links.net));
      for (const pid of [entered.result.pid, entered.result.inner]) {
        const holder = holders.find((each) => each.pid === pid && each.to === null);
        expect(holder, `${pid} is a holder`).toBeDefined();
        expectExactlyWithin(record, holder?.from ?? null, entered, `${pid}`);
      }
      const left = await lab.run(`end(${entered.result.pid})`);
      await watcher.scans(1);
      const after = watcher.read();
      const gone = holdersOf(after, newest(after, 'net', made.result.links.net)).filter(
        ({ pid }) => pid === entered.result.pid || pid === entered.result.inner,
      );
      for (const holder of gone.filter(({ kind }) => kind === 'process')) {
        expectExactlyWithin(after, holder.to, left, `${holder.pid} left`);
      }
    });

    test('a user namespace that only its child keeps is held by it, and ends after the child', async () => {
      const made = await lab.run<{ pid: number; outer: number }>('spawn_nested_users()');
      const left = await lab.run<{ inner: number }>(`enter_inner_user(${made.result.pid})`);
      const findOwned = (each: Record) => {
        const outer = lastLife(each, 'user', made.result.outer);
        return each.lifespans.find(
          ({ type, owner }) => type === 'user' && outer !== undefined && owner === outer.id,
        );
      };
      const record = await settled((each) => findOwned(each) !== undefined);
      const outer = newest(record, 'user', made.result.outer);
      expectExactlyWithin(record, outer.born, made, 'outer');
      expect(outer).toMatchObject({ unheld: null, gone: null });
      const inner = newest(record, 'user', left.result.inner);
      expect(inner.owner).toBe(outer.id);
      const holders = holdersOf(record, outer);
      const child = holders.find(({ kind }) => kind === 'child-namespace');
      expect(child).toMatchObject({ namespace: inner.id, from: inner.born, to: null });
      const ended = await lab.run(`end(${made.result.pid})`);
      const after = await settled(isEnded('user', made.result.outer));
      expectEnd(after, 'user', left.result.inner, ended);
      expectEnd(after, 'user', made.result.outer, ended);
    });

    test('a call that fails leaves nothing behind in the record', async () => {
      const failed = await lab.run<{ pid: number; refused: boolean }>('fail_to_unshare()');
      expect(failed.result.refused).toBe(true);
      const mine = (record: Record) =>
        record.lifespans.filter(({ creator }) => creator?.pid === failed.result.pid);
      const record = await settled((each) => mine(each).every(({ gone }) => gone !== null));
      expect(mine(record).filter(({ type }) => type === 'ipc')).toEqual([]);
      for (const life of mine(record).filter(({ type }) => type === 'uts')) {
        // Only a hook at the birth itself sees what was undone before anybody held it.
        expect(holdersOf(record, life)).toEqual([]);
      }
      expect(mine(record).every(({ gone }) => gone !== null)).toBe(true);
    });

    test('a pid namespace without a process, which /proc does not show, is born, held and ended', async () => {
      const made = await lab.run<{ pid: number }>('spawn_unborn()');
      await watcher.scans(2);
      const record = watcher.read();
      const lives = record.lifespans.filter(
        ({ type, creator }) => type === 'pid' && creator?.pid === made.result.pid,
      );
      expect(lives).toHaveLength(1);
      const [life] = lives;
      expectExactlyWithin(record, life?.born ?? null, made, 'pid');
      expect(life && holdersOf(record, life)).toMatchObject([
        { kind: 'for-children', pid: made.result.pid, to: null },
      ]);
      const ended = await lab.run(`end(${made.result.pid})`);
      expectEnd(await settled(isEnded('pid', life?.inum)), 'pid', life?.inum, ended);
    });

    test('a named network namespace is born by ip, held by its mount, and ends when that is gone', async () => {
      const name = `nsaudit-${process.pid}`;
      const ip = (verb: string) => spawnSync('ip', ['netns', verb, name], { encoding: 'utf8' });
      try {
        expect(ip('add').status).toBe(0);
        const named = await settled((each) =>
          each.lifespans.some(({ names }) => names.includes(`/run/netns/${name}`)),
        );
        const life = named.lifespans.find(({ names }) => names.includes(`/run/netns/${name}`));
        expect(life?.creator).toMatchObject({ comm: 'ip', how: 'unshare' });
        expect(life?.creator?.exe).toMatch(/\/ip$/);
        expect(life?.born.after).toBe(life?.born.by);
      } finally {
        ip('delete');
      }
      const after = await settled((each) =>
        each.lifespans.some(({ names, gone }) => names.includes(`/run/netns/${name}`) && gone),
      );
      expect(
        after.lifespans.find(({ names }) => names.includes(`/run/netns/${name}`)),
      ).toMatchObject({
        reason: expect.stringMatching(/vanished|destroyed/),
      });
    });

    test('a descriptor keeps a namespace, and its end follows the close', async () => {
      const made = await lab.run<Child>('spawn("net")');
      const { result: fd } = await lab.run<number>(`hold(${made.result.pid}, "net")`);
      await lab.run(`end(${made.result.pid})`);
      await watcher.scans(3);
      const held = watcher.read();
      const life = requireLife(held, 'net', made.result.links.net);
      expect(life.gone).toBeNull();
      expect(holdersOf(held, life).filter((holder) => holder.to === null)).toMatchObject([
        { kind: 'fd', pid: lab.pid, fd },
      ]);
      const released = await lab.run(`release(${fd})`);
      const after = await settled(isEnded('net', made.result.links.net));
      expectEndWithin(after, newest(after, 'net', made.result.links.net).gone, released, 'net');
    });

    test('at rest the collector holds no namespace descriptor', async () => {
      const made = await lab.run<Child>('spawn("net","user","uts")');
      await watcher.scans(2);
      await lab.run(`end(${made.result.pid})`);
      await watcher.scans(2);
      expect(listOwnNamespaceDescriptors(readdirSync('/proc/self/fd'))).toEqual([]);
    });
  },
);

/** Each namespace of the experiment has a life of its own, by the right process, at the right instant. */
function expectTrash(record: Record, truth: readonly Trash[], pid: number): void {
  const lives = record.lifespans
    .filter(({ type, creator }) => type === 'net' && creator?.pid === pid)
    .toSorted((left, right) => left.id - right.id);
  expect(lives.map(({ inum }) => inum)).toEqual(truth.map(({ inum }) => inum));
  for (const [index, { bornAfterUs, bornByUs, leftAfterUs }] of truth.entries()) {
    const life = lives[index];
    expectExactlyWithin(
      record,
      life?.born ?? null,
      { result: null, beforeUs: bornAfterUs, afterUs: bornByUs },
      `life ${index}`,
    );
    expect(life?.creator).toMatchObject({ pid, how: 'unshare' });
    // When the last one was left is when the process ended, which the lab does not measure.
    expect(life?.gone?.by).toBeGreaterThanOrEqual(record.anchorUs + (leftAfterUs ?? bornByUs));
  }
}
