-- name:     lifespans-of-name
-- question: Which namespaces were mounted at a path, and when?
--   Newest first. With since and until, those that may have been mounted there in that window.
-- parameters:
--   path       text     required  the path as the mount namespace sees it
--   at         time     none      only those mounted there at this instant
--   since      time     none      only those not unmounted before this
--   until      time     none      only those mounted before this
--   before_us  integer  none      go on before this order_us
--   before     lifespan none      and before this lifespan
--   limit      integer  100       rows at most
-- columns:
--   lifespan          id       the life of the namespace
--   type              text     cgroup, ipc, mnt, net, pid, time, user or uts
--   inum              number   inode number, reused by the kernel
--   mounts            count    mounts at this path that were seen: one per mount namespace and time
--   born_after_us     instant  born after this; null: it was there when we first looked
--   born_by_us        instant  and no later than this
--   gone_after_us     instant  ended at this or later
--   gone_by_us        instant  and before this
--   reason            text     destroyed, vanished, inode-reuse or reboot
--   creator_comm      text     name of the creating process
--   creator_uid       uid      its user
--   order_us          number   what rows are ordered by: the earliest birth, on the host timeline
-- uses:     holder_path
-- example:  lifespans-of-name -p path=/run/netns/blue
WITH asked (since_us, until_us) AS (
  SELECT
    coalesce(:at, :since, -9007199254740991),
    coalesce(:at + 1, :until, 9007199254740991)
),
bearer (id, mounts) AS (
  SELECT h.lifespan, count(*)
  FROM asked AS a
  CROSS JOIN holder AS h
  WHERE h.path = :path
    AND h.kind = 'bind-mount'
    AND h.from_us < a.until_us
    AND h.to_us > a.since_us
    AND (h.from_us < a.until_us - 1 OR h.gained_by_us < a.until_us)
  GROUP BY h.lifespan
)
SELECT
  l.id AS lifespan,
  l.type,
  l.inum,
  b.mounts,
  l.born_after_us,
  l.born_by_us,
  l.gone_after_us,
  l.gone_by_us,
  l.reason,
  l.creator_comm,
  l.creator_uid,
  l.from_us AS order_us
FROM bearer AS b
CROSS JOIN lifespan AS l ON l.id = b.id
WHERE (l.from_us, l.id)
  < (coalesce(:before_us, 9007199254740991), coalesce(:before, 9007199254740991))
ORDER BY l.from_us DESC, l.id DESC
LIMIT coalesce(:limit, 100);
