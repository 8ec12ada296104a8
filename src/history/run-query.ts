/** Runs a named query for somebody: parameters from text, rows as they are printed. */
import { NsauditError } from '../domain/errors.ts';
import { toInstantJson, type Answer, type CoverageJson } from '../domain/json.ts';
import { parseInteger, parseTypes } from '../domain/parse-arguments.ts';
import { parseTarget } from '../domain/parse-target.ts';
import { parseTime } from '../domain/parse-time.ts';
import type { WallClock } from '../domain/wall-clock.ts';
import { openPage } from './cursor.ts';
import type { QueryParameter, QueryRow } from './history.ts';
import { toPrintedName, type NamedQuery } from './load-queries.ts';
import type { Binding, SqlRow } from './open-reader.ts';
import { toAnswer, type Question } from './question.ts';

interface QueryRequest {
  readonly name: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly limit?: number | undefined;
}

/** Finds a query. Errors: NsauditError `not-found` naming those there are. */
export function requireQuery(queries: ReadonlyMap<string, NamedQuery>, name: string): NamedQuery {
  const query = queries.get(name);
  if (!query) {
    throw new NsauditError(
      'not-found',
      `there is no query "${name}": there are ${[...queries.keys()].join(', ')}.`,
    );
  }
  return query;
}

/**
 * Runs a query. `nowUs` is wall time, for parameters such as `-2h`.
 *
 * Errors: NsauditError `usage` for a parameter that is missing, unknown or cannot be read.
 */
export function runQuery(
  question: Question,
  query: NamedQuery,
  { parameters, limit: rowLimit, nowUs }: QueryRequest & { nowUs: number },
): Answer<QueryRow> {
  const bound = bindParameters(question, query, parameters, nowUs);
  const given = typeof bound['limit'] === 'number' ? bound['limit'] : undefined;
  const { limit } = openPage({ limit: rowLimit ?? given }, null, 0);
  const binding = 'limit' in bound ? { ...bound, limit } : bound;
  const rows = question.runner.some(query.name, binding, limit);
  const atUs = typeof binding['at'] === 'number' ? binding['at'] : question.head.nowUs;
  return toAnswer(question.head, {
    atUs,
    coverage: coverageOf(question, query, binding, atUs),
    data: rows.map((row) => renderRow(query, row, question.head.clock)),
    limit,
    next: null,
  });
}

/** A row as it is printed: instants as RFC 3339, ids as strings, in the order of the header. */
export function renderRow(query: NamedQuery, row: SqlRow, clock: WallClock): QueryRow {
  return Object.fromEntries(
    query.columns.map((column) => {
      const value = row[column.name] ?? null;
      if (typeof value !== 'number') {
        return [toPrintedName(column), value];
      }
      const text = column.unit === 'instant' ? toInstantJson(clock, value) : String(value);
      const isText = column.unit === 'instant' || column.unit === 'id';
      return [toPrintedName(column), isText ? text : value];
    }),
  );
}

function coverageOf(
  { coverage }: Question,
  { parameters }: NamedQuery,
  binding: Binding,
  atUs: number,
): CoverageJson {
  const us = (name: string) => (typeof binding[name] === 'number' ? binding[name] : null);
  const isWindowed = parameters.some(({ name }) => name === 'since');
  return isWindowed && us('at') === null
    ? coverage.ofWindow({ sinceUs: us('since'), untilUs: us('until') })
    : coverage.atInstant(atUs);
}

function bindParameters(
  question: Question,
  { name: queryName, parameters }: NamedQuery,
  given: Readonly<Record<string, string>>,
  nowUs: number,
): Binding {
  const unknown = Object.keys(given).find((key) => !parameters.some(({ name }) => name === key));
  if (unknown !== undefined) {
    const known = parameters.map(({ name }) => name).join(', ') || 'no parameters';
    throw new NsauditError(
      'usage',
      `query ${queryName} has no parameter "${unknown}": it takes ${known}.`,
    );
  }
  return Object.fromEntries(
    parameters.map((parameter) => {
      const text = given[parameter.name];
      if (text === undefined && parameter.default === null) {
        throw new NsauditError(
          'usage',
          `query ${queryName} needs the parameter ${parameter.name} (${parameter.description}).`,
        );
      }
      return [
        parameter.name,
        text === undefined ? null : readValue(question, parameter, text, nowUs),
      ];
    }),
  );
}

function readValue(
  { times }: Question,
  { name, type }: QueryParameter,
  text: string,
  nowUs: number,
): string | number {
  switch (type) {
    case 'time':
      return times.toInstantUs(parseTime(text, { nowUs }));
    case 'integer':
      return parseInteger(text, { what: `parameter ${name}`, min: -Number.MAX_SAFE_INTEGER });
    case 'type':
      return parseTypes(text).join(',');
    case 'lifespan':
      return readLifespan(name, text);
    case 'text':
      return text;
  }
}

/** `#12` as in a target, or the bare id as it stands in answers. */
function readLifespan(name: string, text: string): number {
  const target = text.startsWith('#') ? parseTarget(text) : undefined;
  return target?.kind === 'lifespan'
    ? target.lifespan
    : parseInteger(text, { what: `parameter ${name}`, min: 0 });
}
