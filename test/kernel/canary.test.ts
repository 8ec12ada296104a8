/**
 * A canary that the kernel does not let out: hooks of which nobody can say whether they fire are `unproved`.
 *
 * Real: the kernel's refusals, a limit on the processes of a user (EAGAIN) and one on the namespaces below a user
 * namespace of the test's own (ENOSPC), met by processes of the built program. Modelled: nothing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { INITIAL_INUMS } from '../../src/domain/namespace-type.ts';
import type { HookState } from '../../src/observe/kernel-hooks.ts';
import { asStranger, missingForConfinement, STRANGER } from '../systemd/confined-process.ts';
import { findKernelObstacle, findObstacle } from './lab.ts';

const OBSERVE = resolve(import.meta.dirname, '../../dist/src/observe');
const MOUNT_HOOKS = ['fexit/commit_tree', 'fentry/change_mnt_propagation', 'fentry/nsfs_evict'];

/** May make no further process, once it runs. Source: setrlimit(2), RLIMIT_NPROC, which binds no user with CAP_SYS_ADMIN. */
const LIMIT_PROCESSES = `
  const limit = Buffer.alloc(16);
  limit.writeBigUInt64LE(1n, 0);
  limit.writeBigUInt64LE(1n, 8);
  const setLimit = libc.koffi.load(null).func('int setrlimit(int, uint8_t *)');
  if (setLimit(6, limit) !== 0) throw new Error('setrlimit: ' + libc.errno());
`;
const BEGIN = `
  const [, observe, hooks, initial] = process.argv;
  const { openLibc } = await import(observe + '/libc.js');
  const libc = openLibc();
`;
const RELEASE = `
  const canary = await import(observe + '/kernel-canary.js');
  const released = [canary.releaseCanary(libc), canary.releaseMountCanary('/proc', JSON.parse(hooks))];
`;
const OPEN = `
  const { openKernelEvents } = await import(observe + '/kernel-events.js');
  const options = { profile: 'trampoline', procRoot: '/proc', anchorUs: 0, pinDirectory: null, emitInitial: false };
  const opened = openKernelEvents({ ...options, initial: JSON.parse(initial) });
  const { events } = opened;
  const told = events ? { profile: events.profile, hooks: events.hooks, notices: events.notices } : opened;
  events?.close({ keepPins: false });
  console.log(JSON.stringify({ released, told }));
`;
const PRINT = 'console.log(JSON.stringify({ released }));';

interface Refusal {
  readonly refusal: string;
  readonly hooks: readonly string[];
}

interface Said {
  readonly released: readonly [Refusal, Refusal];
  readonly told?: {
    readonly profile: string;
    readonly hooks: readonly HookState[];
    readonly notices: readonly string[];
  };
}

/** Runs a script of the built program behind these words. */
function say(wrapper: readonly string[], script: string): Said {
  const node = [process.execPath, '--input-type=module', '--eval', script, '--'];
  const words = [...node, OBSERVE, JSON.stringify(MOUNT_HOOKS), JSON.stringify(INITIAL_INUMS)];
  const [program = '', ...rest] = [...wrapper, ...words];
  const { stdout, stderr } = spawnSync(program, rest, { encoding: 'utf8' });
  expect(stdout, stderr).not.toBe('');
  return JSON.parse(stdout) as Said;
}

const noBuild = existsSync(join(OBSERVE, 'kernel-canary.js'))
  ? null
  : 'not built: run npm run build';
const obstacle = findObstacle() ?? noBuild ?? missingForConfinement()[0] ?? null;

describe.skipIf(obstacle)(
  `a canary that cannot be let out${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`,
  () => {
    test('for want of a process names the reason and every hook that it would have proved', () => {
      const script = `${BEGIN}${LIMIT_PROCESSES}${RELEASE}${PRINT}`;
      const [life, mounts] = say(['setpriv', ...asStranger()], script).released;
      expect(life.refusal).toContain('EAGAIN');
      expect(life.hooks).toEqual(
        expect.arrayContaining(['fexit/copy_utsname', 'fentry/__put_net']),
      );
      expect(mounts.refusal).toContain('EAGAIN');
      expect(mounts.hooks).toEqual(MOUNT_HOOKS);
    });

    test('for want of a namespace does so as well', () => {
      const limited = 'echo 0 > /proc/sys/user/max_uts_namespaces && exec "$@"';
      const wrapper = ['unshare', '--user', '--map-root-user', 'sh', '-c', limited, 'sh'];
      const [life, mounts] = say(wrapper, `${BEGIN}${RELEASE}${PRINT}`).released;
      expect(life.refusal).toContain('may make no namespaces');
      expect(life.hooks.length).toBeGreaterThan(10);
      expect(mounts.refusal).toMatch(/unshare.*No space left on device/);
      expect(mounts.hooks).toEqual(MOUNT_HOOKS);
    });
  },
);

const noTrampolines = obstacle ?? findKernelObstacle('trampoline');
/** Of another user, because no limit on processes binds one that may do anything; see capabilities(7). */
const WITH_BPF = [
  'setpriv',
  `--reuid=${STRANGER}`,
  `--regid=${STRANGER}`,
  '--clear-groups',
  '--inh-caps=+bpf,+perfmon',
  '--ambient-caps=+bpf,+perfmon',
];

describe.skipIf(noTrampolines)(
  `hooks that no canary tried${noTrampolines ? ` — NOT RUN: ${noTrampolines}` : ''}`,
  () => {
    test('are attached and unproved, a notice says why, and those that none could try are attached', () => {
      const script = `${BEGIN}${LIMIT_PROCESSES}${RELEASE}${OPEN}`;
      const { released, told } = say(WITH_BPF, script);
      expect(told).toMatchObject({ profile: 'trampoline' });
      const provable = new Set(released.flatMap(({ hooks }) => hooks));
      const states = told?.hooks ?? [];
      expect(states.filter(({ name }) => provable.has(name)).length).toBeGreaterThan(10);
      for (const { name, state } of states) {
        expect(`${name} ${state}`).toBe(`${name} ${provable.has(name) ? 'unproved' : 'attached'}`);
      }
      expect(told?.notices).toEqual(released.map(({ refusal }) => refusal));
    });
  },
);
