/** Owners and parents: what a scan says about them, as lives. */
import type { LifespanId } from './known.ts';
import type { Lifespan } from './lifespan.ts';
import type { NamespaceKey } from './namespace-type.ts';
import type { ObservedRelations, Scan } from './scan.ts';

/** ObservedRelations with lives instead of keys. */
export interface Relations {
  readonly owner: LifespanId | null;
  readonly parent: LifespanId | null;
  readonly ownerUid: number | null;
}

/** Nothing was learnt. */
export const NO_RELATIONS: Relations = { owner: null, parent: null, ownerUid: null };

/** The namespaces that one keeps alive, each once: its owner and its parent. */
export function listKept(relations: ObservedRelations | undefined): NamespaceKey[] {
  const { owner = null, parent = null } = relations ?? {};
  return [...new Set([owner, parent])].filter((key) => key !== null);
}

/**
 * Namespaces that nothing showed and that were there all the same, because one that was seen is owned by
 * them or below them. By each of them the namespaces seen that say so.
 */
export function findImplied(
  seen: Iterable<NamespaceKey>,
  relations: Scan['relations'],
): Map<NamespaceKey, ReadonlySet<NamespaceKey>> {
  const isSeen = new Set(seen);
  const implied = new Map<NamespaceKey, Set<NamespaceKey>>();
  for (const witness of isSeen) {
    const waiting = listKept(relations.get(witness));
    for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
      const witnesses = implied.get(key) ?? new Set();
      if (isSeen.has(key) || witnesses.has(witness)) {
        continue;
      }
      implied.set(key, witnesses.add(witness));
      waiting.push(...listKept(relations.get(key)));
    }
  }
  return implied;
}

/** What is new about a life, or null. What is known of it already does not change. */
export function learnRelations(life: Relations, seen: Relations): Relations | null {
  const owner = life.owner === null ? seen.owner : null;
  const parent = life.parent === null ? seen.parent : null;
  const ownerUid = life.ownerUid === null ? seen.ownerUid : null;
  return owner === null && parent === null && ownerUid === null
    ? null
    : { owner, parent, ownerUid };
}

/** They cannot be those of one life. */
export function contradicts(life: Relations, seen: Relations): boolean {
  return (
    differs(life.owner, seen.owner) ||
    differs(life.parent, seen.parent) ||
    differs(life.ownerUid, seen.ownerUid)
  );
}

function differs(known: number | null, seen: number | null): boolean {
  return known !== null && seen !== null && known !== seen;
}

/** `child` is owned by the other life, or below it: while it lives, that one does. */
export function isKeptBy(
  { id }: Pick<Lifespan, 'id'>,
  child: Pick<Lifespan, 'owner' | 'parent'>,
): boolean {
  return child.owner === id || child.parent === id;
}

/** Whether it is known what a life keeps alive of this type. */
export function knowsKept(
  { type, owner, parent }: Pick<Lifespan, 'type' | 'owner' | 'parent'>,
  keptType: 'user' | 'pid',
): boolean {
  if (keptType === 'pid') {
    return type !== 'pid' || parent !== null;
  }
  // The user namespace that owns a user namespace is its parent.
  return owner !== null || (type === 'user' && parent !== null);
}
