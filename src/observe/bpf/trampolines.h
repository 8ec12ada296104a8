/*
 * The trampoline profile: programs at the entry and the return of kernel functions, for births at the
 * moment they happen and for ends, which no tracepoint tells. What tasks do comes from tracepoints.h.
 *
 * Which of them a kernel has is asked of its BTF; each one is optional (src/observe/kernel-hooks.ts).
 * A namespace ends twice: when its last reference is dropped, and when its inum is free to be used again.
 * For uts, cgroup, time and mnt the two are the same moment, and only the second is told.
 *
 * Source: kernel/{nsproxy,nstree,nscommon,utsname,pid_namespace,user_namespace}.c, ipc/namespace.c,
 * net/core/net_namespace.c, fs/proc/generic.c.
 */
#ifndef NSAUDIT_TRAMPOLINES_H
#define NSAUDIT_TRAMPOLINES_H

#include "tracepoints.h"

#define MAX_ERRNO 4095
#define FLAG_TOLD_UNREFERENCED 1

/* Where `member` is in `type` in the running kernel. */
#define OFFSET_OF(type, member) __builtin_preserve_field_info(((type *)0)->member, 0)
#define CONTAINER(pointer, type) ((type *)((void *)(pointer) - OFFSET_OF(type, ns)))

INLINE bool is_error(const void *pointer)
{
	return (u64)pointer >= (u64)-MAX_ERRNO;
}

INLINE s32 type_of_flag(u64 flag)
{
	switch (flag) {
	case CLONE_NEWCGROUP:
		return TYPE_CGROUP;
	case CLONE_NEWIPC:
		return TYPE_IPC;
	case CLONE_NEWNS:
		return TYPE_MNT;
	case CLONE_NEWNET:
		return TYPE_NET;
	case CLONE_NEWPID:
		return TYPE_PID;
	case CLONE_NEWTIME:
		return TYPE_TIME;
	case CLONE_NEWUSER:
		return TYPE_USER;
	case CLONE_NEWUTS:
		return TYPE_UTS;
	default:
		return -1;
	}
}

/* The user namespace that owns `ns`; for a user namespace its parent. */
INLINE struct user_namespace *owner_of(struct ns_common *ns, u32 type)
{
	switch (type) {
	case TYPE_CGROUP:
		return READ(CONTAINER(ns, struct cgroup_namespace), user_ns);
	case TYPE_IPC:
		return READ(CONTAINER(ns, struct ipc_namespace), user_ns);
	case TYPE_MNT:
		return READ(CONTAINER(ns, struct mnt_namespace), user_ns);
	case TYPE_NET:
		return READ(CONTAINER(ns, struct net), user_ns);
	case TYPE_PID:
		return READ(CONTAINER(ns, struct pid_namespace), user_ns);
	case TYPE_TIME:
		return READ(CONTAINER(ns, struct time_namespace), user_ns);
	case TYPE_USER:
		return READ(CONTAINER(ns, struct user_namespace), parent);
	default:
		return READ(CONTAINER(ns, struct uts_namespace), user_ns);
	}
}

/* What birth_record calls its origin. */
INLINE u32 origin_of(struct ns_common *ns, u32 type)
{
	if (type == TYPE_USER)
		return READ(CONTAINER(ns, struct user_namespace), owner.val);
	if (type == TYPE_PID) {
		struct pid_namespace *parent = READ(CONTAINER(ns, struct pid_namespace), parent);

		return READ(parent, ns.inum);
	}
	return 0;
}

INLINE void read_ref_at(struct namespace_ref *ref, struct ns_common *ns, u32 type)
{
	ref->id = bpf_core_field_exists(ns->ns_id) ? READ(ns, ns_id) : 0;
	ref->inum = READ(ns, inum);
	ref->type = type;
}

