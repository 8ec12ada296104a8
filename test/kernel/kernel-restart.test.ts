/**
 * kill -9 of a collector whose hooks are pinned, while namespaces are made as fast as can be, and the start
 * after it. The collector is the built program; the BPF file system is mounted for the test.
 */
import type { ChildProcess } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { only } from '../support/scan-builder.ts';
import { mountBpffs, type Bpffs } from './bpffs.ts';
import { endProgram, findBuildObstacle, startCollectorProgram } from './collector-program.ts';
import { findKernelObstacle, makeStateDirectory, readRecord, startLab, type Lab } from './lab.ts';

const obstacle = findKernelObstacle() ?? findBuildObstacle();
const BIRTHS = 30_000;

let lab: Lab;
let stateDirectory: string;
let bpffs: Bpffs;
const collectors: ChildProcess[] = [];

async function startCollector(...more: readonly string[]): Promise<ChildProcess> {
  const pins = ['--pin-dir', join(bpffs.path, 'nsaudit')];
  const { child, ready } = startCollectorProgram([...pins, ...more, '--state-dir', stateDirectory]);
  collectors.push(child);
  await ready;
  return child;
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, ms);
  });
}

describe.skipIf(obstacle)(
  `a collector with pinned hooks that is killed${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`,
  () => {
    beforeEach(async () => {
      lab = startLab();
      stateDirectory = makeStateDirectory();
      bpffs = await mountBpffs();
      if (bpffs.obstacle !== null) {
        throw new Error(`bpffs cannot be mounted: ${bpffs.obstacle}`);
      }
    });

    afterEach(async () => {
      await lab.end();
      await Promise.all(collectors.map((child) => endProgram(child, 'SIGKILL')));
      await bpffs.end();
      rmSync(dirname(stateDirectory), { recursive: true, force: true });
    });

    test('in a storm: the next one has every birth, and no time in which nobody watched', async () => {
      const first = await startCollector();
      const storm = lab.run<{ pid: number; isWhole: boolean }>(`storm("uts", ${BIRTHS})`);
      await pause(150);
      await endProgram(first, 'SIGKILL');
      const { result } = await storm;
      expect(result.isWhole).toBe(true);
      const second = await startCollector();
      await pause(3_000);
      await endProgram(second, 'SIGTERM');
      const record = readRecord(stateDirectory);
      const lives = record.lifespans.filter(
        ({ type, creator }) => type === 'uts' && creator?.pid === result.pid,
      );
      expect(lives.filter(({ born }) => born.after !== born.by)).toEqual([]);
      expect(new Set(lives.map(({ kernelNamespaceId }) => kernelNamespaceId)).size).toBe(BIRTHS);
      expect(lives).toHaveLength(BIRTHS);
      expect(lives.filter(({ gone }) => gone === null)).toEqual([]);
      const gaps = only(record.events, 'observation.gap').filter(({ reason }) => reason !== 'lost');
      expect(gaps).toEqual([]);
      const stretches = only(record.events, 'coverage.changed');
      for (const [index, stretch] of stretches.slice(1).entries()) {
        expect(stretch.from).toBeLessThanOrEqual(stretches[index]?.to ?? 0);
      }
    });

    test('a stop takes the pins away, unless they are to be kept for the next start', async () => {
      const keeping = await startCollector('--keep-hooks');
      await endProgram(keeping, 'SIGTERM');
      expect(readdirSync(join(bpffs.path, 'nsaudit'))).toHaveLength(1);
      const made = await lab.run<{ pid: number; links: { net: number } }>('spawn("net")');
      const next = await startCollector();
      await endProgram(next, 'SIGTERM');
      const record = readRecord(stateDirectory);
      const life = record.lifespans.find(
        ({ type, creator }) => type === 'net' && creator?.pid === made.result.pid,
      );
      expect(life?.born.after).toBe(life?.born.by);
      expect(life?.born.by).toBeLessThanOrEqual(record.anchorUs + made.afterUs);
      expect(only(record.events, 'observation.gap')).toEqual([]);
      const left = readdirSync(join(bpffs.path, 'nsaudit')).flatMap((name) =>
        readdirSync(join(bpffs.path, 'nsaudit', name)),
      );
      expect(left).toEqual([]);
    });
  },
);
