/**
 * Collects files of this host, at the paths they have here, in a directory that becomes a guest's root.
 *
 * A link is copied as a link and followed; a program brings the shared libraries that ldd names.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, delimiter, dirname, join, resolve } from 'node:path';

export interface HostTree {
  readonly directory: string;
  /** Copies a file, or what its link leads to, with the libraries it needs. Fails when it is not there. */
  addFile(path: string): void;
  /** The same for a program found on PATH or in the sbin directories; its path, or null when there is none. */
  addProgram(name: string): string | null;
  /** Copies a file or a directory to another place, of a directory only what `wanted` says yes to, by path on this host. */
  addCopy(from: string, to: string, wanted?: (path: string) => boolean): void;
  /** Copies the shared libraries that a file needs, and not the file. */
  addLibrariesOf(path: string): void;
  /** Writes a file that this host does not have. */
  addText(path: string, text: string, mode?: number): void;
  /** Makes a link; its directory is made as well. */
  addLink(path: string, target: string): void;
}

/** Debian's /bin, /lib and the like are links into /usr; paths through them must stay valid in the guest. */
const TOP_LEVEL_LINKS = ['/bin', '/sbin', '/lib', '/lib64'];

/** Where a program of this name is, as execvp would find it, the sbin directories included; or null. */
export function findProgram(name: string): string | null {
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  const candidates = [...directories, '/usr/sbin', '/sbin']
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, name));
  return candidates.find((path) => existsSync(path)) ?? null;
}

/** Paths of the shared libraries an ELF file needs, its loader included (ldd(1)); none when it is static or no ELF file. */
function listLibraries(path: string): string[] {
  const { status, stdout } = spawnSync('ldd', [path], { encoding: 'utf8' });
  if (status !== 0) {
    return [];
  }
  const paths = stdout.split('\n').map((line) => /(?:=>\s+|^\s+)(\/\S+) \(0x/.exec(line)?.[1]);
  return paths.filter((found) => found !== undefined);
}

/** An empty tree in `directory`, which must exist; relative links stay relative. */
export function createHostTree(directory: string): HostTree {
  const added = new Set<string>();
  const inside = (path: string): string => {
    const place = join(directory, path);
    mkdirSync(dirname(place), { recursive: true });
    return place;
  };

  function addFile(path: string): void {
    const place = join(realpathSync(dirname(path)), basename(path));
    if (added.has(place)) {
      return;
    }
    added.add(place);
    if (lstatSync(place).isSymbolicLink()) {
      symlinkSync(readlinkSync(place), inside(place));
      addFile(resolve(dirname(place), readlinkSync(place)));
      return;
    }
    copyFileSync(place, inside(place));
    addLibrariesOf(place);
  }

  function addLibrariesOf(path: string): void {
    for (const library of listLibraries(path)) {
      addFile(library);
    }
  }

  for (const link of TOP_LEVEL_LINKS) {
    if (existsSync(link) && lstatSync(link).isSymbolicLink()) {
      mkdirSync(join(directory, realpathSync(link)), { recursive: true });
      symlinkSync(readlinkSync(link), join(directory, link));
    }
  }
  return {
    directory,
    addFile,
    addLibrariesOf,
    addProgram(name) {
      const path = findProgram(name);
      if (path !== null) {
        addFile(path);
      }
      return path;
    },
    addCopy(from, to, wanted = () => true) {
      cpSync(from, inside(to), { recursive: true, verbatimSymlinks: true, filter: wanted });
    },
    addText(path, text, mode = 0o644) {
      writeFileSync(inside(path), text, { mode });
    },
    addLink(path, target) {
      rmSync(inside(path), { force: true });
      symlinkSync(target, inside(path));
    },
  };
}
