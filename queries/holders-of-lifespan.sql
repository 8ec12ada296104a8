-- name:     holders-of-lifespan
-- question: What held a namespace, at an instant or in a window?
--   Its own holders, and the processes and threads in the namespace sets it is part of, oldest first.
--   Processes in an initial namespace are counted, unless the collector lists them.
-- parameters:
--   lifespan  lifespan required  the life of the namespace
--   at        time     none      only what held it at this instant
--   since     time     none      only what had not let go before this
--   until     time     none      only what had come before this
--   observers integer  1         0: without the collector itself and its children
--   after_us  integer  none      go on after this order_us
--   after     integer  none      and after this holder
--   limit     integer  100       rows at most
-- columns:
--   holder            id       the interval, by the seq of its holder.gained event
--   kind              text     process, thread, for-children, fd, bind-mount and so on
--   pid               number   process id
--   tid               number   thread id, where a thread differs from its process
--   comm              text     name of the process
--   uid               uid      its user
--   container_id      text     the container its cgroup names
--   fd                number   descriptor number
--   path              text     mount point
--   mount_namespace   id       lifespan of the mount namespace that the mount point is in
--   gained_after_us   instant  held it from after this; null: it did when we first looked
--   gained_by_us      instant  and no later than this
--   lost_after_us     instant  let go at this or later
--   lost_by_us        instant  and before this
--   order_us          number   what rows are ordered by: the earliest start, on the host timeline
-- uses:     holder_lifespan, holder_set, namespace_set_lifespan
-- example:  holders-of-lifespan -p lifespan=#12 -p at=-5min
WITH asked (since_us, until_us, is_initial) AS (
  SELECT
    coalesce(:at, :since, -9007199254740991),
    coalesce(:at + 1, :until, 9007199254740991),
    (SELECT i.initial FROM lifespan AS i WHERE i.id = :lifespan)
),
-- Sets whose members are its holders. Of an initial namespace, which nearly every set has, those that
-- have nothing else: its members are listed only where the collector was told so.
member_set (id) AS (
  SELECT s.id
  FROM asked AS a
  CROSS JOIN namespace_set AS s
  WHERE a.is_initial = 0
    AND s.lifespan = :lifespan
  UNION ALL
  SELECT o.id
  FROM asked AS a
  CROSS JOIN open_set AS o
  CROSS JOIN namespace_set AS s ON s.id = o.id AND s.lifespan = :lifespan
  WHERE a.is_initial = 1
    AND NOT EXISTS (
      SELECT 1
      FROM namespace_set AS m
      CROSS JOIN lifespan AS n ON n.id = m.lifespan
      WHERE m.id = o.id AND n.initial = 0
    )
),
own (id, from_us) AS (
  SELECT h.id, h.from_us
  FROM asked AS a
  CROSS JOIN span_class AS k
  CROSS JOIN holder AS h
  WHERE k.table_name = 'holder'
    AND h.lifespan = :lifespan
    AND h.class = k.class
    AND (h.observer = 0 OR coalesce(:observers, 1) <> 0)
    AND h.from_us > a.since_us - k.width_us
    AND h.from_us < a.until_us
    AND h.to_us > a.since_us
    AND (h.from_us < a.until_us - 1 OR h.gained_by_us < a.until_us)
),
member (id, from_us) AS (
  SELECT h.id, h.from_us
  FROM asked AS a
  CROSS JOIN member_set AS s
  CROSS JOIN span_class AS k
  CROSS JOIN holder AS h
  WHERE k.table_name = 'holder'
    AND h.set_id = s.id
    AND h.class = k.class
    AND (h.observer = 0 OR coalesce(:observers, 1) <> 0)
    AND h.from_us > a.since_us - k.width_us
    AND h.from_us < a.until_us
    AND h.to_us > a.since_us
    AND (h.from_us < a.until_us - 1 OR h.gained_by_us < a.until_us)
),
page (id, order_us) AS (
  SELECT u.id, u.from_us
  FROM (
    SELECT o.id, o.from_us FROM own AS o
    UNION ALL
    SELECT m.id, m.from_us FROM member AS m
  ) AS u
  WHERE (u.from_us, u.id) > (coalesce(:after_us, -9007199254740991), coalesce(:after, 0))
  ORDER BY u.from_us, u.id
  LIMIT coalesce(:limit, 100)
)
SELECT
  h.id AS holder,
  h.kind,
  h.pid,
  h.tid,
  h.comm,
  h.uid,
  h.container_id,
  h.fd,
  h.path,
  h.mount_namespace,
  h.gained_after_us,
  h.gained_by_us,
  h.lost_after_us,
  h.lost_by_us,
  page.order_us
FROM page
CROSS JOIN holder AS h ON h.id = page.id
ORDER BY page.order_us, page.id;
