/** `nsaudit state`: the namespaces alive at an instant. */
import { NsauditError } from '../../domain/errors.ts';
import { askHistory } from '../ask.ts';
import { selectColumns } from '../columns.ts';
import type { CommandContext } from '../command-context.ts';
import { chooseStrokes, drawState } from '../draw-state.ts';
import { stateColumns } from '../lifespan-columns.ts';
import { presentRows, printAnswer } from '../print-answer.ts';
import { readPage, readPrintOptions, readTime, readTypes } from '../read-options.ts';
import { toTreeColumns } from '../tree-columns.ts';

export async function run(context: CommandContext): Promise<number> {
  const { options, output } = context;
  const print = readPrintOptions(context);
  selectColumns(stateColumns, print.fields);
  const page = readPage(options);
  const request = {
    at: readTime(context, 'at'),
    types: readTypes(options),
    all: options.has('all'),
    observers: !options.has('without-observers'),
  };
  if (options.has('tree') && print.format === 'table') {
    if (page.limit !== undefined || page.cursor !== undefined) {
      throw new NsauditError(
        'usage',
        '--tree draws everything that was there: leave out --limit and --cursor, or choose another format.',
      );
    }
    const tree = await askHistory(context, (history) =>
      drawState(history, request, chooseStrokes(context)),
    );
    const table = toTreeColumns(print.fields);
    return printAnswer(output, tree, presentRows(table), { ...print, fields: undefined });
  }
  const answer = await askHistory(context, (history) => history.state({ ...request, ...page }));
  return printAnswer(output, answer, presentRows(stateColumns), print);
}
