PRAGMA application_id=1853055340;
PRAGMA user_version=3;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE IF NOT EXISTS "kysely_migration" ("name" varchar(255) not null primary key, "timestamp" varchar(255) not null);
INSERT INTO kysely_migration VALUES('0001-log','2026-11-26T11:15:52.471Z');
INSERT INTO kysely_migration VALUES('0002-log','2026-11-26T11:15:52.473Z');
INSERT INTO kysely_migration VALUES('0003-log','2026-11-26T14:57:25.853Z');
CREATE TABLE IF NOT EXISTS "kysely_migration_lock" ("id" varchar(255) not null primary key, "is_locked" integer default 0 not null);
INSERT INTO kysely_migration_lock VALUES('migration_lock',0);
CREATE TABLE meta (
    key   TEXT PRIMARY KEY, -- format_version, log_id, host, created_us
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('created_us','1795305600000000');
INSERT INTO meta VALUES('format_version','2');
INSERT INTO meta VALUES('host','host.example');
INSERT INTO meta VALUES('log_id','507be54a-c1cd-44d4-b886-625f3b512f07');
CREATE TABLE batch (
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
  ) STRICT;
INSERT INTO batch VALUES(1,'run-1',1,1,2,1795305605000000,1795305605000000,X'b95f1598d7be0317212960275b72be122231ac63d6751cd5edec794a9d5769ac',X'78f9f58e2ed6e71dca8949f093aed87f6b9ef29c3f6fef04ef8ea17230395ca2');
INSERT INTO batch VALUES(2,'run-1',2,3,10,1795305605460000,1795305605460000,X'78f9f58e2ed6e71dca8949f093aed87f6b9ef29c3f6fef04ef8ea17230395ca2',X'437fb345a6394c2e970e54ed80a22dab0469d9cfa736913cbd01c45773f70f85');
INSERT INTO batch VALUES(3,'run-1',3,13,3,1795305606720000,1795305606720000,X'437fb345a6394c2e970e54ed80a22dab0469d9cfa736913cbd01c45773f70f85',X'568cc7bc3919d42918c7f1eb04fc660245e88aeb1606f05d2aa833016e96c1ab');
INSERT INTO batch VALUES(4,'run-1',4,16,2,1795305607980000,1795305607980000,X'568cc7bc3919d42918c7f1eb04fc660245e88aeb1606f05d2aa833016e96c1ab',X'f6600de6c1294ddec93ff7c96c90294ddf283cd1f044e676a5f4b99e7c33eec1');
INSERT INTO batch VALUES(5,'run-1',5,18,1,1795305609180000,1795305609180000,X'f6600de6c1294ddec93ff7c96c90294ddf283cd1f044e676a5f4b99e7c33eec1',X'6032dff9867c3bd58e3e236a0704fb8828febb484986d91ca97091f8d691a8e0');
INSERT INTO batch VALUES(6,'run-1',6,19,1,1795305609240000,1795305609240000,X'6032dff9867c3bd58e3e236a0704fb8828febb484986d91ca97091f8d691a8e0',X'8d6282059cc849a6a5931ca8a88b611f4c8b872342a794879bc1da7b601437a0');
INSERT INTO batch VALUES(7,'run-1',7,20,2,1795305609640000,1795305609640000,X'8d6282059cc849a6a5931ca8a88b611f4c8b872342a794879bc1da7b601437a0',X'ec8e2a700c3b99dac971bd17dacfa05fb48ae7c3952326967837f5ffc5275e6d');
INSERT INTO batch VALUES(8,'run-1',8,22,1,1795305611640000,1795305611640000,X'ec8e2a700c3b99dac971bd17dacfa05fb48ae7c3952326967837f5ffc5275e6d',X'5fa29c8bd229e82c9b89cac7c063e6e06ba0d3248e28fe2bdefa156becc97369');
INSERT INTO batch VALUES(9,'run-1',9,23,2,1795305612100000,1795305612100000,X'5fa29c8bd229e82c9b89cac7c063e6e06ba0d3248e28fe2bdefa156becc97369',X'5ea35e25d49d683e54a522fb6d422a405254235ae6f2b7b634a75a35353e1152');
INSERT INTO batch VALUES(10,'run-1',10,25,3,1795305612560000,1795305612560000,X'5ea35e25d49d683e54a522fb6d422a405254235ae6f2b7b634a75a35353e1152',X'7dc5457c41417f603a433a241c0c47321c22e41db5e7aa005d85f2604c464911');
INSERT INTO batch VALUES(11,'run-1',11,28,1,1795305615420000,1795305615420000,X'7dc5457c41417f603a433a241c0c47321c22e41db5e7aa005d85f2604c464911',X'6afd44f9e6224799efab2db93ccf6b85a0c3676b028a999dbb1a30a0988bdfaf');
INSERT INTO batch VALUES(12,'run-1',12,29,2,1795305615880000,1795305615880000,X'6afd44f9e6224799efab2db93ccf6b85a0c3676b028a999dbb1a30a0988bdfaf',X'7cf5865acedc8740cc287e0d0210cfc0db3ac291ec2cf0c70573ee8168f711af');
INSERT INTO batch VALUES(13,'run-1',13,31,1,1795305616340000,1795305616340000,X'7cf5865acedc8740cc287e0d0210cfc0db3ac291ec2cf0c70573ee8168f711af',X'2cf03d29d2f7ccda4c351fa99397bf55ea9ba0da9182ac88955dca0f7ed46565');
INSERT INTO batch VALUES(14,'run-1',14,32,11,1795305621340001,1795305621340001,X'2cf03d29d2f7ccda4c351fa99397bf55ea9ba0da9182ac88955dca0f7ed46565',X'fe4971e6ca5157d312454f55f07b12cb44e74a49884ef1f8c2a36306ffdab6f6');
INSERT INTO batch VALUES(15,'run-1',15,43,14,1795305622600001,1795305622600001,X'fe4971e6ca5157d312454f55f07b12cb44e74a49884ef1f8c2a36306ffdab6f6',X'783703e0627e53f894a6a5a0c5a322a4cb0f2ae912de7f0276881ad0e62bef69');
INSERT INTO batch VALUES(16,'run-1',16,57,1,1795305623060001,1795305623060001,X'783703e0627e53f894a6a5a0c5a322a4cb0f2ae912de7f0276881ad0e62bef69',X'8d9fe93e96f500ec6605fa760be4b815c434edf4890842f7e0e34248879cdd79');
CREATE TABLE event (
    seq     INTEGER PRIMARY KEY, -- gapless from 1
    batch   INTEGER NOT NULL REFERENCES batch,
    event   TEXT    NOT NULL, -- name in the catalogue, past tense
    version INTEGER NOT NULL, -- version of this event's body
    at_us   INTEGER NOT NULL, -- host timeline, microseconds
    body    TEXT    NOT NULL CHECK (json_valid(body)), -- everything else, nulls left out
    leaf    BLOB    NOT NULL CHECK (length(leaf) = 32) -- SHA-256 over the stored bytes of this row
  ) STRICT;
INSERT INTO event VALUES(1,1,'boot.started',1,1795305605000000,'{"boot":"00000000-0000-4000-8000-000000000001","kernel":"6.1.0","anchor":1795305600000000,"offsetUs":0}',X'4381d6993bfdd74a47b6c89f1b7eb9c116e378e621bafe7d8be69cd515cc2f47');
INSERT INTO event VALUES(2,1,'collector.started',1,1795305605000000,'{"boot":"00000000-0000-4000-8000-000000000001","profile":"procfs","sources":["links","threads","descriptors","mounts","facts","relations"],"hooks":[],"kernel":"6.1.0","toolVersion":"0.0.0","pid":10,"uid":0,"capabilities":[],"ownNamespaces":{},"scanIntervalUs":1000000,"initialHolders":"count","growth":{"holders":{"burst":500,"perSecond":5},"movers":{"burst":5000,"perSecond":50},"births":{"perMinuteMax":100000,"shortLifeUs":1000000}}}',X'd1d85fabaf70b449f0f0b6e3216503c2d320d9bc9b22ae3a14de3382ffbc9a19');
INSERT INTO event VALUES(3,2,'namespace.born',1,1795305605460000,'{"lifespan":3,"type":"cgroup","inum":4026531835,"boot":"00000000-0000-4000-8000-000000000001","incarnation":1,"initial":true,"suspected":false,"born":{"by":1795305605460000,"evidence":"baseline"}}',X'8663ac52cb8e8c7c30df4d39a1f23033f97c37d9586e38fbce9668d15d1c9ae2');
INSERT INTO event VALUES(4,2,'namespace.born',1,1795305605460000,'{"lifespan":4,"type":"ipc","inum":4026531839,"boot":"00000000-0000-4000-8000-000000000001","incarnation":1,"initial":true,"suspected":false,"born":{"by":1795305605460000,"evidence":"baseline"}}',X'4e21e21b74ee53442a5e214dcfaf52ddb674f585137521d99a2844e0170c1588');
INSERT INTO event VALUES(5,2,'namespace.born',1,1795305605460000,'{"lifespan":5,"type":"mnt","inum":4026531832,"boot":"00000000-0000-4000-8000-000000000001","incarnation":1,"initial":true,"suspected":false,"born":{"by":1795305605460000,"evidence":"baseline"}}',X'180096075d2746f5c6362cd5a97ba7aa37940831f11601abd6114441b7446b36');
INSERT INTO event VALUES(6,2,'namespace.born',1,1795305605460000,'{"lifespan":6,"type":"net","inum":4026531833,"boot":"00000000-0000-4000-8000-000000000001","incarnation":1,"initial":true,"suspected":false,"born":{"by":1795305605460000,"evidence":"baseline"}}',X'684963d4e5ea1487444a1466dd8e8ac95a4d8bd3dfd2591047dca8cd06b84525');
INSERT INTO event VALUES(7,2,'namespace.born',1,1795305605460000,'{"lifespan":7,"type":"pid","inum":4026531836,"boot":"00000000-0000-4000-8000-000000000001","incarnation":1,"initial":true,"suspected":false,"born":{"by":1795305605460000,"evidence":"baseline"}}',X'1ce78f0f3aa5e75d688d5febd7908a92dcd9fd19c70fedf6ce15f8617cf062d7');
INSERT INTO event VALUES(8,2,'namespace.born',1,1795305605460000,'{"lifespan":8,"type":"time","inum":4026531834,"boot":"00000000-0000-4000-8000-000000000001","incarnation":1,"initial":true,"suspected":false,"born":{"by":1795305605460000,"evidence":"baseline"}}',X'f454948a3c8b0d96f5d46887d58436b72895ba5805791be1dbf1b88627da1ced');
INSERT INTO event VALUES(9,2,'namespace.born',1,1795305605460000,'{"lifespan":9,"type":"user","inum":4026531837,"boot":"00000000-0000-4000-8000-000000000001","incarnation":1,"initial":true,"suspected":false,"born":{"by":1795305605460000,"evidence":"baseline"}}',X'1d15aff182026a4896795fa646bad56c8de98af38e3dc045c5c93cd8ba67e56a');
INSERT INTO event VALUES(10,2,'namespace.born',1,1795305605460000,'{"lifespan":10,"type":"uts","inum":4026531838,"boot":"00000000-0000-4000-8000-000000000001","incarnation":1,"initial":true,"suspected":false,"born":{"by":1795305605460000,"evidence":"baseline"}}',X'ec48f5bab4a29e9d4d27b2bd07d2261d55a16db78b93c49c8f31622a7ce3d922');
INSERT INTO event VALUES(11,2,'coverage.changed',1,1795305605460000,'{"source":"procfs","from":1795305605400000,"to":1795305605460000,"lastScan":1795305605400000,"scans":1,"minimumLifetimeUs":60000,"scanDurationUsMax":60000,"scanIntervalUsMedian":0,"processes":2,"complete":true,"unreadable":[]}',X'49bfa2773a09aebbe4b6a83faee154a56944dde9df32b4ea825ee71020fec36c');
INSERT INTO event VALUES(12,2,'holders.churned',1,1795305605460000,'{"set":12,"namespaces":[3,4,5,6,7,8,9,10],"gained":2,"lost":0,"now":2,"byComm":{"init":1,"sh":1},"from":1795305605400000,"to":1795305605460000}',X'31b6a0daef6b26095268a4fe061bc26fca021cfa4afa7d7a66cc00e621e1cfff');
INSERT INTO event VALUES(13,3,'namespace.born',1,1795305606720000,'{"lifespan":13,"type":"mnt","inum":4026532101,"boot":"00000000-0000-4000-8000-000000000001","incarnation":1,"initial":false,"suspected":false,"born":{"after":1795305605400000,"by":1795305606720000,"evidence":"scan"},"creator":{"pid":3,"startTimeTicks":586,"ppid":2,"comm":"sh","exe":"/bin/sh","uid":0,"gid":0,"session":7,"cgroup":"/a b","evidence":"scan"}}',X'78c5378f533bdf5cc4dff7a7b2a405a90e015dbd83193d0504058e735cffb0ca');
INSERT INTO event VALUES(14,3,'namespace.born',1,1795305606720000,'{"lifespan":14,"type":"net","inum":4026532100,"boot":"00000000-0000-4000-8000-000000000001","incarnation":1,"initial":false,"suspected":false,"born":{"after":1795305605400000,"by":1795305606720000,"evidence":"scan"},"creator":{"pid":3,"startTimeTicks":586,"ppid":2,"comm":"sh","exe":"/bin/sh","uid":0,"gid":0,"session":7,"cgroup":"/a b","evidence":"scan"}}',X'bd4adc2ce2291fdc9fbdd6028f4f5f33cc21808691e60ca9a71ef509d94d1292');
INSERT INTO event VALUES(15,3,'holder.gained',1,1795305606720000,'{"kind":"process","set":15,"pid":3,"startTimeTicks":586,"namespaces":[3,4,7,8,9,10,13,14],"ppid":2,"comm":"sh","exe":"/bin/sh","uid":0,"gid":0,"session":7,"cgroup":"/a b","from":{"after":1795305605859999,"by":1795305606720000,"evidence":"scan"}}',X'f1c3f76845911255a16a59570d5c23dd5f01756581d8f3c34e075042055f1713');
INSERT INTO event VALUES(16,4,'holder.gained',1,1795305607980000,'{"kind":"fd","lifespan":14,"pid":1,"startTimeTicks":500,"fd":3,"type":"net","from":{"after":1795305606660000,"by":1795305607980000,"evidence":"scan"}}',X'fd6a4f20aa51f1c375cc45243cc1c1f3b682cc568a89d3709eb8681e631b55a6');
INSERT INTO event VALUES(17,4,'holder.gained',1,1795305607980000,'{"kind":"bind-mount","lifespan":10,"path":"/run/x","mountNamespace":5,"type":"uts","from":{"after":1795305606660000,"by":1795305607980000,"evidence":"scan"}}',X'6e57a41b182b67490804b929df517d89ff57f4b1b45b368cf9c3d22757ab9d0e');
INSERT INTO event VALUES(18,5,'clock.stepped',1,1795305609180000,'{"boot":"00000000-0000-4000-8000-000000000001","previousOffsetUs":0,"offsetUs":3600000000}',X'72ed685f1b27906d5ee5152926b9f717cd22e38266b26cef976389bd69d2e165');
INSERT INTO event VALUES(19,6,'holder.lost',1,1795305609240000,'{"holder":15,"kind":"process","pid":3,"set":15,"to":{"after":1795305607920000,"by":1795305609240000,"evidence":"scan"}}',X'08a4d6a75577895e9f7f82d0fb038aa5cdaad786eb2f9efbaaf12558476eec47');
INSERT INTO event VALUES(20,7,'coverage.changed',1,1795305609640000,'{"source":"procfs","from":1795305605460000,"to":1795305609240000,"lastScan":1795305609180000,"scans":3,"minimumLifetimeUs":1320000,"scanDurationUsMax":60000,"scanIntervalUsMedian":1260000,"processes":2,"complete":true,"unreadable":[]}',X'eaff90c71a9cd03d7ff1cf5924c07f008a385bec75c9c1ced006364bcac684ea');
INSERT INTO event VALUES(21,7,'collector.stopped',1,1795305609640000,'{"boot":"00000000-0000-4000-8000-000000000001","reason":"SIGTERM"}',X'a1fccb1039572b1e14293d7f0d730b23c613275e5f370128ff2d01b9fbfa08ee');
INSERT INTO event VALUES(22,8,'collector.started',1,1795305611640000,'{"boot":"00000000-0000-4000-8000-000000000001","profile":"procfs","sources":["links","threads","descriptors","mounts","facts","relations"],"hooks":[],"kernel":"6.1.0","toolVersion":"0.0.0","pid":10,"uid":0,"capabilities":[],"ownNamespaces":{},"scanIntervalUs":1000000,"initialHolders":"count","growth":{"holders":{"burst":500,"perSecond":5},"movers":{"burst":5000,"perSecond":50},"births":{"perMinuteMax":100000,"shortLifeUs":1000000}}}',X'9fa6f71b7278f36940b9e99ce70a5166bee170c5066fab9d5ea419efdf196d52');
INSERT INTO event VALUES(23,9,'observation.gap',1,1795305612100000,'{"source":"procfs","from":1795305609640000,"to":1795305612040000,"reason":"stopped"}',X'4b00218500477817cf03887756396fedcea5d5c3da4a89a82a7611f4c7e36f2e');
INSERT INTO event VALUES(24,9,'coverage.changed',1,1795305612100000,'{"source":"procfs","from":1795305612040000,"to":1795305612100000,"lastScan":1795305612040000,"scans":1,"minimumLifetimeUs":60000,"scanDurationUsMax":60000,"scanIntervalUsMedian":0,"processes":2,"complete":true,"unreadable":[]}',X'7b970a1c25f61bd2439a4aaeaf153bae360baba63fa82ab7583c44a7f42528d4');
INSERT INTO event VALUES(25,10,'namespace.unheld',1,1795305612560000,'{"lifespan":13,"type":"mnt","inum":4026532101,"unheld":{"after":1795305609180000,"by":1795305612100000,"evidence":"inferred-after-gap"}}',X'191dfb04a4e8116d04e46b2412099168edffdb8847444286941b38d53786b042');
INSERT INTO event VALUES(26,10,'namespace.disappeared',1,1795305612560000,'{"lifespan":13,"type":"mnt","inum":4026532101,"reason":"vanished","gone":{"after":1795305609180000,"by":1795305612100000,"evidence":"inferred-after-gap"}}',X'18d0ee1e01a08f3be867f868b822201937b259dbf217470a98753285aaa04e8b');
INSERT INTO event VALUES(27,10,'observation.gap_closed',1,1795305612560000,'{"source":"procfs","gap":23,"recovered":9,"inferred":1,"unknown":0}',X'14d08a9d6f7f63181d221de354d52027bd38fa6573f93c9802d40d39b4d62eed');
INSERT INTO event VALUES(28,11,'collector.started',1,1795305615420000,'{"boot":"00000000-0000-4000-8000-000000000001","profile":"procfs","sources":["links","threads","descriptors","mounts","facts","relations"],"hooks":[],"kernel":"6.1.0","toolVersion":"0.0.0","pid":10,"uid":0,"capabilities":[],"ownNamespaces":{},"scanIntervalUs":1000000,"initialHolders":"count","growth":{"holders":{"burst":500,"perSecond":5},"movers":{"burst":5000,"perSecond":50},"births":{"perMinuteMax":100000,"shortLifeUs":1000000}}}',X'53590a32fd3bd9112d5d2f833b6da6501a9875dc02dbe6af33a05ce839acb094');
INSERT INTO event VALUES(29,12,'observation.gap',1,1795305615880000,'{"source":"procfs","from":1795305612560000,"to":1795305615820000,"reason":"killed"}',X'2f04bfb278a6be9d7c354197f854ad1f79f474c42da849c25f7f0907ce80cc35');
INSERT INTO event VALUES(30,12,'coverage.changed',1,1795305615880000,'{"source":"procfs","from":1795305615820000,"to":1795305615880000,"lastScan":1795305615820000,"scans":1,"minimumLifetimeUs":60000,"scanDurationUsMax":60000,"scanIntervalUsMedian":0,"processes":2,"complete":true,"unreadable":[]}',X'562019c98752293e50207f716fda088cafc71144e7d3ac213eb524565672fc43');
INSERT INTO event VALUES(31,13,'observation.gap_closed',1,1795305616340000,'{"source":"procfs","gap":29,"recovered":9,"inferred":0,"unknown":0}',X'4cd025b9c89d42892735cf1b81445d70ba2672b1bb16117af86c0497a3f10ea1');
INSERT INTO event VALUES(32,14,'namespace.disappeared',1,1795305621340001,'{"lifespan":3,"type":"cgroup","inum":4026531835,"reason":"reboot","gone":{"after":1795305615820000,"by":1795305616340001,"evidence":"reboot"}}',X'd3dfcb8e3ec3203817d665510164116ef64ec713c6db446adb223a8e7b5acf3a');
INSERT INTO event VALUES(33,14,'namespace.disappeared',1,1795305621340001,'{"lifespan":4,"type":"ipc","inum":4026531839,"reason":"reboot","gone":{"after":1795305615820000,"by":1795305616340001,"evidence":"reboot"}}',X'28914b8ca5b591e08f91531f05718cd02c7af1be11ae30695f44b749da14232c');
INSERT INTO event VALUES(34,14,'namespace.disappeared',1,1795305621340001,'{"lifespan":5,"type":"mnt","inum":4026531832,"reason":"reboot","gone":{"after":1795305615820000,"by":1795305616340001,"evidence":"reboot"}}',X'219af58a1e264bdac6d195793fea2c9e1cd96aa90c89793c815801dd63df8b2d');
INSERT INTO event VALUES(35,14,'namespace.disappeared',1,1795305621340001,'{"lifespan":6,"type":"net","inum":4026531833,"reason":"reboot","gone":{"after":1795305615820000,"by":1795305616340001,"evidence":"reboot"}}',X'7c39d97695a57d5e23cb6046c41ba32e4993c6db47888dae044b9d54b3ba472b');
INSERT INTO event VALUES(36,14,'namespace.disappeared',1,1795305621340001,'{"lifespan":7,"type":"pid","inum":4026531836,"reason":"reboot","gone":{"after":1795305615820000,"by":1795305616340001,"evidence":"reboot"}}',X'76b6a78b28c25da60cca85030ba177d6a758e7e29415711da9c23c9e38797cc6');
INSERT INTO event VALUES(37,14,'namespace.disappeared',1,1795305621340001,'{"lifespan":8,"type":"time","inum":4026531834,"reason":"reboot","gone":{"after":1795305615820000,"by":1795305616340001,"evidence":"reboot"}}',X'0072748e325381ab2a9ce8bfde5d01be048f5aec8b863883fd56712334ddf697');
INSERT INTO event VALUES(38,14,'namespace.disappeared',1,1795305621340001,'{"lifespan":9,"type":"user","inum":4026531837,"reason":"reboot","gone":{"after":1795305615820000,"by":1795305616340001,"evidence":"reboot"}}',X'e544313e476347c177b584ceda9036253b22b5f1204fbecd721d3cd2f9d90872');
INSERT INTO event VALUES(39,14,'namespace.disappeared',1,1795305621340001,'{"lifespan":10,"type":"uts","inum":4026531838,"reason":"reboot","gone":{"after":1795305615820000,"by":1795305616340001,"evidence":"reboot"}}',X'a9dd4a42508c13c3ecd5431a0cd0887a1d7b3019f7881b1c17fe8b69c4354386');
INSERT INTO event VALUES(40,14,'namespace.disappeared',1,1795305621340001,'{"lifespan":14,"type":"net","inum":4026532100,"reason":"reboot","gone":{"after":1795305615820000,"by":1795305616340001,"evidence":"reboot"}}',X'274b5953efc73020bdc2678617b90c2abfeec803af2dea2494f719ea2481f661');
INSERT INTO event VALUES(41,14,'boot.started',1,1795305621340001,'{"boot":"00000000-0000-4000-8000-000000000002","kernel":"6.1.0","anchor":1795305616340001,"offsetUs":-1795305616340001,"previousBoot":"00000000-0000-4000-8000-000000000001"}',X'c6b8ffa2b85613c0e1b84dc9087e6dd5318bb39680e368b759c31bb6424cf487');
INSERT INTO event VALUES(42,14,'collector.started',1,1795305621340001,'{"boot":"00000000-0000-4000-8000-000000000002","profile":"procfs","sources":["links","threads","descriptors","mounts","facts","relations"],"hooks":[],"kernel":"6.1.0","toolVersion":"0.0.0","pid":10,"uid":0,"capabilities":[],"ownNamespaces":{},"scanIntervalUs":1000000,"initialHolders":"count","growth":{"holders":{"burst":500,"perSecond":5},"movers":{"burst":5000,"perSecond":50},"births":{"perMinuteMax":100000,"shortLifeUs":1000000}}}',X'9097a394b705bdcc29c5a76b67b10acd3a52e2655fe658767ad2a45bbb1cb3e3');
INSERT INTO event VALUES(43,15,'observation.gap',1,1795305622600001,'{"source":"procfs","from":1795305616340000,"to":1795305622540001,"reason":"reboot"}',X'c46408b18811b4d420f794bb210b8efd74f6b31577ecdde0c35d6392eb4486ce');
INSERT INTO event VALUES(44,15,'namespace.born',1,1795305622600001,'{"lifespan":44,"type":"cgroup","inum":4026531835,"boot":"00000000-0000-4000-8000-000000000002","incarnation":1,"initial":true,"suspected":false,"born":{"by":1795305622600001,"evidence":"baseline"}}',X'3c77a6b145a2ccea1b25c5e483669a6c0d9ca1fee9dada34e051e7553ebd6aae');
INSERT INTO event VALUES(45,15,'namespace.born',1,1795305622600001,'{"lifespan":45,"type":"ipc","inum":4026531839,"boot":"00000000-0000-4000-8000-000000000002","incarnation":1,"initial":true,"suspected":false,"born":{"by":1795305622600001,"evidence":"baseline"}}',X'8391d97b1d688a14c1b601d717c5d7e032a4932047d2d62ba8e1e260ae864b13');
INSERT INTO event VALUES(46,15,'namespace.born',1,1795305622600001,'{"lifespan":46,"type":"mnt","inum":4026531832,"boot":"00000000-0000-4000-8000-000000000002","incarnation":1,"initial":true,"suspected":false,"born":{"by":1795305622600001,"evidence":"baseline"}}',X'09af843fa40404020d72b02b49801aa066822f587c2a0fc6fa1a4461ab11f813');
INSERT INTO event VALUES(47,15,'namespace.born',1,1795305622600001,'{"lifespan":47,"type":"net","inum":4026531833,"boot":"00000000-0000-4000-8000-000000000002","incarnation":1,"initial":true,"suspected":false,"born":{"by":1795305622600001,"evidence":"baseline"}}',X'8fa67fb7faec27f7c7195966acf62e03a4a9963e9ba0dbd10d4f2989b0c347b5');
INSERT INTO event VALUES(48,15,'namespace.born',1,1795305622600001,'{"lifespan":48,"type":"pid","inum":4026531836,"boot":"00000000-0000-4000-8000-000000000002","incarnation":1,"initial":true,"suspected":false,"born":{"by":1795305622600001,"evidence":"baseline"}}',X'39df0912f6c04c5a5d0b453187d3d69b31b0ff597da4322920bfc7bf0287d642');
INSERT INTO event VALUES(49,15,'namespace.born',1,1795305622600001,'{"lifespan":49,"type":"time","inum":4026531834,"boot":"00000000-0000-4000-8000-000000000002","incarnation":1,"initial":true,"suspected":false,"born":{"by":1795305622600001,"evidence":"baseline"}}',X'ca3e2b486651e9f8ac4ddb643b99ef08c6b98a5933802adcb20778a19be29aeb');
INSERT INTO event VALUES(50,15,'namespace.born',1,1795305622600001,'{"lifespan":50,"type":"user","inum":4026531837,"boot":"00000000-0000-4000-8000-000000000002","incarnation":1,"initial":true,"suspected":false,"born":{"by":1795305622600001,"evidence":"baseline"}}',X'7e907bc9e3c37497c824d99710f0899e08542945a2b1b2880d648d6d933a40be');
INSERT INTO event VALUES(51,15,'namespace.born',1,1795305622600001,'{"lifespan":51,"type":"uts","inum":4026531838,"boot":"00000000-0000-4000-8000-000000000002","incarnation":1,"initial":true,"suspected":false,"born":{"by":1795305622600001,"evidence":"baseline"}}',X'f81492ba5929be9b43eba422dce14cc3144710a3c0ed83261049816852a803e5');
INSERT INTO event VALUES(52,15,'namespace.born',1,1795305622600001,'{"lifespan":52,"type":"pid","inum":4026532100,"boot":"00000000-0000-4000-8000-000000000002","incarnation":1,"initial":false,"suspected":false,"born":{"by":1795305622600001,"evidence":"baseline"}}',X'cc9df1d90d78f7682123148977dbfa983139ac5fe0a4f24ebc728e7214caaaf9');
INSERT INTO event VALUES(53,15,'namespace.born',1,1795305622600001,'{"lifespan":53,"type":"user","inum":4026532101,"boot":"00000000-0000-4000-8000-000000000002","incarnation":1,"initial":false,"suspected":false,"born":{"by":1795305622600001,"evidence":"baseline"}}',X'd53197e8ccce15dcccc98bdbb49d8eaf6ec3fb1e3e883614a16f1d874c58abfe');
INSERT INTO event VALUES(54,15,'holder.gained',1,1795305622600001,'{"kind":"process","set":54,"pid":2,"startTimeTicks":500,"namespaces":[44,45,46,47,49,51,52,53],"ppid":1,"comm":"sh","exe":"/bin/sh","uid":2,"gid":0,"cgroup":"/a b","from":{"after":1795305621340000,"by":1795305622600001,"evidence":"baseline"}}',X'dd074e93e5c9ef35798e0d6ab999906cd811f3376489572af5f1644a42eaccb2');
INSERT INTO event VALUES(55,15,'coverage.changed',1,1795305622600001,'{"source":"procfs","from":1795305622540001,"to":1795305622600001,"lastScan":1795305622540001,"scans":1,"minimumLifetimeUs":60000,"scanDurationUsMax":60000,"scanIntervalUsMedian":0,"processes":3,"complete":true,"unreadable":[]}',X'3423bdf2a9c8bbff492c2f140769adea2702cd5ca4d1c4ccf1755c54f1918415');
INSERT INTO event VALUES(56,15,'holders.churned',1,1795305622600001,'{"set":56,"namespaces":[44,45,46,47,48,49,50,51],"gained":2,"lost":0,"now":2,"byComm":{"init":1,"sh":1},"from":1795305622540001,"to":1795305622600001}',X'f64da93a6864f24728cf36b868fb6248bfe2311f75e8ef8669b2d91fd46649b8');
INSERT INTO event VALUES(57,16,'observation.gap_closed',1,1795305623060001,'{"source":"procfs","gap":43,"recovered":10,"inferred":0,"unknown":0}',X'1cb87a4d63e59dd661c3f40cba73de600a879863e45b2a6e5081659791fe748c');
CREATE TABLE tree_node (
    level    INTEGER NOT NULL CHECK (level > 0 AND level % 8 = 0), -- of the nodes; the leaves are level 0
    position INTEGER NOT NULL, -- gapless from 0 in each level: covers events position * 2^level + 1 and on
    hash     BLOB    NOT NULL CHECK (length(hash) = 32), -- SHA-256 over a byte 1 and the two nodes below
    PRIMARY KEY (level, position)
  ) STRICT, WITHOUT ROWID;
CREATE TABLE pruned (
    id         INTEGER PRIMARY KEY CHECK (id = 1), -- no row: nothing was removed
    last_seq   INTEGER NOT NULL, -- the last event that was removed
    last_batch INTEGER NOT NULL, -- its batch, the last one that was
    batch_hash BLOB    NOT NULL CHECK (length(batch_hash) = 32), -- of that batch: what the first one that is left continues
    last_at_us INTEGER NOT NULL, -- timeline instant of that event
    edge       BLOB    NOT NULL CHECK (length(edge) % 32 = 0), -- hashes of the whole subtrees of fewer than 256 events that end with it, the smallest first
    event_seq  INTEGER NOT NULL -- log.pruned, which says the same within the hash chain
  ) STRICT;
CREATE TABLE retained (
    record TEXT    NOT NULL, -- what it is: head, lifespan, holder and so on
    id     INTEGER NOT NULL,
    body   TEXT    NOT NULL CHECK (json_valid(body)), -- as it stood after the last removed event, nulls left out
    PRIMARY KEY (record, id)
  ) STRICT, WITHOUT ROWID;
CREATE TRIGGER meta_no_update BEFORE UPDATE ON meta BEGIN SELECT RAISE(ABORT, 'meta is append-only'); END;
CREATE TRIGGER meta_no_delete BEFORE DELETE ON meta BEGIN SELECT RAISE(ABORT, 'meta is append-only'); END;
CREATE TRIGGER meta_no_replace BEFORE INSERT ON meta WHEN EXISTS (SELECT 1 FROM meta WHERE key = NEW.key)
    BEGIN SELECT RAISE(ABORT, 'meta is append-only'); END;
CREATE TRIGGER batch_no_update BEFORE UPDATE ON batch BEGIN SELECT RAISE(ABORT, 'batch is append-only'); END;
CREATE TRIGGER batch_no_delete BEFORE DELETE ON batch BEGIN SELECT RAISE(ABORT, 'batch is append-only'); END;
CREATE TRIGGER batch_at_head BEFORE INSERT ON batch
    WHEN NEW.batch IS NOT (SELECT coalesce(max(batch), 0) + 1 FROM batch)
    BEGIN SELECT RAISE(ABORT, 'batch is append-only: insert at head+1'); END;
CREATE TRIGGER batch_no_replace BEFORE INSERT ON batch
    WHEN EXISTS (SELECT 1 FROM batch WHERE producer = NEW.producer AND producer_seq = NEW.producer_seq)
    BEGIN SELECT RAISE(ABORT, 'batch is append-only'); END;
CREATE TRIGGER event_no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'event is append-only'); END;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'event is append-only'); END;
CREATE TRIGGER event_at_head BEFORE INSERT ON event
    WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM event)
    BEGIN SELECT RAISE(ABORT, 'event is append-only: insert at head+1'); END;
