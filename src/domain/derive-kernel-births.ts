/** Births as the kernel told them, and namespaces that a record names and nobody knew. */
import { notBefore, type Bounds } from './bounds.ts';
import type { Draft } from './draft.ts';
import { noteReleased } from './kernel-holders.ts';
import type { KernelInput } from './kernel-input.ts';
import { becomeVacant, hasJustEnded, toIdentity } from './kernel-memory.ts';
import type { BirthRecord, KernelNamespace } from './kernel-record.ts';
import { eachHolder, findLifespan, type Known, type LifespanId } from './known.ts';
import type { Creator, Lifespan } from './lifespan.ts';
import { settleMembers } from './member-events.ts';
import { toNamespaceKey } from './namespace-type.ts';
import { NO_RELATIONS, type Relations } from './relations.ts';

/** An instant that the kernel told: both bounds are equal. */
export function exactly(atUs: number): Bounds {
  return { after: atUs, by: atUs, evidence: 'kernel-event' };
}

/**
 * The life that a namespace in a record is. A life that was learnt without a kernel id is taken for the
 * same one as long as its type and inum have not been seen on another.
 */
export function findKernelNamespace(
  known: Known,
  { type, inum, kernelNamespaceId }: KernelNamespace,
): Lifespan | undefined {
  const current = findLifespan(known, toNamespaceKey(type, inum));
  if (kernelNamespaceId === null) {
    return current;
  }
  const id = known.lifespanByKernelId.get(kernelNamespaceId);
  if (id !== undefined) {
    return known.lifespans.get(id);
  }
  return current?.kernelNamespaceId === null ? current : undefined;
}

/**
 * Adds namespace.born, unless that life is known already. Whatever had the inum until then has ended: the
 * kernel gives an inum again only when it is free.
 */
export function deriveKernelBirth(input: KernelInput, record: BirthRecord, draft: Draft): void {
  const { namespace, atUs } = record;
  if (isKnownBirth(input, record)) {
    return;
  }
  const id = addKernelBirth(input, draft, {
    namespace,
    atUs,
    born: exactly(atUs),
    creator: toCreator(record),
    relations: findRelations(input.known, record),
  });
  if (namespace.type === 'pid' && !record.isRecovered) {
    input.memory.inits.set(id, null);
  }
  becomeVacant(input.memory, id, atUs);
  input.memory.recoveredCount += Number(record.isRecovered);
}

/** Whose it is, as far as the record and what is known of its owner say. */
export function findRelations(known: Known, record: BirthRecord): Relations {
  const owner = findOlder(known, record.owner, record.atUs);
  const parent = findOlder(known, record.parent, record.atUs);
  const isUser = record.namespace.type === 'user';
  return {
    owner: owner?.id ?? null,
    parent: parent?.id ?? null,
    ownerUid: isUser ? record.ownerUid : (owner?.ownerUid ?? null),
  };
}

/** Owner and parent were there before: a life that began after that is another one with the same inum. */
function findOlder(
  known: Known,
  namespace: KernelNamespace | null,
  atUs: number,
): Lifespan | undefined {
  const life = namespace === null ? undefined : findKernelNamespace(known, namespace);
  return life === undefined || (life.born.after ?? atUs) <= atUs ? life : undefined;
}

/** Who made it; null where the kernel could not say. */
export function toCreator({ creator, facts, how }: BirthRecord): Creator | null {
  if (creator === null || facts === null) {
    return null;
  }
  const { pid, startTimeTicks } = creator;
  return { pid, startTimeTicks, ...facts, how, evidence: 'kernel-event' };
}

/** Seen by a scan first, or told twice: by the ring and by the map of live namespaces. */
function isKnownBirth({ known, memory }: KernelInput, { namespace, atUs }: BirthRecord): boolean {
  if (namespace.kernelNamespaceId !== null) {
    return (
      known.lifespanByKernelId.has(namespace.kernelNamespaceId) ||
      hasJustEnded(memory, toIdentity(namespace))
    );
  }
  const current = findLifespan(known, toNamespaceKey(namespace.type, namespace.inum));
  return current !== undefined && (current.born.after ?? atUs) <= atUs && atUs <= current.born.by;
}

