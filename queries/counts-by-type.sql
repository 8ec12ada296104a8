-- name:     counts-by-type
-- question: How many namespaces of each type are there, and how many were born and ended in a window?
--   Births that were counted instead of listed are in born, ended and the short lives: each lived less
--   than a second.
-- parameters:
--   since         time     none     start of the window; without it, from the beginning
--   until         time     now      end of the window, and the instant of the count; now is the last instant that was watched
--   threshold_us  integer  1000000  a life shorter than this, in microseconds, is short
-- columns:
--   type                  text   cgroup, ipc, mnt, net, pid, time, user or uts
--   alive                 count  alive at the end of the window, initial ones too
--   unheld                count  of these, without any visible holder
--   born                  count  born in the window; what was there when we first looked does not count
--   ended                 count  ended in the window
--   ended_by_reboot       count  of these, ended by a reboot
--   short_lived           count  of the others, whose longest possible life is below the threshold
--   possibly_short_lived  count  and whose shortest possible life is, but not the longest
--   stormed               count  of those born and ended, how many were counted in storms instead of listed
-- uses:     lifespan_class, lifespan_born, lifespan_gone, storm_end
-- example:  counts-by-type -p since=-24h
WITH asked (since_us, until_us, threshold_us) AS (
  SELECT
    coalesce(:since, -9007199254740991),
    coalesce(
      :until,
      (SELECT coalesce(v.watched_us, v.scan_ended_us) FROM live AS v),
      (SELECT max(v.to_us) FROM coverage AS v),
      (SELECT max(v.last_at_us) FROM projection AS v)
    ),
    coalesce(:threshold_us, 1000000)
),
namespace_type (type) AS (
  VALUES ('cgroup'), ('ipc'), ('mnt'), ('net'), ('pid'), ('time'), ('user'), ('uts')
),
alive (type, alive, unheld) AS (
  SELECT l.type, count(*), sum(coalesce(l.unheld_by_us <= a.until_us, 0))
  FROM asked AS a
  CROSS JOIN span_class AS k
  CROSS JOIN lifespan AS l
  WHERE k.table_name = 'lifespan'
    AND l.class = k.class
    AND l.from_us > a.until_us - k.width_us
    AND l.from_us <= a.until_us
    AND l.to_us > a.until_us
    AND (l.from_us < a.until_us OR l.born_by_us <= a.until_us)
  GROUP BY l.type
),
born (type, born) AS (
  SELECT l.type, count(*)
  FROM asked AS a
  CROSS JOIN lifespan AS l
  WHERE l.born_by_us > a.since_us
    AND l.born_by_us <= a.until_us
    AND l.born_after_us IS NOT NULL
  GROUP BY l.type
),
ended (type, ended, by_reboot, short_lived, below_threshold) AS (
  SELECT
    l.type,
    count(*),
    sum(l.reason = 'reboot'),
    sum(l.reason <> 'reboot' AND l.gone_by_us - l.born_after_us < a.threshold_us),
    -- An end that is known no better than the birth may be right after it.
    sum(
      l.reason <> 'reboot'
        AND l.born_after_us IS NOT NULL
        AND coalesce(l.gone_after_us, l.born_by_us) - l.born_by_us < a.threshold_us
    )
  FROM asked AS a
  CROSS JOIN lifespan AS l
  WHERE l.gone_by_us > a.since_us
    AND l.gone_by_us <= a.until_us
  GROUP BY l.type
),
stormed (type, stormed, short_lived) AS (
  SELECT
    t.type,
    sum(t.count),
    sum(CASE WHEN min(t.to_us - t.from_us, 1000000) <= a.threshold_us THEN t.count ELSE 0 END)
  FROM asked AS a
  CROSS JOIN storm AS t
  WHERE t.to_us > a.since_us
    AND t.to_us <= a.until_us
  GROUP BY t.type
)
SELECT
  n.type,
  coalesce(v.alive, 0) AS alive,
  coalesce(v.unheld, 0) AS unheld,
  coalesce(b.born, 0) + coalesce(s.stormed, 0) AS born,
  coalesce(e.ended, 0) + coalesce(s.stormed, 0) AS ended,
  coalesce(e.by_reboot, 0) AS ended_by_reboot,
  coalesce(e.short_lived, 0) + coalesce(s.short_lived, 0) AS short_lived,
  coalesce(e.below_threshold - e.short_lived, 0)
    + coalesce(s.stormed - s.short_lived, 0) AS possibly_short_lived,
  coalesce(s.stormed, 0) AS stormed
FROM namespace_type AS n
LEFT JOIN alive AS v ON v.type = n.type
LEFT JOIN born AS b ON b.type = n.type
LEFT JOIN ended AS e ON e.type = n.type
LEFT JOIN stormed AS s ON s.type = n.type
ORDER BY n.type;
