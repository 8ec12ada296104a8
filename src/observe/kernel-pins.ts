/**
 * Pins: maps, programs and links in bpffs, so that the kernel goes on collecting while no collector runs.
 *
 * Each version of the object has a directory of its own, named after what it is; an open takes over its own
 * version and removes the others. The map `reader` says who reads the rings and what was told already.
 *
 * Source: bpf(2) BPF_OBJ_PIN; kernel/bpf/inode.c.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statfsSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { EVENT_MAPS, type AttachedHook, type EventMap } from './kernel-hooks.ts';
import { KERNEL_ABI } from './kernel-layout.ts';
import type { BpfObject, Libbpf } from './libbpf.ts';

export interface PinnedHook {
  readonly name: string;
  readonly programFd: number;
}

/** What a former run left. Descriptors belong to the caller. */
export interface PinnedSet {
  readonly maps: Readonly<Record<EventMap, number>>;
  readonly hooks: readonly PinnedHook[];
}

/** linux/magic.h, as statfs(2) tells it. */
export const BPFFS_MAGIC = 0xcafe4a11;
const VERSION_NAME = /^v\d+-[0-9a-f]+$/;
const HASH_DIGITS = 16;
const DIRECTORY_MODE = 0o700;

/** Where the pins of exactly this object are kept. */
export function findVersionDirectory(pinDirectory: string, objectPath: string): string {
  const hash = createHash('sha256').update(readFileSync(objectPath)).digest('hex');
  return join(pinDirectory, `v${KERNEL_ABI}-${hash.slice(0, HASH_DIGITS)}`);
}

/** Why nothing can be pinned there, as one sentence, or null. */
export function findPinObstacle(pinDirectory: string): string | null {
  return statfsSync(findNearest(pinDirectory)).type === BPFFS_MAGIC
    ? null
    : `${dirname(pinDirectory)} is not on a BPF file system, so a collector that is killed leaves a gap.`;
}

/** The directory or the nearest above it that exists: on the first start neither it nor its root does. */
function findNearest(directory: string): string {
  return existsSync(directory) ? directory : findNearest(dirname(directory));
}

/** Names of hooks contain slashes; bpffs refuses dots in file names. */
const toFileName = (section: string): string => section.replaceAll('/', '+');
const toSection = (fileName: string): string => fileName.replaceAll('+', '/');

/** Pins everything. Throws KernelCallError or the error of the file system; the caller then unpins. */
export function pinAll(directory: string, object: BpfObject, hooks: readonly AttachedHook[]): void {
  for (const folder of ['maps', 'programs', 'links']) {
    mkdirSync(join(directory, folder), { recursive: true, mode: DIRECTORY_MODE });
  }
  for (const map of object.maps) {
    if ((EVENT_MAPS as readonly string[]).includes(map.name)) {
      map.pin(join(directory, 'maps', map.name));
    }
  }
  for (const { name, program, link } of hooks) {
    program.pin(join(directory, 'programs', toFileName(name)));
    link.pin(join(directory, 'links', toFileName(name)));
  }
}

/** Opens what is pinned there; null where nothing is, or not all of it. */
export function openPins(libbpf: Libbpf, directory: string): PinnedSet | null {
  const opened: number[] = [];
  const open = (path: string): number | null => {
    const fd = libbpf.getPinned(path);
    if (fd !== null) {
      opened.push(fd);
    }
    return fd;
  };
  const maps = new Map<EventMap, number>();
  for (const name of EVENT_MAPS) {
    const fd = open(join(directory, 'maps', name));
    if (fd !== null) {
      maps.set(name, fd);
    }
  }
  const names = listNames(join(directory, 'links'));
  const hooks = names.flatMap((fileName) => {
    const programFd = open(join(directory, 'programs', fileName));
    return programFd === null ? [] : [{ name: toSection(fileName), programFd }];
  });
  if (maps.size < EVENT_MAPS.length || hooks.length === 0 || hooks.length < names.length) {
    for (const fd of opened) {
      closeSync(fd);
    }
    return null;
  }
  return { maps: Object.fromEntries(maps) as Record<EventMap, number>, hooks };
}

/** Names of the directories of versions in it. */
export function listVersions(pinDirectory: string): readonly string[] {
  return listNames(pinDirectory).filter((name) => VERSION_NAME.test(name));
}

/** Removes the pins of every version but `except`. Answers how many there were. */
export function unpinOthers(pinDirectory: string, except: string | null): number {
  const others = listVersions(pinDirectory)
    .map((name) => join(pinDirectory, name))
    .filter((path) => path !== except);
  for (const path of others) {
    removePins(path);
  }
  return others.length;
}

/** Removes all pins of all versions, and the directory itself. Answers how many versions there were. */
export function unpinAll(pinDirectory: string): number {
  const count = unpinOthers(pinDirectory, null);
  if (existsSync(pinDirectory) && listNames(pinDirectory).length === 0) {
    rmdirSync(pinDirectory);
  }
  return count;
}

/** Links go first: from then on nothing is written. */
export function removePins(directory: string): void {
  for (const folder of ['links', 'programs', 'maps']) {
    const path = join(directory, folder);
    for (const name of listNames(path)) {
      unlinkSync(join(path, name));
    }
    if (existsSync(path)) {
      rmdirSync(path);
    }
  }
  if (existsSync(directory)) {
    rmdirSync(directory);
  }
}

function listNames(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
