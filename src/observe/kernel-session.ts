/**
 * Programs that are attached and the maps they write to: loaded now, or taken over from pins.
 */
import { closeSync } from 'node:fs';
import type { HookPlan, HookState, KernelProfile } from './kernel-hooks.ts';
import { loadHooks, type EventMaps, type LoadedHooks, type LoadRequest } from './kernel-load.ts';
import { findVersionDirectory, openPins, pinAll, removePins, unpinOthers } from './kernel-pins.ts';
import { findPinObstacle } from './kernel-pins.ts';
import { openReaderState, type ReaderState } from './kernel-reader.ts';
import type { BpfObject, Libbpf } from './libbpf.ts';
import { messageOf, type Libc } from './libc.ts';

export interface KernelSession {
  readonly profile: KernelProfile;
  readonly hooks: readonly HookState[];
  /** Descriptors of the attached programs, by hook name. */
  readonly programs: readonly { readonly name: string; readonly fd: number }[];
  readonly maps: EventMaps;
  readonly reader: ReaderState;
  readonly isTakenOver: boolean;
  readonly refusals: readonly string[];
  readonly notices: readonly string[];
  /** Detaches, unless the pins are kept. */
  close(options: { readonly keepPins: boolean }): void;
}

export interface SessionOptions {
  readonly profiles: readonly KernelProfile[];
  readonly objectPath: string;
  readonly pinDirectory: string | null;
  readonly procRoot: string;
  readonly ringBytes: LoadRequest['ringBytes'];
  readonly silent: LoadRequest['silent'];
  /**
   * Writes the configuration: before anything is attached, or at a takeover.
   *
   * @param plan null for a takeover, where the programs have been told
   */
  readonly configure: (maps: EventMaps, plan: HookPlan | null) => void;
}

export interface Host {
  readonly libbpf: Libbpf;
  readonly libc: Libc;
}

/** A session by takeover if there are pins of this object and one of the profiles, else a new one. */
export function openSession(
  host: Host,
  options: SessionOptions,
): KernelSession | { readonly refusal: string } {
  const notices: string[] = [];
  const directory = choosePinDirectory(options, notices);
  if (directory !== null) {
    const adopted = adopt(host, options, directory, notices);
    if (adopted !== 'start anew' && adopted !== 'leave alone') {
      return adopted;
    }
    if (adopted === 'leave alone') {
      return startFirst(host, options, null, notices);
    }
  }
  return startFirst(host, options, directory, notices);
}

function choosePinDirectory(options: SessionOptions, notices: string[]): string | null {
  const { pinDirectory, objectPath } = options;
  if (pinDirectory === null) {
    return null;
  }
  const obstacle = findPinObstacle(pinDirectory);
  if (obstacle !== null) {
    notices.push(obstacle);
    return null;
  }
  const directory = findVersionDirectory(pinDirectory, objectPath);
  const removed = unpinOthers(pinDirectory, directory);
  if (removed > 0) {
    notices.push(
      `Removed what ${removed} other version(s) of nsaudit had pinned in ${pinDirectory}.`,
    );
  }
  return directory;
}

function adopt(
  { libbpf, libc }: Host,
  options: SessionOptions,
  directory: string,
  notices: string[],
): KernelSession | 'start anew' | 'leave alone' {
  const pins = openPins(libbpf, directory);
  if (pins === null) {
    removePins(directory);
    return 'start anew';
  }
  const reader = openReaderState(libc, pins.maps.reader);
  const fds = [...Object.values(pins.maps), ...pins.hooks.map(({ programFd }) => programFd)];
  const closeAll = (): void => {
    reader.close();
    for (const fd of fds) {
      closeSync(fd);
    }
  };
  const other = reader.findOtherReader(options.procRoot);
  if (other !== null) {
    closeAll();
    notices.push(
      `Process ${other} reads the pinned rings, so this run has its own and pins nothing.`,
    );
    return 'leave alone';
  }
  const { profile } = reader;
  if (profile === null || !options.profiles.includes(profile)) {
    closeAll();
    removePins(directory);
    return 'start anew';
  }
  options.configure(pins.maps, null);
  return {
    profile,
    hooks: pins.hooks.map(({ name }) => ({ name, state: 'attached' })),
    programs: pins.hooks.map(({ name, programFd }) => ({ name, fd: programFd })),
    maps: pins.maps,
    reader,
    isTakenOver: true,
    refusals: [],
    notices,
    close({ keepPins }) {
      if (!keepPins) {
        removePins(directory);
      }
      closeAll();
    },
  };
}

/** The first of the profiles that this kernel lets us have. */
function startFirst(
  host: Host,
  options: SessionOptions,
  directory: string | null,
  notices: string[],
): KernelSession | { readonly refusal: string } {
  const refusals: string[] = [];
  for (const profile of options.profiles) {
    try {
      const loaded = loadHooks(host.libbpf, {
        objectPath: options.objectPath,
        profile,
        ringBytes: options.ringBytes,
        silent: options.silent,
        onLoaded: options.configure,
      });
      return { ...start(host, loaded, profile, directory, notices), refusals };
    } catch (error) {
      refusals.push(messageOf(error));
    }
  }
  return { refusal: refusals.at(-1) ?? 'No profile was asked for.' };
}

function start(
  { libc }: Host,
  { object, maps, attached, states }: LoadedHooks,
  profile: KernelProfile,
  directory: string | null,
  notices: string[],
): Omit<KernelSession, 'refusals'> {
  const reader = openReaderState(libc, maps.reader);
  const isPinned = directory !== null && tryToPin(directory, object, attached, notices);
  reader.profile = profile;
  return {
    profile,
    hooks: states,
    programs: attached.map(({ name, program }) => ({ name, fd: program.fd() })),
    maps,
    reader,
    isTakenOver: false,
    notices,
    close({ keepPins }) {
      if (isPinned && !keepPins) {
        removePins(directory);
      }
      reader.close();
      for (const { link } of attached) {
        link.destroy();
      }
      object.close();
    },
  };
}

function tryToPin(
  directory: string,
  object: BpfObject,
  attached: Parameters<typeof pinAll>[2],
  notices: string[],
): boolean {
  try {
    pinAll(directory, object, attached);
    return true;
  } catch (error) {
    removePins(directory);
    notices.push(
      `Nothing could be pinned in ${directory} (${messageOf(error)}), so a restart of the collector leaves a gap.`,
    );
    return false;
  }
}
