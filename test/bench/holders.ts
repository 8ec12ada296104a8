/**
 * The whole inventory of holders, by the kernel's own lists: 2,000 processes that hold 500 namespaces as members,
 * by descriptors, bind mounts, sockets, a thread's own descriptor table and child namespaces. The processes are
 * made here and end with the benchmark.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listHoldings, type Holding } from '../../src/domain/holdings.ts';
import type { NamespaceKey } from '../../src/domain/namespace-type.ts';
import type { Scan } from '../../src/domain/scan.ts';
import { createKernelScanner } from '../../src/observe/kernel-scan.ts';
import { measureLsns, readReady, SCAN_OPTIONS } from './inventory.ts';
import { measurePairs, median, type BenchRow } from './measure.ts';

const GROUPS = 50;
/** How many namespaces each kind of holder holds at least. */
const HELD_LEAST = {
  process: GROUPS * 5,
  'bind-mount': GROUPS,
  fd: GROUPS,
  socket: GROUPS,
  'fd of a thread': GROUPS,
  child: GROUPS,
};
const PAIRS = 3;
/** Of each pair: the median of this many counts. */
const SCANS = 7;
const LIMIT_MS = 250;

/** Needs root, gcc and lsns; says so in the thrown error otherwise. */
export async function benchHolders(sourceDirectory: string): Promise<BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'nsaudit-bench-'));
  try {
    const binary = join(scratch, 'populate');
    const source = join(sourceDirectory, 'populate-holders.c');
    execFileSync('gcc', ['-O2', '-Wall', '-pthread', '-o', binary, source]);
    const population = spawn(binary, [String(GROUPS), scratch], { detached: true });
    try {
      await readReady(population);
      return await measure();
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

const ROW = {
  what: 'holders of 500 namespaces, 2,000 processes',
  reference: 'lsns',
  unit: 'ms',
  budget: null,
} as const;

async function measure(): Promise<BenchRow[]> {
  const opened = createKernelScanner(SCAN_OPTIONS);
  if ('missing' in opened) {
    return [{ ...ROW, ours: 0, theirs: 0, ratio: 0, notRun: opened.missing }];
  }
  const { scanner, close } = opened;
  try {
    const look = (): number => {
      const fromMs = performance.now();
      const scan = scanner.scan();
      const { listed } = listHoldings(scan, { initial: {}, initialHolders: 'full' });
      const tookMs = performance.now() - fromMs;
      requireWhole(scan, listed);
      return tookMs;
    };
    const firstMs = look();
    const pairs = await measurePairs(
      PAIRS,
      () => median(Array.from({ length: SCANS }, look)),
      measureLsns,
    );
    const theirs = median(pairs.map((pair) => pair.theirs));
    return [
      {
        ...ROW,
        ours: median(pairs.map((pair) => pair.ours)),
        theirs,
        ratio: median(pairs.map((pair) => pair.theirs / pair.ours)),
        budget: { bound: 'at-least', ratio: 1 },
        limit: LIMIT_MS,
      },
      {
        ...ROW,
        what: 'the same at first sight: asks whose they are',
        ours: firstMs,
        theirs,
        ratio: theirs / firstMs,
      },
    ];
  } finally {
    close();
  }
}

/** A look that misses something would be fast for nothing. */
function requireWhole({ relations }: Scan, listed: readonly Holding[]): void {
  const held = new Map<string, Set<NamespaceKey>>();
  for (const { kind, tid, keys } of listed) {
    const name = kind === 'fd' && tid !== null ? 'fd of a thread' : kind;
    held.set(name, new Set([...(held.get(name) ?? []), ...keys]));
  }
  held.set('child', new Set([...relations.values()].flatMap(({ parent }) => parent ?? [])));
  for (const [kind, least] of Object.entries(HELD_LEAST)) {
    const count = held.get(kind)?.size ?? 0;
    if (count < least) {
      throw new Error(`${kind}: ${count} of ${least} namespaces were found`);
    }
  }
}
