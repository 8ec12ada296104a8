-- name:     observer-count
-- question: How many holders of a namespace were the collector itself and its children, at an instant and ever?
--   A namespace that they never held is not listed. Holders that are only counted are not known one by one.
-- parameters:
--   lifespan  lifespan required  the life of the namespace; in SQL also a JSON array of ids
--   at        time     now       the instant; now is the last instant that was watched
-- columns:
--   lifespan      id     the life of the namespace
--   holders_now   count  holders at that instant that are the collector or its children
--   holders_ever  count  such holders it has had until now
-- uses:     holder_observer
-- example:  observer-count -p lifespan=#12 -p at=-5min
WITH asked (at_us) AS (
  SELECT coalesce(
    :at,
    (SELECT coalesce(v.watched_us, v.scan_ended_us) FROM live AS v),
    (SELECT max(v.to_us) FROM coverage AS v),
    (SELECT max(v.last_at_us) FROM projection AS v)
  )
),
-- Those of all namespaces, which are few.
observing (lifespan, is_now) AS (
  SELECT
    coalesce(h.lifespan, s.lifespan),
    h.from_us <= a.at_us
      AND h.to_us > a.at_us
      AND (h.from_us < a.at_us OR h.gained_by_us <= a.at_us)
  FROM asked AS a
  CROSS JOIN span_class AS k
  CROSS JOIN holder AS h
  LEFT JOIN namespace_set AS s ON s.id = h.set_id
  WHERE k.table_name = 'holder'
    AND h.observer = 1
    AND h.class = k.class
)
SELECT
  o.lifespan,
  sum(o.is_now) AS holders_now,
  count(*) AS holders_ever
FROM observing AS o
WHERE o.lifespan IN (SELECT j.value FROM json_each(:lifespan) AS j)
GROUP BY o.lifespan
ORDER BY o.lifespan;
