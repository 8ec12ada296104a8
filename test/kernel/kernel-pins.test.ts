/**
 * Pins: what the kernel collects while no collector runs, and after one was killed. Needs a bpffs, which is
 * mounted on a directory of its own.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findBpfObject } from '../../src/observe/bpf-object.ts';
import { unpinAll } from '../../src/observe/kernel-pins.ts';
import { startChild } from '../store/child-program.ts';
import { mountBpffs, type Bpffs } from './bpffs.ts';
import {
  buildStorm,
  eventOptions,
  findEventProfile,
  idsBornBy,
  startRecorder,
} from './event-recorder.ts';
import { findObstacle } from './lab.ts';

const found = findObstacle() === null ? findEventProfile() : { obstacle: findObstacle() };
const storm = 'profile' in found ? buildStorm() : null;
const obstacle = 'obstacle' in found ? found.obstacle : storm === null ? 'no C compiler' : null;
const notRun = obstacle === null ? '' : ` — NOT RUN: ${obstacle}`;
const object = findBpfObject();
afterAll(() => storm?.remove());

describe.skipIf(obstacle !== null)(`pinned kernel events${notRun}`, () => {
  let bpffs: Bpffs;

  beforeEach(async () => {
    bpffs = await mountBpffs();
  });

  afterEach(() => bpffs.end());

  test('what small rings lost between two runs is counted by the second', async (context) => {
    context.skip(bpffs.obstacle !== null, `bpffs cannot be mounted: ${bpffs.obstacle}`);
    const pinDirectory = join(bpffs.path, 'nsaudit');
    const ringBytes = { life: 65_536, holders: 65_536 };
    const first = startRecorder({ pinDirectory, ringBytes });
    await first.settle();
    first.close({ keepPins: true });
    storm?.runSync('uts', 20_000);
    const second = startRecorder({ pinDirectory });
    try {
      await second.settle();
      const { streams } = second.events.stats();
      const delivered = second.births().length;
      expect(streams.life.ringBytes).toBe(65_536);
      expect(delivered + streams.life.lostCount).toBeGreaterThanOrEqual(20_000);
      expect(delivered).toBeLessThan(20_000);
    } finally {
      second.close();
    }
  });

  test('what happens between two runs is told by the second, without a loss', async (context) => {
    context.skip(bpffs.obstacle !== null, `bpffs cannot be mounted: ${bpffs.obstacle}`);
    const pinDirectory = join(bpffs.path, 'nsaudit');
    const first = startRecorder({ pinDirectory });
    expect(first.events.isTakenOver).toBe(false);
    expect(first.events.notices.filter((notice) => notice.includes(bpffs.path))).toEqual([]);
    await first.settle();
    first.close({ keepPins: true });
    const pid = storm?.runSync('uts', 10_000) ?? 0;
    const second = startRecorder({ pinDirectory });
    try {
      expect(second.events).toMatchObject({ isTakenOver: true, notices: [] });
      await second.settle();
      expect(second.births().filter(({ creator }) => creator?.pid === pid)).toHaveLength(10_000);
      expect(second.losses()).toEqual([]);
    } finally {
      second.close();
    }
    expect(readdirSync(pinDirectory)).toEqual([]);
    expect(unpinAll(pinDirectory)).toBe(0);
    expect(readdirSync(bpffs.path)).not.toContain('nsaudit');
  });

  test('a reader that is killed in a storm loses no birth: what it had read is in the map of live ones', async (context) => {
    context.skip(bpffs.obstacle !== null, `bpffs cannot be mounted: ${bpffs.obstacle}`);
    const pinDirectory = join(bpffs.path, 'nsaudit');
    const ringBytes = { life: 16 << 20, holders: 16 << 20 };
    const objectPath = typeof object === 'string' ? object : '';
    const options = eventOptions({ pinDirectory, ringBytes, objectPath });
    const reader = startChild('../kernel/read-events', [JSON.stringify(options)]);
    expect(await reader.nextLine()).toBe('reading');
    const running = storm?.run('uts', 50_000);
    await sleep(50);
    await reader.kill();
    const second = startRecorder({ pinDirectory });
    try {
      expect(second.events.isTakenOver).toBe(true);
      const { pid } = (await running) ?? { pid: 0 };
      await second.settle();
      expect(second.losses()).toEqual([]);
      const all = [...second.births(), ...second.events.recover()];
      expect(idsBornBy(all, pid).size).toBe(50_000);
    } finally {
      second.close();
    }
  });

  test('births that the first took before they were in the ring are not told again by the second', async (context) => {
    context.skip(bpffs.obstacle !== null, `bpffs cannot be mounted: ${bpffs.obstacle}`);
    const pinDirectory = join(bpffs.path, 'nsaudit');
    const first = startRecorder({ pinDirectory });
    // Fewer than go into the ring together, so some of them still wait when the second begins.
    const pid = storm?.runSync('uts', 5) ?? 0;
    await first.settle();
    expect(first.births().filter(({ creator }) => creator?.pid === pid)).toHaveLength(5);
    first.close({ keepPins: true });
    const between = storm?.runSync('uts', 5) ?? 0;
    const second = startRecorder({ pinDirectory });
    try {
      // Sends those that wait into the ring, on whichever CPU it runs.
      const after = Array.from({ length: 20 }, () => storm?.runSync('uts', 5) ?? 0);
      await second.settle();
      const makers = second.births().map(({ creator }) => creator?.pid);
      expect(makers).not.toContain(pid);
      for (const maker of [between, ...after]) {
        expect(makers.filter((one) => one === maker)).toHaveLength(5);
      }
      expect(second.losses()).toEqual([]);
    } finally {
      second.close();
    }
  });

  test.for([
    ['not told again where the log had got there', 7, 2],
    ['told anew where the log had not got there', 6, 5],
  ] as const)(
    'what a reader that was killed was about to forget is %s',
    async ([, recordedPosition, toldCount], context) => {
      context.skip(bpffs.obstacle !== null, `bpffs cannot be mounted: ${bpffs.obstacle}`);
      const pinDirectory = join(bpffs.path, 'nsaudit');
      const first = startRecorder({ pinDirectory });
      const pid = storm?.runSync('uts', 5) ?? 0;
      await first.settle();
      const kept = first.events.recover().filter(({ creator }) => creator?.pid === pid);
      first.events.willForget(
        kept.slice(0, 3).map(({ namespace }) => namespace),
        7,
      );
      first.close({ keepPins: true });
      const second = startRecorder({ pinDirectory, recordedPosition });
      try {
        const told = second.events.recover().filter(({ creator }) => creator?.pid === pid);
        // Where hooks tell the ends, the kernel side has forgotten all of them by itself.
        expect(told).toHaveLength(second.events.profile === 'tracepoint' ? toldCount : 0);
      } finally {
        second.close();
      }
    },
  );

  test('who finds the rings in use has rings of its own, and says so', async (context) => {
    context.skip(bpffs.obstacle !== null, `bpffs cannot be mounted: ${bpffs.obstacle}`);
    const pinDirectory = join(bpffs.path, 'nsaudit');
    const objectPath = typeof object === 'string' ? object : '';
    const options = eventOptions({ pinDirectory, objectPath });
    const reader = startChild('../kernel/read-events', [JSON.stringify(options)]);
    expect(await reader.nextLine()).toBe('reading');
    const second = startRecorder({ pinDirectory });
    expect(second.events.isTakenOver).toBe(false);
    expect(second.events.notices.join()).toContain(`Process ${reader.pid} reads the pinned rings`);
    second.close();
    await reader.kill();
    expect(unpinAll(pinDirectory)).toBe(1);
  });
});
