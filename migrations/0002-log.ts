/**
 * log.db: the inner nodes of the hash tree over the events (RFC 6962), every eighth level of them, and a way
 * to the newest checkpoint that does not read the whole log. Append-only like the rest; what was recorded
 * before gets its nodes from the writer, because a migration does not hash.
 */
import { sql, type Kysely } from 'kysely';

const STATEMENTS = [
  `CREATE TABLE tree_node (
    level    INTEGER NOT NULL CHECK (level > 0 AND level % 8 = 0), -- of the nodes; the leaves are level 0
    position INTEGER NOT NULL, -- gapless from 0 in each level: covers events position * 2^level + 1 and on
    hash     BLOB    NOT NULL CHECK (length(hash) = 32), -- SHA-256 over a byte 1 and the two nodes below
    PRIMARY KEY (level, position)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TRIGGER tree_node_no_update BEFORE UPDATE ON tree_node BEGIN SELECT RAISE(ABORT, 'tree_node is append-only'); END`,
  `CREATE TRIGGER tree_node_no_delete BEFORE DELETE ON tree_node BEGIN SELECT RAISE(ABORT, 'tree_node is append-only'); END`,
  `CREATE TRIGGER tree_node_at_head BEFORE INSERT ON tree_node
    WHEN NEW.position IS NOT (SELECT coalesce(max(position) + 1, 0) FROM tree_node WHERE level = NEW.level)
    BEGIN SELECT RAISE(ABORT, 'tree_node is append-only: insert at head+1'); END`,
  `CREATE INDEX event_checkpoint ON event (seq) WHERE event = 'checkpoint.published'`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) {
    await sql.raw(statement).execute(db);
  }
}
