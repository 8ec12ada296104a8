-- name:     short-lived
-- question: Which namespaces that ended in a window had lived less than a threshold?
--   Births and ends are known within bounds: certain when the longest possible life is below the
--   threshold, possible when only the shortest is. What a reboot ended is left out. Scans see only
--   what outlives the time between two of them; see minimum_lifetime_us in coverage. What was counted
--   instead of listed is in storms.
-- parameters:
--   since         time     none     only what ended after this
--   until         time     now      only what ended by then; now is the last instant that was watched
--   threshold_us  integer  1000000  a life shorter than this, in microseconds, is short
--   type          type     all      one or more types, separated by commas
--   limit         integer  100      rows at most
-- columns:
--   lifespan      id       the life of the namespace
--   type          text     cgroup, ipc, mnt, net, pid, time, user or uts
--   inum          number   inode number, reused by the kernel
--   certainty     text     certain or possible
--   at_least_us   us       shortest possible life
--   at_most_us    us       longest possible life; null when it was there when we first looked
--   born_by_us    instant  born by then
--   gone_by_us    instant  ended before then
--   creator_comm  text     name of the creating process
--   creator_uid   uid      its user
--   exe           text     its executable
-- uses:     lifespan_gone
-- example:  short-lived -p since=-24h -p threshold_us=5000000
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
)
SELECT
  l.id AS lifespan,
  l.type,
  l.inum,
  CASE
    WHEN l.gone_by_us - l.born_after_us < a.threshold_us THEN 'certain'
    ELSE 'possible'
  END AS certainty,
  max(0, coalesce(l.gone_after_us, l.born_by_us) - l.born_by_us) AS at_least_us,
  l.gone_by_us - l.born_after_us AS at_most_us,
  l.born_by_us,
  l.gone_by_us,
  l.creator_comm,
  l.creator_uid,
  json_extract(l.creator, '$.exe') AS exe
FROM asked AS a
CROSS JOIN lifespan AS l
WHERE l.gone_by_us > a.since_us
  AND l.gone_by_us <= a.until_us
  AND l.born_after_us IS NOT NULL
  AND max(0, coalesce(l.gone_after_us, l.born_by_us) - l.born_by_us) < a.threshold_us
  AND l.reason <> 'reboot'
  AND l.initial = 0
  AND (:type IS NULL OR instr(',' || :type || ',', ',' || l.type || ',') > 0)
ORDER BY at_most_us, l.id
LIMIT coalesce(:limit, 100);
