/**
 * The query creators, which adds up what was counted when it was recorded, against counting the rows of
 * lifespan and storm one by one: for any window, whatever is at its edges.
 */
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AuditEvent } from '../../src/domain/event.ts';
import { US_PER_DAY, US_PER_SECOND } from '../../src/domain/time.ts';
import { findQueriesDirectory, loadQueries } from '../../src/history/load-queries.ts';
import { rebuildReadDatabase } from '../../src/projections/rebuild.ts';
import {
  createAppender,
  openTestLog,
  Scratch,
  WALL_US,
  withState,
  writeState,
} from '../support/state-on-disk.ts';

const RUNS = Number(process.env['NSAUDIT_PROPERTY_RUNS'] ?? 15);
const MINUTE_US = 60 * US_PER_SECOND;

/** What the query means, said in the simplest way. */
const REFERENCE = `
  WITH birth (type, creator, first_us, by_us, born, stormed) AS (
    SELECT type, creator, born_by_us, born_by_us, 1, 0 FROM lifespan WHERE born_after_us IS NOT NULL
    UNION ALL
    SELECT type, creator, from_us, to_us, count, count FROM storm
  )
  SELECT creator ->> '$.uid' AS uid, creator ->> '$.loginuid' AS loginuid, creator ->> '$.comm' AS comm,
    creator ->> '$.exe' AS exe, creator ->> '$.containerId' AS container_id, sum(born) AS born,
    group_concat(DISTINCT type) AS types, min(first_us) AS first_by_us, max(by_us) AS last_by_us,
    group_concat(DISTINCT creator ->> '$.evidence') AS seen_by, sum(stormed) AS stormed
  FROM birth
  WHERE by_us > :since AND by_us <= :until
    AND (:type IS NULL OR instr(',' || :type || ',', ',' || type || ',') > 0)
  GROUP BY 1, 2, 3, 4, 5`;

interface Row {
  readonly types: string;
  readonly seen_by: string | null;
  readonly born: number;
}

function sortList(text: string | null): string | null {
  return text && text.split(',').toSorted().join();
}

/** Without the order of rows and of what is listed in them. */
function toComparable(rows: readonly Row[]): string[] {
  return rows
    .map((row) =>
      JSON.stringify({ ...row, types: sortList(row.types), seen_by: sortList(row.seen_by) }),
    )
    .toSorted();
}

/** Instants of three days; every other one at the start or end of some minute, hour, quarter or day, or next to it. */
const instantArbitrary = fc.oneof(
  fc.integer({ min: 0, max: 3 * US_PER_DAY }),
  fc
    .tuple(
      fc.constantFrom(MINUTE_US, 60 * MINUTE_US, 360 * MINUTE_US, US_PER_DAY),
      fc.integer({ min: 0, max: 4_320 }),
      fc.integer({ min: -1, max: 1 }),
    )
    .map(([width, index, by]) => Math.max(0, ((index * width) % (3 * US_PER_DAY)) + by)),
);

const creatorArbitrary = fc.record({
  uid: fc.constantFrom(null, 0, 1_000, 4_294_967_294),
  loginuid: fc.constantFrom(null, 1_000),
  comm: fc.constantFrom(null, 'sh', 'ü"\u0001\u2028'),
  exe: fc.constantFrom(null, '/bin/sh'),
  containerId: fc.constantFrom(null, 'ab12'),
  evidence: fc.constantFrom('kernel-event' as const, 'scan' as const),
});

const birthArbitrary = fc.record({
  atUs: instantArbitrary,
  type: fc.constantFrom('net' as const, 'user' as const, 'cgroup' as const, 'uts' as const),
  creator: fc.option(creatorArbitrary),
  isBaseline: fc.boolean(),
  /** Above zero: that many, counted and not listed. */
  count: fc.constantFrom(0, 0, 0, 7),
});

type Birth = typeof birthArbitrary extends fc.Arbitrary<infer Value> ? Value : never;

const NOBODY = { ppid: null, gid: null, session: null, cgroup: null, how: null } as const;

/** `recordedUs`: the instant of the event, at which the birth may be long past. */
function toEvent(
  { atUs, type, creator, isBaseline, count }: Birth,
  { seq, recordedUs }: { seq: number; recordedUs: number },
): AuditEvent {
  const by = WALL_US + atUs;
  const header = { seq, at: WALL_US + recordedUs, version: 1 } as const;
  const made = creator && { pid: seq, startTimeTicks: 1, ...NOBODY, ...creator };
  if (count > 0 && made) {
    return {
      ...header,
      event: 'namespaces.stormed',
      type,
      creator: made,
      creators: 'one',
      count,
      firstKernelNamespaceId: null,
      lastKernelNamespaceId: null,
      from: by - 90 * US_PER_SECOND,
      to: by,
    };
  }
  return {
    ...header,
    event: 'namespace.born',
    lifespan: seq,
    boot: 'b',
    type,
    nsfsDev: null,
    inum: 4_026_532_000 + seq,
    kernelNamespaceId: null,
    incarnation: 1,
    initial: false,
    suspected: false,
    born: { after: isBaseline ? null : by, by, evidence: isBaseline ? 'baseline' : 'scan' },
    creator: made,
    owner: null,
    parent: null,
    ownerUid: null,
  };
}

test('the creators of any window are those of the births in it, also after a restart and a rebuild', async () => {
  const query = loadQueries(findQueriesDirectory()).get('creators');
  await fc.assert(
    fc.asyncProperty(
      fc.array(birthArbitrary, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.tuple(instantArbitrary, instantArbitrary), { minLength: 20, maxLength: 20 }),
      fc.record({ restartsAfter: fc.nat(20), isInOrder: fc.boolean() }),
      async (drawn, batchSize, windows, { restartsAfter, isInOrder }) => {
        using scratch = new Scratch();
        const births = isInOrder ? drawn.toSorted((left, right) => left.atUs - right.atUs) : drawn;
        let recordedUs = 0;
        const events = births.map((birth, index) => {
          recordedUs = Math.max(recordedUs, birth.atUs);
          return toEvent(birth, { seq: index + 1, recordedUs });
        });
        const batches = Array.from({ length: Math.ceil(events.length / batchSize) }, (_, index) =>
          events.slice(index * batchSize, (index + 1) * batchSize),
        );
        await writeState(scratch.path, batches.slice(0, restartsAfter));
        await withState(scratch.path, ({ log, projection }) => {
          const append = createAppender(log, 'run-2');
          for (const batch of batches.slice(restartsAfter)) {
            projection.apply(batch, append(batch).batchHash);
          }
        });
        compare();
        const log = await openTestLog(scratch.path);
        await rebuildReadDatabase(scratch.join('read.db'), log.reader);
        log.close();
        compare();

        function compare(): void {
          const db = new Database(scratch.join('read.db'), { readonly: true });
          const ours = db.prepare<object, Row>(query?.sql ?? '');
          const theirs = db.prepare<object, Row>(REFERENCE);
          for (const [since, until] of windows) {
            for (const type of [null, 'net', 'net,uts']) {
              const asked = { since: WALL_US + since, until: WALL_US + until, type };
              const found = ours.all({ ...asked, limit: 1_000 });
              expect(toComparable(found)).toEqual(toComparable(theirs.all(asked)));
              expect(found.map(({ born }) => born)).toEqual(
                found.map(({ born }) => born).toSorted((left, right) => right - left),
              );
            }
          }
          db.close();
        }
      },
    ),
    { numRuns: RUNS },
  );
});
