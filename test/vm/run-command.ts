/**
 * `npm run vm -- SERIES [--share PATH]… [--timeout SECONDS] -- COMMAND…`: boots a kernel, runs one
 * command in it in the project's directory, prints its output and ends with its exit status.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { boot } from './boot.ts';
import {
  CACHE_DIRECTORY,
  endWith,
  exportVariables,
  findGuestObstacle,
  inScratch,
  PROJECT_ROOT,
  quote,
  UsageError,
} from './guest-session.ts';
import {
  isKernelSeries,
  KERNEL_SERIES,
  KernelUnavailable,
  provideKernel,
  type KernelSeries,
} from './kernel-image.ts';
import { packRamdisk } from './ramdisk.ts';

interface Request {
  readonly series: KernelSeries;
  readonly shared: readonly string[];
  readonly timeoutMs: number;
  readonly script: string;
}

function say(line: string): void {
  process.stderr.write(`vm: ${line}\n`);
}

/** One word is taken as a line of shell, several as a program and its arguments. */
function readRequest(words: string[]): Request {
  const separator = words.indexOf('--');
  const own = separator === -1 ? words : words.slice(0, separator);
  const command = separator === -1 ? [] : words.slice(separator + 1);
  const { values, positionals } = parseArgs({
    args: own,
    allowPositionals: true,
    options: {
      share: { type: 'string', multiple: true, default: [] },
      timeout: { type: 'string', default: '300' },
    },
  });
  const [series = '', ...others] = positionals;
  const seconds = Number(values.timeout);
  if (!isKernelSeries(series) || others.length > 0 || command.length === 0 || !(seconds > 0)) {
    throw new UsageError(
      `usage: npm run vm -- ${KERNEL_SERIES.join('|')} [--share PATH]… [--timeout SECONDS] -- COMMAND…`,
    );
  }
  const line = command.length === 1 ? command[0] : command.map(quote).join(' ');
  return {
    series,
    shared: values.share,
    timeoutMs: seconds * 1000,
    script: `${exportVariables(process.env)}${line}`,
  };
}

async function runInGuest(request: Request): Promise<number> {
  const obstacle = findGuestObstacle();
  if (obstacle !== null) {
    throw new KernelUnavailable(obstacle);
  }
  const kernel = provideKernel(request.series, CACHE_DIRECTORY, say);
  return await inScratch(async (scratch, signal) => {
    const ramdiskPath = packRamdisk({
      root: PROJECT_ROOT,
      scratch,
      script: request.script,
      shared: request.shared,
    });
    const outcome = await boot({
      kernelPath: kernel.path,
      ramdiskPath,
      consolePath: join(scratch, 'console'),
      timeoutMs: request.timeoutMs,
      onLine: (line) => process.stdout.write(`${line}\n`),
      signal,
    });
    signal.throwIfAborted();
    const end = outcome.problem ?? `exit status ${outcome.exitCode}`;
    say(`Linux ${kernel.release}, ${outcome.seconds.toFixed(1)} s: ${end}`);
    return outcome.exitCode ?? 1;
  });
}

await endWith(() => runInGuest(readRequest(process.argv.slice(2))), say);
