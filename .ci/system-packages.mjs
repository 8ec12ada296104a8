/**
 * What the project needs from the operating system, and how to get it on Debian.
 *
 * Nothing here is required: a missing package costs something, the cost is said in one line, and the
 * set-up goes on. Add a package by adding a row to the table. Plain Node: runs before `npm ci`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * One row per thing that is looked for.
 *
 * `probe`     one of `command` (looked up on PATH and in the sbin directories; any of them) or `file`
 *             (absolute paths, any of them)
 * `neededFor` 'install': only when npm packages have to be installed; 'build': whenever something is built;
 *             'test': only before tests; 'vm': only before kernels are booted
 * `cost`      what does not work without it, as a sentence
 *
 * @typedef {{
 *   package: string,
 *   probe: { command: string | string[] } | { file: string[] },
 *   neededFor: 'install' | 'build' | 'test' | 'vm',
 *   cost: string,
 * }} SystemPackage
 */

const compilerCost =
  'better-sqlite3 cannot be compiled, so the installation fails where no prebuilt binary can be fetched.';

/** Compilers that can make BPF objects, the one without a version first. */
const clangCommands = ['clang', ...[20, 19, 18, 17, 16, 15, 14].map((major) => `clang-${major}`)];

const libraryDirectories = [
  `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
  '/usr/lib64',
  '/usr/lib',
];

/** @type {SystemPackage[]} */
const systemPackages = [
  {
    package: 'clang',
    probe: { command: clangCommands },
    neededFor: 'build',
    cost: 'The program for kernel events cannot be compiled, so nsaudit sees only what is there when it scans procfs.',
  },
  {
    package: 'libbpf1',
    probe: { file: libraryDirectories.map((directory) => join(directory, 'libbpf.so.1')) },
    neededFor: 'build',
    cost: 'Kernel events cannot be loaded, so nsaudit sees only what is there when it scans procfs.',
  },
  { package: 'python3', probe: { command: 'python3' }, neededFor: 'install', cost: compilerCost },
  { package: 'make', probe: { command: 'make' }, neededFor: 'install', cost: compilerCost },
  { package: 'g++', probe: { command: 'g++' }, neededFor: 'install', cost: compilerCost },
  {
    package: 'util-linux',
    probe: { command: 'lsns' },
    neededFor: 'test',
    cost: 'The comparison with lsns cannot run.',
  },
  {
    package: 'util-linux',
    probe: { command: 'unshare' },
    neededFor: 'test',
    cost: 'Tests that create namespaces cannot run.',
  },
  {
    package: 'util-linux',
    probe: { command: 'nsenter' },
    neededFor: 'test',
    cost: 'Tests that enter namespaces cannot run.',
  },
  {
    package: 'mount',
    probe: { command: 'mount' },
    neededFor: 'test',
    cost: 'Tests that hold namespaces by bind mounts cannot run.',
  },
  {
    package: 'iproute2',
    probe: { command: 'ip' },
    neededFor: 'test',
    cost: 'Tests of named network namespaces cannot run.',
  },
  {
    package: 'systemd',
    probe: { command: 'systemd-analyze' },
    neededFor: 'test',
    cost: 'Tests of the systemd units cannot run.',
  },
  {
    package: 'gcc',
    probe: { command: 'gcc' },
    neededFor: 'test',
    cost: 'Tests and benchmarks that need a small C program cannot run.',
  },
  {
    // gcc only recommends the C library headers, and recommendations are not installed.
    package: 'libc6-dev',
    probe: { file: ['/usr/include/stdio.h'] },
    neededFor: 'test',
    cost: 'Tests and benchmarks that need a small C program cannot run.',
  },
  {
    package: 'runc',
    probe: { command: 'runc' },
    neededFor: 'test',
    cost: 'Tests of what runc makes cannot run.',
  },
  {
    package: 'podman',
    probe: { command: 'podman' },
    neededFor: 'test',
    cost: 'Tests of what podman makes cannot run.',
  },
  {
    package: 'lxc',
    probe: { command: 'lxc-execute' },
    neededFor: 'test',
    cost: 'Tests of what lxc-execute makes cannot run.',
  },
  {
    package: 'bubblewrap',
    probe: { command: 'bwrap' },
    neededFor: 'test',
    cost: 'Tests of what bwrap makes cannot run.',
  },
  {
    package: 'busybox-static',
    probe: { command: 'busybox' },
    neededFor: 'test',
    cost: 'Tests that need something to run in a container cannot run.',
  },
  {
    package: 'qemu-system-x86',
    probe: { command: 'qemu-system-x86_64' },
    neededFor: 'vm',
    cost: 'No other kernel can be booted.',
  },
  {
    package: 'busybox-static',
    probe: { command: 'busybox' },
    neededFor: 'vm',
    cost: 'No other kernel can be booted.',
  },
];

/** @param {string} command */
function isOnPath(command) {
  const directories = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
  ];
  return directories.some((directory) => directory !== '' && existsSync(join(directory, command)));
}

/** The first of the compilers that is installed, or undefined. */
export function findClang() {
  return clangCommands.find(isOnPath);
}

/** @param {SystemPackage} entry */
function isPresent({ probe }) {
  return 'command' in probe
    ? [probe.command].flat().some(isOnPath)
    : probe.file.some((path) => existsSync(path));
}

/**
 * Why apt-get cannot be used here, or undefined when it can.
 *
 * @returns {string | undefined}
 */
function aptObstacle() {
  if (!isOnPath('apt-get')) return 'there is no apt-get here';
  if (process.getuid?.() !== 0) return 'only root may install packages';
  return undefined;
}

/**
 * @param {string[]} aptArguments
 * @returns {boolean} whether apt-get succeeded
 */
function runApt(aptArguments) {
  const patience = ['-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=20'];
  const { status } = spawnSync(
    'apt-get',
    ['-qq', '-o', 'DPkg::Lock::Timeout=60', ...patience, ...aptArguments],
    {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 600_000,
    },
  );
  return status === 0;
}

/**
 * Tries all at once, then one by one: one name that this release does not know must not keep the others out.
 *
 * @param {string[]} names
 */
function installPackages(names) {
  const install = ['install', '--yes', '--no-install-recommends'];
  runApt(['update']);
  if (runApt([...install, ...names]) || names.length === 1) return;
  for (const name of names) runApt([...install, name]);
}

/**
 * Installs what is missing of the packages needed for `purpose`; says what it does and what stays missing.
 *
 * @param {SystemPackage['neededFor']} purpose
 * @param {(line: string) => void} say
 */
export function provideSystemPackages(purpose, say) {
  const missing = systemPackages.filter(
    (entry) => entry.neededFor === purpose && !isPresent(entry),
  );
  if (missing.length === 0) return;
  const names = [...new Set(missing.map((entry) => entry.package))];
  const obstacle = aptObstacle();
  if (obstacle === undefined) {
    say(`installing Debian packages: ${names.join(' ')}`);
    installPackages(names);
  }
  const reason = obstacle ?? 'apt-get could not provide it';
  for (const entry of missing) {
    if (isPresent(entry)) continue;
    const [what] = 'command' in entry.probe ? [entry.probe.command].flat() : entry.probe.file;
    say(`missing: ${what} (Debian package ${entry.package}; ${reason}). ${entry.cost}`);
  }
}
