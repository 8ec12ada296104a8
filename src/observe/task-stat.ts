/**
 * What statx(2) says of a task directory: which process it is, and how many threads it has.
 *
 * A scan asks for every process. Through koffi that spares the object with dates that node:fs makes of each answer;
 * without koffi it is done with node:fs.
 *
 * Source: statx(2); kernel include/uapi/linux/stat.h struct statx, of which the fields have fixed places.
 */
import { statSync } from 'node:fs';
import { openLibc, PATH_BYTES } from './libc.ts';
import { errnoOf } from './proc-read.ts';

export interface TaskStat {
  readonly inode: number;
  /** When the inode was made, in milliseconds of the wall clock. */
  readonly changedMs: number;
  /** Hard links: threads and two. */
  readonly linkCount: number;
}

const STATX_BYTES = 256;

const STATX_NLINK = 0x4;
const STATX_CTIME = 0x80;
const STATX_INO = 0x100;
const WANTED = STATX_NLINK | STATX_CTIME | STATX_INO;

/** Places in units of 32 bits: stx_nlink, stx_ino, stx_ctime with its seconds and nanoseconds. */
const NLINK = 4;
const INO_LOW = 8;
const INO_HIGH = 9;
const CTIME_SECONDS_LOW = 24;
const CTIME_SECONDS_HIGH = 25;
const CTIME_NANOSECONDS = 26;
const HIGH = 2 ** 32;

/** Null when the path is gone or refused. `mayUseKoffi` is for tests of what happens without it. */
export function createTaskStatReader(mayUseKoffi = true): (path: string) => TaskStat | null {
  const libc = openLibc();
  if ('missing' in libc || !mayUseKoffi) {
    return statWithNode;
  }
  const path = Buffer.alloc(PATH_BYTES);
  const buffer = Buffer.alloc(STATX_BYTES);
  const [pathAt, bufferAt] = [libc.addressOf(path), libc.addressOf(buffer)];
  const words = new Uint32Array(buffer.buffer, buffer.byteOffset, STATX_BYTES / 4);
  const word = (at: number): number => words[at] ?? 0;
  return (directory) => {
    const length = path.write(directory);
    path[length] = 0;
    // What does not fit has no end, and would be too long for the kernel as well.
    if (length === PATH_BYTES || libc.statx(pathAt, WANTED, bufferAt) < 0) {
      return null;
    }
    return {
      inode: word(INO_HIGH) * HIGH + word(INO_LOW),
      changedMs:
        (word(CTIME_SECONDS_HIGH) * HIGH + word(CTIME_SECONDS_LOW)) * 1_000 +
        word(CTIME_NANOSECONDS) / 1_000_000,
      linkCount: word(NLINK),
    };
  };
}

function statWithNode(path: string): TaskStat | null {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats ? { inode: stats.ino, changedMs: stats.ctimeMs, linkCount: stats.nlink } : null;
  } catch (error) {
    errnoOf(error);
    return null;
  }
}
