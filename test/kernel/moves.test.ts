/**
 * Processes that leave one namespace and enter another, in a kernel profile and by scans.
 *
 * Real: the kernel, the namespaces, a collector with a database of its own. Modelled: nothing.
 */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditEvent, EventOf } from '../../src/domain/event.ts';
import { until } from './holders.ts';
import {
  findKernelObstacle,
  findObstacle,
  startLab,
  startWatcher,
  TESTED_PROFILE,
  type Lab,
  type Record,
  type Step,
  type Watcher,
} from './lab.ts';
import { expectEndWithin, expectWithin, lastLife } from './lives.ts';

const PROFILES = [
  [TESTED_PROFILE, 'setns', findKernelObstacle()],
  ['procfs', 'moved', findObstacle()],
] as const;
const SCAN_MS = 50;
const TEST_MS = 400_000;

interface Child {
  readonly pid: number;
  readonly links: { readonly net: number };
}

let lab: Lab;
let mover: Lab;
let watcher: Watcher;

/** The batch of an event in the log. */
function batchOf(seq: number): number {
  const db = new Database(join(watcher.stateDirectory, 'log.db'), { readonly: true });
  try {
    return Number(db.prepare('SELECT batch FROM event WHERE seq = ?').pluck().get(seq));
  } finally {
    db.close();
  }
}

function isAbout<Name extends AuditEvent['event']>(event: AuditEvent, name: Name, pid: number) {
  return event.event === name && 'pid' in event && event.pid === pid;
}

/** The membership that a process lost, and the one it gained, when it moved last. */
function lastMove({ events }: Record, pid: number) {
  const lost = events.findLast((event) => isAbout(event, 'holder.lost', pid));
  const gained = events.findLast((event) => isAbout(event, 'holder.gained', pid));
  return {
    lost: lost as EventOf<'holder.lost'> | undefined,
    gained: gained as EventOf<'holder.gained'> | undefined,
  };
}

/** Somebody who is known as process is in this network namespace. */
function isIn(pid: number, net: number) {
  return (record: Record): boolean => {
    const life = lastLife(record, 'net', net)?.id ?? -1;
    return [...(record.known.setsOf.get(life) ?? [])].some((set) =>
      record.holders.some((holder) => holder.set === set && holder.pid === pid && !holder.to),
    );
  };
}

/** The two ends of a move that happened in this step: one instant where the kernel told, else the same scan. */
function expectOneMove(
  record: Record,
  { lost, gained }: ReturnType<typeof lastMove>,
  entering: Step<unknown>,
): void {
  if (!lost || !gained) {
    throw new Error('no move');
  }
  expect(batchOf(lost.seq)).toBe(batchOf(gained.seq));
  expect(lost.how).toBe(gained.how);
  expect(lost.set).not.toBe(gained.set);
  expectEndWithin(record, lost.to, entering, 'left');
  expectWithin(record, gained.from, entering, 'entered');
  expect(lost.to.by).toBe(gained.from.by);
  const isTold = gained.how === 'setns';
  expect(gained.from.after === gained.from.by, 'exact where it was told').toBe(isTold);
  expect(lost.to.after === lost.to.by, 'exact where it was told').toBe(isTold);
}

for (const [profile, how, obstacle] of PROFILES) {
  const notRun = obstacle ? ` — NOT RUN: ${obstacle}` : '';
  describe.skipIf(obstacle)(`movement, by ${profile}${notRun}`, { timeout: TEST_MS }, () => {
    beforeEach(async () => {
      lab = startLab();
      mover = startLab();
      watcher = await startWatcher(SCAN_MS, { profile });
      await watcher.scans(1);
    });

    afterEach(async () => {
      await mover.end();
      await lab.end();
      await watcher.stop();
    });

    test('who enters another namespace leaves its own in the same batch and instant, and both say how', async () => {
      const target = (await lab.run<Child>('spawn("net")')).result;
      const own = (await mover.run<{ net: number }>('unshare("net")')).result;
      await until(watcher, isIn(target.pid, target.links.net));
      await until(watcher, isIn(mover.pid, own.net));
      const entering = await mover.run(`enter(${target.pid}, "net")`);
      const record = await until(watcher, isIn(mover.pid, target.links.net));
      const move = lastMove(record, mover.pid);
      expectOneMove(record, move, entering);
      expect(move.gained).toMatchObject({ kind: 'process', how, comm: 'python3', uid: 0 });
      expect(move.gained?.exe).toContain('python3');
      expect(record.holders.find(({ id }) => id === move.lost?.holder)).toMatchObject({
        pid: mover.pid,
        startTimeTicks: move.gained?.startTimeTicks,
      });
    });

    test('who goes back to the initial namespaces has left, and says how', async () => {
      const own = (await mover.run<{ net: number }>('unshare("net")')).result;
      await until(watcher, isIn(mover.pid, own.net));
      const leaving = await mover.run(`enter(${lab.pid}, "net")`);
      const record = await until(watcher, (each) => !isIn(mover.pid, own.net)(each));
      const { lost } = lastMove(record, mover.pid);
      expect(lost?.how).toBe(how);
      expectEndWithin(record, lost?.to ?? null, leaving, 'left');
    });

    test('the ancestors of who entered are those that procfs shows, up to process 1', async () => {
      const target = (await lab.run<Child>('spawn("net")')).result;
      await until(watcher, isIn(target.pid, target.links.net));
      await mover.run(`enter(${target.pid}, "net")`);
      const chain = (await mover.run<string[]>('ancestors()')).result;
      const record = await until(watcher, isIn(mover.pid, target.links.net));
      expect(lastMove(record, mover.pid).gained?.ancestors).toEqual(chain);
      expect(chain.at(-1)).toMatch(/^1:/);
    });
  });
}
