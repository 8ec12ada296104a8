/*
 * Proxies: what tasks hold together through one struct nsproxy, with the references that the kernel counts
 * on each of its namespaces. Rows are decoded by kernel-references.ts, which must be changed with the struct.
 *
 * A task whose nsproxy is that of its parent or of its leader is left out, because one of those is told: of
 * a container with a thousand processes one row is left, more where some lost their parent. The initial
 * nsproxy, of the parent of all, is never told.
 *
 * Source: include/linux/nsproxy.h; kernel/fork.c copy_process, kernel/exit.c forget_original_parent.
 */
#ifndef NSAUDIT_PROXIES_H
#define NSAUDIT_PROXIES_H

#include "inventory.h"

/* Slots as in struct inventory_task; those of user and pid stay 0: nsproxy does not hold them. */
struct inventory_proxy {
	u64 proxy;
	u32 inums[MEMBER_SLOTS];
	u32 references[MEMBER_SLOTS];
	/* By slot: the namespace has an inode in nsfs. */
	u32 has_inode;
	u32 padding;
};

#define PROXY_NAMESPACE(row, slot, namespace)                                                       \
	do {                                                                                        \
		struct ns_common *common_ = &(namespace)->ns;                                       \
		(row)->inums[slot] = READ(common_, inum);                                           \
		(row)->references[slot] = count_references(common_);                                \
		if (has_nsfs_inode(common_))                                                        \
			(row)->has_inode |= 1U << (slot);                                           \
	} while (0)

SEC("iter/task")
int inventory_proxies(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;

	if (!task)
		return 0;
	struct nsproxy *proxy = task->nsproxy;
	struct inventory_proxy row = {};

	if (!proxy)
		return 0;
	/* Some guests keep process 1 from the list. */
	if (task->real_parent->tgid > 1 && proxy == task->real_parent->nsproxy)
		return 0;
	if (task->pid != task->tgid && proxy == task->group_leader->nsproxy)
		return 0;
	row.proxy = inventory_token(READ(task, nsproxy));
	PROXY_NAMESPACE(&row, TYPE_CGROUP, proxy->cgroup_ns);
	PROXY_NAMESPACE(&row, TYPE_IPC, proxy->ipc_ns);
	PROXY_NAMESPACE(&row, TYPE_MNT, proxy->mnt_ns);
	PROXY_NAMESPACE(&row, TYPE_NET, proxy->net_ns);
	PROXY_NAMESPACE(&row, TYPE_TIME, proxy->time_ns);
	PROXY_NAMESPACE(&row, TYPE_UTS, proxy->uts_ns);
	PROXY_NAMESPACE(&row, CHILDREN_TIME, proxy->time_ns_for_children);
	bpf_seq_write(context->meta->seq, &row, sizeof(row));
	return 0;
}

#endif
