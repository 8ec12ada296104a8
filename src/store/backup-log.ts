/** A copy of the log as it is at one moment, while the collector goes on. */
import { existsSync, rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import { NsauditError } from '../domain/errors.ts';
import { createFile, moveIntoPlace } from './create-file.ts';
import { translateDatabaseError, withDatabaseErrors } from './database-errors.ts';
import { openDatabase, type DatabaseHandle } from './open-database.ts';
import { requireStateDirectory } from './state-directory.ts';

/**
 * Writes log.db of a state directory to a new file, which is complete and durable when it appears. It can
 * be opened like a log (openLogFile), and verified.
 *
 * Errors: NsauditError `usage` when the file exists, because a backup overwrites nothing; `io` when it
 * cannot be written, and then nothing of it is left.
 */
export function backupLog(stateDirectory: string, targetPath: string): void {
  const { logPath } = requireStateDirectory(stateDirectory);
  if (existsSync(targetPath)) {
    throw new NsauditError(
      'usage',
      `${targetPath} exists, and a backup overwrites nothing; name a new file.`,
    );
  }
  const partialPath = `${targetPath}.partial`;
  const db = openDatabase(logPath, 'reader');
  try {
    // What a backup that was killed left behind.
    withDatabaseErrors(partialPath, () => rmSync(partialPath, { force: true }));
    createFile(partialPath);
    copyInto(db, partialPath);
    moveIntoPlace(partialPath, targetPath);
  } finally {
    db.close();
    rmSync(partialPath, { force: true });
  }
}

function copyInto(db: DatabaseHandle, path: string): void {
  try {
    // SQLite counts VACUUM as writing, even into another file.
    db.pragma('query_only = OFF');
    db.prepare('VACUUM INTO ?').run(path);
  } catch (error) {
    // The new file was empty, so what is damaged is the log.
    const isDamage =
      error instanceof Database.SqliteError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code);
    throw translateDatabaseError(error, isDamage ? db.name : path);
  }
}
