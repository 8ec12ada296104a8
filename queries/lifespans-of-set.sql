-- name:     lifespans-of-set
-- question: Which namespaces make up a namespace set?
-- parameters:
--   set_id  integer required  the set, as holders and events name it
-- columns:
--   lifespan  id      the life of the namespace
--   type      text    cgroup, ipc, mnt, net, pid, time, user or uts
--   inum      number  inode number, reused by the kernel
--   initial   flag    1 for a namespace that was there from boot
--   counted   count   members of the set that are only counted
-- uses:     the primary keys
-- example:  lifespans-of-set -p set_id=15
SELECT
  l.id AS lifespan,
  l.type,
  l.inum,
  l.initial,
  s.counted
FROM namespace_set AS s
CROSS JOIN lifespan AS l ON l.id = s.lifespan
WHERE s.id = :set_id
ORDER BY l.type, l.id;
