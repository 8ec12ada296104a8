/**
 * Counts births by creator in buckets of time, of all types and of each, beside the rows they are counted of:
 * queries/creators.sql adds up whole buckets, and rows at the edges. What is counted is exactly what is inserted into
 * lifespan and storm.
 */
import type { Storm } from '../domain/known.ts';
import type { Creator, Lifespan } from '../domain/lifespan.ts';
import { NAMESPACE_TYPES, type NamespaceType } from '../domain/namespace-type.ts';
import { US_PER_DAY, US_PER_SECOND } from '../domain/time.ts';
import type { DatabaseHandle } from '../store/open-database.ts';

const US_PER_HOUR = 3_600 * US_PER_SECOND;
/** Widths of the buckets, in microseconds. The query names the same ones. */
const WIDTHS_US = [60 * US_PER_SECOND, US_PER_HOUR, 6 * US_PER_HOUR, US_PER_DAY] as const;

/** Made by SQLite from what tells creators apart, as the query makes it from a birth: numbers come as REAL from the driver. */
const CREATOR_KEY = 'json_array(CAST(? AS INTEGER), CAST(? AS INTEGER), ?, ?, ?)';

/** In a bucket of all types. */
const ALL_TYPES = 0;

interface Creation {
  /** The bit of the type, or ALL_TYPES. */
  readonly type: number;
  readonly widthUs: number;
  readonly fromUs: number;
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

/** What waits to be written of one creator with one commit. */
interface Made {
  /** The first event that names the creator. */
  first: Birth;
  /** By place of the bucket. */
  readonly creations: Map<string, Creation>;
}

/**
 * A function that adds records which are inserted now, inside a transaction of the caller. A lifespan that was
 * there when we first looked was not born for us, and does not count.
 */
export function prepareCreations(
  db: DatabaseHandle,
): (lifespans: readonly Lifespan[], storms: readonly Storm[]) => void {
  const findCreator = db
    .prepare<CreatorValues, number>(`SELECT id FROM creator WHERE key = ${CREATOR_KEY}`)
    .pluck();
  const insertCreator = db.prepare(
    `INSERT INTO creator (id, uid, loginuid, comm, exe, container_id, key)
     VALUES (?, ?, ?, ?, ?, ?, ${CREATOR_KEY})`,
  );
  const upsert = db.prepare(
    `INSERT INTO creation
       (type, width_us, from_us, creator, born, stormed, first_by_us, last_by_us, types, seen_by)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (type, width_us, from_us, creator) DO UPDATE SET
       born = born + excluded.born,
       stormed = stormed + excluded.stormed,
       first_by_us = min(first_by_us, excluded.first_by_us),
       last_by_us = max(last_by_us, excluded.last_by_us),
       types = types | excluded.types,
       seen_by = seen_by | excluded.seen_by`,
  );
  const findOrInsert = ({ id, creator }: Birth): number => {
    const values = toCreatorValues(creator);
    const found = findCreator.get(...values);
    if (found === undefined) {
      insertCreator.run(id, ...values, ...values);
    }
    return found ?? id;
  };
  return (lifespans, storms) => {
    const births = [...lifespans.flatMap(toBirth), ...storms.map(toStorm)];
    for (const { first, creations } of gather(births)) {
      const creator = findOrInsert(first);
      for (const made of creations.values()) {
        const { type, widthUs, fromUs, born, stormed, firstByUs, lastByUs, types, seenBy } = made;
        const counts = [born, stormed, firstByUs, lastByUs, types, seenBy] as const;
        upsert.run(type, widthUs, fromUs, creator, ...counts);
      }
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

/** One for each creator. */
function gather(births: readonly Birth[]): Iterable<Made> {
  const madeByKey = new Map<string, Made>();
  for (const birth of births) {
    const key = JSON.stringify(toCreatorValues(birth.creator));
    const made = madeByKey.get(key) ?? { first: birth, creations: new Map<string, Creation>() };
    madeByKey.set(key, made);
    // The lowest id, so that it does not matter how events were put together into commits.
    made.first = birth.id < made.first.id ? birth : made.first;
    const bit = 2 ** NAMESPACE_TYPES.indexOf(birth.type);
    for (const widthUs of WIDTHS_US) {
      add(made.creations, birth, { type: ALL_TYPES, widthUs, bit });
      add(made.creations, birth, { type: bit, widthUs, bit });
    }
  }
  return madeByKey.values();
}

function add(
  creations: Map<string, Creation>,
  { creator, count, stormed, firstByUs, byUs }: Birth,
  { type, widthUs, bit }: Pick<Creation, 'type' | 'widthUs'> & { readonly bit: number },
): void {
  const fromUs = Math.floor((byUs - 1) / widthUs) * widthUs;
  const place = `${type} ${widthUs} ${fromUs}`;
  const made = creations.get(place) ?? {
    type,
    widthUs,
    fromUs,
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
  made.types |= bit;
  if (creator !== null) {
    made.seenBy |= creator.evidence === 'kernel-event' ? 1 : 2;
  }
}

type CreatorValues = [
  uid: number | null,
  loginuid: number | null,
  comm: string | null,
  exe: string | null,
  containerId: string | null,
];

/** What tells creators apart. */
function toCreatorValues(creator: Creator | null): CreatorValues {
  return creator === null
    ? [null, null, null, null, null]
    : [creator.uid, creator.loginuid, creator.comm, creator.exe, creator.containerId];
}
