-- name:     lifespans-of-kernel-id
-- question: Which namespaces had a kernel namespace id?
--   One per boot at most, newest first.
-- parameters:
--   kernel_id  text     required  the id, in decimal digits
--   since      time     none      only those not gone before this
--   until      time     none      only those born before this
--   before_us  integer  none      go on before this order_us
--   before     lifespan none      and before this lifespan
--   limit      integer  100       rows at most
-- columns:
--   lifespan          id       the life of the namespace
--   type              text     cgroup, ipc, mnt, net, pid, time, user or uts
--   inum              number   inode number, reused by the kernel
--   boot              text     boot id of the kernel
--   born_after_us     instant  born after this; null: it was there when we first looked
--   born_by_us        instant  and no later than this
--   gone_after_us     instant  ended at this or later
--   gone_by_us        instant  and before this
--   reason            text     destroyed, vanished, inode-reuse or reboot
--   order_us          number   what rows are ordered by: the earliest birth, on the host timeline
-- uses:     lifespan_kernel_id
-- example:  lifespans-of-kernel-id -p kernel_id=1283
WITH asked (since_us, until_us) AS (
  SELECT coalesce(:since, -9007199254740991), coalesce(:until, 9007199254740991)
)
SELECT
  l.id AS lifespan,
  l.type,
  l.inum,
  l.boot,
  l.born_after_us,
  l.born_by_us,
  l.gone_after_us,
  l.gone_by_us,
  l.reason,
  l.from_us AS order_us
FROM lifespan AS l
WHERE l.kernel_namespace_id = :kernel_id
  AND l.from_us < (SELECT a.until_us FROM asked AS a)
  AND l.to_us > (SELECT a.since_us FROM asked AS a)
  AND (
    l.from_us < (SELECT a.until_us FROM asked AS a) - 1
    OR l.born_by_us < (SELECT a.until_us FROM asked AS a)
  )
  AND (l.from_us, l.id)
    < (coalesce(:before_us, 9007199254740991), coalesce(:before, 9007199254740991))
ORDER BY l.from_us DESC, l.id DESC
LIMIT coalesce(:limit, 100);