/* `ns` has come to be, by the hand of current. */
INLINE void on_born(struct ns_common *ns, u32 type)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct user_namespace *owner = owner_of(ns, type);
	struct birth_record birth = {};
	u64 now = bpf_ktime_get_boot_ns();

	read_ref_at(&birth.namespace, ns, type);
	if (!birth.namespace.inum)
		return;
	if (owner)
		read_ref_at(&birth.owner, &owner->ns, TYPE_USER);
	birth.origin = origin_of(ns, type);
	tell_task(&birth.creator, task, now);
	if (!(task->flags & PF_KTHREAD))
		birth.how = call_of(task, bpf_task_pt_regs(task));
	emit_birth(&birth, now);
}

INLINE void tell_end(const struct namespace_ref *ref, u32 kind)
{
	struct end_record record = { .namespace = *ref };

	start_record(&record.header, STREAM_LIFE, bpf_ktime_get_boot_ns(), kind, 0, 1);
	if (bpf_ringbuf_output(&life, &record, sizeof(record), BPF_RB_NO_WAKEUP))
		count_dropped(STREAM_LIFE, 1);
}

INLINE void on_destroyed(u64 key)
{
	struct birth_record *birth = bpf_map_lookup_elem(&live, &key);

	if (!birth)
		return;
	tell_end(&birth->namespace, RECORD_DESTROYED);
	bpf_map_delete_elem(&live, &key);
}

/* The last reference goes now. Several hooks may say so; the first one counts. */
INLINE void on_last_put(struct ns_common *ns, u32 type)
{
	struct namespace_ref ref;
	struct birth_record *birth;
	u64 key;

	read_ref_at(&ref, ns, type);
	key = key_of(&ref);
	birth = bpf_map_lookup_elem(&live, &key);
	if (!birth)
		return;
	if (__sync_fetch_and_or(&birth->header.flags, FLAG_TOLD_UNREFERENCED) &
	    FLAG_TOLD_UNREFERENCED)
		return;
	tell_end(&birth->namespace, RECORD_UNREFERENCED);
}

/* Whether a put that begins now is the last one: exact unless two puts race, and then neither is told. */
INLINE bool is_only_reference(struct ns_common *ns)
{
	struct ns_common___6_17 *before = (void *)ns;

	if (bpf_core_field_exists(ns->__ns_ref))
		return READ(ns, __ns_ref.refs.counter) == 1;
	if (bpf_core_field_exists(before->count))
		return READ(before, count.refs.counter) == 1;
	return false;
}

/* Linux 6.18 and later: one function sees every namespace that comes to be, whatever made it. */
SEC("fentry/__ns_tree_add_raw")
int on_tree_add(u64 *context)
{
	struct ns_common *ns = (void *)context[0];
	s32 type = type_of_flag(READ(ns, ns_type));

	if (type >= 0)
		on_born(ns, type);
	return 0;
}

SEC("fentry/__ns_common_free")
int on_common_free(u64 *context)
{
	struct ns_common *ns = (void *)context[0];

	if (bpf_core_field_exists(ns->ns_id))
		on_destroyed(READ(ns, ns_id));
	return 0;
}

/* An ipc namespace is taken out of the tree by its last put. */
SEC("fentry/__ns_tree_remove")
int on_tree_remove(u64 *context)
{
	struct ns_common *ns = (void *)context[0];

	if (READ(ns, ns_type) == CLONE_NEWIPC)
		on_last_put(ns, TYPE_IPC);
	return 0;
}

