/** `nsaudit state`: the namespaces alive at an instant. */
import { askHistory } from '../ask.ts';
import { selectColumns } from '../columns.ts';
import type { CommandContext } from '../command-context.ts';
import { stateColumns } from '../lifespan-columns.ts';
import { presentRows, printAnswer } from '../print-answer.ts';
import { readPage, readPrintOptions, readTime, readTypes } from '../read-options.ts';

export async function run(context: CommandContext): Promise<number> {
  const { options, output } = context;
  const print = readPrintOptions(context);
  selectColumns(stateColumns, print.fields);
  const request = {
    at: readTime(context, 'at'),
    types: readTypes(options),
    all: options.has('all'),
    ...readPage(options),
  };
  const answer = await askHistory(context, (history) => history.state(request));
  return printAnswer(output, answer, presentRows(stateColumns), print);
}
