/** read.db: up to which event the log had been pruned when it was folded, and what coverage lost by that. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // 0: nothing was removed. SQLite keeps no comment here.
  await sql
    .raw('ALTER TABLE projection ADD COLUMN pruned_seq INTEGER NOT NULL DEFAULT 0')
    .execute(db);
  // from_us of the stretch as it was watched: from_us itself is cut to what the log still tells.
  await sql
    .raw('ALTER TABLE coverage ADD COLUMN first_scan_us INTEGER NOT NULL DEFAULT 0')
    .execute(db);
}
