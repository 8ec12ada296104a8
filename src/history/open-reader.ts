/**
 * A read-only connection that follows its file: a database that was rebuilt is a new file under the old
 * name, and the next question is answered from it.
 *
 * Holds:     the connection, its prepared statements, and the snapshot each question is answered from.
 * Promises:  one question sees one state of the database, whatever a writer does meanwhile.
 * Does not:  know what the statements ask.
 * Proved by: test/history/open-history.test.ts
 */
import { existsSync, statSync } from 'node:fs';
import type { Statement } from 'better-sqlite3';
import { NsauditError } from '../domain/errors.ts';
import { withDatabaseErrors } from '../store/database-errors.ts';
import { checkMarks } from '../store/database-file.ts';
import { READ_FORMAT } from '../store/database-format.ts';
import { openDatabase, type DatabaseHandle } from '../store/open-database.ts';

export type SqlValue = string | number | bigint | null;
export type SqlRow = Readonly<Record<string, string | number | null>>;

/** Values by parameter name. Integers are bound as 64-bit ones, never as REAL. */
export type Binding = Readonly<Record<string, string | number | null>>;

export interface Reader {
  /** Runs `work` on one snapshot; the name of the database file stands in every error. */
  read<Result>(work: (statements: Statements) => Result): Result;
  close(): void;
}

export interface Statements {
  all<Row = SqlRow>(sql: string, binding?: Binding): Row[];
  get<Row = SqlRow>(sql: string, binding?: Binding): Row | undefined;
  /** At most `limit` rows, whatever the statement says. */
  some<Row = SqlRow>(sql: string, binding: Binding, limit: number): Row[];
}

interface Connection {
  readonly db: DatabaseHandle;
  readonly inode: bigint;
  readonly statements: Statements;
}

/**
 * Opens a database for reading; the connection is made by the first question.
 *
 * Errors of read: NsauditError `unavailable` when the file is missing or of another version, `busy`, `io`
 * or `integrity` as SQLite says.
 */
export function openReader(path: string): Reader {
  let connection: Connection | undefined;
  const current = (): Connection => {
    const inode = statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
    if (connection && connection.inode === inode) {
      return connection;
    }
    connection?.db.close();
    connection = undefined;
    const db = openReadDatabase(path);
    // A file renamed over the old one between the two calls is noticed by the next question.
    connection = { db, inode: inode ?? -1n, statements: prepareOnDemand(db) };
    return connection;
  };
  return {
    read(work) {
      return withDatabaseErrors(path, () => {
        const { db, statements } = current();
        return db.transaction(() => work(statements))();
      });
    },
    close() {
      connection?.db.close();
      connection = undefined;
    },
  };
}

function openReadDatabase(path: string): DatabaseHandle {
  const db = openFoldedFile(path);
  try {
    const version = Number(db.pragma('user_version', { simple: true }));
    const applicationId = Number(db.pragma('application_id', { simple: true }));
    checkMarks(path, { applicationId, userVersion: version }, READ_FORMAT);
    if (version < READ_FORMAT.version) {
      throw new NsauditError(
        'unavailable',
        `${path} has format version ${version} and this nsaudit reads version ${READ_FORMAT.version}; run nsaudit rebuild.`,
      );
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function openFoldedFile(path: string): DatabaseHandle {
  try {
    return openDatabase(path, 'reader');
  } catch (cause) {
    if (existsSync(path)) {
      throw cause;
    }
    throw new NsauditError(
      'unavailable',
      `${path} does not exist; run nsaudit rebuild, which makes it from the log, or start the collector.`,
      { cause },
    );
  }
}

interface Prepared {
  readonly statement: Statement<[Record<string, SqlValue>], SqlValue[]>;
  readonly toRow: (values: readonly SqlValue[]) => unknown;
}

function prepareOnDemand(db: DatabaseHandle): Statements {
  const prepared = new Map<string, Prepared>();
  const prepare = (sql: string): Prepared => {
    let found = prepared.get(sql);
    if (!found) {
      // Arrays: a row as an object takes the driver twice as long.
      const statement = db.prepare<[Record<string, SqlValue>], SqlValue[]>(sql).raw();
      found = { statement, toRow: compileRow(statement.columns().map(({ name }) => name)) };
      prepared.set(sql, found);
    }
    return found;
  };
  return {
    all<Row>(sql: string, binding: Binding = {}) {
      const { statement, toRow } = prepare(sql);
      return statement.all(toSql(binding)).map((values) => toRow(values) as Row);
    },
    get<Row>(sql: string, binding: Binding = {}) {
      const { statement, toRow } = prepare(sql);
      const values = statement.get(toSql(binding));
      return values && (toRow(values) as Row);
    },
    some<Row>(sql: string, binding: Binding, limit: number) {
      const { statement, toRow } = prepare(sql);
      const rows: Row[] = [];
      for (const values of statement.iterate(toSql(binding))) {
        if (rows.push(toRow(values) as Row) === limit) {
          break;
        }
      }
      return rows;
    },
  };
}

/**
 * A function from values to a row, as one object literal: rows that got their fields one by one cost the garbage
 * collector several times as much. The caller says what the statement returns; tests of the queries hold it to that.
 */
function compileRow(columns: readonly string[]): (values: readonly SqlValue[]) => unknown {
  const fields = columns.map((column, index) => `${JSON.stringify(column)}: values[${index}]`);
  // The text comes from the columns of our own statements and nothing else.
  // eslint-disable-next-line no-new-func
  return new Function('values', `return { ${fields.join(', ')} };`) as (
    values: readonly SqlValue[],
  ) => unknown;
}

function toSql(binding: Binding): Record<string, SqlValue> {
  const values: Record<string, SqlValue> = {};
  for (const [name, value] of Object.entries(binding)) {
    values[name] = typeof value === 'number' ? BigInt(value) : value;
  }
  return values;
}
