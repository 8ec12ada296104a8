/** read.db: births of minutes, hours, quarters of a day and days by creator also for each type of namespace. */
import { sql, type Kysely } from 'kysely';

const STATEMENTS = [
  'DROP TABLE creation',
  `CREATE TABLE creation (
    type        INTEGER NOT NULL, -- 0: of all types; otherwise its bit, in alphabetical order: 1 is cgroup, 128 is uts
    width_us    INTEGER NOT NULL, -- of the bucket: a minute, an hour, six hours, a day
    from_us     INTEGER NOT NULL, -- a multiple of the width; what is born at from_us is in the bucket before
    creator     INTEGER NOT NULL,
    born        INTEGER NOT NULL, -- also those that were only counted
    stormed     INTEGER NOT NULL, -- of these, counted instead of listed
    first_by_us INTEGER NOT NULL,
    last_by_us  INTEGER NOT NULL,
    types       INTEGER NOT NULL, -- the bits of all types in it
    seen_by     INTEGER NOT NULL, -- 1: kernel-event, 2: scan
    PRIMARY KEY (type, width_us, from_us, creator)
  ) STRICT, WITHOUT ROWID`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) {
    await sql.raw(statement).execute(db);
  }
}
