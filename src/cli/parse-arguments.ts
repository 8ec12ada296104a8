/**
 * Turns the words of a command line into a command, its operands and its option values.
 *
 * node:util parseArgs splits the words; what is accepted, and what an error says, comes from the two
 * tables (commands.ts, options.ts). Pure.
 */
import { parseArgs } from 'node:util';
import { NsauditError } from '../domain/errors.ts';
import {
  COMMAND_NAMES,
  describeCommand,
  isCommandName,
  type CommandDescription,
  type CommandName,
} from './commands.ts';
import { suggest } from './nearest.ts';
import type { OptionDescription } from './option.ts';
import { listOptions, OPTIONS, type OptionName } from './options.ts';

/** What was given, by option name. A name that is not in the table does not compile. */
export interface OptionValues {
  has(name: OptionName): boolean;
  /** The value; of an option given twice, the last one. */
  text(name: OptionName): string | undefined;
  list(name: OptionName): readonly string[];
}

export type CommandLine =
  | { readonly kind: 'help'; readonly command: CommandName | null }
  | { readonly kind: 'version' }
  | {
      readonly kind: 'command';
      readonly command: CommandName;
      readonly operands: readonly string[];
      readonly options: OptionValues;
    };

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly isInline: boolean;
}

const options: readonly OptionDescription[] = OPTIONS;
const optionByName = new Map(options.map((option) => [option.name, option]));
const LONG_NAMES = options.map(({ name }) => `--${name}`);
const OWN_SPELLINGS = new Set([
  ...LONG_NAMES,
  ...options.flatMap(({ short }) => (short === null ? [] : [`-${short}`])),
]);

/**
 * Parses everything after the program's name.
 *
 * Errors: NsauditError `usage` that names the word, says what is wrong with it and, where one comes
 * close, what was probably meant.
 */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const { given, operands } = splitWords(words);
  const [first, ...rest] = operands;
  const known = given.map(requireOption);
  if (first === 'help') {
    return { kind: 'help', command: rest[0] === undefined ? null : requireCommand(rest[0]) };
  }
  const hasSwitch = (name: OptionName) => known.some(({ option }) => option.name === name);
  if (hasSwitch('version') && first === undefined) {
    return { kind: 'version' };
  }
  if (hasSwitch('help')) {
    return { kind: 'help', command: first === undefined ? null : requireCommand(first) };
  }
  if (first === undefined) {
    throw new NsauditError('usage', 'no command given: nsaudit --help lists the commands.');
  }
  const command = requireCommand(first);
  for (const { option, token } of known) {
    checkOption(option, token, command);
  }
  checkOperands(describeCommand(command), rest);
  return {
    kind: 'command',
    command,
    operands: rest,
    options: toOptionValues(known.map(({ token }) => token)),
  };
}

function splitWords(words: readonly string[]): { given: OptionToken[]; operands: string[] } {
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(
      options.map(({ name, short, argument }) => [
        name,
        {
          type: argument === null ? ('boolean' as const) : ('string' as const),
          ...(short === null ? {} : { short }),
        },
      ]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given: OptionToken[] = [];
  const operands: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'option') {
      const { name, rawName, value } = token;
      given.push({ name, rawName, value, isInline: token.inlineValue === true });
    } else if (token.kind === 'positional') {
      operands.push(token.value);
    }
  }
  return { given, operands };
}

function requireOption(token: OptionToken): { option: OptionDescription; token: OptionToken } {
  const option = optionByName.get(token.name);
  if (!option) {
    const hint = suggest(token.rawName, LONG_NAMES) || '; nsaudit --help lists the options.';
    throw new NsauditError('usage', `unknown option ${token.rawName}${hint}`);
  }
  return { option, token };
}

function requireCommand(word: string): CommandName {
  if (!isCommandName(word)) {
    const hint = suggest(word, COMMAND_NAMES) || '; nsaudit --help lists the commands.';
    throw new NsauditError('usage', `unknown command "${word}"${hint}`);
  }
  return word;
}

function checkOption(option: OptionDescription, token: OptionToken, command: CommandName): void {
  const { name, argument, commands } = option;
  if (commands.length > 0 && !commands.includes(command)) {
    const usable = listOptions(command).map((other) => `--${other.name}`);
    const hint = suggest(`--${name}`, usable);
    throw new NsauditError(
      'usage',
      `option --${name} is not one of ${command}: it belongs to ${commands.join(', ')}${hint || '.'}`,
    );
  }
  if (argument === null && token.value !== undefined) {
    throw new NsauditError('usage', `option --${name} takes no value, but got "${token.value}".`);
  }
  // A word of our own after an option means that its value was forgotten. `-S -2h` is none of them.
  const isForgotten = !token.isInline && OWN_SPELLINGS.has(token.value ?? '');
  if (argument !== null && (token.value === undefined || isForgotten)) {
    throw new NsauditError(
      'usage',
      `option ${token.rawName} needs a value: ${token.rawName} ${argument}.`,
    );
  }
}

function checkOperands({ name, operands }: CommandDescription, words: readonly string[]): void {
  const missing = operands[words.length];
  if (missing !== undefined && !missing.startsWith('[')) {
    throw new NsauditError('usage', `${name} needs ${missing}: nsaudit ${name} ${missing}.`);
  }
  const extra = words[operands.length];
  if (extra !== undefined) {
    const takes = operands.length === 0 ? 'no operand' : `only ${operands.join(' ')}`;
    throw new NsauditError('usage', `${name} takes ${takes}, so "${extra}" is one word too many.`);
  }
}

function toOptionValues(tokens: readonly OptionToken[]): OptionValues {
  const list = (name: OptionName) =>
    tokens.filter((token) => token.name === name).map(({ value }) => value ?? '');
  return {
    has: (name) => tokens.some((token) => token.name === name),
    text: (name) => list(name).at(-1),
    list,
  };
}
