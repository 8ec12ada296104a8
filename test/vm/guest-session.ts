/** What both commands need around a guest: whether one can run here, a place to work, and an end on signals. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { findProgram } from './host-tree.ts';
import { KernelUnavailable } from './kernel-image.ts';

/** The checkout; this file runs from dist/test/vm. */
export const PROJECT_ROOT = resolve(import.meta.dirname, '../../..');

/** Kernels live here between runs. */
export const CACHE_DIRECTORY = join(PROJECT_ROOT, 'node_modules/.cache/nsaudit/vm');

/** Exit statuses of both commands: usage error; what is needed is not available (sysexits.h); ended by a signal. */
const EXIT_USAGE = 2;
export const EXIT_UNAVAILABLE = 69;
const EXIT_INTERRUPTED = 130;

/** Variables that reach the guest: those of the project, so that a profile can be chosen for the tests. */
const PASSED_ON = /^NSAUDIT_\w+$/;

/** Why no guest can run here, or null. */
export function findGuestObstacle(): string | null {
  if (process.arch !== 'x64') {
    return `guests are x86-64 and share this host's programs, and this host is ${process.arch}`;
  }
  const missing = ['qemu-system-x86_64', 'busybox'].find((name) => findProgram(name) === null);
  return missing === undefined ? null : `there is no ${missing}`;
}

/** Lines of shell that set in the guest what the project's variables are here. */
export function exportVariables(environment: NodeJS.ProcessEnv): string {
  return Object.entries(environment)
    .filter(([name]) => PASSED_ON.test(name))
    .map(([name, value]) => `export ${name}=${quote(value ?? '')}\n`)
    .join('');
}

/** One word of shell, whatever is in it. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The command was called wrongly; the message says how to call it. */
export class UsageError extends Error {}

/** What util.parseArgs throws for an option it does not know (nodejs.org, util.parseArgs). */
function isRefusedArgument(error: unknown): error is NodeJS.ErrnoException {
  return (
    error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE')
  );
}

/** Sets this process's exit status to what `command` returns, or to the one that fits what it throws. */
export async function endWith(
  command: () => Promise<number>,
  say: (line: string) => void,
): Promise<void> {
  try {
    process.exitCode = await command();
  } catch (error) {
    if (error instanceof KernelUnavailable) {
      say(`NOT RUN: ${error.message}`);
      process.exitCode = EXIT_UNAVAILABLE;
    } else if (error instanceof DOMException && error.name === 'AbortError') {
      say('interrupted');
      process.exitCode = EXIT_INTERRUPTED;
    } else if (error instanceof UsageError || isRefusedArgument(error)) {
      say(error.message);
      process.exitCode = EXIT_USAGE;
    } else {
      throw error;
    }
  }
}

/**
 * Runs `work` with an empty directory that is removed afterwards. The signal is aborted when this
 * process is asked to end; `work` then has to come back by itself, and an AbortError is thrown.
 */
export async function inScratch<Result>(
  work: (scratch: string, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const scratch = mkdtempSync(join(tmpdir(), 'nsaudit-vm-'));
  const abort = new AbortController();
  const onSignal = (): void => abort.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) {
    process.on(name, onSignal);
  }
  try {
    return await work(scratch, abort.signal);
  } finally {
    // A signal that came during a synchronous step, and may be why that failed, is delivered only now.
    await setImmediate();
    for (const name of signals) {
      process.off(name, onSignal);
    }
    rmSync(scratch, { recursive: true, force: true });
    abort.signal.throwIfAborted();
  }
}
