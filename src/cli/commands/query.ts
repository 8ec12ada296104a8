/** `nsaudit query`: the list of named queries, or the answer of one. */
import { NsauditError } from '../../domain/errors.ts';
import type { History, QueryDescription } from '../../history/history.ts';
import { askHistory } from '../ask.ts';
import { selectColumns } from '../columns.ts';
import type { CommandContext } from '../command-context.ts';
import { EXIT_STATUS } from '../exit-status.ts';
import { toJsonLine } from '../format-rows.ts';
import { suggest } from '../nearest.ts';
import type { OptionValues } from '../parse-arguments.ts';
import { formatRows, presentRows, printAnswer } from '../print-answer.ts';
import { readPage, readPrintOptions } from '../read-options.ts';
import { queryListColumns, toQueryColumns } from '../record-columns.ts';

export async function run(context: CommandContext): Promise<number> {
  const { operands, options } = context;
  const parameters = readParameters(options);
  const [name] = operands;
  if (name === undefined && options.has('param')) {
    throw new NsauditError(
      'usage',
      '-p needs the NAME of a query: nsaudit query NAME -p KEY=VALUE.',
    );
  }
  return await askHistory(context, (history) =>
    name === undefined
      ? printList(context, history)
      : printQuery(context, history, { name, parameters }),
  );
}

function printList(context: CommandContext, history: History): number {
  const print = readPrintOptions(context);
  const data = history.queries();
  context.output.write(
    print.format === 'json'
      ? toJsonLine({ data })
      : formatRows(data, presentRows(queryListColumns), print),
  );
  return EXIT_STATUS.ok;
}

function printQuery(
  context: CommandContext,
  history: History,
  { name, parameters }: { name: string; parameters: Readonly<Record<string, string>> },
): number {
  const print = readPrintOptions(context);
  const description = requireQuery(history.queries(), name);
  selectColumns(toQueryColumns(description.columns, []), print.fields);
  checkParameters(description, parameters);
  const { limit } = readPage(context.options);
  const answer = history.query({ name, parameters, limit });
  const table = toQueryColumns(description.columns, answer.data);
  const status = printAnswer(context.output, answer, presentRows(table), print);
  if (answer.data.length === answer.page.limit && print.format !== 'json' && !print.isQuiet) {
    context.output.say(`there may be more rows than ${answer.page.limit}: -n sets how many.`);
  }
  return status;
}

function requireQuery(queries: readonly QueryDescription[], name: string): QueryDescription {
  const query = queries.find((candidate) => candidate.name === name);
  if (!query) {
    const names = queries.map((candidate) => candidate.name);
    throw new NsauditError(
      'usage',
      `there is no query "${name}"${suggest(name, names) || ':'} There are ${names.join(', ')}.`,
    );
  }
  return query;
}

function checkParameters(
  { name, parameters }: QueryDescription,
  given: Readonly<Record<string, string>>,
): void {
  const names = parameters.map((parameter) => parameter.name);
  for (const key of Object.keys(given)) {
    if (!names.includes(key)) {
      const takes = names.length === 0 ? 'takes no parameters' : `takes ${names.join(', ')}`;
      throw new NsauditError('usage', `query ${name} has no parameter "${key}": it ${takes}.`);
    }
  }
}

/** `-p key=value`; of one given twice, the last counts. */
function readParameters(options: OptionValues): Readonly<Record<string, string>> {
  const entries = options.list('param').map((text) => {
    const separator = text.indexOf('=');
    if (separator < 1) {
      throw new NsauditError('usage', `-p "${text}" is no parameter: write NAME=VALUE.`);
    }
    return [text.slice(0, separator), text.slice(separator + 1)] as const;
  });
  return Object.fromEntries(entries);
}
