/**
 * read.db: births that were counted instead of listed (they have no lifespan, and so no other row), and
 * until when kernel events were taken in, which may be later than the last scan.
 */
import { sql, type Kysely } from 'kysely';

const STATEMENTS = [
  `CREATE TABLE storm (
    seq                       INTEGER PRIMARY KEY, -- of namespaces.stormed
    type                      TEXT    NOT NULL,
    creator                   TEXT    NOT NULL, -- JSON
    creator_uid               INTEGER,
    creator_comm              TEXT,
    creators                  TEXT    NOT NULL, -- one; several: creator made the first of them
    count                     INTEGER NOT NULL, -- namespaces born, and ended
    first_kernel_namespace_id TEXT, -- u64 as digits
    last_kernel_namespace_id  TEXT,
    from_us                   INTEGER NOT NULL, -- birth of the first
    to_us                     INTEGER NOT NULL -- end of the last
  ) STRICT`,
  // Until when kernel events have been taken in; null where there are none. SQLite keeps no comment here.
  'ALTER TABLE live ADD COLUMN watched_us INTEGER',
  // Storms in a window. They last seconds, so one that ended in it is taken to have been in it.
  `CREATE INDEX storm_end ON storm (to_us)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) {
    await sql.raw(statement).execute(db);
  }
}
