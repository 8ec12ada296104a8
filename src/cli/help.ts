/** The manual: `nsaudit --help` and `nsaudit COMMAND --help`, from the two tables. */
import { LISTEN_FORMS } from '../api/listen.ts';
import { TARGET_FORMS } from '../domain/parse-target.ts';
import { TIME_FORMS } from '../domain/parse-time.ts';
import { BOUNDS_NOTATION } from './bounds-text.ts';
import type { Column } from './columns.ts';
import {
  COMMAND_GROUPS,
  COMMANDS,
  describeCommand,
  type CommandDescription,
  type CommandName,
  type HelpTopic,
} from './commands.ts';
import { eventColumns } from './event-columns.ts';
import { holderColumns, processColumns } from './holder-columns.ts';
import { historyColumns, stateColumns } from './lifespan-columns.ts';
import type { OptionDescription } from './option.ts';
import { listOptions, OPTIONS } from './options.ts';
import { coverageColumns, timelineColumns } from './record-columns.ts';
import { wrapText } from './wrap-text.ts';

const WIDTH = 80;

const TOPICS: Readonly<Record<HelpTopic, readonly [title: string, text: string]>> = {
  target: ['TARGET', `One of ${TARGET_FORMS}. Quote # and [ for the shell.`],
  time: [
    'TIME',
    `${TIME_FORMS}. A time of day alone is today's, a span with a sign counts from now, seq:N is when event N was recorded.`,
  ],
  bounds: ['Reading times', BOUNDS_NOTATION],
  listen: [
    'Listening',
    `${LISTEN_FORMS}. A unix socket gets mode 0660: its file permissions decide who may ask. An address needs --token-file, because every user of the host can reach it; clients send "Authorization: Bearer TOKEN". Addresses that other machines can reach are refused: HTTP is not encrypted. Without --listen, a socket that systemd passed (LISTEN_FDS) is used.`,
  ],
};

const EXIT_LINES: readonly (readonly [string, string])[] = [
  ['0', 'done; also when nothing matched'],
  ['1', 'nothing matched (only with --exit-status)'],
  ['2', 'usage: the command line is wrong; stderr says which word'],
  [
    '3',
    'policy: --strict, and part of the time was not watched; --require-witness, and nobody vouches',
  ],
  ['4', 'integrity: the log does not verify'],
  ['5', 'incomplete: not everything could be looked at, or it has been pruned'],
  ['69', 'unavailable: no state directory, or one of another version'],
  ['70', 'internal error: a fault of nsaudit'],
  ['74', 'I/O error: permission, full disk'],
  ['75', 'busy: another collector is running; trying again may work'],
];

/** Fields by command, for `--fields`; a query's fields come with the query. */
const FIELDS: Readonly<Partial<Record<CommandName, readonly Column<never>[]>>> = {
  state: stateColumns.columns,
  history: historyColumns.columns,
  holders: holderColumns.columns,
  process: processColumns.columns,
  events: eventColumns.columns,
  timeline: timelineColumns.columns,
  coverage: coverageColumns.columns,
};

/** The program's help: what there is, what all commands share. */
export function formatProgramHelp(): string {
  const groups = COMMAND_GROUPS.map((group) => {
    const members = COMMANDS.filter((command) => command.group === group);
    return section(
      group,
      definitions(members.map((command) => [usageOf(command), command.summary])),
    );
  });
  const own: readonly OptionDescription[] = OPTIONS;
  const everywhere = own.filter(
    ({ name, commands }) => commands.length === 0 || name === 'state-dir' || name === 'quiet',
  );
  return [
    'nsaudit: the memory that Linux namespaces lack. Who made them, what held them, when they went.\n',
    'Usage: nsaudit COMMAND [OPTION]…\n',
    ...groups,
    section('Options of every command', optionDefinitions(everywhere)),
    section('TIME', wrap(TOPICS.time[1])),
    section('TARGET', wrap(TOPICS.target[1])),
    section('Exit status', definitions(EXIT_LINES)),
    wrap('nsaudit COMMAND --help says more, with examples.', 0),
  ].join('\n');
}

/** The help of one command. */
export function formatCommandHelp(name: CommandName): string {
  const command = describeCommand(name);
  const fields = FIELDS[name] ?? [];
  return [
    `nsaudit ${name}: ${command.summary}\n`,
    `Usage: nsaudit ${usageOf(command)} [OPTION]…\n`,
    ...command.about.map((paragraph) => wrap(paragraph, 0)),
    section('Options', optionDefinitions([...listOptions(name), ...listSwitches()])),
    ...command.topics.map((topic) => section(TOPICS[topic][0], wrap(TOPICS[topic][1]))),
    ...(fields.length === 0
      ? []
      : [section('Fields', definitions(fields.map(({ field, help }) => [field, help])))]),
    section('Examples', formatExamples(command)),
  ].join('\n');
}

function listSwitches(): readonly OptionDescription[] {
  return OPTIONS.filter(({ name }) => name === 'help');
}

function usageOf({ name, operands }: Pick<CommandDescription, 'name' | 'operands'>): string {
  return [name, ...operands].join(' ');
}

function optionDefinitions(options: readonly OptionDescription[]): string {
  return definitions(
    options.map(({ name, short, argument, default: usual, environment, help }) => {
      const spelling = `${short === null ? '    ' : `-${short}, `}--${name}${argument === null ? '' : ` ${argument}`}`;
      const defaults = usual === null ? '' : `; default: ${usual}`;
      const variable = environment === null ? '' : `; else ${environment}`;
      return [spelling, `${help}${variable}${defaults}`];
    }),
  );
}

function formatExamples({ examples }: CommandDescription): string {
  return examples
    .map(([words, meaning]) => `  ${words}\n${meaning === '' ? '' : `      ${meaning}\n`}`)
    .join('');
}

function section(title: string, body: string): string {
  return `${title}:\n${body}`;
}

/** Terms with their meaning beside them, or below where the term is long. */
function definitions(pairs: readonly (readonly [term: string, meaning: string])[]): string {
  const indent = Math.min(26, Math.max(...pairs.map(([term]) => term.length)) + 4);
  return pairs
    .map(([term, meaning]) => {
      const lines = wrap(meaning, indent);
      return term.length + 4 > indent
        ? `  ${term}\n${lines}`
        : `  ${term.padEnd(indent - 2)}${lines.slice(indent)}`;
    })
    .join('');
}

function wrap(text: string, indent = 2): string {
  return wrapText(text, { indent, width: WIDTH });
}
