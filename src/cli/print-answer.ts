/** Prints the answer to a question in the format asked for, and decides the exit status. */
import type { Answer } from '../domain/json.ts';
import {
  pickFields,
  selectColumns,
  toJsonFields,
  type Column,
  type ColumnTable,
} from './columns.ts';
import { describeCoverage, hasUnwatchedTime } from './coverage-text.ts';
import { escapeText } from './escape-text.ts';
import { EXIT_STATUS } from './exit-status.ts';
import { formatCsv, formatMarkdown, formatRecord, formatTable, toJsonLine } from './format-rows.ts';
import { toErrorLine, type Output } from './output.ts';
import type { PrintOptions } from './read-options.ts';
import { describeStaleness } from './staleness.ts';

export interface Presentation<Row, Line = Row> {
  readonly table: ColumnTable<Line>;
  /** Lines of a row in everything but JSON. */
  readonly toLines: (row: Row) => readonly Line[];
  /** Whether a single row is shown whole, one field a line. */
  readonly isInFull?: boolean;
  /** Cells by field, for a table that is written in parts. */
  readonly minimumWidths?: Readonly<Record<string, number>>;
}

/** What a row type that is its own line needs. */
export function presentRows<Row>(table: ColumnTable<Row>): Presentation<Row> {
  return { table, toLines: (row) => [row] };
}

/** The columns that were asked for, and whether they were. Errors: NsauditError `usage` for an unknown field. */
function chooseColumns<Line>(
  table: ColumnTable<Line>,
  fields: string | undefined,
): { columns: readonly Column<Line>[]; isChosen: boolean } {
  return { columns: selectColumns(table, fields), isChosen: fields !== undefined };
}

/**
 * Writes rows, without the envelope, in any format but json.
 *
 * csv without chosen fields has every plain one: a file is read again later, by somebody who cannot ask
 * for another column.
 */
export function formatRows<Row, Line>(
  rows: readonly Row[],
  { table, toLines, isInFull = false, minimumWidths = {} }: Presentation<Row, Line>,
  { format, fields, hasHeader }: Pick<PrintOptions, 'format' | 'fields' | 'hasHeader'>,
): string {
  const { columns, isChosen } = chooseColumns(table, fields);
  if (format === 'ndjson') {
    const chosen = isChosen ? toJsonFields(columns) : null;
    return rows.map((row) => toJsonLine(chosen === null ? row : pickFields(row, chosen))).join('');
  }
  const lines = rows.flatMap(toLines);
  if (format === 'csv') {
    const plain = table.columns.filter(({ parts }) => parts.length === 0);
    const chosen = isChosen ? toJsonFields(columns).map((field) => ({ field })) : plain;
    return formatCsv(chosen, lines, { hasHeader });
  }
  if (format === 'markdown') {
    return formatMarkdown(columns, lines);
  }
  const [only] = lines;
  return isInFull && !isChosen && lines.length === 1 && only !== undefined
    ? formatRecord(columns, only)
    : formatTable(columns, lines, { hasHeader, minimumWidths });
}

/** Writes an answer and remarks about it; resolves to nothing, returns the exit status. */
export function printAnswer<Row, Line>(
  output: Output,
  answer: Answer<Row>,
  presentation: Presentation<Row, Line>,
  options: PrintOptions,
): number {
  if (options.format === 'json') {
    output.write(toJsonText(answer, presentation.table, options.fields));
  } else {
    output.write(formatRows(answer.data, presentation, options));
  }
  const { at, coverage, data } = answer;
  const staleness = describeStaleness(options.askedNowUs, { ...coverage, at });
  if (!options.isQuiet && options.format !== 'json') {
    sayRemarks(output, answer, staleness);
  }
  return toStatus(output, {
    ...options,
    isUnwatched: staleness !== null || hasUnwatchedTime(coverage),
    isEmpty: data.length === 0,
  });
}

/** The envelope as over HTTP, on one line. */
function toJsonText<Row, Line>(
  answer: Answer<Row>,
  table: ColumnTable<Line>,
  fields: string | undefined,
): string {
  const { columns, isChosen } = chooseColumns(table, fields);
  const chosen = toJsonFields(columns);
  const data = isChosen ? answer.data.map((row) => pickFields(row, chosen)) : answer.data;
  return toJsonLine({ ...answer, data });
}

function sayRemarks<Row>(
  output: Output,
  { coverage, data, page }: Answer<Row>,
  staleness: string | null,
): void {
  if (data.length === 0) {
    output.say('nothing matched.');
  }
  for (const sentence of [
    ...(staleness === null ? [] : [staleness]),
    ...describeCoverage(coverage),
  ]) {
    output.say(escapeText(sentence));
  }
  if (page.next !== null) {
    output.say(`more: the next rows are --cursor ${page.next}`);
  }
}

/** The exit status an answer deserves: 3 before 1, because an unwatched time explains an empty answer. */
export function toStatus(
  output: Output,
  answer: {
    readonly isUnwatched: boolean;
    readonly isEmpty: boolean;
  } & Pick<PrintOptions, 'isStrict' | 'wantsExitStatus'>,
): number {
  if (answer.isStrict && answer.isUnwatched) {
    output.say(toErrorLine('--strict: part of the time asked about was not watched.'));
    return EXIT_STATUS.policy;
  }
  return answer.isEmpty && answer.wantsExitStatus ? EXIT_STATUS.noMatch : EXIT_STATUS.ok;
}
