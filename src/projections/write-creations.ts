/**
 * Counts births by creator in buckets of time, beside the rows they are counted of: queries/creators.sql adds up
 * whole buckets, and rows at the edges. What is counted is exactly what is inserted into lifespan and storm.
 */
import type { Storm } from '../domain/known.ts';
import type { Creator, Lifespan } from '../domain/lifespan.ts';
import { NAMESPACE_TYPES, type NamespaceType } from '../domain/namespace-type.ts';
import { US_PER_DAY, US_PER_SECOND } from '../domain/time.ts';
import type { DatabaseHandle } from '../store/open-database.ts';

const US_PER_HOUR = 3_600 * US_PER_SECOND;
/** Widths of the buckets, in microseconds. The query names the same ones. */
const WIDTHS_US = [60 * US_PER_SECOND, US_PER_HOUR, 6 * US_PER_HOUR, US_PER_DAY] as const;

interface Creation {
  readonly widthUs: number;
  readonly fromUs: number;
  readonly key: string;
  born: number;
  stormed: number;
  firstByUs: number;
  lastByUs: number;
  types: number;
  seenBy: number;
}

interface Birth {
  /** seq of the event. */
  readonly id: number;
  readonly creator: Creator | null;
  readonly type: NamespaceType;
  readonly count: number;
  readonly stormed: number;
  readonly firstByUs: number;
  /** Decides into which buckets it counts. */
  readonly byUs: number;
}

/** The births that wait to be written with one commit. */
interface Waiting {
  readonly creations: Map<string, Creation>;
  /** By key: the first event that names the creator. */
  readonly creators: Map<string, Birth>;
}

/**
 * A function that adds records which are inserted now, inside a transaction of the caller. A lifespan that was
 * there when we first looked was not born for us, and does not count.
 */
export function prepareCreations(
  db: DatabaseHandle,
): (lifespans: readonly Lifespan[], storms: readonly Storm[]) => void {
  const findCreator = db.prepare<[string], number>('SELECT id FROM creator WHERE key = ?').pluck();
  const insertCreator = db.prepare(
    `INSERT INTO creator (id, key, uid, loginuid, comm, exe, container_id)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const upsert = db.prepare(
    `INSERT INTO creation
       (width_us, from_us, creator, born, stormed, first_by_us, last_by_us, types, seen_by)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (width_us, from_us, creator) DO UPDATE SET
       born = born + excluded.born,
       stormed = stormed + excluded.stormed,
       first_by_us = min(first_by_us, excluded.first_by_us),
       last_by_us = max(last_by_us, excluded.last_by_us),
       types = types | excluded.types,
       seen_by = seen_by | excluded.seen_by`,
  );
  return (lifespans, storms) => {
    const { creations, creators } = gather([...lifespans.flatMap(toBirth), ...storms.map(toStorm)]);
    const ids = new Map<string, number>();
    for (const [key, { id, creator }] of creators) {
      const found = findCreator.get(key);
      if (found === undefined) {
        insertCreator.run(id, key, ...toKeyValues(creator));
      }
      ids.set(key, found ?? id);
    }
    for (const made of creations.values()) {
      const { born, stormed, firstByUs, lastByUs, types, seenBy } = made;
      const creator = ids.get(made.key);
      upsert.run(
        made.widthUs,
        made.fromUs,
        creator,
        born,
        stormed,
        firstByUs,
        lastByUs,
        types,
        seenBy,
      );
    }
  };
}

function toBirth({ id, creator, type, born }: Lifespan): Birth[] {
  const { after, by } = born;
  return after === null
    ? []
    : [{ id, creator, type, count: 1, stormed: 0, firstByUs: by, byUs: by }];
}

function toStorm({ seq, creator, type, count, from, to }: Storm): Birth {
  return { id: seq, creator, type, count, stormed: count, firstByUs: from, byUs: to };
}

function gather(births: readonly Birth[]): Waiting {
  const creations = new Map<string, Creation>();
  const creators = new Map<string, Birth>();
  for (const birth of births) {
    const key = JSON.stringify(toKeyValues(birth.creator));
    const first = creators.get(key);
    // The lowest id, so that it does not matter how events were put together into commits.
    if (first === undefined || birth.id < first.id) {
      creators.set(key, birth);
    }
    for (const widthUs of WIDTHS_US) {
      add(creations, birth, { key, widthUs });
    }
  }
  return { creations, creators };
}

function add(
  creations: Map<string, Creation>,
  { creator, type, count, stormed, firstByUs, byUs }: Birth,
  { key, widthUs }: Pick<Creation, 'key' | 'widthUs'>,
): void {
  const fromUs = Math.floor((byUs - 1) / widthUs) * widthUs;
  const place = `${widthUs} ${fromUs} ${key}`;
  const made = creations.get(place) ?? {
    widthUs,
    fromUs,
    key,
    born: 0,
    stormed: 0,
    firstByUs,
    lastByUs: byUs,
    types: 0,
    seenBy: 0,
  };
  creations.set(place, made);
  made.born += count;
  made.stormed += stormed;
  made.firstByUs = Math.min(made.firstByUs, firstByUs);
  made.lastByUs = Math.max(made.lastByUs, byUs);
  made.types |= 2 ** NAMESPACE_TYPES.indexOf(type);
  if (creator !== null) {
    made.seenBy |= creator.evidence === 'kernel-event' ? 1 : 2;
  }
}

/** What tells creators apart, in the order of the columns. */
function toKeyValues(creator: Creator | null): (string | number | null)[] {
  return creator === null
    ? [null, null, null, null, null]
    : [creator.uid, creator.loginuid, creator.comm, creator.exe, creator.containerId];
}
