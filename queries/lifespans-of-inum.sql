-- name:     lifespans-of-inum
-- question: Which namespaces had an inode number, and when?
--   Newest first. With since and until, those that may have lived in that window; for one instant
--   leave until out and give at.
-- parameters:
--   inum       integer  required  the inode number
--   type       type     all       one or more types, separated by commas
--   at         time     none      only the one that had it at this instant
--   since      time     none      only those not gone before this
--   until      time     none      only those born before this
--   before_us  integer  none      go on before this order_us
--   before     lifespan none      and before this lifespan
--   limit      integer  100       rows at most
-- columns:
--   lifespan          id       the life of the namespace
--   type              text     cgroup, ipc, mnt, net, pid, time, user or uts
--   incarnation       number   the nth namespace seen with this inum in its boot
--   suspected         flag     1 when the inum looks reused, but nothing proves it
--   boot              text     boot id of the kernel
--   born_after_us     instant  born after this; null: it was there when we first looked
--   born_by_us        instant  and no later than this
--   gone_after_us     instant  ended at this or later
--   gone_by_us        instant  and before this
--   reason            text     destroyed, vanished, inode-reuse or reboot
--   creator_comm      text     name of the creating process
--   creator_uid       uid      its user
--   order_us          number   what rows are ordered by: the earliest birth, on the host timeline
-- uses:     lifespan_inum
-- example:  lifespans-of-inum -p inum=4026532268 -p since=-24h
WITH asked (since_us, until_us) AS (
  SELECT
    coalesce(:at, :since, -9007199254740991),
    coalesce(:at + 1, :until, 9007199254740991)
)
SELECT
  l.id AS lifespan,
  l.type,
  l.incarnation,
  l.suspected,
  l.boot,
  l.born_after_us,
  l.born_by_us,
  l.gone_after_us,
  l.gone_by_us,
  l.reason,
  l.creator_comm,
  l.creator_uid,
  l.from_us AS order_us
FROM lifespan AS l
WHERE l.inum = :inum
  AND l.from_us < (SELECT a.until_us FROM asked AS a)
  AND l.to_us > (SELECT a.since_us FROM asked AS a)
  -- One inum names one namespace at a time: whatever had it before the last one that was certainly born
  -- when the window begins had certainly ended by then.
  AND l.from_us >= coalesce(
    (
      SELECT n.from_us
      FROM lifespan AS n
      WHERE n.inum = :inum
        AND n.from_us <= (SELECT a.since_us FROM asked AS a)
        AND n.born_by_us <= (SELECT a.since_us FROM asked AS a)
      ORDER BY n.from_us DESC
      LIMIT 1
    ),
    -9007199254740991
  )
  AND (
    l.from_us < (SELECT a.until_us FROM asked AS a) - 1
    OR l.born_by_us < (SELECT a.until_us FROM asked AS a)
  )
  AND (l.from_us, l.id)
    < (coalesce(:before_us, 9007199254740991), coalesce(:before, 9007199254740991))
  AND (:type IS NULL OR instr(',' || :type || ',', ',' || l.type || ',') > 0)
ORDER BY l.from_us DESC, l.id DESC
LIMIT coalesce(:limit, 100);
