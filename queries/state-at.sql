-- name:     state-at
-- question: Which namespaces were alive at an instant?
--   Also those that possibly were: the instant lies between the bounds of their birth or end.
-- parameters:
--   at     time     now   the instant; now is the last instant that was watched
--   type   type     all   one or more types, separated by commas
--   observers  integer  1  0: without what only the collector itself and its children hold then
--   after  lifespan none  go on after this lifespan
--   limit  integer  100   rows at most
-- columns:
--   lifespan          id       the life of the namespace
--   type              text     cgroup, ipc, mnt, net, pid, time, user or uts
--   inum              number   inode number, reused by the kernel
--   initial           flag     1 for a namespace that was there from boot
--   born_after_us     instant  born after this; null: it was there when we first looked
--   born_by_us        instant  and no later than this
--   unheld_by_us      instant  last visible holder gone by then, as far as is known now
--   gone_after_us     instant  ended at this or later, as far as is known now
--   gone_by_us        instant  and before this
--   creator_comm      text     name of the creating process
--   creator_uid       uid      its user
--   names             json     paths it was ever mounted at
--   holders_ever      count    holders it has had until now
-- uses:     lifespan_class, holder_observer
-- example:  state-at -p at=-2h -p type=net,mnt
WITH asked (at_us) AS (
  SELECT coalesce(
    :at,
    (SELECT coalesce(v.watched_us, v.scan_ended_us) FROM live AS v),
    (SELECT max(v.to_us) FROM coverage AS v),
    (SELECT max(v.last_at_us) FROM projection AS v)
  )
),
-- Held at the instant by the observer itself, and by nobody else.
seen_holding (id, at_us) AS (
  SELECT coalesce(h.lifespan, s.lifespan), a.at_us
  FROM asked AS a
  CROSS JOIN span_class AS k
  CROSS JOIN holder AS h
  LEFT JOIN namespace_set AS s ON s.id = h.set_id
  WHERE k.table_name = 'holder'
    AND h.observer = 1
    AND h.class = k.class
    AND h.from_us > a.at_us - k.width_us
    AND h.from_us <= a.at_us
    AND h.to_us > a.at_us
),
observed (id) AS (
  SELECT o.id
  FROM seen_holding AS o
  CROSS JOIN lifespan AS i ON i.id = o.id
  WHERE coalesce(:observers, 1) = 0
    AND i.initial = 0
    AND NOT EXISTS (
      SELECT 1
      FROM span_class AS k
      CROSS JOIN holder AS h
      WHERE k.table_name = 'holder'
        AND h.lifespan = o.id
        AND h.observer = 0
        AND h.class = k.class
        AND h.from_us > o.at_us - k.width_us
        AND h.from_us <= o.at_us
        AND h.to_us > o.at_us
    )
    AND NOT EXISTS (
      SELECT 1
      FROM namespace_set AS s
      CROSS JOIN span_class AS k
      CROSS JOIN holder AS h
      WHERE s.lifespan = o.id
        AND k.table_name = 'holder'
        AND h.set_id = s.id
        AND h.observer = 0
        AND h.class = k.class
        AND h.from_us > o.at_us - k.width_us
        AND h.from_us <= o.at_us
        AND h.to_us > o.at_us
    )
),
page (id) AS (
  SELECT l.id
  FROM asked AS a
  CROSS JOIN span_class AS k
  CROSS JOIN lifespan AS l
  WHERE k.table_name = 'lifespan'
    AND l.class = k.class
    AND l.from_us > a.at_us - k.width_us
    AND l.from_us <= a.at_us
    AND l.to_us > a.at_us
    -- Born after from_us, not at it, unless that is all that is known.
    AND (l.from_us < a.at_us OR l.born_by_us <= a.at_us)
    AND l.id > coalesce(:after, 0)
    AND (:type IS NULL OR instr(',' || :type || ',', ',' || l.type || ',') > 0)
    AND l.id NOT IN (SELECT o.id FROM observed AS o)
  ORDER BY l.id
  LIMIT coalesce(:limit, 100)
)
SELECT
  l.id AS lifespan,
  l.type,
  l.inum,
  l.initial,
  l.born_after_us,
  l.born_by_us,
  l.unheld_by_us,
  l.gone_after_us,
  l.gone_by_us,
  l.creator_comm,
  l.creator_uid,
  l.names,
  c.holders_ever
FROM page
CROSS JOIN lifespan AS l ON l.id = page.id
CROSS JOIN holder_count AS c ON c.lifespan = l.id
ORDER BY l.id;
