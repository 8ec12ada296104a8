/**
 * A disk that fills below a real collector in a kernel profile: hooks go on while nothing is recorded, so what their
 * rings had room for is told afterwards at its instant, and the time is a gap all the same, as nobody scanned.
 *
 * Real: the file system (a tmpfs), the built program, the hooks, the namespaces. Bounds are compared with what the
 * lab measured.
 */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildApp } from '../../src/api/build-app.ts';
import type { Bounds } from '../../src/domain/bounds.ts';
import type { Lifespan } from '../../src/domain/lifespan.ts';
import { openHistory } from '../../src/history/open-history.ts';
import {
  endProgram,
  findBuildObstacle,
  LAUNCHER,
  startCollectorProgram,
  type CollectorProgram,
} from './collector-program.ts';
import { hears, readRecording, stop, verify, type Recording } from './disk-story.ts';
import { findKernelObstacle, startLab, TESTED_PROFILE, type Lab, type Step } from './lab.ts';
import { expectExactlyWithin } from './lives.ts';
import { SmallDisk } from './small-disk.ts';

const obstacle = findKernelObstacle() ?? findBuildObstacle();
const MIB = 1_048_576;
const LEVELS = '12M,8M,6M';

interface Made {
  readonly pid: number;
  readonly links: Readonly<Record<string, number>>;
}

let lab: Lab;

beforeEach(() => {
  lab = startLab();
});

afterEach(async () => {
  await lab.end();
});

function end({ result }: Step<Made>): Promise<Step<unknown>> {
  return lab.run(`end(${result.pid})`);
}

/** The life that the step made: its inum may have been used before, and again. */
function findLife({ lifespans, anchorUs }: Recording, made: Step<Made>): Lifespan | undefined {
  return lifespans.find(
    ({ inum, born }) =>
      Object.values(made.result.links).includes(inum) &&
      born.by >= anchorUs + made.beforeUs &&
      born.by <= anchorUs + made.afterUs,
  );
}

/**
 * When the last process left it. Where another namespace got the number before that was told apart, the end lies
 * between the two instants, and begins with this one.
 */
function endOf(life: Lifespan | undefined): Bounds | null {
  const gone = life?.reason === 'inode-reuse' ? life.gone : null;
  return life?.unheld ?? (gone && { ...gone, by: gone.after ?? 0 });
}

async function scrape(disk: SmallDisk): Promise<string[]> {
  const history = openHistory({ stateDirectory: disk.stateDirectory });
  const app = buildApp({ history, version: '0', nowUs: () => 0, listener: 'unix' });
  const { body } = await app.inject('/metrics');
  await app.close();
  history.close();
  return body.split('\n');
}

function askDoctor(disk: SmallDisk): string {
  const words = ['doctor', '--state-dir', disk.stateDirectory, '--disk-levels', LEVELS];
  return spawnSync(LAUNCHER, words, { encoding: 'utf8' }).stdout;
}

/** Until the record has the end of it. */
async function isGone(disk: SmallDisk, made: Step<Made>): Promise<void> {
  for (let patience = 0; patience < 300; patience += 1) {
    if (findLife(readRecording(disk), made)?.gone) {
      return;
    }
    await sleep(100);
  }
  throw new Error(`the end of ${JSON.stringify(made.result)} was not recorded`);
}

describe.skipIf(obstacle)(
  `a disk that fills in a kernel profile${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`,
  () => {
    test('births before, in and after the suspension are exact, the time between is a gap, doctor and metrics say so', async () => {
      const running: CollectorProgram[] = [];
      const kill = async () => {
        await Promise.all(running.map(({ child }) => endProgram(child, 'SIGKILL')));
      };
      await using disk = new SmallDisk('tmpfs', 48, kill);
      const pace = ['--profile', TESTED_PROFILE, '--scan-interval', '200ms'];
      const where = ['--disk-levels', LEVELS, '--state-dir', disk.stateDirectory];
      const program = startCollectorProgram([...pace, ...where]);
      running.push(program);
      await program.ready;

      const early = await lab.run<Made>('spawn("ipc")');
      const earlyEnd = await end(early);
      const through = await lab.run<Made>('spawn("net")');
      await isGone(disk, early);
      disk.fill(4 * MIB);
      await hears(program, /disk space is suspended/);
      await sleep(1_500);
      const position = readRecording(disk).events.length;
      const during = await lab.run<Made>('spawn("uts")');
      const brief = await lab.run<Made>('spawn("ipc")');
      const briefEnd = await end(brief);
      await sleep(1_000);
      expect(readRecording(disk).events).toHaveLength(position);
      expect(await scrape(disk)).toContain('nsaudit_recording_suspended 1');
      expect(askDoctor(disk)).toMatch(/nothing is recorded since 20\d\d-/);

      const said = program.said.length;
      disk.clear();
      await hears(program, /is a gap in it/, said);
      await isGone(disk, brief);
      const late = await lab.run<Made>('spawn("ipc")');
      const lateEnd = await end(late);
      const throughEnd = await end(through);
      await isGone(disk, late);
      await isGone(disk, through);
      expect(await scrape(disk)).toContain('nsaudit_recording_suspended 0');
      expect(askDoctor(disk)).not.toMatch(/nothing is recorded/);
      await stop(program);
      verify(disk);

      const record = readRecording(disk);
      for (const [what, made, ended] of [
        ['before', early, earlyEnd],
        ['from before to after', through, throughEnd],
        ['in it', brief, briefEnd],
        ['after', late, lateEnd],
      ] as const) {
        const life = findLife(record, made);
        expectExactlyWithin(record, life?.born ?? null, made, `birth ${what}`);
        expect(life?.creator, what).toMatchObject({ comm: 'python3' });
        expectExactlyWithin(record, endOf(life), ended, `end ${what}`);
      }
      expectExactlyWithin(record, findLife(record, during)?.born ?? null, during, 'birth in it');
      expect(record.changes.map(({ level, reason }) => [level, reason])).toEqual([
        ['suspended', 'space'],
        ['ample', 'space'],
      ]);
      const suspended = record.gaps.filter(({ reason }) => reason === 'suspended');
      expect(suspended).toHaveLength(1);
      expect(record.gaps).toHaveLength(1);
      expect(suspended[0]?.from).toBeLessThanOrEqual(record.anchorUs + during.beforeUs);
      expect(suspended[0]?.to).toBeGreaterThanOrEqual(record.anchorUs + briefEnd.afterUs);
    });
  },
);
