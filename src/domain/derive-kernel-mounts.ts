/**
 * Bind mounts as the kernel told them: names that are made and removed at exact instants, which scans would
 * find a little later or not at all. And what is known when the last descriptor and mount of a namespace go.
 */
import { NO_ARRIVAL } from './arrival.ts';
import type { Bounds } from './bounds.ts';
import { exactly, findKernelNamespace, requireKernelNamespace } from './derive-kernel-births.ts';
import { listNamed, type StormInput } from './derive-kernel-storms.ts';
import type { Draft } from './draft.ts';
import { toHolderKey, type Holder, type HolderIdentity } from './holder.ts';
import { loseHolder } from './kernel-holders.ts';
import type { KernelInput } from './kernel-input.ts';
import { toIdentity } from './kernel-memory.ts';
import type { EndRecord, MountedRecord, UnmountedRecord } from './kernel-record.ts';
import { eachHolder, findLifespan, type Known } from './known.ts';
import { fillBudget, fullBudget, spendToken } from './member-budget.ts';
import type { Mount } from './mount-table.ts';
import { toNamespaceKey } from './namespace-type.ts';
import { NO_FACTS } from './process-facts.ts';

/**
 * Mounts listed as they are made: so many at once, so many a second after that. Anybody who may make a user
 * namespace may mount in a loop; beyond this only what a scan finds is listed, and the rest is counted.
 */
export const MOUNT_LIMITS = { burst: 2_000, perSecond: 20 } as const;

/** Adds holder.gained for a mount, unless one of the same namespace at the same place is there already. */
export function deriveMounted(input: StormInput, record: MountedRecord, draft: Draft): void {
  const { known, memory } = input;
  const { mountId, path, atUs, namespace, mountNamespace } = record;
  if (path === null) {
    memory.isScanWanted = true;
    return;
  }
  const { type, inum } = namespace;
  const mount: Mount = { type, inum, mountInum: mountNamespace.inum, path };
  forgetEarlier(input, record, draft);
  if (!memory.mounts.has(mount) && !spendBudget(input, atUs)) {
    return;
  }
  memory.touchedMounts.add(mountId);
  memory.mounts.set(mountId, mount);
  listNamed(input, [namespace, mountNamespace], draft);
  const lifespan = requireKernelNamespace(input, namespace, atUs, draft);
  const place = requireKernelNamespace(input, mountNamespace, atUs, draft);
  const identity = toMountIdentity(lifespan, place, path);
  memory.vacant.delete(lifespan);
  if (!known.holderByKey.has(toHolderKey(identity))) {
    draft.add({
      event: 'holder.gained',
      ...identity,
      type,
      namespaces: null,
      ...NO_FACTS,
      ...NO_ARRIVAL,
      from: exactly(atUs),
    });
  }
}

/** Adds holder.lost for a mount that is known, when no other one means the same. */
export function deriveUnmounted(
  input: KernelInput,
  { mountId, atUs }: UnmountedRecord,
  draft: Draft,
): void {
  input.memory.touchedMounts.add(mountId);
  loseMount(input, mountId, exactly(atUs), draft);
}

/**
 * Adds holder.lost for every descriptor and bind mount that is known of the namespace: none is left. One
 * that was known may have gone earlier, as another one that nobody knew was the last.
 */
export function deriveClosed(input: KernelInput, record: EndRecord, draft: Draft): void {
  const { known, memory, watch } = input;
  memory.closed.add(toIdentity(record.namespace));
  const lifespan = findKernelNamespace(known, record.namespace);
  const held = lifespan === undefined ? [] : [...eachHolder(known, lifespan.id)];
  for (const holder of held) {
    if (holder.kind === 'fd' || holder.kind === 'bind-mount') {
      const source = holder.kind === 'fd' ? 'descriptors' : 'mounts';
      const seenUs =
        watch.holderLastSeenUs.get(holder.id) ?? watch.previousBySource.get(source)?.startedAtUs;
      loseHolder(input, holder, { to: endedBy(holder, seenUs, record.atUs), how: null }, draft);
    }
  }
}

/** Adds observation.gap for the mounts that were not listed. The scan that was just made has shown what is left of them. */
export function deriveUnlistedMounts({ memory }: KernelInput, draft: Draft): void {
  const { unlistedMounts } = memory;
  if (unlistedMounts !== null) {
    const { count, fromUs, toUs } = unlistedMounts;
    memory.unlistedMounts = null;
    const gap = { source: 'kernel-mounts', lost: count, from: fromUs, to: toUs };
    memory.openGaps.push(draft.add({ event: 'observation.gap', ...gap, reason: 'lost' }));
  }
}

/** The id was another mount's, whose end was lost: it lies before this one. */
function forgetEarlier(input: KernelInput, record: MountedRecord, draft: Draft): void {
  const earlier = input.memory.mounts.get(record.mountId);
  const holder = earlier && findMountHolder(input.known, earlier);
  if (holder) {
    const seenUs = input.watch.previousBySource.get('mounts')?.startedAtUs;
    loseMount(input, record.mountId, endedBy(holder, seenUs, record.atUs), draft);
  }
}

function loseMount(input: KernelInput, mountId: number, to: Bounds, draft: Draft): void {
  const { known, memory } = input;
  const mount = memory.mounts.get(mountId);
  memory.mounts.delete(mountId);
  const holder = mount && !memory.mounts.has(mount) ? findMountHolder(known, mount) : undefined;
  if (holder) {
    loseHolder(input, holder, { to, how: null }, draft);
  }
}

/** Between when it was seen last, or began, and this instant. */
function endedBy({ from }: Holder, seenUs: number | undefined, byUs: number): Bounds {
  const after = Math.min(Math.max(seenUs ?? from.by, from.after ?? 0), byUs);
  return { after, by: byUs, evidence: 'kernel-event' };
}

function findMountHolder(known: Known, mount: Mount): Holder | undefined {
  const lifespan = findLifespan(known, toNamespaceKey(mount.type, mount.inum));
  const place = findLifespan(known, toNamespaceKey('mnt', mount.mountInum));
  if (lifespan === undefined || place === undefined) {
    return undefined;
  }
  const key = toHolderKey(toMountIdentity(lifespan.id, place.id, mount.path));
  return known.holders.get(known.holderByKey.get(key) ?? -1);
}

function toMountIdentity(lifespan: number, mountNamespace: number, path: string): HolderIdentity {
  return {
    kind: 'bind-mount',
    set: null,
    lifespan,
    pid: null,
    tid: null,
    startTimeTicks: null,
    fd: null,
    path,
    mountNamespace,
    socketInode: null,
    interface: null,
    namespace: null,
  };
}

/** False where one more mount would be too much; then it is counted. */
function spendBudget({ memory }: KernelInput, atUs: number): boolean {
  const budget = memory.mountBudget ?? fullBudget(MOUNT_LIMITS, atUs);
  const filled = fillBudget(budget, atUs, MOUNT_LIMITS);
  const spent = spendToken(filled);
  memory.mountBudget = spent ?? filled;
  if (spent === undefined) {
    const { count = 0, fromUs = atUs } = memory.unlistedMounts ?? {};
    memory.unlistedMounts = { count: count + 1, fromUs, toUs: atUs };
    memory.isScanWanted = true;
  }
  return spent !== undefined;
}
