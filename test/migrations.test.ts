/** The schema history: what it makes, what is written down of it, and that it runs once. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import Database from 'better-sqlite3';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { logMigrations, readMigrations } from '../migrations/index.ts';
import { LOG_FORMAT, READ_FORMAT } from '../src/store/database-format.ts';
import type { LogDatabase, ReadDatabase } from '../src/store/database-schema.ts';
import { LOG_PLAN, migrate, READ_PLAN, type MigrationPlan } from '../src/store/migrate.ts';
import { renderSchema } from '../src/store/schema-text.ts';
import { refusalOf, refusing, snapshot } from './store/disk.ts';
import { Scratch } from './support/state-on-disk.ts';

const root = resolve(import.meta.dirname, '..');
const PLANS = [
  ['log.db', LOG_PLAN],
  ['read.db', READ_PLAN],
] as const;

async function migrated(plan: MigrationPlan, path = ':memory:'): Promise<Database.Database> {
  const db = new Database(path);
  await migrate(db, plan);
  return db;
}

test('migrations/schema.sql is what the migrations make (if this fails: npm run schema)', async () => {
  const written = readFileSync(resolve(root, 'migrations/schema.sql'), 'utf8');
  const made = await renderSchema();
  expect(written, 'migrations/schema.sql is out of date: run `npm run schema`').toBe(made);
});

test('migrations/schema.sql is SQL that makes the same databases', async () => {
  const text = readFileSync(resolve(root, 'migrations/schema.sql'), 'utf8');
  const sections = text.split(/^-- (?=log\.db$|read\.db$)/m).slice(1);
  expect(sections).toHaveLength(2);
  for (const [index, section] of sections.entries()) {
    const db = new Database(':memory:');
    db.exec(`-- ${section}`);
    const plan = [LOG_PLAN, READ_PLAN][index] ?? LOG_PLAN;
    const other = await migrated(plan);
    expect(describeSchema(db)).toEqual(describeSchema(other));
    db.close();
    other.close();
  }
});

function describeSchema(db: Database.Database): unknown {
  const marks = ['application_id', 'user_version'].map((name) => db.pragma(name));
  return [marks, db.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema').all()];
}

test('the format version of each database is the number of its migrations', () => {
  expect(LOG_FORMAT.version).toBe(Object.keys(logMigrations).length);
  expect(READ_FORMAT.version).toBe(Object.keys(readMigrations).length);
});

describe('a migration runs once', () => {
  test.each(PLANS)('%s: a second run changes nothing on disk', async (_name, plan) => {
    using scratch = new Scratch();
    (await migrated(plan, scratch.join('a.db'))).close();
    const before = snapshot(scratch.path);
    (await migrated(plan, scratch.join('a.db'))).close();
    expect(snapshot(scratch.path)).toEqual(before);
  });

  test.each(PLANS)('%s: a newer version is refused and left alone', async (_name, plan) => {
    using scratch = new Scratch();
    const path = scratch.join('a.db');
    const db = await migrated(plan, path);
    db.pragma(`user_version = ${plan.format.version + 1}`);
    const before = snapshot(scratch.path);
    const refusal = await refusalOf(() => migrate(db, plan));
    db.close();
    expect(refusal).toEqual(
      refusing('unavailable', path, /knows versions up to \d+; use the newer nsaudit/),
    );
    expect(snapshot(scratch.path)).toEqual(before);
  });

  test.each(PLANS)('%s: one that fails changes nothing', async (_name, plan) => {
    using scratch = new Scratch();
    const path = scratch.join('a.db');
    const db = await migrated(plan, path);
    const before = describeSchema(db);
    const newer: MigrationPlan = {
      format: { ...plan.format, version: plan.format.version + 1 },
      migrations: {
        ...plan.migrations,
        '9999-fails': {
          up: async (kysely) => {
            await kysely.schema.createTable('half').addColumn('id', 'integer').execute();
            await kysely.schema.dropTable('absent').execute();
          },
        },
      },
    };
    const refusal = await refusalOf(() => migrate(db, newer));
    expect(refusal).toEqual(
      refusing('unavailable', path, /migration 9999-fails\); nothing was changed/),
    );
    expect(describeSchema(db)).toEqual(before);
    db.close();
  });
});

type Columns = Readonly<Record<string, string>>;

/** `number`, `string` or `Buffer`, with ` | null` where null is allowed, by column, as SQLite has them. */
function columnsOf(db: Database.Database, table: string): Columns {
  const types: Readonly<Record<string, string>> = {
    INTEGER: 'number',
    TEXT: 'string',
    BLOB: 'Buffer',
  };
  const rows = db.pragma(`table_info(${table})`) as {
    name: string;
    type: string;
    notnull: number;
    pk: number;
  }[];
  return Object.fromEntries(
    rows.map(({ name, type, notnull, pk }) => [
      name,
      `${types[type] ?? type}${notnull === 1 || pk > 0 ? '' : ' | null'}`,
    ]),
  );
}

/** The interfaces of a TypeScript file: members with their types as they are written. */
function readInterfaces(path: string): ReadonlyMap<string, Columns> {
  const source = ts.createSourceFile(
    path,
    readFileSync(path, 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  return new Map(
    source.statements.filter(ts.isInterfaceDeclaration).map((declaration) => [
      declaration.name.text,
      Object.fromEntries(
        declaration.members.filter(ts.isPropertySignature).map((member) => [
          member.name.getText(),
          // A column that only holds certain words is text all the same.
          (member.type?.getText() ?? '').replace(/^'.*'$/s, 'string'),
        ]),
      ),
    ]),
  );
}

describe('the row types of the store are the columns of the databases', () => {
  const interfaces = readInterfaces(resolve(root, 'src/store/database-schema.ts'));
  const kyselysOwn = /^(kysely_|sqlite_)/;
  // One table of each, by name: the types that this test reads as text are the ones the code is given.
  const known: readonly [keyof LogDatabase, keyof ReadDatabase] = ['event', 'lifespan'];

  test.each([
    ['LogDatabase', LOG_PLAN, known[0]],
    ['ReadDatabase', READ_PLAN, known[1]],
  ] as const)('%s', async (name, plan, table) => {
    const db = await migrated(plan);
    const tables = db
      .prepare<[], string>(`SELECT name FROM sqlite_schema WHERE type = 'table'`)
      .pluck()
      .all()
      .filter((found) => !kyselysOwn.test(found));
    const stored = Object.fromEntries(tables.map((found) => [found, columnsOf(db, found)]));
    db.close();
    const rowTypes = Object.entries(interfaces.get(name) ?? {});
    const declared = Object.fromEntries(
      rowTypes.map(([declaredTable, rowType]) => [declaredTable, interfaces.get(rowType)]),
    );
    expect(declared).toEqual(stored);
    expect(tables).toContain(table);
  });
});
