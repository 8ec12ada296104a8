/** `nsaudit doctor`: what can be seen on this host, and whether all is well. */
import { formatSpan } from '../bounds-text.ts';
import type { CommandContext } from '../command-context.ts';
import { escapeText } from '../escape-text.ts';
import { examineHost, type Examination } from '../examine-host.ts';
import { EXIT_STATUS } from '../exit-status.ts';
import { formatPairs, toJsonLine } from '../format-rows.ts';
import { readFormat } from '../read-options.ts';

export async function run(context: CommandContext): Promise<number> {
  const { options, output } = context;
  const format = readFormat(options, ['table', 'json']);
  const examination = await examineHost(context);
  output.write(format === 'json' ? toJsonLine(examination) : formatExamination(examination));
  return EXIT_STATUS.ok;
}

function formatExamination(examination: Examination): string {
  const { version, node, kernel, profile, profileReason, capabilities, hidepid } = examination;
  const pairs = [
    ['nsaudit', `${version}, node ${node}, kernel ${kernel}`],
    ['profile', `${profile}: ${profileReason}`],
    ['privileges', describePrivileges(capabilities)],
    ['hidepid', hidepid ?? 'not set'],
    ['state directory', examination.stateDirectory],
    ...describeRecord(examination.record),
  ] as const;
  const problems = examination.problems.map((problem) => `  - ${escapeText(problem)}\n`);
  const verdict = problems.length === 0 ? 'Nothing is wrong.\n' : `Found:\n${problems.join('')}`;
  return `${formatPairs(pairs.map(([name, value]) => [name, escapeText(value)]))}\n${verdict}`;
}

function describePrivileges({ held, missing }: Examination['capabilities']): string {
  return [
    ...(held.length === 0 ? [] : [`has ${held.join(', ')}`]),
    ...(missing.length === 0 ? [] : [`lacks ${missing.join(', ')}`]),
  ].join('; ');
}

function describeRecord(record: Examination['record']): readonly (readonly [string, string])[] {
  if (record === null) {
    return [['record', 'none that can be opened']];
  }
  const { head, position, isCollecting, lastScanAt, gapCount, gapTotalUs, coverage } = record;
  const { minimumLifetimeUs } = coverage;
  return [
    ['host', record.host],
    ['log', `${head} events, read.db at ${position}`],
    [
      'collector',
      `${isCollecting ? 'running' : 'not running'}, last scan ${lastScanAt ?? 'never'}`,
    ],
    [
      'minimum lifetime',
      minimumLifetimeUs === null
        ? 'unknown: not watched now'
        : `${formatSpan(minimumLifetimeUs)}: what lives longer cannot be missed, what lives shorter may be`,
    ],
    ['gaps', gapCount === 0 ? 'none' : `${gapCount}, ${formatSpan(gapTotalUs)} in all`],
  ];
}
