/** read.db: containers whose processes held a namespace, a row each, so that a further one rewrites nothing. */
import { sql, type Kysely } from 'kysely';

const STATEMENTS = [
  'ALTER TABLE lifespan DROP COLUMN containers',
  `CREATE TABLE container_use (
    lifespan INTEGER NOT NULL,
    place    INTEGER NOT NULL, -- in the order seen, from 0
    cgroup   TEXT    NOT NULL,
    PRIMARY KEY (lifespan, place)
  ) STRICT, WITHOUT ROWID`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) {
    await sql.raw(statement).execute(db);
  }
}
