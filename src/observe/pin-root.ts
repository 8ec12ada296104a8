/**
 * The directory under which every collector of this host pins: one directory for each record, and in it one
 * for each version of the BPF object (kernel-pins.ts).
 *
 * Source: bpffs refuses files that are not pins (kernel/bpf/inode.c), so what is found there is pins.
 */
import { closeSync, existsSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { NsauditError } from '../domain/errors.ts';
import { BPFFS_MAGIC, listVersions, unpinAll } from './kernel-pins.ts';
import { openReaderState } from './kernel-reader.ts';
import { openLibbpf } from './libbpf.ts';
import { openLibc } from './libc.ts';
import { errnoOf } from './proc-read.ts';

export interface PinnedDirectory {
  readonly path: string;
  readonly hookCount: number;
  /** The collector that reads the rings now; null when none does, or when that cannot be found out. */
  readonly readerPid: number | null;
}

/**
 * Directories that hold pins, by name.
 *
 * Errors: NsauditError `unavailable` where the root is not on a bpffs, `io` where it cannot be read.
 */
export function listPinned(pinRoot: string, procRoot: string): readonly PinnedDirectory[] {
  return findPinned(pinRoot).map((path) => {
    const versions = listVersions(path).map((name) => join(path, name));
    return {
      path,
      hookCount: versions.flatMap((version) => listHooks(version)).length,
      readerPid:
        versions.map((version) => findReader(version, procRoot)).find((pid) => pid !== null) ??
        null,
    };
  });
}

/** Removes every pin of every version below the root. Answers how many directories there were. Errors as listPinned. */
export function unpinRoot(pinRoot: string): number {
  const pinned = findPinned(pinRoot);
  try {
    pinned.forEach((path) => unpinAll(path));
  } catch (error) {
    throw new NsauditError(
      'io',
      `the pins in ${pinRoot} cannot be removed (${errnoOf(error)}): try it as root.`,
      { cause: error },
    );
  }
  return pinned.length;
}

function findPinned(pinRoot: string): readonly string[] {
  try {
    if (statfsSync(findNearest(pinRoot)).type !== BPFFS_MAGIC) {
      throw new NsauditError(
        'unavailable',
        `${pinRoot} is not on a BPF file system, so nothing is pinned there.`,
      );
    }
    return (findNearest(pinRoot) === pinRoot ? readdirSync(pinRoot, { withFileTypes: true }) : [])
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(pinRoot, name))
      .filter((path) => listVersions(path).length > 0)
      .toSorted();
  } catch (error) {
    if (error instanceof NsauditError) {
      throw error;
    }
    throw new NsauditError(
      'io',
      `${pinRoot} cannot be read (${errnoOf(error)}): only root sees what is pinned there.`,
      { cause: error },
    );
  }
}

/** Itself or what is nearest above it: the first collector makes the root. Throws where we may not look. */
function findNearest(path: string): string {
  const isThere = statSync(path, { throwIfNoEntry: false }) !== undefined;
  return isThere ? path : findNearest(dirname(path));
}

function listHooks(version: string): readonly string[] {
  const links = join(version, 'links');
  return existsSync(links) ? readdirSync(links) : [];
}

function findReader(version: string, procRoot: string): number | null {
  const [libc, libbpf] = [openLibc(), openLibbpf()];
  if ('missing' in libc || 'missing' in libbpf) {
    return null;
  }
  let fd: number | null = null;
  try {
    fd = libbpf.getPinned(join(version, 'maps', 'reader'));
    if (fd === null) {
      return null;
    }
    const reader = openReaderState(libc, fd);
    try {
      return reader.findOtherReader(procRoot);
    } finally {
      reader.close();
    }
  } catch {
    return null;
  } finally {
    if (fd !== null) {
      closeSync(fd);
    }
  }
}
