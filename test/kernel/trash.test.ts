/**
 * The experiment: one process enters one new network namespace after another. Slowly, the kernel hands
 * out two inode numbers in turn; fast, most namespaces live shorter than a scan can see.
 */
import { describe, expect, test } from 'vitest';
import { findObstacle, startLab, startWatcher } from './lab.ts';

const obstacle = findObstacle();
const SCAN_INTERVAL_MS = 50;

interface Trash {
  readonly inum: number;
  readonly bornAfterUs: number;
  readonly bornByUs: number;
  readonly leftAfterUs?: number;
  readonly leftByUs?: number;
}

async function watchTrash(delaySeconds: number) {
  const lab = startLab();
  const watcher = await startWatcher(SCAN_INTERVAL_MS);
  try {
    await watcher.scans(2);
    const { result: truth } = await lab.run<Trash[]>(`trash(${delaySeconds})`);
    await lab.end();
    await watcher.scans(4);
    const record = watcher.read();
    const inums = new Set(truth.map(({ inum }) => inum));
    const lives = record.lifespans
      .filter(({ type, inum, initial }) => type === 'net' && inums.has(inum) && !initial)
      .toSorted((left, right) => left.id - right.id);
    return { truth, lives, record };
  } finally {
    await lab.end();
    await watcher.stop();
  }
}

describe.skipIf(obstacle)(
  `trashing network namespaces${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`,
  () => {
    test('slowly: four namespaces over two inode numbers are four lifespans whose bounds hold the true times', async () => {
      const { truth, lives, record } = await watchTrash(0.5);
      expect(new Set(truth.map(({ inum }) => inum)).size).toBe(2);
      expect(lives.map(({ inum }) => inum)).toEqual(truth.map(({ inum }) => inum));
      for (const [index, { bornAfterUs, bornByUs }] of truth.entries()) {
        const life = lives[index];
        expect(life).toMatchObject({ suspected: false, reason: 'vanished' });
        expect(life?.born.after ?? 0).toBeLessThan(record.anchorUs + bornByUs);
        expect(life?.born.by).toBeGreaterThanOrEqual(record.anchorUs + bornAfterUs);
      }
      // When the last one was left is when the process ended, which the lab does not measure.
      for (const [index, { leftAfterUs = 0, leftByUs = 0 }] of truth.slice(0, -1).entries()) {
        const gone = lives[index]?.gone;
        expect(gone?.after ?? 0).toBeLessThanOrEqual(record.anchorUs + leftByUs);
        expect(gone?.by ?? 0).toBeGreaterThan(record.anchorUs + leftAfterUs);
      }
      expect(lives.map(({ incarnation }) => incarnation).slice(2)).toEqual(
        lives.slice(0, 2).map(({ incarnation }) => incarnation + 1),
      );
    });

    test('fast: no lifespan is made up, and coverage states the lifetime that can be detected', async () => {
      const { truth, lives, record } = await watchTrash(0.01);
      for (const life of lives) {
        const matches = truth.filter(
          ({ inum, bornAfterUs, bornByUs }) =>
            inum === life.inum &&
            (life.born.after ?? 0) < record.anchorUs + bornByUs &&
            life.born.by >= record.anchorUs + bornAfterUs,
        );
        expect(matches.length, 'a lifespan has a namespace behind it').toBeGreaterThan(0);
      }
      expect(lives.length).toBeLessThanOrEqual(truth.length);
      const stretches = record.events.filter((event) => event.event === 'coverage.changed');
      expect(stretches.at(-1)?.minimumLifetimeUs).toBeGreaterThanOrEqual(10_000);
    });
  },
);
