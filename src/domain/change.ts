/** What folding an event changed: the records that a projection stores. */
import type { Container } from './container.ts';
import type { EventOf } from './event.ts';
import type { Holder } from './holder.ts';
import type { Boot, Coverage, GapRecord, LifespanId, NamespaceSet, Storm } from './known.ts';
import type { Lifespan } from './lifespan.ts';
import type { WallOffset } from './wall-clock.ts';

/** A namespace was held by a process of a container for the first time; `place` is in the order seen, from 0. */
export interface ContainerUse {
  readonly lifespan: LifespanId;
  readonly place: number;
  readonly cgroup: string;
}

/** A record as it stands after the event. The same object is handed out again when it changes again. */
export type Change =
  | { readonly record: 'lifespan'; readonly value: Lifespan }
  /**
   * Only holdersNow or holdersEver changed, which is most of what changes. The same array is handed out
   * for every member of a set.
   */
  | { readonly record: 'holder-counts'; readonly lifespans: readonly LifespanId[] }
  | { readonly record: 'holder'; readonly value: Holder }
  /** The facts of a holder that is stored already. */
  | { readonly record: 'holder-facts'; readonly value: Holder }
  | { readonly record: 'container'; readonly value: Container; readonly seq: number }
  | { readonly record: 'container-use'; readonly value: ContainerUse }
  | { readonly record: 'set'; readonly value: NamespaceSet }
  | { readonly record: 'boot'; readonly value: Boot; readonly seq: number }
  | { readonly record: 'wall-offset'; readonly value: WallOffset }
  /** `fromUs` is where the stretch began; `value.from` may be later, see clipCoverage. */
  | { readonly record: 'coverage'; readonly value: Coverage; readonly fromUs: number }
  | {
      readonly record: 'gap';
      readonly value: GapRecord;
      readonly closed: EventOf<'observation.gap_closed'> | null;
    }
  | { readonly record: 'storm'; readonly value: Storm }
  | {
      readonly record: 'incarnation';
      readonly boot: string;
      readonly inum: number;
      readonly lives: number;
    };
