/**
 * Builds read.db anew from the log, beside the old one, and puts it in its place when it is whole.
 *
 * Readers that have the old file open go on with it, and notice the new one by its device and inode; see
 * openDatabase for those that open in between.
 */
import { rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { Change } from '../domain/change.ts';
import { assert, NsauditError } from '../domain/errors.ts';
import { emptyKnown, type Known } from '../domain/known.ts';
import { restoreRetained } from '../domain/restore-retained.ts';
import { createFile, moveIntoPlace, syncPath } from '../store/create-file.ts';
import { translateDatabaseError } from '../store/database-errors.ts';
import { READ_FORMAT } from '../store/database-format.ts';
import type { EventLogReader } from '../store/event-log-reader.ts';
import { migrate, READ_PLAN } from '../store/migrate.ts';
import { closeWriter, openDatabase, type DatabaseHandle } from '../store/open-database.ts';
import type { OnProgress } from '../store/progress.ts';
import { OPEN_CLASS, toClassWidthUs } from '../store/span-class.ts';
import { findMismatch, readCheckpoint } from './checkpoint.ts';
import { refuseRollback, RollbackError } from './find-rollback.ts';
import { foldLog, startFold, type Fold } from './fold.ts';

/** Why read.db cannot be taken up where it stands; null when it can. Errors: NsauditError `io`, `busy`, or RollbackError. */
export function findRebuildReason(readPath: string, log: EventLogReader): string | null {
  try {
    const db = openDatabase(readPath, 'reader');
    try {
      return judge(db, log);
    } finally {
      db.close();
    }
  } catch (error) {
    if (error instanceof RollbackError) {
      throw error;
    }
    const translated = translateDatabaseError(error, readPath);
    const isRebuildable =
      translated instanceof NsauditError &&
      (translated.code === 'unavailable' || translated.code === 'integrity');
    if (isRebuildable) {
      return translated.message;
    }
    throw translated;
  }
}

function judge(db: DatabaseHandle, log: EventLogReader): string | null {
  const applicationId: unknown = db.pragma('application_id', { simple: true });
  const version: unknown = db.pragma('user_version', { simple: true });
  if (applicationId !== READ_FORMAT.applicationId || version !== READ_FORMAT.version) {
    return `it has format version ${String(version)}, not ${READ_FORMAT.version}`;
  }
  const damage = findDamage(db);
  if (damage !== null) {
    return damage;
  }
  const checkpoint = readCheckpoint(db);
  if (checkpoint === undefined) {
    return 'it has no checkpoint';
  }
  refuseRollback(db, checkpoint, log);
  return findMismatch(checkpoint, log);
}

/** Asking SQLite about a larger one would take longer than is worth not watching for. */
const CHECKED_MAX_BYTES = 512 * 1_048_576;

/** What SQLite finds wrong with the pages (PRAGMA quick_check); values that are merely others it cannot tell. */
function findDamage(db: DatabaseHandle): string | null {
  const pages = Number(db.pragma('page_count', { simple: true }));
  if (pages * Number(db.pragma('page_size', { simple: true })) > CHECKED_MAX_BYTES) {
    return null;
  }
  const found = String(db.pragma('quick_check(1)', { simple: true }));
  return found === 'ok' ? null : `it is damaged: ${found.replaceAll(/\s+/g, ' ')}`;
}

/**
 * Records that wait in memory before they are written; a record that changes again meanwhile is written once. With
 * 20,000 a rebuild took a few percent longer: what waits is copied by every collection of young objects.
 */
const DIRTY_MAX = 8_000;

/**
 * Builds read.db from the whole log. The caller holds the collector lock and has no connection to read.db.
 *
 * Errors: NsauditError `io` when it cannot be written, `integrity` when the log cannot be read or folded;
 * the old read.db is still there then.
 */
export async function rebuildReadDatabase(
  readPath: string,
  log: EventLogReader,
  onProgress?: OnProgress,
): Promise<void> {
  const draftPath = `${readPath}.new`;
  removeDatabase(draftPath);
  createFile(draftPath);
  try {
    await build(draftPath, log, onProgress);
    // A busy disk takes its time, in which there must be a read.db: readers wait for a new one only for a moment.
    syncPath(draftPath);
    // The name goes first: see openDatabase. A crash from here on leaves no read.db, and so a rebuild.
    removeDatabase(readPath);
    moveIntoPlace(draftPath, readPath);
  } catch (error) {
    removeDatabase(draftPath);
    throw translateDatabaseError(error, draftPath);
  }
  // Leaves the side files that readers of another user need and may not create.
  closeWriter(openDatabase(readPath, 'read-writer'));
}

function removeDatabase(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    rmSync(`${path}${suffix}`, { force: true });
  }
}

