-- name:     timeline
-- question: Which namespaces were born and which ended in a window, and when was nobody watching?
--   In the order of the instant by which each had happened. For the holders of one namespace see
--   timeline-of-lifespan.
-- parameters:
--   since       time     none  only what had not happened before this
--   until       time     none  only what had happened before this
--   type        type     all   one or more types, separated by commas; gaps are listed all the same
--   after_us    integer  none  go on after this order_us
--   after_rank  integer  none  and after this rank
--   after       integer  none  and after this seq
--   limit       integer  100   rows at most
-- columns:
--   by_us     instant  it had happened by then; for a gap, when it began
--   after_us  instant  and not before this
--   what      text     born, ended or gap
--   lifespan  id       the life of the namespace
--   type      text     cgroup, ipc, mnt, net, pid, time, user or uts
--   inum      number   inode number, reused by the kernel
--   detail    text     who made it, why it ended, why nobody watched
--   order_us  number   what rows are ordered by, on the host timeline
--   rank      number   then by this: gaps, ends, births
--   seq       number   then by this: the lifespan or the seq of the gap
-- uses:     lifespan_born, lifespan_gone, gap_span
-- example:  timeline -p since=-1h -p type=net
WITH asked (since_us, until_us, after_us, after_rank, after_seq) AS (
  SELECT
    max(coalesce(:since, -9007199254740991), coalesce(:after_us, -9007199254740991)),
    coalesce(:until, 9007199254740991),
    coalesce(:after_us, -9007199254740991),
    coalesce(:after_rank, 0),
    coalesce(:after, 0)
),
gap_row (order_us, rank, seq) AS (
  SELECT g.from_us, 0, g.seq
  FROM gap AS g
  WHERE g.from_us >= (SELECT a.since_us FROM asked AS a)
    AND g.from_us < (SELECT a.until_us FROM asked AS a)
    AND (g.from_us, 0, g.seq) > (SELECT a.after_us, a.after_rank, a.after_seq FROM asked AS a)
  ORDER BY g.from_us, g.seq
  LIMIT coalesce(:limit, 100)
),
ended_row (order_us, rank, seq) AS (
  SELECT l.gone_by_us, 1, l.id
  FROM lifespan AS l
  WHERE l.gone_by_us >= (SELECT a.since_us FROM asked AS a)
    AND l.gone_by_us < (SELECT a.until_us FROM asked AS a)
    AND (l.gone_by_us, 1, l.id) > (SELECT a.after_us, a.after_rank, a.after_seq FROM asked AS a)
    AND (:type IS NULL OR instr(',' || :type || ',', ',' || l.type || ',') > 0)
  ORDER BY l.gone_by_us, l.id
  LIMIT coalesce(:limit, 100)
),
born_row (order_us, rank, seq) AS (
  SELECT l.born_by_us, 2, l.id
  FROM lifespan AS l
  WHERE l.born_by_us >= (SELECT a.since_us FROM asked AS a)
    AND l.born_by_us < (SELECT a.until_us FROM asked AS a)
    AND (l.born_by_us, 2, l.id) > (SELECT a.after_us, a.after_rank, a.after_seq FROM asked AS a)
    AND (:type IS NULL OR instr(',' || :type || ',', ',' || l.type || ',') > 0)
  ORDER BY l.born_by_us, l.id
  LIMIT coalesce(:limit, 100)
),
page (order_us, rank, seq) AS (
  SELECT u.order_us, u.rank, u.seq
  FROM (
    SELECT g.order_us, g.rank, g.seq FROM gap_row AS g
    UNION ALL
    SELECT e.order_us, e.rank, e.seq FROM ended_row AS e
    UNION ALL
    SELECT b.order_us, b.rank, b.seq FROM born_row AS b
  ) AS u
  ORDER BY u.order_us, u.rank, u.seq
  LIMIT coalesce(:limit, 100)
)
SELECT
  page.order_us AS by_us,
  CASE page.rank
    WHEN 0 THEN g.from_us
    WHEN 1 THEN l.gone_after_us
    ELSE l.born_after_us
  END AS after_us,
  CASE page.rank WHEN 0 THEN 'gap' WHEN 1 THEN 'ended' ELSE 'born' END AS what,
  l.id AS lifespan,
  l.type,
  l.inum,
  CASE page.rank
    WHEN 0 THEN printf(
      CASE g.source
        WHEN 'nsids' THEN 'notices of network namespace ids missing in %.3f s: %s%s'
        ELSE 'nobody watched for %.3f s: %s%s'
      END,
      (g.to_us - g.from_us) / 1e6,
      g.reason,
      CASE WHEN g.lost IS NULL THEN '' ELSE printf(', %d events lost', g.lost) END
    )
    WHEN 1 THEN l.reason || CASE
      WHEN l.unheld_by_us < l.gone_by_us
        THEN printf(', %.3f s after its last visible holder', (l.gone_by_us - l.unheld_by_us) / 1e6)
      ELSE ''
    END
    ELSE CASE
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
  END AS detail,
  page.order_us,
  page.rank,
  page.seq
FROM page
LEFT JOIN lifespan AS l ON l.id = page.seq AND page.rank > 0
LEFT JOIN gap AS g ON g.seq = page.seq AND page.rank = 0
ORDER BY page.order_us, page.rank, page.seq;
