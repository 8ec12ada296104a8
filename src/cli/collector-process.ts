/** The collector as a child of `nsaudit start`. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { assert } from '../domain/errors.ts';
import type { CommandContext } from './command-context.ts';
import type { CommandName } from './commands.ts';
import { EXIT_STATUS } from './exit-status.ts';
import { OPTIONS, type OptionName } from './options.ts';
import { findMainFile } from './own-command.ts';
import type { OptionValues } from './parse-arguments.ts';

export interface CollectorProcess {
  /** True once the baseline is committed; false when it ended before that, and said why. */
  readonly ready: Promise<boolean>;
  /** Aborts when it has ended, for whatever reason. */
  readonly ended: AbortSignal;
  /** Asks it to stop, and waits until everything it observed is durable. */
  stop(): Promise<void>;
  /** Its exit status when it ended without having been asked to; 0 as long as it has not. */
  status(): number;
}

const READY = /^ready /;

/**
 * Starts `nsaudit collect` with the options of `nsaudit start` that it knows too. What it says goes on
 * to stderr. It stops when this process goes away, because the channel between the two closes then.
 */
export function startCollector(
  { options, output }: CommandContext,
  stateDirectory: string,
): CollectorProcess {
  const words = ['collect', '--state-dir', stateDirectory, ...passOn(options)];
  const child = spawn(process.execPath, [findMainFile(), ...words], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const ending = new AbortController();
  const exited = new Promise<number>((resolve) => {
    const settle = (status: number) => {
      ending.abort();
      resolve(status);
    };
    child.once('error', () => settle(EXIT_STATUS.unavailable));
    child.once('exit', (status) => settle(status ?? EXIT_STATUS.unavailable));
  });
  let ownStatus: number = EXIT_STATUS.ok;
  let wasAsked = false;
  const ended = exited.then((status) => {
    ownStatus = wasAsked ? EXIT_STATUS.ok : status;
    return false;
  });
  return {
    ready: Promise.race([passOnLines(child, (line) => output.say(line)), ended]),
    ended: ending.signal,
    async stop() {
      wasAsked = !ending.signal.aborted;
      child.kill('SIGTERM');
      await ended;
    },
    status: () => ownStatus,
  };
}

function isShared(commands: readonly CommandName[]): boolean {
  return commands.includes('collect') && commands.includes('start');
}

/** Options of both commands as they were given. */
function passOn(options: OptionValues): readonly string[] {
  return OPTIONS.filter(({ name, commands }) => name !== 'state-dir' && isShared(commands)).flatMap(
    ({ name, argument }) => toWords(options, name, argument !== null),
  );
}

function toWords(options: OptionValues, name: OptionName, hasArgument: boolean): readonly string[] {
  if (!options.has(name)) {
    return [];
  }
  return hasArgument ? [`--${name}=${options.text(name) ?? ''}`] : [`--${name}`];
}

/** Passes on what it says, and resolves to true at the line that says that it is ready. */
function passOnLines({ stderr }: ChildProcess, say: (line: string) => void): Promise<boolean> {
  assert(stderr !== null, 'the stderr of the collector is a pipe');
  return new Promise<boolean>((resolve) => {
    createInterface({ input: stderr }).on('line', (line) => {
      say(line);
      if (READY.test(line)) {
        resolve(true);
      }
    });
  });
}
