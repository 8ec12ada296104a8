/**
 * `npm run test:vm -- [SERIES…] [--timeout SECONDS] [FILE…]`: boots Debian's kernels and runs kernel
 * tests in each, the same files with the same runner as outside.
 *
 * Ends with status 0 when every kernel ran all its tests and none failed; with 69 when one could not be
 * had, and nothing failed; otherwise with 1.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { boot } from './boot.ts';
import {
  CACHE_DIRECTORY,
  endWith,
  EXIT_UNAVAILABLE,
  exportVariables,
  findGuestObstacle,
  inScratch,
  PROJECT_ROOT,
  quote,
  UsageError,
} from './guest-session.ts';
import { findProgram } from './host-tree.ts';
import {
  isKernelSeries,
  KERNEL_SERIES,
  KernelUnavailable,
  provideKernel,
  type KernelSeries,
} from './kernel-image.ts';
import { packRamdisk } from './ramdisk.ts';

type Verdict = 'passed' | 'failed' | 'not run';

/**
 * What guests have that this host may lack is a kernel that allows trampolines: the lives of namespaces, and who
 * moves between them, are watched there in that profile. And 6.1 lists no mounts, so there a program enters.
 */
const DEFAULT_FILES = [
  'test/kernel/trampoline-hooks.test.ts',
  'test/kernel/trampoline.test.ts',
  'test/kernel/canary.test.ts',
  'test/kernel/moves.test.ts',
  'test/kernel/intrusions.test.ts',
  'test/kernel/init-ended.test.ts',
  'test/kernel/hidden-mounts.test.ts',
];
const PROFILE_VARIABLE = 'NSAUDIT_TEST_PROFILE';

/** In vitest's summary. A guest in which every test was skipped has shown nothing. */
const PASSED = /^ *Tests .*\b[1-9]\d* passed/;

/**
 * vitest's own limits, in the guest: the emulator needs about twenty times as long as this host. Told by
 * vitest.config.ts, because options of the command line do not reach the limits of a project.
 */
const LIMIT_VARIABLE = 'NSAUDIT_TEST_LIMIT_MS';
const LIMIT_MS = 900_000;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Compiles the object of check-fentry.ts; null, said aloud, where there is no clang. */
function compileTrampoline(scratch: string): string | null {
  const clang = ['clang', 'clang-14', 'clang-19'].find((name) => findProgram(name) !== null);
  const object = join(scratch, 'fentry.bpf.o');
  const source = join(PROJECT_ROOT, 'test/vm/fentry.bpf.c');
  const options = ['-O2', '-g', '-Wall', '-target', 'bpf', '-c', source, '-o', object];
  if (clang !== undefined && spawnSync(clang, options, { stdio: 'inherit' }).status === 0) {
    return object;
  }
  print('NOT RUN: the check for trampolines, as there is no clang here');
  return null;
}

function guestScript(files: readonly string[], object: string | null): string {
  const check =
    object === null ? '' : `node dist/test/vm/check-fentry.js ${quote(object)} || exit 1\n`;
  // One process for all files: loading the project again for each takes longer than its tests.
  const options = ['--project', 'kernel', '--no-isolate', '--reporter=verbose'];
  const runner = ['node', 'node_modules/vitest/vitest.mjs', 'run', ...options];
  const command = [...runner, ...files].map(quote).join(' ');
  const variables = exportVariables({
    [PROFILE_VARIABLE]: 'trampoline',
    [LIMIT_VARIABLE]: String(LIMIT_MS),
    ...process.env,
  });
  return `export CI=true NO_COLOR=1\n${variables}${check}exec ${command}`;
}

async function testKernel(
  series: KernelSeries,
  files: readonly string[],
  timeoutMs: number,
): Promise<Verdict> {
  const obstacle = findGuestObstacle();
  if (obstacle !== null) {
    throw new KernelUnavailable(obstacle);
  }
  const kernel = provideKernel(series, CACHE_DIRECTORY, print);
  return await inScratch(async (scratch, signal) => {
    const object = compileTrampoline(scratch);
    const ramdiskPath = packRamdisk({
      root: PROJECT_ROOT,
      scratch,
      script: guestScript(files, object),
      shared: object === null ? [] : [object],
    });
    print(`Linux ${kernel.release} boots`);
    let hasPassed = false;
    const outcome = await boot({
      kernelPath: kernel.path,
      ramdiskPath,
      consolePath: join(scratch, 'console'),
      timeoutMs,
      onLine: (line) => {
        hasPassed ||= PASSED.test(line);
        print(`${series}| ${line}`);
      },
      signal,
    });
    signal.throwIfAborted();
    const passed = outcome.exitCode === 0 && hasPassed;
    const problem = outcome.problem ?? (hasPassed ? null : 'no test was run and passed');
    const end = problem === null ? '' : `: ${problem}`;
    const took = `in ${outcome.seconds.toFixed(0)} s`;
    print(`Linux ${kernel.release}: tests ${passed ? 'passed' : 'FAILED'} ${took}${end}`);
    return passed ? 'passed' : 'failed';
  });
}

async function testKernels(words: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: words,
    allowPositionals: true,
    options: { timeout: { type: 'string', default: '2400' } },
  });
  const timeoutMs = Number(values.timeout) * 1000;
  if (!(timeoutMs > 0)) {
    throw new UsageError('usage: npm run test:vm -- [SERIES…] [--timeout SECONDS] [FILE…]');
  }
  const chosen = positionals.filter((word) => isKernelSeries(word));
  const files = positionals.filter((word) => !isKernelSeries(word));
  const verdicts: Verdict[] = [];
  for (const series of chosen.length > 0 ? chosen : KERNEL_SERIES) {
    try {
      verdicts.push(await testKernel(series, files.length > 0 ? files : DEFAULT_FILES, timeoutMs));
    } catch (error) {
      if (!(error instanceof KernelUnavailable)) {
        throw error;
      }
      print(`NOT RUN: tests in Linux ${series}: ${error.message}`);
      verdicts.push('not run');
    }
  }
  if (verdicts.includes('failed')) {
    return 1;
  }
  return verdicts.includes('not run') ? EXIT_UNAVAILABLE : 0;
}

await endWith(() => testKernels(process.argv.slice(2)), print);
