/**
 * Short births that are counted instead of listed, by who made them and of which type.
 *
 * One group for each creating process and type, until a user has many of them open: then those of further
 * processes share one group for each type, or a process for each birth would be an event for each birth.
 */
import type { Draft, DraftEvent } from './draft.ts';
import type { Creator } from './lifespan.ts';
import type { NamespaceType } from './namespace-type.ts';

/** A life that began and ended, and that nothing but its creator held. */
export interface ShortLife {
  readonly type: NamespaceType;
  readonly kernelNamespaceId: string | null;
  readonly creator: Creator;
  readonly bornUs: number;
  readonly goneUs: number;
}

export interface Storm {
  readonly type: NamespaceType;
  /** Who made the first of them. */
  readonly creator: Creator;
  readonly creators: 'one' | 'several';
  readonly count: number;
  readonly firstKernelNamespaceId: string | null;
  readonly lastKernelNamespaceId: string | null;
  readonly fromUs: number;
  readonly toUs: number;
  /** Birth of the one that `lastKernelNamespaceId` is of: they end in another order than they began. */
  readonly lastBornUs: number;
}

export type Storms = ReadonlyMap<string, Storm>;

/** Groups of one creating process that a user may have open at once. */
const GROUPS_MAX = 16;

/** Counts a life. Changes `storms`. */
export function countShortLife(storms: Map<string, Storm>, life: ShortLife): void {
  const own = toOwnKey(life);
  const key = storms.has(own) || hasRoom(storms, life.creator) ? own : toSharedKey(life);
  storms.set(key, addLife(storms.get(key), life));
}

/**
 * Adds namespaces.stormed for every group that began `everyUs` or longer before `atUs`, and forgets it.
 * With 0 those are all. Changes `storms`.
 */
export function addStorms(
  storms: Map<string, Storm>,
  { atUs, everyUs }: { atUs: number; everyUs: number },
  draft: Draft,
): void {
  for (const [key, storm] of storms) {
    if (atUs - storm.fromUs >= everyUs) {
      storms.delete(key);
      draft.add(toStormed(storm));
    }
  }
}

function toStormed({ fromUs, toUs, lastBornUs: _lastBornUs, ...storm }: Storm): DraftEvent {
  return { event: 'namespaces.stormed', ...storm, from: fromUs, to: toUs };
}

function addLife(storm: Storm | undefined, life: ShortLife): Storm {
  const { type, creator, kernelNamespaceId, bornUs, goneUs } = life;
  if (!storm) {
    return {
      type,
      creator,
      creators: 'one',
      count: 1,
      firstKernelNamespaceId: kernelNamespaceId,
      lastKernelNamespaceId: kernelNamespaceId,
      fromUs: bornUs,
      toUs: goneUs,
      lastBornUs: bornUs,
    };
  }
  const isOther =
    storm.creator.pid !== creator.pid || storm.creator.startTimeTicks !== creator.startTimeTicks;
  const isFirst = bornUs < storm.fromUs;
  const isLast = bornUs >= storm.lastBornUs;
  return {
    ...storm,
    creators: isOther ? 'several' : storm.creators,
    count: storm.count + 1,
    firstKernelNamespaceId: isFirst ? kernelNamespaceId : storm.firstKernelNamespaceId,
    lastKernelNamespaceId: isLast ? kernelNamespaceId : storm.lastKernelNamespaceId,
    fromUs: Math.min(storm.fromUs, bornUs),
    toUs: Math.max(storm.toUs, goneUs),
    lastBornUs: Math.max(storm.lastBornUs, bornUs),
  };
}

function toOwnKey({ type, creator }: ShortLife): string {
  return `${creator.uid} ${type} ${creator.pid}:${creator.startTimeTicks}`;
}

function toSharedKey({ type, creator }: ShortLife): string {
  return `${creator.uid} ${type}`;
}

function hasRoom(storms: Storms, { uid }: Creator): boolean {
  let open = 0;
  for (const { creator } of storms.values()) {
    open += Number(creator.uid === uid);
  }
  return open < GROUPS_MAX;
}
