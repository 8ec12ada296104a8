-- name:     lifespans-of-boot
-- question: Which namespaces had there been in a boot, up to an instant of it?
--   Those that had ended by then stand beside those that were alive, in the order of their birth.
-- parameters:
--   at        time     now   the instant; it also says which boot
--   type      type     all   one or more types, separated by commas
--   after_us  integer  none  go on after this order_us
--   after     lifespan none  and after this lifespan
--   limit     integer  100   rows at most
-- columns:
--   lifespan          id       the life of the namespace
--   type              text     cgroup, ipc, mnt, net, pid, time, user or uts
--   inum              number   inode number, reused by the kernel
--   initial           flag     1 for a namespace that was there from boot
--   born_after_us     instant  born after this; null: it was there when we first looked
--   born_by_us        instant  and no later than this
--   gone_after_us     instant  ended at this or later, as far as is known now
--   gone_by_us        instant  and before this
--   reason            text     destroyed, vanished, inode-reuse or reboot
--   creator_comm      text     name of the creating process
--   creator_uid       uid      its user
--   order_us          number   what rows are ordered by: born_by_us on the host timeline
-- uses:     lifespan_born, lifespan_class
-- example:  lifespans-of-boot -p at=-2h -p type=net
WITH asked (at_us) AS (
  SELECT coalesce(
    :at,
    (SELECT coalesce(v.watched_us, v.scan_ended_us) FROM live AS v),
    (SELECT max(v.to_us) FROM coverage AS v),
    (SELECT max(v.last_at_us) FROM projection AS v)
  )
),
this_boot (boot, anchor_us, at_us) AS (
  SELECT b.boot, b.anchor_us, a.at_us
  FROM asked AS a
  CROSS JOIN boot AS b
  WHERE b.anchor_us <= a.at_us
  ORDER BY b.anchor_us DESC
  LIMIT 1
),
certain (id, order_us) AS (
  SELECT l.id, l.born_by_us
  FROM lifespan AS l
  WHERE l.born_by_us >= (SELECT max(t.anchor_us, coalesce(:after_us, t.anchor_us)) FROM this_boot AS t)
    AND l.born_by_us <= (SELECT t.at_us FROM this_boot AS t)
    AND (l.born_by_us, l.id) > (coalesce(:after_us, -9007199254740991), coalesce(:after, 0))
    AND l.boot = (SELECT t.boot FROM this_boot AS t)
    AND (:type IS NULL OR instr(',' || :type || ',', ',' || l.type || ',') > 0)
  ORDER BY l.born_by_us, l.id
  LIMIT coalesce(:limit, 100)
),
-- First seen after the instant, but not certainly absent at it.
possible (id, order_us) AS (
  SELECT l.id, l.born_by_us
  FROM this_boot AS t
  CROSS JOIN span_class AS k
  CROSS JOIN lifespan AS l
  WHERE k.table_name = 'lifespan'
    AND l.class = k.class
    AND l.from_us > t.at_us - k.width_us
    AND l.from_us < t.at_us
    AND l.to_us > t.at_us
    AND l.born_by_us > t.at_us
    AND (l.born_by_us, l.id) > (coalesce(:after_us, -9007199254740991), coalesce(:after, 0))
    AND l.boot = t.boot
    AND (:type IS NULL OR instr(',' || :type || ',', ',' || l.type || ',') > 0)
),
page (id, order_us) AS (
  SELECT u.id, u.order_us
  FROM (
    SELECT c.id, c.order_us FROM certain AS c
    UNION ALL
    SELECT p.id, p.order_us FROM possible AS p
  ) AS u
  ORDER BY u.order_us, u.id
  LIMIT coalesce(:limit, 100)
)
SELECT
  l.id AS lifespan,
  l.type,
  l.inum,
  l.initial,
  l.born_after_us,
  l.born_by_us,
  l.gone_after_us,
  l.gone_by_us,
  l.reason,
  l.creator_comm,
  l.creator_uid,
  page.order_us
FROM page
CROSS JOIN lifespan AS l ON l.id = page.id
ORDER BY page.order_us, page.id;
