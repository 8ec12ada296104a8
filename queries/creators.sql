-- name:     creators
-- question: Who created namespaces in a window?
--   Grouped by user, program and container; most births first. Where only scans saw a birth, the
--   creator is the oldest process seen in the namespace when it was first seen. Births that were counted
--   instead of listed are added to those of the process that made the first of them.
--   Whole days, quarters of days, hours and minutes of the window are added up from what was counted when it was
--   recorded; at the edges births are counted one by one.
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
      min(v.to_us / w.width_us * w.width_us, v.to_us),
      min((v.from_us + w.width_us - 1) / w.width_us * w.width_us, v.to_us)
    )
  FROM level AS v
  JOIN width AS w ON w.step = v.step + 1
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
counted (creator, born, stormed, first_by_us, last_by_us, types, seen_by) AS (
  SELECT
    c.creator,
    sum(c.born),
    sum(c.stormed),
    min(c.first_by_us),
    max(c.last_by_us),
    c.types,
    c.seen_by
  FROM part AS p
  CROSS JOIN width AS w
  CROSS JOIN wanted AS y
  CROSS JOIN creation AS c
  WHERE w.step = p.step
    AND c.type = y.bit
    AND c.width_us = w.width_us
    AND c.from_us >= p.from_us
    AND c.from_us < p.to_us
  GROUP BY c.creator, c.types, c.seen_by
),
single (creator, creator_uid, creator_comm, type, born, stormed, first_by_us, last_by_us) AS (
  SELECT l.creator, l.creator_uid, l.creator_comm, l.type, 1, 0, l.born_by_us, l.born_by_us
  FROM part AS p
  CROSS JOIN lifespan AS l
  WHERE p.step = 0
    AND l.born_by_us > p.from_us
    AND l.born_by_us <= p.to_us
    AND l.born_after_us IS NOT NULL
  UNION ALL
  SELECT t.creator, t.creator_uid, t.creator_comm, t.type, t.count, t.count, t.from_us, t.to_us
  FROM part AS p
  CROSS JOIN storm AS t
  WHERE p.step = 0
    AND t.to_us > p.from_us
    AND t.to_us <= p.to_us
),
birth (
  uid, loginuid, comm, exe, container_id,
  born, stormed, first_by_us, last_by_us, types, seen_by
) AS (
  SELECT
    m.uid, m.loginuid, m.comm, m.exe, m.container_id,
    c.born, c.stormed, c.first_by_us, c.last_by_us, c.types, c.seen_by
  FROM counted AS c
  CROSS JOIN creator AS m
  WHERE m.id = c.creator
  UNION ALL
  SELECT
    s.creator_uid,
    json_extract(s.creator, '$.loginuid'),
    s.creator_comm,
    json_extract(s.creator, '$.exe'),
    json_extract(s.creator, '$.containerId'),
    s.born,
    s.stormed,
    s.first_by_us,
    s.last_by_us,
    k.bit,
    CASE json_extract(s.creator, '$.evidence') WHEN 'kernel-event' THEN 1 WHEN 'scan' THEN 2 ELSE 0 END
  FROM single AS s
  CROSS JOIN kind AS k
  WHERE k.type = s.type
    AND (:type IS NULL OR instr(',' || :type || ',', ',' || s.type || ',') > 0)
),
top (
  uid, loginuid, comm, exe, container_id,
  born, types, first_by_us, last_by_us, seen_by, stormed
) AS (
  SELECT
    b.uid, b.loginuid, b.comm, b.exe, b.container_id,
    sum(b.born),
    max(b.types & 1)
    | max(b.types & 2)
    | max(b.types & 4)
    | max(b.types & 8)
    | max(b.types & 16)
    | max(b.types & 32)
    | max(b.types & 64)
    | max(b.types & 128),
    min(b.first_by_us),
    max(b.last_by_us),
    max(b.seen_by & 1)
    | max(b.seen_by & 2),
    sum(b.stormed)
  FROM birth AS b
  GROUP BY b.container_id, b.comm, b.exe, b.uid, b.loginuid
  ORDER BY sum(b.born) DESC, max(b.last_by_us) DESC
  LIMIT coalesce(:limit, 100)
)
SELECT
  t.uid,
  t.loginuid,
  t.comm,
  t.exe,
  t.container_id,
  t.born,
  rtrim(
    iif(t.types & 1, 'cgroup,', '')
    || iif(t.types & 2, 'ipc,', '')
    || iif(t.types & 4, 'mnt,', '')
    || iif(t.types & 8, 'net,', '')
    || iif(t.types & 16, 'pid,', '')
    || iif(t.types & 32, 'time,', '')
    || iif(t.types & 64, 'user,', '')
    || iif(t.types & 128, 'uts,', ''),
    ','
  ) AS types,
  t.first_by_us,
  t.last_by_us,
  nullif(
    rtrim(iif(t.seen_by & 1, 'kernel-event,', '') || iif(t.seen_by & 2, 'scan', ''), ','),
    ''
  ) AS seen_by,
  t.stormed
FROM top AS t
ORDER BY t.born DESC, t.last_by_us DESC;
