-- name:     lifespan
-- question: What is known about one life of a namespace, in full?
-- parameters:
--   lifespan  lifespan required  the life, for example 734112 or #734112; in SQL also a JSON array of ids
-- columns:
--   id                     id       the life itself
--   boot                   text     boot id of the kernel
--   type                   text     cgroup, ipc, mnt, net, pid, time, user or uts
--   nsfs_dev               text     device number of nsfs in that boot, where it was seen
--   inum                   number   inode number, reused by the kernel
--   kernel_namespace_id    text     the kernel's own id, never reused in a boot; null before Linux 6.18
--   incarnation            number   the nth namespace seen with this inum in this boot
--   initial                flag     1 for a namespace that was there from boot
--   suspected              flag     1 when the inum looks reused, but nothing proves it
--   born_after_us          instant  born after this; null: it was there when we first looked
--   born_by_us             instant  and no later than this
--   born_evidence          text     how that is known
--   init_ended_after_us    instant  pid namespaces: its init ended at this or later; nobody can be forked into it since
--   init_ended_by_us       instant  and before this
--   init_ended_evidence    text     how that is known
--   unheld_after_us        instant  last visible holder gone at this or later
--   unheld_by_us           instant  and before this
--   unheld_evidence        text     how that is known
--   unreferenced_after_us  instant  last kernel reference gone at this or later
--   unreferenced_by_us     instant  and before this
--   unreferenced_evidence  text     how that is known
--   gone_after_us          instant  ended at this or later
--   gone_by_us             instant  and before this
--   gone_evidence          text     how that is known
--   reason                 text     destroyed, vanished, inode-reuse or reboot
--   creator                json     the process that made it
--   owner                  id       lifespan of the user namespace that owns it
--   parent                 id       lifespan of its parent, for pid and user namespaces
--   owner_uid              uid      user who made it, for user namespaces
--   names                  json     paths it was ever mounted at
--   containers             json     control groups of containers whose processes ever held it
--   nsids                  json     network namespace ids it had, with observer, from and to
--   counted_references     json     references as last recorded: total, who has them, and at which instant
--   holders_now            count    holders it has now
--   holders_ever           count    holders it has had until now
-- uses:     the primary key
-- example:  lifespan -p lifespan=#12
SELECT
  l.id,
  l.boot,
  l.type,
  l.nsfs_dev,
  l.inum,
  l.kernel_namespace_id,
  l.incarnation,
  l.initial,
  l.suspected,
  l.born_after_us,
  l.born_by_us,
  l.born_evidence,
  l.init_ended_after_us,
  l.init_ended_by_us,
  l.init_ended_evidence,
  l.unheld_after_us,
  l.unheld_by_us,
  l.unheld_evidence,
  l.unreferenced_after_us,
  l.unreferenced_by_us,
  l.unreferenced_evidence,
  l.gone_after_us,
  l.gone_by_us,
  l.gone_evidence,
  l.reason,
  l.creator,
  l.owner,
  l.parent,
  l.owner_uid,
  l.names,
  (
    SELECT json_group_array(o.cgroup)
    FROM (
      SELECT u.cgroup
      FROM container_use AS u
      WHERE u.lifespan = l.id
      ORDER BY u.place
    ) AS o
  ) AS containers,
  l.nsids,
  l.counted_references,
  c.holders_now,
  c.holders_ever
FROM json_each(:lifespan) AS j
CROSS JOIN lifespan AS l ON l.id = j.value
CROSS JOIN holder_count AS c ON c.lifespan = l.id;
