-- name:     leaks
-- question: Which namespaces live on without any process or thread in them, and what still holds them?
--   At an instant. Initial namespaces are left out. What holds them is what could be seen: descriptors,
--   bind mounts, children; without any of these the kernel, or something unreadable, holds them.
-- parameters:
--   at       time     now   the instant; now is the last instant that was watched
--   min_us   integer  0     only those at least this old, in microseconds
--   type     type     all   one or more types, separated by commas
--   limit    integer  100   rows at most
-- columns:
--   lifespan         id       the life of the namespace
--   type             text     cgroup, ipc, mnt, net, pid, time, user or uts
--   inum             number   inode number, reused by the kernel
--   age_us           us       at least so old
--   born_by_us       instant  born by then
--   emptied_by_us    instant  its last process or thread had left by then; null: none was ever seen
--   holders          count    visible holders
--   held_by          text     the first five of them
--   creator_comm     text     name of the creating process
--   creator_uid      uid      its user
--   names            json     paths it was ever mounted at
-- uses:     lifespan_class, holder_set, holder_lifespan
-- example:  leaks -p type=net
WITH asked (at_us) AS (
  SELECT coalesce(
    :at,
    (SELECT coalesce(v.watched_us, v.scan_ended_us) FROM live AS v),
    (SELECT max(v.to_us) FROM coverage AS v),
    (SELECT max(v.last_at_us) FROM projection AS v)
  )
),
leak (id, at_us) AS (
  SELECT l.id, a.at_us
  FROM asked AS a
  CROSS JOIN span_class AS k
  CROSS JOIN lifespan AS l
  WHERE k.table_name = 'lifespan'
    AND l.class = k.class
    AND l.from_us > a.at_us - k.width_us
    AND l.from_us <= a.at_us
    AND l.to_us > a.at_us
    AND l.born_by_us <= a.at_us - coalesce(:min_us, 0)
    AND l.initial = 0
    AND (:type IS NULL OR instr(',' || :type || ',', ',' || l.type || ',') > 0)
    AND NOT EXISTS (
      SELECT 1
      FROM namespace_set AS s
      CROSS JOIN span_class AS c
      CROSS JOIN holder AS h
      WHERE s.lifespan = l.id
        AND c.table_name = 'holder'
        AND h.set_id = s.id
        AND h.class = c.class
        AND h.from_us > a.at_us - c.width_us
        AND h.from_us <= a.at_us
        AND h.to_us > a.at_us
    )
  ORDER BY l.born_by_us, l.id
  LIMIT coalesce(:limit, 100)
),
own (leak, id, holder) AS (
  SELECT k.id, h.id, h.kind || CASE
    WHEN h.path IS NOT NULL THEN ' ' || h.path
    WHEN h.fd IS NOT NULL THEN printf(' %d of %s[%d]', h.fd, coalesce(h.comm, '?'), h.pid)
    WHEN h.tid IS NOT NULL THEN printf(' %d of %s[%d]', h.tid, coalesce(h.comm, '?'), h.pid)
    WHEN h.pid IS NOT NULL THEN printf(' %s[%d]', coalesce(h.comm, '?'), h.pid)
    WHEN h.interface IS NOT NULL THEN ' ' || h.interface
    WHEN h.socket_inode IS NOT NULL THEN printf(' %d', h.socket_inode)
    WHEN h.namespace IS NOT NULL THEN printf(' #%d', h.namespace)
    ELSE ''
  END
  FROM leak AS k
  CROSS JOIN span_class AS c
  CROSS JOIN holder AS h
  WHERE c.table_name = 'holder'
    AND h.lifespan = k.id
    AND h.class = c.class
    AND h.from_us > k.at_us - c.width_us
    AND h.from_us <= k.at_us
    AND h.to_us > k.at_us
)
SELECT
  l.id AS lifespan,
  l.type,
  l.inum,
  k.at_us - l.born_by_us AS age_us,
  l.born_by_us,
  (
    SELECT max(h.lost_by_us)
    FROM namespace_set AS s
    CROSS JOIN holder AS h
    WHERE s.lifespan = l.id
      AND h.set_id = s.id
      AND h.lost_by_us <= k.at_us
  ) AS emptied_by_us,
  (SELECT count(*) FROM own AS o WHERE o.leak = l.id) AS holders,
  (
    SELECT group_concat(f.holder, '; ')
    FROM (SELECT o.holder FROM own AS o WHERE o.leak = l.id ORDER BY o.id LIMIT 5) AS f
  ) AS held_by,
  l.creator_comm,
  l.creator_uid,
  l.names
FROM leak AS k
CROSS JOIN lifespan AS l ON l.id = k.id
ORDER BY l.born_by_us, l.id;
