-- name:     timeline-of-lifespan
-- question: What happened to one namespace, and who came and went?
--   In the order of the instant by which each had happened. Processes in an initial namespace are
--   counted, unless the collector lists them.
-- parameters:
--   lifespan    lifespan required  the life of the namespace
--   since       time     none      only what had not happened before this
--   until       time     none      only what had happened before this
--   observers integer  1         0: without the collector itself and its children
--   after_us    integer  none      go on after this order_us
--   after_rank  integer  none      and after this rank
--   after       integer  none      and after this seq
--   limit       integer  100       rows at most
-- columns:
--   by_us     instant  it had happened by then
--   after_us  instant  and not before this
--   what      text     born, holder-gained, holder-lost, unheld or ended
--   lifespan  id       the life of the namespace
--   type      text     cgroup, ipc, mnt, net, pid, time, user or uts
--   inum      number   inode number, reused by the kernel
--   detail    text     who made it, who came or went, why it ended
--   order_us  number   what rows are ordered by, on the host timeline
--   rank      number   then by this: births, gains, losses, unheld, ends
--   seq       number   then by this: the lifespan or the holder
-- uses:     holder_lifespan, holder_set, namespace_set_lifespan
-- example:  timeline-of-lifespan -p lifespan=#12 -p since=-1h
WITH asked (since_us, until_us, is_initial) AS (
  SELECT
    coalesce(:since, -9007199254740991),
    coalesce(:until, 9007199254740991),
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
held_by (id) AS (
  SELECT h.id
  FROM asked AS a
  CROSS JOIN span_class AS k
  CROSS JOIN holder AS h
  WHERE k.table_name = 'holder'
    AND h.lifespan = :lifespan
    AND h.class = k.class
    AND (h.observer = 0 OR coalesce(:observers, 1) <> 0)
    AND h.from_us >= a.since_us - k.width_us
    AND h.from_us < a.until_us
    AND h.to_us >= a.since_us
  UNION ALL
  SELECT h.id
  FROM asked AS a
  CROSS JOIN member_set AS s
  CROSS JOIN span_class AS k
  CROSS JOIN holder AS h
  WHERE k.table_name = 'holder'
    AND h.set_id = s.id
    AND h.class = k.class
    AND (h.observer = 0 OR coalesce(:observers, 1) <> 0)
    AND h.from_us >= a.since_us - k.width_us
    AND h.from_us < a.until_us
    AND h.to_us >= a.since_us
),
happened (order_us, after_us, rank, seq) AS (
  SELECT l.born_by_us, l.born_after_us, 1, l.id FROM lifespan AS l WHERE l.id = :lifespan
  UNION ALL
  SELECT h.gained_by_us, h.gained_after_us, 2, h.id
  FROM held_by AS b
  CROSS JOIN holder AS h ON h.id = b.id
  UNION ALL
  SELECT h.lost_by_us, h.lost_after_us, 3, h.id
  FROM held_by AS b
  CROSS JOIN holder AS h ON h.id = b.id
  WHERE h.lost_by_us IS NOT NULL
  UNION ALL
  SELECT l.unheld_by_us, l.unheld_after_us, 4, l.id
  FROM lifespan AS l
  WHERE l.id = :lifespan AND l.unheld_by_us IS NOT NULL
  UNION ALL
  SELECT l.gone_by_us, l.gone_after_us, 5, l.id
  FROM lifespan AS l
  WHERE l.id = :lifespan AND l.gone_by_us IS NOT NULL
),
page (order_us, after_us, rank, seq) AS (
  SELECT w.order_us, w.after_us, w.rank, w.seq
  FROM asked AS a
  CROSS JOIN happened AS w
  WHERE w.order_us >= a.since_us
    AND w.order_us < a.until_us
    AND (w.order_us, w.rank, w.seq)
      > (coalesce(:after_us, -9007199254740991), coalesce(:after_rank, 0), coalesce(:after, 0))
  ORDER BY w.order_us, w.rank, w.seq
  LIMIT coalesce(:limit, 100)
)
SELECT
  page.order_us AS by_us,
  page.after_us,
  CASE page.rank
    WHEN 1 THEN 'born'
    WHEN 2 THEN 'holder-gained'
    WHEN 3 THEN 'holder-lost'
    WHEN 4 THEN 'unheld'
    ELSE 'ended'
  END AS what,
  l.id AS lifespan,
  l.type,
  l.inum,
  CASE page.rank
    WHEN 1 THEN CASE
      WHEN l.initial = 1 THEN 'initial namespace'
      WHEN l.born_after_us IS NULL THEN 'there when we first looked'
      WHEN l.creator IS NULL THEN 'creator not seen'
      ELSE printf(
        'by %s[%d], uid %s',
        coalesce(l.creator_comm, '?'),
        json_extract(l.creator, '$.pid'),
        coalesce(l.creator_uid, '?')
      )
    END || CASE WHEN l.suspected = 1 THEN ', suspected reuse of its inum' ELSE '' END
    WHEN 4 THEN 'last visible holder gone'
    WHEN 5 THEN l.reason
    ELSE h.kind || CASE
      WHEN h.path IS NOT NULL THEN ' ' || h.path
      WHEN h.fd IS NOT NULL THEN printf(' %d of %s[%d]', h.fd, coalesce(h.comm, '?'), h.pid)
      WHEN h.tid IS NOT NULL THEN printf(' %d of %s[%d]', h.tid, coalesce(h.comm, '?'), h.pid)
      WHEN h.pid IS NOT NULL THEN printf(' %s[%d]', coalesce(h.comm, '?'), h.pid)
      WHEN h.interface IS NOT NULL THEN ' ' || h.interface
      WHEN h.socket_inode IS NOT NULL THEN printf(' %d', h.socket_inode)
      WHEN h.namespace IS NOT NULL THEN printf(' #%d', h.namespace)
      ELSE ''
    END
  END AS detail,
  page.order_us,
  page.rank,
  page.seq
FROM page
LEFT JOIN lifespan AS l ON l.id = :lifespan
LEFT JOIN holder AS h ON h.id = page.seq AND page.rank IN (2, 3)
ORDER BY page.order_us, page.rank, page.seq;
