/**
 * Columns: one record per field drives the header, the alignment, the text of a cell, the help and what
 * `--fields` takes.
 *
 * A field is a path into the JSON of a row (`born.by`), so that the same name works in every format. A
 * compound column (`born`) shows several JSON fields in one cell of a table; json and csv take those
 * fields (its parts) instead.
 */
import { NsauditError } from '../domain/errors.ts';
import { suggest } from './nearest.ts';

export interface Column<Row> {
  readonly field: string;
  readonly header: string;
  readonly align: 'left' | 'right';
  readonly help: string;
  /** JSON fields of a compound column; empty for a plain one. */
  readonly parts: readonly string[];
  /** Made here, of nothing that somebody else chose, and shown as it is, leading spaces included. */
  readonly isDrawing?: boolean;
  /** Text of the cell, unescaped; null for nothing. */
  readonly toText: (row: Row) => string | null;
}

export interface ColumnTable<Row> {
  readonly columns: readonly Column<Row>[];
  /** Fields of table and markdown when --fields is not given. */
  readonly defaults: readonly string[];
}

/** A JSON value as far as rows of answers go. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [field: string]: JsonValue };

/** A column that shows one JSON field as it is. */
export function plainColumn<Row>(
  field: string,
  help: string,
  presentation: {
    header?: string;
    align?: 'left' | 'right';
    toText?: (row: Row) => string | null;
  } = {},
): Column<Row> {
  return {
    field,
    header: presentation.header ?? toHeader(field),
    align: presentation.align ?? 'left',
    help,
    parts: [],
    toText: presentation.toText ?? ((row) => toCellText(readField(row, field))),
  };
}

/** `holders.now` to `HOLDERS NOW`, `scanDurationUsMax` to `SCAN DURATION US MAX`. */
export function toHeader(field: string): string {
  return field
    .replaceAll('.', ' ')
    .replaceAll('_', ' ')
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toUpperCase();
}

/** What stands at a dotted path; null where there is nothing. Arrays on the way are gone through. */
export function readField(row: unknown, field: string): JsonValue {
  let value = row as JsonValue | undefined;
  const [name = '', ...rest] = field.split('.');
  if (Array.isArray(value)) {
    return value.map((item: unknown) => readField(item, field));
  }
  value = isRecord(value) && Object.hasOwn(value, name) ? value[name] : null;
  return rest.length === 0 ? (value ?? null) : readField(value, rest.join('.'));
}

function isRecord(value: unknown): value is { readonly [field: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toCellText(value: JsonValue): string | null {
  if (value === null || typeof value === 'string') {
    return value;
  }
  if (typeof value === 'boolean') {
    return value ? 'yes' : 'no';
  }
  if (Array.isArray(value)) {
    const items: readonly JsonValue[] = value;
    return items.length === 0 ? null : items.map((item) => toCellText(item) ?? '-').join(', ');
  }
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

/**
 * The columns that `--fields` names, or those of `defaults`.
 *
 * Errors: NsauditError `usage` listing the fields, for a name that is none of them.
 */
export function selectColumns<Row>(
  { columns, defaults }: ColumnTable<Row>,
  fields: string | undefined,
): readonly Column<Row>[] {
  const names = fields === undefined ? defaults : fields.split(',').map((name) => name.trim());
  const all = columns.map(({ field }) => field);
  return names.map((name) => {
    const column = columns.find(({ field }) => field === name);
    if (!column) {
      throw new NsauditError(
        'usage',
        `--fields: "${name}" is no field of this answer${suggest(name, all)} The fields are ${all.join(', ')}.`,
      );
    }
    return column;
  });
}

/** The JSON fields behind columns, compound ones replaced by their parts, each once. */
export function toJsonFields(columns: readonly Column<never>[]): readonly string[] {
  return [...new Set(columns.flatMap(({ field, parts }) => (parts.length > 0 ? parts : [field])))];
}

/** A copy of a row with only these fields, in the nesting they had. What the row lacks, the copy lacks. */
export function pickFields(row: unknown, fields: readonly string[]): JsonValue {
  if (Array.isArray(row)) {
    return row.map((item: unknown) => pickFields(item, fields));
  }
  const picked: Record<string, JsonValue> = {};
  const names = new Set(fields.map((field) => field.split('.')[0] ?? ''));
  for (const name of names) {
    if (!isRecord(row) || !Object.hasOwn(row, name)) {
      continue;
    }
    const value = row[name] ?? null;
    const below = fields.filter((field) => field.startsWith(`${name}.`));
    const isWhole = below.length === 0 || fields.includes(name) || value === null;
    picked[name] = isWhole
      ? value
      : pickFields(
          value,
          below.map((field) => field.slice(name.length + 1)),
        );
  }
  return picked;
}
