/**
 * kill -9 of a real collector process, and what the next start makes of it. The collector is the built
 * program; the namespaces and the times are the lab's.
 */
import { spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Lifespan } from '../../src/domain/lifespan.ts';
import type { NamespaceType } from '../../src/domain/namespace-type.ts';
import {
  endProgram,
  findBuildObstacle,
  LAUNCHER,
  startCollectorProgram,
} from './collector-program.ts';
import { findObstacle, makeStateDirectory, readRecord, startLab, type Lab } from './lab.ts';
import { lastLife } from './lives.ts';
import { until } from './room.ts';

const obstacle = findObstacle() ?? findBuildObstacle();

let lab: Lab;
let stateDirectory: string;
const collectors: ChildProcess[] = [];

/** Starts a collector and waits for its ready line. */
async function startCollector(): Promise<ChildProcess> {
  const pace = ['--scan-interval', '50ms', '--pin-dir', 'none'];
  const { child, ready } = startCollectorProgram([...pace, '--state-dir', stateDirectory]);
  collectors.push(child);
  await ready;
  return child;
}

function findLife(type: NamespaceType, inum: number): Lifespan | undefined {
  return lastLife(readRecord(stateDirectory), type, inum);
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, ms);
  });
}

function verify(): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(
    LAUNCHER,
    ['verify', '--state-dir', stateDirectory],
    { encoding: 'utf8' },
  );
  return { status, output: stdout + stderr };
}

describe.skipIf(obstacle)(
  `a collector that is killed${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`,
  () => {
    beforeEach(() => {
      lab = startLab();
      stateDirectory = makeStateDirectory();
    });

    afterEach(async () => {
      await lab.end();
      await Promise.all(collectors.map((child) => endProgram(child, 'SIGKILL')));
      rmSync(dirname(stateDirectory), { recursive: true, force: true });
    });

    test('kill -9: the log verifies, the gap is recorded, and what died meanwhile has bounds that span it', async () => {
      const first = await startCollector();
      const dies = await lab.run<{ pid: number; links: { net: number } }>('spawn("net")');
      const stays = await lab.run<{ pid: number; links: { uts: number } }>('spawn("uts")');
      await until('the births', () => findLife('net', dies.result.links.net));
      await until('the births', () => findLife('uts', stays.result.links.uts));
      const killing = await lab.run<number>('now_us()');
      await endProgram(first, 'SIGKILL');
      expect(verify()).toMatchObject({ status: 0 });
      const ended = await lab.run(`end(${dies.result.pid})`);
      const born = await lab.run<{ pid: number; links: { ipc: number } }>('spawn("ipc")');
      const second = await startCollector();
      await until('the end', () => findLife('net', dies.result.links.net)?.gone);
      await until('the birth', () => findLife('ipc', born.result.links.ipc));
      await until('that the gap is closed', () =>
        readRecord(stateDirectory).events.find((event) => event.event === 'observation.gap_closed'),
      );
      await endProgram(second, 'SIGTERM');
      expect(verify()).toMatchObject({ status: 0 });

      const record = readRecord(stateDirectory);
      const gap = record.events.find((event) => event.event === 'observation.gap');
      expect(gap).toMatchObject({ reason: 'killed' });
      expect(gap?.event === 'observation.gap' && gap.from).toBeLessThanOrEqual(
        record.anchorUs + killing.afterUs,
      );
      expect(gap?.event === 'observation.gap' && gap.to).toBeGreaterThan(
        record.anchorUs + born.afterUs,
      );

      const dead = record.lifespans.find(
        ({ type, inum }) => type === 'net' && inum === dies.result.links.net,
      );
      // A handle says it is gone where the kernel has handles; else two scans do.
      expect(['handle', 'inferred-after-gap']).toContain(dead?.gone?.evidence);
      expect(dead?.gone?.after ?? 0).toBeLessThan(record.anchorUs + ended.afterUs);
      expect(dead?.gone?.by ?? 0).toBeGreaterThan(record.anchorUs + ended.beforeUs);

      const kept = record.lifespans.filter(
        ({ type, inum }) => type === 'uts' && inum === stays.result.links.uts,
      );
      expect(kept).toMatchObject([{ gone: null, suspected: false }]);

      const late = record.lifespans.find(
        ({ type, inum }) => type === 'ipc' && inum === born.result.links.ipc,
      );
      expect(late?.born.evidence).toBe('inferred-after-gap');
      expect(late?.born.after ?? 0).toBeLessThan(record.anchorUs + born.afterUs);
      expect(record.events.some((event) => event.event === 'observation.gap_closed')).toBe(true);
      expect(record.events.at(-1)?.event).toBe('collector.stopped');
    });

    test('kill -9 at random moments of a busy time: every start goes on from a log that verifies', async () => {
      for (let round = 0; round < 5; round += 1) {
        const collector = await startCollector();
        const busy = lab.run('trash(0.02, 10)');
        await pause(Math.random() * 200);
        await endProgram(collector, 'SIGKILL');
        await busy;
        expect(verify()).toMatchObject({ status: 0 });
      }
      const last = await startCollector();
      await endProgram(last, 'SIGTERM');
      const gaps = readRecord(stateDirectory).events.filter(
        (event) => event.event === 'observation.gap',
      );
      expect(gaps).toHaveLength(5);
    });

    test('a second collector is refused and changes nothing', async () => {
      await startCollector();
      const { status, stderr } = spawnSync(
        LAUNCHER,
        ['collect', '--once', '--state-dir', stateDirectory],
        { encoding: 'utf8' },
      );
      expect(status).toBe(75);
      expect(stderr).toContain(`${collectors.at(-1)?.pid}`);
      expect(existsSync(join(stateDirectory, 'log.db'))).toBe(true);
    });
  },
);
