-- name:     coverage
-- question: When was watched, how often and how completely, and when not?
--   Stretches of watching and gaps, in the order they ended. The stretch that is still growing is in
--   growing-stretch.
-- parameters:
--   since       time     none  only what had not ended before this
--   until       time     none  only what had begun before this
--   after_us    integer  none  go on after this order_us
--   after_rank  integer  none  and after this rank
--   after       integer  none  and after this seq
--   limit       integer  100   rows at most
-- columns:
--   seq                      number   seq of its event
--   kind                     text     watched or gap
--   from_us                  instant  start
--   to_us                    instant  end
--   source                   text     who watched
--   scans                    count    full walks in the stretch
--   minimum_lifetime_us      us       what lived longer cannot have been missed
--   scan_interval_us_median  us       from the start of one scan to the start of the next
--   scan_duration_us_max     us       the slowest scan
--   complete                 flag     1 when everything could be read
--   unreadable               json     what could not be read, and why
--   reason                   text     why nobody watched: stopped, killed, stalled, reboot, lost or suspended
--   lost                     count    events known to be lost
--   order_us                 number   what rows are ordered by: the end, on the host timeline
--   rank                     number   then by this: stretches, gaps
-- uses:     coverage_end
-- example:  coverage -p since=-24h
WITH asked (since_us, until_us, after_us, after_rank, after_seq) AS (
  SELECT
    coalesce(:since, -9007199254740991),
    coalesce(:until, 9007199254740991),
    coalesce(:after_us, -9007199254740991),
    coalesce(:after_rank, -1),
    coalesce(:after, 0)
),
page (order_us, rank, seq) AS (
  SELECT u.order_us, u.rank, u.seq
  FROM (
    SELECT s.order_us, 0 AS rank, s.seq
    FROM (
      SELECT c.to_us AS order_us, c.seq
      FROM coverage AS c
      WHERE c.to_us >= (SELECT max(a.since_us, a.after_us) FROM asked AS a)
        AND c.to_us > (SELECT a.since_us FROM asked AS a)
        AND c.from_us < (SELECT a.until_us FROM asked AS a)
        AND (c.to_us, 0, c.seq) > (SELECT a.after_us, a.after_rank, a.after_seq FROM asked AS a)
      ORDER BY c.to_us, c.seq
      LIMIT coalesce(:limit, 100)
    ) AS s
    UNION ALL
    SELECT g.to_us, 1, g.seq
    FROM asked AS a
    CROSS JOIN gap AS g
    WHERE g.to_us > a.since_us
      AND g.from_us < a.until_us
      AND (g.to_us, 1, g.seq) > (a.after_us, a.after_rank, a.after_seq)
  ) AS u
  ORDER BY u.order_us, u.rank, u.seq
  LIMIT coalesce(:limit, 100)
)
SELECT
  page.seq,
  CASE page.rank WHEN 0 THEN 'watched' ELSE 'gap' END AS kind,
  coalesce(c.from_us, g.from_us) AS from_us,
  coalesce(c.to_us, g.to_us) AS to_us,
  coalesce(c.source, g.source) AS source,
  c.scans,
  c.minimum_lifetime_us,
  c.scan_interval_us_median,
  c.scan_duration_us_max,
  c.complete,
  c.unreadable,
  g.reason,
  g.lost,
  page.order_us,
  page.rank
FROM page
LEFT JOIN coverage AS c ON c.seq = page.seq AND page.rank = 0
LEFT JOIN gap AS g ON g.seq = page.seq AND page.rank = 1
ORDER BY page.order_us, page.rank, page.seq;
