/** Ends: as kernel hooks told them, and as stale handles show them. */
import type { Bounds } from './bounds.ts';
import { endLifespan, exactly, findKernelNamespace, lastAliveUs } from './derive-kernel-births.ts';
import type { Draft } from './draft.ts';
import type { KernelInput } from './kernel-input.ts';
import { stillAlive, type Vacancy } from './kernel-memory.ts';
import type { EndRecord } from './kernel-record.ts';
import type { LifespanId } from './known.ts';
import type { Lifespan } from './lifespan.ts';
import { settleMembers } from './member-events.ts';
import type { NamespaceType } from './namespace-type.ts';

/**
 * Types that are destroyed by the very call that drops the last reference. The others wait for a
 * workqueue, so a last reference that is gone does not say yet that the inum is free.
 *
 * Source: kernel utsname.c, cgroup/namespace.c, time/namespace.c, fs/namespace.c put_mnt_ns.
 */
const DESTROYED_AT_ONCE: readonly NamespaceType[] = ['cgroup', 'mnt', 'time', 'uts'];

/** Adds what a hook told about an end. A namespace that nobody knew has nothing to end. */
export function deriveKernelEnd(input: KernelInput, record: EndRecord, draft: Draft): void {
  const lifespan = findKernelNamespace(input.known, record.namespace);
  if (lifespan === undefined || lifespan.initial) {
    return;
  }
  noteUnheld(input, lifespan, record.atUs, draft);
  if (record.kind === 'destroyed') {
    endLifespan(input, lifespan, draft, { reason: 'destroyed', gone: exactly(record.atUs) });
  } else if (lifespan.unreferenced === null) {
    noteUnreferenced(lifespan, exactly(record.atUs), draft);
  }
}

export interface ProbeResult {
  readonly id: LifespanId;
  readonly probedUs: number;
  readonly verdict: 'alive' | 'stale' | 'unknown';
}

/**
 * Adds what asking the kernel for vacant namespaces showed. Call it when every record up to the probe has
 * been judged: somebody may have entered meanwhile, and then the end lies behind that.
 *
 * A stale handle says that the last reference is gone. For the types that a workqueue destroys, the inum
 * is freed a little later, which nothing here shows: they are `vanished`.
 */
export function deriveProbes(
  input: KernelInput,
  results: readonly ProbeResult[],
  draft: Draft,
): void {
  const { known, memory } = input;
  for (const { id, probedUs, verdict } of results) {
    const lifespan = known.lifespans.get(id);
    const vacancy = memory.vacant.get(id);
    if (
      lifespan === undefined ||
      vacancy === undefined ||
      isOvertaken(lifespan, vacancy, probedUs)
    ) {
      continue;
    }
    if (verdict !== 'stale') {
      memory.vacant.set(
        id,
        verdict === 'alive'
          ? stillAlive(vacancy, probedUs)
          : { ...stillAlive(vacancy, probedUs), lastAliveUs: vacancy.lastAliveUs },
      );
      // What holds it is not a task: a scan may find a descriptor or a bind mount.
      memory.isScanWanted ||= verdict === 'alive' && vacancy.probes === 1;
      continue;
    }
    const after = Math.min(lastAliveUs(input, lifespan), probedUs);
    const gone: Bounds = { after, by: probedUs, evidence: 'handle' };
    const isDestroyed = DESTROYED_AT_ONCE.includes(lifespan.type);
    noteUnheld(input, lifespan, probedUs, draft);
    if (!isDestroyed && lifespan.unreferenced === null) {
      noteUnreferenced(lifespan, gone, draft);
    }
    endLifespan(input, lifespan, draft, { reason: isDestroyed ? 'destroyed' : 'vanished', gone });
  }
}

/** Somebody came, or came and left, after the question: it will be asked again. */
function isOvertaken(lifespan: Lifespan, { leftUs }: Vacancy, probedUs: number): boolean {
  return lifespan.holdersNow > 0 || (leftUs ?? probedUs) > probedUs;
}

/** The last visible holder left when its leaving was told, or else between its last sighting and now. */
function noteUnheld(input: KernelInput, lifespan: Lifespan, atUs: number, draft: Draft): void {
  if (lifespan.unheld !== null) {
    return;
  }
  const { id, type, inum } = lifespan;
  const leftUs = input.memory.vacant.get(id)?.leftUs ?? null;
  const unheld: Bounds =
    leftUs === null
      ? { after: Math.min(lastAliveUs(input, lifespan), atUs), by: atUs, evidence: 'scan' }
      : exactly(leftUs);
  settleMembers(input, id, null, draft);
  draft.add({ event: 'namespace.unheld', lifespan: id, type, inum, unheld });
}

function noteUnreferenced({ id, type, inum }: Lifespan, unreferenced: Bounds, draft: Draft): void {
  draft.add({ event: 'namespace.unreferenced', lifespan: id, type, inum, unreferenced });
}
