/** Runs the canaries through a freshly opened source. */
import type { KernelRecord } from '../domain/kernel-record.ts';
import { releaseCanary, releaseMountCanary, type Canary, type Release } from './kernel-canary.ts';
import type { HookState } from './kernel-hooks.ts';
import type { Libc } from './libc.ts';

/** What of the source is needed here, and handed on. */
interface Source {
  readonly hooks: readonly HookState[];
  readonly notices: readonly string[];
  readonly pendingCount: number;
  pump(): void;
  take(max: number): KernelRecord[];
}

/** The end of a user namespace can take half a second on a slow host, and there are slower ones. */
const PATIENCE_MS = 5_000;
const PAUSE_MS = 5;
const TAKE_MAX = 1_000;

/**
 * Blocks for as long as the ends of the canaries' namespaces take: some tenths of a second.
 *
 * @returns the hooks that should have fired and did not, and the source without what the canaries did. Where a
 * canary could not be sent, its notices say so.
 */
export function proveHooks<Events extends Source>(
  { libc, procRoot }: { readonly libc: Libc; readonly procRoot: string },
  events: Events,
): { readonly silent: readonly string[]; readonly events: Events } {
  events.pump();
  const attached = events.hooks.filter(({ state }) => state === 'attached').map(({ name }) => name);
  const released = [releaseCanary(libc), releaseMountCanary(procRoot, attached)];
  const canaries = released.flatMap((one) => (one === null || 'refusal' in one ? [] : [one]));
  const refusals = released.flatMap((one) => (one !== null && 'refusal' in one ? [one] : []));
  const others = waitFor(canaries, events);
  return {
    silent: canaries.flatMap((canary) => canary.findSilent(attached)),
    events: withoutCanaries(canaries, events, { others, refusals }),
  };
}

function sift(canaries: readonly Canary[], records: KernelRecord[]): KernelRecord[] {
  return canaries.reduce((left, canary) => canary.sift(left), records);
}

/** Until everything that is waited for was seen, or for long enough; returns what else was told. */
function waitFor(canaries: readonly Canary[], events: Source): KernelRecord[] {
  const others: KernelRecord[] = [];
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const deadline = performance.now() + PATIENCE_MS;
  while (!canaries.every(({ isComplete }) => isComplete) && performance.now() < deadline) {
    Atomics.wait(pause, 0, 0, PAUSE_MS);
    events.pump();
    others.push(...sift(canaries, events.take(TAKE_MAX)));
  }
  return others;
}

interface Found {
  /** Taken already, and not a canary's. */
  readonly others: KernelRecord[];
  readonly refusals: readonly Exclude<Release, Canary>[];
}

function withoutCanaries<Events extends Source>(
  canaries: readonly Canary[],
  events: Events,
  { others, refusals }: Found,
): Events {
  let early = others;
  const unproved = new Set(refusals.flatMap(({ hooks }) => hooks));
  const sifted: Source = {
    hooks: events.hooks.map(({ name, state }) => ({
      name,
      state: state === 'attached' && unproved.has(name) ? 'unproved' : state,
    })),
    notices: [...events.notices, ...refusals.map(({ refusal }) => refusal)],
    get pendingCount() {
      return events.pendingCount + early.length;
    },
    pump: () => events.pump(),
    take(max) {
      const first = early.slice(0, max);
      early = early.slice(max);
      const room = max - first.length;
      return room > 0 ? [...first, ...sift(canaries, events.take(room))] : first;
    },
  };
  // Everything else is asked of the source itself.
  return Object.create(events, Object.getOwnPropertyDescriptors(sifted)) as Events;
}
