/** Runs named queries on one snapshot of read.db. */
import { assert } from '../domain/errors.ts';
import type { NamedQuery } from './load-queries.ts';
import type { Binding, SqlRow, Statements } from './open-reader.ts';

export interface QueryRunner {
  /** Every row; parameters that are not given are bound to null, which stands for their default. */
  all<Row = SqlRow>(name: string, binding?: Binding): Row[];
  /** As `all`, of some columns only: what is not asked for is not computed. */
  pick<Row>(name: string, columns: readonly string[], binding: Binding): Row[];
  get<Row = SqlRow>(name: string, binding?: Binding): Row | undefined;
  some<Row = SqlRow>(name: string, binding: Binding, limit: number): Row[];
  /** Start of the record: of the first stretch of watching, or of what was before it and has been pruned. */
  firstWatchedUs(): number | null;
  /** seq of the last written stretch; 0 before the first. */
  lastCoverageSeq(): number;
  /** What has been pruned of the boot of an instant, from which on nothing has: timeline microseconds. */
  prunedOfBoot(atUs: number): PrunedSpan | undefined;
}

export interface PrunedSpan {
  readonly source: string;
  readonly from_us: number;
  readonly to_us: number;
  readonly reason: string;
}

const PRUNED_OF_BOOT_SQL = `
  SELECT g.source, g.from_us, g.to_us, g.reason
  FROM gap AS g
  WHERE g.reason = 'pruned'
    AND g.to_us <= :at
    AND g.to_us > coalesce((SELECT max(b.anchor_us) FROM boot AS b WHERE b.anchor_us <= :at), 0)`;

const FIRST_WATCHED_SQL = `
  SELECT min(f.from_us) AS value FROM (
    SELECT min(c.from_us) AS from_us FROM coverage AS c
    UNION ALL
    SELECT g.from_us FROM gap AS g WHERE g.reason = 'pruned'
  ) AS f`;

export function createQueryRunner(
  queries: ReadonlyMap<string, NamedQuery>,
  statements: Statements,
): QueryRunner {
  const find = (name: string): NamedQuery => {
    const query = queries.get(name);
    assert(query !== undefined, `there is no query ${name}`);
    return query;
  };
  const number = (sql: string) => statements.get<{ value: number | null }>(sql)?.value ?? null;
  return {
    all(name, binding) {
      const query = find(name);
      return statements.all(query.sql, fill(query, binding));
    },
    pick(name, columns, binding) {
      const query = find(name);
      const list = columns.map((column) => `q.${column}`).join(', ');
      const sql = query.sql.trimEnd().replace(/;$/, '');
      return statements.all(`SELECT ${list} FROM (${sql}\n) AS q`, fill(query, binding));
    },
    get(name, binding) {
      const query = find(name);
      return statements.get(query.sql, fill(query, binding));
    },
    some(name, binding, limit) {
      const query = find(name);
      return statements.some(query.sql, fill(query, binding), limit);
    },
    firstWatchedUs: () => number(FIRST_WATCHED_SQL),
    prunedOfBoot: (atUs) => statements.get<PrunedSpan & SqlRow>(PRUNED_OF_BOOT_SQL, { at: atUs }),
    lastCoverageSeq: () => number('SELECT max(c.seq) AS value FROM coverage AS c') ?? 0,
  };
}

function fill({ nothing }: NamedQuery, binding: Binding = {}): Binding {
  return { ...nothing, ...binding };
}
