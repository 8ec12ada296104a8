/**
 * The lock that makes the log have one writer.
 *
 * Holds:     collector.lock, a small SQLite database in rollback mode. The holder keeps a write
 *            transaction open in it, which is a lock of the kernel (fcntl(2)): it is gone when the process
 *            is, however it ended. One row says who holds it; SQLite lets others read that row meanwhile.
 * Promises:  at most one holder; whoever is refused learns the holder's pid and start.
 * Does not:  judge by pid files or timestamps whether a holder is still alive.
 * Proved by: test/store/collector-lock.test.ts
 */
import Database from 'better-sqlite3';
import { NsauditError } from '../domain/errors.ts';
import { toRfc3339 } from '../domain/time.ts';
import { createFile } from './create-file.ts';
import { withDatabaseErrors } from './database-errors.ts';

const HOLDER_TABLE = `CREATE TABLE IF NOT EXISTS holder (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  pid        INTEGER NOT NULL,
  started_us INTEGER NOT NULL,
  purpose    TEXT    NOT NULL
) STRICT`;

export interface LockHolder {
  readonly pid: number;
  /** Wall time, epoch microseconds. */
  readonly startedUs: number;
  /** What it does with the log, for the sentence that refuses the next one: `collector`, `rebuild`. */
  readonly purpose: string;
}

export interface CollectorLock {
  /** Gives the lock back. The end of the process does too. */
  release(): void;
}

/**
 * Takes the lock, or throws NsauditError `busy` naming the holder.
 *
 * No other code may open the file: closing any descriptor of it in this process gives the lock away.
 */
export function acquireCollectorLock(lockPath: string, holder: LockHolder): CollectorLock {
  createFile(lockPath);
  return withDatabaseErrors(lockPath, () => {
    const db = new Database(lockPath, { timeout: 0 });
    try {
      takeLock(db, holder);
    } catch (error) {
      const refusal = toRefusal(db, error);
      db.close();
      throw refusal;
    }
    return {
      release() {
        db.close();
      },
    };
  });
}

/**
 * Writes the holder's name, and stays in a write transaction. Another process can come in between the
 * commit and the new transaction and leave again; then the name is not ours, and is written once more.
 */
function takeLock(db: Database.Database, holder: LockHolder): void {
  db.pragma('journal_mode = DELETE');
  db.exec('BEGIN IMMEDIATE');
  db.exec(HOLDER_TABLE);
  const { pid, startedUs, purpose } = holder;
  while (!isHolder(db, holder)) {
    db.prepare(
      'INSERT OR REPLACE INTO holder (id, pid, started_us, purpose) VALUES (1, ?, ?, ?)',
    ).run(pid, startedUs, purpose);
    db.exec('COMMIT');
    db.exec('BEGIN IMMEDIATE');
  }
}

function isHolder(db: Database.Database, { pid, startedUs, purpose }: LockHolder): boolean {
  const current = selectHolder(db);
  return current?.pid === pid && current.startedUs === startedUs && current.purpose === purpose;
}

function selectHolder(db: Database.Database): LockHolder | undefined {
  return db
    .prepare<[], LockHolder>('SELECT pid, started_us AS startedUs, purpose FROM holder')
    .get();
}

/** Undefined while the holder is writing its name: the row is locked then, or its table is not there yet. */
function readHolder(db: Database.Database): LockHolder | undefined {
  try {
    return selectHolder(db);
  } catch (error) {
    if (error instanceof Database.SqliteError && /^SQLITE_(BUSY|ERROR)/.test(error.code)) {
      return undefined;
    }
    throw error;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

function toRefusal(db: Database.Database, cause: unknown): unknown {
  if (cause instanceof Database.SqliteError && /^SQLITE_(NOTADB|CORRUPT)/.test(cause.code)) {
    return new NsauditError(
      'unavailable',
      `${db.name} is no lock file of nsaudit; delete it if no collector is running.`,
      { cause },
    );
  }
  const holder = isBusy(cause) ? readHolder(db) : undefined;
  return holder === undefined
    ? cause
    : new NsauditError(
        'busy',
        `${db.name} is held by process ${holder.pid} (${holder.purpose}, since ${toRfc3339(holder.startedUs)}), and only one may write; stop it first.`,
        { cause },
      );
}
