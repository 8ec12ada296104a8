/** The lock that makes the log have one writer, with real processes that hold it and are killed. */
import { statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { acquireCollectorLock } from '../../src/store/collector-lock.ts';
import { openTestLog, Scratch, WALL_US } from '../support/state-on-disk.ts';
import { startChild, type Child } from './child-program.ts';
import { refusalOf, refusing, snapshot, writeLog } from './disk.ts';

const US = { pid: process.pid, startedUs: WALL_US + 1_000_000, purpose: 'rebuild' };

async function startHolder(lockPath: string): Promise<Child> {
  const child = startChild('hold-lock', [lockPath]);
  expect(await child.nextLine()).toBe('held');
  return child;
}

function heldBy(pid: number, purpose: string, since: string): RegExp {
  return new RegExp(`held by process ${pid} \\(${purpose}, since ${since}\\), .*; stop it first`);
}

describe('a second holder is refused, and learns who the first is', () => {
  test('in another process', async () => {
    using scratch = new Scratch();
    const path = scratch.join('collector.lock');
    const child = await startHolder(path);
    const before = snapshot(scratch.path);
    const refusal = await refusalOf(() => acquireCollectorLock(path, US));
    const says = heldBy(child.pid, 'collector', String.raw`2026-11-22T00:00:00\.000000Z`);
    expect(refusal).toEqual(refusing('busy', path, says));
    expect(snapshot(scratch.path)).toEqual(before);
    await child.kill();
  });

  test('in the same process', async () => {
    using scratch = new Scratch();
    const path = scratch.join('collector.lock');
    const lock = acquireCollectorLock(path, US);
    const refusal = await refusalOf(() => acquireCollectorLock(path, { ...US, startedUs: 1 }));
    lock.release();
    const says = heldBy(process.pid, 'rebuild', String.raw`2026-11-22T00:00:01\.000000Z`);
    expect(refusal).toEqual(refusing('busy', path, says));
  });

  test('who would open the log, and changes nothing', async () => {
    using scratch = new Scratch();
    await writeLog(scratch.path, [3]);
    const child = await startHolder(scratch.join('collector.lock'));
    const before = snapshot(scratch.path);
    const refusal = await refusalOf(() => openTestLog(scratch.path));
    expect(refusal).toEqual(
      refusing('busy', scratch.join('collector.lock'), heldBy(child.pid, 'collector', '2026-.*')),
    );
    expect(snapshot(scratch.path)).toEqual(before);
    await child.kill();
  });

  test('however often it asks', async () => {
    using scratch = new Scratch();
    const path = scratch.join('collector.lock');
    const child = await startHolder(path);
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const refusal = await refusalOf(() => acquireCollectorLock(path, US));
      expect(refusal).toEqual(refusing('busy', path, heldBy(child.pid, 'collector', '2026-.*')));
    }
    await child.kill();
  });
});

test('of many that ask at the same moment, one holds it', async () => {
  using scratch = new Scratch();
  const children = Array.from({ length: 6 }, () =>
    startChild('hold-lock', [scratch.join('collector.lock')]),
  );
  const answers = await Promise.all(children.map((child) => child.nextLine()));
  const refusals = answers.filter((answer) => answer !== 'held');
  expect(refusals).toHaveLength(5);
  for (const refusal of refusals) {
    expect(JSON.parse(refusal ?? '')).toMatchObject({ code: 'busy' });
  }
  await Promise.all(children.map((child) => child.kill()));
});

describe('the lock is free', () => {
  test('once its holder was killed', async () => {
    using scratch = new Scratch();
    const path = scratch.join('collector.lock');
    for (let round = 0; round < 3; round += 1) {
      const child = await startHolder(path);
      await child.kill();
    }
    const lock = acquireCollectorLock(path, US);
    const refusal = await refusalOf(() => acquireCollectorLock(path, US));
    lock.release();
    expect(refusal.message).toContain(`held by process ${process.pid} (rebuild`);
  });

  test('not while its holder is only stopped', async () => {
    using scratch = new Scratch();
    const path = scratch.join('collector.lock');
    const child = await startHolder(path);
    process.kill(child.pid, 'SIGSTOP');
    await sleep(50);
    const refusal = await refusalOf(() => acquireCollectorLock(path, US));
    expect(refusal).toEqual(refusing('busy', path, heldBy(child.pid, 'collector', '2026-.*')));
    await child.kill();
  });

  test('once its holder released it', async () => {
    using scratch = new Scratch();
    const path = scratch.join('collector.lock');
    acquireCollectorLock(path, US).release();
    const child = startChild('hold-lock', [path]);
    expect(await child.nextLine()).toBe('held');
    await child.kill();
  });
});

test('the file is for owner and group only', () => {
  using scratch = new Scratch();
  const path = scratch.join('collector.lock');
  acquireCollectorLock(path, US).release();
  expect(statSync(path).mode & 0o7777).toBe(0o640);
});

test('a file that is no lock file is left alone', async () => {
  using scratch = new Scratch();
  const path = scratch.join('collector.lock');
  writeFileSync(path, 'text\n'.repeat(1_000));
  const before = snapshot(scratch.path);
  const refusal = await refusalOf(() => acquireCollectorLock(path, US));
  expect(refusal).toEqual(refusing('unavailable', path, /no lock file of nsaudit; delete it if/));
  expect(snapshot(scratch.path)).toEqual(before);
});

test('a directory that does not exist is an error of the system, and is not created', async () => {
  using scratch = new Scratch();
  const path = scratch.join('absent', 'collector.lock');
  const refusal = await refusalOf(() => acquireCollectorLock(path, US));
  expect(refusal).toEqual(refusing('io', path, /ENOENT/));
});
