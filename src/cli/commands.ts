/**
 * The table of commands: what there is, what it takes, and the text of its help.
 *
 * Holds:     one record per command; parsing, `--help` and the documentation tests read nothing else.
 * Does not:  run anything (commands/) or know the options (options.ts).
 * Proved by: test/cli/help.test.ts, test/cli/parse-arguments.test.ts
 */

export const COMMAND_GROUPS = ['Watch', 'Ask', 'Look after the record'] as const;
export type CommandGroup = (typeof COMMAND_GROUPS)[number];

/** Parts of the manual that several commands share; help.ts holds their text. */
export type HelpTopic = 'target' | 'time' | 'bounds' | 'listen';

export interface CommandDescription {
  readonly name: string;
  readonly group: CommandGroup;
  /** Operands as they stand in the usage line; a bracketed one may be left out. */
  readonly operands: readonly string[];
  readonly summary: string;
  readonly about: readonly string[];
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  readonly topics: readonly HelpTopic[];
}

export const COMMANDS = [
  {
    name: 'collect',
    group: 'Watch',
    operands: [],
    summary: 'watch namespaces and append what happens to the log',
    about: [
      'Runs in the foreground. Once everything that exists has been recorded, one line on stderr starts with "ready ". SIGINT or SIGTERM stops cleanly: everything observed is durable before it ends. A second collector on the same state directory is refused (exit 75).',
      'As root it sees everything; as another user it records what that user may see, and the coverage says what it could not read.',
    ],
    examples: [
      ['nsaudit collect', 'until stopped'],
      ['nsaudit collect --for 30s --scan-interval 200ms', 'for half a minute, five scans a second'],
      ['nsaudit collect --once', 'one complete look, for a cron job or a first impression'],
    ],
    topics: [],
  },
  {
    name: 'serve',
    group: 'Watch',
    operands: [],
    summary: 'answer questions over HTTP',
    about: [
      'Read-only; needs no privileges beyond reading the state directory, and no running collector. The document at /openapi.json describes the API.',
    ],
    examples: [
      ['nsaudit serve', 'on the unix socket api.sock in the state directory'],
      [
        'nsaudit serve --listen 127.0.0.1:8080 --token-file /etc/nsaudit/token',
        'over TCP, for who knows the token',
      ],
    ],
    topics: ['listen'],
  },
  {
    name: 'start',
    group: 'Watch',
    operands: [],
    summary: 'collector and API together, for trying it',
    about: [
      "Keeps its record in the user's own state directory ($XDG_STATE_HOME/nsaudit or ~/.local/state/nsaudit), also for root, so that trying it touches nothing of an installed service. Prints the URL to open, with a fresh token in it, and one command to try. SIGINT or SIGTERM stops both.",
      'Collector and API are two processes of the same user. Installed as services they are two users: the API has no privileges there.',
    ],
    examples: [['nsaudit start', 'on a free port of 127.0.0.1']],
    topics: [],
  },
  {
    name: 'state',
    group: 'Ask',
    operands: [],
    summary: 'the namespaces alive at an instant',
    about: [
      'Without --at: now, which is the last instant that was watched. With --all also those that had ended by then in the same boot. A question mark after the state means that the instant lies within the bounds of birth or end: it was possibly alive.',
      'With --tree what nobody knows the owner or parent of stands below "unknown". Lines are drawn in ASCII unless the locale (LC_ALL, LC_CTYPE, LANG) says UTF-8.',
    ],
    examples: [
      ['nsaudit state', 'what is there now'],
      ['nsaudit state --at 03:14 --type net', 'the network namespaces of last night'],
      ['nsaudit state --tree --at -2h', 'which belonged to which, two hours ago'],
    ],
    topics: ['time', 'bounds'],
  },
  {
    name: 'history',
    group: 'Ask',
    operands: ['TARGET'],
    summary: 'every life of an inode number, or one life in full',
    about: [
      'The kernel reuses inode numbers at once, so one number may have had many lives: each is a line, newest first. A single life (#NUMBER) is printed in full.',
    ],
    examples: [
      ['nsaudit history 4026532268', 'who had this inode number, and when'],
      ["nsaudit history 'net:[4026532268]' -S yesterday", 'as readlink prints it'],
      ["nsaudit history '#734112'", 'one life, every known fact'],
      ['nsaudit history /run/netns/blue', 'every namespace that was bound to this name'],
    ],
    topics: ['target', 'time', 'bounds'],
  },
  {
    name: 'holders',
    group: 'Ask',
    operands: ['TARGET'],
    summary: 'what kept a namespace alive, and when',
    about: [
      'One line per holder and interval: processes, threads in other namespaces than their process, open descriptors, bind mounts, and what else keeps a namespace alive. With --at those of that instant; with -S and -U those of that window. Processes in the initial namespaces are counted, not listed, unless the collector runs with --initial-holders full.',
    ],
    examples: [
      ['nsaudit holders /run/netns/blue', 'everything that ever held it'],
      ["nsaudit holders '#734112' --at 03:14", 'who was inside at that moment'],
    ],
    topics: ['target', 'time', 'bounds'],
  },
  {
    name: 'process',
    group: 'Ask',
    operands: ['PID'],
    summary: 'the namespaces a process was in',
    about: [
      'With --at at that instant; without, every membership there is a record of, newest first. One pid may have been several processes: the start time tells them apart.',
    ],
    examples: [['nsaudit process 4711 --at 03:14', 'the namespaces of pid 4711 at that moment']],
    topics: ['time', 'bounds'],
  },
  {
    name: 'events',
    group: 'Ask',
    operands: [],
    summary: 'the log itself, in order',
    about: [
      'From the first event, or from --after or --since on. With -f it goes on with what is appended, starting with the last ten events (-n sets how many), until SIGINT or SIGTERM.',
    ],
    examples: [
      ['nsaudit events -S -10min', 'the last ten minutes'],
      ['nsaudit events -f -o ndjson', 'one JSON object per line as things happen'],
      ['nsaudit events --after 5230 -n 1000', 'the next thousand after event 5230'],
    ],
    topics: ['time'],
  },
  {
    name: 'timeline',
    group: 'Ask',
    operands: ['[TARGET]'],
    summary: 'births, ends, holders and gaps in the order they happened',
    about: ['Of all namespaces, of some types, or of the lives that TARGET names.'],
    examples: [
      ['nsaudit timeline -S -1h --type net', 'the last hour of network namespaces'],
      ['nsaudit timeline /run/netns/blue', 'the story of one name'],
    ],
    topics: ['target', 'time'],
  },
  {
    name: 'coverage',
    group: 'Ask',
    operands: [],
    summary: 'when, how closely and how completely was watched',
    about: [
      'One line per stretch of watching and per gap. What lived shorter than MIN LIFETIME may have been missed in that stretch; nothing is known about a gap.',
    ],
    examples: [['nsaudit coverage -S -7d', 'the last week']],
    topics: ['time'],
  },
  {
    name: 'query',
    group: 'Ask',
    operands: ['[NAME]'],
    summary: 'run a named query; without a name, list them',
    about: [
      'Each query is one readable .sql file. Parameters are given with -p; times and lifespans in them are written as everywhere else. Those in brackets may be left out. The list with -o json says what each parameter and column means.',
    ],
    examples: [
      ['nsaudit query', 'which there are, and what they take'],
      ['nsaudit query short-lived -p since=-7d -o csv', 'one of them, for a spreadsheet'],
    ],
    topics: ['time'],
  },
  {
    name: 'report',
    group: 'Ask',
    operands: ['NAME'],
    summary: 'summary, leaks, short-lived, creators, intrusions or coverage',
    about: [
      'Headed by host, window, coverage, gaps and log position, so that it can be quoted. Needs no terminal and no environment. Without -S: the last 24 hours.',
    ],
    examples: [
      ['nsaudit report summary -S yesterday -U today -o markdown', 'yesterday, for a ticket'],
      ['nsaudit report leaks --strict', 'exit 3 when the window was not fully watched'],
    ],
    topics: ['time'],
  },
  {
    name: 'rebuild',
    group: 'Look after the record',
    operands: [],
    summary: 'fold the log into read.db anew',
    about: [
      'Builds a new file and renames it over the old one. The log is only read. Readers see the old answers until it is done.',
    ],
    examples: [['nsaudit rebuild', '']],
    topics: [],
  },
  {
    name: 'verify',
    group: 'Look after the record',
    operands: ['[FILE]'],
    summary: 'check hashes, chain and completeness of the log',
    about: [
      'Of the state directory, or of FILE, a backup. Exit 0 when everything is intact, 4 when something was changed, 5 when something is missing.',
      'Whoever may write the log could write all of it anew. So it is verified only when it continues a checkpoint that was kept elsewhere (--checkpoint, signed by a --public-key) or that a witness cosigned (--witness-key), and self-consistent otherwise; --require-witness makes that exit 3.',
    ],
    examples: [
      ['nsaudit verify', 'the log that is being written'],
      ['nsaudit verify /mnt/evidence/log.db', 'a backup'],
      [
        'nsaudit verify --checkpoint host7.note --public-key host7.pub',
        'whether it still is what a kept checkpoint says',
      ],
    ],
    topics: [],
  },
  {
    name: 'checkpoint',
    group: 'Look after the record',
    operands: [],
    summary: 'the newest signed checkpoint of the log',
    about: [
      'A signed note (c2sp.org/tlog-checkpoint): the name of the log, how many events it covers, the root of the hash tree over them, and who signed. Keep it where nobody who can write the log can write, and give it to verify later. With -o json also the key that verifies it.',
      'With --make-key it makes the private key that signs them, and nothing else.',
    ],
    examples: [
      ['nsaudit checkpoint > host7.note', 'to be kept elsewhere'],
      ['nsaudit checkpoint --make-key /etc/nsaudit/checkpoint.key', 'once for each host'],
    ],
    topics: [],
  },
  {
    name: 'backup',
    group: 'Look after the record',
    operands: ['FILE'],
    summary: 'copy the log to a file, while it is being written',
    about: [
      'One consistent file of mode 0600, which is verified before it appears under its name; FILE must not exist, and nothing is left when something fails. Put into an empty state directory as log.db, it brings everything else back (nsaudit rebuild).',
    ],
    examples: [['nsaudit backup /mnt/evidence/log.db', '']],
    topics: [],
  },
  {
    name: 'prune',
    group: 'Look after the record',
    operands: [],
    summary: 'remove the beginning of the log',
    about: [
      'Removes whole batches, records that in the log (log.pruned), and builds read.db anew; the collector must not run meanwhile (exit 75). What was there when they end stays known, and so does everything later. About earlier times every answer says then that they are pruned. Hashes are kept, so verify, proofs and checkpoints of what is left go on.',
      'The log is verified before (exit 4 or 5). Nothing is removed that nobody outside vouches for (exit 3): give keys and checkpoints as to verify, or --without-witness. Needs as much free space as what is left takes.',
    ],
    examples: [
      ['nsaudit prune --before -90d --without-witness --dry-run', 'what that would remove'],
      [
        'nsaudit prune --before -90d --witness-key witness.pub --yes',
        'what is older than 90 days and was witnessed',
      ],
      ['nsaudit prune --vacuum-size 4G --without-witness --yes', 'until about 4 GiB are left'],
    ],
    topics: ['time'],
  },
  {
    name: 'doctor',
    group: 'Look after the record',
    operands: [],
    summary: 'what nsaudit can see on this host, and whether it is well',
    about: [
      'The profile and why, each hook, the shortest life that cannot be missed, what could not be read, the privileges held and missing, pins, losses, and the state of the databases.',
      'The profile is found out by trying, with the privileges of whoever asks: run it as the user that collects. On a kernel that allows the trampoline profile this makes a few namespaces that end at once, and a running collector records them.',
    ],
    examples: [
      ['nsaudit doctor', ''],
      [
        'nsaudit doctor --unpin',
        'removes the hooks that --keep-hooks left, or a collector that was killed',
      ],
    ],
    topics: [],
  },
] as const satisfies readonly CommandDescription[];

export type CommandName = (typeof COMMANDS)[number]['name'];

export const COMMAND_NAMES: readonly CommandName[] = COMMANDS.map(({ name }) => name);

export function isCommandName(text: string): text is CommandName {
  return (COMMAND_NAMES as readonly string[]).includes(text);
}

export function describeCommand(name: CommandName): CommandDescription {
  return COMMANDS.find((command) => command.name === name) ?? COMMANDS[0];
}
