/* Reads what a task is and which namespaces it is in. Nothing here writes to a map or a ring. */
#ifndef NSAUDIT_CAPTURE_H
#define NSAUDIT_CAPTURE_H

#include "helpers.h"
#include "records.h"

#define NS_PER_TICK 10000000ULL
#define PF_KTHREAD 0x00200000

struct namespaces {
	u64 ids[MEMBER_SLOTS];
	u32 inums[MEMBER_SLOTS];
};

INLINE u64 id_of(struct ns_common *ns)
{
	return bpf_core_field_exists(ns->ns_id) ? ns->ns_id : 0;
}

INLINE void read_ref(struct namespace_ref *ref, struct ns_common *ns, u32 type)
{
	ref->id = id_of(ns);
	ref->inum = ns->inum;
	ref->type = type;
}

/* The pid namespace that the task is in: that of the innermost of its pids. */
INLINE void read_pid_namespace(struct task_struct *task, u64 *id, u32 *inum)
{
	struct pid *pid = task->thread_pid;
	u32 level = pid->level;
	struct pid_namespace *ns = NULL;
	struct upid *first;

	if (level == 0) {
		ns = pid->numbers[0].ns;
		*inum = ns->ns.inum;
		if (id)
			*id = id_of(&ns->ns);
		return;
	}
	first = __builtin_preserve_access_index(&pid->numbers[0]);
	bpf_probe_read_kernel(&ns, sizeof(ns), (void *)first + level * sizeof(struct upid) +
						      __builtin_offsetof(struct upid, ns));
	*inum = READ(ns, ns.inum);
	if (id)
		*id = bpf_core_field_exists(ns->ns.ns_id) ? READ(ns, ns.ns_id) : 0;
}

#define READ_SLOT(slot, member)                                                                     \
	do {                                                                                        \
		inums[slot] = proxy->member->ns.inum;                                               \
		if (ids)                                                                            \
			ids[slot] = id_of(&proxy->member->ns);                                      \
	} while (0)

/* False for a task that has given its namespaces up already. `ids` may be NULL. */
INLINE bool read_namespaces(struct task_struct *task, u64 *ids, u32 *inums)
{
	struct nsproxy *proxy = task->nsproxy;
	struct user_namespace *user = task->real_cred->user_ns;

	if (!proxy)
		return false;
	READ_SLOT(TYPE_CGROUP, cgroup_ns);
	READ_SLOT(TYPE_IPC, ipc_ns);
	READ_SLOT(TYPE_MNT, mnt_ns);
	READ_SLOT(TYPE_NET, net_ns);
	READ_SLOT(TYPE_TIME, time_ns);
	READ_SLOT(TYPE_UTS, uts_ns);
	READ_SLOT(CHILDREN_PID, pid_ns_for_children);
	READ_SLOT(CHILDREN_TIME, time_ns_for_children);
	inums[TYPE_USER] = user->ns.inum;
	if (ids)
		ids[TYPE_USER] = id_of(&user->ns);
	read_pid_namespace(task, ids ? &ids[TYPE_PID] : NULL, &inums[TYPE_PID]);
	return true;
}

/* Whether nothing about the task is worth telling: all it has and hands down is initial. */
INLINE bool is_initial(const struct config *config, const u32 *inums)
{
	u32 others = 0;

	for (int type = 0; type < TYPE_COUNT; type++)
		if (config->initial[type] && inums[type])
			others |= inums[type] ^ config->initial[type];
	if (config->initial[TYPE_PID] && inums[CHILDREN_PID])
		others |= inums[CHILDREN_PID] ^ config->initial[TYPE_PID];
	if (config->initial[TYPE_TIME] && inums[CHILDREN_TIME])
		others |= inums[CHILDREN_TIME] ^ config->initial[TYPE_TIME];
	return others == 0;
}

/* Two loads instead of a helper call. */
INLINE void copy_comm(char *to, struct task_struct *task)
{
	const u64 *from = (const u64 *)__builtin_preserve_access_index(&task->comm);

	((u64 *)to)[0] = from[0];
	((u64 *)to)[1] = from[1];
}

INLINE void read_task(struct task_block *block, struct task_struct *task, u32 exe,
		       u64 cgroup_id)
{
	struct task_struct *leader = task->group_leader;

	block->tgid = task->tgid;
	block->tid = task->pid;
	block->start_ticks = leader->start_boottime / NS_PER_TICK;
	block->thread_start_ticks = task->start_boottime / NS_PER_TICK;
	block->uid = task->real_cred->uid.val;
	block->gid = task->real_cred->gid.val;
	block->ppid = task->real_parent->tgid;
	block->loginuid = bpf_core_field_exists(task->loginuid) ? task->loginuid.val : ~0U;
	block->session = bpf_core_field_exists(task->sessionid) ? task->sessionid : ~0U;
	block->exe = exe;
	block->cgroup_id = cgroup_id;
	copy_comm(block->comm, task);
	copy_comm(block->leader_comm, leader);
}

#endif
