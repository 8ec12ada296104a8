-- name:     inum-reuse
-- question: Which inode numbers were used most often?
--   Within one boot each. An inum that had many lives names nothing without a time.
-- parameters:
--   min    integer  2    only those with at least so many lives
--   limit  integer  100  rows at most
-- columns:
--   inum   number  the inode number
--   lives  count   namespaces that had it
--   boot   text    boot id of the kernel
-- uses:     the primary key
-- example:  inum-reuse -p limit=10
SELECT i.inum, i.lives, i.boot
FROM incarnation AS i
WHERE i.lives >= coalesce(:min, 2)
ORDER BY i.lives DESC, i.inum
LIMIT coalesce(:limit, 100);
