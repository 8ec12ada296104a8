/**
 * What kernel events cost: the process that makes namespaces or forks, with the collector and without, in
 * turn; the collector at rest; and what a fork storm in one container makes of the log.
 *
 * Real: the built collector in a process of its own, a state directory of its own, no pins.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { measurePairs, median, type BenchRow } from './measure.ts';

const PAIRS = 5;
const BIRTHS = 50_000;
const FORKS = 4_000;
const IDLE_PROCESSES = 1_000;
/** What a start leaves to do (a first scan, compiling, collecting garbage) is not rest. */
const SETTLE_SECONDS = 20;
const IDLE_SECONDS = 40;
const MEMORY_MAX_MIB = 150;
const GROWTH_SECONDS = 60;
const FORKS_A_SECOND = 1_000;
const GROWTH_MAX_BYTES = 1_000_000;
const MAIN = resolve(import.meta.dirname, '../../src/cli/main.js');
const NS_A_SECOND = 1e9;

interface Collector {
  readonly child: ChildProcess;
  readonly stateDirectory: string;
  readonly profile: string;
  stop(): Promise<void>;
}

/** Needs root and gcc; says so in the thrown error otherwise. */
export async function benchKernelEvents(sourceDirectory: string): Promise<BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'nsaudit-bench-'));
  try {
    const churn = join(scratch, 'churn');
    const source = join(sourceDirectory, 'churn.c');
    execFileSync('gcc', ['-O2', '-Wall', '-o', churn, source]);
    return [
      await measureSlowdown(churn, { what: 'storm of unshare(UTS)', words: ['unshare', BIRTHS] }),
      await measureSlowdown(churn, {
        what: 'fork and exit in a container',
        words: ['contained', FORKS],
      }),
      await measureSlowdown(churn, { what: 'fork and exit on the host', words: ['fork', FORKS] }),
      ...(await measureRest(churn)),
      await measureGrowth(churn),
    ];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Nanoseconds a turn, as the program measured them. */
function run(churn: string, words: readonly (string | number)[]): number {
  return Number(execFileSync(churn, words.map(String), { encoding: 'utf8' }));
}

async function startCollector(): Promise<Collector> {
  const directory = mkdtempSync(join(tmpdir(), 'nsaudit-bench-state-'));
  const stateDirectory = join(directory, 'state');
  const words = ['collect', '--pin-dir', 'none', '--state-dir', stateDirectory];
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  let profile = '';
  for await (const line of createInterface({ input: child.stderr })) {
    profile = /^ready profile=(\w+)/.exec(line)?.[1] ?? profile;
    if (profile !== '') {
      break;
    }
  }
  child.stderr.resume();
  if (profile === '' || profile === 'procfs') {
    child.kill('SIGKILL');
    throw new Error('no kernel events here; nsaudit doctor says why');
  }
  return {
    child,
    stateDirectory,
    profile,
    async stop() {
      const ended = new Promise((done) => {
        child.on('exit', done);
      });
      child.kill('SIGTERM');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function measureSlowdown(
  churn: string,
  { what, words }: { what: string; words: readonly (string | number)[] },
): Promise<BenchRow> {
  let profile = '';
  const pairs = await measurePairs(
    PAIRS,
    async () => {
      const collector = await startCollector();
      ({ profile } = collector);
      const took = run(churn, words);
      await collector.stop();
      return took;
    },
    () => run(churn, words),
  );
  return {
    what: `${what}, ${profile}`,
    reference: 'the same without a collector',
    ours: median(pairs.map(({ ours }) => ours)),
    theirs: median(pairs.map(({ theirs }) => theirs)),
    unit: 'ns a turn',
    ratio: median(pairs.map(({ ours, theirs }) => ours / theirs)),
    budget: words[0] === 'unshare' ? { bound: 'at-most', ratio: 1.25 } : null,
  };
}

/**
 * CPU time of a process in seconds, and its resident memory. The scheduler's nanoseconds, as the ticks of
 * /proc/PID/stat charge short work by chance. Source: Documentation/scheduler/sched-stats.rst, proc_pid_status(5).
 */
function readUse(pid: number): { readonly seconds: number; readonly mib: number } {
  const threads = readdirSync(`/proc/${pid}/task`).map((tid) =>
    Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0]),
  );
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    seconds: threads.reduce((sum, ns) => sum + ns, 0) / NS_A_SECOND,
    mib: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1_024,
  };
}

async function measureRest(churn: string): Promise<BenchRow[]> {
  const idle = spawn(churn, ['idle', String(IDLE_PROCESSES)], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  await new Promise((ready) => {
    idle.stdout.once('data', ready);
  });
  const collector = await startCollector();
  try {
    await sleep(SETTLE_SECONDS * 1_000);
    const pid = collector.child.pid ?? 0;
    const before = readUse(pid);
    await sleep(IDLE_SECONDS * 1_000);
    const after = readUse(pid);
    const share = (after.seconds - before.seconds) / IDLE_SECONDS;
    return [
      {
        what: `at rest beside ${IDLE_PROCESSES} idle processes`,
        reference: 'one core',
        ours: share * 100,
        theirs: 100,
        unit: '% of a core',
        ratio: share,
        budget: { bound: 'at-most', ratio: 0.01 },
      },
      {
        what: 'resident memory at rest',
        reference: 'the budget',
        ours: after.mib,
        theirs: MEMORY_MAX_MIB,
        unit: 'MiB',
        ratio: after.mib / MEMORY_MAX_MIB,
        budget: { bound: 'at-most', ratio: 1 },
      },
    ];
  } finally {
    await collector.stop();
    const ended = new Promise((done) => {
      idle.on('exit', done);
    });
    idle.stdin.end();
    await ended;
  }
}

async function measureGrowth(churn: string): Promise<BenchRow> {
  const collector = await startCollector();
  try {
    const logPath = join(collector.stateDirectory, 'log.db');
    const before = statSync(logPath).size;
    run(churn, ['paced', FORKS_A_SECOND * GROWTH_SECONDS, FORKS_A_SECOND]);
    await sleep(3_000);
    const grown = statSync(logPath).size - before;
    return {
      what: `log growth, ${FORKS_A_SECOND} forks a second for ${GROWTH_SECONDS} s`,
      reference: 'the budget',
      ours: grown,
      theirs: GROWTH_MAX_BYTES,
      unit: 'bytes',
      ratio: grown / GROWTH_MAX_BYTES,
      budget: { bound: 'at-most', ratio: 1 },
    };
  } finally {
    await collector.stop();
  }
}
