/**
 * Every named query, on the schema that the migrations make: it can be prepared, only reads, is described
 * in full, finds its rows through indexes, and its example runs, also in the sqlite3 shell.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findQueriesDirectory, loadQueries, type NamedQuery } from '../src/history/load-queries.ts';
import { migrate, READ_PLAN } from '../src/store/migrate.ts';
import { boundTo, inNet, others, process, recordHost } from './history/recorded-host.ts';

const directory = findQueriesDirectory();
const queries = [...loadQueries(directory).values()];

let folder: string;
let db: Database.Database;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nsaudit-queries-'));
  db = new Database(join(folder, 'read.db'));
  await migrate(db, READ_PLAN);
});

afterAll(() => {
  db.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The statement without its comments and texts. */
function bare(sql: string): string {
  return sql.replaceAll(/--.*$/gm, '').replaceAll(/'[^']*'/g, "''");
}

function parametersOf(sql: string): string[] {
  return [...new Set([...bare(sql).matchAll(/:([a-z_]+)/g)].map(([, name = '']) => name))];
}

function explain({ sql, nothing }: Pick<NamedQuery, 'sql' | 'nothing'>): string[] {
  const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(nothing) as { detail: string }[];
  return plan.map(({ detail }) => detail);
}

/** Steps of the plan that go through all of a large table, or all of one of its indexes. */
function findScans(query: Pick<NamedQuery, 'sql' | 'nothing'>): string[] {
  const aliases = aliasesOf(query.sql);
  return explain(query).filter((detail) =>
    aliases.some((alias) =>
      // An automatic index is filled by a scan; a search without an index is one.
      new RegExp(`^(SCAN ${alias}( |$)|SEARCH ${alias}( USING AUTOMATIC|$))`).test(detail),
    ),
  );
}

/** Names that the large tables go by in the query. */
function aliasesOf(sql: string): string[] {
  const found = bare(sql).matchAll(/\b(?:FROM|JOIN)\s+(?:lifespan|holder)\s+AS\s+(\w+)/g);
  return [...new Set([...found].map(([, alias = '']) => alias))];
}

test('there is a query for every file and no other file', () => {
  expect(readdirSync(directory).toSorted()).toEqual(queries.map(({ name }) => `${name}.sql`));
});

test.each([
  'SELECT l.id FROM lifespan AS l',
  'SELECT count(*) FROM boot AS b CROSS JOIN lifespan AS l WHERE l.boot = b.boot',
  'SELECT max(h.to_us) FROM holder AS h WHERE h.comm = :at',
])('a scan of a large table is noticed: %s', (sql) => {
  expect(findScans({ sql, nothing: { at: null } })).toHaveLength(1);
});

describe.each(queries.map((query) => [query.name, query] as const))('%s', (_name, query) => {
  test('only reads', () => {
    expect(db.prepare(query.sql).readonly).toBe(true);
    expect(bare(query.sql).match(/;/g)).toHaveLength(1);
  });

  test('documents every parameter and no other', () => {
    const described = query.parameters.map(({ name }) => name);
    expect(described.toSorted()).toEqual(parametersOf(query.sql).toSorted());
  });

  test('documents every column, in order', () => {
    const columns = db.prepare(query.sql).columns();
    expect(query.columns.map(({ name }) => name)).toEqual(columns.map(({ name }) => name));
  });

  test('selects columns by name', () => {
    expect(bare(query.sql)).not.toMatch(/SELECT\s+(\w+[.])?[*]/i);
  });

  test('scans no large table', () => {
    expect(findScans(query)).toEqual([]);
  });

  test('uses the indexes it names', () => {
    const plan = explain(query).join('\n');
    for (const index of query.uses.match(/\b[a-z]+(_[a-z]+)+\b/g) ?? []) {
      expect(plan).toContain(`INDEX ${index} `);
    }
  });
});

async function record() {
  const host = await recordHost();
  host.watch(10, 11, others);
  const mountNamespaces = boundTo('/run/netns/blue');
  host.scan({
    second: 12,
    processes: [...others, inNet(4711), process(51, { uts: 77 })],
    mountNamespaces,
  });
  host.scan({ second: 13, processes: [...others, inNet(4711)], mountNamespaces });
  host.watch(14, 16, others);
  host.stop(17);
  return host;
}

describe('on a real record', () => {
  test('every example runs', async () => {
    const { history } = await record();
    for (const { name, example, columns } of queries) {
      const words = example
        .split(' ')
        .slice(1)
        .filter((word) => word !== '-p');
      const parameters = Object.fromEntries(words.map((word) => word.split(/=(.*)/, 2)));
      const { data } = history.query({ name, parameters });
      for (const row of data) {
        expect(Object.keys(row), name).toHaveLength(columns.length);
      }
    }
  });

  const shell = 'sqlite3';
  const hasShell = spawnSync(shell, ['--version']).status === 0;

  test.skipIf(!hasShell)(
    `every file runs as it is in the sqlite3 shell${hasShell ? '' : ' — NOT RUN: there is no sqlite3'}`,
    async () => {
      const { directory: state, history } = await record();
      const [life] = history.lifespans({ target: { kind: 'name', name: '/run/netns/blue' } }).data;
      const values: Record<string, string> = {
        lifespan: life?.lifespan ?? '',
        inum: String(life?.inum),
        pid: '4711',
        path: "'/run/netns/blue'",
        kernel_id: "'1'",
        holder: '1',
        set_id: '1',
        limit: '3',
      };
      for (const { name, parameters } of queries) {
        const settings = parameters.flatMap(({ name: parameter }) =>
          parameter in values ? [`.parameter set :${parameter} ${values[parameter]}`] : [],
        );
        const input = [
          ...settings,
          '.mode list',
          readFileSync(join(directory, `${name}.sql`), 'utf8'),
        ];
        const output = execFileSync(
          shell,
          ['-batch', '-bail', '-readonly', join(state, 'read.db')],
          {
            input: input.join('\n'),
            encoding: 'utf8',
          },
        );
        const wanted = history.query({
          name,
          parameters: Object.fromEntries(
            parameters.flatMap(({ name: parameter }) =>
              parameter in values
                ? [[parameter, values[parameter]?.replaceAll("'", '') ?? '']]
                : [],
            ),
          ),
        });
        expect(
          output.split('\n').filter((line) => line !== ''),
          name,
        ).toHaveLength(wanted.data.length);
      }
    },
  );
});
