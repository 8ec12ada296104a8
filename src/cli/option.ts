/** What the table of options says of one, and what most of them have in common. */
import type { CommandName } from './commands.ts';

export interface OptionDescription {
  readonly name: string;
  readonly short: string | null;
  /** Placeholder of its argument in help texts; null for a switch. */
  readonly argument: string | null;
  readonly isRepeatable: boolean;
  readonly default: string | null;
  /** Environment variable that stands in when the option is not given. */
  readonly environment: string | null;
  readonly help: string;
  /** Empty: for the program itself, and accepted with every command. */
  readonly commands: readonly CommandName[];
}

/** Takes no argument, and is given once. */
export const plain = { short: null, argument: null, isRepeatable: false, default: null } as const;
/** The same, and no environment variable stands in for it. */
export const unset = { ...plain, environment: null } as const;
