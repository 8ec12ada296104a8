/** `nsaudit report`: a page to send or to file. */
import { NsauditError } from '../../domain/errors.ts';
import { REPORT_NAMES, type ReportName } from '../../history/history.ts';
import { askHistory } from '../ask.ts';
import type { CommandContext } from '../command-context.ts';
import { hasUnwatchedTime } from '../coverage-text.ts';
import { suggest } from '../nearest.ts';
import { toStatus } from '../print-answer.ts';
import { formatReport } from '../print-report.ts';
import { readFormat, readWindow } from '../read-options.ts';
import { describeStaleness, findAskedNowUs } from '../staleness.ts';

export async function run(context: CommandContext): Promise<number> {
  const { operands, options, output } = context;
  const format = readFormat(options);
  const name = requireReportName(operands[0] ?? '');
  const window = readWindow(context);
  const report = await askHistory(context, (history) => history.report({ name, ...window }));
  const { coverage, to: at } = report;
  const staleness = describeStaleness(findAskedNowUs(context), { ...coverage, at });
  output.write(formatReport(report, format, staleness));
  return toStatus(output, {
    isUnwatched: staleness !== null || hasUnwatchedTime(coverage),
    isEmpty: false,
    isStrict: options.has('strict'),
    wantsExitStatus: false,
  });
}

function requireReportName(text: string): ReportName {
  const name = REPORT_NAMES.find((candidate) => candidate === text);
  if (name === undefined) {
    throw new NsauditError(
      'usage',
      `there is no report "${text}"${suggest(text, REPORT_NAMES) || ':'} There are ${REPORT_NAMES.join(', ')}.`,
    );
  }
  return name;
}
