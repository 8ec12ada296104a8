/**
 * Which namespaces the links of processes and threads lead to, read one directory after the other.
 *
 * A scan reads ten links of every process, and what surrounds the system call costs a fifth of it. So path and answer
 * stay where they are in memory, and the number is read from the bytes. Without koffi node:fs does it.
 *
 * Source: readlink(2), proc_pid_ns(5).
 */
import { readlinkSync } from 'node:fs';
import { assert } from '../domain/errors.ts';
import { INUM_MAX, parseNamespaceLink, type NamespaceType } from '../domain/namespace-type.ts';
import { nameErrno, openLibc, PATH_BYTES, type Libc } from './libc.ts';
import { errnoOf, MALFORMED } from './proc-read.ts';

export interface NamespaceLinkName {
  /** From the directory on: `/ns/uts`. */
  readonly path: string;
  readonly type: NamespaceType;
}

export interface NamespaceLinkReader {
  /** The links that are read next are in this directory of a process or thread. */
  enter(directory: string): void;
  /**
   * The inum that a link says, by its place in the list; EBADMSG when it says something else, and otherwise the errno name
   * of what stands against reading it. It is not followed.
   */
  read(index: number): number | string;
}

/** More than any link to a namespace says, and more than V8 keeps on its heap, where memory moves. */
const ANSWER_BYTES = 256;

const [ZERO, NINE, CLOSING] = [0x30, 0x39, 0x5d];

/** `mayUseKoffi` is for tests of what happens without it. */
export function createNamespaceLinkReader(
  names: readonly NamespaceLinkName[],
  mayUseKoffi = true,
): NamespaceLinkReader {
  const libc = openLibc();
  return 'missing' in libc || !mayUseKoffi ? createNodeReader(names) : createReader(names, libc);
}

function createReader(names: readonly NamespaceLinkName[], libc: Libc): NamespaceLinkReader {
  const path = Buffer.alloc(PATH_BYTES);
  const answer = Buffer.alloc(ANSWER_BYTES);
  const [pathAt, answerAt] = [libc.addressOf(path), libc.addressOf(answer)];
  const links = names.map((link) => ({
    ending: Buffer.from(`${link.path}\0`),
    beginning: Buffer.from(`${link.type}:[`),
  }));
  const longest = Math.max(...links.map(({ ending }) => ending.length));
  let length = 0;
  return {
    enter(directory) {
      length = path.write(directory);
    },
    read(index) {
      const link = links[index];
      assert(link !== undefined, `there is no link ${index}`);
      if (length + longest > PATH_BYTES) {
        return 'ENAMETOOLONG';
      }
      const { ending, beginning } = link;
      for (let at = 0; at < ending.length; at += 1) {
        path[length + at] = ending[at] ?? 0;
      }
      const answered = libc.readLink(pathAt, answerAt, ANSWER_BYTES);
      if (answered < 0) {
        return nameErrno(answered);
      }
      const inum = readInum(answer, answered, beginning);
      return inum > 0 ? inum : MALFORMED;
    },
  };
}

/** The number in `uts:[4026531838]`; 0 where anything else is said. */
function readInum(bytes: Uint8Array, length: number, beginning: Uint8Array): number {
  const end = length - 1;
  if (end <= beginning.length || bytes[end] !== CLOSING) {
    return 0;
  }
  for (let at = 0; at < beginning.length; at += 1) {
    if (bytes[at] !== beginning[at]) {
      return 0;
    }
  }
  let inum = 0;
  for (let at = beginning.length; at < end; at += 1) {
    const digit = bytes[at] ?? 0;
    if (digit < ZERO || digit > NINE) {
      return 0;
    }
    inum = inum * 10 + digit - ZERO;
  }
  return inum <= INUM_MAX ? inum : 0;
}

function createNodeReader(names: readonly NamespaceLinkName[]): NamespaceLinkReader {
  let directory = '';
  return {
    enter(entered) {
      directory = entered;
    },
    read(index) {
      const { path = '', type = null } = names[index] ?? {};
      try {
        const target = parseNamespaceLink(readlinkSync(directory + path));
        return target?.type === type ? target.inum : MALFORMED;
      } catch (error) {
        return errnoOf(error);
      }
    },
  };
}
