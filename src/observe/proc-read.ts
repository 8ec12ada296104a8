/**
 * The two system calls of the procfs sources, and what their errors mean.
 *
 * Everything is synchronous on purpose: a readlink in /proc takes microseconds, a hop through a thread
 * pool takes more, and a scan should be short because it is not atomic.
 */
import { closeSync, openSync, readSync } from 'node:fs';

const BUFFER_BYTES = 64 * 1024;

export interface ProcReader {
  /**
   * First read of a file the kernel hands out as one record (stat, status, uptime, loginuid).
   * The bytes are valid until the next call. Throws the error of the system call.
   */
  readRecord(path: string): Buffer;
  /** The whole file, also where the kernel hands it out page by page (mountinfo). Otherwise like readRecord. */
  readWhole(path: string): Buffer;
}

/** A reader with one buffer of its own, reused for every file and grown to the largest. */
export function createProcReader(): ProcReader {
  let buffer = Buffer.allocUnsafe(BUFFER_BYTES);

  function readRest(fd: number): number {
    let length = 0;
    for (;;) {
      if (length === buffer.length) {
        const larger = Buffer.allocUnsafe(buffer.length * 2);
        buffer.copy(larger);
        buffer = larger;
      }
      const count = readSync(fd, buffer, length, buffer.length - length, null);
      if (count === 0) {
        return length;
      }
      length += count;
    }
  }

  return {
    readRecord(path) {
      const fd = openSync(path, 'r');
      try {
        return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, null));
      } finally {
        closeSync(fd);
      }
    },
    readWhole(path) {
      const fd = openSync(path, 'r');
      try {
        const length = readRest(fd);
        return buffer.subarray(0, length);
      } finally {
        closeSync(fd);
      }
    },
  };
}

/** Said of what could be read and is not what the kernel writes there. */
export const MALFORMED = 'EBADMSG';

/** The errno name of a failed system call, for example `EACCES`. Anything else is a defect and is thrown on. */
export function errnoOf(error: unknown): string {
  if (
    error instanceof Error &&
    'syscall' in error &&
    'code' in error &&
    typeof error.code === 'string'
  ) {
    return error.code;
  }
  throw error;
}

/**
 * True when the errno says that the thing is not there (any more).
 *
 * A path through a dead process answers ENOENT, a file of it that was open already ESRCH.
 */
export function isGone(errno: string): boolean {
  return errno === 'ENOENT' || errno === 'ESRCH';
}

const DECIMAL = /^\d+$/;

/** True for the name of a process, a thread or a descriptor among whatever else a directory lists. */
export function isDecimal(name: string): boolean {
  return DECIMAL.test(name);
}
