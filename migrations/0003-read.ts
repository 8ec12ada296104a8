/**
 * read.db: what containers were in a namespace, the ids that network namespaces have for one another, and
 * a way from a namespace to its mount points.
 */
import { sql, type Kysely } from 'kysely';

const STATEMENTS = [
  `CREATE TABLE container (
    seq          INTEGER PRIMARY KEY, -- of container.described
    cgroup       TEXT    NOT NULL, -- control group whose members are in the container
    engine       TEXT, -- null: several engines use such a path
    container_id TEXT    NOT NULL,
    name         TEXT, -- as the engine's own files give it
    pod_uid      TEXT
  ) STRICT`,
  `CREATE INDEX container_cgroup ON container (cgroup, seq)`,
  // Control groups of the containers whose processes ever held it, a JSON array; none for an initial one.
  `ALTER TABLE lifespan ADD COLUMN containers TEXT NOT NULL DEFAULT '[]'`,
  // Network namespace ids as intervals, a JSON array of {observer, nsid, from, to}.
  `ALTER TABLE lifespan ADD COLUMN nsids TEXT NOT NULL DEFAULT '[]'`,
  // Names of a namespace.
  `CREATE INDEX holder_name ON holder (lifespan, path) WHERE path IS NOT NULL`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) {
    await sql.raw(statement).execute(db);
  }
}
