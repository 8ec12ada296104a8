/** Births that the ring lost and the map of live namespaces still knows, handed out once and in order. */
import { namesLostBirth } from '../domain/derive-kernel-storms.ts';
import type { KernelMemory } from '../domain/kernel-memory.ts';
import type { BirthRecord, KernelRecord } from '../domain/kernel-record.ts';
import type { Known } from '../domain/known.ts';
import type { KernelEvents } from '../observe/kernel-events.ts';

export interface LostBirths {
  /**
   * The records, and among them, where the ring has lost births, those that the map still knows. Births
   * after the last record are still to come from the ring, or will be lost in their turn.
   */
  addTo(records: readonly KernelRecord[]): readonly KernelRecord[];
}

/**
 * One look at the map serves every record older than it, so that a storm that overran the ring is not
 * followed by one look for each batch.
 */
export function startLostBirths(
  events: Pick<KernelEvents, 'recover'> & {
    /** Somebody has read from these rings before, and may not have stored all of it. */
    readonly isOwed: boolean;
  },
  state: {
    readonly known: Known;
    readonly memory: KernelMemory;
    /** A life with this kernel id is in the record, ended or not. */
    readonly isRecorded: (kernelNamespaceId: string) => boolean;
  },
  nowUs: () => number,
): LostBirths {
  // What the run before had read and not stored any more is in the map only, among what the rings still have.
  let { isOwed } = events;
  let lookedUs = isOwed ? nowUs() : Number.NEGATIVE_INFINITY;
  // It may have recorded an end and been killed before it could take it out of the map.
  let births: BirthRecord[] = isOwed
    ? events
        .recover()
        .filter(({ namespace: { kernelNamespaceId: id } }) => id === null || !state.isRecorded(id))
    : [];
  const takeUntil = (untilUs: number): BirthRecord[] => {
    if (lookedUs < untilUs) {
      isOwed = false;
      lookedUs = nowUs();
      births = events.recover();
    }
    const later = births.findIndex(({ atUs }) => atUs > untilUs);
    return births.splice(0, later === -1 ? births.length : later);
  };
  return {
    addTo(records) {
      const hasLost = records.some((record) => record.kind === 'lost' && record.stream === 'life');
      // Before the first scan nothing is known yet, and every name is new.
      const isLooking = state.known.coverage !== null;
      if (!isOwed && !hasLost && !(isLooking && namesLostBirth(state, records))) {
        return records;
      }
      if (records.length === 0) {
        isOwed = false;
        return takeUntil(lookedUs);
      }
      const lost = takeUntil(findLastUs(records));
      return [...records, ...lost].toSorted(byTimeBirthsFirst);
    },
  };
}

/** At the same instant the birth of a namespace comes before whoever is in it. */
function byTimeBirthsFirst(left: KernelRecord, right: KernelRecord): number {
  return left.atUs - right.atUs || Number(right.kind === 'birth') - Number(left.kind === 'birth');
}

/**
 * The instant of the last thing that was told. Not that of a loss: it was noticed later, and what happened
 * in between is still to come.
 */
export function findLastUs(records: readonly KernelRecord[]): number {
  const told = records.filter(({ kind }) => kind !== 'lost');
  const instants = (told.length > 0 ? told : records).map((record) =>
    record.kind === 'lost' ? record.fromUs : record.atUs,
  );
  return Math.max(...instants);
}
