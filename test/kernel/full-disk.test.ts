/**
 * Disks that fill, fail and become read-only below a real collector, which is the built program.
 *
 * Goal:   no crash, no crash loop and no corruption; what could not be recorded is a gap with its bounds, and
 *         what happened in it is inferred afterwards.
 * Real:   the file systems (a tmpfs; ext4 on a loop device, shut down by ioctl so that all I/O fails with EIO;
 *         RLIMIT_FSIZE, so that writing fails with EFBIG), the namespaces, and the full disks.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  endProgram,
  findBuildObstacle,
  LAUNCHER,
  startCollectorProgram,
  type CollectorProgram,
} from './collector-program.ts';
import { hears, readRecording, stop, verify } from './disk-story.ts';
import { findObstacle, startLab, type Lab } from './lab.ts';
import { findExt4Obstacle, SmallDisk } from './small-disk.ts';

const obstacle = findObstacle() ?? findBuildObstacle();
const ext4Obstacle = obstacle ?? findExt4Obstacle();
const MIB = 1_048_576;
/** Never reached: only a failure tells. */
const NO_LEVELS = '1K,1K,1K';

let lab: Lab;
let collector: CollectorProgram | null = null;

function start(disk: SmallDisk, levels: string): CollectorProgram {
  const pace = ['--profile', 'procfs', '--scan-interval', '50ms', '--disk-levels', levels];
  collector = startCollectorProgram([...pace, '--state-dir', disk.stateDirectory]);
  return collector;
}

/** A disk that outlives the collector on it. */
function smallDisk(kind: 'tmpfs' | 'ext4', mebibytes: number): SmallDisk {
  return new SmallDisk(kind, mebibytes, async () => {
    if (collector !== null) {
      await endProgram(collector.child, 'SIGKILL');
      collector = null;
    }
  });
}

/** Waits until the record says so of the namespace. */
async function isRecorded(disk: SmallDisk, inum: number, what: 'born' | 'gone'): Promise<void> {
  for (let patience = 0; patience < 300; patience += 1) {
    const lives = readRecording(disk).lifespans.filter((each) => each.inum === inum);
    // Others on this host may have had the number before, and may get it afterwards.
    if (lives.some((life) => life.born.evidence !== 'baseline' && life[what] !== null)) {
      return;
    }
    await sleep(100);
  }
  throw new Error(`no scan recorded the namespace ${inum} as ${what}`);
}

/** Namespaces come and go until the collector says something that it said when it could not write. */
async function makeEvents({ said }: CollectorProgram, until: RegExp): Promise<void> {
  for (let patience = 0; !said.some((line) => until.test(line)); patience += 1) {
    expect(patience, said.join('\n')).toBeLessThan(400);
    const { result } = await lab.run<{ pid: number }>('spawn("uts")');
    await sleep(100);
    await lab.run(`end(${result.pid})`);
  }
}

beforeEach(() => {
  lab = startLab();
});

afterEach(async () => {
  await lab.end();
});

