/**
 * Cursors: where a page ended, bound to what was asked.
 *
 * A cursor is opaque outside: base64url of the question's fingerprint and the key of the last row. It
 * holds no position of a row among others, so rows that are added or end in between shift nothing.
 */
import { createHash } from 'node:crypto';
import { NsauditError } from '../domain/errors.ts';
import { parseInteger } from '../domain/parse-arguments.ts';
import type { TimeReference } from '../domain/parse-time.ts';
import { LIMIT_DEFAULT, LIMIT_MAX, type PageRequest } from './history.ts';

export interface Page {
  readonly limit: number;
  /** Key of the last row of the page before; undefined on the first page. */
  readonly after: readonly number[] | undefined;
  /** The cursor of the page that follows a row with this key. */
  next(key: readonly number[]): string;
}

const FINGERPRINT_DIGITS = 12;

/**
 * Reads the page part of a request. `question` is everything that decides which rows there are; keys
 * have `keyLength` numbers.
 *
 * Errors: NsauditError `usage` for a limit out of range, and for a cursor that is none or that belongs
 * to another question.
 */
export function openPage(
  { limit = LIMIT_DEFAULT, cursor }: PageRequest,
  question: unknown,
  keyLength: number,
): Page {
  parseInteger(String(limit), { what: 'limit', min: 1, max: LIMIT_MAX });
  const fingerprint = createHash('sha256')
    .update(JSON.stringify(question))
    .digest('hex')
    .slice(0, FINGERPRINT_DIGITS);
  return {
    limit,
    after: cursor === undefined ? undefined : readCursor(cursor, fingerprint, keyLength),
    next: (key) => Buffer.from(JSON.stringify([fingerprint, ...key])).toString('base64url'),
  };
}

function readCursor(cursor: string, fingerprint: string, keyLength: number): number[] {
  const [found, ...key] = decode(cursor);
  const isKey = key.length === keyLength && key.every((part) => Number.isSafeInteger(part));
  if (typeof found !== 'string' || !isKey) {
    throw new NsauditError(
      'usage',
      `"${cursor}" is no cursor: use page.next of the page before, or start without one.`,
    );
  }
  if (found !== fingerprint) {
    throw new NsauditError(
      'usage',
      `the cursor "${cursor}" belongs to another question: ask with the same parameters as for the page before, or start without one.`,
    );
  }
  return key.map(Number);
}

function decode(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(value) ? value : [];
  } catch {
    // Not JSON: the caller says that this is no cursor.
    return [];
  }
}

/**
 * What of a time belongs to the question. `-2h` means another instant on every page; the cursor keeps
 * the one of the first page.
 */
export function fingerprintTime(reference: TimeReference | undefined): unknown {
  return reference?.kind === 'wall' && reference.isRelative ? 'relative' : (reference ?? null);
}
