/**
 * When read.db is built anew, what that replaces, and what readers see meanwhile.
 *
 * Real: files, SQLite, a second process that rebuilds while this one reads. Modelled: the host.
 */
import {
  copyFileSync,
  existsSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../src/domain/event.ts';
import { openProjection, type Projection } from '../../src/projections/project.ts';
import { rebuildReadDatabase } from '../../src/projections/rebuild.ts';
import { READ_FORMAT } from '../../src/store/database-format.ts';
import { openDatabase } from '../../src/store/open-database.ts';
import { startChild } from '../store/child-program.ts';
import { refusalOf, refusing } from '../store/disk.ts';
import { tellStory, type Step } from '../support/scan-model.ts';
import {
  dumpDatabase,
  NOT_FOLDED,
  openTestLog,
  Scratch,
  withState,
  writeState,
} from '../support/state-on-disk.ts';

const SCAN: Step = { do: 'scan', without: null };
/** Something of everything: lives that end, a restart, a reboot, a mount, a counted set. */
const STORY: readonly Step[] = [
  SCAN,
  { do: 'fork', parent: 1, comm: 'sh' },
  { do: 'unshare', process: 2, types: ['net', 'mnt'] },
  SCAN,
  { do: 'bind', process: 0, type: 'uts', path: '/run/x' },
  { do: 'open', process: 0, other: 2, type: 'net' },
  SCAN,
  { do: 'exit', process: 2 },
  { do: 'restart', isClean: true },
  SCAN,
  SCAN,
  SCAN,
  { do: 'reboot', isClockLost: true },
  { do: 'unshare', process: 1, types: ['pid'] },
  SCAN,
];

let scratch: Scratch;
let batches: AuditEvent[][];

beforeEach(async () => {
  scratch = new Scratch();
  batches = tellStory(STORY);
  await writeState(scratch.path, batches);
});
afterEach(() => scratch[Symbol.dispose]());

function dump(): string {
  return dumpDatabase(scratch.join('read.db'), NOT_FOLDED);
}

/** Opens and closes the projection as a collector does; why it built read.db anew. */
function takeUp(): Promise<string | null> {
  return withState(scratch.path, ({ projection }) => projection.rebuildReason);
}

function edit(path: string, sql: string): void {
  const db = new Database(path);
  db.exec(sql);
  db.close();
}

function read(): string {
  return scratch.join('read.db');
}

function positionOf(db: Database.Database): unknown {
  return db.prepare('SELECT position FROM projection').pluck().get();
}

function readLive(): unknown[] {
  const db = openDatabase(read(), 'reader');
  const rows = db.prepare('SELECT * FROM live').all();
  db.close();
  return rows;
}

/** What goes wrong when the events are applied; undefined when nothing does. */
function tryToApply(
  projection: Projection,
  events: readonly AuditEvent[],
  batchHash: Buffer,
): unknown {
  try {
    projection.apply(events, batchHash);
    return undefined;
  } catch (error) {
    return error;
  }
}

const formatIs = (version: number) =>
  new RegExp(`format version ${version}, not ${READ_FORMAT.version}`);

describe('read.db is built anew', () => {
  const troubles: readonly [title: string, make: () => void | Promise<void>, reason: RegExp][] = [
    ['when it is missing', () => rmSync(read()), /read\.db does not exist/],
    ['when it is empty', () => truncateSync(read(), 0), formatIs(0)],
    ['when it is cut short', () => truncateSync(read(), 8_192), /is damaged/],
    [
      'when it is no database',
      () => writeFileSync(read(), 'x'.repeat(5_000)),
      /is no SQLite database/,
    ],
    [
      'when it is another program’s database',
      () => {
        rmSync(read());
        edit(read(), 'CREATE TABLE bookmark (url TEXT)');
      },
      formatIs(0),
    ],
    ['when its format is newer', () => edit(read(), 'PRAGMA user_version = 9'), formatIs(9)],
    [
      'when other rules folded it',
      () => edit(read(), 'UPDATE projection SET version = 99'),
      /version 99 of the rules/,
    ],
    [
      'when it was folded from another log',
      () => edit(read(), "UPDATE projection SET log_id = 'other'"),
      /folded from log other/,
    ],
    [
      'when the log has another batch at its checkpoint',
      () => edit(read(), 'UPDATE projection SET batch_hash = zeroblob(32)'),
      /the log has another event \d+/,
    ],
    [
      'when the log ends before its checkpoint, as after a restored backup',
      () => edit(read(), 'UPDATE projection SET position = position + 1000'),
      /which the log does not have/,
    ],
    [
      'when it has no checkpoint',
      () => edit(read(), 'DELETE FROM projection'),
      /has no checkpoint/,
    ],
    [
      'when a table of it is gone',
      () => edit(read(), 'DROP TABLE projection'),
      /no such table: projection/,
    ],
  ];

  test.each(troubles)('%s', async (_title, make, reason) => {
    const before = dump();
    for (const side of ['-wal', '-shm']) {
      rmSync(`${read()}${side}`, { force: true });
    }
    await make();
    expect(await takeUp()).toMatch(reason);
    expect(dump()).toBe(before);
    expect(await takeUp()).toBeNull();
  });

  test('over the draft that a killed rebuild left behind, and nothing of a draft remains', async () => {
    const before = dump();
    writeFileSync(`${read()}.new`, 'half');
    writeFileSync(`${read()}.new-journal`, 'half');
    for (const suffix of ['', '-wal', '-shm']) {
      rmSync(`${read()}${suffix}`, { force: true });
    }
    expect(await takeUp()).toMatch(/does not exist/);
    expect(dump()).toBe(before);
    expect(readdirSync(scratch.path).filter((name) => name.includes('.new'))).toEqual([]);
  });

  test('not when it fits: the same file goes on', async () => {
    const { ino } = statSync(read());
    expect(await takeUp()).toBeNull();
    expect(statSync(read()).ino).toBe(ino);
  });
});

describe('a rebuild that fails', () => {
  test('leaves the old read.db in its place and no draft', async () => {
    const log = await openTestLog(scratch.path);
    const before = dump();
    const damaged = {
      ...log.reader,
      readEvents: (page: { after: number; limit: number }) =>
        log.reader.readEvents(page).map((stored) => ({ ...stored, body: '{}' })),
    };
    const refusal = await refusalOf(() => rebuildReadDatabase(log.files.readPath, damaged));
    log.close();
    expect(refusal.code).toBe('integrity');
    expect(refusal.message).toMatch(/event 1 .* cannot be read/);
    expect(dump()).toBe(before);
    expect(existsSync(scratch.join('read.db.new'))).toBe(false);
  });
});

describe('readers', () => {
  test('that have the old file open go on with it, and find the new one under its name', async () => {
    const before = dump();
    const old = openDatabase(scratch.join('read.db'), 'reader');
    const { ino } = statSync(scratch.join('read.db'));
    const position = positionOf(old);
    const log = await openTestLog(scratch.path);
    await rebuildReadDatabase(log.files.readPath, log.reader);
    log.close();
    expect(statSync(scratch.join('read.db')).ino).not.toBe(ino);
    expect(positionOf(old)).toBe(position);
    old.close();
    expect(dump()).toBe(before);
  });

  test('that open while files are exchanged always get a whole database', async () => {
    const expected = dump();
    const child = startChild('../projections/rebuild', [scratch.path, '25']);
    expect(await child.nextLine()).toBe('begin');
    let reads = 0;
    const seen = new Set<number | undefined>();
    const state = { isRunning: true };
    const ended = child.finished().then((status) => {
      state.isRunning = false;
      return status;
    });
    while (state.isRunning) {
      const db = openDatabase(scratch.join('read.db'), 'reader');
      seen.add(statSync(scratch.join('read.db'), { throwIfNoEntry: false })?.ino);
      const path = scratch.join('copy.db');
      rmSync(path, { force: true });
      db.pragma('query_only = OFF');
      db.prepare('VACUUM INTO ?').run(path);
      db.close();
      expect(dumpDatabase(path, NOT_FOLDED)).toBe(expected);
      reads += 1;
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    expect(await ended).toBe(0);
    expect(child.lines.at(-1)).toBe('25');
    expect(reads).toBeGreaterThan(5);
    expect(seen.size).toBeGreaterThan(2);
  }, 120_000);

  test('of another user find the side files that they may not create, after a rebuild and after a stop', async () => {
    await takeUp();
    for (const suffix of ['', '-wal', '-shm']) {
      expect(statSync(scratch.join(`read.db${suffix}`)).mode & 0o777).toBe(0o640);
    }
    expect(statSync(scratch.join('read.db-wal')).size).toBe(0);
  });
});

describe('rows that cannot be written', () => {
  test('wait, and are written with those of the next batch', async () => {
    using other = new Scratch();
    const log = await openTestLog(other.path);
    const projection = await openProjection({ files: log.files, log: log.reader });
    const blocker = new Database(other.join('read.db'));
    const refusals: unknown[] = [];
    batches.forEach((events, index) => {
      const header = { producer: 'run', producerSeq: index + 1, atUs: index, wallUs: index };
      const { batchHash } = log.writer.appendBatch(events, header);
      if (index === 2) {
        blocker.exec('BEGIN IMMEDIATE');
        refusals.push(tryToApply(projection, events, batchHash));
        blocker.exec('ROLLBACK');
      } else {
        projection.apply(events, batchHash);
      }
    });
    blocker.close();
    projection.close();
    expect(refusals).toMatchObject([{ code: 'busy' }]);
    const live = dumpDatabase(other.join('read.db'), NOT_FOLDED);
    await rebuildReadDatabase(log.files.readPath, log.reader);
    log.close();
    expect(dumpDatabase(other.join('read.db'), NOT_FOLDED)).toBe(live);
  }, 30_000);

  test('of somebody else are refused, and the old read.db stays', async () => {
    const log = await openTestLog(scratch.path);
    copyFileSync(scratch.join('read.db'), scratch.join('kept.db'));
    const path = '/proc/self/read.db';
    expect(await refusalOf(() => rebuildReadDatabase(path, log.reader))).toEqual(
      refusing('io', path, /could not be used|ENOENT|permission/),
    );
    log.close();
  });
});

describe('the pulse', () => {
  const live = {
    scanStartedUs: 10,
    scanEndedUs: 20,
    position: 5,
    scanIntervalUs: 1_000_000,
    watchedUs: null,
  };
  const row = {
    id: 1,
    scan_started_us: 10,
    scan_ended_us: 20,
    position: 5,
    scan_interval_us: 1_000_000,
    watched_us: null,
  };
  test('is one row that each scan replaces, and a rebuild forgets', async () => {
    await withState(scratch.path, ({ projection }) => {
      projection.setLive({ ...live, scanEndedUs: 15 });
      projection.setLive(live);
    });
    expect(readLive()).toEqual([row]);
    const log = await openTestLog(scratch.path);
    await rebuildReadDatabase(log.files.readPath, log.reader);
    log.close();
    expect(readLive()).toEqual([]);
  });
});
