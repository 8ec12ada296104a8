/**
 * The kernel event source against real namespaces and storms. See event-recorder.ts.
 *
 * The kernel's clock is the lab's clock, so a birth must lie between the lab's instants, exactly.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BirthRecord, TaskRecord } from '../../src/domain/kernel-record.ts';
import type { NamespaceType } from '../../src/domain/namespace-type.ts';
import {
  buildStorm,
  findEventProfile,
  idsBornBy,
  readInitial,
  startRecorder,
  type EventRecorder,
} from './event-recorder.ts';
import { findObstacle, listOwnNamespaceDescriptors, startLab, type Lab } from './lab.ts';

const found = findObstacle() === null ? findEventProfile() : { obstacle: findObstacle() };
const obstacle = 'obstacle' in found ? found.obstacle : null;
const profile = 'profile' in found ? found.profile : null;
const notRun = obstacle === null ? '' : ` — NOT RUN: ${obstacle}`;
const storm = obstacle === null ? buildStorm() : null;
afterAll(() => storm?.remove());

interface Child {
  readonly pid: number;
  readonly links: { readonly [Type in NamespaceType]?: number };
}

interface ChangingRow {
  readonly type: NamespaceType;
  readonly inum: number;
  readonly net: number;
  readonly comm: string;
  readonly gid: number;
}

const ALL_BUT_TWO: NamespaceType[] = ['cgroup', 'ipc', 'mnt', 'net', 'user', 'uts'];
const quote = (types: readonly string[]): string => types.map((type) => `"${type}"`).join(',');

describe.skipIf(obstacle !== null)(`kernel events of real namespaces${notRun}`, () => {
  let lab: Lab;
  let recorder: EventRecorder;

  beforeEach(() => {
    lab = startLab();
    recorder = startRecorder();
  });

  afterEach(async () => {
    await lab.end();
    recorder.close();
  });

  const birthOf = (type: NamespaceType, inum: number): BirthRecord | undefined =>
    recorder.births().find(({ namespace }) => namespace.type === type && namespace.inum === inum);

  const ways: [how: string, types: NamespaceType[], expression: string][] = [
    ['unshare', ALL_BUT_TWO, `spawn(${quote(ALL_BUT_TWO)})`],
    ['unshare', ['pid'], 'spawn_in_pid()'],
    ['unshare', ['time'], 'spawn_in_time()'],
    ['clone', [...ALL_BUT_TWO, 'pid'], `spawn(${quote([...ALL_BUT_TWO, 'pid'])},via="clone")`],
    ['clone3', [...ALL_BUT_TWO, 'pid'], `spawn(${quote([...ALL_BUT_TWO, 'pid'])},via="clone3")`],
    ['clone3', ['time'], 'spawn("time",via="clone3")'],
  ];

  test.each(ways)('%s of %j gives one birth for each, exact, by who called', async (...way) => {
    const [how, types, expression] = way;
    const step = await lab.run<Child>(expression);
    const { pid, links } = step.result;
    await recorder.until(() => types.every((type) => birthOf(type, links[type] ?? 0)));
    for (const type of types) {
      const birth = birthOf(type, links[type] ?? 0);
      expect(birth).toMatchObject({
        how,
        creator: { pid: how === 'unshare' ? pid : lab.pid, comm: 'python3' },
        facts: { comm: 'python3', uid: 0, gid: 0 },
        isRecovered: false,
      });
      expect(birth?.facts?.exe).toMatch(/\/python3[.\d]*$/);
      expect(birth?.atUs).toBeGreaterThanOrEqual(step.beforeUs);
      expect(birth?.atUs).toBeLessThanOrEqual(step.afterUs);
      const owner = type === 'user' ? undefined : links.user;
      expect(birth?.owner?.inum).toBe(owner ?? readInitial().user);
    }
    expect(recorder.losses()).toEqual([]);
  });

  test('a process in new namespaces joins, and leaves when it ends', async () => {
    const { result } = await lab.run<Child>('spawn("net","uts",via="clone")');
    const joined = (): TaskRecord | undefined =>
      recorder.records.find(
        (record): record is TaskRecord =>
          record.kind === 'joined' && record.task.pid === result.pid,
      );
    await recorder.until(() => joined() !== undefined);
    expect(joined()).toMatchObject({ how: 'clone', forChildren: [], hasOtherThreads: false });
    const inums = new Map(joined()?.namespaces.map(({ type, inum }) => [type, inum]));
    expect(Object.fromEntries(inums)).toEqual({ ...readInitial(), ...result.links });
    await lab.run(`end(${result.pid})`);
    await recorder.until(() =>
      recorder.records.some((record) => record.kind === 'left' && record.task.pid === result.pid),
    );
    const left = recorder.records.find((record) => record.kind === 'left');
    expect(left).toMatchObject({ isLast: true, task: joined()?.task });
  });

  test('a thread is told with the namespaces in which it differs from its process', async () => {
    const { result } = await lab.run<{ pid: number; netTid: number; net: number }>(
      'spawn_thread()',
    );
    await recorder.until(() => birthOf('net', result.net) !== undefined);
    await recorder.settle();
    const moved = recorder.records.find(
      (record): record is TaskRecord =>
        record.kind === 'moved' && record.task.tid === result.netTid,
    );
    expect(moved).toMatchObject({
      task: { pid: result.pid },
      hasOtherThreads: true,
      how: 'unshare',
    });
    expect(moved?.namespaces.map(({ type, inum }) => [type, inum])).toEqual([['net', result.net]]);
  });

  test('births of a process that changes between them say each what it was at that moment, and none waits for the next', async () => {
    const step = await lab.run<{ pid: number; isWhole: boolean; rows: ChangingRow[] }>(
      'storm_changing()',
    );
    const { pid, isWhole, rows } = step.result;
    expect(isWhole).toBe(true);
    await recorder.settle();
    const births = recorder.births().filter(({ creator }) => creator?.pid === pid);
    const moves = recorder.records.filter(
      (record): record is TaskRecord =>
        record.kind === 'moved' && record.task.pid === pid && record.how === 'unshare',
    );
    const told = births.map(({ namespace, facts }, index) => ({
      type: namespace.type,
      inum: namespace.inum,
      net: moves[index]?.namespaces.find(({ type }) => type === 'net')?.inum,
      comm: facts?.comm,
      gid: facts?.gid,
    }));
    expect(told).toEqual(rows);
    expect(moves.map(({ atUs }) => atUs)).toEqual(births.map(({ atUs }) => atUs));
    expect(recorder.losses()).toEqual([]);
  });

  test('a call that fails gives no birth, and one without a namespace flag says nothing', async () => {
    await lab.run('LIBC.unshare(FLAGS["uts"] | 1)');
    await lab.run('LIBC.unshare(CLONE_FILES)');
    await lab.run('LIBC.setns(-1, 0)');
    const step = await lab.run<Child>('spawn("uts")');
    await recorder.until(() => birthOf('uts', step.result.links.uts ?? 0) !== undefined);
    const own = recorder.records.filter(
      (record) => 'task' in record && record.task.pid === lab.pid,
    );
    expect([
      ...own,
      ...recorder.births().filter(({ creator }) => creator?.pid === lab.pid),
    ]).toEqual([]);
  });

  const cgroups = findWritableCgroups();
  test.skipIf(cgroups === null)(
    `a creator that is gone before anybody looks still has its executable and container${cgroups === null ? ' — NOT RUN: no writable cgroup2' : ''}`,
    async () => {
      const container = '0123456789abcdef'.repeat(4);
      const cgroup = join(cgroups ?? '', `docker-${container}.scope`);
      mkdirSync(cgroup);
      try {
        const script = `echo $$ > ${cgroup}/cgroup.procs; exec unshare -u true`;
        // Blocks this process, so that no record is read before the other one is gone.
        const { pid } = spawnSync('sh', ['-c', script]);
        await recorder.until(() => recorder.births().some(({ creator }) => creator?.pid === pid));
        const birth = recorder.births().find(({ creator }) => creator?.pid === pid);
        expect(birth?.facts).toMatchObject({
          comm: 'unshare',
          // A shell that brings its own unshare runs that.
          exe: expect.stringMatching(/\/(?:unshare|busybox)$/) as string,
          cgroup: expect.stringContaining(`docker-${container}.scope`) as string,
          containerId: container,
        });
      } finally {
        rmdirSync(cgroup);
      }
    },
  );

  const isTrampoline = profile === 'trampoline';
  const trampolineNote = isTrampoline ? '' : ' — NOT RUN: trampolines are refused here';

  test.runIf(isTrampoline)(
    `every hook that can be proved has fired, and the proof leaves no record${trampolineNote}`,
    async () => {
      await recorder.settle();
      expect(recorder.events.hooks.length).toBeGreaterThan(10);
      expect(recorder.events.hooks.filter(({ state }) => state !== 'attached')).toEqual([]);
      const own = recorder.births().filter(({ creator }) => creator?.comm !== 'python3');
      expect(own).toEqual([]);
      expect(recorder.events.stats().liveCount).toBe(0);
    },
  );

  test.runIf(isTrampoline)(
    `a namespace ends when its last holder does: last put and end apart for net${trampolineNote}`,
    async () => {
      const types: NamespaceType[] = [...ALL_BUT_TWO, 'pid'];
      const { result } = await lab.run<Child>(`spawn(${quote(types)},via="clone")`);
      const step = await lab.run(`end(${result.pid})`);
      const endOf = (kind: string, type: NamespaceType): number =>
        recorder.records.find(
          (record) =>
            record.kind === kind &&
            'namespace' in record &&
            record.namespace.type === type &&
            record.namespace.inum === result.links[type],
        )?.atUs ?? 0;
      await recorder.until(() => types.every((type) => endOf('destroyed', type) > 0));
      for (const type of types) {
        expect(endOf('destroyed', type)).toBeGreaterThanOrEqual(step.beforeUs);
      }
      for (const type of ['ipc', 'net', 'pid', 'user'] as const) {
        expect(endOf('unreferenced', type)).toBeGreaterThanOrEqual(step.beforeUs);
        expect(endOf('unreferenced', type)).toBeLessThanOrEqual(endOf('destroyed', type));
      }
      expect(endOf('destroyed', 'net') - endOf('unreferenced', 'net')).toBeGreaterThan(100);
    },
  );

  test.runIf(isTrampoline)(
    `a namespace that was there before ends too, once it is remembered${trampolineNote}`,
    async () => {
      recorder.close();
      const { result } = await lab.run<Child>('spawn("net")');
      recorder = startRecorder();
      const namespace = {
        type: 'net',
        inum: result.links.net ?? 0,
        kernelNamespaceId: null,
      } as const;
      recorder.events.remember([namespace]);
      expect(recorder.events.recover()).toEqual([]);
      await lab.run(`end(${result.pid})`);
      await recorder.until(() =>
        recorder.records.some(
          (record) => record.kind === 'destroyed' && record.namespace.inum === namespace.inum,
        ),
      );
    },
  );

  test('a source that was closed finds nothing, and can be closed again', () => {
    const other = startRecorder();
    other.close();
    other.events.pump();
    expect(other.events.take(1)).toEqual([]);
    other.close();
  });

  test('watching holds no namespace descriptor', async () => {
    await lab.run('spawn("net","user")');
    await recorder.settle();
    expect(listOwnNamespaceDescriptors(readdirSync('/proc/self/fd'))).toEqual([]);
  });
});

/** Where the unified hierarchy is mounted, if groups can be made there. */
function findWritableCgroups(): string | null {
  return (
    ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find(
      (path) =>
        existsSync(join(path, 'cgroup.procs')) && existsSync(join(path, 'cgroup.controllers')),
    ) ?? null
  );
}

