/**
 * The promise of the projections: however the log was folded, read.db is the same.
 *
 * Goal:   folded live == folded in other batches == rebuilt == taken up after a crash at any batch.
 * Method: random stories of a modelled host; the real rules, the real store, real files. A crash is a log
 *         that has batches read.db has not: the log commits first, and read.db may lose commits.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../src/domain/event.ts';
import { evolve } from '../../src/domain/evolve.ts';
import { emptyKnown, type Known } from '../../src/domain/known.ts';
import { openProjection } from '../../src/projections/project.ts';
import { rebuildReadDatabase } from '../../src/projections/rebuild.ts';
import { toCanonicalKnown } from '../support/canonical-known.ts';
import { storyArbitrary, tellStory } from '../support/scan-model.ts';
import {
  createAppender,
  dumpDatabase,
  NOT_FOLDED,
  openTestLog,
  Scratch,
  withState,
  writeState,
} from '../support/state-on-disk.ts';

const RUNS = Number(process.env['NSAUDIT_PROPERTY_RUNS'] ?? 25);

function foldAll(batches: readonly (readonly AuditEvent[])[]): Known {
  const known = emptyKnown();
  for (const event of structuredClone(batches.flat())) {
    evolve(known, event);
  }
  return known;
}

function dump(scratch: Scratch, name: string, except: readonly string[] = []): string {
  return dumpDatabase(scratch.join(name, 'read.db'), [...NOT_FOLDED, ...except]);
}

describe('read.db is a function of the log', () => {
  test('the known state of a start is what folding the whole log gives', async () => {
    await fc.assert(
      fc.asyncProperty(storyArbitrary(60), fc.boolean(), async (story, isFull) => {
        using scratch = new Scratch();
        const batches = tellStory(story, { initialHolders: isFull ? 'full' : 'count' });
        const expected = toCanonicalKnown(foldAll(batches));
        await writeState(scratch.path, batches);
        await withState(scratch.path, ({ projection }) => {
          expect(projection.rebuildReason).toBeNull();
          expect(toCanonicalKnown(projection.known)).toBe(expected);
        });
      }),
      { numRuns: RUNS },
    );
  }, 120_000);

  test('a rebuild gives the rows that folding live gave', async () => {
    await fc.assert(
      fc.asyncProperty(storyArbitrary(60), async (story) => {
        using scratch = new Scratch();
        await writeState(scratch.join('state'), tellStory(story));
        const live = dump(scratch, 'state');
        await rebuild(scratch.join('state'));
        expect(dump(scratch, 'state')).toBe(live);
      }),
      { numRuns: RUNS },
    );
  }, 120_000);

  test('a crash after any batch, and a restart, leave no trace in the rows', async () => {
    await fc.assert(
      fc.asyncProperty(
        storyArbitrary(60),
        fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 4 }),
        async (story, crashes) => {
          using scratch = new Scratch();
          await writeWithCrashes(scratch.join('state'), tellStory(story), new Set(crashes));
          const resumed = dump(scratch, 'state');
          await rebuild(scratch.join('state'));
          expect(resumed).toBe(dump(scratch, 'state'));
        },
      ),
      { numRuns: RUNS },
    );
  }, 120_000);

  test('where one batch ends and the next begins makes no difference to the rows', async () => {
    await fc.assert(
      fc.asyncProperty(
        storyArbitrary(60),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        async (story, sizes) => {
          using scratch = new Scratch();
          const batches = tellStory(story);
          await writeState(scratch.join('one'), batches);
          await writeState(scratch.join('other'), cut(batches.flat(), sizes));
          // The checkpoint names the batch, so it alone differs.
          expect(dump(scratch, 'other', ['projection'])).toBe(dump(scratch, 'one', ['projection']));
        },
      ),
      { numRuns: RUNS },
    );
  }, 120_000);
});

/** Pieces of the given sizes, again and again. */
function cut(events: readonly AuditEvent[], sizes: readonly number[]): AuditEvent[][] {
  const pieces: AuditEvent[][] = [];
  for (let from = 0; from < events.length; from += pieces.at(-1)?.length ?? 1) {
    pieces.push(events.slice(from, from + (sizes[pieces.length % sizes.length] ?? 1)));
  }
  return pieces;
}

async function rebuild(stateDirectory: string): Promise<void> {
  const log = await openTestLog(stateDirectory);
  await rebuildReadDatabase(log.files.readPath, log.reader);
  log.close();
}

/** After each batch whose index is in `crashes` the log has it and read.db has not, and everything starts again. */
async function writeWithCrashes(
  stateDirectory: string,
  batches: readonly (readonly AuditEvent[])[],
  crashes: ReadonlySet<number>,
): Promise<void> {
  let index = 0;
  while (index < batches.length) {
    const log = await openTestLog(stateDirectory);
    const projection = await openProjection({ files: log.files, log: log.reader });
    const append = createAppender(log, `run-${index}`);
    for (let hasCrashed = false; !hasCrashed && index < batches.length; index += 1) {
      const events = batches[index] ?? [];
      const { batchHash } = append(events);
      hasCrashed = crashes.has(index);
      if (!hasCrashed) {
        projection.apply(events, batchHash);
      }
    }
    projection.close();
    log.close();
  }
  await withState(stateDirectory, () => null);
}
