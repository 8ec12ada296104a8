/**
 * Whether the schema of a log is the one that the migrations make: a dropped trigger would let anybody rewrite
 * rows, and one that was added could keep events out. Triggers, tables, indexes and views are compared by their
 * text, whatever they are called.
 */
import Database from 'better-sqlite3';
import type { Fault } from './check-batch.ts';
import { LIST_SCHEMA, type SchemaEntry } from './database-schema.ts';
import { LOG_PLAN, migrate } from './migrate.ts';

/** What ANALYZE makes, which anybody may run: figures for the query planner. Source: sqlite.org/fileformat2.html section 2.6. */
const STATISTICS = /^sqlite_stat[1-4]$/;

/** `version` is the format version that the log says it has; a backup may be older than this program. */
export async function findSchemaFault(
  stored: readonly SchemaEntry[],
  version: number,
): Promise<Fault | null> {
  const rest = new Map(stored.map((entry) => [keyOf(entry), entry]));
  for (const expected of await listExpected(version)) {
    const entry = rest.get(keyOf(expected));
    if (entry?.sql !== expected.sql || entry.tableName !== expected.tableName) {
      const what = `${expected.type} ${expected.name} is ${entry ? 'not as nsaudit makes it' : 'missing'}`;
      return { batch: null, seq: null, what, verdict: entry ? 'tampered' : 'incomplete' };
    }
    rest.delete(keyOf(expected));
  }
  const [extra] = [...rest.values()].filter(({ tableName }) => !STATISTICS.test(tableName));
  return extra === undefined
    ? null
    : {
        batch: null,
        seq: null,
        what: `${extra.type} ${extra.name} was added to the log`,
        verdict: 'tampered',
      };
}

/** A trigger can have the name of a table. */
function keyOf({ type, name }: SchemaEntry): string {
  return `${type} ${name}`;
}

async function listExpected(version: number): Promise<SchemaEntry[]> {
  const db = new Database(':memory:');
  try {
    const migrations = Object.entries(LOG_PLAN.migrations).slice(0, Math.max(1, version));
    await migrate(db, {
      format: { ...LOG_PLAN.format, version: migrations.length },
      migrations: Object.fromEntries(migrations),
    });
    return db.prepare<[], SchemaEntry>(LIST_SCHEMA).all();
  } finally {
    db.close();
  }
}