const stormObstacle = obstacle ?? (storm === null ? 'no C compiler' : null);
describe.skipIf(stormObstacle !== null)(
  `kernel events of storms${stormObstacle === null ? '' : ` — NOT RUN: ${stormObstacle}`}`,
  () => {
    let recorder: EventRecorder | undefined;
    afterEach(() => recorder?.close());

    test('50,000 births in a row by one process are all told, each once, by rings that hold them', async () => {
      // So large that the result does not depend on how often this process gets to run meanwhile.
      recorder = startRecorder({ ringBytes: { life: 16 << 20, holders: 16 << 20 } });
      const { pid } = (await storm?.run('uts', 50_000)) ?? { pid: 0 };
      await recorder.settle();
      const births = recorder.births().filter(({ creator }) => creator?.pid === pid);
      expect(recorder.losses()).toEqual([]);
      expect(births).toHaveLength(50_000);
      expect(idsBornBy(births, pid).size).toBe(50_000);
    });

    test('of 200,000 births in a row every one is told or counted as lost', async () => {
      recorder = startRecorder();
      const { pid } = (await storm?.run('uts', 200_000)) ?? { pid: 0 };
      const made = recorder.events.stats().streams.holders.recordCount;
      await recorder.settle();
      await recorder.settle();
      const births = recorder.births().filter(({ creator }) => creator?.pid === pid);
      const { streams } = recorder.events.stats();
      const others = recorder.births().length - births.length;
      expect(idsBornBy(births, pid).size).toBe(births.length);
      expect(births.length + streams.life.lostCount).toBeGreaterThanOrEqual(200_000);
      const holders = recorder.records.filter(({ kind }) =>
        ['joined', 'moved', 'left'].includes(kind),
      );
      expect(holders.length + streams.holders.lostCount).toBeGreaterThanOrEqual(made);
      // Losses are told by stream: they may include what others did meanwhile, and the paths.
      expect(births.length + streams.life.lostCount).toBeLessThanOrEqual(
        streams.life.recordCount - others,
      );
    });

    test('what a ring of 64 KiB cannot hold is counted exactly, and found in the map of live ones', async () => {
      const ringBytes = { life: 65_536, holders: 65_536 };
      recorder = startRecorder({ ringBytes, emitInitial: true });
      await recorder.settle();
      recorder.pause();
      const pid = storm?.runSync('uts', 5_000) ?? 0;
      storm?.runSync('forks', 1_000);
      await recorder.settle();
      const { streams } = recorder.events.stats();
      const told = recorder.births().length;
      const recovered = recorder.events.recover();
      expect(told).toBeLessThan(5_000);
      expect(idsBornBy([...recorder.births(), ...recovered], pid).size).toBe(5_000);
      for (const stream of ['life', 'holders'] as const) {
        const lost = recorder.losses().filter((loss) => loss.stream === stream);
        expect(lost.length).toBeGreaterThan(0);
        expect(streams[stream].lostCount).toBe(lost.reduce((sum, { count }) => sum + count, 0));
        expect(lost.every(({ fromUs, toUs }) => fromUs <= toUs)).toBe(true);
      }
      expect(told + streams.life.lostCount).toBeGreaterThanOrEqual(5_000);
      const joined = recorder.records.filter(({ kind }) => kind === 'joined').length;
      expect(joined + streams.holders.lostCount).toBeGreaterThanOrEqual(1_000);
    });
  },
);
