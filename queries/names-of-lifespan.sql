-- name:     names-of-lifespan
-- question: At which paths was a namespace mounted, in which mount namespaces, and when?
-- parameters:
--   lifespan  lifespan required  the life, for example 734112 or #734112; in SQL also a JSON array of ids
-- columns:
--   lifespan          id       the life of the namespace
--   path              text     mount point as its mount namespace sees it
--   mount_namespace   id       lifespan of that mount namespace
--   gained_after_us   instant  mounted after this; null: it was when we first looked
--   gained_by_us      instant  and no later than this
--   gained_evidence   text     how that is known
--   lost_after_us     instant  unmounted at this or later
--   lost_by_us        instant  and before this
--   lost_evidence     text     how that is known
-- uses:     holder_name
-- example:  names-of-lifespan -p lifespan=#12
SELECT
  h.lifespan,
  h.path,
  h.mount_namespace,
  h.gained_after_us,
  h.gained_by_us,
  h.gained_evidence,
  h.lost_after_us,
  h.lost_by_us,
  h.lost_evidence
FROM json_each(:lifespan) AS j
CROSS JOIN holder AS h ON h.lifespan = j.value AND h.path IS NOT NULL
WHERE h.kind = 'bind-mount'
ORDER BY h.lifespan, h.path, h.from_us, h.id;
