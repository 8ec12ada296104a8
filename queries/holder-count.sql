-- name:     holder-count
-- question: How many holders did a namespace have at an instant?
--   For an initial namespace the counted processes of the last count are part of it.
--   References that nothing visible explains (unattributed) are none.
--   Members that came and went beyond the limits on growth (holders.churned) are in no instant's count.
-- parameters:
--   lifespan  lifespan required  the life of the namespace; in SQL also a JSON array of ids
--   at        time     now       the instant; now is the last instant that was watched
-- columns:
--   lifespan  id     the life of the namespace
--   holders  count  holders at that instant
-- uses:     holder_lifespan, holder_set, namespace_set_lifespan
-- example:  holder-count -p lifespan=#12 -p at=-5min
WITH asked (at_us) AS (
  SELECT coalesce(
    :at,
    (SELECT coalesce(v.watched_us, v.scan_ended_us) FROM live AS v),
    (SELECT max(v.to_us) FROM coverage AS v),
    (SELECT max(v.last_at_us) FROM projection AS v)
  )
),
life (id, initial, holders_now, holders_ever) AS (
  SELECT l.id, l.initial, c.holders_now, c.holders_ever
  FROM json_each(:lifespan) AS j
  CROSS JOIN lifespan AS l ON l.id = j.value
  CROSS JOIN holder_count AS c ON c.lifespan = l.id
),
-- Lives that were asked about share sets, so each set is counted once.
shared (id, members_max) AS (
  SELECT s.id, min(l.holders_ever)
  FROM life AS l
  CROSS JOIN namespace_set AS s ON s.lifespan = l.id
  WHERE l.initial = 0
  GROUP BY s.id
),
set_count (id, holders) AS MATERIALIZED (
  SELECT
    s.id,
    CASE
      -- Few holders are counted faster one by one than class by class.
      WHEN s.members_max <= 32 THEN (
        SELECT count(*)
        FROM holder AS h
        WHERE h.set_id = s.id
          AND h.from_us <= a.at_us
          AND h.to_us > a.at_us
          AND (h.from_us < a.at_us OR h.gained_by_us <= a.at_us)
      )
      ELSE (
        SELECT count(*)
        FROM span_class AS k
        CROSS JOIN holder AS h
        WHERE k.table_name = 'holder'
          AND h.set_id = s.id
          AND h.class = k.class
          AND h.from_us > a.at_us - k.width_us
          AND h.from_us <= a.at_us
          AND h.to_us > a.at_us
          AND (h.from_us < a.at_us OR h.gained_by_us <= a.at_us)
      )
    END
  FROM asked AS a
  CROSS JOIN shared AS s
)
SELECT
  l.id AS lifespan,
  CASE
    WHEN l.initial = 1 THEN l.holders_now
    ELSE (
      SELECT coalesce(sum(c.holders), 0)
      FROM namespace_set AS s
      CROSS JOIN set_count AS c ON c.id = s.id
      WHERE s.lifespan = l.id
    ) + CASE
      WHEN l.holders_ever <= 32 THEN (
        SELECT count(*)
        FROM holder AS h
        WHERE h.lifespan = l.id
          AND h.kind <> 'unattributed'
          AND h.from_us <= a.at_us
          AND h.to_us > a.at_us
          AND (h.from_us < a.at_us OR h.gained_by_us <= a.at_us)
      )
      ELSE (
        SELECT count(*)
        FROM span_class AS k
        CROSS JOIN holder AS h
        WHERE k.table_name = 'holder'
          AND h.lifespan = l.id
          AND h.kind <> 'unattributed'
          AND h.class = k.class
          AND h.from_us > a.at_us - k.width_us
          AND h.from_us <= a.at_us
          AND h.to_us > a.at_us
          AND (h.from_us < a.at_us OR h.gained_by_us <= a.at_us)
      )
    END
  END AS holders
FROM asked AS a
CROSS JOIN life AS l;
