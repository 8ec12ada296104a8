/**
 * The promise of retention: what is left of a pruned log gives the same answers about every time after the cut.
 *
 * Method: random stories of a modelled host through the real rules and the real store; the same log whole and
 * pruned at random cuts, several times in a row; every row of read.db about retained times is compared.
 */
import { cpSync } from 'node:fs';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../src/domain/event.ts';
import { toCanonicalKnown } from '../support/canonical-known.ts';
import { KernelAuditor } from '../support/kernel-auditor.ts';
import { KernelModel, kernelStoryArbitrary } from '../support/kernel-model.ts';
import { pruneState } from '../support/pruned-state.ts';
import { storyArbitrary, tellStory } from '../support/scan-model.ts';
import {
  createAppender,
  dumpDatabase,
  NOT_FOLDED,
  Scratch,
  withState,
  writeState,
} from '../support/state-on-disk.ts';

const RUNS = Number(process.env['NSAUDIT_PROPERTY_RUNS'] ?? 12);

/** Rows about the times from an instant on, by table; nothing of how they are stored. */
function rowsFrom(path: string, knownFromUs: number): Record<string, unknown[]> {
  const db = new Database(path, { readonly: true });
  const all = (sql: string) => db.prepare(sql).all({ from: knownFromUs });
  try {
    return {
      lifespan: all(
        `SELECT l.*, c.holders_now, c.holders_ever FROM lifespan AS l
         JOIN holder_count AS c ON c.lifespan = l.id WHERE l.to_us > :from ORDER BY l.id`,
      ),
      holder: all('SELECT * FROM holder WHERE to_us > :from ORDER BY id'),
      // A mount of a namespace that goes on is one of its names, also when it is over.
      name: all(
        `SELECT h.* FROM holder AS h JOIN lifespan AS l ON l.id = h.lifespan
         WHERE h.kind = 'bind-mount' AND l.to_us > :from ORDER BY h.id`,
      ),
      set: all(
        `SELECT s.* FROM namespace_set AS s WHERE s.id IN
           (SELECT h.set_id FROM holder AS h WHERE h.to_us > :from
            UNION SELECT o.id FROM open_set AS o) ORDER BY s.id, s.lifespan`,
      ),
      openSet: all('SELECT * FROM open_set ORDER BY id'),
      coverage: all(
        `SELECT seq, source, max(from_us, :from) AS from_us, to_us, first_scan_us, last_scan_us, scans,
           minimum_lifetime_us, processes, complete, unreadable
         FROM coverage WHERE to_us > :from ORDER BY seq`,
      ),
      gap: all(`SELECT * FROM gap WHERE to_us > :from AND reason <> 'pruned' ORDER BY seq`),
      storm: all('SELECT * FROM storm WHERE to_us > :from ORDER BY seq'),
      wallOffset: all('SELECT * FROM wall_offset ORDER BY from_us'),
      boot: all('SELECT * FROM boot ORDER BY seq DESC LIMIT 1'),
      container: all(
        'SELECT * FROM container WHERE seq > (SELECT max(seq) FROM boot) ORDER BY cgroup, seq',
      ),
      incarnation: all(
        `SELECT * FROM incarnation WHERE boot =
           (SELECT boot FROM boot ORDER BY seq DESC LIMIT 1) ORDER BY inum`,
      ),
    };
  } finally {
    db.close();
  }
}

async function canonicalKnown(stateDirectory: string): Promise<string> {
  return withState(stateDirectory, ({ projection: { known } }) =>
    // Where the log begins, and that one event more says so, is all that differs.
    toCanonicalKnown({ ...known, position: 0, knownFromUs: null }),
  );
}

/** Instants at which something changes, and those beside them. */
function listInstants(batches: readonly (readonly AuditEvent[])[]): number[] {
  return [...new Set(batches.flat().flatMap(({ at }) => [at - 1, at, at + 1]))];
}

function aliveAt(path: string, atUs: number): unknown[] {
  const db = new Database(path, { readonly: true });
  const rows = db
    .prepare('SELECT id FROM lifespan WHERE from_us <= :at AND to_us > :at ORDER BY id')
    .all({ at: atUs });
  db.close();
  return rows;
}

/** Limits that a small story reaches. */
const SMALL_GROWTH = {
  holders: { burst: 2, perSecond: 0 },
  movers: { burst: 3, perSecond: 0 },
  births: { perMinuteMax: 6, shortLifeUs: 1_000_000 },
};

/** One batch for each instant, as a collector makes one for each look. */
function byInstant(events: readonly AuditEvent[]): AuditEvent[][] {
  const batches: AuditEvent[][] = [];
  for (const event of events) {
    const last = batches.at(-1);
    if (last?.[0]?.at === event.at) {
      last.push(event);
    } else {
      batches.push([event]);
    }
  }
  return batches;
}

/** Where to cut, in thousandths of the log. */
const cutsArbitrary = fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 3 });

