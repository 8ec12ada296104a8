/** Runs the built program as a process of its own: `npm test` builds it before any test runs. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach } from 'vitest';

export const MAIN_FILE = resolve(import.meta.dirname, '../../dist/src/cli/main.js');

export interface Finished {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Program {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves once stdout or stderr matches; fails when the program ends before that. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  readonly finished: Promise<Finished>;
}

export interface ProgramOptions {
  /** Nothing of the test's environment is passed on. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdio?: readonly ('ignore' | 'pipe' | number)[];
  readonly currentDirectory?: string;
}

const running = new Set<ChildProcess>();

// What a failed test left running. A collector ends with the `start` it belongs to.
afterEach(() => running.forEach((child) => child.kill('SIGKILL')));

/** Starts `nsaudit` with these words. It does not outlive the test. */
export function startProgram(words: readonly string[], options: ProgramOptions = {}): Program {
  if (!existsSync(MAIN_FILE)) {
    throw new Error(`${MAIN_FILE} is missing: run npm run build first`);
  }
  const child = spawn(process.execPath, [MAIN_FILE, ...words], {
    env: { ...options.environment },
    cwd: options.currentDirectory ?? '/',
    stdio: [...(options.stdio ?? ['ignore', 'pipe', 'pipe'])],
  });
  running.add(child);
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  const collect = (stream: Readable | null, add: (text: string) => void) => {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      add(text);
      watchers.forEach((watch) => watch());
    });
  };
  collect(child.stdout, (text) => {
    stdout += text;
  });
  collect(child.stderr, (text) => {
    stderr += text;
  });
  const finished = new Promise<Finished>((settle) => {
    child.once('close', (status, signal) => {
      running.delete(child);
      settle({ status, signal, stdout, stderr });
    });
  });
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    finished,
    until: (pattern) =>
      new Promise((settle, fail) => {
        const watch = () => {
          const match = pattern.exec(stdout) ?? pattern.exec(stderr);
          if (match) {
            watchers.delete(watch);
            settle(match);
          }
        };
        watchers.add(watch);
        watch();
        void finished.then((outcome) =>
          fail(new Error(`ended before ${pattern}: ${JSON.stringify(outcome)}`)),
        );
      }),
  };
}

/** Runs it to its end. */
export function runProgram(words: readonly string[], options?: ProgramOptions): Promise<Finished> {
  return startProgram(words, options).finished;
}
