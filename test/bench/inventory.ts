/**
 * The inventory of 8,000 processes in 400 namespaces: through procfs against a C loop of the same readlinks
 * and against lsns, and through the kernel's own list of tasks against lsns. The processes are made here and
 * end with the benchmark.
 */
import {
  execFileSync,
  spawn,
  spawnSync,
  type ChildProcessWithoutNullStreams,
} from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ScanSource } from '../../src/domain/scan.ts';
import { createKernelScanner } from '../../src/observe/kernel-scan.ts';
import { createProcfsScanner, type ProcfsScanner } from '../../src/observe/procfs-scan.ts';
import { measurePairs, median, type BenchRow, type Pair } from './measure.ts';

const GROUPS = 100;
const MEMBERS = 80;
const PAIRS = 9;
const LSNS_PAIRS = 3;
/** A scan of a few milliseconds is over before the machine has settled: the median of this many counts. */
const KERNEL_SCANS = 5;

/** Needs root, gcc and lsns; says so in the thrown error otherwise. */
export async function benchInventory(sourceDirectory: string): Promise<BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'nsaudit-bench-'));
  try {
    const [populate = '', readlinks = ''] = ['populate', 'readlinks'].map((name) => {
      const binary = join(scratch, name);
      execFileSync('gcc', ['-O2', '-Wall', '-o', binary, join(sourceDirectory, `${name}.c`)]);
      return binary;
    });
    const population = spawn(populate, [String(GROUPS), String(MEMBERS)], { detached: true });
    try {
      await readReady(population);
      return [...(await measureProcfs(readlinks)), ...(await measureKernel())];
    } finally {
      population.stdin.end();
      await new Promise((resolve) => {
        population.on('exit', resolve);
      });
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** For scanners that look at this host. */
export const SCAN_OPTIONS = {
  procRoot: '/proc',
  bootId: 'bench',
  clock: { timelineUs: () => Math.floor(performance.now() * 1_000) },
};

/** One scan, in milliseconds. */
function timeScan(scanner: ProcfsScanner, sources?: readonly ScanSource[]): number {
  const { startedAtUs, endedAtUs } = scanner.scan(sources);
  return (endedAtUs - startedAtUs) / 1_000;
}

async function measureKernel(): Promise<BenchRow[]> {
  const inventory = {
    what: 'kernel inventory of 8,000 processes',
    reference: 'lsns',
    budget: { bound: 'at-least', ratio: 100 },
  } as const;
  const full = {
    what: 'kernel full scan: descriptors, mounts too',
    reference: 'lsns',
    budget: { bound: 'at-least', ratio: 5 },
  } as const;
  const opened = createKernelScanner(SCAN_OPTIONS);
  if ('missing' in opened) {
    return [inventory, full].map((row) => ({
      ...toRow({ ...row, pairs: [] }),
      notRun: opened.missing,
    }));
  }
  const { scanner, close } = opened;
  try {
    const inMedian = (sources?: readonly ScanSource[]): number =>
      median(Array.from({ length: KERNEL_SCANS }, () => timeScan(scanner, sources)));
    const links = await measurePairs(LSNS_PAIRS, () => inMedian(['links']), measureLsns);
    const whole = await measurePairs(LSNS_PAIRS, () => inMedian(), measureLsns);
    return [toRow({ ...inventory, pairs: links }), toRow({ ...full, pairs: whole })];
  } finally {
    close();
  }
}

async function measureProcfs(readlinks: string): Promise<BenchRow[]> {
  const scanner = createProcfsScanner(SCAN_OPTIONS);
  const inventory = (): number => timeScan(scanner, ['links']);
  const links = startReference(readlinks, []);
  const linksAndStat = startReference(readlinks, ['stat']);
  try {
    const what = 'procfs inventory of 8,000 processes';
    const againstLinks = await measurePairs(PAIRS, inventory, links.walk);
    const againstBoth = await measurePairs(PAIRS, inventory, linksAndStat.walk);
    const againstLsns = await measurePairs(LSNS_PAIRS, inventory, measureLsns);
    const full = await measurePairs(LSNS_PAIRS, () => timeScan(scanner), measureLsns);
    return [
      toRow({
        what,
        reference: 'C loop of the same readlinks',
        pairs: againstLinks,
        budget: { bound: 'at-most', ratio: 1.5 },
      }),
      toRow({
        what,
        reference: 'C loop of the same readlinks and stat reads',
        pairs: againstBoth,
        budget: null,
      }),
      toRow({
        what,
        reference: 'lsns',
        pairs: againstLsns,
        budget: { bound: 'at-least', ratio: 5 },
      }),
      toRow({
        what: 'full scan: threads, descriptors, mounts too',
        reference: 'lsns',
        pairs: full,
        budget: { bound: 'at-least', ratio: 1 },
      }),
    ];
  } finally {
    links.end();
    linksAndStat.end();
  }
}

/** One whole run of lsns, in milliseconds. */
export function measureLsns(): number {
  const from = performance.now();
  spawnSync('lsns', ['--json', '--list']);
  return performance.now() - from;
}

interface RowInput {
  readonly what: string;
  readonly reference: string;
  readonly pairs: readonly Pair[];
  readonly budget: BenchRow['budget'];
}

/** At most: our time over theirs. At least: how many times faster we are. */
function toRow({ what, reference, pairs, budget }: RowInput): BenchRow {
  const isSpeedup = budget?.bound === 'at-least';
  return {
    what,
    reference,
    ours: median(pairs.map(({ ours }) => ours)),
    theirs: median(pairs.map(({ theirs }) => theirs)),
    unit: 'ms',
    ratio: median(pairs.map(({ ours, theirs }) => (isSpeedup ? theirs / ours : ours / theirs))),
    budget,
  };
}

function startReference(
  binary: string,
  parameters: readonly string[],
): { walk(): Promise<number>; end(): void } {
  const child = spawn(binary, parameters);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async walk() {
      child.stdin.write('x');
      const { value } = (await lines.next()) as { value: string | undefined };
      return Number((value ?? '0').split(' ')[0]) / 1_000;
    },
    end() {
      child.stdin.end();
    },
  };
}

/** Waits for the line that says that the processes are there. Throws when another one comes, or none. */
export async function readReady(child: ChildProcessWithoutNullStreams): Promise<void> {
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value } = (await lines.next()) as { value: string | undefined };
  if (value !== 'ready') {
    throw new Error(`the processes to look at did not come up: ${value ?? 'it ended'}`);
  }
}
