-- name:     process-history
-- question: Which namespace sets was a process in, and when?
--   Newest first. A thread with namespaces of its own has a row of its own. A process that never left
--   the initial namespaces is counted, not listed, and has no row.
-- parameters:
--   pid        integer  required  process id as the collector sees it; pids are reused, see start_time_ticks
--   at         time     none      only the sets it was in at this instant
--   before_us  integer  none      go on before this order_us
--   before     integer  none      and before this holder
--   limit      integer  100       rows at most
-- columns:
--   holder            id       the interval, by the seq of its holder.gained event
--   set_id            id       the namespace set
--   pid               number   process id
--   tid               number   thread id, where a thread differs from its process
--   start_time_ticks  number   with the pid: which process, within one boot
--   comm              text     name of the process
--   exe               text     its executable
--   uid               uid      its user
--   gained_after_us   instant  in it from after this; null: it was when we first looked
--   gained_by_us      instant  and no later than this
--   lost_after_us     instant  left it at this or later
--   lost_by_us        instant  and before this
--   order_us          number   what rows are ordered by: the earliest start, on the host timeline
-- uses:     holder_pid
-- example:  process-history -p pid=4711
WITH asked (since_us, until_us) AS (
  SELECT coalesce(:at, -9007199254740991), coalesce(:at + 1, 9007199254740991)
)
SELECT
  h.id AS holder,
  h.set_id,
  h.pid,
  h.tid,
  h.start_time_ticks,
  h.comm,
  h.exe,
  h.uid,
  h.gained_after_us,
  h.gained_by_us,
  h.lost_after_us,
  h.lost_by_us,
  h.from_us AS order_us
FROM holder AS h
WHERE h.pid = :pid
  AND h.set_id IS NOT NULL
  AND h.from_us < (SELECT a.until_us FROM asked AS a)
  AND h.to_us > (SELECT a.since_us FROM asked AS a)
  AND (
    h.from_us < (SELECT a.until_us FROM asked AS a) - 1
    OR h.gained_by_us < (SELECT a.until_us FROM asked AS a)
  )
  AND (h.from_us, h.id)
    < (coalesce(:before_us, 9007199254740991), coalesce(:before, 9007199254740991))
ORDER BY h.from_us DESC, h.id DESC
LIMIT coalesce(:limit, 100);
