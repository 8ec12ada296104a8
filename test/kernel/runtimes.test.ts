/**
 * What runtimes leave behind in the record, each in the way people use it: names, ids, containers, holders and
 * ends of the network namespace of one sleeping process.
 *
 * Real: the runtimes of Debian, the kernel, the built collector, and the questions that people ask afterwards.
 * They run in a room of their own, with their state on file systems that go with it.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { HolderJson, LifespanJson } from '../../src/domain/json.ts';
import { openHistory } from '../../src/history/open-history.ts';
import { MAIN_FILE } from '../cli/built-program.ts';
import { findObstacle } from './lab.ts';
import {
  endChild,
  findCommand,
  findRoomObstacle,
  openRoom,
  readChild,
  readInum,
  until,
  type Room,
} from './room.ts';

const obstacle =
  findObstacle() ??
  findRoomObstacle() ??
  (existsSync(MAIN_FILE) ? null : 'not built: run npm run build');
const NAME = `nsaudit-${process.pid}`;
const PODMAN = [
  'env',
  'CONTAINERS_CONF=/run/containers.conf',
  'podman',
  '--runtime=runc',
  '--cgroup-manager=cgroupfs',
  '--events-backend=none',
  '--storage-driver=vfs',
];

interface Started {
  /** inum of its network namespace. */
  readonly inum: number;
  end(): Promise<void> | void;
}

interface Case {
  readonly runtime: string;
  readonly needs: string;
  start(room: Room): Promise<Started>;
  readonly names: readonly string[];
  readonly nsids: readonly number[];
  readonly containers: readonly object[];
  /** Kinds of what holds it while it sleeps. */
  readonly holders: readonly string[];
}

async function inumOf(find: () => number | undefined): Promise<number> {
  return until('the process', () => {
    const pid = find();
    const inum = pid === undefined ? undefined : readInum(pid, 'net');
    return inum !== readInum(process.pid, 'net') ? inum : undefined;
  });
}

function addNamed(room: Room, name: string, { hasVeth }: { hasVeth: boolean }): Started {
  room.run('ip', 'netns', 'add', name);
  if (hasVeth) {
    room.run('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1', 'netns', name);
  }
  const inum = Number(room.run('stat', '-c', '%i', `/run/netns/${name}`));
  return { inum, end: () => void room.run('ip', 'netns', 'delete', name) };
}

function startRunc(room: Room): Promise<Started> {
  const bundle = join(room.scratch, 'bundle');
  mkdirSync(bundle);
  room.run('runc', 'spec', '--bundle', bundle);
  const file = join(bundle, 'config.json');
  const spec = JSON.parse(readFileSync(file, 'utf8')) as {
    process: { terminal: boolean; args: string[]; rlimits?: unknown };
    root: { path: string };
    linux: { resources: object };
  };
  delete spec.process.rlimits;
  spec.process.terminal = false;
  spec.process.args = ['/bin/sleep', '1000'];
  spec.root.path = room.rootfs;
  spec.linux.resources = {};
  writeFileSync(file, JSON.stringify(spec));
  room.run(
    'sh',
    '-c',
    `runc run --detach --bundle ${bundle} ${NAME}-box </dev/null >/dev/null 2>&1`,
  );
  const state = JSON.parse(room.run('runc', 'state', `${NAME}-box`)) as { pid: number };
  return inumOf(() => state.pid).then((inum) => ({
    inum,
    end: () => void room.run('runc', 'delete', '--force', `${NAME}-box`),
  }));
}

/** Podman as root gives a container a named namespace with a veth pair; here the pair has no bridge. */
function startPodman(room: Room): Started {
  const named = addNamed(room, `${NAME}-cni`, { hasVeth: true });
  room.run('sh', '-c', "printf '[containers]\\ndefault_ulimits = []\\n' > /run/containers.conf");
  room.run('sh', '-c', `tar -C ${room.rootfs} -c . | ${PODMAN.join(' ')} import - nsaudit-image`);
  for (const name of ['web', 'side']) {
    const network = ['--network', `ns:/run/netns/${NAME}-cni`];
    const limits = ['--ulimit', 'host', '--pids-limit', '-1'];
    const what = ['nsaudit-image', '/bin/sleep', '1000'];
    room.run(...PODMAN, 'run', '-d', '--name', `${NAME}-${name}`, ...network, ...limits, ...what);
  }
  return {
    inum: named.inum,
    end() {
      room.run(...PODMAN, 'rm', '--force', '--time', '0', `${NAME}-web`, `${NAME}-side`);
      room.run('ip', 'netns', 'delete', `${NAME}-cni`);
    },
  };
}

