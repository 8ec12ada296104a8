/** The records that events changed since they were last written, each once, as it stands now. */
import type { Change, ContainerUse } from '../domain/change.ts';
import type { Container } from '../domain/container.ts';
import { unreachable } from '../domain/errors.ts';
import type { EventOf } from '../domain/event.ts';
import type { Holder } from '../domain/holder.ts';
import type {
  Boot,
  Coverage,
  GapRecord,
  LifespanId,
  NamespaceSet,
  Storm,
} from '../domain/known.ts';
import type { Lifespan } from '../domain/lifespan.ts';
import type { WallOffset } from '../domain/wall-clock.ts';

export interface DirtyGap {
  readonly gap: GapRecord;
  readonly closed: EventOf<'observation.gap_closed'> | null;
}

export interface DirtyCoverage {
  readonly coverage: Coverage;
  /** Where the stretch began, also when what was before a later instant has been pruned. */
  readonly fromUs: number;
}

export interface DirtyIncarnation {
  readonly boot: string;
  readonly inum: number;
  readonly lives: number;
}

export interface DirtyRecords {
  readonly lifespans: Map<number, Lifespan>;
  /** Lists of lifespans whose holder counts changed; the list of a set is in here once. */
  readonly counted: Set<readonly LifespanId[]>;
  readonly holders: Map<number, Holder>;
  readonly sets: Map<number, NamespaceSet>;
  /** By seq of boot.started. */
  readonly boots: Map<number, Boot>;
  readonly wallOffsets: WallOffset[];
  readonly coverages: DirtyCoverage[];
  readonly gaps: Map<number, DirtyGap>;
  readonly incarnations: Map<string, DirtyIncarnation>;
  readonly storms: Storm[];
  /** Stored holders whose facts changed. */
  readonly holderFacts: Map<number, Holder>;
  /** By seq of container.described. */
  readonly containers: Map<number, Container>;
  readonly containerUses: ContainerUse[];
}

export function noDirtyRecords(): DirtyRecords {
  return {
    lifespans: new Map(),
    counted: new Set(),
    holders: new Map(),
    sets: new Map(),
    boots: new Map(),
    wallOffsets: [],
    coverages: [],
    gaps: new Map(),
    incarnations: new Map(),
    storms: [],
    holderFacts: new Map(),
    containers: new Map(),
    containerUses: [],
  };
}

export function clearDirtyRecords(dirty: DirtyRecords): void {
  dirty.lifespans.clear();
  dirty.counted.clear();
  dirty.holders.clear();
  dirty.sets.clear();
  dirty.boots.clear();
  dirty.wallOffsets.length = 0;
  dirty.coverages.length = 0;
  dirty.gaps.clear();
  dirty.incarnations.clear();
  dirty.storms.length = 0;
  dirty.holderFacts.clear();
  dirty.containers.clear();
  dirty.containerUses.length = 0;
}

export function noteChange(dirty: DirtyRecords, change: Change): void {
  switch (change.record) {
    case 'lifespan':
      dirty.lifespans.set(change.value.id, change.value);
      break;
    case 'holder-counts':
      dirty.counted.add(change.lifespans);
      break;
    case 'holder':
      dirty.holders.set(change.value.id, change.value);
      break;
    case 'set':
      dirty.sets.set(change.value.id, change.value);
      break;
    case 'boot':
      dirty.boots.set(change.seq, change.value);
      break;
    case 'wall-offset':
      dirty.wallOffsets.push(change.value);
      break;
    case 'coverage':
      dirty.coverages.push({ coverage: change.value, fromUs: change.fromUs });
      break;
    case 'gap':
      dirty.gaps.set(change.value.seq, { gap: change.value, closed: change.closed });
      break;
    case 'storm':
      dirty.storms.push(change.value);
      break;
    case 'holder-facts':
      dirty.holderFacts.set(change.value.id, change.value);
      break;
    case 'container':
      dirty.containers.set(change.seq, change.value);
      break;
    case 'container-use':
      dirty.containerUses.push(change.value);
      break;
    case 'incarnation':
      dirty.incarnations.set(`${change.boot} ${change.inum}`, change);
      break;
    default:
      unreachable(change);
  }
}
