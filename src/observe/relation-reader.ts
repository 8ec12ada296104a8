/**
 * Owners and parents of the namespaces of a scan, each learnt once and remembered as long as it is the same
 * namespace: by the kernel's own list where there is one, by asking the namespace elsewhere.
 *
 * Holds:     what was learnt of the namespaces of the last scan, and of those above them.
 * Promises:  no namespace is asked twice, but when the oldest task that shows it is another one than before:
 *            then it may be another namespace. No descriptor is open when it returns.
 * Does not:  decide what an owner or parent means for a life (domain).
 * Proved by: test/kernel/relations.test.ts, test/observe/relation-reader.test.ts
 */
import type { InitialNamespaces } from '../domain/initial-namespaces.ts';
import { NAMESPACE_TYPES, type NamespaceKey } from '../domain/namespace-type.ts';
import { listKept } from '../domain/relations.ts';
import type { ObservedRelations, Scan } from '../domain/scan.ts';
import type { ToldRelations } from './kernel-relation-rows.ts';
import type { Missing } from './libc.ts';
import { findSights, type NamespaceSight, type Sights } from './namespace-sights.ts';
import { openRelationAsker, type RelationAsker } from './nsfs-relations.ts';
import type { SourceTally } from './source-tally.ts';

interface Looked extends Pick<Scan, 'processes' | 'mountNamespaces' | 'kernelIds'> {
  readonly initial: InitialNamespaces;
}

export interface RelationsRead {
  readonly relations: ReadonlyMap<NamespaceKey, ObservedRelations>;
  /** Of what was seen, and of what stands above it, where the kernel told. */
  readonly kernelIds: ReadonlyMap<NamespaceKey, string>;
}

export interface RelationReader {
  read(looked: Looked, tally: SourceTally): RelationsRead;
}

interface Entry {
  readonly relations: ObservedRelations;
  readonly kernelNamespaceId: string | null;
  /** Equal while it is the same namespace; null for what nothing shows but what it owns or what is below it. */
  readonly witness: string | null;
  readonly refusal: { readonly reason: string; readonly example: string } | null;
}

/** Stands for what cannot be asked because the C library is out of reach. */
const NO_CALL = 'no ioctl';
/** It is mounted only where no process is, and no path leads there. */
const NO_PATH = 'ESRCH';

const UNKNOWN: ObservedRelations = { owner: null, parent: null, ownerUid: null };

/** `list` is the kernel's own list, where there is one. */
export function createRelationReader(
  procRoot: string,
  list: (() => ReadonlyMap<NamespaceKey, ToldRelations>) | null = null,
): RelationReader {
  const asker = openRelationAsker(procRoot);
  let known: ReadonlyMap<NamespaceKey, Entry> = new Map();
  return {
    read({ initial, kernelIds, ...looked }, tally) {
      const sights = findSights(looked, initial, procRoot);
      const next = new Map<NamespaceKey, Entry>();
      const strange: { sight: NamespaceSight; witness: string }[] = [];
      for (const sight of [...listInitial(sights, known, next), ...sights.found]) {
        const witness = kernelIds.get(sight.key) ?? describeHolder(sight, sights);
        const entry = known.get(sight.key);
        if (entry?.witness === witness) {
          next.set(sight.key, entry);
        } else {
          strange.push({ sight, witness });
        }
      }
      const told = strange.length > 0 ? (list?.() ?? new Map<never, never>()) : new Map();
      const above = new Map<NamespaceKey, Entry>();
      for (const { sight, witness } of strange) {
        const learnt = learn({ asker, sights, told, above }, sight, kernelIds, tally);
        if (learnt) {
          next.set(sight.key, { ...learnt, witness });
        }
      }
      addAbove(next, (key) => above.get(key) ?? fromList(told, key) ?? known.get(key));
      for (const { refusal } of next.values()) {
        if (refusal) {
          tally.unreadable(refusal.reason, refusal.example);
        }
      }
      known = next;
      return toRead(next, kernelIds);
    },
  };
}

