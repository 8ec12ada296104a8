/**
 * The table of options: every name, its short form, argument, default, environment variable, help text,
 * and the commands it applies to. Parsing, `--help`, errors and the documentation tests read nothing else.
 */
import { LIMIT_DEFAULT, LIMIT_MAX } from '../history/history.ts';
import { COMMAND_NAMES, type CommandName } from './commands.ts';
import { EVIDENCE_OPTIONS } from './evidence-options.ts';
import { plain, unset, type OptionDescription } from './option.ts';

export const OUTPUT_FORMATS = ['table', 'json', 'ndjson', 'csv', 'markdown'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export const PROFILE_CHOICES = ['auto', 'trampoline', 'tracepoint', 'procfs'] as const;
export const INITIAL_HOLDER_CHOICES = ['count', 'full'] as const;

/** Commands whose answer is a list of rows. */
const LISTS = [
  'state',
  'history',
  'holders',
  'process',
  'events',
  'timeline',
  'coverage',
  'query',
] as const satisfies readonly CommandName[];

const ANSWERS = [...LISTS, 'report'] as const;
const WINDOWED = ['history', 'holders', 'events', 'timeline', 'coverage', 'report'] as const;
const WATCHING = ['collect', 'start'] as const;

export const OPTIONS = [
  {
    ...plain,
    name: 'state-dir',
    argument: 'DIR',
    default:
      '/var/lib/nsaudit for root, $XDG_STATE_HOME/nsaudit otherwise; start: always the latter',
    environment: 'NSAUDIT_STATE_DIR',
    help: 'where the record is',
    commands: COMMAND_NAMES,
  },
  {
    ...unset,
    name: 'at',
    argument: 'TIME',
    help: 'the instant asked about',
    commands: ['state', 'holders', 'process'],
  },
  {
    ...unset,
    name: 'since',
    short: 'S',
    argument: 'TIME',
    help: 'start of the window asked about',
    commands: WINDOWED,
  },
  {
    ...unset,
    name: 'until',
    short: 'U',
    argument: 'TIME',
    help: 'end of the window asked about',
    commands: WINDOWED,
  },
  {
    ...unset,
    name: 'type',
    short: 't',
    argument: 'TYPES',
    help: 'only these namespace types: cgroup, ipc, mnt, net, pid, time, user, uts; separated by commas',
    commands: ['state', 'timeline'],
  },
  {
    ...unset,
    name: 'all',
    short: 'a',
    help: 'also lives of the same boot that had ended by then',
    commands: ['state'],
  },
  {
    ...unset,
    name: 'without-observers',
    help: 'without what the collector itself and its children hold, also in counts of holders; state: without namespaces that nothing else holds then; history: every life stays',
    commands: ['state', 'history', 'holders', 'timeline'],
  },
  {
    ...unset,
    name: 'tree',
    help: 'as a tree, in a table of everything that was there: user and pid namespaces below their parent, all others below the user namespace that owns them; other formats have the same rows as without',
    commands: ['state'],
  },
  {
    ...unset,
    name: 'after',
    argument: 'SEQ',
    help: 'only events after this log position',
    commands: ['events'],
  },
  {
    ...unset,
    name: 'follow',
    short: 'f',
    help: 'go on with what is appended, until SIGINT or SIGTERM',
    commands: ['events'],
  },
  {
    ...unset,
    name: 'param',
    short: 'p',
    argument: 'NAME=VALUE',
    isRepeatable: true,
    help: 'a parameter of the query; repeat it for more',
    commands: ['query'],
  },
  {
    ...unset,
    name: 'output',
    short: 'o',
    argument: 'FORMAT',
    default: 'table',
    help: 'table, json (the whole answer, as over HTTP), ndjson (one row a line), csv (RFC 4180) or markdown; the commands that look after the record know table and json',
    commands: [...ANSWERS, 'rebuild', 'verify', 'checkpoint', 'backup', 'prune', 'doctor'],
  },
  {
    ...unset,
    name: 'fields',
    argument: 'NAMES',
    help: 'only these fields, in this order, separated by commas; they are listed below, for query by its file',
    commands: LISTS,
  },
  {
    ...unset,
    name: 'limit',
    short: 'n',
    argument: 'N',
    default: String(LIMIT_DEFAULT),
    help: `at most so many rows, 1 to ${LIMIT_MAX}; what is left is said on stderr, with the option that continues`,
    commands: LISTS,
  },
  {
    ...unset,
    name: 'cursor',
    argument: 'CURSOR',
    help: 'continue where the page before ended',
    commands: ['state', 'history', 'holders', 'process', 'events', 'timeline', 'coverage'],
  },
  {
    ...unset,
    name: 'no-header',
    help: 'no line of column names in table and csv',
    commands: LISTS,
  },
  ...EVIDENCE_OPTIONS,
  {
    ...unset,
    name: 'quiet',
    short: 'q',
    help: 'only errors on stderr: no remarks about coverage or further rows',
    commands: COMMAND_NAMES,
  },
  {
    ...unset,
    name: 'utc',
    help: 'times in UTC; they always are',
    commands: ANSWERS,
  },
  {
    ...unset,
    name: 'strict',
    help: 'exit 3 when the time asked about was not watched, or touches a gap',
    commands: ANSWERS,
  },
  {
    ...unset,
    name: 'exit-status',
    help: 'exit 1 when nothing matched',
    commands: LISTS,
  },
  {
    ...unset,
    name: 'profile',
    argument: 'PROFILE',
    default: 'auto',
    help: 'how to watch: auto, trampoline, tracepoint or procfs; auto takes the first that this host allows',
    commands: WATCHING,
  },
  {
    ...unset,
    name: 'scan-interval',
    argument: 'SPAN',
    default: '1s',
    help: 'from the start of one scan to the start of the next, 10ms to 1h; a slow scan delays the next, and beside kernel events scans take at most a hundredth of a core',
    commands: WATCHING,
  },
  {
    ...unset,
    name: 'pin-dir',
    argument: 'DIR',
    default: '/sys/fs/bpf/nsaudit where a BPF file system is mounted there',
    help: 'directory on a BPF file system: hooks pinned there outlive a collector that is killed, so that the next one misses nothing; none: pin nothing',
    commands: [...WATCHING, 'doctor'],
  },
  {
    ...unset,
    name: 'keep-hooks',
    help: 'leave pinned hooks attached at the stop, for the next start; doctor --unpin removes them',
    commands: ['collect'],
  },
  {
    ...unset,
    name: 'unpin',
    help: 'remove every pinned hook and map of any version; a running collector goes on without pins',
    commands: ['doctor'],
  },
  {
    ...unset,
    name: 'disk-levels',
    argument: 'LOW,REDUCED,SUSPENDED',
    default: '512M,128M,32M or 10%,5%,2% of the file system, whichever is less',
    help: 'free space, in K, M, G, T or %, below which it is said, below which members that come and go are counted instead of listed, and below which nothing is recorded until there is room again',
    commands: [...WATCHING, 'doctor'],
  },
  {
    ...unset,
    name: 'initial-holders',
    argument: 'HOW',
    default: 'count',
    help: 'processes in the initial namespaces: count or full (one record each)',
    commands: WATCHING,
  },
  {
    ...unset,
    name: 'for',
    argument: 'SPAN',
    help: 'stop after this time, for example 30s',
    commands: ['collect'],
  },
  {
    ...unset,
    name: 'once',
    help: 'stop once everything that exists is recorded',
    commands: ['collect'],
  },
  {
    ...unset,
    name: 'proc-root',
    argument: 'DIR',
    default: '/proc',
    help: 'where procfs is mounted',
    commands: [...WATCHING, 'doctor'],
  },
  {
    ...unset,
    name: 'listen',
    argument: 'WHERE',
    default:
      'serve: unix:DIR/api.sock in the state directory, or the socket that systemd passes; start: 127.0.0.1:0',
    help: 'unix:PATH or HOST:PORT (port 0: any free one); start takes only HOST:PORT',
    commands: ['serve', 'start'],
  },
  {
    ...unset,
    name: 'token-file',
    argument: 'FILE',
    help: 'file with the bearer token that HOST:PORT needs; nobody but its owner may have access to it',
    commands: ['serve'],
  },
  {
    ...unset,
    name: 'witness',
    argument: 'URL',
    isRepeatable: true,
    help: 'witness that is asked to cosign each checkpoint (c2sp.org/tlog-witness); repeat it for more',
    commands: ['collect'],
  },
  {
    ...unset,
    name: 'witness-key',
    argument: 'KEY',
    isRepeatable: true,
    help: 'verifier key of a witness, NAME+ID+KEY or a file with one per line: only its cosignatures count',
    commands: ['collect', 'verify', 'prune'],
  },
  {
    ...unset,
    name: 'help',
    short: 'h',
    help: 'this text, or the one of a command',
    commands: [],
  },
  {
    ...unset,
    name: 'version',
    short: 'V',
    help: 'the version',
    commands: [],
  },
] as const satisfies readonly OptionDescription[];

export type OptionName = (typeof OPTIONS)[number]['name'];

/** The options a command takes, in the order of the table. */
export function listOptions(command: CommandName): readonly OptionDescription[] {
  return OPTIONS.filter((option: OptionDescription) => option.commands.includes(command));
}