describe.skipIf(obstacle)(`a disk that fills${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`, () => {
  test('is said, then members are only counted, then nothing is recorded; with room all of it goes back', async () => {
    await using disk = smallDisk('tmpfs', 48);
    const program = start(disk, '32M,24M,16M');
    await program.ready;
    const ballast = join(disk.stateDirectory, 'ballast');
    expect(statSync(ballast).size).toBeGreaterThan(500_000);
    disk.fill(30 * MIB);
    await hears(program, /disk space is low/);
    disk.fill(20 * MIB);
    await hears(program, /disk space is reduced/);
    const reduced = await lab.run<{ pid: number; links: { ipc: number } }>('spawn("ipc")');
    await isRecorded(disk, reduced.result.links.ipc, 'born');
    disk.fill(10 * MIB);
    await hears(program, /disk space is suspended/);
    await sleep(1_500);
    const suspended = await lab.run<{ pid: number; links: { net: number } }>('spawn("net")');
    await lab.run(`end(${reduced.result.pid})`);
    await sleep(500);
    const said = program.said.length;
    disk.clear();
    await hears(program, /is a gap in it/, said);
    await isRecorded(disk, suspended.result.links.net, 'born');
    await isRecorded(disk, reduced.result.links.ipc, 'gone');
    await stop(program);
    verify(disk);

    const { changes, gaps, lifespans, anchorUs } = readRecording(disk);
    expect(changes.map(({ previousLevel, level }) => [previousLevel, level])).toEqual([
      ['ample', 'low'],
      ['low', 'reduced'],
      ['reduced', 'suspended'],
      ['suspended', 'ample'],
    ]);
    expect(changes.map(({ reason }) => reason)).toEqual(Array(4).fill('space'));
    expect(changes[1]?.growth.holders).toEqual({ burst: 0, perSecond: 0 });
    expect(gaps).toMatchObject([{ reason: 'suspended' }]);
    const [gap] = gaps;
    expect(gap?.from).toBeLessThanOrEqual(anchorUs + suspended.beforeUs);
    expect(gap?.to).toBeGreaterThan(anchorUs + suspended.afterUs);
    // Births and ends are recorded while members are only counted, and found out about after the gap.
    const found = (wanted: number, evidence: string) =>
      lifespans.find(({ inum, born }) => inum === wanted && born.evidence === evidence);
    const early = found(reduced.result.links.ipc, 'scan');
    // The second: when something else got the number meanwhile.
    expect(['inferred-after-gap', 'inode-reuse']).toContain(early?.gone?.evidence);
    expect(found(suspended.result.links.net, 'inferred-after-gap')).toBeDefined();
    expect(statSync(ballast).size).toBeGreaterThan(500_000);
  });

  test('to the last byte, at once: the ballast makes room to say so, and nothing is lost or broken', async () => {
    await using disk = smallDisk('tmpfs', 24);
    const program = start(disk, NO_LEVELS);
    await program.ready;
    disk.fill(0);
    await makeEvents(program, /nothing is recorded until/);
    await sleep(3_000);
    disk.clear();
    await hears(program, /is a gap in it/);
    await sleep(1_000);
    await stop(program);
    verify(disk);
    const { changes, gaps } = readRecording(disk);
    expect(changes[0]).toMatchObject({ level: 'suspended', reason: 'failure' });
    expect(changes[0]?.error).toMatch(/full/);
    expect(changes.at(-1)).toMatchObject({ previousLevel: 'suspended', level: 'ample' });
    expect(gaps.length).toBeGreaterThan(0);
    expect(new Set(gaps.map(({ reason }) => reason))).toEqual(new Set(['suspended']));
  });

  test('before the start: with the ballast the record says that nothing is recorded, until there is room', async () => {
    await using disk = smallDisk('tmpfs', 24);
    const first = start(disk, NO_LEVELS);
    await first.ready;
    await endProgram(first.child, 'SIGKILL');
    disk.fill(0);
    const second = start(disk, '4M,3M,2M');
    await hears(second, /disk space is suspended/);
    await sleep(1_500);
    disk.clear();
    await hears(second, /is a gap in it/);
    await second.ready;
    await stop(second);
    verify(disk);
    const { gaps, changes } = readRecording(disk);
    expect(changes.map(({ level }) => level)).toEqual(['suspended', 'ample']);
    expect(gaps).toHaveLength(1);
  });

  test('for one look is an I/O error with one sentence, and no file of the record is broken', async () => {
    await using disk = smallDisk('tmpfs', 24);
    const first = start(disk, NO_LEVELS);
    await first.ready;
    await stop(first);
    disk.fill(0);
    const { status, stderr } = spawnSync(
      LAUNCHER,
      ['collect', '--once', '--profile', 'procfs', '--state-dir', disk.stateDirectory],
      { encoding: 'utf8' },
    );
    expect(stderr).toMatch(/^nsaudit: [^\n]*too little room[^\n]*$/m);
    expect(status).toBe(74);
    verify(disk);
  });
});

