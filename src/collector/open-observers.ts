/**
 * Puts together what the collector observes with: the highest profile at or below the one asked for that
 * this host can run, found out by trying.
 */
import { learnInitialNamespaces, type InitialNamespaces } from '../domain/initial-namespaces.ts';
import type { Scan } from '../domain/scan.ts';
import { openHandleProbe, type HandleProbe } from '../observe/handle-probe.ts';
import type { TimelineClock } from '../observe/host-clock.ts';
import { openKernelEvents, type KernelEvents } from '../observe/kernel-events.ts';
import { createKernelScanner } from '../observe/kernel-scan.ts';
import { createProcfsScanner } from '../observe/procfs-scan.ts';
import type { Profile, ProfileRequest } from './profile.ts';

export interface ObserverOptions {
  readonly profile: ProfileRequest;
  readonly procRoot: string;
  /** False for a procfs that is not this host's own: kernel events would be those of another host. */
  readonly isOwnHost: boolean;
  readonly bootId: string;
  readonly clock: TimelineClock;
  readonly anchorUs: number;
  readonly pinDirectory: string | null;
  readonly ringBytes?: { readonly life: number; readonly holders: number };
  readonly initialHolders: 'count' | 'full';
  /** Where the log stood when this run opened it. */
  readonly recordedPosition: number;
}

export interface Observers {
  readonly profile: Profile;
  /** Kernel hooks and their state; empty in the procfs profile. */
  readonly hooks: readonly { readonly name: string; readonly state: string }[];
  readonly kernel: { readonly events: KernelEvents; readonly probe: HandleProbe | null } | null;
  readonly initial: InitialNamespaces;
  /** One sentence for each thing that was asked for, or could have been had, and is not there. */
  readonly notices: readonly string[];
  scan(): Scan;
  close(options: { readonly keepPins: boolean }): void;
}

/** Hooks are attached when this returns. */
export function openObservers(options: ObserverOptions): Observers {
  const procfs = createProcfsScanner(options);
  const wantsKernel = options.profile !== 'procfs';
  const initial = wantsKernel ? learnInitialNamespaces(procfs.scan(['links']).processes) : {};
  const opened = wantsKernel ? openEvents(options, initial) : null;
  if (opened === null || 'refusal' in opened) {
    const notices = opened === null ? [] : describeRefusal(options, opened.refusal);
    return {
      profile: 'procfs',
      hooks: [],
      kernel: null,
      initial,
      notices,
      scan: () => procfs.scan(),
      close() {},
    };
  }
  const { events } = opened;
  const scanner = createKernelScanner(options);
  const probe = openHandleProbe(options.procRoot);
  const missing = [scanner, probe].flatMap((part) => ('missing' in part ? [part.missing] : []));
  return {
    profile: events.profile,
    hooks: events.hooks,
    kernel: { events, probe: 'missing' in probe ? null : probe },
    initial,
    notices: [...describeLowered(options, events, missing), ...events.notices],
    scan: () => ('missing' in scanner ? procfs : scanner.scanner).scan(),
    close(how) {
      events.close(how);
      if (!('missing' in scanner)) {
        scanner.close();
      }
    },
  };
}

function openEvents(
  options: ObserverOptions,
  initial: InitialNamespaces,
): ReturnType<typeof openKernelEvents> {
  if (!options.isOwnHost) {
    return {
      refusal: `Kernel events are those of the host, and ${options.procRoot} may be another.`,
    };
  }
  const { profile, initialHolders, ...rest } = options;
  // The one asked for, or what is below it: below `trampoline` that is the same as `auto`.
  const request = profile === 'tracepoint' ? profile : 'auto';
  return openKernelEvents({
    ...rest,
    profile: request,
    initial,
    emitInitial: initialHolders === 'full',
  });
}

function describeRefusal({ profile, isOwnHost }: ObserverOptions, refusal: string): string[] {
  const isAsked = profile !== 'auto';
  const what = isAsked ? `profile ${profile} is not available here` : 'no kernel events';
  return isOwnHost || isAsked
    ? [`${what}: ${refusal} Running the procfs profile, which sees what outlives two scans.`]
    : [];
}

/** Only for who asked for a profile by name: what `auto` could not have is said by `nsaudit doctor`. */
function describeLowered(
  { profile }: ObserverOptions,
  events: KernelEvents,
  missing: readonly string[],
): string[] {
  if (profile === 'auto') {
    return [];
  }
  const lowered =
    profile === events.profile
      ? []
      : [`profile ${profile} is not available here; running ${events.profile}.`];
  return [...lowered, ...events.refusals, ...missing];
}
