/** `nsaudit coverage`: when and how well was watched. */
import { askHistory } from '../ask.ts';
import { selectColumns } from '../columns.ts';
import type { CommandContext } from '../command-context.ts';
import { presentRows, printAnswer } from '../print-answer.ts';
import { readPage, readPrintOptions, readWindow } from '../read-options.ts';
import { coverageColumns } from '../record-columns.ts';

export async function run(context: CommandContext): Promise<number> {
  const { options, output } = context;
  const print = readPrintOptions(context);
  selectColumns(coverageColumns, print.fields);
  const request = { ...readWindow(context), ...readPage(options) };
  const answer = await askHistory(context, (history) => history.coverage(request));
  return printAnswer(output, answer, presentRows(coverageColumns), print);
}
