/**
 * What the collector itself holds, and that looking at namespaces makes none of them live longer.
 *
 * Real: the kernel, the built collector in namespaces of its own, its database. Modelled: nothing.
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { NamespaceType } from '../../src/domain/namespace-type.ts';
import { openHistory } from '../../src/history/open-history.ts';
import { findBuildObstacle, LAUNCHER } from './collector-program.ts';
import { until as untilScanned } from './holders.ts';
import {
  findKernelObstacle,
  findObstacle,
  makeStateDirectory,
  readRecord,
  startLab,
  startWatcher,
  TESTED_PROFILE,
} from './lab.ts';
import { expectEndWithin, lastLife } from './lives.ts';
import { endChild, readInum, until } from './room.ts';

const PROFILES = [
  [TESTED_PROFILE, findKernelObstacle() ?? findBuildObstacle()],
  ['procfs', findObstacle() ?? findBuildObstacle()],
] as const;
const TEST_MS = 400_000;
const TYPES: readonly NamespaceType[] = ['uts', 'ipc'];

for (const [profile, obstacle] of PROFILES) {
  const notRun = obstacle ? ` — NOT RUN: ${obstacle}` : '';
  describe.skipIf(obstacle)(`observers, by ${profile}${notRun}`, { timeout: TEST_MS }, () => {
    test('the collector is marked in the namespaces that it is in, and can be left out', async () => {
      const stateDirectory = makeStateDirectory();
      const words = ['collect', '--profile', profile, '--scan-interval', '100ms'];
      const places = ['--pin-dir', 'none', '--state-dir', stateDirectory];
      const own = spawn('unshare', ['--uts', '--ipc', LAUNCHER, ...words, ...places], {
        stdio: 'ignore',
      });
      const ask = <Answer>(question: (history: ReturnType<typeof openHistory>) => Answer) => {
        const history = openHistory({ stateDirectory });
        try {
          return question(history);
        } finally {
          history.close();
        }
      };
      try {
        const life = await until('its own namespace', () => {
          const inum = readInum(own.pid ?? 0, 'uts');
          try {
            return lastLife(readRecord(stateDirectory), 'uts', inum);
          } catch {
            return undefined;
          }
        });
        const target = { kind: 'lifespan', lifespan: life.id } as const;
        const holders = await until('itself as holder', () => {
          const { data } = ask((history) => history.holders({ target }));
          return data.length > 0 ? data : undefined;
        });
        expect(holders.filter(({ to }) => to === null)).toMatchObject([
          { kind: 'process', pid: own.pid, observer: true },
        ]);
        const count = (observers: boolean) =>
          ask((history) => ({
            holders: history.holders({ target, observers }).data.length,
            counted: history.lifespans({ target, observers }).data.map((each) => each.holders.now),
            lives: history
              .state({ types: TYPES, observers })
              .data.filter(({ inum }) =>
                TYPES.some((type) => readInum(own.pid ?? 0, type) === inum),
              ),
            gains: history
              .timeline({ target, observers })
              .data.filter(({ what }) => what === 'holder-gained').length,
          }));
        expect(count(true).lives).toHaveLength(2);
        expect(count(true).gains).toBeGreaterThan(0);
        expect(count(true).counted).toEqual([1]);
        expect(count(false)).toEqual({ holders: 0, counted: [0], lives: [], gains: 0 });
        const others = ask((history) => history.state({ types: TYPES, observers: false }).data);
        expect(others.filter(({ initial }) => initial)).toHaveLength(2);
      } finally {
        await endChild(own, 'SIGTERM');
        rmSync(dirname(stateDirectory), { recursive: true, force: true });
      }
    });

    test('namespaces that are looked at again and again end when they end, and never by our hand later', async () => {
      const lab = startLab();
      const watcher = await startWatcher(10, { profile });
      try {
        for (let round = 0; round < 5; round += 1) {
          const made = (
            await lab.run<{ pid: number; links: { net: number; user: number } }>(
              'spawn("user","net")',
            )
          ).result;
          // Asked whose it is, for its id, and by its handle.
          await watcher.scans(3);
          const ending = await lab.run(`end(${made.pid})`);
          const isOver = (inum: number, type: NamespaceType) =>
            untilScanned(watcher, (each) => (lastLife(each, type, inum)?.gone ?? null) !== null);
          const record = await isOver(made.links.net, 'net');
          const net = lastLife(record, 'net', made.links.net);
          expectEndWithin(record, net?.unheld ?? net?.gone ?? null, ending, 'net');
          const ours = record.holders.filter(
            ({ pid, lifespan }) => pid === process.pid && lifespan === net?.id,
          );
          expect(ours).toEqual([]);
        }
      } finally {
        await lab.end();
        await watcher.stop();
      }
    });
  });
}
