/**
 * Relatives: a child user or pid namespace keeps its parent, and every namespace the user namespace that
 * owns it, from its birth to its end. Derived from the relations of living lifespans and nothing else.
 *
 * Source: user_namespaces(7), pid_namespaces(7); kernel user_namespace.c create_user_ns, pid_namespace.c
 * create_pid_namespace, and get_user_ns in the copy function of every other type.
 */
import { NO_ARRIVAL } from './arrival.ts';
import type { Draft, DraftEvent } from './draft.ts';
import type { EventOf } from './event.ts';
import { toHolderKey, type HolderIdentity } from './holder.ts';
import { findLifespan, type Known, type LifespanId } from './known.ts';
import type { Lifespan } from './lifespan.ts';
import type { NamespaceKey } from './namespace-type.ts';
import { NO_FACTS } from './process-facts.ts';

type Related = Pick<Lifespan, 'type' | 'owner' | 'parent'>;
type RelativeKind = 'child-namespace' | 'owned-namespace';

/** What a namespace keeps alive, as far as its relations are known. */
export function listHeldRelatives({ type, owner, parent }: Related): {
  readonly kind: RelativeKind;
  readonly lifespan: LifespanId;
}[] {
  const isUser = type === 'user';
  // The user namespace that owns a user namespace is its parent.
  const above = isUser ? (parent ?? owner) : parent;
  return [
    ...(above === null ? [] : [{ kind: 'child-namespace', lifespan: above } as const]),
    ...(isUser || owner === null ? [] : [{ kind: 'owned-namespace', lifespan: owner } as const]),
  ];
}

/**
 * The draft, with the holders that births and learnt relations bring along. Initial namespaces need
 * nobody and get none. Their ends need no events: evolve ends them with the child.
 */
export function withRelatives(known: Known, draft: Draft): Draft {
  const born = new Map<LifespanId, EventOf<'namespace.born'>>();
  const gained = new Set<string>();
  const isKeepable = (id: LifespanId): boolean =>
    (known.lifespans.get(id) ?? born.get(id))?.initial === false;
  const addHolders = (child: Related & Pick<Lifespan, 'born'>, namespace: LifespanId): void => {
    for (const { kind, lifespan } of listHeldRelatives(child)) {
      const identity = { ...NO_HOLDER, kind, lifespan, namespace };
      const key = toHolderKey(identity);
      if (isKeepable(lifespan) && !known.holderByKey.has(key) && !gained.has(key)) {
        gained.add(key);
        const type = (known.lifespans.get(lifespan) ?? born.get(lifespan))?.type ?? null;
        const from = child.born;
        draft.add({
          event: 'holder.gained',
          ...NO_ARRIVAL,
          ...identity,
          type,
          namespaces: null,
          ...NO_FACTS,
          from,
        });
      }
    }
  };
  return {
    ...draft,
    add(event: DraftEvent) {
      const seq = draft.add(event);
      if (event.event === 'namespace.born') {
        born.set(seq, draft.events.at(-1) as EventOf<'namespace.born'>);
        addHolders(event, seq);
      } else if (event.event === 'namespace.described') {
        const child = known.lifespans.get(event.lifespan) ?? born.get(event.lifespan);
        if (child) {
          addHolders(mergeRelations(child, event), event.lifespan);
        }
      }
      return seq;
    },
  };
}

function mergeRelations(
  child: Related & Pick<Lifespan, 'born'>,
  { owner, parent }: Pick<EventOf<'namespace.described'>, 'owner' | 'parent'>,
): Related & Pick<Lifespan, 'born'> {
  const { type, born } = child;
  return { type, born, owner: owner ?? child.owner, parent: parent ?? child.parent };
}

/** Every field of an identity but what tells: nobody and nothing. */
export const NO_HOLDER: HolderIdentity = {
  kind: 'child-namespace',
  set: null,
  lifespan: null,
  pid: null,
  tid: null,
  startTimeTicks: null,
  fd: null,
  path: null,
  mountNamespace: null,
  socketInode: null,
  interface: null,
  namespace: null,
};

/**
 * Lifespans that living relatives keep, however far down: `seen` where the scan saw one of those, `carried`
 * where one may be held by something that cannot be read.
 */
export function findKept(
  known: Known,
  seen: Iterable<NamespaceKey>,
  carried: Iterable<LifespanId>,
): Map<LifespanId, 'seen' | 'carried'> {
  const kept = new Map<LifespanId, 'seen' | 'carried'>();
  const climb = (id: LifespanId | undefined, how: 'seen' | 'carried'): void => {
    const lifespan = id === undefined ? undefined : known.lifespans.get(id);
    for (const above of lifespan ? listHeldRelatives(lifespan) : []) {
      if (!kept.has(above.lifespan)) {
        kept.set(above.lifespan, how);
        climb(above.lifespan, how);
      }
    }
  };
  for (const key of seen) {
    climb(findLifespan(known, key)?.id, 'seen');
  }
  for (const id of carried) {
    climb(id, 'carried');
  }
  return kept;
}
