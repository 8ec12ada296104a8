/** What `nsaudit doctor` found out, as text for a person. */
import { formatSpan } from './bounds-text.ts';
import { escapeText } from './escape-text.ts';
import type { Examination } from './examine-host.ts';
import type { PinExamination, Possibility } from './examine-kernel.ts';
import { formatPairs } from './format-rows.ts';

type Pair = readonly [name: string, value: string];

/** Names and values, the host before the record, then what is wrong. */
export function formatExamination(examination: Examination): string {
  const { version, node, kernel, profile, profileReason, capabilities, hidepid } = examination;
  const pairs: readonly Pair[] = [
    ['nsaudit', `${version}, node ${node}, kernel ${kernel}`],
    ['profile', profile],
    ['  because', profileReason],
    ...describeHooks(examination),
    ['minimum lifetime', describeLifetime(examination)],
    ['inventory', describe(examination.inventory, 'listed by the kernel', 'read in procfs')],
    [
      'last reference',
      describe(examination.handles, 'asked of the kernel by handle', 'not asked after'),
    ],
    ['privileges', describePrivileges(capabilities)],
    ['hidepid', hidepid ?? 'not set'],
    ...describePins(examination.pins),
    ['state directory', examination.stateDirectory],
    ...describeDisk(examination.disk),
    ...describeRecord(examination.record),
  ];
  const problems = examination.problems.map((problem) => `  - ${escapeText(problem)}\n`);
  const verdict = problems.length === 0 ? 'Nothing is wrong.\n' : `Found:\n${problems.join('')}`;
  return `${formatPairs(pairs.map(([name, value]) => [name, escapeText(value)]))}\n${verdict}`;
}

function describeHooks({ hooks, ringBytes }: Examination): readonly Pair[] {
  const isAttached = ({ state }: (typeof hooks)[number]): boolean =>
    state === 'attached' || state === 'unproved';
  const attached = hooks.filter(isAttached);
  const others = hooks.filter((hook) => !isAttached(hook));
  return [
    ...attached.map(({ name, state }, index): Pair => [
      index === 0 ? 'hooks' : '',
      state === 'attached' ? name : `${name}: ${state}`,
    ]),
    ...others.map(({ name, state }, index): Pair => [
      index === 0 ? 'hooks not there' : '',
      `${name}: ${state}`,
    ]),
    ...(ringBytes === null
      ? []
      : [
          [
            'ring sizes',
            `${formatBytes(ringBytes.life)} for births and ends, ${formatBytes(ringBytes.holders)} for holders`,
          ] as const,
        ]),
  ];
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB'];

function formatBytes(bytes: number): string {
  const exponent = Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${bytes / 1_024 ** exponent} ${UNITS[exponent]}`;
}

function describeLifetime({ profile, minimumLifetimeUs }: Examination): string {
  if (profile !== 'procfs') {
    return profile === 'trampoline'
      ? 'none: every birth is told'
      : 'none: every birth of a namespace that a process was in is told';
  }
  return minimumLifetimeUs === null
    ? 'unknown: not watched now'
    : `${formatSpan(minimumLifetimeUs)}: what lives longer cannot be missed, what lives shorter may be`;
}

function describe({ reason }: Possibility, yes: string, no: string): string {
  return reason === null ? yes : `${no}: ${reason}`;
}

function describePrivileges({ held, missing }: Examination['capabilities']): string {
  return [
    ...(held.length === 0 ? [] : [`has ${held.join(', ')}`]),
    ...(missing.length === 0 ? [] : [`lacks ${missing.join(', ')}`]),
  ].join('; ');
}

function describePins(pins: PinExamination | null): readonly Pair[] {
  if (pins === null) {
    return [
      [
        'pins',
        'none: no BPF file system is mounted at /sys/fs/bpf, so a collector that is killed leaves a gap',
      ],
    ];
  }
  const { root, directories, reason } = pins;
  if (directories === null) {
    return [['pins', `unknown: ${reason}`]];
  }
  return directories.length === 0
    ? [['pins', `none in ${root}`]]
    : directories.map(({ path, hookCount, readerPid, isOfThisRecord }, index) => [
        index === 0 ? 'pins' : '',
        [
          `${path}, ${hookCount} hooks`,
          isOfThisRecord ? 'of this record' : 'of another record',
          readerPid === null ? 'no collector reads them' : `process ${readerPid} reads them`,
        ].join(', '),
      ]);
}

function describeDisk(disk: Examination['disk']): readonly Pair[] {
  if (disk === null) {
    return [];
  }
  const { level, freeBytes, totalBytes, logBytes, readBytes, logWalBytes, readWalBytes } = disk;
  const sizes = [
    `log.db ${toMebibytes(logBytes)} and ${toMebibytes(logWalBytes)} in its write-ahead log`,
    `read.db ${toMebibytes(readBytes)} and ${toMebibytes(readWalBytes)}`,
  ];
  return [
    ['disk space', `${level}: ${toMebibytes(freeBytes)} of ${toMebibytes(totalBytes)} free`],
    ['files', sizes.join(', ')],
    [
      'ballast',
      disk.ballastBytes === 0
        ? 'none: on a full disk the record cannot say that it is suspended'
        : toMebibytes(disk.ballastBytes),
    ],
  ];
}

function toMebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}

function describeRecord(record: Examination['record']): readonly Pair[] {
  if (record === null) {
    return [['record', 'none that can be opened']];
  }
  const { head, position, isCollecting, suspendedAt, lastScanAt, coverage } = record;
  const { gapCount, gapTotalUs, lossCount, lostCount } = record;
  const { minimumLifetimeUs } = coverage;
  return [
    ['host', record.host],
    ['log', `${head} events, read.db at ${position}`],
    [
      'collector',
      `${isCollecting ? 'running' : 'not running'}, last scan ${lastScanAt ?? 'never'}${suspendedAt === null ? '' : `; nothing is recorded since ${suspendedAt}`}`,
    ],
    ['watched last', describeWatch(minimumLifetimeUs)],
    ['gaps', gapCount === 0 ? 'none' : `${gapCount}, ${formatSpan(gapTotalUs)} in all`],
    [
      'lost',
      lossCount === 0
        ? 'none of what the kernel told'
        : `${lostCount} records of the kernel, in ${lossCount} of the gaps`,
    ],
  ];
}

/** What the record itself says, which may be of a collector with another profile. */
function describeWatch(minimumLifetimeUs: number | null): string {
  if (minimumLifetimeUs === null) {
    return 'never';
  }
  return minimumLifetimeUs === 0
    ? 'by kernel events'
    : `by scans: what lived longer than ${formatSpan(minimumLifetimeUs)} was not missed`;
}
