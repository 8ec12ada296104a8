/**
 * What symbolic links say, read into one buffer.
 *
 * A scan reads ten links of every process. Through koffi that takes about a tenth less CPU time than with node:fs,
 * which does it where koffi does not load.
 *
 * Source: readlink(2), proc_pid_ns(5).
 */
import { readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { nameErrno, openLibc } from './libc.ts';
import { errnoOf } from './proc-read.ts';

/** More than any link to a namespace says. */
const TEXT_BYTES = 64;

export interface LinkTextReader {
  /** What a link says, a character for a byte and 64 at most; null when it cannot be read. It is not followed. */
  read(path: string): string | null;
  /** The errno name of the last read that answered null. */
  errno(): string;
}

/** `mayUseKoffi` is for tests of what happens without it. */
export function createLinkTextReader(mayUseKoffi = true): LinkTextReader {
  const libc = openLibc();
  const bytes = Buffer.alloc(TEXT_BYTES);
  const readInto = 'missing' in libc || !mayUseKoffi ? readWithNode : libc.readLink;
  let length = 0;
  return {
    read(path) {
      length = readInto(path, bytes);
      return length < 0 ? null : bytes.toString('latin1', 0, length);
    },
    errno: () => nameErrno(length),
  };
}

/** Like readlink(2): the number of bytes that it put into the buffer, or a negative errno. */
function readWithNode(path: string, bytes: Buffer): number {
  try {
    return readlinkSync(path, 'buffer').copy(bytes);
  } catch (error) {
    errnoOf(error);
    return (error as NodeJS.ErrnoException).errno ?? -constants.errno.EIO;
  }
}
