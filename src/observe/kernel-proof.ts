/** Runs the canary through a freshly opened source. */
import type { KernelRecord } from '../domain/kernel-record.ts';
import { releaseCanary } from './kernel-canary.ts';
import type { Libc } from './libc.ts';

/** What of the source is needed here, and handed on. */
interface Source {
  readonly hooks: readonly { readonly name: string; readonly state: string }[];
  readonly pendingCount: number;
  pump(): void;
  take(max: number): KernelRecord[];
}

/** The end of a user namespace can take half a second on a slow host. */
const PATIENCE_MS = 2_000;
const PAUSE_MS = 5;
const TAKE_MAX = 1_000;

/**
 * Blocks for as long as the ends of the canary's namespaces take: some tenths of a second.
 *
 * @returns the hooks that should have fired and did not, and the source without what the canary did
 */
export function proveHooks<Events extends Source>(
  libc: Libc,
  events: Events,
): { readonly silent: readonly string[]; readonly events: Events } {
  events.pump();
  const canary = releaseCanary(libc);
  if (canary === null) {
    return { silent: [], events };
  }
  let others: KernelRecord[] = [];
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const deadline = performance.now() + PATIENCE_MS;
  while (!canary.isComplete && performance.now() < deadline) {
    Atomics.wait(pause, 0, 0, PAUSE_MS);
    events.pump();
    others.push(...canary.sift(events.take(TAKE_MAX)));
  }
  const attached = events.hooks.filter(({ state }) => state === 'attached');
  const sifted: Source = {
    hooks: events.hooks,
    get pendingCount() {
      return events.pendingCount + others.length;
    },
    pump: () => events.pump(),
    take(max) {
      const early = others.slice(0, max);
      others = others.slice(max);
      const room = max - early.length;
      return room > 0 ? [...early, ...canary.sift(events.take(room))] : early;
    },
  };
  return {
    silent: canary.findSilent(attached.map(({ name }) => name)),
    // Everything else is asked of the source itself.
    events: Object.create(events, Object.getOwnPropertyDescriptors(sifted)) as Events,
  };
}
