/**
 * read.db, disposable: everything here is folded from log.db and can be rebuilt.
 *
 * Instants are microseconds on the host timeline; 9007199254740991 (2^53 - 1) stands for "not ended".
 * Intervals [from_us, to_us) are as wide as the bounds allow: from born.after to gone.by. Rows carry a
 * duration class, ceil(log2(to_us - from_us + 1)) but at least 10, and 63 while open: all intervals of
 * class k that contain an instant T have from_us in (T - 2^k, T], which makes "alive at T" a range
 * search per class (table span_class lists the classes in use).
 */
import { sql, type Kysely } from 'kysely';

const OPEN = '9007199254740991';

const STATEMENTS = [
  `CREATE TABLE projection (
    name        TEXT PRIMARY KEY,
    version     INTEGER NOT NULL, -- of the fold; another version means: rebuild
    position    INTEGER NOT NULL, -- seq of the last event folded in
    batch_hash  BLOB    NOT NULL, -- hash of that event's batch: another log under this database is noticed
    log_id      TEXT    NOT NULL,
    host        TEXT    NOT NULL,
    last_at_us  INTEGER NOT NULL,
    is_collecting INTEGER NOT NULL -- 0 after collector.stopped
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE live (
    id                INTEGER PRIMARY KEY CHECK (id = 1), -- not folded from the log: the collector's pulse
    scan_started_us   INTEGER NOT NULL, -- last scan
    scan_ended_us     INTEGER NOT NULL,
    position          INTEGER NOT NULL, -- log position after that scan
    scan_interval_us  INTEGER NOT NULL
  ) STRICT`,
  `CREATE TABLE boot (
    seq       INTEGER PRIMARY KEY, -- of boot.started
    boot      TEXT    NOT NULL, -- kernel boot id
    kernel    TEXT    NOT NULL,
    anchor_us INTEGER NOT NULL -- timeline instant of boot time zero
  ) STRICT`,
  `CREATE TABLE wall_offset (
    from_us   INTEGER PRIMARY KEY, -- timeline instant from which the offset holds
    offset_us INTEGER NOT NULL -- wall time minus timeline
  ) STRICT`,
  `CREATE TABLE lifespan (
    id                  INTEGER PRIMARY KEY, -- seq of namespace.born: stable across rebuilds
    boot                TEXT    NOT NULL,
    type                TEXT    NOT NULL,
    nsfs_dev            TEXT,
    inum                INTEGER NOT NULL,
    kernel_namespace_id TEXT, -- u64 as digits
    incarnation         INTEGER NOT NULL, -- nth use of the inum in its boot
    initial             INTEGER NOT NULL,
    suspected           INTEGER NOT NULL,
    born_after_us       INTEGER,
    born_by_us          INTEGER NOT NULL,
    born_evidence       TEXT    NOT NULL,
    unheld_after_us     INTEGER,
    unheld_by_us        INTEGER,
    unheld_evidence     TEXT,
    unreferenced_after_us INTEGER,
    unreferenced_by_us  INTEGER,
    unreferenced_evidence TEXT,
    gone_after_us       INTEGER,
    gone_by_us          INTEGER,
    gone_evidence       TEXT,
    reason              TEXT,
    from_us             INTEGER NOT NULL, -- born_after_us, or born_by_us where that is unknown
    to_us               INTEGER NOT NULL DEFAULT ${OPEN}, -- gone_by_us
    class               INTEGER NOT NULL DEFAULT 63,
    creator             TEXT, -- JSON
    creator_uid         INTEGER,
    creator_comm        TEXT,
    owner               INTEGER,
    parent              INTEGER,
    owner_uid           INTEGER,
    names               TEXT    NOT NULL, -- JSON array of paths
    CHECK (from_us <= to_us)
  ) STRICT`,
  // Alive at T, or in a window: one range per duration class.
  `CREATE INDEX lifespan_class ON lifespan (class, from_us, to_us)`,
  // Every life of an inum, and which one it was at T.
  `CREATE INDEX lifespan_inum ON lifespan (inum, from_us)`,
  `CREATE INDEX lifespan_kernel_id ON lifespan (kernel_namespace_id) WHERE kernel_namespace_id IS NOT NULL`,
  // What there is now, and what is left of it without a visible holder.
  `CREATE INDEX lifespan_open ON lifespan (type, from_us) WHERE to_us = ${OPEN}`,
  // Births and ends in a window, in order.
  `CREATE INDEX lifespan_born ON lifespan (born_by_us)`,
  `CREATE INDEX lifespan_gone ON lifespan (gone_by_us) WHERE gone_by_us IS NOT NULL`,
  // Apart from lifespan, because almost every event changes a few counts: eight wide rows rewritten for
  // each process that comes or goes would cost more than everything else together.
  `CREATE TABLE holder_count (
    lifespan     INTEGER PRIMARY KEY, -- one row for each lifespan
    holders_now  INTEGER NOT NULL,
    holders_ever INTEGER NOT NULL
  ) STRICT`,
  `CREATE TABLE namespace_set (
    id       INTEGER NOT NULL, -- seq of the event that introduced the set
    lifespan INTEGER NOT NULL,
    counted  INTEGER NOT NULL, -- members that are only counted
    PRIMARY KEY (id, lifespan)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX namespace_set_lifespan ON namespace_set (lifespan, id)`,
  `CREATE TABLE open_set (
    id INTEGER PRIMARY KEY -- sets none of whose namespaces has ended: what a starting collector loads
  ) STRICT`,
  `CREATE TABLE holder (
    id                INTEGER PRIMARY KEY, -- seq of holder.gained
    kind              TEXT    NOT NULL,
    set_id            INTEGER, -- processes and threads hold a set
    lifespan          INTEGER, -- everything else holds one lifespan
    pid               INTEGER,
    tid               INTEGER,
    start_time_ticks  INTEGER,
    fd                INTEGER,
    path              TEXT,
    mount_namespace   INTEGER, -- lifespan of the mount namespace a bind mount is in
    socket_inode      INTEGER,
    interface         TEXT,
    namespace         INTEGER, -- child or owned lifespan
    ppid              INTEGER,
    comm              TEXT,
    exe               TEXT,
    uid               INTEGER,
    gid               INTEGER,
    loginuid          INTEGER,
    session           INTEGER,
    cgroup            TEXT,
    container_id      TEXT,
    gained_after_us   INTEGER,
    gained_by_us      INTEGER NOT NULL,
    gained_evidence   TEXT    NOT NULL,
    lost_after_us     INTEGER,
    lost_by_us        INTEGER,
    lost_evidence     TEXT,
    from_us           INTEGER NOT NULL,
    to_us             INTEGER NOT NULL DEFAULT ${OPEN},
    class             INTEGER NOT NULL DEFAULT 63,
    CHECK ((set_id IS NULL) <> (lifespan IS NULL)),
    CHECK (from_us <= to_us)
  ) STRICT`,
  `CREATE INDEX holder_lifespan ON holder (lifespan, class, from_us, to_us) WHERE lifespan IS NOT NULL`,
  `CREATE INDEX holder_set ON holder (set_id, class, from_us, to_us) WHERE set_id IS NOT NULL`,
  `CREATE INDEX holder_pid ON holder (pid, from_us) WHERE pid IS NOT NULL`,
  `CREATE INDEX holder_path ON holder (path, from_us) WHERE path IS NOT NULL`,
  `CREATE TABLE coverage (
    seq                     INTEGER PRIMARY KEY, -- of coverage.changed
    source                  TEXT    NOT NULL,
    from_us                 INTEGER NOT NULL,
    to_us                   INTEGER NOT NULL,
    last_scan_us            INTEGER NOT NULL,
    scans                   INTEGER NOT NULL,
    minimum_lifetime_us     INTEGER NOT NULL, -- what lived longer in this stretch cannot have been missed
    scan_duration_us_max    INTEGER NOT NULL,
    scan_interval_us_median INTEGER NOT NULL,
    processes               INTEGER NOT NULL,
    complete                INTEGER NOT NULL,
    unreadable              TEXT    NOT NULL -- JSON
  ) STRICT`,
  `CREATE INDEX coverage_span ON coverage (from_us, to_us)`,
  `CREATE INDEX coverage_end ON coverage (to_us)`,
  `CREATE TABLE gap (
    seq        INTEGER PRIMARY KEY, -- of observation.gap
    source     TEXT    NOT NULL,
    lost       INTEGER, -- null: not countable
    from_us    INTEGER NOT NULL,
    to_us      INTEGER NOT NULL,
    reason     TEXT    NOT NULL,
    closed_seq INTEGER, -- of observation.gap_closed
    recovered  INTEGER,
    inferred   INTEGER,
    unknown    INTEGER
  ) STRICT`,
  `CREATE INDEX gap_span ON gap (from_us, to_us)`,
  `CREATE TABLE span_class (
    table_name TEXT    NOT NULL, -- lifespan or holder
    class      INTEGER NOT NULL,
    width_us   INTEGER NOT NULL, -- 2^class, 2^53 - 1 for open ones
    PRIMARY KEY (table_name, class)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE incarnation (
    boot  TEXT    NOT NULL,
    inum  INTEGER NOT NULL,
    lives INTEGER NOT NULL, -- how many lifespans the inum had in this boot
    PRIMARY KEY (boot, inum)
  ) STRICT, WITHOUT ROWID`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) {
    await sql.raw(statement).execute(db);
  }
}
