-- name:     gaps
-- question: When was nobody watching, and what was found out about those times afterwards?
--   Newest first.
-- parameters:
--   since  time     none  only gaps not over before this
--   until  time     none  only gaps that began before this
--   limit  integer  100   rows at most
-- columns:
--   seq        number   seq of the event
--   source     text     who did not watch
--   reason     text     stopped, killed, stalled, reboot, lost, suspended, or pruned from the log
--   from_us    instant  start
--   to_us      instant  end
--   length_us  us       how long
--   lost       count    events known to be lost; null: not countable
--   recovered  count    namespaces found again afterwards; null until that is known
--   inferred   count    births and ends in the gap that were inferred afterwards
--   unknown    count    namespaces of which nothing can be said
-- uses:     gap_span
-- example:  gaps -p since=-7d
WITH asked (since_us, until_us) AS (
  SELECT coalesce(:since, -9007199254740991), coalesce(:until, 9007199254740991)
)
SELECT
  g.seq,
  g.source,
  g.reason,
  g.from_us,
  g.to_us,
  g.to_us - g.from_us AS length_us,
  g.lost,
  g.recovered,
  g.inferred,
  g.unknown
FROM asked AS a
CROSS JOIN gap AS g
WHERE g.to_us > a.since_us
  AND g.from_us < a.until_us
ORDER BY g.from_us DESC, g.seq DESC
LIMIT coalesce(:limit, 100);
