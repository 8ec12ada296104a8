-- name:     holder
-- question: What is known about one holder, in full?
-- parameters:
--   holder  integer required  the seq of its holder.gained event; in SQL also a JSON array of them
-- columns:
--   id                id       the holder itself
--   kind              text     process, thread, for-children, fd, bind-mount and so on
--   set_id            id       the namespace set it is a member of, for processes and threads
--   lifespan          id       the one namespace it holds, for all others
--   pid               number   process id
--   tid               number   thread id, where a thread differs from its process
--   start_time_ticks  number   start of the process, clock ticks since boot
--   fd                number   descriptor number
--   path              text     mount point
--   mount_namespace   id       lifespan of the mount namespace that the mount point is in
--   socket_inode      number   inode of the socket
--   interface         text     name of the tun or tap interface
--   namespace         id       lifespan of the child or owned namespace
--   ppid              number   parent process
--   comm              text     name of the process
--   exe               text     its executable
--   uid               uid      its real user
--   gid               uid      its real group
--   loginuid          uid      the user who logged in
--   session           number   audit session of that login
--   cgroup            text     its cgroup
--   container_id      text     the container its cgroup names
--   how               text     fork, clone, clone3: born into it; unshare, setns, exec, moved: entered; null: not seen
--   ancestors         json     of what entered: its parent and who is above, as pid:start_time_ticks
--   observer          flag     1 for the collector itself and its children
--   gained_after_us   instant  held it from after this; null: it did when we first looked
--   gained_by_us      instant  and no later than this
--   gained_evidence   text     how that is known
--   lost_after_us     instant  let go at this or later
--   lost_by_us        instant  and before this
--   lost_evidence     text     how that is known
-- uses:     the primary key
-- example:  holder -p holder=15
SELECT
  h.id,
  h.kind,
  h.set_id,
  h.lifespan,
  h.pid,
  h.tid,
  h.start_time_ticks,
  h.fd,
  h.path,
  h.mount_namespace,
  h.socket_inode,
  h.interface,
  h.namespace,
  h.ppid,
  h.comm,
  h.exe,
  h.uid,
  h.gid,
  h.loginuid,
  h.session,
  h.cgroup,
  h.container_id,
  h.how,
  h.ancestors,
  h.observer,
  h.gained_after_us,
  h.gained_by_us,
  h.gained_evidence,
  h.lost_after_us,
  h.lost_by_us,
  h.lost_evidence
FROM json_each(:holder) AS j
CROSS JOIN holder AS h ON h.id = j.value;
