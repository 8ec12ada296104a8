-- name:     creators
-- question: Who created namespaces in a window?
--   Grouped by user, program and container; most births first. Where only scans saw a birth, the
--   creator is the oldest process seen in the namespace when it was first seen. Births that were counted
--   instead of listed are added to those of the process that made the first of them.
-- parameters:
--   since  time     none  start of the window; without it, from the beginning
--   until  time     now   end of the window; now is the end of the last scan
--   type   type     all   one or more types, separated by commas
--   limit  integer  100   rows at most
-- columns:
--   uid           uid      user of the creator; null: creator not seen
--   loginuid      uid      the user who had logged in
--   comm          text     name of the process
--   exe           text     its executable
--   container_id  text     the container its cgroup names
--   born          count    namespaces it created, also those that were only counted
--   types         text     their types
--   first_by_us   instant  the first was born by then
--   last_by_us    instant  the last was born by then
--   seen_by       text     kernel-event, scan or both: how creators are known
--   stormed       count    of those born, how many were counted in storms instead of listed
-- uses:     lifespan_born, storm_end
-- example:  creators -p since=-7d -p type=user
WITH asked (since_us, until_us) AS (
  SELECT
    coalesce(:since, -9007199254740991),
    coalesce(
      :until,
      (SELECT v.scan_ended_us FROM live AS v),
      (SELECT max(v.to_us) FROM coverage AS v),
      (SELECT max(v.last_at_us) FROM projection AS v)
    )
),
birth (type, creator, creator_uid, creator_comm, first_by_us, last_by_us, born, stormed) AS (
  SELECT l.type, l.creator, l.creator_uid, l.creator_comm, l.born_by_us, l.born_by_us, 1, 0
  FROM asked AS a
  CROSS JOIN lifespan AS l
  WHERE l.born_by_us > a.since_us
    AND l.born_by_us <= a.until_us
    AND l.born_after_us IS NOT NULL
  UNION ALL
  SELECT t.type, t.creator, t.creator_uid, t.creator_comm, t.from_us, t.to_us, t.count, t.count
  FROM asked AS a
  CROSS JOIN storm AS t
  WHERE t.to_us > a.since_us
    AND t.to_us <= a.until_us
)
SELECT
  b.creator_uid AS uid,
  json_extract(b.creator, '$.loginuid') AS loginuid,
  b.creator_comm AS comm,
  json_extract(b.creator, '$.exe') AS exe,
  json_extract(b.creator, '$.containerId') AS container_id,
  sum(b.born) AS born,
  group_concat(DISTINCT b.type) AS types,
  min(b.first_by_us) AS first_by_us,
  max(b.last_by_us) AS last_by_us,
  group_concat(DISTINCT json_extract(b.creator, '$.evidence')) AS seen_by,
  sum(b.stormed) AS stormed
FROM birth AS b
WHERE :type IS NULL OR instr(',' || :type || ',', ',' || b.type || ',') > 0
GROUP BY uid, loginuid, comm, exe, container_id
ORDER BY sum(b.born) DESC, last_by_us DESC
LIMIT coalesce(:limit, 100);
