/** Brings the schema of a database to the version this code knows. */
import { Kysely, Migrator, SqliteAdapter, SqliteDialect, type Migration } from 'kysely';
import { logMigrations, readMigrations } from '../../migrations/index.ts';
import { NsauditError } from '../domain/errors.ts';
import { LOG_FORMAT, READ_FORMAT, type DatabaseFormat } from './database-format.ts';
import type { DatabaseHandle } from './open-database.ts';

export interface MigrationPlan {
  readonly format: DatabaseFormat;
  readonly migrations: Readonly<Record<string, Migration>>;
}

export const LOG_PLAN: MigrationPlan = { format: LOG_FORMAT, migrations: logMigrations };
export const READ_PLAN: MigrationPlan = { format: READ_FORMAT, migrations: readMigrations };

/** SQLite's DDL is transactional; kysely leaves that off because it cannot switch foreign keys inside a transaction. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class TransactionalDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter();
  }
}

/**
 * Runs every migration that has not run, all in one transaction, and marks the database as ours.
 * A database that is up to date is not written.
 *
 * Errors: NsauditError `unavailable` for a database of a newer version; what a migration throws.
 */
export async function migrate(db: DatabaseHandle, plan: MigrationPlan): Promise<void> {
  const { format, migrations } = plan;
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > format.version) {
    throw new NsauditError(
      'unavailable',
      `${db.name} has format version ${version} and this nsaudit knows versions up to ${format.version}; use the newer nsaudit that wrote it.`,
    );
  }
  if (version === format.version) {
    return;
  }
  // Not destroyed: that would close the handle, which is the caller's.
  const kysely = new Kysely<unknown>({ dialect: new TransactionalDialect({ database: db }) });
  const migrator = new Migrator({
    db: kysely,
    provider: { getMigrations: () => Promise.resolve({ ...migrations }) },
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) {
    const failed = results?.find(({ status }) => status === 'Error')?.migrationName ?? 'none';
    throw new NsauditError(
      'unavailable',
      `${db.name} could not be brought to format version ${format.version} (migration ${failed}); nothing was changed.`,
      { cause: error },
    );
  }
  db.pragma(`application_id = ${format.applicationId}`);
  db.pragma(`user_version = ${format.version}`);
}