/**
 * The life of a namespace that a record names. One that nobody knew was born before the record and was
 * not told: before the hooks were attached, in a loss, or in a way no hook sees.
 */
export function requireKernelNamespace(
  input: KernelInput,
  namespace: KernelNamespace,
  atUs: number,
  draft: Draft,
): LifespanId {
  const found = findKernelNamespace(input.known, namespace);
  if (found) {
    return found.id;
  }
  const { previous, gapEndUs } = input.watch;
  const after = previous?.startedAtUs ?? null;
  const wasHidden = Math.max(gapEndUs, input.memory.lossUs) > (after ?? atUs);
  input.memory.inferredCount += Number(previous !== null);
  const evidence = wasHidden ? 'inferred-after-gap' : after === null ? 'baseline' : 'kernel-event';
  return addKernelBirth(input, draft, {
    namespace,
    atUs,
    born: { after, by: atUs, evidence },
    creator: null,
    relations: NO_RELATIONS,
  });
}

interface Birth {
  readonly namespace: KernelNamespace;
  readonly atUs: number;
  readonly born: Bounds;
  readonly creator: Creator | null;
  readonly relations: Relations;
}

/** Adds namespace.born, and the end of whatever had the inum until then. */
export function addKernelBirth(input: KernelInput, draft: Draft, birth: Birth): LifespanId {
  const { type, inum, kernelNamespaceId } = birth.namespace;
  for (const id of input.known.lifespansByInum.get(inum) ?? []) {
    endReplaced(input, id, birth.atUs, draft);
  }
  return draft.add({
    event: 'namespace.born',
    lifespan: draft.nextSeq(),
    type,
    inum,
    boot: input.bootId,
    nsfsDev: input.nsfsDev,
    kernelNamespaceId,
    incarnation: (input.known.incarnations.get(inum) ?? 0) + 1,
    initial: input.initial[type] === inum,
    suspected: false,
    born: birth.born,
    creator: birth.creator,
    ...birth.relations,
  });
}

function endReplaced(input: KernelInput, id: LifespanId, atUs: number, draft: Draft): void {
  const lifespan = input.known.lifespans.get(id);
  if (lifespan && !lifespan.initial) {
    endLifespan(input, lifespan, draft, {
      reason: 'inode-reuse',
      gone: {
        after: Math.min(lastAliveUs(input, lifespan), atUs),
        by: atUs,
        evidence: 'kernel-event',
      },
    });
  }
}

/** The last instant at which a life is known to have gone on. */
export function lastAliveUs({ memory, watch }: KernelInput, { id, born }: Lifespan): number {
  return Math.max(
    born.by,
    watch.sightings.get(id)?.lastSeenUs ?? born.by,
    memory.vacant.get(id)?.lastAliveUs ?? born.by,
  );
}

interface Ending {
  readonly reason: 'inode-reuse' | 'destroyed' | 'vanished';
  readonly gone: Bounds;
}

/** The latest instant at which something about a life is recorded to have begun. */
function findLatestUs(known: Known, { id, born }: Lifespan): number {
  let latestUs = born.by;
  for (const { from } of eachHolder(known, id)) {
    latestUs = Math.max(latestUs, from.by);
  }
  return latestUs;
}

/** Adds namespace.disappeared, and forgets what waited for it. What it alone kept is vacant from then on. */
export function endLifespan(
  input: KernelInput,
  lifespan: Lifespan,
  draft: Draft,
  ending: Ending,
): void {
  const { known, memory, books } = input;
  const { reason } = ending;
  const { id, type, inum } = lifespan;
  const gone = notBefore(ending.gone, findLatestUs(known, lifespan));
  memory.vacant.delete(id);
  memory.ended.add(toIdentity(lifespan));
  // Without an id it would be the next life of the inum that is forgotten.
  if (lifespan.kernelNamespaceId !== null) {
    memory.forgettable.push(lifespan);
  }
  settleMembers({ known, books }, id, gone, draft);
  draft.add({ event: 'namespace.disappeared', lifespan: id, type, inum, reason, gone });
  noteReleased(input, lifespan, gone);
}
