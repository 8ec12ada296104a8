/** What the first page of a database file says, before SQLite touches it. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { NsauditError } from '../domain/errors.ts';
import { withDatabaseErrors } from './database-errors.ts';
import { LOG_FORMAT, READ_FORMAT, type DatabaseFormat } from './database-format.ts';
import { openDatabase } from './open-database.ts';

interface FileMarks {
  readonly applicationId: number;
  readonly userVersion: number;
}

/** Offsets in the 100-byte header, numbers big-endian. Source: sqlite.org/fileformat2.html section 1.3. */
const HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\0';
const OFFSET = {
  pageBytes: 16,
  changeCounter: 24,
  pageCount: 28,
  userVersion: 60,
  applicationId: 68,
  versionValidFor: 92,
} as const;
/** The page size does not fit its two bytes when it is this, and is then stored as 1. */
const LARGEST_PAGE_BYTES = 65_536;

/**
 * Says whether a log.db is one that this version can work on: `empty` for a file of no bytes.
 *
 * Errors: NsauditError `unavailable` when it is another program's database or of a newer format,
 * `integrity` when it is no database at all or cut short.
 */
export function checkLogFile(path: string): 'empty' | 'ours' {
  const marks = readMarks(path);
  if (marks === null) {
    return 'empty';
  }
  checkMarks(path, marks, LOG_FORMAT);
  return 'ours';
}

/**
 * For a directory without a log: a read.db in it is replaced when the first log is folded, so it must be
 * one of ours, of whatever version. Errors: as checkLogFile says.
 */
export function checkReplaceable(readPath: string): void {
  const marks = readMarks(readPath);
  if (marks !== null) {
    requireOurs(readPath, marks, READ_FORMAT);
  }
}

function requireOurs(path: string, marks: FileMarks, format: DatabaseFormat): void {
  if (marks.applicationId !== format.applicationId) {
    throw new NsauditError(
      'unavailable',
      `${path} was not written by nsaudit (application id ${marks.applicationId}); name another state directory with --state-dir.`,
    );
  }
}

/** Throws NsauditError `unavailable` unless the database is of the given format, or of an older version of it. */
export function checkMarks(path: string, marks: FileMarks, format: DatabaseFormat): void {
  requireOurs(path, marks, format);
  requireKnownVersion(path, marks.userVersion, format);
}

/** Throws NsauditError `unavailable` for a version that a newer program wrote. */
export function requireKnownVersion(path: string, version: number, format: DatabaseFormat): void {
  if (version > format.version) {
    throw new NsauditError(
      'unavailable',
      `${path} has format version ${version} and this nsaudit knows versions up to ${format.version}; use the newer nsaudit that wrote it.`,
    );
  }
}

/**
 * Reads the marks without SQLite where possible, because SQLite would create `-wal` and `-shm` beside a
 * database that turns out not to be ours. With a `-wal` there, the page may be newer in it, and this
 * process may have the database open: closing a second descriptor would drop its locks (fcntl(2)).
 */
function readMarks(path: string): FileMarks | null {
  return withDatabaseErrors(path, () => {
    if (!existsSync(`${path}-wal`)) {
      return readHeader(path);
    }
    const db = openDatabase(path, 'reader');
    try {
      return {
        applicationId: Number(db.pragma('application_id', { simple: true })),
        userVersion: Number(db.pragma('user_version', { simple: true })),
      };
    } finally {
      db.close();
    }
  });
}

function readHeader(path: string): FileMarks | null {
  const descriptor = openSync(path, 'r');
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    const readBytes = readSync(descriptor, header, 0, HEADER_BYTES, 0);
    const fileBytes = fstatSync(descriptor).size;
    if (fileBytes === 0) {
      return null;
    }
    if (readBytes < HEADER_BYTES || !header.toString('latin1').startsWith(MAGIC)) {
      throw new NsauditError(
        'integrity',
        `${path} is no SQLite database; name another state directory with --state-dir, or restore a backup.`,
      );
    }
    checkLength(path, header, fileBytes);
    return {
      applicationId: header.readInt32BE(OFFSET.applicationId),
      userVersion: header.readInt32BE(OFFSET.userVersion),
    };
  } finally {
    closeSync(descriptor);
  }
}

function checkLength(path: string, header: Buffer, fileBytes: number): void {
  const stored = header.readUInt16BE(OFFSET.pageBytes);
  const pageBytes = stored === 1 ? LARGEST_PAGE_BYTES : stored;
  const expectedBytes = header.readUInt32BE(OFFSET.pageCount) * pageBytes;
  // Versions of SQLite before 3.7 do not keep the page count; they leave the two counters different.
  const isCounted =
    header.readUInt32BE(OFFSET.changeCounter) === header.readUInt32BE(OFFSET.versionValidFor);
  if (isCounted && fileBytes < expectedBytes) {
    throw new NsauditError(
      'integrity',
      `${path} is cut short: it has ${fileBytes} of ${expectedBytes} bytes; restore a backup.`,
    );
  }
}
