/** The built collector as a process of its own: the state it leaves behind when it is killed is real. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

export const LAUNCHER = resolve(import.meta.dirname, '../../nsaudit');

/** Why it cannot be started here, or null. */
export function findBuildObstacle(): string | null {
  const isBuilt = existsSync(resolve(import.meta.dirname, '../../dist/src/cli/main.js'));
  return isBuilt ? null : 'not built: run npm run build';
}

export interface CollectorProgram {
  readonly child: ChildProcess;
  /** Resolves at its ready line, and fails when it ends before. */
  readonly ready: Promise<void>;
  /** Every line it has said so far. */
  readonly said: readonly string[];
}

/** Runs `nsaudit collect` with these words. */
export function startCollectorProgram(words: readonly string[]): CollectorProgram {
  const child = spawn(LAUNCHER, ['collect', ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  const said: string[] = [];
  const lines = createInterface({ input: child.stderr });
  const ready = new Promise<void>((isReady, reject) => {
    lines.on('line', (line) => {
      said.push(line);
      if (line.startsWith('ready ')) {
        isReady();
      }
    });
    lines.on('close', () =>
      reject(new Error(`the collector ended before it was ready: ${said.join('; ')}`)),
    );
  });
  // Whoever does not wait for it is not told.
  ready.catch(() => {});
  return { child, ready, said };
}

/** Resolves when the process has ended, which may have been before. */
export function endProgram(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  return new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      done();
    } else {
      child.on('exit', () => done());
      child.kill(signal);
    }
  });
}
