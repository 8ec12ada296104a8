/**
 * Makes a fresh clone ready, before anything is installed: `npm start` and `npm test` run it first.
 *
 *   node .ci/set-up.mjs start|test|vm
 *
 * Holds:    the steps system packages -> npm packages -> build, each skipped when nothing is to do.
 * Promises: says nothing when nothing is to do; leaves either a working dist/ or exit code 1 and the reason.
 *           Needs no terminal, no standard input and no HOME.
 * Does not: fail for a missing system package by itself; the line it prints says what that costs.
 *
 * Plain Node without dependencies, and no syntax newer than what a too old Node can read.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findClang, provideSystemPackages } from './system-packages.mjs';

/** The one C file, and the define by which it knows the processor whose registers it reads. */
const bpfFolder = join('src', 'observe', 'bpf');
const bpfArchitectures = { x64: 'x86', arm64: 'arm64' };

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const oldestNode = [20, 19];

/** Written after a good installation, so that the next run need not look at every package. */
const installStamp = join(root, 'node_modules', '.nsaudit-set-up');
/** Written into dist after a good build. */
const buildStamp = join(root, 'dist', '.nsaudit-set-up');
/** Where a build grows before it replaces dist; beside it, so that source maps point right. */
const buildDirectory = join(root, '.dist-building');

/** The set-up cannot go on; the message says why and what to do. */
class SetUpError extends Error {}

/** @param {string} line */
function say(line) {
  process.stderr.write(`set-up: ${line}\n`);
}

/**
 * @param {string} path
 * @returns {any}
 */
function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** @param {string} path */
function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** Fails with one sentence unless this Node is new enough. */
function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldestNode;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new SetUpError(
    `nsaudit needs Node ${oldestNode.join('.')} or newer, and this is ${process.versions.node}.`,
  );
}

/** Changes whenever the installed packages must: with the lockfile, and with the ABI of native addons. */
function installKey() {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  const { modules } = process.versions;
  return `${hash.digest('hex')} ${process.platform}-${process.arch}-${modules}\n`;
}

/**
 * What is wrong with better-sqlite3, or undefined when it opens a database. Asked in a process of its
 * own, because an addon built for another Node can take the process down.
 *
 * @returns {string | undefined}
 */
function addonProblem() {
  const script = "new (require('better-sqlite3'))(':memory:').close()";
  const { status, stderr } = spawnSync(process.execPath, ['-e', script], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status === 0) return undefined;
  return /^\w*Error: .*$/m.exec(stderr ?? '')?.[0] ?? 'it does not load';
}

/** Whether node_modules, however it came about, is what the lockfile describes. */
function isInstalled() {
  const recordPath = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(recordPath)) return false;
  const locked = readJson(join(root, 'package-lock.json')).packages;
  const recorded = readJson(recordPath).packages;
  for (const [path, { version, optional }] of Object.entries(locked)) {
    if (path === '' || (optional && !existsSync(join(root, path)))) continue;
    const manifest = join(root, path, 'package.json');
    if (recorded[path]?.version !== version || !existsSync(manifest)) return false;
    if (readJson(manifest).version !== version) return false;
  }
  return addonProblem() === undefined;
}

/** Installs exactly what the lockfile says. Also what tests and the build need, whatever NODE_ENV says. */
function installPackages() {
  say('installing npm packages (where better-sqlite3 must be compiled, this takes minutes)');
  const { status, error } = spawnSync(
    'npm',
    ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'],
    { cwd: root, stdio: ['ignore', 2, 2] },
  );
  if (status !== 0) {
    throw new SetUpError(
      `npm ci failed${error ? ` (${error.message})` : ''}; its output is above.`,
    );
  }
  const problem = addonProblem();
  if (problem !== undefined) {
    throw new SetUpError(
      `better-sqlite3 is installed but unusable (${problem}); see that python3, make and g++ are there, then run 'npm rebuild better-sqlite3'.`,
    );
  }
}

/**
 * Brings node_modules to what the lockfile says; leaves it alone when it is that already.
 *
 * @param {string} mode
 */
function provideNodeModules(mode) {
  const key = installKey();
  const mustInstall = readIfThere(installStamp) !== key && !isInstalled();
  if (mustInstall) provideSystemPackages('install', say);
  if (mode !== 'start') provideSystemPackages('test', say);
  if (mode === 'vm') provideSystemPackages('vm', say);
  if (mustInstall) installPackages();
  if (readIfThere(installStamp) !== key) writeFileSync(installStamp, key);
}

/**
 * @param {string} folder
 * @returns {string[]} paths relative to the root, sorted
 */
function listSources(folder) {
  const directory = join(root, folder);
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(?:ts|c|h)$/.test(path))
    .map((path) => join(folder, path))
    .toSorted();
}

/** Changes whenever a build could come out differently. */
function buildKey() {
  const hash = createHash('sha256').update(`${findClang() ?? 'no clang'}\0`);
  const inputs = [
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
    ...['src', 'migrations', 'test/bench', 'test/vm'].flatMap(listSources),
  ];
  for (const path of inputs)
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  return `${hash.digest('hex')}\n`;
}

/**
 * Compiles the program for kernel events, where there is one and a compiler for it.
 *
 * @param {string} directory of the build
 */
function compileBpf(directory) {
  const source = join(bpfFolder, 'nsaudit.bpf.c');
  const clang = findClang();
  if (!existsSync(join(root, source)) || clang === undefined) return;
  mkdirSync(join(directory, bpfFolder), { recursive: true });
  const target = bpfArchitectures[/** @type {'x64'} */ (process.arch)];
  const { status } = spawnSync(
    clang,
    [
      '-target',
      'bpf',
      '-mcpu=v3',
      '-g',
      '-O2',
      '-Wall',
      '-Wno-unused-function',
      '-Werror',
      '-fdebug-compilation-dir=.',
      ...(target === undefined ? [] : [`-D__TARGET_ARCH_${target}`]),
      '-c',
      source,
      '-o',
      join(directory, bpfFolder, 'nsaudit.bpf.o'),
    ],
    { cwd: root, stdio: ['ignore', 2, 2] },
  );
  if (status === 0) return;
  say(
    `${clang} cannot compile ${source}, see above. Kernel events are off; nsaudit sees only what is there when it scans procfs.`,
  );
}

/** Builds beside dist and then takes its place, so that a failed build leaves the last good one. */
function provideBuild() {
  if (readIfThere(buildStamp) === buildKey()) return;
  provideSystemPackages('build', say);
  say('building');
  rmSync(buildDirectory, { recursive: true, force: true });
  mkdirSync(buildDirectory);
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(
    process.execPath,
    [compiler, '-p', 'tsconfig.build.json', '--outDir', buildDirectory],
    { cwd: root, stdio: ['ignore', 2, 2] },
  );
  if (status !== 0) {
    rmSync(buildDirectory, { recursive: true, force: true });
    throw new SetUpError('the build failed; the compiler says why above.');
  }
  compileBpf(buildDirectory);
  writeFileSync(join(buildDirectory, '.nsaudit-set-up'), buildKey());
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  renameSync(buildDirectory, join(root, 'dist'));
}

/** @param {string | undefined} mode */
function setUp(mode) {
  checkNode();
  if (mode !== 'start' && mode !== 'test' && mode !== 'vm') {
    throw new SetUpError('say what to prepare for: node .ci/set-up.mjs start|test|vm');
  }
  provideNodeModules(mode);
  provideBuild();
}

try {
  setUp(process.argv[2]);
} catch (error) {
  if (!(error instanceof SetUpError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