/** Nothing of an unfinished file is ever used, so it is written without journal and without waiting for the disk. */
const BUILD_SETTINGS = [
  'journal_mode = OFF',
  'synchronous = OFF',
  'locking_mode = EXCLUSIVE',
  'cache_size = -65536',
  // The indexes are sorted outside of memory, and by a second thread.
  'temp_store = FILE',
  'threads = 1',
] as const;

async function build(
  path: string,
  log: EventLogReader,
  onProgress: OnProgress | undefined,
): Promise<void> {
  const db = new Database(path);
  try {
    for (const setting of BUILD_SETTINGS) {
      db.pragma(setting);
    }
    await migrate(db, READ_PLAN);
    const insertClass = db.prepare(
      'INSERT INTO span_class (table_name, class, width_us) VALUES (?, ?, ?)',
    );
    for (const table of ['lifespan', 'holder']) {
      insertClass.run(table, OPEN_CLASS, toClassWidthUs(OPEN_CLASS));
    }
    const indexes = takeIndexes(db);
    foldLog(startBuilding(db, log), log, { dirtyMax: DIRTY_MAX, onProgress });
    for (const { sql } of indexes) {
      db.exec(sql);
    }
    db.pragma('journal_mode = WAL');
  } finally {
    db.close();
  }
}

/** From the first event on, or from what was kept of those that have been pruned. */
function startBuilding(db: DatabaseHandle, log: EventLogReader): Fold {
  const cut = log.cut();
  if (cut === null) {
    return startFold(db, log, startKnown());
  }
  const { known, changes, firstAtUs } = restoreRetained(log.readRetained());
  assert(known.position === cut.lastSeq, `what ${db.name} begins with is not where the log does`);
  const removed: Change = {
    record: 'gap',
    value: {
      seq: cut.eventSeq,
      source: 'log',
      lost: null,
      from: firstAtUs,
      to: known.knownFromUs ?? firstAtUs,
      reason: 'pruned',
    },
    closed: null,
  };
  return startFold(db, log, known, [...changes, removed]);
}

/**
 * A known state without the indexes that are for finding what a scan or a record saw: the fold only keeps
 * them, and nobody reads this state when the rebuild is done.
 */
function startKnown(): Known {
  return {
    ...emptyKnown(),
    lifespanByKey: new EmptyMap(),
    lifespanByKernelId: new EmptyMap(),
    holderByKey: new EmptyMap(),
    setByMembers: new EmptyMap(),
    holdersByPid: new EmptyIndex(),
  };
}

class EmptyMap<Key, Value> extends Map<Key, Value> {
  override set(): this {
    return this;
  }
}

/** Has an entry for every key, to which nothing can be added. */
class EmptyIndex<Key, Value> extends EmptyMap<Key, Set<Value>> {
  readonly #nothing = new EmptySet<Value>();
  override get(): Set<Value> {
    return this.#nothing;
  }
}

class EmptySet<Value> extends Set<Value> {
  override add(): this {
    return this;
  }
}

interface IndexDefinition {
  readonly name: string;
  readonly sql: string;
}

/** Drops the secondary indexes and returns their definitions: filled at the end, they are sorted once. */
function takeIndexes(db: DatabaseHandle): IndexDefinition[] {
  const indexes = db
    .prepare<[], IndexDefinition>(
      `SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY rowid`,
    )
    .all();
  for (const { name } of indexes) {
    db.exec(`DROP INDEX ${name}`);
  }
  return indexes;
}
