-- name:     creators
-- question: Who created namespaces in a window?
--   Grouped by user, program and container; most births first. Where only scans saw a birth, the
--   creator is the oldest process seen in the namespace when it was first seen.
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
--   born          count    namespaces it created
--   types         text     their types
--   first_by_us   instant  the first was born by then
--   last_by_us    instant  the last was born by then
--   seen_by       text     kernel-event, scan or both: how creators are known
-- uses:     lifespan_born
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
)
SELECT
  l.creator_uid AS uid,
  json_extract(l.creator, '$.loginuid') AS loginuid,
  l.creator_comm AS comm,
  json_extract(l.creator, '$.exe') AS exe,
  json_extract(l.creator, '$.containerId') AS container_id,
  count(*) AS born,
  group_concat(DISTINCT l.type) AS types,
  min(l.born_by_us) AS first_by_us,
  max(l.born_by_us) AS last_by_us,
  group_concat(DISTINCT json_extract(l.creator, '$.evidence')) AS seen_by
FROM asked AS a
CROSS JOIN lifespan AS l
WHERE l.born_by_us > a.since_us
  AND l.born_by_us <= a.until_us
  AND l.born_after_us IS NOT NULL
  AND (:type IS NULL OR instr(',' || :type || ',', ',' || l.type || ',') > 0)
GROUP BY uid, loginuid, comm, exe, container_id
ORDER BY born DESC, last_by_us DESC
LIMIT coalesce(:limit, 100);
