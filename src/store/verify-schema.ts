/** Whether the schema of a log is the one that the migrations make: a dropped trigger would let anybody rewrite rows. */
import Database from 'better-sqlite3';
import type { Fault } from './check-batch.ts';
import type { SchemaEntry } from './event-log-reader.ts';
import { LOG_PLAN, migrate } from './migrate.ts';

/** `version` is the format version that the log says it has; a backup may be older than this program. */
export async function findSchemaFault(
  stored: readonly SchemaEntry[],
  version: number,
): Promise<Fault | null> {
  const rest = new Map(stored.map((entry) => [entry.name, entry]));
  for (const expected of await listExpected(version)) {
    const entry = rest.get(expected.name);
    if (entry?.sql !== expected.sql) {
      const what = `${expected.type} ${expected.name} is ${entry ? 'not as nsaudit makes it' : 'missing'}`;
      return { batch: null, seq: null, what, verdict: entry ? 'tampered' : 'incomplete' };
    }
    rest.delete(expected.name);
  }
  const [extra] = [...rest.values()].filter(({ type }) => type === 'trigger' || type === 'table');
  return extra === undefined
    ? null
    : {
        batch: null,
        seq: null,
        what: `${extra.type} ${extra.name} was added to the log`,
        verdict: 'tampered',
      };
}

async function listExpected(version: number): Promise<SchemaEntry[]> {
  const db = new Database(':memory:');
  try {
    const migrations = Object.entries(LOG_PLAN.migrations).slice(0, Math.max(1, version));
    await migrate(db, {
      format: { ...LOG_PLAN.format, version: migrations.length },
      migrations: Object.fromEntries(migrations),
    });
    return db
      .prepare<[], SchemaEntry>(
        `SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name`,
      )
      .all();
  } finally {
    db.close();
  }
}
