/** Secrets in files: the bearer token of the API, the key of checkpoints. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { NsauditError } from '../domain/errors.ts';

/** Permission bits of everybody but the owner. */
const OTHERS = 0o077;

/** Reads a token file: one line. Errors: as readSecret says. */
export function readToken(path: string, userId: number): string {
  return readSecret(path, userId, 'token').trim();
}

/**
 * Reads a file with a secret, `what`. Whoever may read it can do what it allows, so nobody but its owner may.
 *
 * Errors: NsauditError `io` when it cannot be read, `usage` when it is no file of that kind: others have
 * access to it, or it belongs to another user than us or root.
 */
export function readSecret(path: string, userId: number, what: string): string {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    // Of the open file, so that what is checked is what is read.
    const { mode, uid } = fstatSync(descriptor);
    checkOwner(path, { mode, uid, userId, what });
    return readFileSync(descriptor, 'utf8');
  } catch (cause) {
    throw cause instanceof NsauditError
      ? cause
      : new NsauditError('io', `cannot read the ${what} file ${path}.`, { cause });
  } finally {
    if (descriptor !== undefined) {
      closeSync(descriptor);
    }
  }
}

interface Owner {
  readonly mode: number;
  readonly uid: number;
  readonly userId: number;
  readonly what: string;
}

function checkOwner(path: string, { mode, uid, userId, what }: Owner): void {
  if ((mode & OTHERS) !== 0) {
    const digits = (mode & 0o777).toString(8).padStart(4, '0');
    throw new NsauditError(
      'usage',
      `others have access to the ${what} file ${path} (mode ${digits}): chmod 600 it, and make a new ${what} if they may have read this one.`,
    );
  }
  if (uid !== userId && uid !== 0) {
    throw new NsauditError(
      'usage',
      `the ${what} file ${path} belongs to user ${uid}, who then knows the ${what}: it must belong to you or root.`,
    );
  }
}
