/*
 * Whose namespaces are: an iterator that writes one binary row for every namespace that some task is in or
 * hands down, and for every owner and parent above it that no task may be in.
 *
 * Rows are decoded by kernel-relation-rows.ts, which must be changed with the struct below.
 *
 * Source: include/linux/user_namespace.h, include/linux/pid_namespace.h; kernel/user_namespace.c
 * userns_owner: the owner of a user namespace is its parent.
 */
#ifndef NSAUDIT_RELATIONS_H
#define NSAUDIT_RELATIONS_H

#include "inventory.h"

/* kernel/user_namespace.c and kernel/pid_namespace.c allow 32 levels below the initial one. */
#define RELATIONS_LEVELS_MAX 33

/* ids are 0 before Linux 6.18; owner and parent are 0 where there is none. The owner is a user namespace. */
struct inventory_relation {
	u64 id;
	u64 owner_id;
	u64 parent_id;
	u32 inum;
	u32 type;
	u32 owner_inum;
	u32 parent_inum;
	u32 owner_uid;
	u32 padding;
};

INLINE u64 relation_id(struct ns_common *ns)
{
	return bpf_core_field_exists(ns->ns_id) ? READ(ns, ns_id) : 0;
}

INLINE void relation_common(struct inventory_relation *row, struct ns_common *ns, u32 type,
			    struct user_namespace *owner)
{
	row->id = relation_id(ns);
	row->inum = READ(ns, inum);
	row->type = type;
	row->owner_id = relation_id(&owner->ns);
	row->owner_inum = READ(owner, ns.inum);
	row->owner_uid = READ(owner, owner.val);
}

/* The user namespace and everything above it. */
static __attribute__((noinline)) int relate_users(void *seq, u64 address)
{
	struct user_namespace *ns = (void *)address;

	for (int level = 0; level < RELATIONS_LEVELS_MAX && ns; level++) {
		struct user_namespace *parent = READ(ns, parent);
		struct inventory_relation row = {};

		if (parent)
			relation_common(&row, &ns->ns, TYPE_USER, parent);
		row.id = relation_id(&ns->ns);
		row.inum = READ(ns, ns.inum);
		row.type = TYPE_USER;
		row.parent_id = row.owner_id;
		row.parent_inum = row.owner_inum;
		row.owner_uid = READ(ns, owner.val);
		bpf_seq_write(seq, &row, sizeof(row));
		ns = parent;
	}
	return 0;
}

/*
 * The pid namespace and everything above it, and their owners: those further up are owned by the owner of
 * this one or by what is above it (create_pid_namespace makes none elsewhere).
 */
static __attribute__((noinline)) int relate_pids(void *seq, u64 address)
{
	struct pid_namespace *ns = (void *)address;

	relate_users(seq, (u64)READ(ns, user_ns));
	for (int level = 0; level < RELATIONS_LEVELS_MAX && ns; level++) {
		struct pid_namespace *parent = READ(ns, parent);
		struct user_namespace *owner = READ(ns, user_ns);
		struct inventory_relation row = {};

		relation_common(&row, &ns->ns, TYPE_PID, owner);
		if (parent) {
			row.parent_id = relation_id(&parent->ns);
			row.parent_inum = READ(parent, ns.inum);
		}
		bpf_seq_write(seq, &row, sizeof(row));
		ns = parent;
	}
	return 0;
}

#define RELATE(seq, namespace, slot, told)                                                          \
	do {                                                                                        \
		struct user_namespace *owner_ = READ(namespace, user_ns);                           \
		struct inventory_relation row_ = {};                                                \
		relation_common(&row_, &(namespace)->ns, slot, owner_);                             \
		bpf_seq_write(seq, &row_, sizeof(row_));                                            \
		if (owner_ != (told))                                                               \
			relate_users(seq, (u64)owner_);                                             \
		told = owner_;                                                                      \
	} while (0)

INLINE struct pid_namespace *relation_pid_namespace(struct task_struct *task)
{
	struct pid *pid = task->thread_pid;
	u32 level = pid->level & 63;
	struct upid upid = {};

	bpf_probe_read_kernel(&upid, sizeof(upid), &pid->numbers[0] + level);
	return upid.ns;
}

/*
 * Most tasks are in the namespaces of their leader, or of the parent of their process, who is looked at
 * as well. But the first process may be kept from us.
 */
INLINE bool relations_told(struct task_struct *task, struct nsproxy *proxy)
{
	struct task_struct *other =
		task->pid == task->tgid ? task->real_parent : task->group_leader;

	return other->tgid > 1 && other->nsproxy == proxy &&
	       other->real_cred->user_ns == task->real_cred->user_ns &&
	       relation_pid_namespace(other) == relation_pid_namespace(task);
}

SEC("iter/task")
int inventory_relations(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;

	if (!task)
		return 0;
	struct nsproxy *proxy = task->nsproxy;
	void *seq = context->meta->seq;
	struct user_namespace *told;

	if (relations_told(task, proxy))
		return 0;
	relate_users(seq, (u64)task->real_cred->user_ns);
	told = task->real_cred->user_ns;
	relate_pids(seq, (u64)relation_pid_namespace(task));
	if (!proxy)
		return 0;
	relate_pids(seq, (u64)proxy->pid_ns_for_children);
	RELATE(seq, proxy->cgroup_ns, TYPE_CGROUP, told);
	RELATE(seq, proxy->ipc_ns, TYPE_IPC, told);
	RELATE(seq, proxy->mnt_ns, TYPE_MNT, told);
	RELATE(seq, proxy->net_ns, TYPE_NET, told);
	RELATE(seq, proxy->time_ns, TYPE_TIME, told);
	RELATE(seq, proxy->time_ns_for_children, TYPE_TIME, told);
	RELATE(seq, proxy->uts_ns, TYPE_UTS, told);
	return 0;
}

#endif