describe('a pruned log answers about retained times as the whole one does', () => {
  test('also of a host that kernel events tell of, with losses and storms', async () => {
    await fc.assert(
      fc.asyncProperty(
        kernelStoryArbitrary,
        fc.integer({ min: 1, max: 1_000 }),
        async (story, cut) => {
          using scratch = new Scratch();
          const auditor = new KernelAuditor({ growth: SMALL_GROWTH });
          const model = new KernelModel(auditor);
          model.tell(story);
          model.settle();
          const batches = byInstant(auditor.log);
          await writeState(scratch.join('whole'), batches);
          cpSync(scratch.join('whole'), scratch.join('pruned'), { recursive: true });
          const beforeSeq = Math.ceil((auditor.log.length * cut) / 1_000) + 1;
          const pruned = await pruneState(scratch.join('pruned'), { beforeSeq });
          fc.pre(pruned !== null);
          const { knownFromUs } = pruned ?? { knownFromUs: 0 };
          expect(await canonicalKnown(scratch.join('pruned'))).toBe(
            await canonicalKnown(scratch.join('whole')),
          );
          expect(rowsFrom(scratch.join('pruned', 'read.db'), knownFromUs)).toEqual(
            rowsFrom(scratch.join('whole', 'read.db'), knownFromUs),
          );
        },
      ),
      { numRuns: RUNS },
    );
  }, 300_000);

  test('whichever batch it is cut after, and however often', async () => {
    await fc.assert(
      fc.asyncProperty(
        storyArbitrary(60),
        cutsArbitrary,
        fc.boolean(),
        async (story, cuts, isFull) => {
          using scratch = new Scratch();
          const batches = tellStory(story, { initialHolders: isFull ? 'full' : 'count' });
          const total = batches.flat().length;
          await writeState(scratch.join('whole'), batches);
          cpSync(scratch.join('whole'), scratch.join('pruned'), { recursive: true });
          let knownFromUs = Number.NEGATIVE_INFINITY;
          for (const cut of cuts) {
            const beforeSeq = Math.ceil((total * cut) / 1_000) + 1;
            const pruned = await pruneState(scratch.join('pruned'), { beforeSeq });
            knownFromUs = pruned?.knownFromUs ?? knownFromUs;
          }
          fc.pre(knownFromUs > Number.NEGATIVE_INFINITY);
          const [whole, pruned] = ['whole', 'pruned'].map((name) => scratch.join(name)) as [
            string,
            string,
          ];
          expect(await canonicalKnown(pruned)).toBe(await canonicalKnown(whole));
          const [wholeRead, prunedRead] = [`${whole}/read.db`, `${pruned}/read.db`];
          expect(rowsFrom(prunedRead, knownFromUs)).toEqual(rowsFrom(wholeRead, knownFromUs));
          for (const atUs of listInstants(batches).filter((us) => us >= knownFromUs)) {
            expect(aliveAt(prunedRead, atUs)).toEqual(aliveAt(wholeRead, atUs));
          }
        },
      ),
      { numRuns: RUNS },
    );
  }, 300_000);

  test('also when collecting goes on after it, and when read.db is built anew then', async () => {
    await fc.assert(
      fc.asyncProperty(
        storyArbitrary(60),
        fc.integer({ min: 1, max: 999 }),
        fc.integer({ min: 1, max: 999 }),
        async (story, prunedAt, cut) => {
          using scratch = new Scratch();
          const batches = tellStory(story);
          const split = Math.max(2, Math.ceil((batches.length * prunedAt) / 1_000));
          const [early, late] = [batches.slice(0, split), batches.slice(split)];
          fc.pre(early.length > 1 && late.length > 0);
          const state = scratch.join('state');
          await writeState(state, early);
          const beforeSeq = Math.ceil((early.flat().length * cut) / 1_000) + 1;
          const pruned = await pruneState(state, { beforeSeq });
          fc.pre(pruned !== null);
          await appendShifted(state, late);
          const live = dumpDatabase(`${state}/read.db`, NOT_FOLDED);
          await writeState(scratch.join('whole'), batches);
          const { knownFromUs } = pruned ?? { knownFromUs: 0 };
          expect(withoutIds(rowsFrom(`${state}/read.db`, knownFromUs))).toEqual(
            withoutIds(rowsFrom(`${scratch.join('whole')}/read.db`, knownFromUs)),
          );
          const db = new Database(`${state}/read.db`);
          db.exec('UPDATE projection SET version = 0');
          db.close();
          await withState(state, ({ projection }) => {
            expect(projection.rebuildReason).not.toBeNull();
          });
          expect(dumpDatabase(`${state}/read.db`, NOT_FOLDED)).toBe(live);
        },
      ),
      { numRuns: RUNS },
    );
  }, 300_000);
});

/** Appends what was derived for a log with one event less: every seq that is later is one more now. */
async function appendShifted(
  stateDirectory: string,
  batches: readonly (readonly AuditEvent[])[],
): Promise<void> {
  const first = batches[0]?.[0]?.seq ?? 0;
  await withState(stateDirectory, ({ log, projection }) => {
    const append = createAppender(log, 'run-2');
    for (const batch of batches) {
      const events = batch.map((event) => shift(event, first));
      projection.apply(events, append(events).batchHash);
    }
  });
}

/** Fields whose value is the seq of an event. */
const SEQ_FIELDS = new Set([
  'seq',
  'lifespan',
  'holder',
  'set',
  'gap',
  'owner',
  'parent',
  'observer',
  'namespace',
  'mountNamespace',
  'namespaces',
]);

function shift<Value>(value: Value, first: number): Value {
  const move = (key: string, part: unknown): unknown =>
    SEQ_FIELDS.has(key) && typeof part === 'number' && part >= first ? part + 1 : part;
  return JSON.parse(JSON.stringify(value), function revive(this: unknown, key, part: unknown) {
    return Array.isArray(part) && key === 'namespaces'
      ? part.map((id) => move('namespaces', id))
      : move(key, part);
  }) as Value;
}

/** Columns that hold seqs, which are one more after a pruning. */
function withoutIds(rows: Record<string, unknown[]>): unknown {
  return Object.entries(rows).map(([table, found]) => [table, found.length]);
}
