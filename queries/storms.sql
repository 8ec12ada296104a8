-- name:     storms
-- question: Which births in a window were counted instead of listed, and who made them?
--   Each of them lived less than a second, and nothing but its creator held it. Newest first.
-- parameters:
--   since  time     none  start of the window; without it, from the beginning
--   until  time     now   end of the window; now is the last instant that was watched
--   type   type     all   one or more types, separated by commas
--   limit  integer  100   rows at most
-- columns:
--   seq                        number   seq of the event
--   type                       text     cgroup, ipc, mnt, net, pid, time, user or uts
--   count                      count    namespaces born and ended
--   from_us                    instant  the first was born
--   to_us                      instant  the last had ended
--   creators                   text     one; several: the creator made the first of them
--   uid                        uid      user of the creator
--   loginuid                   uid      the user who had logged in
--   pid                        number   process of the creator
--   comm                       text     its name
--   exe                        text     its executable
--   container_id               text     the container its cgroup names
--   first_kernel_namespace_id  text     the kernel's id of the first; null before Linux 6.18
--   last_kernel_namespace_id   text     and of the last
-- uses:     storm_end
-- example:  storms -p since=-24h
WITH asked (since_us, until_us) AS (
  SELECT
    coalesce(:since, -9007199254740991),
    coalesce(
      :until,
      (SELECT coalesce(v.watched_us, v.scan_ended_us) FROM live AS v),
      (SELECT max(v.to_us) FROM coverage AS v),
      (SELECT max(v.last_at_us) FROM projection AS v)
    )
)
SELECT
  t.seq,
  t.type,
  t.count,
  t.from_us,
  t.to_us,
  t.creators,
  t.creator_uid AS uid,
  json_extract(t.creator, '$.loginuid') AS loginuid,
  json_extract(t.creator, '$.pid') AS pid,
  t.creator_comm AS comm,
  json_extract(t.creator, '$.exe') AS exe,
  json_extract(t.creator, '$.containerId') AS container_id,
  t.first_kernel_namespace_id,
  t.last_kernel_namespace_id
FROM asked AS a
CROSS JOIN storm AS t
WHERE t.to_us > a.since_us
  AND t.to_us <= a.until_us
  AND (:type IS NULL OR instr(',' || :type || ',', ',' || t.type || ',') > 0)
ORDER BY t.to_us DESC, t.seq DESC
LIMIT coalesce(:limit, 100);
