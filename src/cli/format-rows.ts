/** Rows as an aligned table, as CSV and as a markdown table. Pure: text in, text out. */
import { readField, type Column, type JsonValue } from './columns.ts';
import { escapeText, textWidth } from './escape-text.ts';

/** Stands for an empty cell: two separators in a row would shift the columns of a script that splits by space. */
const EMPTY_CELL = '-';
const COLUMN_GAP = '  ';

interface Cells {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

function toCells<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  toCell: (text: string) => string,
): Cells {
  return {
    header: columns.map(({ header }) => header),
    rows: rows.map((row) =>
      columns.map(({ toText, isDrawing = false }) => {
        const text = toText(row);
        return text === null || text === '' ? EMPTY_CELL : isDrawing ? text : toCell(text);
      }),
    ),
  };
}

interface TableOptions {
  readonly hasHeader?: boolean;
  /** Cells by field, for a table that is written in parts. */
  readonly minimumWidths?: Readonly<Record<string, number>>;
}

/**
 * An aligned table. Columns are two spaces apart and no cell but a drawing holds two spaces in a row; text that
 * somebody else chose is escaped. The last column is not padded.
 */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { hasHeader = true, minimumWidths = {} }: TableOptions = {},
): string {
  const { header, rows: cells } = toCells(columns, rows, escapeText);
  const lines = hasHeader ? [header, ...cells] : cells;
  const widths = columns.map(({ field }, index) =>
    Math.max(minimumWidths[field] ?? 0, ...lines.map((line) => textWidth(line[index] ?? ''))),
  );
  return lines.map((line) => `${formatLine(line, columns, widths)}\n`).join('');
}

function formatLine(
  cells: readonly string[],
  columns: readonly { readonly align: 'left' | 'right' }[],
  widths: readonly number[],
): string {
  return cells
    .map((cell, index) => {
      const padding = ' '.repeat(Math.max(0, (widths[index] ?? 0) - textWidth(cell)));
      return columns[index]?.align === 'right' ? padding + cell : cell + padding;
    })
    .join(COLUMN_GAP)
    .trimEnd();
}

/** One row as a list of names and values, for a row that deserves to be read whole. */
export function formatRecord<Row>(columns: readonly Column<Row>[], row: Row): string {
  const { header, rows } = toCells(columns, [row], escapeText);
  return formatPairs(header.map((name, index) => [name, rows[0]?.[index] ?? EMPTY_CELL]));
}

/** Names and values under each other; both are taken as they are. */
export function formatPairs(pairs: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(0, ...pairs.map(([name]) => textWidth(name)));
  return pairs
    .map(([name, value]) => `${name}${' '.repeat(width - textWidth(name))}${COLUMN_GAP}${value}\n`)
    .join('');
}

/**
 * CSV after RFC 4180: CRLF, and quotes around what needs them. Values are those of the JSON, unescaped
 * and unchanged; an array or object is its JSON text. A value that starts with `=` stays so: who opens
 * the file with a spreadsheet must import it as text.
 */
export function formatCsv<Row>(
  columns: readonly Pick<Column<Row>, 'field'>[],
  rows: readonly Row[],
  { hasHeader }: { hasHeader: boolean } = { hasHeader: true },
): string {
  const fields = columns.map(({ field }) => field);
  const lines = rows.map((row) => fields.map((field) => toCsvText(readField(row, field))));
  return (hasHeader ? [fields, ...lines] : lines)
    .map((line) => `${line.map(quoteCsv).join(',')}\r\n`)
    .join('');
}

function toCsvText(value: JsonValue): string {
  if (value === null) {
    return '';
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function quoteCsv(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What JSON.stringify leaves as it is although a terminal would act on it. */
const UNSAFE_IN_JSON = /[\p{Cf}\x7f-\x9f\u2028\u2029]/gu;

/** One line of JSON, the same value as over HTTP; characters that a terminal would act on are escaped. */
export function toJsonLine(value: unknown): string {
  const text = JSON.stringify(value).replace(UNSAFE_IN_JSON, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
  return `${text}\n`;
}

/** A markdown table (GitHub's), with everything that markdown or HTML could act on escaped. */
export function formatMarkdown<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const { header, rows: cells } = toCells(columns, rows, escapeMarkdown);
  const rule = columns.map(({ align }) => (align === 'right' ? '---:' : '---'));
  return [header, rule, ...cells].map((line) => `| ${line.join(' | ')} |\n`).join('');
}

/** One line of text that markdown shows as it is. */
export function escapeMarkdown(text: string): string {
  // A backslash before ASCII punctuation makes it literal, CommonMark 0.31 section 2.4.
  return escapeText(text).replace(/[\\`*_[\]<>|~&!]/g, '\\$&');
}
