/** What a command is given: its words, and everything of the world around it that it may touch. */
import type { History } from '../history/history.ts';
import type { CommandName } from './commands.ts';
import type { Output } from './output.ts';
import type { OptionValues } from './parse-arguments.ts';

/** The world around the program, passed in so that tests can run a command inside their own process. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly userId: number;
  /** Of the user in the password database, for when there is no HOME. */
  readonly homeDirectory: string;
  readonly currentDirectory: string;
  /** Wall time in epoch microseconds. */
  readonly nowUs: () => number;
  readonly output: Output;
  /**
   * From the first call on, SIGINT and SIGTERM abort the returned signal instead of ending the program;
   * a second one ends it. Also aborts when the process that started this one goes away.
   */
  readonly untilStopped: () => AbortSignal;
  readonly openHistory: (stateDirectory: string) => Promise<History>;
}

export interface CommandContext extends Surroundings {
  readonly command: CommandName;
  readonly operands: readonly string[];
  readonly options: OptionValues;
}

/** A command: resolves to its exit status; fails with NsauditError. */
export type CommandHandler = (context: CommandContext) => Promise<number>;