CREATE TRIGGER tree_node_no_update BEFORE UPDATE ON tree_node BEGIN SELECT RAISE(ABORT, 'tree_node is append-only'); END;
CREATE TRIGGER tree_node_no_delete BEFORE DELETE ON tree_node BEGIN SELECT RAISE(ABORT, 'tree_node is append-only'); END;
CREATE TRIGGER tree_node_at_head BEFORE INSERT ON tree_node
    WHEN NEW.position IS NOT (SELECT coalesce(max(position) + 1, 0) FROM tree_node WHERE level = NEW.level)
    BEGIN SELECT RAISE(ABORT, 'tree_node is append-only: insert at head+1'); END;
CREATE INDEX event_checkpoint ON event (seq) WHERE event = 'checkpoint.published';
CREATE TRIGGER pruned_no_insert BEFORE INSERT ON pruned BEGIN SELECT RAISE(ABORT, 'pruned changes when events are removed'); END;
CREATE TRIGGER pruned_no_update BEFORE UPDATE ON pruned BEGIN SELECT RAISE(ABORT, 'pruned changes when events are removed'); END;
CREATE TRIGGER pruned_no_delete BEFORE DELETE ON pruned BEGIN SELECT RAISE(ABORT, 'pruned changes when events are removed'); END;
CREATE TRIGGER retained_no_insert BEFORE INSERT ON retained BEGIN SELECT RAISE(ABORT, 'retained changes when events are removed'); END;
CREATE TRIGGER retained_no_update BEFORE UPDATE ON retained BEGIN SELECT RAISE(ABORT, 'retained changes when events are removed'); END;
CREATE TRIGGER retained_no_delete BEFORE DELETE ON retained BEGIN SELECT RAISE(ABORT, 'retained changes when events are removed'); END;
COMMIT;
