-- name:     growing-stretch
-- question: Which stretch of watching has been going on since the last one that was written to the log?
--   At most one row; none when the collector has not scanned since then. When and how the last scan ran
--   is the collector's pulse, which is not part of the log.
-- parameters:
-- columns:
--   position              number   log position after the last scan
--   source                text     who watches
--   from_us               instant  end of the last written stretch
--   to_us                 instant  end of the last scan, or up to when kernel events have been taken in
--   last_scan_us          instant  start of the last scan
--   minimum_lifetime_us   us       what lives longer is not missed, at the cadence of the last scan
--   scan_interval_us      us       from the start of one scan to the start of the next
--   scan_duration_us      us       the last scan
--   complete              flag     1 when everything can be read; a change of that ends a stretch
--   unreadable            json     what cannot be read, and why
-- uses:     the primary keys
-- example:  growing-stretch
SELECT
  v.position,
  c.source,
  c.to_us AS from_us,
  coalesce(v.watched_us, v.scan_ended_us) AS to_us,
  v.scan_started_us AS last_scan_us,
  CASE
    -- Hooks tell of what happens between the scans.
    WHEN v.watched_us IS NOT NULL THEN c.minimum_lifetime_us
    ELSE max(
      c.minimum_lifetime_us,
      -- A slow scan is followed by a rest as long as itself.
      max(v.scan_interval_us, 2 * (v.scan_ended_us - v.scan_started_us))
        + v.scan_ended_us - v.scan_started_us
    )
  END AS minimum_lifetime_us,
  v.scan_interval_us,
  v.scan_ended_us - v.scan_started_us AS scan_duration_us,
  c.complete,
  c.unreadable
FROM live AS v
CROSS JOIN (
  SELECT n.seq, n.source, n.to_us, n.minimum_lifetime_us, n.complete, n.unreadable
  FROM coverage AS n
  ORDER BY n.seq DESC
  LIMIT 1
) AS c
WHERE v.position >= c.seq
  AND coalesce(v.watched_us, v.scan_ended_us) > c.to_us;
