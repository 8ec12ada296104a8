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

/** Runs `nsaudit collect` with these words; `ready` resolves at its ready line, and fails when it ends before. */
export function startCollectorProgram(words: readonly string[]): {
  readonly child: ChildProcess;
  readonly ready: Promise<void>;
} {
  const child = spawn(LAUNCHER, ['collect', ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  const waitUntilReady = async (): Promise<void> => {
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stderr })) {
      said.push(line);
      if (line.startsWith('ready ')) {
        child.stderr.resume();
        return;
      }
    }
    throw new Error(`the collector ended before it was ready: ${said.join('; ')}`);
  };
  return { child, ready: waitUntilReady() };
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
