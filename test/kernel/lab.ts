/**
 * Drives the lab, a process that makes and ends real namespaces (lab/__main__.py), and a collector that watches them.
 *
 * Real: the kernel, /proc, the database files, the collector. Modelled: nothing. The truth is what the
 * lab measured with CLOCK_BOOTTIME around each step; it is compared on the host timeline, through the
 * anchor that the log itself recorded.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CollectorOptions } from '../../src/collector/collector-options.ts';
import { PROFILES } from '../../src/collector/profile.ts';
import { runCollector } from '../../src/collector/run-collector.ts';
import type { AuditEvent } from '../../src/domain/event.ts';
import { fromStoredEvent } from '../../src/domain/event.ts';
import { evolve } from '../../src/domain/evolve.ts';
import { DEFAULT_GROWTH_POLICY } from '../../src/domain/growth-policy.ts';
import type { Holder } from '../../src/domain/holder.ts';
import { emptyKnown, type Known } from '../../src/domain/known.ts';
import type { Lifespan } from '../../src/domain/lifespan.ts';
import { INITIAL_INUMS } from '../../src/domain/namespace-type.ts';
import { openKernelEvents } from '../../src/observe/kernel-events.ts';
import { openLogReader } from '../../src/store/event-log-reader.ts';

export interface Step<Result> {
  readonly result: Result;
  /** CLOCK_BOOTTIME, microseconds, just before and just after the step. */
  readonly beforeUs: number;
  readonly afterUs: number;
}

export interface Lab {
  readonly pid: number;
  /** Evaluates one expression over the functions in lab/. */
  run<Result>(expression: string): Promise<Step<Result>>;
  end(): Promise<void>;
}

/** Why kernel tests cannot run here, or null. They need root in the initial user namespace, and Python. */
export function findObstacle(): string | null {
  if (process.getuid?.() !== 0) {
    return 'not root';
  }
  if (spawnSync('python3', ['-c', 'import ctypes']).status !== 0) {
    return 'no python3 with ctypes';
  }
  return spawnSync('unshare', ['-n', 'true']).status === 0
    ? null
    : 'unshare(CLONE_NEWNET) is refused';
}

/** Which profile the tests of kernel events run; the highest that this kernel allows unless told. */
export const TESTED_PROFILE =
  PROFILES.find((each) => each === process.env['NSAUDIT_TEST_PROFILE']) ?? 'auto';

/** Why tests of kernel events cannot run here, or null. */
export function findKernelObstacle(profile: 'auto' | 'trampoline' = 'auto'): string | null {
  const obstacle = findObstacle();
  if (obstacle !== null) {
    return obstacle;
  }
  const opened = openKernelEvents({
    profile,
    initial: INITIAL_INUMS,
    procRoot: '/proc',
    anchorUs: 0,
    pinDirectory: null,
    emitInitial: false,
  });
  if ('refusal' in opened) {
    return opened.refusal;
  }
  opened.events.close({ keepPins: false });
  return null;
}

export function startLab(): Lab {
  // -B: nothing is written beside the sources.
  const child = spawn('python3', ['-B', join(import.meta.dirname, 'lab')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise<void>((resolve) => {
    child.on('exit', () => resolve());
  });
  return {
    pid: child.pid ?? 0,
    async run<Result>(expression: string) {
      child.stdin.write(`${expression}\n`);
      const { value } = (await lines.next()) as { value: string | undefined };
      const answer = JSON.parse(value ?? '{"error":"the lab has ended"}') as Step<Result> & {
        error?: string;
      };
      if (answer.error !== undefined) {
        throw new Error(`${expression}: ${answer.error}`);
      }
      return answer;
    },
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}

/** What the log says: every lifespan and holder that ever was, ended ones included. */
export interface Record {
  readonly events: readonly AuditEvent[];
  readonly known: Known;
  readonly lifespans: readonly Lifespan[];
  readonly holders: readonly Holder[];
  readonly anchorUs: number;
}

export interface Watcher {
  readonly stateDirectory: string;
  /** What the collector had to say. */
  readonly notices: readonly string[];
  /** Waits until `count` more whole scans, started after this call, are in the log or have found nothing. */
  scans(count: number): Promise<void>;
  read(): Record;
  stop(): Promise<void>;
}

/** Starts a collector on the real /proc with a state directory of its own. */
export async function startWatcher(
  scanIntervalMs: number,
  more: Partial<CollectorOptions> = {},
): Promise<Watcher> {
  const stateDirectory = more.stateDirectory ?? makeStateDirectory();
  const notices: string[] = [];
  const abort = new AbortController();
  let scansDone = 0;
  let waiting: { goal: number; resolve: () => void }[] = [];
  let running: Promise<void> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    running = runCollector({
      isOwnHost: true,
      pinDirectory: null,
      keepHooks: false,
      growth: DEFAULT_GROWTH_POLICY,
      procRoot: '/proc',
      machineIdPath: '/etc/machine-id',
      toolVersion: 'test',
      profile: 'procfs',
      scanIntervalMs,
      forMs: null,
      once: false,
      initialHolders: 'count',
      signal: abort.signal,
      onReady: () => resolve(),
      onNotice: (line) => notices.push(line),
      onScan: () => {
        scansDone += 1;
        for (const { goal, resolve: wake } of waiting) {
          if (scansDone >= goal) {
            wake();
          }
        }
        waiting = waiting.filter(({ goal }) => scansDone < goal);
      },
      ...more,
      stateDirectory,
    });
    running.catch(reject);
  });
  return {
    stateDirectory,
    notices,
    scans: (count) =>
      new Promise((resolve) => {
        waiting.push({ goal: scansDone + count, resolve });
      }),
    read: () => readRecord(stateDirectory),
    async stop() {
      abort.abort();
      await running;
      rmSync(dirname(stateDirectory), { recursive: true, force: true });
    },
  };
}

export function makeStateDirectory(): string {
  return join(mkdtempSync(join(tmpdir(), 'nsaudit-kernel-')), 'state');
}

/** Folds the whole log, keeping what has ended. */
export function readRecord(stateDirectory: string): Record {
  const reader = openLogReader(stateDirectory);
  const known = emptyKnown();
  const lifespans = new Map<number, Lifespan>();
  const holders = new Map<number, Holder>();
  const events: AuditEvent[] = [];
  try {
    for (let after = 0, page = reader.readEvents({ after, limit: 1_000 }); page.length > 0;) {
      for (const stored of page) {
        const event = fromStoredEvent(stored);
        events.push(event);
        for (const change of evolve(known, event)) {
          if (change.record === 'lifespan') {
            lifespans.set(change.value.id, change.value);
          } else if (change.record === 'holder') {
            holders.set(change.value.id, change.value);
          }
        }
      }
      after = page.at(-1)?.seq ?? after;
      page = reader.readEvents({ after, limit: 1_000 });
    }
  } finally {
    reader.close();
  }
  return {
    events,
    known,
    lifespans: [...lifespans.values()],
    holders: [...holders.values()],
    anchorUs: known.boot?.anchorUs ?? 0,
  };
}

/** The namespace descriptors this process holds open: the collector runs in it, and must hold none. */
export function listOwnNamespaceDescriptors(list: readonly string[]): string[] {
  return list.flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return /^(?:cgroup|ipc|mnt|net|pid|time|user|uts):\[/.test(target) ? [target] : [];
    } catch {
      return [];
    }
  });
}
