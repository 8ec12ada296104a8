-- name:     creators
-- question: Who created namespaces in a window?
--   Grouped by user, program and container; most births first. Where only scans saw a birth, the
--   creator is the oldest process seen in the namespace when it was first seen. Births that were counted
--   instead of listed are added to those of the process that made the first of them.
--   Whole days, quarters of days, hours and minutes of the window are added up from what was counted when it was
--   recorded; at the edges, and in the minute of the last event, births are counted one by one.
-- parameters:
--   since  time     none  start of the window; without it, from the beginning
--   until  time     now   end of the window; now is the last instant that was watched
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
WITH asked (since_us, until_us, counted_us) AS (
  SELECT
    coalesce(:since, -9007199254740991),
    coalesce(
      :until,
      (SELECT coalesce(v.watched_us, v.scan_ended_us) FROM live AS v),
      (SELECT max(v.to_us) FROM coverage AS v),
      (SELECT max(v.last_at_us) FROM projection AS v)
    ),
    (SELECT (max(v.last_at_us) - 1) / 60000000 * 60000000 FROM projection AS v)
),
width (step, width_us) AS (
  VALUES (1, 60000000), (2, 3600000000), (3, 21600000000), (4, 86400000000)
),
-- From from_us to to_us there are whole buckets of the width, each within the level before; where there are none,
-- the two are equal. Step 0 is the window. What is born at the very start of a bucket is in the one before.
level (step, from_us, to_us) AS (
  SELECT 0, CAST(a.since_us AS INTEGER), CAST(max(a.since_us, a.until_us) AS INTEGER)
  FROM asked AS a
  UNION ALL
  SELECT
    w.step,
    min((v.from_us + w.width_us - 1) / w.width_us * w.width_us, v.to_us),
    max(
      min(min(v.to_us, a.counted_us) / w.width_us * w.width_us, v.to_us),
      min((v.from_us + w.width_us - 1) / w.width_us * w.width_us, v.to_us)
    )
  FROM level AS v
  JOIN width AS w ON w.step = v.step + 1
  CROSS JOIN asked AS a
),
part (step, from_us, to_us) AS (
  SELECT v.step, v.from_us, coalesce(n.from_us, v.to_us)
  FROM level AS v
  LEFT JOIN level AS n ON n.step = v.step + 1
  UNION ALL
  SELECT v.step, n.to_us, v.to_us
  FROM level AS v
  JOIN level AS n ON n.step = v.step + 1
),
kind (type, bit) AS (
  VALUES
    ('cgroup', 1), ('ipc', 2), ('mnt', 4), ('net', 8),
    ('pid', 16), ('time', 32), ('user', 64), ('uts', 128)
),
-- Buckets of type 0 have the births of all types.
wanted (bit) AS (
  SELECT 0
  WHERE :type IS NULL
  UNION ALL
  SELECT k.bit
  FROM kind AS k
  WHERE instr(',' || :type || ',', ',' || k.type || ',') > 0
),
bucket (type, width_us, from_us, to_us) AS (
  SELECT y.bit, w.width_us, p.from_us, p.to_us
  FROM part AS p
  JOIN width AS w ON w.step = p.step
  CROSS JOIN wanted AS y
  WHERE p.from_us < p.to_us
),
single (creator, type, born, stormed, first_by_us, last_by_us) AS (
  SELECT l.creator, l.type, 1, 0, l.born_by_us, l.born_by_us
  FROM part AS p
  CROSS JOIN lifespan AS l
  WHERE p.step = 0
    AND l.born_by_us > p.from_us
    AND l.born_by_us <= p.to_us
    AND l.born_after_us IS NOT NULL
  UNION ALL
  SELECT t.creator, t.type, t.count, t.count, t.from_us, t.to_us
  FROM part AS p
  CROSS JOIN storm AS t
  WHERE p.step = 0
    AND t.to_us > p.from_us
    AND t.to_us <= p.to_us
),
edge (creator, born, stormed, first_by_us, last_by_us, types, seen_by) AS (
  SELECT
    m.id,
    s.born,
    s.stormed,
    s.first_by_us,
    s.last_by_us,
    k.bit,
    CASE s.creator ->> '$.evidence' WHEN 'kernel-event' THEN 1 WHEN 'scan' THEN 2 ELSE 0 END
  FROM single AS s
  CROSS JOIN kind AS k ON k.type = s.type
  CROSS JOIN creator AS m
  WHERE (:type IS NULL OR instr(',' || :type || ',', ',' || s.type || ',') > 0)
    AND m.key = json_array(
      s.creator ->> '$.uid',
      s.creator ->> '$.loginuid',
      s.creator ->> '$.comm',
      s.creator ->> '$.exe',
      s.creator ->> '$.containerId'
    )
),
top (creator, born, last_by_us) AS (
  SELECT u.creator, sum(u.born), max(u.last_by_us)
  FROM (
    SELECT c.creator, c.born, c.last_by_us
    FROM bucket AS b
    CROSS JOIN creation AS c
    WHERE c.type = b.type
      AND c.width_us = b.width_us
      AND c.from_us >= b.from_us
      AND c.from_us < b.to_us
    UNION ALL
    SELECT e.creator, e.born, e.last_by_us
    FROM edge AS e
  ) AS u
  GROUP BY u.creator
  ORDER BY sum(u.born) DESC, max(u.last_by_us) DESC
  LIMIT coalesce(:limit, 100)
),
-- All that is known of the births, but only for those.
made (creator, types, first_by_us, seen_by, stormed) AS (
  SELECT
    u.creator,
    max(u.types & 1)
    | max(u.types & 2)
    | max(u.types & 4)
    | max(u.types & 8)
    | max(u.types & 16)
    | max(u.types & 32)
    | max(u.types & 64)
    | max(u.types & 128),
    min(u.first_by_us),
    max(u.seen_by & 1)
    | max(u.seen_by & 2),
    sum(u.stormed)
  FROM (
    SELECT c.creator, c.stormed, c.first_by_us, c.types, c.seen_by
    FROM bucket AS b
    CROSS JOIN creation AS c
    WHERE c.type = b.type
      AND c.width_us = b.width_us
      AND c.from_us >= b.from_us
      AND c.from_us < b.to_us
      AND c.creator IN (SELECT o.creator FROM top AS o)
    UNION ALL
    SELECT e.creator, e.stormed, e.first_by_us, e.types, e.seen_by
    FROM edge AS e
    WHERE e.creator IN (SELECT o.creator FROM top AS o)
  ) AS u
  GROUP BY u.creator
)
SELECT
  m.uid,
  m.loginuid,
  m.comm,
  m.exe,
  m.container_id,
  t.born,
  rtrim(
    iif(d.types & 1, 'cgroup,', '')
    || iif(d.types & 2, 'ipc,', '')
    || iif(d.types & 4, 'mnt,', '')
    || iif(d.types & 8, 'net,', '')
    || iif(d.types & 16, 'pid,', '')
    || iif(d.types & 32, 'time,', '')
    || iif(d.types & 64, 'user,', '')
    || iif(d.types & 128, 'uts,', ''),
    ','
  ) AS types,
  d.first_by_us,
  t.last_by_us,
  nullif(
    rtrim(iif(d.seen_by & 1, 'kernel-event,', '') || iif(d.seen_by & 2, 'scan', ''), ','),
    ''
  ) AS seen_by,
  d.stormed
FROM top AS t
JOIN made AS d ON d.creator = t.creator
CROSS JOIN creator AS m ON m.id = t.creator
ORDER BY t.born DESC, t.last_by_us DESC;
