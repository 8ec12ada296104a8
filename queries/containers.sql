-- name:     containers
-- question: What is known of the containers that control groups belong to?
--   Without a path, all. What the path itself tells is not in here: only what an engine's files said.
-- parameters:
--   cgroup  text     none  control group of the container; in SQL also a JSON array of them
--   after   integer  0     only those recorded after this seq
--   limit   integer  none  rows at most; without it, all
-- columns:
--   seq           integer  position in the log
--   cgroup        text     control group whose members are in the container
--   engine        text     podman, docker, runc and so on
--   container_id  text     its id; the name, where the engine knows none
--   name          text     the name people know it by
--   pod_uid       text     Kubernetes: uid of its pod
-- uses:     container_cgroup
-- example:  containers -p limit=10
SELECT
  c.seq,
  c.cgroup,
  c.engine,
  c.container_id,
  c.name,
  c.pod_uid
FROM json_each(CASE WHEN json_valid(:cgroup) THEN :cgroup ELSE json_array(:cgroup) END) AS j
CROSS JOIN container AS c INDEXED BY container_cgroup ON c.cgroup = j.value
WHERE c.seq > coalesce(:after, 0)
UNION ALL
SELECT
  a.seq,
  a.cgroup,
  a.engine,
  a.container_id,
  a.name,
  a.pod_uid
FROM container AS a
WHERE :cgroup IS NULL
  AND a.seq > coalesce(:after, 0)
ORDER BY 1
LIMIT coalesce(:limit, -1);
