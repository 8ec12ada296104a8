PRAGMA application_id=1853055346;
PRAGMA user_version=7;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE IF NOT EXISTS "kysely_migration" ("name" varchar(255) not null primary key, "timestamp" varchar(255) not null);
INSERT INTO kysely_migration VALUES('0001-read','2026-11-26T21:57:10.478Z');
INSERT INTO kysely_migration VALUES('0002-read','2026-11-26T21:57:10.480Z');
INSERT INTO kysely_migration VALUES('0003-read','2026-11-26T21:57:10.481Z');
INSERT INTO kysely_migration VALUES('0004-read','2026-11-26T21:57:10.482Z');
INSERT INTO kysely_migration VALUES('0005-read','2026-11-26T21:57:10.484Z');
INSERT INTO kysely_migration VALUES('0006-read','2026-11-26T21:57:10.485Z');
INSERT INTO kysely_migration VALUES('0007-read','2026-11-26T21:57:10.485Z');
CREATE TABLE IF NOT EXISTS "kysely_migration_lock" ("id" varchar(255) not null primary key, "is_locked" integer default 0 not null);
INSERT INTO kysely_migration_lock VALUES('migration_lock',0);
CREATE TABLE projection (
    name        TEXT PRIMARY KEY,
    version     INTEGER NOT NULL, -- of the fold; another version means: rebuild
    position    INTEGER NOT NULL, -- seq of the last event folded in
    batch_hash  BLOB    NOT NULL, -- hash of that event's batch: another log under this database is noticed
    log_id      TEXT    NOT NULL,
    host        TEXT    NOT NULL,
    last_at_us  INTEGER NOT NULL,
    is_collecting INTEGER NOT NULL -- 0 after collector.stopped
  , pruned_seq INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
INSERT INTO projection VALUES('read',8,57,X'8d9fe93e96f500ec6605fa760be4b815c434edf4890842f7e0e34248879cdd79','507be54a-c1cd-44d4-b886-625f3b512f07','host.example',1795305623060001,1,0);
CREATE TABLE live (
    id                INTEGER PRIMARY KEY CHECK (id = 1), -- not folded from the log: the collector's pulse
    scan_started_us   INTEGER NOT NULL, -- last scan
    scan_ended_us     INTEGER NOT NULL,
    position          INTEGER NOT NULL, -- log position after that scan
    scan_interval_us  INTEGER NOT NULL
  , watched_us INTEGER) STRICT;
CREATE TABLE boot (
    seq       INTEGER PRIMARY KEY, -- of boot.started
    boot      TEXT    NOT NULL, -- kernel boot id
    kernel    TEXT    NOT NULL,
    anchor_us INTEGER NOT NULL -- timeline instant of boot time zero
  ) STRICT;
INSERT INTO boot VALUES(1,'00000000-0000-4000-8000-000000000001','6.1.0',1795305600000000);
INSERT INTO boot VALUES(41,'00000000-0000-4000-8000-000000000002','6.1.0',1795305616340001);
CREATE TABLE wall_offset (
    from_us   INTEGER PRIMARY KEY, -- timeline instant from which the offset holds
    offset_us INTEGER NOT NULL -- wall time minus timeline
  ) STRICT;
INSERT INTO wall_offset VALUES(1795305609180000,3600000000);
INSERT INTO wall_offset VALUES(1795305616340001,-1795305616340001);
CREATE TABLE lifespan (
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
    to_us               INTEGER NOT NULL DEFAULT 9007199254740991, -- gone_by_us
    class               INTEGER NOT NULL DEFAULT 63,
    creator             TEXT, -- JSON
    creator_uid         INTEGER,
    creator_comm        TEXT,
    owner               INTEGER,
    parent              INTEGER,
    owner_uid           INTEGER,
    names               TEXT    NOT NULL, containers TEXT NOT NULL DEFAULT '[]', nsids TEXT NOT NULL DEFAULT '[]', counted_references TEXT, init_ended_after_us INTEGER, init_ended_by_us INTEGER, init_ended_evidence TEXT, -- JSON array of paths
    CHECK (from_us <= to_us)
  ) STRICT;
INSERT INTO lifespan VALUES(3,'00000000-0000-4000-8000-000000000001','cgroup',NULL,4026531835,NULL,1,1,0,NULL,1795305605460000,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,1795305615820000,1795305616340001,'reboot','reboot',1795305605460000,1795305616340001,24,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(4,'00000000-0000-4000-8000-000000000001','ipc',NULL,4026531839,NULL,1,1,0,NULL,1795305605460000,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,1795305615820000,1795305616340001,'reboot','reboot',1795305605460000,1795305616340001,24,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(5,'00000000-0000-4000-8000-000000000001','mnt',NULL,4026531832,NULL,1,1,0,NULL,1795305605460000,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,1795305615820000,1795305616340001,'reboot','reboot',1795305605460000,1795305616340001,24,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(6,'00000000-0000-4000-8000-000000000001','net',NULL,4026531833,NULL,1,1,0,NULL,1795305605460000,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,1795305615820000,1795305616340001,'reboot','reboot',1795305605460000,1795305616340001,24,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(7,'00000000-0000-4000-8000-000000000001','pid',NULL,4026531836,NULL,1,1,0,NULL,1795305605460000,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,1795305615820000,1795305616340001,'reboot','reboot',1795305605460000,1795305616340001,24,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(8,'00000000-0000-4000-8000-000000000001','time',NULL,4026531834,NULL,1,1,0,NULL,1795305605460000,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,1795305615820000,1795305616340001,'reboot','reboot',1795305605460000,1795305616340001,24,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(9,'00000000-0000-4000-8000-000000000001','user',NULL,4026531837,NULL,1,1,0,NULL,1795305605460000,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,1795305615820000,1795305616340001,'reboot','reboot',1795305605460000,1795305616340001,24,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(10,'00000000-0000-4000-8000-000000000001','uts',NULL,4026531838,NULL,1,1,0,NULL,1795305605460000,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,1795305615820000,1795305616340001,'reboot','reboot',1795305605460000,1795305616340001,24,NULL,NULL,NULL,NULL,NULL,NULL,'["/run/x"]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(13,'00000000-0000-4000-8000-000000000001','mnt',NULL,4026532101,NULL,1,0,0,1795305605400000,1795305606720000,'scan',1795305609180000,1795305612100000,'inferred-after-gap',NULL,NULL,NULL,1795305609180000,1795305612100000,'inferred-after-gap','vanished',1795305605400000,1795305612100000,23,'{"pid":3,"startTimeTicks":586,"ppid":2,"comm":"sh","exe":"/bin/sh","uid":0,"gid":0,"loginuid":null,"session":7,"cgroup":"/a b","containerId":null,"how":null,"evidence":"scan"}',0,'sh',NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(14,'00000000-0000-4000-8000-000000000001','net',NULL,4026532100,NULL,1,0,0,1795305605400000,1795305606720000,'scan',NULL,NULL,NULL,NULL,NULL,NULL,1795305615820000,1795305616340001,'reboot','reboot',1795305605400000,1795305616340001,24,'{"pid":3,"startTimeTicks":586,"ppid":2,"comm":"sh","exe":"/bin/sh","uid":0,"gid":0,"loginuid":null,"session":7,"cgroup":"/a b","containerId":null,"how":null,"evidence":"scan"}',0,'sh',NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(44,'00000000-0000-4000-8000-000000000002','cgroup',NULL,4026531835,NULL,1,1,0,NULL,1795305622600001,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795305622600001,9007199254740991,63,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(45,'00000000-0000-4000-8000-000000000002','ipc',NULL,4026531839,NULL,1,1,0,NULL,1795305622600001,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795305622600001,9007199254740991,63,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(46,'00000000-0000-4000-8000-000000000002','mnt',NULL,4026531832,NULL,1,1,0,NULL,1795305622600001,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795305622600001,9007199254740991,63,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(47,'00000000-0000-4000-8000-000000000002','net',NULL,4026531833,NULL,1,1,0,NULL,1795305622600001,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795305622600001,9007199254740991,63,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(48,'00000000-0000-4000-8000-000000000002','pid',NULL,4026531836,NULL,1,1,0,NULL,1795305622600001,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795305622600001,9007199254740991,63,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(49,'00000000-0000-4000-8000-000000000002','time',NULL,4026531834,NULL,1,1,0,NULL,1795305622600001,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795305622600001,9007199254740991,63,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(50,'00000000-0000-4000-8000-000000000002','user',NULL,4026531837,NULL,1,1,0,NULL,1795305622600001,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795305622600001,9007199254740991,63,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(51,'00000000-0000-4000-8000-000000000002','uts',NULL,4026531838,NULL,1,1,0,NULL,1795305622600001,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795305622600001,9007199254740991,63,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(52,'00000000-0000-4000-8000-000000000002','pid',NULL,4026532100,NULL,1,0,0,NULL,1795305622600001,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795305622600001,9007199254740991,63,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
INSERT INTO lifespan VALUES(53,'00000000-0000-4000-8000-000000000002','user',NULL,4026532101,NULL,1,0,0,NULL,1795305622600001,'baseline',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795305622600001,9007199254740991,63,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','[]',NULL,NULL,NULL,NULL);
CREATE TABLE holder_count (
    lifespan     INTEGER PRIMARY KEY, -- one row for each lifespan
    holders_now  INTEGER NOT NULL,
    holders_ever INTEGER NOT NULL
  ) STRICT;
INSERT INTO holder_count VALUES(3,0,3);
INSERT INTO holder_count VALUES(4,0,3);
INSERT INTO holder_count VALUES(5,0,2);
INSERT INTO holder_count VALUES(6,0,2);
INSERT INTO holder_count VALUES(7,0,3);
INSERT INTO holder_count VALUES(8,0,3);
INSERT INTO holder_count VALUES(9,0,3);
INSERT INTO holder_count VALUES(10,0,4);
INSERT INTO holder_count VALUES(13,0,1);
INSERT INTO holder_count VALUES(14,0,2);
INSERT INTO holder_count VALUES(44,3,3);
INSERT INTO holder_count VALUES(45,3,3);
INSERT INTO holder_count VALUES(46,3,3);
INSERT INTO holder_count VALUES(47,3,3);
INSERT INTO holder_count VALUES(48,2,2);
INSERT INTO holder_count VALUES(49,3,3);
INSERT INTO holder_count VALUES(50,2,2);
INSERT INTO holder_count VALUES(51,3,3);
INSERT INTO holder_count VALUES(52,1,1);
INSERT INTO holder_count VALUES(53,1,1);
CREATE TABLE namespace_set (
    id       INTEGER NOT NULL, -- seq of the event that introduced the set
    lifespan INTEGER NOT NULL,
    counted  INTEGER NOT NULL, -- members that are only counted
    PRIMARY KEY (id, lifespan)
  ) STRICT, WITHOUT ROWID;
INSERT INTO namespace_set VALUES(12,3,2);
INSERT INTO namespace_set VALUES(12,4,2);
INSERT INTO namespace_set VALUES(12,5,2);
INSERT INTO namespace_set VALUES(12,6,2);
INSERT INTO namespace_set VALUES(12,7,2);
INSERT INTO namespace_set VALUES(12,8,2);
INSERT INTO namespace_set VALUES(12,9,2);
INSERT INTO namespace_set VALUES(12,10,2);
INSERT INTO namespace_set VALUES(15,3,0);
INSERT INTO namespace_set VALUES(15,4,0);
INSERT INTO namespace_set VALUES(15,7,0);
INSERT INTO namespace_set VALUES(15,8,0);
INSERT INTO namespace_set VALUES(15,9,0);
INSERT INTO namespace_set VALUES(15,10,0);
INSERT INTO namespace_set VALUES(15,13,0);
INSERT INTO namespace_set VALUES(15,14,0);
INSERT INTO namespace_set VALUES(54,44,0);
INSERT INTO namespace_set VALUES(54,45,0);
INSERT INTO namespace_set VALUES(54,46,0);
INSERT INTO namespace_set VALUES(54,47,0);
INSERT INTO namespace_set VALUES(54,49,0);
INSERT INTO namespace_set VALUES(54,51,0);
INSERT INTO namespace_set VALUES(54,52,0);
INSERT INTO namespace_set VALUES(54,53,0);
INSERT INTO namespace_set VALUES(56,44,2);
INSERT INTO namespace_set VALUES(56,45,2);
INSERT INTO namespace_set VALUES(56,46,2);
INSERT INTO namespace_set VALUES(56,47,2);
INSERT INTO namespace_set VALUES(56,48,2);
INSERT INTO namespace_set VALUES(56,49,2);
INSERT INTO namespace_set VALUES(56,50,2);
INSERT INTO namespace_set VALUES(56,51,2);
CREATE TABLE open_set (
    id INTEGER PRIMARY KEY -- sets none of whose namespaces has ended: what a starting collector loads
  ) STRICT;
INSERT INTO open_set VALUES(54);
INSERT INTO open_set VALUES(56);
CREATE TABLE holder (
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
    to_us             INTEGER NOT NULL DEFAULT 9007199254740991,
    class             INTEGER NOT NULL DEFAULT 63, how TEXT, ancestors TEXT, observer INTEGER NOT NULL DEFAULT 0,
    CHECK ((set_id IS NULL) <> (lifespan IS NULL)),
    CHECK (from_us <= to_us)
  ) STRICT;
INSERT INTO holder VALUES(15,'process',15,NULL,3,NULL,586,NULL,NULL,NULL,NULL,NULL,NULL,2,'sh','/bin/sh',0,0,NULL,7,'/a b',NULL,1795305605859999,1795305606720000,'scan',1795305607920000,1795305609240000,'scan',1795305605859999,1795305609240000,22,NULL,NULL,0);
INSERT INTO holder VALUES(16,'fd',NULL,14,1,NULL,500,3,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795305606660000,1795305607980000,'scan',1795305615820000,1795305616340001,'reboot',1795305606660000,1795305616340001,24,NULL,NULL,0);
INSERT INTO holder VALUES(17,'bind-mount',NULL,10,NULL,NULL,NULL,NULL,'/run/x',5,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795305606660000,1795305607980000,'scan',1795305615820000,1795305616340001,'reboot',1795305606660000,1795305616340001,24,NULL,NULL,0);
INSERT INTO holder VALUES(54,'process',54,NULL,2,NULL,500,NULL,NULL,NULL,NULL,NULL,NULL,1,'sh','/bin/sh',2,0,NULL,NULL,'/a b',NULL,1795305621340000,1795305622600001,'baseline',NULL,NULL,NULL,1795305621340000,9007199254740991,63,NULL,NULL,0);
CREATE TABLE coverage (
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
  , first_scan_us INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO coverage VALUES(11,'procfs',1795305605400000,1795305605460000,1795305605400000,1,60000,60000,0,2,1,'[]',1795305605400000);
INSERT INTO coverage VALUES(20,'procfs',1795305605460000,1795305609240000,1795305609180000,3,1320000,60000,1260000,2,1,'[]',1795305605460000);
INSERT INTO coverage VALUES(24,'procfs',1795305612040000,1795305612100000,1795305612040000,1,60000,60000,0,2,1,'[]',1795305612040000);
INSERT INTO coverage VALUES(30,'procfs',1795305615820000,1795305615880000,1795305615820000,1,60000,60000,0,2,1,'[]',1795305615820000);
INSERT INTO coverage VALUES(55,'procfs',1795305622540001,1795305622600001,1795305622540001,1,60000,60000,0,3,1,'[]',1795305622540001);
CREATE TABLE gap (
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
  ) STRICT;
INSERT INTO gap VALUES(23,'procfs',NULL,1795305609640000,1795305612040000,'stopped',27,9,1,0);
INSERT INTO gap VALUES(29,'procfs',NULL,1795305612560000,1795305615820000,'killed',31,9,0,0);
INSERT INTO gap VALUES(43,'procfs',NULL,1795305616340000,1795305622540001,'reboot',57,10,0,0);
CREATE TABLE span_class (
    table_name TEXT    NOT NULL, -- lifespan or holder
    class      INTEGER NOT NULL,
    width_us   INTEGER NOT NULL, -- 2^class, 2^53 - 1 for open ones
    PRIMARY KEY (table_name, class)
  ) STRICT, WITHOUT ROWID;
INSERT INTO span_class VALUES('holder',22,4194304);
INSERT INTO span_class VALUES('holder',24,16777216);
INSERT INTO span_class VALUES('holder',63,9007199254740991);
INSERT INTO span_class VALUES('lifespan',23,8388608);
INSERT INTO span_class VALUES('lifespan',24,16777216);
INSERT INTO span_class VALUES('lifespan',63,9007199254740991);
CREATE TABLE incarnation (
    boot  TEXT    NOT NULL,
    inum  INTEGER NOT NULL,
    lives INTEGER NOT NULL, -- how many lifespans the inum had in this boot
    PRIMARY KEY (boot, inum)
  ) STRICT, WITHOUT ROWID;
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000001',4026531832,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000001',4026531833,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000001',4026531834,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000001',4026531835,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000001',4026531836,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000001',4026531837,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000001',4026531838,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000001',4026531839,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000001',4026532100,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000001',4026532101,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000002',4026531832,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000002',4026531833,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000002',4026531834,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000002',4026531835,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000002',4026531836,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000002',4026531837,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000002',4026531838,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000002',4026531839,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000002',4026532100,1);
INSERT INTO incarnation VALUES('00000000-0000-4000-8000-000000000002',4026532101,1);
CREATE TABLE storm (
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
  ) STRICT;
CREATE TABLE container (
    seq          INTEGER PRIMARY KEY, -- of container.described
    cgroup       TEXT    NOT NULL, -- control group whose members are in the container
    engine       TEXT, -- null: several engines use such a path
    container_id TEXT    NOT NULL,
    name         TEXT, -- as the engine's own files give it
    pod_uid      TEXT
  ) STRICT;
CREATE TABLE creator (
    id           INTEGER PRIMARY KEY, -- seq of the first event that names it
    key          TEXT    NOT NULL UNIQUE, -- JSON array of the columns below
    uid          INTEGER,
    loginuid     INTEGER,
    comm         TEXT,
    exe          TEXT,
    container_id TEXT
  ) STRICT;
INSERT INTO creator VALUES(13,'[0,null,"sh","/bin/sh",null]',0,NULL,'sh','/bin/sh',NULL);
CREATE TABLE creation (
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
  ) STRICT, WITHOUT ROWID;
INSERT INTO creation VALUES(0,60000000,1795305600000000,13,2,0,1795305606720000,1795305606720000,12,2);
INSERT INTO creation VALUES(0,3600000000,1795305600000000,13,2,0,1795305606720000,1795305606720000,12,2);
INSERT INTO creation VALUES(0,21600000000,1795305600000000,13,2,0,1795305606720000,1795305606720000,12,2);
INSERT INTO creation VALUES(0,86400000000,1795305600000000,13,2,0,1795305606720000,1795305606720000,12,2);
INSERT INTO creation VALUES(4,60000000,1795305600000000,13,1,0,1795305606720000,1795305606720000,4,2);
INSERT INTO creation VALUES(4,3600000000,1795305600000000,13,1,0,1795305606720000,1795305606720000,4,2);
INSERT INTO creation VALUES(4,21600000000,1795305600000000,13,1,0,1795305606720000,1795305606720000,4,2);
INSERT INTO creation VALUES(4,86400000000,1795305600000000,13,1,0,1795305606720000,1795305606720000,4,2);
INSERT INTO creation VALUES(8,60000000,1795305600000000,13,1,0,1795305606720000,1795305606720000,8,2);
INSERT INTO creation VALUES(8,3600000000,1795305600000000,13,1,0,1795305606720000,1795305606720000,8,2);
INSERT INTO creation VALUES(8,21600000000,1795305600000000,13,1,0,1795305606720000,1795305606720000,8,2);
INSERT INTO creation VALUES(8,86400000000,1795305600000000,13,1,0,1795305606720000,1795305606720000,8,2);
CREATE INDEX lifespan_class ON lifespan (class, from_us, to_us);
CREATE INDEX lifespan_inum ON lifespan (inum, from_us);
CREATE INDEX lifespan_kernel_id ON lifespan (kernel_namespace_id) WHERE kernel_namespace_id IS NOT NULL;
CREATE INDEX lifespan_open ON lifespan (type, from_us) WHERE to_us = 9007199254740991;
CREATE INDEX lifespan_born ON lifespan (born_by_us);
CREATE INDEX lifespan_gone ON lifespan (gone_by_us) WHERE gone_by_us IS NOT NULL;
CREATE INDEX namespace_set_lifespan ON namespace_set (lifespan, id);
CREATE INDEX holder_lifespan ON holder (lifespan, class, from_us, to_us) WHERE lifespan IS NOT NULL;
CREATE INDEX holder_set ON holder (set_id, class, from_us, to_us) WHERE set_id IS NOT NULL;
CREATE INDEX holder_pid ON holder (pid, from_us) WHERE pid IS NOT NULL;
CREATE INDEX holder_path ON holder (path, from_us) WHERE path IS NOT NULL;
CREATE INDEX coverage_span ON coverage (from_us, to_us);
CREATE INDEX coverage_end ON coverage (to_us);
CREATE INDEX gap_span ON gap (from_us, to_us);
CREATE INDEX storm_end ON storm (to_us);
CREATE INDEX container_cgroup ON container (cgroup, seq);
CREATE INDEX holder_name ON holder (lifespan, path) WHERE path IS NOT NULL;
CREATE INDEX holder_entry ON holder (gained_by_us) WHERE how IN ('setns', 'moved');
CREATE INDEX holder_observer ON holder (class, from_us, to_us) WHERE observer = 1;
COMMIT;
