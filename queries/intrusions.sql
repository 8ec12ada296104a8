-- name:     intrusions
-- question: Which processes entered a namespace that neither they nor an ancestor had created?
--   Entered means: by setns (how: setns), or a scan saw them elsewhere before (how: moved). Who was forked
--   by a member was born into it and is not listed, nor is a return to where a process had been before. Of a
--   pid or time namespace it is its children that a process lets enter (kind: for-children). Initial
--   namespaces have no creator: entering one is not listed.
--   creator_is another: who made it is known, and is neither the process nor among its ancestors then. Known
--   are the parent and who was above it when it was seen to enter; an ancestor that had ended before is not
--   among them (ancestors: whole, up to process 1; partial, not so far; unknown, nobody looked).
--   creator_is unknown: nobody was seen to make it; that says nothing about who entered.
--   So "ip netns exec" is listed when another command had made the namespace, and so is every command by
--   which an engine enters its containers: it says who entered, not that they were not allowed to. What
--   entered before the first scan, or between two scans by the time it was first seen, has no how and is not
--   listed: that it is not says nothing about how it came.
-- parameters:
--   since    time     none  start of the window; without it, from the beginning
--   until    time     now   end of the window; now is the last instant that was watched
--   type     type     all   one or more types, separated by commas
--   creator  text     all   another or unknown: only those rows
--   limit    integer  100   rows at most
-- columns:
--   holder           id       the interval, by the seq of its holder.gained event
--   entered_by_us    instant  entered no later than this
--   entered_after_us instant  and after this
--   left_by_us       instant  left no later than this; null: it had not, as far as is known now
--   how              text     setns, or moved
--   kind             text     process, thread or for-children
--   pid              number   process that entered
--   comm             text     its name
--   exe              text     its executable
--   uid              uid      its user
--   loginuid         uid      the user who had logged in
--   container_id     text     the container its cgroup names
--   observer         flag     1 for the collector itself and its children
--   lifespan         id       the namespace that was entered
--   type             text     cgroup, ipc, mnt, net, pid, time, user or uts
--   inum             number   its inode number
--   names            json     paths it was ever mounted at
--   creator_is       text     another or unknown
--   creator_pid      number   who made it
--   creator_comm     text     its name
--   creator_uid      uid      its user
--   creator_seen_by  text     kernel-event; scan: the oldest process seen inside when it was first seen
--   ancestors        text     whole, partial or unknown
-- uses:     holder_entry, holder_pid
-- example:  intrusions -p since=-7d -p type=net
WITH asked (since_us, until_us) AS (
  SELECT
    coalesce(:since, -9007199254740991),
    coalesce(
      :until,
      (SELECT coalesce(v.watched_us, v.scan_ended_us) FROM live AS v),
      (SELECT max(v.to_us) FROM coverage AS v),
      (SELECT max(v.last_at_us) FROM projection AS v)
    )
),
entry (holder, lifespan) AS (
  SELECT h.id, l.id
  FROM asked AS a
  CROSS JOIN holder AS h
  CROSS JOIN lifespan AS l
  WHERE h.how IN ('setns', 'moved')
    AND h.gained_by_us > a.since_us
    AND h.gained_by_us <= a.until_us
    AND l.id IN (
      SELECT h.lifespan
      UNION ALL
      SELECT s.lifespan FROM namespace_set AS s WHERE s.id = h.set_id
    )
    AND l.initial = 0
    AND (:type IS NULL OR instr(',' || :type || ',', ',' || l.type || ',') > 0)
    -- It had been there before. A thread has what its process had.
    AND NOT EXISTS (
      SELECT 1
      FROM holder AS e
      WHERE e.pid = h.pid
        AND e.id < h.id
        AND e.kind IN ('process', 'thread', 'for-children')
        AND (e.kind = h.kind OR h.kind <> 'for-children')
        AND e.start_time_ticks <= h.start_time_ticks
        AND (e.start_time_ticks = h.start_time_ticks OR h.tid IS NOT NULL)
        AND (e.lifespan = l.id OR e.set_id IN (
          SELECT s.id FROM namespace_set AS s WHERE s.lifespan = l.id
        ))
    )
    -- It made it itself. The start of its process is not known of a thread.
    AND NOT coalesce(
      json_extract(l.creator, '$.pid') = h.pid
        AND json_extract(l.creator, '$.startTimeTicks') <= h.start_time_ticks
        AND (h.tid IS NOT NULL OR json_extract(l.creator, '$.startTimeTicks') = h.start_time_ticks),
      0
    )
    -- An ancestor made it.
    AND NOT EXISTS (
      SELECT 1
      FROM json_each(coalesce(h.ancestors, '[]')) AS j
      WHERE j.value = json_extract(l.creator, '$.pid') || ':' || json_extract(l.creator, '$.startTimeTicks')
    )
    AND (:creator IS NULL OR :creator = CASE WHEN l.creator IS NULL THEN 'unknown' ELSE 'another' END)
  ORDER BY h.gained_by_us DESC, h.id DESC, l.id
  LIMIT coalesce(:limit, 100)
)
SELECT
  h.id AS holder,
  h.gained_by_us AS entered_by_us,
  h.gained_after_us AS entered_after_us,
  h.lost_by_us AS left_by_us,
  h.how,
  h.kind,
  h.pid,
  h.comm,
  h.exe,
  h.uid,
  h.loginuid,
  h.container_id,
  h.observer,
  l.id AS lifespan,
  l.type,
  l.inum,
  l.names,
  CASE WHEN l.creator IS NULL THEN 'unknown' ELSE 'another' END AS creator_is,
  json_extract(l.creator, '$.pid') AS creator_pid,
  l.creator_comm,
  l.creator_uid,
  json_extract(l.creator, '$.evidence') AS creator_seen_by,
  CASE
    WHEN h.ancestors IS NULL THEN 'unknown'
    WHEN json_extract(h.ancestors, '$[#-1]') LIKE '1:%' THEN 'whole'
    ELSE 'partial'
  END AS ancestors
FROM entry AS n
CROSS JOIN holder AS h ON h.id = n.holder
CROSS JOIN lifespan AS l ON l.id = n.lifespan
ORDER BY h.gained_by_us DESC, h.id DESC, l.id;
