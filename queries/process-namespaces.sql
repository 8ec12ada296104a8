-- name:     process-namespaces
-- question: In which namespaces was a process at an instant?
--   One row per namespace. A process that never left the initial namespaces is counted, not listed.
-- parameters:
--   pid    integer  required  process id as the collector sees it
--   at     time     now       the instant; now is the last instant that was watched
--   limit  integer  100       rows at most
-- columns:
--   pid               number   process id
--   tid               number   thread id, where a thread differs from its process
--   start_time_ticks  number   with the pid: which process, within one boot
--   comm              text     name of the process
--   type              text     cgroup, ipc, mnt, net, pid, time, user or uts
--   inum              number   inode number, reused by the kernel
--   lifespan          id       the life of the namespace
--   initial           flag     1 for a namespace that was there from boot
--   gained_by_us      instant  the process was in it by then
--   lost_by_us        instant  and had left it by then
-- uses:     holder_pid
-- example:  process-namespaces -p pid=4711 -p at=-5min
WITH asked (at_us) AS (
  SELECT coalesce(
    :at,
    (SELECT coalesce(v.watched_us, v.scan_ended_us) FROM live AS v),
    (SELECT max(v.to_us) FROM coverage AS v),
    (SELECT max(v.last_at_us) FROM projection AS v)
  )
)
SELECT
  h.pid,
  h.tid,
  h.start_time_ticks,
  h.comm,
  l.type,
  l.inum,
  l.id AS lifespan,
  l.initial,
  h.gained_by_us,
  h.lost_by_us
FROM asked AS a
CROSS JOIN holder AS h
CROSS JOIN namespace_set AS s ON s.id = h.set_id
CROSS JOIN lifespan AS l ON l.id = s.lifespan
WHERE h.pid = :pid
  AND h.from_us <= a.at_us
  AND h.to_us > a.at_us
  AND (h.from_us < a.at_us OR h.gained_by_us <= a.at_us)
ORDER BY h.from_us DESC, h.id DESC, l.type
LIMIT coalesce(:limit, 100);
