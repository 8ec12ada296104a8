/**
 * Storms: one process makes namespaces, or forks, as fast as it can. Whatever is listed, counted and lost
 * adds up to what it did.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../src/domain/event.ts';
import { DEFAULT_GROWTH_POLICY } from '../../src/domain/growth-policy.ts';
import { only } from '../support/scan-builder.ts';
import {
  findKernelObstacle,
  startLab,
  startWatcher,
  TESTED_PROFILE,
  type Lab,
  type Record,
  type Watcher,
} from './lab.ts';

const obstacle = findKernelObstacle();
/** Emulated kernels are slow: the same storms, smaller. */
const SCALE = process.env['NSAUDIT_TEST_PROFILE'] === undefined ? 1 : 0.02;

interface Storm {
  readonly pid: number;
  readonly isWhole: boolean;
}

let lab: Lab;
let watcher: Watcher;

async function watch(more: Parameters<typeof startWatcher>[1] = {}): Promise<void> {
  watcher = await startWatcher(200, { profile: TESTED_PROFILE, ...more });
  await watcher.scans(1);
}

/** Everything up to now is judged when a scan that began afterwards is, and what was held back a second later. */
async function settled(): Promise<Record> {
  await watcher.scans(2);
  await new Promise((resolve) => {
    setTimeout(resolve, 2_500);
  });
  await watcher.scans(2);
  return watcher.read();
}

interface Births {
  readonly listed: number;
  readonly counted: number;
  readonly inferred: number;
}

function countBirths({ events }: Record, pid: number): Births {
  const born = only(events, 'namespace.born').filter(
    ({ initial, type }) => !initial && type === 'uts',
  );
  const stormed = only(events, 'namespaces.stormed').filter(({ creator }) => creator.pid === pid);
  return {
    listed: born.filter(({ creator }) => creator?.pid === pid).length,
    counted: stormed.reduce((sum, { count }) => sum + count, 0),
    inferred: born.filter(({ creator }) => creator === null).length,
  };
}

function sumLost(events: readonly AuditEvent[], source: string): number {
  return only(events, 'observation.gap')
    .filter((gap) => gap.source === source)
    .reduce((sum, { lost }) => sum + (lost ?? 0), 0);
}

function ownLives(record: Record, pid: number) {
  return record.lifespans.filter(({ type, creator }) => type === 'uts' && creator?.pid === pid);
}

describe.skipIf(obstacle)(`storms${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`, () => {
  beforeEach(() => {
    lab = startLab();
  });

  afterEach(async () => {
    await lab.end();
    await watcher.stop();
  });

  test('a burst of 50,000 births is all individual, each with its maker, its instant and its end', async () => {
    await watch();
    const count = 50_000 * SCALE;
    const { result } = await lab.run<Storm>(`storm("uts", ${count})`);
    expect(result.isWhole).toBe(true);
    const record = await settled();
    const lives = ownLives(record, result.pid);
    expect(sumLost(record.events, 'kernel')).toBe(0);
    expect(lives).toHaveLength(count);
    expect(lives.filter(({ born }) => born.after !== born.by)).toEqual([]);
    expect(new Set(lives.map(({ id }) => id)).size).toBe(count);
    expect(lives.filter(({ gone }) => gone === null)).toEqual([]);
  });

  test('of 200,000 births those listed and those counted add up exactly', async () => {
    const perMinuteMax = DEFAULT_GROWTH_POLICY.births.perMinuteMax * SCALE;
    const births = { ...DEFAULT_GROWTH_POLICY.births, perMinuteMax };
    await watch({ growth: { ...DEFAULT_GROWTH_POLICY, births } });
    const count = 200_000 * SCALE;
    const { result } = await lab.run<Storm>(`storm("uts", ${count})`);
    expect(result.isWhole).toBe(true);
    const record = await settled();
    const { listed, counted, inferred } = countBirths(record, result.pid);
    const lost = sumLost(record.events, 'kernel');
    const closed = only(record.events, 'observation.gap_closed');
    const recovered = closed.reduce((sum, gap) => sum + gap.recovered, 0);
    // Recovered ones are listed or counted; inferred ones are listed, without a maker.
    expect(listed + counted + lost - recovered).toBe(count);
    expect(inferred).toBeLessThanOrEqual(lost - recovered);
    expect(counted).toBeGreaterThan(0);
    expect(ownLives(record, result.pid).filter(({ gone }) => gone === null)).toEqual([]);
  }, 400_000);

  test('a storm through a ring of 64 KiB is announced as gaps, and what is alive is right afterwards', async () => {
    await watch({ ringBytes: { life: 65_536, holders: 65_536 } });
    const held = await lab.run<{ pid: number; links: { uts: number } }>('spawn("uts")');
    const { result } = await lab.run<Storm>(`storm("uts", ${20_000 * SCALE})`);
    expect(result.isWhole).toBe(true);
    const after = await lab.run<{ pid: number; links: { uts: number } }>('spawn("uts")');
    const record = await settled();
    const gaps = only(record.events, 'observation.gap').filter(({ reason }) => reason === 'lost');
    expect(gaps.length).toBeGreaterThan(0);
    expect(gaps.every(({ lost, from, to }) => (lost ?? 0) > 0 && from <= to)).toBe(true);
    expect(only(record.events, 'observation.gap_closed').length).toBeGreaterThanOrEqual(
      gaps.length,
    );
    const alive = [...record.known.lifespans.values()].filter(
      ({ type, initial }) => type === 'uts' && !initial,
    );
    expect(new Set(alive.map(({ inum }) => inum))).toEqual(
      new Set([held.result.links.uts, after.result.links.uts]),
    );
  });

  test('a fork storm evicts no birth, and its members add up by name', async () => {
    await watch();
    const home = await lab.run<{ pid: number; links: { uts: number } }>('spawn("uts")');
    const forks = 1_500 * SCALE;
    const before = statSync(join(watcher.stateDirectory, 'log.db')).size;
    const { result } = await lab.run<Storm>(`fork_storm(${home.result.pid}, "uts", ${forks})`);
    expect(result.isWhole).toBe(true);
    const other = await lab.run<Storm>(`storm("uts", 100)`);
    await lab.run(`end(${home.result.pid})`);
    const record = await settled();
    expect(sumLost(record.events, 'kernel')).toBe(0);
    expect(ownLives(record, other.result.pid)).toHaveLength(100);
    const homeLife = record.lifespans.find(
      ({ type, inum, creator }) =>
        type === 'uts' && inum === home.result.links.uts && creator?.pid === home.result.pid,
    );
    // The one that made it, the one that entered, and all its children.
    expect(homeLife?.holdersEver).toBe(forks + 2);
    expect(homeLife?.holdersNow).toBe(0);
    const grownBytes = statSync(join(watcher.stateDirectory, 'log.db')).size - before;
    expect(grownBytes).toBeLessThan(2_000_000);
  });
});