/** Initial namespaces stay for the whole boot: those not known yet. Changes `next`. */
function listInitial(
  sights: Sights,
  known: ReadonlyMap<NamespaceKey, Entry>,
  next: Map<NamespaceKey, Entry>,
): NamespaceSight[] {
  return NAMESPACE_TYPES.flatMap((type) => {
    const sight = sights.findInitial(type);
    const entry = sight && known.get(sight.key);
    if (sight && entry) {
      next.set(sight.key, entry);
    }
    return sight && !entry ? [sight] : [];
  });
}

function describeHolder(sight: NamespaceSight, { toPath }: Sights): string {
  const { holder, place, mountInum } = sight;
  return holder
    ? `${holder.pid} ${holder.startTimeTicks}`
    : `${mountInum} ${place} ${toPath(sight) === null ? NO_PATH : ''}`;
}

interface Learning {
  readonly asker: RelationAsker | Missing;
  readonly sights: Sights;
  readonly told: ReadonlyMap<NamespaceKey, ToldRelations>;
  /** What asking showed of namespaces above those asked. */
  readonly above: Map<NamespaceKey, Entry>;
}

/** Null when it was gone before it could be asked: if it is not, the next scan asks. */
function learn(
  { asker, sights, told, above }: Learning,
  sight: NamespaceSight,
  kernelIds: Scan['kernelIds'],
  tally: SourceTally,
): Entry | null {
  const listed = fromList(told, sight.key);
  const id = kernelIds.get(sight.key) ?? null;
  if (listed && (id === null || listed.kernelNamespaceId === id)) {
    tally.read();
    return listed;
  }
  const path = sights.toPath(sight);
  if (path === null) {
    return toEntry(UNKNOWN, NO_PATH, `mnt:[${sight.mountInum}] ${sight.place}`);
  }
  if ('missing' in asker) {
    return toEntry(UNKNOWN, NO_CALL, path);
  }
  const asked = asker.ask(path, sight);
  const own = asked?.get(sight.key);
  if (!asked || !own) {
    tally.vanished();
    return null;
  }
  tally.read();
  for (const [key, { relations, refusal }] of asked) {
    above.set(key, toEntry(relations, refusal, path));
  }
  return toEntry(own.relations, own.refusal, path);
}

function toEntry(relations: ObservedRelations, reason: string | null, example: string): Entry {
  return {
    relations,
    kernelNamespaceId: null,
    witness: null,
    refusal: reason === null ? null : { reason, example },
  };
}

function fromList(told: Learning['told'], key: NamespaceKey): Entry | undefined {
  const listed = told.get(key);
  return listed && { ...listed, witness: null, refusal: null };
}

/** Adds what stands above the namespaces of `next` and was not seen itself. Changes `next`. */
function addAbove(
  next: Map<NamespaceKey, Entry>,
  find: (key: NamespaceKey) => Entry | undefined,
): void {
  const waiting = [...next.values()].flatMap(({ relations }) => listKept(relations));
  for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
    const entry = next.has(key) ? undefined : find(key);
    if (entry) {
      next.set(key, { ...entry, witness: null });
      waiting.push(...listKept(entry.relations));
    }
  }
}

function toRead(entries: ReadonlyMap<NamespaceKey, Entry>, seen: Scan['kernelIds']): RelationsRead {
  const relations = new Map<NamespaceKey, ObservedRelations>();
  const kernelIds = new Map(seen);
  for (const [key, entry] of entries) {
    if (entry.refusal?.reason !== NO_PATH) {
      relations.set(key, entry.relations);
    }
    if (entry.witness === null && entry.kernelNamespaceId !== null) {
      kernelIds.set(key, entry.kernelNamespaceId);
    }
  }
  return { relations, kernelIds };
}
