/**
 * Counts births by creator in buckets of time, of all types and of each, beside the rows they are counted of:
 * queries/creators.sql adds up whole buckets, and rows at the edges. What is counted is exactly what is inserted into
 * lifespan and storm, up to the whole minute before the last event: births of the minute that is still running wait,
 * because their buckets would be written again with every commit, and there are many for each birth.
 */
import type { Storm } from '../domain/known.ts';
import type { Creator, Lifespan } from '../domain/lifespan.ts';
import { NAMESPACE_TYPES, type NamespaceType } from '../domain/namespace-type.ts';
import { US_PER_DAY, US_PER_SECOND } from '../domain/time.ts';
import type { DatabaseHandle } from '../store/open-database.ts';

const US_PER_MINUTE = 60 * US_PER_SECOND;
const US_PER_HOUR = 60 * US_PER_MINUTE;
/** Widths of the buckets, in microseconds. The query names the same ones. */
const WIDTHS_US = [US_PER_MINUTE, US_PER_HOUR, 6 * US_PER_HOUR, US_PER_DAY] as const;

/** Made by SQLite from what tells creators apart, as the query makes it from a birth: numbers come as REAL from the driver. */
const CREATOR_KEY = 'json_array(CAST(? AS INTEGER), CAST(? AS INTEGER), ?, ?, ?)';

/** In a bucket of all types. */
const ALL_TYPES = 0;

/** What a birth, or a storm of them, adds to its buckets. */
interface Birth {
  readonly creator: number;
  readonly type: NamespaceType;
  readonly count: number;
  readonly stormed: number;
  readonly firstByUs: number;
  /** Decides into which buckets it counts. */
  readonly byUs: number;
  /** 1: by a kernel event, 2: by a scan; 0: nobody saw who. */
  readonly seenBy: number;
}

/** A birth as it comes, with seq of its event and who made it. */
interface Made extends Omit<Birth, 'creator' | 'seenBy'> {
  readonly id: number;
  readonly creator: Creator | null;
}

interface Creation {
  /** The bit of the type, or ALL_TYPES. */
  readonly type: number;
  readonly widthUs: number;
  readonly fromUs: number;
  readonly creator: number;
  born: number;
  stormed: number;
  firstByUs: number;
  lastByUs: number;
  types: number;
  seenBy: number;
}

interface Inserted {
  readonly lifespans: readonly Lifespan[];
  readonly storms: readonly Storm[];
  /** Timeline instant of the last event of the commit, which is written with it. */
  readonly lastAtUs: number;
}

/**
 * A function that adds records which are inserted now, inside a transaction of the caller. A lifespan that was
 * there when we first looked was not born for us, and does not count. What waited at the last commit waits still.
 */
export function prepareCreations(db: DatabaseHandle): (inserted: Inserted) => void {
  const findCreator = prepareCreators(db);
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
  const waiting = db.prepare<[], Birth>(SELECT_WAITING).all();
  let reachedUs = Number.NaN;
  return ({ lifespans, storms, lastAtUs }) => {
    const made = [...lifespans.flatMap(toMade), ...storms.map(toStorm)];
    const added = withCreators(made, findCreator);
    const countedUs = Math.floor((lastAtUs - 1) / US_PER_MINUTE) * US_PER_MINUTE;
    // Within a minute there can be many commits, and many that wait.
    const births = countedUs === reachedUs ? added : [...waiting.splice(0), ...added];
    reachedUs = countedUs;
    const due: Birth[] = [];
    for (const birth of births) {
      (birth.byUs > countedUs ? waiting : due).push(birth);
    }
    for (const creation of gather(due)) {
      const { type, widthUs, fromUs, creator, born, stormed } = creation;
      const { firstByUs, lastByUs, types, seenBy } = creation;
      upsert.run(type, widthUs, fromUs, creator, born, stormed, firstByUs, lastByUs, types, seenBy);
    }
  };
}

