/** State directories in a temporary directory, written by the real store and projections. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { AuditEvent } from '../../src/domain/event.ts';
import { openProjection, type Projection } from '../../src/projections/project.ts';
import type { AppendedBatch } from '../../src/store/event-log-writer.ts';
import { openLog, type OpenLog } from '../../src/store/open-log.ts';

/** A directory that is gone when the test is. */
export class Scratch implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'nsaudit-test-'));

  join(...names: string[]): string {
    return join(this.path, ...names);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export const HOST = 'host.example';
/** 2026-11-22T00:00:00Z */
export const WALL_US = 1_795_305_600_000_000;

export function openTestLog(stateDirectory: string, purpose = 'collector'): Promise<OpenLog> {
  const holder = { pid: process.pid, startedUs: WALL_US, purpose };
  return openLog({ stateDirectory, holder, host: HOST });
}

/** Appends batches as one run of a collector numbers them. */
export function createAppender(
  { writer }: Pick<OpenLog, 'writer'>,
  producer = 'run-1',
): (events: readonly AuditEvent[]) => AppendedBatch {
  let producerSeq = 0;
  return (events) => {
    producerSeq += 1;
    const atUs = events.at(-1)?.at ?? 0;
    return writer.appendBatch(events, { producer, producerSeq, atUs, wallUs: atUs });
  };
}

/** Writes a whole state directory: every batch appended and projected. */
export async function writeState(
  stateDirectory: string,
  batches: readonly (readonly AuditEvent[])[],
): Promise<void> {
  const log = await openTestLog(stateDirectory);
  const projection = await openProjection({ files: log.files, log: log.reader });
  const append = createAppender(log);
  for (const events of batches) {
    projection.apply(events, append(events).batchHash);
  }
  projection.close();
  log.close();
}

/** Opens, hands over, and closes in the right order. */
export async function withState<Result>(
  stateDirectory: string,
  work: (state: { log: OpenLog; projection: Projection }) => Result,
): Promise<Result> {
  const log = await openTestLog(stateDirectory);
  try {
    const projection = await openProjection({ files: log.files, log: log.reader });
    try {
      return work({ log, projection });
    } finally {
      projection.close();
    }
  } finally {
    log.close();
  }
}

/** Every row of every table, in key order, as text; two equal dumps are equal databases. */
export function dumpDatabase(path: string, except: readonly string[] = []): string {
  const db = new Database(path, { readonly: true });
  try {
    const tables = db
      .prepare<[], string>(
        `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`,
      )
      .pluck()
      .all()
      .filter((name) => !except.includes(name));
    return tables
      .flatMap((table) => {
        const rows = db
          .prepare(`SELECT * FROM ${table}`)
          .all()
          .map((row) => JSON.stringify(row));
        return [`-- ${table}`, ...rows.toSorted()];
      })
      .join('\n');
  } finally {
    db.close();
  }
}

/** What a rebuild may change in read.db: the collector's pulse, and when the tables were made. */
export const NOT_FOLDED = ['live', 'kysely_migration', 'kysely_migration_lock'];
