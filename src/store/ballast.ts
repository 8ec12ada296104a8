/**
 * The ballast: a file that is there only to be deleted. When the disk is full, the room it leaves is what the
 * last events are written into: not even a checkpoint of SQLite's write-ahead log can be made without any.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { createFile } from './create-file.ts';
import { withDatabaseErrors } from './database-errors.ts';

const CHUNK_BYTES = 65_536;

/** statfs(2) and stat(2) count in these. */
const BLOCK_BYTES = 512;

/**
 * Makes sure that the ballast is there in full. It is written out, with bytes that no file system can
 * compress, so that its room is really taken.
 *
 * Errors: NsauditError `io` when it cannot be written, as on a full disk; then nothing of it is left.
 */
export function makeBallast(path: string, bytes: number): void {
  if (measureBallast(path) >= bytes) {
    return;
  }
  releaseBallast(path);
  try {
    createFile(path);
    withDatabaseErrors(path, () => fill(path, bytes));
  } catch (error) {
    releaseBallast(path);
    throw error;
  }
}

function fill(path: string, bytes: number): void {
  const descriptor = openSync(path, 'r+');
  try {
    for (let offset = 0; offset < bytes;) {
      offset += writeSync(descriptor, randomBytes(Math.min(CHUNK_BYTES, bytes - offset)));
    }
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Gives its room back; false when there is none. Errors: NsauditError `io`. */
export function releaseBallast(path: string): boolean {
  return withDatabaseErrors(path, () => {
    const isThere = statSync(path, { throwIfNoEntry: false }) !== undefined;
    rmSync(path, { force: true });
    return isThere;
  });
}

/** Bytes that it really takes; 0 when there is none. */
function measureBallast(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? 0 : Math.min(found.size, found.blocks * BLOCK_BYTES);
}
