/** Everything the writer of a log needs, opened in the right order: directory, lock, schema, connections. */
import { randomUUID } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { acquireCollectorLock, type LockHolder } from './collector-lock.ts';
import { createFile, moveIntoPlace } from './create-file.ts';
import { withDatabaseErrors } from './database-errors.ts';
import type { MetaRow } from './database-schema.ts';
import { openLogFile, type EventLogReader } from './event-log-reader.ts';
import { openLogWriter, type EventLogWriter } from './event-log-writer.ts';
import { checkHead } from './log-head.ts';
import { LOG_PLAN, migrate } from './migrate.ts';
import { closeWriter, openDatabase } from './open-database.ts';
import { prepareStateDirectory, type StateFiles } from './state-directory.ts';

export interface OpenLogOptions {
  readonly stateDirectory: string;
  readonly holder: LockHolder;
  /** Name of this host, recorded when the log is created and never changed. */
  readonly host: string;
}

export interface OpenLog {
  readonly files: StateFiles;
  readonly writer: EventLogWriter;
  readonly reader: EventLogReader;
  /** Closes both connections, leaves the record readable for others, and gives the lock back. */
  close(): void;
}

/**
 * Opens the log of a state directory for its one writer; creates directory and log when there are none.
 *
 * Errors: NsauditError as prepareStateDirectory says, `integrity` when the end of the log is damaged, and
 * `busy` when another collector holds the lock; nothing has been changed then.
 */
export async function openLog(options: OpenLogOptions): Promise<OpenLog> {
  const files = prepareStateDirectory(options.stateDirectory);
  if (hasLog(files.logPath)) {
    inspectLog(files.logPath);
  }
  const lock = acquireCollectorLock(files.lockPath, options.holder);
  try {
    await (hasLog(files.logPath) ? upgradeLog(files.logPath) : createLog(files.logPath, options));
    const reader = openLogFile(files.logPath);
    const writer = openLogWriter(files.logPath);
    return {
      files,
      writer,
      reader,
      close() {
        try {
          writer.close();
        } finally {
          reader.close();
          lock.release();
        }
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function hasLog(logPath: string): boolean {
  const found = withDatabaseErrors(logPath, () => statSync(logPath, { throwIfNoEntry: false }));
  return found !== undefined && found.size > 0;
}

/** With a read-only connection: a writing one would, when it closes, move what is left in the `-wal`. */
function inspectLog(logPath: string): void {
  const db = openDatabase(logPath, 'reader');
  try {
    withDatabaseErrors(logPath, () => db.transaction(() => checkHead(db))());
  } finally {
    db.close();
  }
}

async function upgradeLog(logPath: string): Promise<void> {
  const db = openDatabase(logPath, 'log-writer');
  try {
    await migrate(db, LOG_PLAN);
  } finally {
    closeWriter(db);
  }
}

/** Under another name until it is whole: a crash leaves no log rather than half of one. */
async function createLog(logPath: string, { host, holder }: OpenLogOptions): Promise<void> {
  const draftPath = `${logPath}.new`;
  rmSync(draftPath, { force: true });
  createFile(draftPath);
  const db = new Database(draftPath);
  try {
    await migrate(db, LOG_PLAN);
    const meta: readonly MetaRow[] = [
      { key: 'format_version', value: String(LOG_PLAN.format.version) },
      { key: 'log_id', value: randomUUID() },
      { key: 'host', value: host },
      { key: 'created_us', value: String(holder.startedUs) },
    ];
    const insert = db.prepare('INSERT INTO meta (key, value) VALUES (?, ?)');
    for (const { key, value } of meta) {
      insert.run(key, value);
    }
    db.pragma('journal_mode = WAL');
  } finally {
    db.close();
  }
  // Empty ones of a log that was moved away: SQLite would take them for those of the new one.
  for (const side of ['-wal', '-shm']) {
    rmSync(`${logPath}${side}`, { force: true });
  }
  moveIntoPlace(draftPath, logPath);
}
