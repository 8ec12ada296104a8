/** Creating and replacing files of the state directory so that they survive a crash. */
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, withDatabaseErrors } from './database-errors.ts';

/** Members of the directory's group may read; SQLite gives the side files of a database the same mode. */
const FILE_MODE = 0o640;

/** Creates an empty file with our mode, whatever the umask. A file that is there is left alone. */
export function createFile(path: string): void {
  withDatabaseErrors(path, () => {
    let descriptor: number;
    try {
      descriptor = openSync(path, 'ax', FILE_MODE);
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') {
        return;
      }
      throw error;
    }
    try {
      fchmodSync(descriptor, FILE_MODE);
    } finally {
      closeSync(descriptor);
    }
  });
}

/** Makes a finished file durable under its final name. Neither path may be open in this process. */
export function moveIntoPlace(from: string, to: string): void {
  withDatabaseErrors(to, () => {
    syncPath(from);
    renameSync(from, to);
    syncPath(dirname(to));
  });
}

/** Puts a text in the place of a file: readers see the old one or the new one, also after a crash. */
export function replaceFile(path: string, text: string): void {
  const draftPath = `${path}.new`;
  withDatabaseErrors(draftPath, () => rmSync(draftPath, { force: true }));
  createFile(draftPath);
  withDatabaseErrors(draftPath, () => writeFileSync(draftPath, text));
  moveIntoPlace(draftPath, path);
}

/** Waits until a file, or the names in a directory, are on the disk. */
export function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
