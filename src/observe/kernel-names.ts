/** Paths in kernel records: the names come from the last one up to the root, which has none. */
import { FLAG, HEADER, readWord } from './kernel-layout.ts';
import type { RawRecords } from './kernel-memory.ts';

const DELETED_SUFFIX = ' (deleted)';

/**
 * The path of a record, null where names are missing because it did not fit.
 *
 * @param layout where in the record the length of the names is, and where they begin
 */
export function readPath(
  raw: RawRecords,
  at: number,
  layout: { readonly length: number; readonly names: number },
): string | null {
  const flags = readWord(raw.words, at + HEADER.flags);
  const start = at + layout.names;
  const length = readWord(raw.words, at + layout.length);
  if ((flags & FLAG.truncated) !== 0) {
    return null;
  }
  const text = raw.bytes.toString('utf8', start, start + Math.max(0, length - 1));
  const names = text === '' ? [] : text.split('\0');
  const path = `/${names.toReversed().join('/')}`;
  return (flags & FLAG.deleted) === 0 ? path : `${path}${DELETED_SUFFIX}`;
}