async function startLxc(room: Room): Promise<Started> {
  const directory = join(room.scratch, 'lxc');
  mkdirSync(join(directory, `${NAME}-lxc`), { recursive: true });
  writeFileSync(
    join(directory, `${NAME}-lxc`, 'config'),
    [
      `lxc.uts.name = ${NAME}`,
      `lxc.rootfs.path = dir:${room.rootfs}`,
      'lxc.net.0.type = empty',
      'lxc.apparmor.profile = unconfined',
      '',
    ].join('\n'),
  );
  const place = ['-P', directory, '-n', `${NAME}-lxc`];
  const child = room.start('lxc-execute', ...place, '--', '/bin/sleep', '1000');
  let init = 0;
  const inum = await inumOf(() => {
    init = Number(room.run('lxc-info', ...place, '-p', '-H') || 0);
    return init > 0 ? init : undefined;
  });
  return {
    inum,
    async end() {
      process.kill(init, 'SIGKILL');
      await endChild(child, null);
    },
  };
}

const CASES: readonly Case[] = [
  {
    runtime: 'ip netns',
    needs: 'ip',
    start: async (room) => addNamed(room, NAME, { hasVeth: false }),
    names: [`/run/netns/${NAME}`],
    nsids: [],
    containers: [],
    holders: ['bind-mount'],
  },
  {
    runtime: 'unshare',
    needs: 'unshare',
    async start(room) {
      const child = room.start('unshare', '--net', 'sleep', '1000');
      const home = Number(room.run('stat', '-L', '-c', '%i', '/proc/self/ns/net'));
      const inum = await inumOf(() =>
        readInum(child.pid ?? 0, 'net') === home ? undefined : child.pid,
      );
      return { inum, end: () => endChild(child, 'SIGTERM') };
    },
    names: [],
    nsids: [],
    containers: [],
    holders: ['process'],
  },
  {
    runtime: 'bubblewrap',
    needs: 'bwrap',
    async start(room) {
      const mounts = ['--bind', room.rootfs, '/', '--proc', '/proc', '--die-with-parent'];
      const child = room.start('bwrap', '--unshare-all', ...mounts, '/bin/sleep', '1000');
      const inum = await inumOf(() => readChild(child.pid ?? 0));
      return { inum, end: () => endChild(child, 'SIGTERM') };
    },
    names: [],
    nsids: [],
    containers: [],
    holders: ['process'],
  },
  {
    runtime: 'runc',
    needs: 'runc',
    start: startRunc,
    names: [],
    nsids: [],
    containers: [{ engine: 'runc', id: `${NAME}-box`, name: `${NAME}-box`, podUid: null }],
    holders: ['process'],
  },
  {
    runtime: 'lxc-execute',
    needs: 'lxc-execute',
    start: startLxc,
    names: [],
    // LXC gives every container one.
    nsids: [0],
    containers: [{ engine: 'lxc', id: `${NAME}-lxc`, name: `${NAME}-lxc`, podUid: null }],
    holders: ['process'],
  },
  {
    runtime: 'podman, two containers in one network namespace',
    needs: 'podman',
    start: async (room) => startPodman(room),
    names: [`/run/netns/${NAME}-cni`],
    nsids: [0],
    containers: [
      { engine: 'podman', name: `${NAME}-web`, podUid: null },
      { engine: 'podman', name: `${NAME}-side`, podUid: null },
    ],
    holders: ['bind-mount', 'process'],
  },
];

let room: Room;

function ask<Result>(work: (history: ReturnType<typeof openHistory>) => Result): Result {
  const history = openHistory({ stateDirectory: room.stateDirectory });
  try {
    return work(history);
  } finally {
    history.close();
  }
}

function findLife(inum: number): LifespanJson | undefined {
  const target = { kind: 'inum', inum, type: 'net' } as const;
  return ask((history) => history.lifespans({ target }).data.find(({ initial }) => !initial));
}

