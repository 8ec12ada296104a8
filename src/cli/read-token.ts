/** The bearer token in a file. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { NsauditError } from '../domain/errors.ts';

/** Permission bits of everybody but the owner. */
const OTHERS = 0o077;

/**
 * Reads a token file: one line. Whoever may read it may ask everything, so nobody but its owner may.
 *
 * Errors: NsauditError `io` when it cannot be read, `usage` when it is no file of that kind: others have
 * access to it, or it belongs to another user than us or root.
 */
export function readToken(path: string, userId: number): string {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    // Of the open file, so that what is checked is what is read.
    const { mode, uid } = fstatSync(descriptor);
    checkOwner(path, { mode, uid }, userId);
    return readFileSync(descriptor, 'utf8').trim();
  } catch (cause) {
    throw cause instanceof NsauditError
      ? cause
      : new NsauditError('io', `cannot read the token file ${path}.`, { cause });
  } finally {
    if (descriptor !== undefined) {
      closeSync(descriptor);
    }
  }
}

function checkOwner(path: string, { mode, uid }: { mode: number; uid: number }, userId: number) {
  if ((mode & OTHERS) !== 0) {
    const digits = (mode & 0o777).toString(8).padStart(4, '0');
    throw new NsauditError(
      'usage',
      `others have access to the token file ${path} (mode ${digits}): chmod 600 it, and make a new token if they may have read this one.`,
    );
  }
  if (uid !== userId && uid !== 0) {
    throw new NsauditError(
      'usage',
      `the token file ${path} belongs to user ${uid}, who then knows the token: it must belong to you or root.`,
    );
  }
}
