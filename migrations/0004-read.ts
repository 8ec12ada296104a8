/** read.db: references to a namespace as last recorded. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // JSON: total, processSets, nsfsInodes, sockets, unattributed, at. SQLite keeps no comment here.
  await sql.raw('ALTER TABLE lifespan ADD COLUMN counted_references TEXT').execute(db);
}
