/** `nsaudit holders`: what kept the lives of a target alive. */
import { NsauditError } from '../../domain/errors.ts';
import { parseTarget } from '../../domain/parse-target.ts';
import { askHistory } from '../ask.ts';
import { selectColumns } from '../columns.ts';
import type { CommandContext } from '../command-context.ts';
import { holderColumns, lifeHolderColumns } from '../holder-columns.ts';
import { presentRows, printAnswer } from '../print-answer.ts';
import { readPage, readPrintOptions, readTime, readWindow } from '../read-options.ts';

export async function run(context: CommandContext): Promise<number> {
  const { operands, options, output } = context;
  const print = readPrintOptions(context);
  selectColumns(holderColumns, print.fields);
  if (options.has('at') && (options.has('since') || options.has('until'))) {
    throw new NsauditError(
      'usage',
      '--at asks about an instant, --since and --until about a window: use one or the other.',
    );
  }
  const target = parseTarget(operands[0] ?? '');
  const request = {
    target,
    at: readTime(context, 'at'),
    observers: !options.has('without-observers'),
    ...readWindow(context),
    ...readPage(options),
  };
  const answer = await askHistory(context, (history) => history.holders(request));
  const table = target.kind === 'lifespan' ? lifeHolderColumns : holderColumns;
  return printAnswer(output, answer, presentRows(table), print);
}
