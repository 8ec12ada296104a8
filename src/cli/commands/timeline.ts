/** `nsaudit timeline`: what happened, in order. */
import { parseTarget } from '../../domain/parse-target.ts';
import { askHistory } from '../ask.ts';
import { selectColumns } from '../columns.ts';
import type { CommandContext } from '../command-context.ts';
import { presentRows, printAnswer } from '../print-answer.ts';
import { readPage, readPrintOptions, readTypes, readWindow } from '../read-options.ts';
import { timelineColumns } from '../record-columns.ts';

export async function run(context: CommandContext): Promise<number> {
  const { operands, options, output } = context;
  const print = readPrintOptions(context);
  selectColumns(timelineColumns, print.fields);
  const [text] = operands;
  const request = {
    target: text === undefined ? undefined : parseTarget(text),
    types: readTypes(options),
    observers: !options.has('without-observers'),
    ...readWindow(context),
    ...readPage(options),
  };
  const answer = await askHistory(context, (history) => history.timeline(request));
  return printAnswer(output, answer, presentRows(timelineColumns), print);
}
