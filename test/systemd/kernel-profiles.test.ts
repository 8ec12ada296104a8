/**
 * The collector unit lets the kernel events open: the built program runs with exactly the capabilities and the
 * system calls of the unit, on a BPF file system of which it may write its own directory only.
 *
 * Real: the kernel, the capabilities, the filter (libseccomp, as systemd uses it), the mounts. Modelled: that
 * systemd sets them up as the unit says. The BPF file system is mounted in a mount namespace of the test's own,
 * and goes with it.
 */
import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { INITIAL_INUMS } from '../../src/domain/namespace-type.ts';
import { openHandleProbe } from '../../src/observe/handle-probe.ts';
import { openKernelEvents } from '../../src/observe/kernel-events.ts';
import { MAIN_FILE } from '../cli/built-program.ts';
import { findKernelObstacle, makeStateDirectory, readRecord } from '../kernel/lab.ts';
import { asRootWith, missingForConfinement } from './confined-process.ts';
import { run } from './offline-root.ts';
import { listAllowedCalls } from './system-call-filter.ts';
import { listCapabilities, readUnit } from './unit-file.ts';

const CONFINE = `${import.meta.dirname}/confine.py`;
const unit = readUnit('nsaudit-collector.service');
const capabilities = listCapabilities(unit);
const allowedCalls = [...(listAllowedCalls(unit) ?? [])];

const confinementObstacle = findConfinementObstacle();
const confinementNotice = toNotice(confinementObstacle);
const obstacle =
  confinementObstacle ??
  findKernelObstacle() ??
  (existsSync(MAIN_FILE) ? null : 'not built: run npm run build');

function findConfinementObstacle(): string | null {
  const [missing] = missingForConfinement();
  if (missing !== undefined) {
    return `needs ${missing}`;
  }
  if (allowedCalls.length === 0) {
    return 'no systemd-analyze';
  }
  return run('python3', CONFINE, 'all', 'try', 'read').status === 0
    ? null
    : 'no python3 with libseccomp.so.2';
}

function toNotice(reason: string | null): string {
  return reason === null ? '' : `NOT RUN, ${reason}: `;
}

/** Words that stand before a command, or before `try CALLS`, with their action. */
function confine(
  granted: readonly string[],
  calls: readonly string[],
  action: 'run' | 'try',
): readonly string[] {
  return ['setpriv', ...asRootWith(granted), 'python3', CONFINE, calls.join(','), action];
}

/** The errno of each call by name. */
function tryCalls(names: readonly string[], calls: readonly string[]): Record<string, string> {
  const [program = '', ...words] = confine(capabilities, calls, 'try');
  const { stdout, stderr } = run(program, ...words, names.join(','));
  expect(stderr).toBe('');
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')),
  ) as Record<string, string>;
}

describe.skipIf(confinementObstacle !== null)(
  `${confinementNotice}the system call filter of the collector`,
  () => {
    const CLOSED = [
      'open_by_handle_at',
      'setns',
      'mount',
      'ptrace',
      'process_vm_readv',
      'pidfd_getfd',
      'kcmp',
      'perf_event_open',
      'keyctl',
      'init_module',
    ];

    it('refuses what would reach into other processes, files and namespaces, or the kernel', () => {
      expect(tryCalls(CLOSED, allowedCalls)).toEqual(
        Object.fromEntries(CLOSED.map((name) => [name, 'EPERM'])),
      );
      // Without the filter the same calls get as far as their arguments.
      expect(Object.values(tryCalls(['setns', 'ptrace', 'mount'], ['all']))).not.toContain('EPERM');
    });

    it('leaves bpf, and unshare for the proof of the hooks', () => {
      expect(Object.values(tryCalls(['bpf', 'unshare'], allowedCalls))).not.toContain('EPERM');
    });
  },
);

/** The profile that this kernel gives a root who may do everything. */
function openProfile(): string {
  const opened = openKernelEvents({
    profile: 'auto',
    initial: INITIAL_INUMS,
    procRoot: '/proc',
    anchorUs: 0,
    pinDirectory: null,
    emitInitial: false,
  });
  if ('refusal' in opened) {
    return opened.refusal;
  }
  const { profile } = opened.events;
  opened.events.close({ keepPins: false });
  return profile;
}

