/**
 * What changes about a process without changing what it holds: one holder before and after.
 *
 * Real: the kernel, the processes, the collector. Modelled: nothing.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from './holders.ts';
import {
  findKernelObstacle,
  findObstacle,
  startLab,
  startWatcher,
  TESTED_PROFILE,
  type Lab,
  type Watcher,
} from './lab.ts';
import { holdersOf, lastLife } from './lives.ts';

const PROFILES = [
  [TESTED_PROFILE, findKernelObstacle()],
  ['procfs', findObstacle()],
] as const;
const SCAN_MS = 50;
const TEST_MS = 400_000;

interface Changing {
  readonly pid: number;
  readonly net: number;
}

let lab: Lab;
let watcher: Watcher;

function processesIn({ pid, net }: Changing) {
  const record = watcher.read();
  const life = lastLife(record, 'net', net);
  const holders = life ? holdersOf(record, life) : [];
  return holders.filter((each) => each.kind === 'process' && each.pid === pid);
}

/** Makes the change, and expects the holder that was there to be the only one there ever was. */
async function expectSame(made: Changing, change: () => Promise<unknown>): Promise<void> {
  await until(watcher, () => processesIn(made).some(({ to }) => to === null));
  await watcher.scans(1);
  const before = processesIn(made).filter(({ to }) => to === null);
  expect(before).toHaveLength(1);
  await change();
  await watcher.scans(3);
  const after = processesIn(made);
  expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  expect(after[0]).toMatchObject({ to: null, from: before[0]?.from });
}

for (const [profile, obstacle] of PROFILES) {
  const notRun = obstacle ? ` — NOT RUN: ${obstacle}` : '';
  describe.skipIf(obstacle)(`no change of holder, by ${profile}${notRun}`, () => {
    beforeEach(async () => {
      lab = startLab();
      watcher = await startWatcher(SCAN_MS, { profile });
      await watcher.scans(1);
    });

    afterEach(async () => {
      await lab.end();
      await watcher.stop();
    });

    test('setuid', { timeout: TEST_MS }, async () => {
      const made = (await lab.run<Changing>('spawn_changing("setuid")')).result;
      await expectSame(made, () => lab.run(`change(${made.pid})`));
      expect((await lab.run<number>(`uid_of(${made.pid})`)).result).toBe(54_321);
    });

    test('exec', { timeout: TEST_MS }, async () => {
      const made = (await lab.run<Changing>('spawn_changing("exec")')).result;
      await expectSame(made, () => lab.run(`change(${made.pid})`));
      expect((await lab.run<string>(`comm_of(${made.pid})`)).result).toBe('sleep');
    });

    test('the end of its parent', { timeout: TEST_MS }, async () => {
      const made = (await lab.run<Changing>('spawn_orphan()')).result;
      await expectSame(made, () => lab.run(`orphan(${made.pid})`));
      expect((await lab.run<number>(`parent_of(${made.pid})`)).result).toBe(lab.pid);
    });
  });
}
