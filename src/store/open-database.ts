/**
 * Opens the databases of a state directory with every setting made and read back.
 *
 * Holds:     the settings of each kind of connection. A default is never trusted: better-sqlite3 is built
 *            so that a WAL database opens with synchronous=NORMAL from the second time on.
 * Promises:  a connection that cannot be set as wanted is not handed out; a reader cannot write.
 * Does not:  know what is in the databases, or who may open them.
 * Proved by: test/store/open-database.test.ts
 */
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { assert, NsauditError } from '../domain/errors.ts';
import { withDatabaseErrors } from './database-errors.ts';

export type DatabaseHandle = Database.Database;

/**
 * `log-writer`: what is committed survives power loss. `read-writer`: a commit may be lost with the
 * power, never torn; read.db is folded from the log again. `reader`: opened read-only.
 */
export type DatabaseUse = 'log-writer' | 'read-writer' | 'reader';

const WRITER_TIMEOUT_MS = 2_000;
/** The driver is synchronous: while it waits, nothing else in the process runs. */
const READER_TIMEOUT_MS = 200;
const JOURNAL_BYTES_MAX = 64 * 1024 * 1024;

/** synchronous: 2 is FULL, 1 is NORMAL. */
const DURABILITY = {
  'log-writer': { synchronous: 2, wal_autocheckpoint: 1_000 },
  // Its pages change again and again, so moving them into the database seldom saves most of the writing.
  'read-writer': { synchronous: 1, wal_autocheckpoint: 4_000 },
} as const;

/** Every setting with the value that reading it back must give. Source: sqlite.org/pragma.html. */
const SETTINGS = {
  // Views and triggers of a database that somebody else wrote may not call functions with side effects.
  trusted_schema: 0,
  // Damage is found where it is read, not where it is used.
  cell_size_check: 1,
  temp_store: 2,
  cache_size: -16_000,
  // A mapped file that is truncated kills the process with SIGBUS.
  mmap_size: 0,
} as const;

const WRITER_SETTINGS = {
  ...SETTINGS,
  foreign_keys: 1,
  // Delete triggers fire for INSERT OR REPLACE too.
  recursive_triggers: 1,
  journal_size_limit: JOURNAL_BYTES_MAX,
} as const;

/**
 * Opens one database.
 *
 * A rebuilt read.db is a new file under the old name. A reader that opens while the files are exchanged
 * tries again for a moment, and never gets the old database with the new one's `-wal`: the exchange takes
 * the old name away before it touches the side files, so a name that is the same before and after the
 * first read had its own side files in between.
 *
 * Errors: NsauditError `unavailable` when the file does not exist, else what database-errors.ts makes of
 * it; nothing is created, except the `-wal` and `-shm` files that SQLite needs beside a database.
 */
export function openDatabase(path: string, use: DatabaseUse): DatabaseHandle {
  return withDatabaseErrors(path, () => {
    if (use !== 'reader') {
      requireIdentity(path);
      return openOnce(path, use);
    }
    for (let attempt = 1; ; attempt += 1) {
      try {
        return openUnmoved(path);
      } catch (error) {
        if (attempt === EXCHANGE_ATTEMPTS || !isExchanging(error)) {
          throw error;
        }
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, EXCHANGE_WAIT_MS);
      }
    }
  });
}

/** An exchange takes less than a millisecond; what fails for longer has failed. */
const EXCHANGE_ATTEMPTS = 10;
const EXCHANGE_WAIT_MS = 5;

/** A side file that vanishes while SQLite opens it is an I/O error to it (SQLITE_IOERR_FSTAT). */
function isExchanging(error: unknown): boolean {
  return (
    error instanceof NsauditError ||
    (error instanceof Database.SqliteError && /^SQLITE_(CANTOPEN|READONLY|IOERR)/.test(error.code))
  );
}

function openUnmoved(path: string): DatabaseHandle {
  const identity = requireIdentity(path);
  const db = openOnce(path, 'reader');
  if (findIdentity(path) === identity) {
    return db;
  }
  db.close();
  throw new NsauditError(
    'busy',
    `${path} was replaced each time it was opened; try again in a moment.`,
  );
}

/** Device and inode of a file: differ from before when it was replaced. Undefined when there is none. */
function findIdentity(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}

function requireIdentity(path: string): string {
  const identity = findIdentity(path);
  if (identity === undefined) {
    throw new NsauditError(
      'unavailable',
      `${path} does not exist; start the collector with nsaudit collect, or name another state directory.`,
    );
  }
  return identity;
}

function openOnce(path: string, use: DatabaseUse): DatabaseHandle {
  const readonly = use === 'reader';
  const timeout = readonly ? READER_TIMEOUT_MS : WRITER_TIMEOUT_MS;
  const db = new Database(path, { readonly, fileMustExist: true, timeout });
  try {
    applySettings(db, use, timeout);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function applySettings(db: DatabaseHandle, use: DatabaseUse, timeout: number): void {
  if (use === 'reader') {
    set(db, { ...SETTINGS, busy_timeout: timeout, query_only: 1 });
    // The first read takes the -wal and -shm files that belong to the database file just opened.
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
    return;
  }
  const mode: unknown = db.pragma('journal_mode = WAL', { simple: true });
  assert(mode === 'wal', `journal_mode of ${db.name} is ${String(mode)}, not wal`);
  set(db, { ...WRITER_SETTINGS, ...DURABILITY[use], busy_timeout: timeout });
}

function set(db: DatabaseHandle, settings: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(settings)) {
    db.pragma(`${name} = ${value}`);
    const actual: unknown = db.pragma(name, { simple: true });
    assert(actual === value, `${name} of ${db.name} is ${String(actual)}, not ${value}`);
  }
}

/**
 * Moves what is in the `-wal` into the database and empties the file, as far as readers let it, and waits
 * for none of them.
 *
 * Errors: those of SQLite, as when the database has to grow on a full disk.
 */
export function emptyWal(db: DatabaseHandle): void {
  db.pragma('busy_timeout = 0');
  try {
    db.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    db.pragma(`busy_timeout = ${WRITER_TIMEOUT_MS}`);
  }
}

/**
 * Closes a writing connection so that readers of another user can go on: they may not create the `-wal`
 * and `-shm` files, which the last connection to close deletes unless it may not write. The `-wal` is
 * emptied first, as far as readers let it.
 */
export function closeWriter(db: DatabaseHandle): void {
  if (!db.open) {
    return;
  }
  try {
    const keeper = openDatabase(db.name, 'reader');
    try {
      db.pragma(`busy_timeout = ${READER_TIMEOUT_MS}`);
      db.pragma('wal_checkpoint(TRUNCATE)');
    } finally {
      db.close();
      keeper.close();
    }
  } finally {
    db.close();
  }
}