/** Whether a collector of that record could probe namespaces by their handles. */
function isProbed(stateDirectory: string): boolean {
  return readRecord(stateDirectory)
    .events.filter(({ event }) => event === 'collector.started')
    .some((started) => 'sources' in started && started.sources.includes('handles'));
}

/** Two collectors one after the other, and between them a namespace that ends before the second starts. */
const RESTART = `
  bpffs=$1 state=$2; shift 2
  mkdir "$bpffs"
  mount -t bpf bpf "$bpffs"
  mkdir -m 0700 "$bpffs/nsaudit"
  mount --bind "$bpffs/nsaudit" "$bpffs/nsaudit"
  mount -o remount,bind,ro "$bpffs"
  collect() { "$@" collect --keep-hooks --pin-dir="$bpffs/nsaudit" --state-dir="$state" --for=1s; }
  collect "$@"
  unshare --uts readlink /proc/self/ns/uts
  collect "$@"`;

describe.skipIf(obstacle !== null)(
  `${toNotice(obstacle)}a collector confined as the unit says`,
  () => {
    let stateDirectory: string;

    beforeEach(() => {
      stateDirectory = makeStateDirectory();
    });

    afterEach(() => {
      rmSync(dirname(stateDirectory), { recursive: true });
    });

    function collectOnce(granted: readonly string[], calls: readonly string[]): string {
      const [program = '', ...words] = confine(granted, calls, 'run');
      const options = ['--once', '--pin-dir=none', `--state-dir=${stateDirectory}`];
      return run(program, ...words, process.execPath, MAIN_FILE, 'collect', ...options).stderr;
    }

    it('runs the profile that this kernel gives, and misses nothing during a restart', () => {
      const command = [...confine(capabilities, allowedCalls, 'run'), process.execPath, MAIN_FILE];
      const stage = ['--mount', '--propagation=private', 'sh', '-ec', RESTART, 'sh'];
      const places = [`${dirname(stateDirectory)}/bpf`, stateDirectory];
      const { stdout, stderr, status } = run('unshare', ...stage, ...places, ...command);
      expect({ status, ready: stderr.match(/ready profile=\w+/g) }).toEqual({
        status: 0,
        ready: Array.from({ length: 2 }, () => `ready profile=${openProfile()}`),
      });
      expect(stderr).not.toMatch(/pin|gap/);
      const [, inum] = /uts:\[(\d+)\]/.exec(stdout) ?? [];
      expect(
        readRecord(stateDirectory).lifespans.filter(
          ({ type, inum: each, creator }) =>
            type === 'uts' && each === Number(inum) && creator?.evidence === 'kernel-event',
        ),
      ).not.toEqual([]);
    }, 60_000);

    it('may make namespaces of every type inside a user namespace, by which the hooks are proved', () => {
      const [program = '', ...words] = confine(capabilities, allowedCalls, 'run');
      const types = ['--user', '--cgroup', '--ipc', '--mount', '--net', '--pid', '--time', '--uts'];
      expect(
        run(program, ...words, 'unshare', ...types, '--propagation=unchanged', 'true'),
      ).toMatchObject({ status: 0, stderr: '' });
    });

    it.each(['bpf', 'perfmon'])('gets no kernel events without %s', (left) => {
      expect(
        collectOnce(
          capabilities.filter((name) => name !== left),
          allowedCalls,
        ),
      ).toContain('ready profile=procfs');
    });

    it('probes namespaces by their handles with what the drop-in adds, and not without', () => {
      collectOnce(capabilities, allowedCalls);
      expect(isProbed(stateDirectory)).toBe(false);
      collectOnce([...capabilities, 'sys_admin'], [...allowedCalls, 'open_by_handle_at']);
      expect(isProbed(stateDirectory)).toBe(!('missing' in openHandleProbe('/proc')));
    });

    it('gets no kernel events where the filter lacks bpf', () => {
      const without = allowedCalls.filter((name) => name !== 'bpf');
      expect(collectOnce(capabilities, without)).toContain('ready profile=procfs');
    });
  },
);
