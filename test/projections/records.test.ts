/**
 * Rows of read.db against the records they were made of: what was folded is what is read back, ended or
 * not, and the helper tables agree with the rows they are about.
 */
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../src/domain/event.ts';
import { evolve } from '../../src/domain/evolve.ts';
import type { Holder } from '../../src/domain/holder.ts';
import {
  emptyKnown,
  type GapRecord,
  type NamespaceSet,
  type Storm,
} from '../../src/domain/known.ts';
import type { Lifespan } from '../../src/domain/lifespan.ts';
import type {
  GapRow,
  HolderRow,
  LifespanRow,
  NamespaceSetRow,
  SpanClassRow,
  StormRow,
} from '../../src/store/database-schema.ts';
import { toHolder, toLifespan } from '../../src/store/read-rows.ts';
import { storyArbitrary, tellStory } from '../support/scan-model.ts';
import { Scratch, writeState } from '../support/state-on-disk.ts';

const RUNS = Number(process.env['NSAUDIT_PROPERTY_RUNS'] ?? 15);

interface Records {
  readonly lifespans: Map<number, Lifespan>;
  readonly holders: Map<number, Holder>;
  readonly sets: Map<number, NamespaceSet>;
  readonly gaps: Map<number, { gap: GapRecord; closedSeq: number | null }>;
  readonly openSets: number[];
  readonly storms: Storm[];
}

/** Every record that ever was, as the fold left it. */
function foldRecords(batches: readonly (readonly AuditEvent[])[]): Records {
  const known = emptyKnown();
  const records: Records = {
    lifespans: new Map(),
    holders: new Map(),
    sets: new Map(),
    gaps: new Map(),
    openSets: [],
    storms: [],
  };
  for (const event of structuredClone(batches.flat())) {
    for (const change of evolve(known, event)) {
      if (change.record === 'lifespan') {
        records.lifespans.set(change.value.id, change.value);
      } else if (change.record === 'holder') {
        records.holders.set(change.value.id, change.value);
      } else if (change.record === 'set') {
        records.sets.set(change.value.id, change.value);
      } else if (change.record === 'storm') {
        records.storms.push(change.value);
      } else if (change.record === 'gap') {
        const { value: gap, closed } = change;
        records.gaps.set(gap.seq, { gap, closedSeq: closed?.seq ?? null });
      }
    }
  }
  records.openSets.push(...known.sets.keys());
  return records;
}

function toRow({ seq, type, creator, creators, count, from, to, ...rest }: Storm) {
  return {
    seq,
    type,
    creator,
    creator_uid: creator.uid,
    creator_comm: creator.comm,
    creators,
    count,
    first_kernel_namespace_id: rest.firstKernelNamespaceId,
    last_kernel_namespace_id: rest.lastKernelNamespaceId,
    from_us: from,
    to_us: to,
  };
}

function toComparable({ creator, ...row }: StormRow) {
  return { ...row, creator: JSON.parse(creator) as unknown };
}

async function withRows(
  batches: readonly (readonly AuditEvent[])[],
  check: (db: Database.Database) => void,
): Promise<void> {
  using scratch = new Scratch();
  await writeState(scratch.path, batches);
  const db = new Database(scratch.join('read.db'), { readonly: true });
  try {
    check(db);
  } finally {
    db.close();
  }
}

function byId<Item extends { id: number }>(items: Iterable<Item>): Item[] {
  return [...items].toSorted((left, right) => left.id - right.id);
}

describe('what was folded is what read.db says', () => {
  test('of every lifespan, holder, set, gap and storm, those that ended too', async () => {
    await fc.assert(
      fc.asyncProperty(storyArbitrary(70), fc.boolean(), async (story, isFull) => {
        const batches = tellStory(story, { initialHolders: isFull ? 'full' : 'count' });
        const expected = foldRecords(batches);
        await withRows(batches, (db) => {
          const lifespans = db
            .prepare<[], LifespanRow>(
              `SELECT *, (SELECT json_group_array(cgroup) FROM (
                 SELECT cgroup FROM container_use AS u WHERE u.lifespan = lifespan.id ORDER BY place
               )) AS containers
               FROM lifespan JOIN holder_count ON holder_count.lifespan = lifespan.id ORDER BY id`,
            )
            .all();
          expect(lifespans.map(toLifespan)).toEqual(byId(expected.lifespans.values()));
          const holders = db.prepare<[], HolderRow>('SELECT * FROM holder ORDER BY id').all();
          expect(holders.map(toHolder)).toEqual(byId(expected.holders.values()));
          const sets = db
            .prepare<[], NamespaceSetRow>('SELECT * FROM namespace_set ORDER BY id, lifespan')
            .all();
          expect(sets).toEqual(
            byId(expected.sets.values()).flatMap(({ id, namespaces, counted }) =>
              namespaces.map((lifespan) => ({ id, lifespan, counted })),
            ),
          );
          const openSets = db.prepare<[], number>('SELECT id FROM open_set ORDER BY id').pluck();
          expect(openSets.all()).toEqual(expected.openSets.toSorted((left, right) => left - right));
          const gaps = db.prepare<[], GapRow>('SELECT * FROM gap ORDER BY seq').all();
          expect(gaps.map(({ seq, closed_seq: closedSeq }) => [seq, closedSeq])).toEqual(
            [...expected.gaps].map(([seq, { closedSeq }]) => [seq, closedSeq]),
          );
          const storms = db.prepare<[], StormRow>('SELECT * FROM storm ORDER BY seq').all();
          expect(storms.map(toComparable)).toEqual(expected.storms.map(toRow));
        });
      }),
      { numRuns: RUNS },
    );
  }, 120_000);

  test('every row is found through its duration class, at every instant it covers', async () => {
    await fc.assert(
      fc.asyncProperty(storyArbitrary(70), async (story) => {
        await withRows(tellStory(story), (db) => {
          const classes = db.prepare<[], SpanClassRow>('SELECT * FROM span_class').all();
          for (const table of ['lifespan', 'holder']) {
            const rows = db
              .prepare<[], { id: number; from_us: number; to_us: number }>(
                `SELECT id, from_us, to_us FROM ${table} ORDER BY id`,
              )
              .all();
            const ownClasses = classes.filter((row) => row.table_name === table);
            const edges = new Set(
              rows.flatMap(({ from_us: from, to_us: to }) => [
                from - 1,
                from,
                from + 1,
                to - 1,
                to,
              ]),
            );
            for (const atUs of edges) {
              const naive = rows.filter((row) => row.from_us <= atUs && row.to_us > atUs);
              expect(findByClass(db, table, ownClasses, atUs)).toEqual(naive.map(({ id }) => id));
            }
          }
        });
      }),
      { numRuns: 5 },
    );
  }, 120_000);
});

/** As the queries search: one range of from_us for each class in use. */
function findByClass(
  db: Database.Database,
  table: string,
  classes: readonly SpanClassRow[],
  atUs: number,
): number[] {
  const select = db
    .prepare<[number, number, number, number], number>(
      `SELECT id FROM ${table} WHERE class = ? AND from_us > ? AND from_us <= ? AND to_us > ?`,
    )
    .pluck();
  return classes
    .flatMap((row) => select.all(row.class, atUs - row.width_us, atUs, atUs))
    .toSorted((left, right) => left - right);
}
