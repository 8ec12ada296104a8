/**
 * A program of its own: enters mount namespaces one after the other and prints what is mounted in each. It is
 * started for kernels that cannot list the mounts of a mount namespace nobody is in (mounts-by-helper.ts),
 * because only who is in one can read it there, and a process with threads had better not be.
 *
 *   enter-mounts.js <procRoot> <sights as JSON>
 *
 * It calls itself nsaudit-mounts, which is what records say of it. Each mount namespace is left again before
 * the next one is opened, after one file was read.
 *
 * Source: setns(2) (CLONE_NEWNS wants file system attributes that no other thread shares, CAP_SYS_CHROOT and
 * CAP_SYS_ADMIN), unshare(2) CLONE_FS, openat(2).
 */
import { closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { CLONE_FLAGS } from './clone-flags.ts';
import { KernelCallError, openLibc, type Libc } from './libc.ts';
import { parseMountinfo } from './mountinfo.ts';
import type { EnteredMounts, EnteredSight } from './mounts-by-helper.ts';
import { openNamespace } from './open-namespace.ts';
import { errnoOf } from './proc-read.ts';

const TITLE = 'nsaudit-mounts';
const CLONE_FS = 0x200;
/** Of the calling thread, relative to where procfs is mounted. */
const MOUNTINFO = 'thread-self/mountinfo';
const CHUNK_BYTES = 64 * 1_024;

/** Prints what it found, or nothing where it could not even begin. */
function main(procRoot: string, sights: readonly EnteredSight[]): void {
  process.title = TITLE;
  const libc = openLibc();
  if (!('missing' in libc)) {
    const enter = bindEnter(libc, procRoot);
    process.stdout.write(JSON.stringify(sights.map((sight) => readOne(enter, sight))));
  }
}

type Enter = (sight: EnteredSight) => Buffer | null;

function readOne(enter: Enter, sight: EnteredSight): EnteredMounts {
  const { inum } = sight;
  try {
    const content = enter(sight);
    return content === null
      ? { inum, reason: 'ESRCH' }
      : { inum, entries: parseMountinfo(content, 'nsfs') };
  } catch (error) {
    return { inum, reason: error instanceof KernelCallError ? error.code : errnoOf(error) };
  }
}

/** What is opened here stays open until the program ends: procfs and our own mount namespace. */
function bindEnter(libc: Libc, procRoot: string): Enter {
  const library = libc.koffi.load(null);
  const unshare = library.func('int unshare(int)');
  const setns = library.func('int setns(int, int)');
  const openAt = library.func('int openat(int, const char *, int)');
  const check = (call: string, result: number): number => {
    if (result < 0) {
      throw new KernelCallError(call, libc.errno());
    }
    return result;
  };
  const place = { procRoot, dev: statSync(`${procRoot}/self/ns/mnt`).dev };
  const proc = openSync(procRoot, constants.O_RDONLY | constants.O_DIRECTORY);
  const home = openSync(`${procRoot}/thread-self/ns/mnt`, 'r');
  check('unshare', unshare(CLONE_FS) as number);
  return ({ inum, path }) => {
    const fd = openNamespace(path, inum, place);
    if (fd === null) {
      return null;
    }
    try {
      check('setns', setns(fd, CLONE_FLAGS.mnt) as number);
    } finally {
      closeSync(fd);
    }
    try {
      return readAll(check('openat', openAt(proc, MOUNTINFO, constants.O_RDONLY) as number));
    } finally {
      check('setns', setns(home, CLONE_FLAGS.mnt) as number);
    }
  };
}

/** Closes what it has read. */
function readAll(fd: number): Buffer {
  const chunks: Buffer[] = [];
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const count = readSync(fd, chunk);
      if (count === 0) {
        return Buffer.concat(chunks);
      }
      chunks.push(chunk.subarray(0, count));
    }
  } finally {
    closeSync(fd);
  }
}

const [, , procRoot = '/', sights = '[]'] = process.argv;
main(procRoot, JSON.parse(sights) as EnteredSight[]);
