/**
 * log.db: where the log begins when its beginning has been removed (`nsaudit prune`), and what had to be kept of
 * it. Nothing but that one transaction writes here: it takes the triggers away, and puts them back.
 */
import { sql, type Kysely } from 'kysely';

const STATEMENTS = [
  `CREATE TABLE pruned (
    id         INTEGER PRIMARY KEY CHECK (id = 1), -- no row: nothing was removed
    last_seq   INTEGER NOT NULL, -- the last event that was removed
    last_batch INTEGER NOT NULL, -- its batch, the last one that was
    batch_hash BLOB    NOT NULL CHECK (length(batch_hash) = 32), -- of that batch: what the first one that is left continues
    last_at_us INTEGER NOT NULL, -- timeline instant of that event
    edge       BLOB    NOT NULL CHECK (length(edge) % 32 = 0), -- hashes of the whole subtrees of fewer than 256 events that end with it, the smallest first
    event_seq  INTEGER NOT NULL -- log.pruned, which says the same within the hash chain
  ) STRICT`,
  `CREATE TABLE retained (
    record TEXT    NOT NULL, -- what it is: head, lifespan, holder and so on
    id     INTEGER NOT NULL,
    body   TEXT    NOT NULL CHECK (json_valid(body)), -- as it stood after the last removed event, nulls left out
    PRIMARY KEY (record, id)
  ) STRICT, WITHOUT ROWID`,
  ...['pruned', 'retained'].flatMap((table) =>
    ['INSERT', 'UPDATE', 'DELETE'].map(
      (change) =>
        `CREATE TRIGGER ${table}_no_${change.toLowerCase()} BEFORE ${change} ON ${table} BEGIN SELECT RAISE(ABORT, '${table} changes when events are removed'); END`,
    ),
  ),
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) {
    await sql.raw(statement).execute(db);
  }
}
