/**
 * Runs a command line inside the test process, against a history of the test's choosing or a real one.
 *
 * Real: everything from the words to the text. Modelled: the two streams, which are collected.
 */
import type { Surroundings } from '../../src/cli/command-context.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import type { History } from '../../src/history/history.ts';
import { openHistory } from '../../src/history/open-history.ts';

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** 2026-11-22T10:17:05Z: a moment after the instant that the fake and the sample answers are about. */
const NOW_US = 1_795_342_625_000_000;

export interface World {
  /** Opened instead of the state directory. */
  readonly history?: History;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly userId?: number;
  /** Wall time, epoch microseconds. */
  readonly nowUs?: number;
  readonly signal?: AbortSignal;
  /** Called with the state directory when it is opened. */
  readonly onOpen?: (stateDirectory: string) => void;
  /** Called with each piece of the answer as it is written. */
  readonly onWrite?: (text: string) => void;
}

export async function runWords(words: readonly string[], world: World = {}): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const { history } = world;
  const surroundings: Surroundings = {
    environment: world.environment ?? {},
    userId: world.userId ?? 0,
    homeDirectory: '/nowhere/home',
    currentDirectory: '/nowhere',
    nowUs: () => world.nowUs ?? NOW_US,
    output: {
      write(text) {
        stdout += text;
        world.onWrite?.(text);
      },
      say(line) {
        stderr += `${line}\n`;
      },
      statusLine: null,
      closed: new AbortController().signal,
      finish: () => Promise.resolve(),
    },
    untilStopped: () => world.signal ?? new AbortController().signal,
    openHistory: (stateDirectory) => {
      world.onOpen?.(stateDirectory);
      return Promise.resolve(history ?? openHistory({ stateDirectory }));
    },
  };
  const status = await runCli(words, surroundings);
  return { status, stdout, stderr };
}
