/** How large the files of a state directory are, and how much room is left for them. */
import { statfsSync, statSync } from 'node:fs';
import type { DiskSpace } from '../domain/disk-policy.ts';
import { withDatabaseErrors } from './database-errors.ts';
import type { StateFiles } from './state-directory.ts';

export interface DiskUse extends DiskSpace {
  readonly logBytes: number;
  readonly readBytes: number;
  /** Write-ahead logs: they grow while a reader keeps what is in them from being moved into the database. */
  readonly logWalBytes: number;
  readonly readWalBytes: number;
  readonly ballastBytes: number;
}

/** Errors: NsauditError `io` when the file system cannot be asked. Source: statfs(2). */
export function measureSpace(directory: string): DiskSpace {
  return withDatabaseErrors(directory, () => {
    const { bsize, bavail, blocks } = statfsSync(directory);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  });
}

/** A file that is not there has 0 bytes. Errors: NsauditError `io`. */
export function measureDisk(files: StateFiles): DiskUse {
  const { directory, logPath, readPath, ballastPath } = files;
  return {
    ...measureSpace(directory),
    logBytes: sizeOf(logPath),
    readBytes: sizeOf(readPath),
    logWalBytes: sizeOf(`${logPath}-wal`),
    readWalBytes: sizeOf(`${readPath}-wal`),
    ballastBytes: sizeOf(ballastPath),
  };
}

function sizeOf(path: string): number {
  return withDatabaseErrors(path, () => statSync(path, { throwIfNoEntry: false })?.size ?? 0);
}
