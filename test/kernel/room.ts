/**
 * A room for container runtimes and a collector: a network and a mount namespace of their own, with empty
 * /run and /var/lib and the unified control groups, so that nothing of the host is touched or left behind.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAIN_FILE } from '../cli/built-program.ts';

export interface Room {
  /** A directory for whatever the test makes; it goes with the room. */
  readonly scratch: string;
  /** What can run in a container: sh, sleep, true. */
  readonly rootfs: string;
  readonly stateDirectory: string;
  /** Runs a command in the room and returns what it printed. Throws with what it said when it fails. */
  run(...words: readonly string[]): string;
  /** Starts a command in the room; its pid is that of the command, and it ends with the room. */
  start(...words: readonly string[]): ChildProcess;
  /** Starts a collector in the room, and resolves when it is ready. */
  collect(...words: readonly string[]): Promise<ChildProcess>;
  end(): Promise<void>;
}

/** Less than a test has, so that what never came is named. */
const PATIENCE_MS = 100_000;
const PAUSE_MS = 200;

const SETUP = [
  'umount -R /sys/fs/cgroup 2>/dev/null',
  'mount -t cgroup2 none /sys/fs/cgroup || exit 1',
  'mount -t tmpfs none /run || exit 1',
  'mount -t tmpfs none /var/lib || exit 1',
  'ip link set lo up || exit 1',
  'echo ready',
  // Until told to end, or until whoever started it is gone.
  'read -r _',
].join('\n');

/** Why there can be no room here, or null. */
export function findRoomObstacle(): string | null {
  const busybox = findCommand('busybox');
  return busybox === null ? 'no busybox' : null;
}

/** Where a command is, or null. */
export function findCommand(name: string): string | null {
  const { stdout, status } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

export async function openRoom(): Promise<Room> {
  const scratch = mkdtempSync(join(tmpdir(), 'nsaudit-room-'));
  const rootfs = await makeRootfs(scratch);
  const keeper = spawn('unshare', ['-n', '-m', '--propagation', 'private', 'sh', '-c', SETUP], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await firstLine(keeper, /^ready$/, keeper.stdout);
  const started = new Set<ChildProcess>();
  const enter = ['-t', String(keeper.pid), '-n', '-m', '--'];
  const start = (...words: readonly string[]): ChildProcess => {
    const child = spawn('nsenter', [...enter, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    started.add(child);
    child.on('exit', () => started.delete(child));
    return child;
  };
  const stateDirectory = join(scratch, 'state');
  return {
    scratch,
    rootfs,
    stateDirectory,
    run(...words) {
      const { status, stdout, stderr, error } = spawnSync('nsenter', [...enter, ...words], {
        encoding: 'utf8',
        timeout: 120_000,
      });
      if (status !== 0) {
        throw new Error(`${words.join(' ')}: ${error?.message ?? ''} ${stderr}`);
      }
      return stdout.trim();
    },
    start,
    async collect(...words) {
      const pins = ['--pin-dir', 'none', '--state-dir', stateDirectory];
      const child = start(process.execPath, MAIN_FILE, 'collect', ...pins, ...words);
      await firstLine(child, /^ready /, child.stderr);
      return child;
    },
    async end() {
      await Promise.all([...started].map((child) => endChild(child, 'SIGTERM')));
      keeper.stdin.end();
      await endChild(keeper, null);
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

async function makeRootfs(scratch: string): Promise<string> {
  const rootfs = join(scratch, 'rootfs');
  for (const directory of ['bin', 'dev', 'etc', 'proc', 'run', 'sys', 'tmp']) {
    mkdirSync(join(rootfs, directory), { recursive: true });
  }
  await copyFile(findCommand('busybox') ?? '', join(rootfs, 'bin/busybox'));
  ['sh', 'sleep', 'true'].forEach((name) => symlinkSync('busybox', join(rootfs, 'bin', name)));
  return rootfs;
}

/** Reads on, so that the child never waits for its reader. */
function firstLine(
  child: ChildProcess,
  pattern: RegExp,
  stream: NodeJS.ReadableStream | null,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    child.on('exit', () => reject(new Error(`ended before ${pattern}: ${said.join('; ')}`)));
    if (stream) {
      createInterface({ input: stream }).on('line', (line) => {
        said.push(line);
        if (pattern.test(line)) {
          resolve();
        }
      });
    }
  });
}

/** Ends one child of ours; null: it is about to end by itself. Killed when it takes more than half a minute. */
export function endChild(child: ChildProcess, signal: NodeJS.Signals | null): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    const patience = setTimeout(() => child.kill('SIGKILL'), 30_000);
    child.on('exit', () => {
      clearTimeout(patience);
      resolve();
    });
    if (signal !== null) {
      child.kill(signal);
    }
  });
}

/** Asks again until the answer is there, for minutes if need be: machines under load and emulated ones take their time. */
export async function until<Answer>(
  what: string,
  ask: () => Answer | undefined,
): Promise<NonNullable<Answer>> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (performance.now() < deadlineMs) {
    const answer = ask();
    if (answer !== undefined && answer !== null) {
      return answer;
    }
    await sleep(PAUSE_MS);
  }
  throw new Error(`never came: ${what}`);
}

/** inum of a namespace of a process; undefined when it is gone. */
export function readInum(pid: number, type: string): number | undefined {
  try {
    const text = readlinkSync(`/proc/${pid}/ns/${type}`);
    return Number(text.slice(type.length + 2, -1));
  } catch {
    return undefined;
  }
}

/** First child of a process; undefined when it has none. */
export function readChild(pid: number): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    return child === undefined || child === '' ? undefined : Number(child);
  } catch {
    return undefined;
  }
}
