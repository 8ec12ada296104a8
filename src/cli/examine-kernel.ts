/** What the kernel of this host gives a collector, found out by trying, as the collector does at its start. */
import { PROFILES, type Profile } from '../collector/profile.ts';
import { NsauditError } from '../domain/errors.ts';
import { INITIAL_INUMS } from '../domain/namespace-type.ts';
import { openHandleProbe } from '../observe/handle-probe.ts';
import { createHostClock, createTimelineClock } from '../observe/host-clock.ts';
import { openKernelEvents, type KernelEvents } from '../observe/kernel-events.ts';
import { createKernelScanner } from '../observe/kernel-scan.ts';
import { listPinned, type PinnedDirectory } from '../observe/pin-root.ts';

/** What can be had, or one sentence that says why not. */
export interface Possibility {
  readonly isAvailable: boolean;
  readonly reason: string | null;
}

export interface KernelExamination {
  readonly profile: Profile;
  readonly profileReason: string;
  /** As HookState; empty in the procfs profile. */
  readonly hooks: readonly { readonly name: string; readonly state: string }[];
  /** One sentence each: hooks that are attached, and of which nothing shows that they fire. */
  readonly hookProblems: readonly string[];
  /** Null in the procfs profile. */
  readonly ringBytes: { readonly life: number; readonly holders: number } | null;
  /** The kernel's own list of tasks and descriptors, instead of a walk over procfs. */
  readonly inventory: Possibility;
  /** Whether the kernel says that nothing refers to a namespace any more. */
  readonly handles: Possibility;
}

const OTHER_HOST = 'Kernel events are those of this host, and that procfs may be of another.';

export interface KernelExaminationOptions {
  readonly procRoot: string;
  readonly isOwnHost: boolean;
  readonly bootId: string;
}

/** Attaches, looks and detaches. `isOwnHost` as ObserverOptions: nothing is tried where it is false. */
export function examineKernel(options: KernelExaminationOptions): KernelExamination {
  if (!options.isOwnHost) {
    const nothing = { isAvailable: false, reason: OTHER_HOST };
    return { ...describeScans(OTHER_HOST), inventory: nothing, handles: nothing };
  }
  const opened = openKernelEvents({
    profile: 'auto',
    initial: INITIAL_INUMS,
    procRoot: options.procRoot,
    anchorUs: 0,
    pinDirectory: null,
    emitInitial: false,
  });
  const found =
    'refusal' in opened ? describeScans(opened.refusal) : describeAndClose(opened.events);
  return {
    ...found,
    inventory: toPossibility(tryInventory(options)),
    handles: toPossibility(openHandleProbe(options.procRoot)),
  };
}

function tryInventory(options: KernelExaminationOptions): object {
  try {
    const clock = createTimelineClock(createHostClock(options), 0);
    const scanner = createKernelScanner({ ...options, clock });
    if (!('missing' in scanner)) {
      scanner.close();
    }
    return scanner;
  } catch (error) {
    if (error instanceof NsauditError) {
      return { missing: `There is no clock to scan by: ${error.message}` };
    }
    throw error;
  }
}

type EventsExamination = Omit<KernelExamination, 'inventory' | 'handles'>;

function describeScans(reason: string): EventsExamination {
  return { profile: 'procfs', profileReason: reason, hooks: [], hookProblems: [], ringBytes: null };
}

function describeAndClose(events: KernelEvents): EventsExamination {
  try {
    const { life, holders } = events.stats().streams;
    return {
      profile: events.profile,
      profileReason: describeProfile(events),
      hooks: events.hooks,
      hookProblems: events.notices,
      ringBytes: { life: life.ringBytes, holders: holders.ringBytes },
    };
  } finally {
    events.close({ keepPins: false });
  }
}

function describeProfile({ profile, refusals }: KernelEvents): string {
  return profile === PROFILES[0]
    ? 'The highest there is.'
    : `Not ${PROFILES.slice(0, PROFILES.indexOf(profile)).join(' or ')}: ${refusals.join(' ')}`;
}

function toPossibility(answer: object): Possibility {
  return 'missing' in answer
    ? { isAvailable: false, reason: String(answer.missing) }
    : { isAvailable: true, reason: null };
}

export interface PinExamination {
  readonly root: string;
  /** Null where they cannot be listed, for the reason beside it. */
  readonly directories: readonly (PinnedDirectory & { readonly isOfThisRecord: boolean })[] | null;
  readonly reason: string | null;
}

/** `ownDirectory`: where a collector of the record that doctor looks at pins. */
export function examinePins(root: string, ownDirectory: string, procRoot: string): PinExamination {
  try {
    const directories = listPinned(root, procRoot).map((directory) => ({
      ...directory,
      isOfThisRecord: directory.path === ownDirectory,
    }));
    return { root, directories, reason: null };
  } catch (error) {
    if (error instanceof NsauditError) {
      return { root, directories: null, reason: error.message };
    }
    throw error;
  }
}
