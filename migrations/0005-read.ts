/**
 * read.db: how holders came, which are the observer's own, when the init of a pid namespace ended, up to which
 * event the log had been pruned when it was folded, and what coverage lost by that.
 */
import { sql, type Kysely } from 'kysely';

const STATEMENTS = [
  // fork, clone, clone3: born into it. unshare, setns, exec, moved: entered. Null: not seen. SQLite keeps no comment here.
  'ALTER TABLE holder ADD COLUMN how TEXT',
  // JSON array of pid:start_time_ticks, the parent first; only of what entered.
  'ALTER TABLE holder ADD COLUMN ancestors TEXT',
  // 1: the collector itself, or a child of it.
  'ALTER TABLE holder ADD COLUMN observer INTEGER NOT NULL DEFAULT 0',
  `CREATE INDEX holder_entry ON holder (gained_by_us) WHERE how IN ('setns', 'moved')`,
  'CREATE INDEX holder_observer ON holder (class, from_us, to_us) WHERE observer = 1',
  'ALTER TABLE lifespan ADD COLUMN init_ended_after_us INTEGER',
  'ALTER TABLE lifespan ADD COLUMN init_ended_by_us INTEGER',
  'ALTER TABLE lifespan ADD COLUMN init_ended_evidence TEXT',
  // 0: nothing was removed.
  'ALTER TABLE projection ADD COLUMN pruned_seq INTEGER NOT NULL DEFAULT 0',
  // from_us of the stretch as it was watched: from_us itself is cut to what the log still tells.
  'ALTER TABLE coverage ADD COLUMN first_scan_us INTEGER NOT NULL DEFAULT 0',
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) {
    await sql.raw(statement).execute(db);
  }
}
