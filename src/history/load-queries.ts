/**
 * Reads `queries/*.sql`: the text that is run, and the header that says what it answers.
 *
 * Holds:     the grammar of the header; every part of it is checked when the file is read.
 * Does not:  run anything, or know what a particular query is about.
 * Proved by: test/queries.test.ts, test/history/load-queries.test.ts
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert } from '../domain/errors.ts';
import type { QueryDescription, QueryParameter } from './history.ts';

export interface QueryColumn {
  /** As SQL names it. */
  readonly name: string;
  /** `instant` and `id` are rendered as everywhere else, every other unit is documentation. */
  readonly unit: string;
  readonly description: string;
}

export interface NamedQuery {
  readonly name: string;
  readonly question: string;
  /** What the question needs said besides; empty for most. */
  readonly about: string;
  readonly parameters: readonly QueryParameter[];
  readonly columns: readonly QueryColumn[];
  /** Index names, for people who read the plan. */
  readonly uses: string;
  /** Words after `nsaudit query`. */
  readonly example: string;
  readonly sql: string;
  /** Every parameter bound to null, which stands for its default. */
  readonly nothing: Readonly<Record<string, null>>;
}

const PARAMETER_TYPES: readonly QueryParameter['type'][] = [
  'time',
  'integer',
  'text',
  'type',
  'lifespan',
];

/**
 * The directory of the queries: `queries/` beside the package.json above this module, wherever this
 * module was built to.
 */
export function findQueriesDirectory(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    assert(parent !== directory, `no package.json above ${fileURLToPath(import.meta.url)}`);
    directory = parent;
  }
  return join(directory, 'queries');
}

/** Reads every query of a directory, by name, in alphabetical order. */
export function loadQueries(directory: string): ReadonlyMap<string, NamedQuery> {
  const files = readdirSync(directory).filter((file) => file.endsWith('.sql'));
  return new Map(
    files.toSorted().map((file) => {
      const query = parseQuery(readFileSync(join(directory, file), 'utf8'), file);
      return [query.name, query];
    }),
  );
}

/** What is printed about a query: its instants are printed without `_us`, as RFC 3339. */
export function describeQuery(query: NamedQuery): QueryDescription {
  const { name, question, parameters, columns, example } = query;
  return {
    name,
    question,
    parameters,
    example,
    columns: columns.map((column) => ({
      name: toPrintedName(column),
      description: column.description,
    })),
  };
}

/** The name a column is printed under. */
export function toPrintedName({ name, unit }: QueryColumn): string {
  return unit === 'instant' ? name.replace(/_us$/, '') : name;
}

/**
 * Parses one file. The header is the run of comment lines at its top: `-- key: value`, and below a key
 * further lines that are indented.
 *
 * Errors: InvariantError naming the file, for a header that is not complete.
 */
export function parseQuery(sql: string, file: string): NamedQuery {
  const parts = readHeader(sql, file);
  const one = (key: string): string => {
    const [line, ...more] = parts.get(key) ?? [];
    assert(line !== undefined && line !== '', `${file}: the header has no "${key}"`);
    assert(key === 'question' || more.length === 0, `${file}: "${key}" is one line`);
    return line;
  };
  const name = one('name');
  assert(`${name}.sql` === file, `${file}: the header names another query, "${name}"`);
  const [, ...about] = parts.get('question') ?? [];
  const example = one('example');
  assert(example.split(' ')[0] === name, `${file}: the example is of another query`);
  const parameters = list(parts, 'parameters', file).map((line) => parseParameter(line, file));
  return {
    name,
    question: one('question'),
    about: about.join(' '),
    parameters,
    columns: list(parts, 'columns', file).map((line) => parseColumn(line, file)),
    uses: one('uses'),
    example,
    sql,
    nothing: Object.fromEntries(parameters.map((parameter) => [parameter.name, null])),
  };
}

function readHeader(sql: string, file: string): Map<string, string[]> {
  const parts = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of sql.split('\n')) {
    if (!line.startsWith('--')) {
      break;
    }
    const [, key, value = ''] = /^-- ([a-z]+):(.*)$/.exec(line) ?? [];
    if (key === undefined) {
      const more = /^-- {3}(\S.*)$/.exec(line)?.[1];
      assert(more !== undefined, `${file}: cannot read the header line "${line}"`);
      current.push(more);
    } else {
      assert(!parts.has(key), `${file}: "${key}" is given twice`);
      current = [value.trim()];
      parts.set(key, current);
    }
  }
  return parts;
}

function list(parts: ReadonlyMap<string, string[]>, key: string, file: string): string[] {
  const [first, ...lines] = parts.get(key) ?? [];
  assert(first === '', `${file}: "${key}" is a list, one entry a line`);
  return lines;
}

/** `name  type  default  description`; a default is written as on the command line, or stands for itself. */
function parseParameter(line: string, file: string): QueryParameter {
  const [, name, word, byDefault, description] =
    /^(\S+)\s+(\S+)\s+(\S+)\s+(\S.*)$/.exec(line) ?? [];
  const type = PARAMETER_TYPES.find((known) => known === word);
  assert(
    name !== undefined &&
      type !== undefined &&
      byDefault !== undefined &&
      description !== undefined,
    `${file}: cannot read the parameter "${line}"`,
  );
  return { name, type, default: byDefault === 'required' ? null : byDefault, description };
}

function parseColumn(line: string, file: string): QueryColumn {
  const [, name, unit, description] = /^(\S+)\s+(\S+)\s+(\S.*)$/.exec(line) ?? [];
  assert(
    name !== undefined && unit !== undefined && description !== undefined,
    `${file}: cannot read the column "${line}"`,
  );
  assert(unit !== 'instant' || name.endsWith('_us'), `${file}: instant ${name} has no _us`);
  return { name, unit, description };
}
