/**
 * What SQLite alone takes to write the rows of a read.db: the same tables filled from the old file inside SQLite,
 * with the settings of a rebuild, then the same indexes, then fsync. No value passes through JavaScript, so nothing
 * that folds a log into these rows can take less.
 */
import { rmSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { syncPath } from '../../src/store/create-file.ts';
import { migrate, READ_PLAN } from '../../src/store/migrate.ts';
import { openDatabase, type DatabaseHandle } from '../../src/store/open-database.ts';

const SETTINGS = ['journal_mode = OFF', 'synchronous = OFF', 'locking_mode = EXCLUSIVE'] as const;
/** As a rebuild sets them, so that both sort and cache alike. */
const SIZES = ['cache_size = -65536', 'temp_store = FILE', 'threads = 1'] as const;

/** Copies a read.db that nobody writes into a file beside it, which is removed again. */
export function copyRows(readPath: string): void {
  const copyPath = `${readPath}.copy`;
  rmSync(copyPath, { force: true });
  const db = new Database(copyPath);
  try {
    for (const setting of [...SETTINGS, ...SIZES]) {
      db.pragma(setting);
    }
    db.prepare('ATTACH ? AS original').run(readPath);
    const tables = listDefinitions(db, 'table');
    db.exec(tables.map(({ sql }) => sql).join(';\n'));
    db.exec(
      `BEGIN; ${tables.map(({ name }) => `INSERT INTO main.${name} SELECT * FROM original.${name}`).join('; ')}; COMMIT`,
    );
    for (const { sql } of listDefinitions(db, 'index')) {
      db.exec(sql);
    }
  } finally {
    db.close();
  }
  syncPath(copyPath);
  rmSync(copyPath);
}

/** Tables that get a row for what an event introduces, and the column with the seq of that event. */
const INTRODUCED = [
  ['lifespan', 'id'],
  ['holder_count', 'lifespan'],
  ['holder', 'id'],
  ['container_use', 'lifespan'],
  ['namespace_set', 'id'],
] as const;

export interface RowCopier {
  /** Copies what the events of `(after, upTo]` introduced, in one transaction. */
  copy(after: number, upTo: number): void;
  close(): void;
}

/**
 * The same batch by batch, with the indexes in place and the settings of a collector: the rows as they stood at the
 * end. What a projection also does, to write a row and then its end, is left out.
 */
export async function openRowCopier(readPath: string, copyPath: string): Promise<RowCopier> {
  writeFileSync(copyPath, '');
  const db = openDatabase(copyPath, 'read-writer');
  await migrate(db, READ_PLAN);
  db.prepare('ATTACH ? AS original').run(readPath);
  const statements = INTRODUCED.map(([table, key]) =>
    db.prepare(
      `INSERT INTO main.${table} SELECT * FROM original.${table}
       WHERE ${key} > CAST(? AS INTEGER) AND ${key} <= CAST(? AS INTEGER)`,
    ),
  );
  const copyAll = db.transaction((after: number, upTo: number) => {
    for (const statement of statements) {
      statement.run(after, upTo);
    }
  });
  return { copy: (after, upTo) => copyAll.immediate(after, upTo), close: () => db.close() };
}

interface Definition {
  readonly name: string;
  readonly sql: string;
}

function listDefinitions(db: DatabaseHandle, type: 'table' | 'index'): Definition[] {
  return db
    .prepare<[string], Definition>(
      `SELECT name, sql FROM original.sqlite_schema
       WHERE type = ? AND sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid`,
    )
    .all(type);
}
