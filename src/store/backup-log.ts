/** A copy of the log as it is at one moment, while the collector goes on. */
import { chmodSync, existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { NsauditError } from '../domain/errors.ts';
import { createFile, syncPath } from './create-file.ts';
import { errnoOf, translateDatabaseError, withDatabaseErrors } from './database-errors.ts';
import { openLogFile } from './event-log-reader.ts';
import { openDatabase, type DatabaseHandle } from './open-database.ts';
import type { OnProgress } from './progress.ts';
import { requireStateDirectory } from './state-directory.ts';
import { NO_TRUST } from './verify-checkpoints.ts';
import { verifyLog, type Verification } from './verify-log.ts';

/** Nobody but its owner: who may read the record need not be who may read what is carried away of it. */
const BACKUP_MODE = 0o600;

/**
 * Writes log.db of a state directory to a new file, which is complete, verified and durable when it appears. It
 * can be opened like a log (openLogFile).
 *
 * Errors: NsauditError `usage` when the file exists, because a backup overwrites nothing; `io` when it cannot be
 * written; `integrity` or `incomplete` when the copy does not verify, which a copy of a damaged log does not.
 * Nothing of it is left then.
 */
export async function backupLog(
  stateDirectory: string,
  targetPath: string,
  onProgress?: OnProgress,
): Promise<Verification> {
  const { logPath } = requireStateDirectory(stateDirectory);
  if (existsSync(targetPath)) {
    throw existsError(targetPath);
  }
  const partialPath = `${targetPath}.partial`;
  try {
    copy(logPath, partialPath);
    const verification = await verifyCopy(partialPath, logPath, onProgress);
    putIntoPlace(partialPath, targetPath);
    return verification;
  } finally {
    removeCopy(partialPath);
  }
}

function existsError(targetPath: string): NsauditError {
  return new NsauditError(
    'usage',
    `${targetPath} exists, and a backup overwrites nothing; name a new file.`,
  );
}

function copy(logPath: string, path: string): void {
  const db = openDatabase(logPath, 'reader');
  try {
    // What a backup that was killed left behind.
    withDatabaseErrors(path, () => removeCopy(path));
    createFile(path);
    withDatabaseErrors(path, () => chmodSync(path, BACKUP_MODE));
    copyInto(db, path);
  } finally {
    db.close();
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

/** The copy, not the log: what is given out is what was looked at. */
async function verifyCopy(
  path: string,
  logPath: string,
  onProgress: OnProgress | undefined,
): Promise<Verification> {
  const reader = openLogFile(path);
  try {
    const verification = await verifyLog(reader, NO_TRUST, onProgress);
    const { fault, verdict } = verification;
    if (fault) {
      throw new NsauditError(
        verdict === 'incomplete' ? 'incomplete' : 'integrity',
        `nothing was backed up, because the copy of ${logPath} does not verify: ${fault.what}; run nsaudit verify, and copy the file itself to keep it as it is.`,
      );
    }
    return verification;
  } finally {
    reader.close();
  }
}

/** What a file system without hard links answers, such as that of a memory stick: link(2). */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/** Under its name only if there is none of that name, also when one appeared meanwhile. */
function putIntoPlace(from: string, to: string): void {
  withDatabaseErrors(to, () => {
    syncPath(from);
    try {
      linkSync(from, to);
    } catch (error) {
      const errno = errnoOf(error) ?? '';
      if (errno === 'EEXIST' || (NO_LINKS.includes(errno) && existsSync(to))) {
        throw existsError(to);
      }
      if (!NO_LINKS.includes(errno)) {
        throw error;
      }
      renameSync(from, to);
    }
    syncPath(dirname(to));
  });
}

function removeCopy(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    rmSync(`${path}${suffix}`, { force: true });
  }
}
