/** `nsaudit history`: every life that a target names. */
import { parseTarget } from '../../domain/parse-target.ts';
import { askHistory } from '../ask.ts';
import { selectColumns } from '../columns.ts';
import type { CommandContext } from '../command-context.ts';
import { historyColumns, inumColumns, lifeInFull, nameColumns } from '../lifespan-columns.ts';
import { presentRows, printAnswer } from '../print-answer.ts';
import { readPage, readPrintOptions, readWindow } from '../read-options.ts';

const TABLES = {
  inum: inumColumns,
  name: nameColumns,
  'kernel-id': historyColumns,
  lifespan: historyColumns,
} as const;

export async function run(context: CommandContext): Promise<number> {
  const { operands, options, output } = context;
  const print = readPrintOptions(context);
  selectColumns(historyColumns, print.fields);
  const target = parseTarget(operands[0] ?? '');
  const observers = !options.has('without-observers');
  const request = { observers, ...readWindow(context), ...readPage(options) };
  const answer = await askHistory(context, (history) =>
    target.kind === 'lifespan'
      ? history.lifespan(target.lifespan, { observers })
      : history.lifespans({ target, ...request }),
  );
  // One life is a page of facts for people; a file of rows stays a file of rows.
  const isInFull =
    target.kind === 'lifespan' && print.format === 'table' && print.fields === undefined;
  const table = TABLES[target.kind];
  const presentation = { ...presentRows(isInFull ? lifeInFull : table), isInFull };
  return printAnswer(output, answer, presentation, print);
}
