/**
 * Keeps read.db in step with the log: the state that questions about the past are answered from.
 *
 * Holds:     the known state, the rows it has changed, and the one writing connection to read.db.
 * Promises:  rows and checkpoint are committed together, batch by batch, so what is in read.db is what
 *            folding the log up to its checkpoint gives: folded live, folded after a crash, or rebuilt.
 *            A read.db that does not fit the log is rebuilt, never mended.
 * Does not:  decide what an event means (domain/evolve.ts) or answer anything (history). Power loss may
 *            take its last commits back; the next start folds those events in again.
 * Proved by: test/projections/project.test.ts, test/projections/resume.test.ts
 */
import { assert, InvariantError, NsauditError } from '../domain/errors.ts';
import type { AuditEvent } from '../domain/event.ts';
import type { Known } from '../domain/known.ts';
import { withDatabaseErrors } from '../store/database-errors.ts';
import type { EventLogReader } from '../store/event-log-reader.ts';
import {
  closeWriter,
  emptyWal,
  openDatabase,
  type DatabaseHandle,
} from '../store/open-database.ts';
import type { StateFiles } from '../store/state-directory.ts';
import { readCheckpoint } from './checkpoint.ts';
import { foldLog, startFold, type Fold } from './fold.ts';
import { loadKnown } from './load-known.ts';
import { findRebuildReason, rebuildReadDatabase } from './rebuild.ts';

/** The collector's pulse: not part of the log, so a rebuild forgets it until the next scan. */
export interface Live {
  readonly scanStartedUs: number;
  readonly scanEndedUs: number;
  /** Log position after the scan. */
  readonly position: number;
  readonly scanIntervalUs: number;
  /** Until when kernel events have been taken in; null where there are none. */
  readonly watchedUs: number | null;
}

export interface Projection {
  /** What the log says, up to the last event applied. Changed by `apply` alone. */
  readonly known: Known;
  /** Why read.db was built anew at the start; null when it was taken up where it stood. */
  readonly rebuildReason: string | null;
  /**
   * Folds in the events of one batch that has been appended to the log, and commits the rows they change.
   *
   * Errors: NsauditError `io` or `busy` when the rows cannot be written. The known state has the events
   * then all the same, and the rows are written with those of the next batch. InvariantError when the
   * events do not follow; then nothing may be applied any more.
   */
  apply(events: readonly AuditEvent[], batchHash: Buffer): void;
  /**
   * Folds in one event that is about to be appended. From here on the known state is ahead of the log:
   * whoever cannot append the event must not go on.
   */
  fold(event: AuditEvent): void;
  /** Commits the rows of events that were folded and have been appended. Errors: as `apply`. */
  commit(batchHash: Buffer): void;
  /** A life with this kernel id has been folded in and committed. */
  hasLifespan(kernelNamespaceId: string): boolean;
  /** The log has events of this boot. */
  hasBoot(boot: string): boolean;
  setLive(live: Live): void;
  /** Empties the `-wal` as far as readers let it. Errors: NsauditError `io`. */
  emptyWal(): void;
  close(): void;
}

export interface OpenProjectionOptions {
  readonly files: StateFiles;
  readonly log: EventLogReader;
}

/**
 * Opens read.db for the writer of the log, who holds the collector lock: takes it up where it stands and
 * folds in what the log has beyond that, or builds it anew.
 *
 * Errors: NsauditError `io` when read.db cannot be written, `integrity` when the log cannot be read;
 * InvariantError when its events contradict one another.
 */
export async function openProjection({ files, log }: OpenProjectionOptions): Promise<Projection> {
  const path = files.readPath;
  const rebuildReason = findRebuildReason(path, log);
  if (rebuildReason !== null) {
    await rebuildReadDatabase(path, log);
  }
  const { db, fold, damage } = await takeUpOrRebuild(path, log);
  try {
    const writeLive = withDatabaseErrors(path, () => prepareLive(db));
    const findLife = db.prepare<[string], number>(
      'SELECT 1 FROM lifespan WHERE kernel_namespace_id = ? LIMIT 1',
    );
    const findBoot = db.prepare<[string], number>('SELECT 1 FROM boot WHERE boot = ? LIMIT 1');
    return {
      known: fold.known,
      rebuildReason: rebuildReason ?? damage,
      hasBoot: (boot) => withDatabaseErrors(path, () => findBoot.get(boot) !== undefined),
      apply(events, batchHash) {
        events.forEach((event) => fold.fold(event));
        withDatabaseErrors(path, () => fold.commit(batchHash));
      },
      fold: (event) => fold.fold(event),
      commit: (batchHash) => withDatabaseErrors(path, () => fold.commit(batchHash)),
      hasLifespan: (id) => withDatabaseErrors(path, () => findLife.get(id) !== undefined),
      setLive: (live) => withDatabaseErrors(path, () => writeLive(live)),
      emptyWal: () => withDatabaseErrors(path, () => emptyWal(db)),
      close: () => withDatabaseErrors(path, () => closeWriter(db)),
    };
  } catch (error) {
    db.close();
    throw error;
  }
}

interface TakenUp {
  readonly db: DatabaseHandle;
  readonly fold: Fold;
  /** Why it had to be built anew after all: its pages are whole, and what is in them is not. */
  readonly damage: string | null;
}

async function takeUpOrRebuild(path: string, log: EventLogReader): Promise<TakenUp> {
  try {
    return { ...openAndTakeUp(path, log), damage: null };
  } catch (error) {
    const isDamage =
      error instanceof InvariantError ||
      (error instanceof NsauditError && error.code === 'integrity');
    if (!isDamage) {
      throw error;
    }
    await rebuildReadDatabase(path, log);
    return { ...openAndTakeUp(path, log), damage: error.message };
  }
}

function openAndTakeUp(path: string, log: EventLogReader): Omit<TakenUp, 'damage'> {
  const db = openDatabase(path, 'read-writer');
  try {
    return { db, fold: withDatabaseErrors(path, () => takeUp(db, log)) };
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Commits while it catches up: a crash then does not begin again. */
const DIRTY_MAX = 20_000;

function takeUp(db: DatabaseHandle, log: EventLogReader): Fold {
  const checkpoint = readCheckpoint(db);
  assert(checkpoint !== undefined, `${db.name} has no checkpoint`);
  const fold = startFold(db, log, loadKnown(db, log, checkpoint));
  if (checkpoint.position < log.head().position) {
    foldLog(fold, log, { dirtyMax: DIRTY_MAX });
  }
  return fold;
}

function prepareLive(db: DatabaseHandle): (live: Live) => void {
  const upsert = db.prepare(
    `INSERT OR REPLACE INTO live (id, scan_started_us, scan_ended_us, position, scan_interval_us, watched_us)
     VALUES (1, ?, ?, ?, ?, ?)`,
  );
  return ({ scanStartedUs, scanEndedUs, position, scanIntervalUs, watchedUs }) => {
    upsert.run(scanStartedUs, scanEndedUs, position, scanIntervalUs, watchedUs);
  };
}
