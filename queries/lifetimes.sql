-- name:     lifetimes
-- question: How long do namespaces live?
--   Of those that ended in a window: how many lived at most so long, in steps of powers of two.
-- parameters:
--   since  time  none  only what ended after this
--   until  time  now   only what ended by then; now is the last instant that was watched
--   type   type  all   one or more types, separated by commas
-- columns:
--   at_most_us  us     lived at most so long, and longer than the row above; the first row holds all shorter lives
--   ended       count  namespaces
--   types       text   their types
-- uses:     lifespan_gone
-- example:  lifetimes -p type=net
WITH asked (since_us, until_us) AS (
  SELECT
    coalesce(:since, -9007199254740991),
    coalesce(
      :until,
      (SELECT coalesce(v.watched_us, v.scan_ended_us) FROM live AS v),
      (SELECT max(v.to_us) FROM coverage AS v),
      (SELECT max(v.last_at_us) FROM projection AS v)
    )
)
SELECT
  (1 << l.class) - 1 AS at_most_us,
  count(*) AS ended,
  group_concat(DISTINCT l.type) AS types
FROM asked AS a
CROSS JOIN lifespan AS l
WHERE l.gone_by_us > a.since_us
  AND l.gone_by_us <= a.until_us
  AND l.born_after_us IS NOT NULL
  AND (:type IS NULL OR instr(',' || :type || ',', ',' || l.type || ',') > 0)
GROUP BY l.class
ORDER BY l.class;
