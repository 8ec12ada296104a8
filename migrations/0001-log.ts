/**
 * log.db, the evidence: append-only. UPDATE and DELETE are refused by trigger, INSERT is accepted at
 * head+1 only, which also stops INSERT OR REPLACE (REPLACE fires no delete trigger by default).
 */
import { sql, type Kysely } from 'kysely';

const STATEMENTS = [
  `CREATE TABLE meta (
    key   TEXT PRIMARY KEY, -- format_version, log_id, host, created_us
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE batch (
    batch        INTEGER PRIMARY KEY, -- gapless from 1: one per collector transaction
    producer     TEXT    NOT NULL, -- collector run
    producer_seq INTEGER NOT NULL, -- the run's own counter: appending a batch twice is noticed
    first_seq    INTEGER NOT NULL, -- seq of its first event
    event_count  INTEGER NOT NULL CHECK (event_count > 0),
    at_us        INTEGER NOT NULL, -- host timeline, microseconds
    wall_us      INTEGER NOT NULL, -- CLOCK_REALTIME as it was read when the batch was appended
    prev_hash    BLOB    NOT NULL CHECK (length(prev_hash) = 32), -- hash of the batch before; of the meta table for the first
    hash         BLOB    NOT NULL CHECK (length(hash) = 32), -- SHA-256 over header, prev_hash and leaf hashes
    UNIQUE (producer, producer_seq)
  ) STRICT`,
  `CREATE TABLE event (
    seq     INTEGER PRIMARY KEY, -- gapless from 1
    batch   INTEGER NOT NULL REFERENCES batch,
    event   TEXT    NOT NULL, -- name in the catalogue, past tense
    version INTEGER NOT NULL, -- version of this event's body
    at_us   INTEGER NOT NULL, -- host timeline, microseconds
    body    TEXT    NOT NULL CHECK (json_valid(body)), -- everything else, nulls left out
    leaf    BLOB    NOT NULL CHECK (length(leaf) = 32) -- SHA-256 over the stored bytes of this row
  ) STRICT`,
  `CREATE TRIGGER meta_no_update BEFORE UPDATE ON meta BEGIN SELECT RAISE(ABORT, 'meta is append-only'); END`,
  `CREATE TRIGGER meta_no_delete BEFORE DELETE ON meta BEGIN SELECT RAISE(ABORT, 'meta is append-only'); END`,
  `CREATE TRIGGER meta_no_replace BEFORE INSERT ON meta WHEN EXISTS (SELECT 1 FROM meta WHERE key = NEW.key)
    BEGIN SELECT RAISE(ABORT, 'meta is append-only'); END`,
  `CREATE TRIGGER batch_no_update BEFORE UPDATE ON batch BEGIN SELECT RAISE(ABORT, 'batch is append-only'); END`,
  `CREATE TRIGGER batch_no_delete BEFORE DELETE ON batch BEGIN SELECT RAISE(ABORT, 'batch is append-only'); END`,
  `CREATE TRIGGER batch_at_head BEFORE INSERT ON batch
    WHEN NEW.batch IS NOT (SELECT coalesce(max(batch), 0) + 1 FROM batch)
    BEGIN SELECT RAISE(ABORT, 'batch is append-only: insert at head+1'); END`,
  // At head+1 too, REPLACE would take the earlier batch of the same producer number away.
  `CREATE TRIGGER batch_no_replace BEFORE INSERT ON batch
    WHEN EXISTS (SELECT 1 FROM batch WHERE producer = NEW.producer AND producer_seq = NEW.producer_seq)
    BEGIN SELECT RAISE(ABORT, 'batch is append-only'); END`,
  `CREATE TRIGGER event_no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'event is append-only'); END`,
  `CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'event is append-only'); END`,
  `CREATE TRIGGER event_at_head BEFORE INSERT ON event
    WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM event)
    BEGIN SELECT RAISE(ABORT, 'event is append-only: insert at head+1'); END`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) {
    await sql.raw(statement).execute(db);
  }
}
