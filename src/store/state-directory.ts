/**
 * The state directory: what is in it, who may use it, and whether it is one of ours.
 *
 * Holds:     the names of the files in it and the checks before any of them is opened.
 * Promises:  a directory that is refused is left exactly as it was; the sentence says what is wrong and
 *            what to do.
 * Does not:  look into the record; opening and verifying it do.
 * Proved by: test/store/state-directory.test.ts
 */
import { accessSync, constants, mkdirSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { NsauditError } from '../domain/errors.ts';
import { describeErrno, errnoOf } from './database-errors.ts';
import { checkLogFile, checkReplaceable } from './database-file.ts';

export interface StateFiles {
  readonly directory: string;
  /** The evidence. */
  readonly logPath: string;
  /** Folded from the evidence, disposable. */
  readonly readPath: string;
  /** Held by whoever may write. Nothing but SQLite may ever open it: closing it elsewhere drops the lock. */
  readonly lockPath: string;
  /** Takes up room that is given back to write the last events when the disk is full. */
  readonly ballastPath: string;
}

/** Members of the directory's group may read the record, nobody else. */
const DIRECTORY_MODE = 0o750;

/** The paths in a state directory, whether or not they exist. */
export function toStateFiles(directory: string): StateFiles {
  return {
    directory,
    logPath: join(directory, 'log.db'),
    readPath: join(directory, 'read.db'),
    lockPath: join(directory, 'collector.lock'),
    ballastPath: join(directory, 'ballast'),
  };
}

/**
 * For whoever reads: the directory must hold a log of a version we know.
 *
 * Errors: NsauditError `unavailable` when it is missing, not one of ours, empty or of a newer version,
 * `io` when it may not be read, `integrity` when the log is damaged so far that its first page shows it.
 */
export function requireStateDirectory(directory: string): StateFiles {
  const files = toStateFiles(directory);
  if (!findDirectory(directory)) {
    throw new NsauditError(
      'unavailable',
      `state directory ${directory} does not exist; start the collector with nsaudit collect, or name another one with --state-dir.`,
    );
  }
  checkAccess(directory, constants.R_OK | constants.X_OK, 'read');
  if (!findFile(files.logPath)) {
    throw new NsauditError(
      'unavailable',
      `${directory} holds no log.db, so it is no state directory or the collector has never run there; name another one with --state-dir.`,
    );
  }
  checkAccess(files.logPath, constants.R_OK, 'read');
  if (checkLogFile(files.logPath) === 'empty') {
    throw new NsauditError(
      'unavailable',
      `${files.logPath} is empty because no collector has written to it yet; start one with nsaudit collect.`,
    );
  }
  return files;
}

/**
 * For whoever writes: creates the directory when it is missing, and refuses one that is not ours.
 *
 * Errors: NsauditError `unavailable` when it is no directory, not one of ours or of a newer version, `io`
 * when it cannot be created or written or belongs to somebody else, `integrity` for a damaged log.
 */
export function prepareStateDirectory(directory: string): StateFiles {
  const files = toStateFiles(directory);
  const found = findDirectory(directory);
  if (!found) {
    createDirectory(directory);
    return files;
  }
  const userId = process.geteuid?.() ?? 0;
  if (userId !== 0 && found.uid !== userId) {
    throw new NsauditError(
      'io',
      `state directory ${directory} belongs to uid ${found.uid}, not to uid ${userId}; run as that user or as root, or name another one with --state-dir.`,
    );
  }
  checkAccess(directory, constants.R_OK | constants.W_OK | constants.X_OK, 'write');
  if (findFile(files.logPath)) {
    checkAccess(files.logPath, constants.R_OK | constants.W_OK, 'write');
    checkLogFile(files.logPath);
  } else {
    checkWithoutLog(files);
  }
  return files;
}

/** What is left of an earlier log must not get into a new one, nor be thrown away for it. */
function checkWithoutLog({ logPath, readPath }: StateFiles): void {
  const journalPath = `${logPath}-wal`;
  if ((findFile(journalPath)?.size ?? 0) > 0) {
    throw new NsauditError(
      'unavailable',
      `${journalPath} is there without its log.db; put the log back beside it, or move it away as well to begin a new record.`,
    );
  }
  if (findFile(readPath)) {
    checkReplaceable(readPath);
  }
}

function findDirectory(directory: string): Stats | undefined {
  const found = findFile(directory);
  if (found && !found.isDirectory()) {
    throw new NsauditError(
      'unavailable',
      `${directory} is not a directory; name a state directory with --state-dir.`,
    );
  }
  return found;
}

/** Undefined when there is nothing of that name. */
function findFile(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw toIoError(cause, `${path} cannot be looked at`);
  }
}

function createDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
  } catch (cause) {
    throw toIoError(cause, `state directory ${directory} cannot be created`);
  }
}

function checkAccess(path: string, mode: number, verb: 'read' | 'write'): void {
  try {
    accessSync(path, mode);
  } catch (cause) {
    const hint =
      verb === 'read' ? ', or ask for membership of the group that may read the record' : '';
    throw toIoError(cause, `${path} may not be ${verb === 'read' ? 'read' : 'written'}`, hint);
  }
}

function toIoError(cause: unknown, what: string, hint = ''): unknown {
  const errno = errnoOf(cause);
  return errno === undefined
    ? cause
    : new NsauditError('io', `${what}: ${describeErrno(errno)}${hint}.`, { cause });
}