describe.skipIf(obstacle)(
  `a record that cannot be written${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`,
  () => {
    test('because files may not grow (EFBIG): the collector waits, and goes on when they may', async () => {
      await using disk = smallDisk('tmpfs', 64);
      const program = start(disk, NO_LEVELS);
      await program.ready;
      const limit = (bytes: string) =>
        spawnSync('prlimit', ['--pid', String(program.child.pid), `--fsize=${bytes}:`]).status;
      expect(limit('4096')).toBe(0);
      await makeEvents(program, /nothing is recorded until/);
      await sleep(3_000);
      const failures = program.said.filter((line) => line.includes('nothing is recorded until'));
      expect(failures.length).toBeLessThan(5);
      expect(limit('unlimited')).toBe(0);
      await hears(program, /is a gap in it/);
      await sleep(1_500);
      await stop(program);
      verify(disk);
      const { gaps, changes } = readRecording(disk);
      expect(changes[0]).toMatchObject({ level: 'suspended', reason: 'failure' });
      expect(gaps.some(({ reason }) => reason === 'suspended')).toBe(true);
    });

    test('because somebody wants the file system read-only below it: the kernel refuses (EBUSY), and nothing is missed', async () => {
      await using disk = smallDisk('tmpfs', 64);
      const program = start(disk, NO_LEVELS);
      await program.ready;
      expect(() => disk.remount('ro')).toThrow(/busy/);
      const { result } = await lab.run<{ links: { ipc: number } }>('spawn("ipc")');
      await isRecorded(disk, result.links.ipc, 'born');
      await stop(program);
      verify(disk);
      expect(readRecording(disk)).toMatchObject({ gaps: [], changes: [] });
    });

    test('because the file system is read-only: a start is an I/O error, changes nothing, and the gap is recorded later', async () => {
      await using disk = smallDisk('tmpfs', 64);
      const first = start(disk, NO_LEVELS);
      await first.ready;
      await stop(first);
      disk.remount('ro');
      const { status, stderr } = spawnSync(
        LAUNCHER,
        ['collect', '--once', '--profile', 'procfs', '--state-dir', disk.stateDirectory],
        { encoding: 'utf8' },
      );
      expect(stderr).toMatch(/^nsaudit: [^\n]*read-only[^\n]*\n$/);
      expect(status).toBe(74);
      verify(disk);
      disk.remount('rw');
      const second = start(disk, NO_LEVELS);
      await second.ready;
      await stop(second);
      verify(disk);
      expect(readRecording(disk).gaps).toMatchObject([{ reason: 'stopped' }]);
    });
  },
);

describe.skipIf(ext4Obstacle)(
  `a disk that fails${ext4Obstacle ? ` — NOT RUN: ${ext4Obstacle}` : ''}`,
  () => {
    test('with EIO under the collector: it waits without a loop of failures, and goes on when the disk is back', async () => {
      await using disk = smallDisk('ext4', 64);
      const program = start(disk, NO_LEVELS);
      await program.ready;
      disk.shutDown();
      await makeEvents(program, /nothing is recorded until/);
      await sleep(2_000);
      expect(program.child.exitCode).toBeNull();
      await disk.unmount();
      disk.mount();
      await hears(program, /is a gap in it/);
      await sleep(1_500);
      await stop(program);
      verify(disk);
      const { gaps, changes } = readRecording(disk);
      expect(changes.at(0)).toMatchObject({ level: 'suspended', reason: 'failure' });
      expect(gaps.some(({ reason }) => reason === 'suspended')).toBe(true);
      expect(existsSync(join(disk.stateDirectory, 'ballast'))).toBe(true);
    });

    test('and becomes read-only under the collector (EROFS): the same, and nothing that was recorded is broken', async () => {
      await using disk = smallDisk('ext4', 64);
      const program = start(disk, NO_LEVELS);
      await program.ready;
      const early = await lab.run<{ links: { ipc: number } }>('spawn("ipc")');
      await isRecorded(disk, early.result.links.ipc, 'born');
      disk.failReadOnly();
      expect(() => writeFileSync(join(disk.mountPoint, 'file'), '')).toThrow(/EROFS/);
      await makeEvents(program, /nothing is recorded until/);
      const late = await lab.run<{ links: { net: number } }>('spawn("net")');
      await sleep(2_000);
      expect(program.child.exitCode).toBeNull();
      expect(program.said.filter((line) => /nothing is recorded until/.test(line))).toHaveLength(1);
      // A file system that has found an error becomes writable by being mounted anew only.
      await disk.unmount();
      disk.mount();
      await hears(program, /is a gap in it/);
      await isRecorded(disk, late.result.links.net, 'born');
      await stop(program);
      verify(disk);
      const { gaps, changes, lifespans } = readRecording(disk);
      expect(changes.at(0)).toMatchObject({ level: 'suspended', reason: 'failure' });
      expect(changes.at(-1)).toMatchObject({ previousLevel: 'suspended' });
      expect(new Set(gaps.map(({ reason }) => reason))).toEqual(new Set(['suspended']));
      const found = lifespans.filter(({ inum }) => inum === late.result.links.net);
      expect(found.map(({ born }) => born.evidence)).toContain('inferred-after-gap');
    });
  },
);
