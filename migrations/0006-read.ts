/** read.db: births of minutes, hours, quarters of a day and days by creator, so that a window need not count them one by one. */
import { sql, type Kysely } from 'kysely';

const STATEMENTS = [
  `CREATE TABLE creator (
    id           INTEGER PRIMARY KEY, -- seq of the first event that names it
    key          TEXT    NOT NULL UNIQUE, -- JSON array of the columns below
    uid          INTEGER,
    loginuid     INTEGER,
    comm         TEXT,
    exe          TEXT,
    container_id TEXT
  ) STRICT`,
  `CREATE TABLE creation (
    width_us    INTEGER NOT NULL, -- of the bucket: a minute, an hour, six hours, a day
    from_us     INTEGER NOT NULL, -- a multiple of the width; what is born at from_us is in the bucket before
    creator     INTEGER NOT NULL,
    born        INTEGER NOT NULL, -- also those that were only counted
    stormed     INTEGER NOT NULL, -- of these, counted instead of listed
    first_by_us INTEGER NOT NULL,
    last_by_us  INTEGER NOT NULL,
    types       INTEGER NOT NULL, -- a bit for each type in alphabetical order: 1 is cgroup, 128 is uts
    seen_by     INTEGER NOT NULL, -- 1: kernel-event, 2: scan
    PRIMARY KEY (width_us, from_us, creator)
  ) STRICT, WITHOUT ROWID`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) {
    await sql.raw(statement).execute(db);
  }
}
