/**
 * State directories that earlier versions wrote: today's version brings them up, verifies them, goes on with them,
 * and answers as they did.
 *
 * Method: frozen/log-N-read-M has SQL dumps of log.db of format N and read.db of format M, as the version that had
 * these formats wrote them for one story of a modelled host. They are never edited; a new format gets a new pair.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { openHistory } from '../../src/history/open-history.ts';
import { LOG_FORMAT, READ_FORMAT } from '../../src/store/database-format.ts';
import {
  createAppender,
  dumpDatabase,
  NOT_FOLDED,
  openTestLog,
  Scratch,
  withState,
} from '../support/state-on-disk.ts';
import { verify } from './disk.ts';
import { makeEvents } from './numbered-events.ts';

const FROZEN = join(import.meta.dirname, 'frozen');
const PAIRS = readdirSync(FROZEN).toSorted();

/** Makes the state directory that a pair of dumps is of. */
function thaw(pair: string, directory: string): void {
  mkdirSync(directory);
  for (const name of ['log', 'read']) {
    const db = new Database(join(directory, `${name}.db`));
    db.exec(readFileSync(join(FROZEN, pair, `${name}.sql`), 'utf8'));
    db.close();
  }
}

function versionOf(path: string): unknown {
  const db = new Database(path, { readonly: true });
  const version = db.pragma('user_version', { simple: true });
  db.close();
  return version;
}

/** What every version knew of lives and holders. */
function readLives(path: string): unknown {
  const db = new Database(path, { readonly: true });
  const lifespans = db
    .prepare(
      `SELECT l.id, boot, type, inum, incarnation, initial, suspected, born_after_us, born_by_us,
         unheld_by_us, gone_after_us, gone_by_us, reason, creator_comm, names, from_us, to_us, class,
         holders_now, holders_ever
       FROM lifespan AS l JOIN holder_count AS c ON c.lifespan = l.id ORDER BY l.id`,
    )
    .all();
  const holders = db
    .prepare(
      `SELECT id, kind, set_id, lifespan, pid, fd, path, comm, gained_by_us, lost_by_us, to_us
       FROM holder ORDER BY id`,
    )
    .all();
  db.close();
  return { lifespans, holders };
}

/** Every format before this one. */
function earlier(version: number): number[] {
  return Array.from({ length: version - 1 }, (_, index) => index + 1);
}

test('there is a pair for every format but those of today, which the other tests write', () => {
  const versions = PAIRS.map((pair) => /^log-(\d+)-read-(\d+)$/.exec(pair)?.slice(1).map(Number));
  expect(versions.map((pair) => pair?.[0])).toEqual(
    expect.arrayContaining(earlier(LOG_FORMAT.version)),
  );
  expect(versions.map((pair) => pair?.[1])).toEqual(
    expect.arrayContaining(earlier(READ_FORMAT.version)),
  );
});

describe.each(PAIRS)('%s', (pair) => {
  test('verifies as it is, is brought up by the next start, and verifies then', async () => {
    using scratch = new Scratch();
    const state = scratch.join('state');
    thaw(pair, state);
    const path = join(state, 'log.db');
    const before = await verify(path);
    expect(before).toMatchObject({ verdict: 'self-consistent', events: 57, fault: null });
    await withState(state, ({ projection }) => {
      expect(projection.rebuildReason).toMatch(/it has format version \d, not \d/);
    });
    expect(versionOf(path)).toBe(LOG_FORMAT.version);
    expect(versionOf(join(state, 'read.db'))).toBe(READ_FORMAT.version);
    expect(await verify(path)).toEqual(before);
    const log = await openTestLog(state);
    createAppender(log, 'next')([{ ...makeEvents(58, 1)[0], at: 4e15 } as never]);
    log.close();
    expect(await verify(path)).toMatchObject({ verdict: 'self-consistent', events: 58 });
  });

  test('answers as it did', async () => {
    using scratch = new Scratch();
    const state = scratch.join('state');
    thaw(pair, state);
    const before = readLives(join(state, 'read.db'));
    await withState(state, () => null);
    expect(readLives(join(state, 'read.db'))).toEqual(before);
    const history = openHistory({ stateDirectory: state });
    const { data } = history.state({ all: true });
    expect(data.filter(({ state: now }) => now === 'held').length).toBeGreaterThan(8);
    expect(history.events({ after: 0, limit: 1_000 }).data).toHaveLength(57);
    expect(history.coverage({}).data.filter(({ kind }) => kind === 'gap')).toHaveLength(3);
    history.close();
  });
});

test('what was recorded by the same rules folds to the same rows, whatever the format', async () => {
  using scratch = new Scratch();
  const folded: string[] = [];
  for (const pair of PAIRS) {
    const state = scratch.join(pair);
    thaw(pair, state);
    await withState(state, () => null);
    folded.push(dumpDatabase(join(state, 'read.db'), [...NOT_FOLDED, 'projection']));
  }
  // The rules of the fourth list children and owned namespaces as holders.
  expect(folded.slice(0, 3)).toEqual([folded[0], folded[0], folded[0]]);
  expect(folded[4]).toEqual(folded[3]);
});
