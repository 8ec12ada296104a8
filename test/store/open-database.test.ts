/** Every setting of every kind of connection, read back from the connection itself. */
import { existsSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { closeWriter, openDatabase, type DatabaseUse } from '../../src/store/open-database.ts';
import { Scratch } from '../support/state-on-disk.ts';
import { refusalOf, refusing, snapshot } from './disk.ts';

const EVERYBODY = {
  journal_mode: 'wal',
  trusted_schema: 0,
  cell_size_check: 1,
  temp_store: 2,
  cache_size: -16_000,
  mmap_size: 0,
};
const WRITERS = {
  ...EVERYBODY,
  foreign_keys: 1,
  recursive_triggers: 1,
  journal_size_limit: 67_108_864,
  busy_timeout: 2_000,
  query_only: 0,
};

/** synchronous: 2 is FULL, 1 is NORMAL. Source: sqlite.org/pragma.html. */
const WANTED: Readonly<Record<DatabaseUse, Readonly<Record<string, number | string>>>> = {
  'log-writer': { ...WRITERS, synchronous: 2, wal_autocheckpoint: 1_000 },
  'read-writer': { ...WRITERS, synchronous: 1, wal_autocheckpoint: 4_000 },
  reader: { ...EVERYBODY, busy_timeout: 200, query_only: 1 },
};

const USES: readonly DatabaseUse[] = ['log-writer', 'read-writer', 'reader'];

function readBack(db: Database.Database, use: DatabaseUse): Record<string, unknown> {
  const names = Object.keys(WANTED[use]);
  return Object.fromEntries(names.map((name) => [name, db.pragma(name, { simple: true })]));
}

/** A database that has been a WAL database before, with one row. */
function make(path: string): void {
  writeFileSync(path, '');
  const db = openDatabase(path, 'log-writer');
  db.exec('CREATE TABLE thing (id INTEGER PRIMARY KEY) STRICT; INSERT INTO thing VALUES (1)');
  closeWriter(db);
}

describe('a connection is set as it must be', () => {
  test.each(['log-writer', 'read-writer'] as const)('%s, on a new file', (use) => {
    using scratch = new Scratch();
    writeFileSync(scratch.join('a.db'), '');
    const db = openDatabase(scratch.join('a.db'), use);
    expect(readBack(db, use)).toEqual(WANTED[use]);
    closeWriter(db);
  });

  test.each(USES)('%s, at the second and the third open', (use) => {
    using scratch = new Scratch();
    make(scratch.join('a.db'));
    for (let open = 2; open <= 3; open += 1) {
      const db = openDatabase(scratch.join('a.db'), use);
      expect(readBack(db, use)).toEqual(WANTED[use]);
      db.close();
    }
  });

  test('and a plain connection is not: without the settings, a commit is lost with the power', () => {
    using scratch = new Scratch();
    make(scratch.join('a.db'));
    const db = new Database(scratch.join('a.db'));
    expect(db.pragma('synchronous', { simple: true })).toBe(1);
    expect(db.pragma('recursive_triggers', { simple: true })).toBe(0);
    db.close();
  });
});

describe('a reader', () => {
  test.each([
    'INSERT INTO thing VALUES (2)',
    'DELETE FROM thing',
    'CREATE TABLE more (id INTEGER)',
    'DROP TABLE thing',
    'PRAGMA user_version = 7',
    'VACUUM',
  ])('cannot write: %s', (sql) => {
    using scratch = new Scratch();
    make(scratch.join('a.db'));
    const before = snapshot(scratch.path);
    const db = openDatabase(scratch.join('a.db'), 'reader');
    expect(() => db.exec(sql)).toThrow(/readonly|query_only/);
    db.pragma('query_only = OFF');
    expect(() => db.exec(sql)).toThrow(/readonly/);
    db.close();
    expect(snapshot(scratch.path)).toEqual(before);
  });

  test('sees what is committed while it is open', () => {
    using scratch = new Scratch();
    make(scratch.join('a.db'));
    const writer = openDatabase(scratch.join('a.db'), 'log-writer');
    const reader = openDatabase(scratch.join('a.db'), 'reader');
    writer.exec('INSERT INTO thing VALUES (2)');
    expect(reader.prepare('SELECT count(*) FROM thing').pluck().get()).toBe(2);
    reader.close();
    closeWriter(writer);
  });
});

describe('a file that is missing', () => {
  test.each(USES)('is not created for a %s', async (use) => {
    using scratch = new Scratch();
    const path = scratch.join('a.db');
    const refusal = await refusalOf(() => openDatabase(path, use));
    expect(refusal).toEqual(refusing('unavailable', path, /does not exist; start the collector/));
    expect(readdirSync(scratch.path)).toEqual([]);
  });
});

describe('a file that is no database', () => {
  test.each(USES)('is left alone by a %s', async (use) => {
    using scratch = new Scratch();
    const path = scratch.join('a.db');
    writeFileSync(path, 'text\n'.repeat(1_000));
    const before = snapshot(scratch.path);
    const refusal = await refusalOf(() => openDatabase(path, use));
    expect(refusal).toEqual(refusing('integrity', path, /is no SQLite database; name another/));
    expect(snapshot(scratch.path)).toEqual(before);
  });
});

describe('closing a writer', () => {
  test('leaves an empty -wal and a -shm for readers who may not create them', () => {
    using scratch = new Scratch();
    make(scratch.join('a.db'));
    expect(readdirSync(scratch.path).toSorted()).toEqual(['a.db', 'a.db-shm', 'a.db-wal']);
    expect(statSync(scratch.join('a.db-wal')).size).toBe(0);
  });

  test('goes on while a reader is in the middle of reading, and loses nothing', () => {
    using scratch = new Scratch();
    make(scratch.join('a.db'));
    const reader = openDatabase(scratch.join('a.db'), 'reader');
    reader.exec('BEGIN');
    const count = reader.prepare('SELECT count(*) FROM thing').pluck();
    expect(count.get()).toBe(1);
    const writer = openDatabase(scratch.join('a.db'), 'log-writer');
    writer.exec('INSERT INTO thing VALUES (2)');
    closeWriter(writer);
    expect(count.get()).toBe(1);
    reader.exec('COMMIT');
    expect(count.get()).toBe(2);
    reader.close();
  });

  test('leaves no descriptor of the database open', () => {
    using scratch = new Scratch();
    make(scratch.join('a.db'));
    const links = readdirSync('/proc/self/fd').map((fd) => {
      // The descriptor that listed the directory is gone by now.
      return existsSync(`/proc/self/fd/${fd}`) ? readlinkSync(`/proc/self/fd/${fd}`) : '';
    });
    expect(links.filter((link) => link.startsWith(scratch.path))).toEqual([]);
  });

  test('twice is once', () => {
    using scratch = new Scratch();
    make(scratch.join('a.db'));
    const writer = openDatabase(scratch.join('a.db'), 'log-writer');
    closeWriter(writer);
    closeWriter(writer);
    expect(writer.open).toBe(false);
  });
});
