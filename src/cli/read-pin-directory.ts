/** Where hooks are pinned for the collector of a state directory. */
import { createHash } from 'node:crypto';
import { statfsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BPFFS_MAGIC } from '../observe/kernel-pins.ts';
import type { CommandContext } from './command-context.ts';

/** Where systemd mounts the BPF file system. */
const USUAL_MOUNT = '/sys/fs/bpf';
const USUAL_DIRECTORY = join(USUAL_MOUNT, 'nsaudit');
const DIGITS = 16;
/** For `--pin-dir`: pins nothing. */
const NONE = 'none';

/** The directory that holds the pins of every collector on this host; null where nothing can be pinned. */
export function readPinRoot({ options, currentDirectory }: CommandContext): string | null {
  const given = options.text('pin-dir') ?? null;
  if (given === NONE) {
    return null;
  }
  if (given !== null) {
    return resolve(currentDirectory, given);
  }
  return isBpfMounted() ? USUAL_DIRECTORY : null;
}

/** One directory for each record: two collectors on one host do not take over each other's hooks. */
export function toPinDirectory(pinRoot: string | null, stateDirectory: string): string | null {
  const digest = createHash('sha256').update(resolve(stateDirectory)).digest('hex');
  return pinRoot === null ? null : join(pinRoot, digest.slice(0, DIGITS));
}

function isBpfMounted(): boolean {
  try {
    return statfsSync(USUAL_MOUNT).type === BPFFS_MAGIC;
  } catch {
    return false;
  }
}
