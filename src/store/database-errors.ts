/** What SQLite's and the file system's error codes mean for the person who sees them. */
import Database from 'better-sqlite3';
import { NsauditError, type ErrorCode } from '../domain/errors.ts';

/**
 * Runs `action` and turns an error of SQLite or of the file system into an NsauditError that names
 * `path`, says what happened and what to do. Every other error passes through unchanged.
 */
export function withDatabaseErrors<Result>(path: string, action: () => Result): Result {
  try {
    return action();
  } catch (cause) {
    throw translateDatabaseError(cause, path);
  }
}

/** The NsauditError for an error of SQLite or of the file system; any other value is returned as it is. */
export function translateDatabaseError(cause: unknown, path: string): unknown {
  if (cause instanceof Database.SqliteError) {
    const { code, sentence } = judgeSqliteCode(cause.code);
    return new NsauditError(code, `${path} ${sentence} (${cause.code}: ${cause.message}).`, {
      cause,
    });
  }
  const errno = errnoOf(cause);
  return errno === undefined
    ? cause
    : new NsauditError('io', `${path} could not be used: ${describeErrno(errno)}.`, { cause });
}

/** The errno name of a failed system call, for example `EACCES`; undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && 'syscall' in error
    ? String(error.code)
    : undefined;
}

/** Says what an errno means and what to do. Source: errno(3). */
export function describeErrno(errno: string): string {
  switch (errno) {
    case 'EACCES':
    case 'EPERM':
      return `permission denied (${errno}); run as the user it belongs to, or as root`;
    case 'EROFS':
      return `the file system is read-only (${errno}); choose a directory that can be written`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `the disk is full (${errno}); free some space`;
    case 'ENOTDIR':
      return `a part of the path is a file (${errno}); name another path`;
    case 'EISDIR':
      return `it is a directory (${errno}); move it away, or name another path`;
    default:
      return `the operating system answered ${errno}`;
  }
}

interface Judgement {
  readonly code: ErrorCode;
  readonly sentence: string;
}

/** Extended codes begin with the primary one. Source: sqlite.org/rescode.html. */
const JUDGEMENTS: readonly (readonly [prefix: string, judgement: Judgement])[] = [
  [
    'SQLITE_BUSY',
    { code: 'busy', sentence: 'is locked by another process; try again in a moment' },
  ],
  [
    'SQLITE_LOCKED',
    { code: 'busy', sentence: 'is locked by another process; try again in a moment' },
  ],
  [
    'SQLITE_CORRUPT',
    {
      code: 'integrity',
      sentence:
        'is damaged; rebuild it (nsaudit rebuild) if it is read.db, restore a backup if it is log.db',
    },
  ],
  [
    'SQLITE_NOTADB',
    {
      code: 'integrity',
      sentence: 'is no SQLite database; name another directory, or restore a backup',
    },
  ],
  [
    'SQLITE_FULL',
    { code: 'io', sentence: 'cannot grow because the disk is full; free some space' },
  ],
  [
    'SQLITE_READONLY',
    { code: 'io', sentence: 'cannot be written; check the permissions of it and its directory' },
  ],
  [
    'SQLITE_CANTOPEN',
    {
      code: 'io',
      sentence:
        'or its -wal or -shm file cannot be opened; check that all of them exist and may be read',
    },
  ],
  ['SQLITE_PERM', { code: 'io', sentence: 'may not be opened; check its permissions' }],
  ['SQLITE_IOERR', { code: 'io', sentence: 'could not be read or written; check the disk' }],
  [
    'SQLITE_CONSTRAINT',
    {
      code: 'integrity',
      sentence: 'refused a row that does not follow from what it holds; run nsaudit verify',
    },
  ],
];

function judgeSqliteCode(sqliteCode: string): Judgement {
  const found = JUDGEMENTS.find(([prefix]) => sqliteCode.startsWith(prefix));
  return found?.[1] ?? { code: 'integrity', sentence: 'does not hold what nsaudit writes' };
}