function listHolders(lifespan: string): readonly HolderJson[] {
  const target = { kind: 'lifespan', lifespan: Number(lifespan) } as const;
  return ask((history) => history.holders({ target }).data);
}

/** What people read about it. */
function print(...words: readonly string[]): string {
  return room.run(process.execPath, MAIN_FILE, ...words, '--state-dir', room.stateDirectory);
}

function listKinds(lifespan: string): readonly string[] {
  return listHolders(lifespan).map(({ kind }) => kind);
}

describe.skipIf(obstacle).each(['procfs', 'auto'])(
  `runtimes, profile %s${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`,
  (profile) => {
    beforeAll(async () => {
      room = await openRoom();
      await room.collect('--profile', profile, '--scan-interval', '200ms');
    });

    afterAll(async () => {
      await room.end();
    });

    describe.each(CASES)('$runtime', ({ runtime, needs, start, ...expected }) => {
      const missing = findCommand(needs) === null;
      test.skipIf(missing)(
        `names, ids, containers and holders while it is there, and after it is gone${missing ? ` — NOT RUN: no ${needs}` : ''}`,
        async () => {
          const started = await start(room);
          let isEnded = false;
          const end = async (): Promise<void> => {
            if (!isEnded) {
              isEnded = true;
              await started.end();
            }
          };
          onTestFinished(end);
          const isComplete = (life: LifespanJson): boolean =>
            life.containers.length === expected.containers.length &&
            life.nsids.length === expected.nsids.length &&
            life.names.length === expected.names.length &&
            life.containers.every(({ name }) => name !== null) &&
            expected.holders.every((holder) => listKinds(life.lifespan).includes(holder));
          let last: unknown;
          const life = await until(`the whole record of ${runtime}`, () => {
            last = findLife(started.inum);
            return last !== undefined && isComplete(last as LifespanJson)
              ? (last as LifespanJson)
              : undefined;
          }).catch((error: unknown) => {
            throw new Error(`${String(error)}: ${JSON.stringify(last)}`);
          });
          expect(life).toMatchObject({ type: 'net', gone: null, names: expected.names });
          expect(life.nameIntervals.map(({ name, to }) => [name, to])).toEqual(
            expected.names.map((name) => [name, null]),
          );
          expect(life.nsids.map(({ nsid }) => nsid)).toEqual(expected.nsids);
          expect(life.containers).toMatchObject(expected.containers);
          await end();
          const ended = await until(`the end of ${runtime}`, () => {
            const now = ask((history) => history.lifespan(Number(life.lifespan)).data[0]);
            return now?.gone ? now : undefined;
          });
          expect(ended.containers).toEqual(life.containers);
          expect(ended.names).toEqual(life.names);
          for (const interval of [...ended.nameIntervals, ...ended.nsids]) {
            expect(interval.to).not.toBeNull();
          }
          const holders = listHolders(life.lifespan);
          expect(listKinds(life.lifespan)).toEqual(expect.arrayContaining([...expected.holders]));
          expect(holders.filter(({ to }) => to === null)).toEqual([]);
          const processes = holders.filter(({ kind }) => kind === 'process');
          for (const { id } of ended.containers) {
            expect(processes.some(({ container }) => container?.id === id)).toBe(true);
          }
          const mounts = holders.filter(({ kind }) => kind === 'bind-mount');
          expect([...new Set(mounts.map(({ path }) => path))]).toEqual(expected.names);
          expect(mounts.every(({ mountNamespace }) => mountNamespace !== null)).toBe(true);
          const printed = ['history', 'holders']
            .map((command) => print(command, `#${life.lifespan}`))
            .join('\n');
          const said = [
            ...ended.containers.flatMap(({ id, name }) => [id.slice(0, 12), name]),
            ...expected.names,
            ...processes.map(({ pid }) => `${pid}`),
          ];
          expect(said.filter((text) => !printed.includes(`${text}`))).toEqual([]);
          for (const path of expected.names) {
            const byName = ask((history) =>
              history.lifespans({ target: { kind: 'name', name: path } }),
            );
            expect(byName.data.map(({ lifespan }) => lifespan)).toContain(life.lifespan);
          }
        },
      );
    });
  },
);