/* Before Linux 6.18: one function for each type. `made` is its result. */
#define COPY_HOOK(name, function, flag, type, result)                                               \
	SEC("fexit/" #function)                                                                     \
	int name(u64 *context)                                                                      \
	{                                                                                           \
		struct ns_common *made = (void *)context[result];                                   \
                                                                                                    \
		if (context[0] & (flag) && made && !is_error(made))                                 \
			on_born(NS_OF_##type(made), TYPE_##type);                                   \
		return 0;                                                                           \
	}

#define NS_OF(pointer, kind) ((struct ns_common *)((void *)(pointer) + OFFSET_OF(kind, ns)))
#define NS_OF_UTS(pointer) NS_OF(pointer, struct uts_namespace)
#define NS_OF_IPC(pointer) NS_OF(pointer, struct ipc_namespace)
#define NS_OF_PID(pointer) NS_OF(pointer, struct pid_namespace)
#define NS_OF_CGROUP(pointer) NS_OF(pointer, struct cgroup_namespace)
#define NS_OF_NET(pointer) NS_OF(pointer, struct net)
#define NS_OF_TIME(pointer) NS_OF(pointer, struct time_namespace)
#define NS_OF_MNT(pointer) NS_OF(pointer, struct mnt_namespace)
#define NS_OF_USER(pointer) NS_OF(pointer, struct user_namespace)

COPY_HOOK(on_copy_uts, copy_utsname, CLONE_NEWUTS, UTS, 3)
COPY_HOOK(on_copy_ipc, copy_ipcs, CLONE_NEWIPC, IPC, 3)
COPY_HOOK(on_copy_pid, copy_pid_ns, CLONE_NEWPID, PID, 3)
COPY_HOOK(on_copy_cgroup, copy_cgroup_ns, CLONE_NEWCGROUP, CGROUP, 3)
COPY_HOOK(on_copy_net, copy_net_ns, CLONE_NEWNET, NET, 3)
COPY_HOOK(on_copy_time, copy_time_ns, CLONE_NEWTIME, TIME, 3)
COPY_HOOK(on_copy_mnt, copy_mnt_ns, CLONE_NEWNS, MNT, 4)

SEC("fexit/create_user_ns")
int on_create_user(u64 *context)
{
	struct cred *cred = (void *)context[0];

	if ((int)context[1] == 0)
		on_born(NS_OF_USER(READ(cred, user_ns)), TYPE_USER);
	return 0;
}

/* Also for entries of procfs, which have their numbers from the same pool: no namespace has one of those. */
SEC("fentry/proc_free_inum")
int on_free_inum(u64 *context)
{
	on_destroyed((u32)context[0]);
	return 0;
}

/* Called when the count has reached zero. */
SEC("fentry/__put_net")
int on_put_net(u64 *context)
{
	on_last_put(NS_OF_NET(context[0]), TYPE_NET);
	return 0;
}

SEC("fentry/__put_user_ns")
int on_put_user(u64 *context)
{
	on_last_put(NS_OF_USER(context[0]), TYPE_USER);
	return 0;
}

/* Called for each put. */
#define PUT_HOOK(name, function, type, ns_of)                                                       \
	SEC("fentry/" #function)                                                                    \
	int name(u64 *context)                                                                      \
	{                                                                                           \
		struct ns_common *ns = ns_of(context[0]);                                           \
                                                                                                    \
		if (is_only_reference(ns))                                                          \
			on_last_put(ns, TYPE_##type);                                               \
		return 0;                                                                           \
	}

#define NS_ITSELF(pointer) ((struct ns_common *)(pointer))

PUT_HOOK(on_put_pid, put_pid_ns, PID, NS_OF_PID)
PUT_HOOK(on_put_ipc, put_ipc_ns, IPC, NS_OF_IPC)
/* What a descriptor, a bind mount or a reader of the link drops: the functions above are inlined there. */
PUT_HOOK(on_file_put_net, netns_put, NET, NS_ITSELF)
PUT_HOOK(on_file_put_user, userns_put, USER, NS_ITSELF)
PUT_HOOK(on_file_put_pid, pidns_put, PID, NS_ITSELF)
PUT_HOOK(on_file_put_ipc, ipcns_put, IPC, NS_ITSELF)

/* Instead of the exits of all system calls. */
SEC("fexit/ksys_unshare")
int on_unshare(u64 *context)
{
	if ((int)context[1] == 0)
		on_moved(bpf_get_current_task_btf(), HOW_UNSHARE, context[0] & CLONE_NEW_ANY);
	return 0;
}

#if defined(__TARGET_ARCH_arm64)
SEC("fexit/__arm64_sys_setns")
#else
SEC("fexit/__x64_sys_setns")
#endif
int on_setns(u64 *context)
{
	if ((long)context[1] == 0)
		on_moved(bpf_get_current_task_btf(), HOW_SETNS, 0);
	return 0;
}

#endif
