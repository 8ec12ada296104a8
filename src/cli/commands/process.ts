/** `nsaudit process`: the namespaces a process was in. */
import { parsePid } from '../../domain/parse-arguments.ts';
import { askHistory } from '../ask.ts';
import { selectColumns } from '../columns.ts';
import type { CommandContext } from '../command-context.ts';
import { processColumns, splitProcess } from '../holder-columns.ts';
import { printAnswer } from '../print-answer.ts';
import { readPage, readPrintOptions, readTime } from '../read-options.ts';

export async function run(context: CommandContext): Promise<number> {
  const { operands, options, output } = context;
  const print = readPrintOptions(context);
  selectColumns(processColumns, print.fields);
  const request = {
    pid: parsePid(operands[0] ?? ''),
    at: readTime(context, 'at'),
    ...readPage(options),
  };
  const answer = await askHistory(context, (history) => history.process(request));
  return printAnswer(output, answer, { table: processColumns, toLines: splitProcess }, print);
}
