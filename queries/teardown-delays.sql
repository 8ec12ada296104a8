-- name:     teardown-delays
-- question: How long do namespaces outlive their last visible holder?
--   Per type, of those that ended in a window: from the last visible holder to the last kernel
--   reference, and from there to the end. A delay is known within bounds; scans alone know no kernel
--   references, and see no delay shorter than the time between two of them. What a reboot ended is
--   left out.
-- parameters:
--   since  time  none  only what ended after this
--   until  time  now   only what ended by then; now is the last instant that was watched
--   type   type  all   one or more types, separated by commas
-- columns:
--   type                                     text   cgroup, ipc, mnt, net, pid, time, user or uts
--   ended                                    count  namespaces that ended
--   unheld_to_gone_at_least_us_max           us     shortest possible delay of the slowest
--   unheld_to_gone_at_most_us_median         us     longest possible delay, half of them below it
--   unheld_to_gone_at_most_us_max            us     longest possible delay of all
--   unreferenced                             count  of these, how often the last kernel reference was seen to go
--   unheld_to_unreferenced_at_most_us_max    us     longest possible delay until then
--   unreferenced_to_gone_at_most_us_max      us     longest possible delay from then on
-- uses:     lifespan_gone
-- example:  teardown-delays -p since=-24h
WITH asked (since_us, until_us) AS (
  SELECT
    coalesce(:since, -9007199254740991),
    coalesce(
      :until,
      (SELECT coalesce(v.watched_us, v.scan_ended_us) FROM live AS v),
      (SELECT max(v.to_us) FROM coverage AS v),
      (SELECT max(v.last_at_us) FROM projection AS v)
    )
),
delay (type, at_least_us, at_most_us, to_unreferenced_us, to_gone_us) AS (
  SELECT
    l.type,
    max(0, coalesce(l.gone_after_us, l.unheld_by_us) - l.unheld_by_us),
    l.gone_by_us - coalesce(l.unheld_after_us, l.unheld_by_us),
    l.unreferenced_by_us - coalesce(l.unheld_after_us, l.unheld_by_us),
    l.gone_by_us - coalesce(l.unreferenced_after_us, l.unreferenced_by_us)
  FROM asked AS a
  CROSS JOIN lifespan AS l
  WHERE l.gone_by_us > a.since_us
    AND l.gone_by_us <= a.until_us
    AND l.unheld_by_us IS NOT NULL
    AND l.reason <> 'reboot'
    AND (:type IS NULL OR instr(',' || :type || ',', ',' || l.type || ',') > 0)
),
ranked AS (
  SELECT
    d.type,
    d.at_least_us,
    d.at_most_us,
    d.to_unreferenced_us,
    d.to_gone_us,
    row_number() OVER (PARTITION BY d.type ORDER BY d.at_most_us) AS place,
    count(*) OVER (PARTITION BY d.type) AS places
  FROM delay AS d
)
SELECT
  r.type,
  count(*) AS ended,
  max(r.at_least_us) AS unheld_to_gone_at_least_us_max,
  max(CASE WHEN r.place = (r.places + 1) / 2 THEN r.at_most_us END)
    AS unheld_to_gone_at_most_us_median,
  max(r.at_most_us) AS unheld_to_gone_at_most_us_max,
  count(r.to_unreferenced_us) AS unreferenced,
  max(r.to_unreferenced_us) AS unheld_to_unreferenced_at_most_us_max,
  max(r.to_gone_us) AS unreferenced_to_gone_at_most_us_max
FROM ranked AS r
GROUP BY r.type
ORDER BY r.type;
