-- name:     coverage-of-window
-- question: How much of a window was watched, by each source, and how well?
--   The stretch that is still growing is in growing-stretch, the times nobody watched are in gaps.
-- parameters:
--   since  time  none  start of the window; without it, from the beginning
--   until  time  none  end of the window; without it, to the end; since = until asks about an instant
-- columns:
--   source               text     who watched
--   stretches            count    stretches of watching that touch the window
--   from_us              instant  start of the first, cut to the window
--   to_us                instant  end of the last, cut to the window
--   watched_us           us       time watched within the window
--   last_scan_us         instant  start of the last scan that is recorded by itself, not after the window
--   minimum_lifetime_us  us       what lived longer cannot have been missed in them
--   complete             flag     1 when everything could be read in all of them
--   unreadable           json     what could not be read, from the latest stretch that has such a thing
-- uses:     coverage_span
-- example:  coverage-of-window -p since=-24h
WITH asked (since_us, until_us) AS (
  SELECT coalesce(:since, -9007199254740991), coalesce(:until, 9007199254740991)
),
touching AS (
  -- Stretches of one source do not overlap, and there are fewer sources than this limit.
  SELECT
    e.seq, e.source, e.from_us, e.to_us, e.first_scan_us, e.last_scan_us, e.minimum_lifetime_us,
    e.complete, e.is_readable
  FROM (
    SELECT
      c.seq, c.source, c.from_us, c.to_us, c.first_scan_us, c.last_scan_us, c.minimum_lifetime_us,
      c.complete, c.unreadable = '[]' AS is_readable
    FROM coverage AS c
    WHERE c.from_us <= (SELECT a.since_us FROM asked AS a)
    ORDER BY c.from_us DESC
    LIMIT 16
  ) AS e
  CROSS JOIN asked AS a
  WHERE e.to_us > a.since_us OR (e.to_us = a.since_us AND a.since_us = a.until_us)
  UNION ALL
  SELECT
    c.seq, c.source, c.from_us, c.to_us, c.first_scan_us, c.last_scan_us, c.minimum_lifetime_us,
    c.complete, c.unreadable = '[]'
  FROM asked AS a
  CROSS JOIN coverage AS c
  WHERE c.from_us > a.since_us
    AND c.from_us < a.until_us
),
judged AS (
  SELECT
    c.source,
    count(*) AS stretches,
    max(min(c.from_us), a.since_us) AS from_us,
    min(max(c.to_us), a.until_us) AS to_us,
    sum(min(c.to_us, a.until_us) - max(c.from_us, a.since_us)) AS watched_us,
    max(CASE WHEN c.last_scan_us <= a.until_us THEN c.last_scan_us ELSE c.first_scan_us END)
      AS last_scan_us,
    max(c.minimum_lifetime_us) AS minimum_lifetime_us,
    min(c.complete) AS complete,
    max(CASE WHEN c.is_readable THEN 0 ELSE c.seq END) AS unreadable_seq
  FROM asked AS a
  CROSS JOIN touching AS c
  GROUP BY c.source
)
SELECT
  j.source,
  j.stretches,
  j.from_us,
  j.to_us,
  j.watched_us,
  j.last_scan_us,
  j.minimum_lifetime_us,
  j.complete,
  coalesce(n.unreadable, '[]') AS unreadable
FROM judged AS j
LEFT JOIN coverage AS n ON n.seq = j.unreadable_seq
ORDER BY j.source;