/** Births after the whole minute before the last event of the last commit; none before the first. */
const SELECT_WAITING = `
  WITH waiting (creator, type, count, stormed, first_by_us, by_us) AS (
    SELECT l.creator, l.type, 1, 0, l.born_by_us, l.born_by_us
    FROM projection AS p
    CROSS JOIN lifespan AS l
    WHERE l.born_by_us > (p.last_at_us - 1) / ${US_PER_MINUTE} * ${US_PER_MINUTE}
      AND l.born_after_us IS NOT NULL
    UNION ALL
    SELECT t.creator, t.type, t.count, t.count, t.from_us, t.to_us
    FROM projection AS p
    CROSS JOIN storm AS t
    WHERE t.to_us > (p.last_at_us - 1) / ${US_PER_MINUTE} * ${US_PER_MINUTE}
  )
  SELECT m.id AS creator, w.type, w.count, w.stormed, w.first_by_us AS firstByUs, w.by_us AS byUs,
    CASE w.creator ->> '$.evidence' WHEN 'kernel-event' THEN 1 WHEN 'scan' THEN 2 ELSE 0 END AS seenBy
  FROM waiting AS w
  CROSS JOIN creator AS m ON m.key = json_array(
    w.creator ->> '$.uid', w.creator ->> '$.loginuid', w.creator ->> '$.comm',
    w.creator ->> '$.exe', w.creator ->> '$.containerId'
  )`;

/** A function that finds the id of a creator, or gives it that of the first event that names it. */
function prepareCreators(db: DatabaseHandle): (made: Made) => number {
  const find = db
    .prepare<CreatorValues, number>(`SELECT id FROM creator WHERE key = ${CREATOR_KEY}`)
    .pluck();
  const insert = db.prepare(
    `INSERT INTO creator (id, uid, loginuid, comm, exe, container_id, key)
     VALUES (?, ?, ?, ?, ?, ?, ${CREATOR_KEY})`,
  );
  return ({ id, creator }) => {
    const values = toCreatorValues(creator);
    const found = find.get(...values);
    if (found === undefined) {
      insert.run(id, ...values, ...values);
    }
    return found ?? id;
  };
}

function toMade({ id, creator, type, born }: Lifespan): Made[] {
  const { after, by } = born;
  return after === null
    ? []
    : [{ id, creator, type, count: 1, stormed: 0, firstByUs: by, byUs: by }];
}

function toStorm({ seq, creator, type, count, from, to }: Storm): Made {
  return { id: seq, creator, type, count, stormed: count, firstByUs: from, byUs: to };
}

/** In the order of their events, so that it does not matter how they were put together into commits. */
function withCreators(made: readonly Made[], findCreator: (made: Made) => number): Birth[] {
  const idByKey = new Map<string, number>();
  return made
    .toSorted((left, right) => left.id - right.id)
    .map((one) => {
      const { type, count, stormed, firstByUs, byUs } = one;
      const key = JSON.stringify(toCreatorValues(one.creator));
      const creator = idByKey.get(key) ?? findCreator(one);
      idByKey.set(key, creator);
      return { creator, type, count, stormed, firstByUs, byUs, seenBy: toSeenBy(one.creator) };
    });
}

function toSeenBy(creator: Creator | null): number {
  if (creator === null) {
    return 0;
  }
  return creator.evidence === 'kernel-event' ? 1 : 2;
}

function gather(births: readonly Birth[]): Iterable<Creation> {
  const creations = new Map<string, Creation>();
  for (const birth of births) {
    const bit = 2 ** NAMESPACE_TYPES.indexOf(birth.type);
    for (const widthUs of WIDTHS_US) {
      add(creations, birth, { type: ALL_TYPES, widthUs, bit });
      add(creations, birth, { type: bit, widthUs, bit });
    }
  }
  return creations.values();
}

function add(
  creations: Map<string, Creation>,
  { creator, count, stormed, firstByUs, byUs, seenBy }: Birth,
  { type, widthUs, bit }: Pick<Creation, 'type' | 'widthUs'> & { readonly bit: number },
): void {
  const fromUs = Math.floor((byUs - 1) / widthUs) * widthUs;
  const place = `${type} ${widthUs} ${fromUs} ${creator}`;
  const made = creations.get(place) ?? {
    type,
    widthUs,
    fromUs,
    creator,
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
  made.seenBy |= seenBy;
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
