/*
 * The tracepoint profile: programs on tracepoints of the scheduler and of system calls. Allowed where
 * trampolines (fentry, fexit) are not.
 *
 * Source: include/trace/events/{task,sched,syscalls}.h; kernel/fork.c copy_process and kernel_clone,
 * kernel/nsproxy.c, kernel/exit.c do_exit, fs/exec.c exec_binprm.
 */
#ifndef NSAUDIT_TRACEPOINTS_H
#define NSAUDIT_TRACEPOINTS_H

#include "repeats.h"
#include "system-call.h"

#define BIRTH(flag, of, type, owner_of, from)                                                       \
	if (flags & (flag)) {                                                                       \
		read_ref(&birth->namespace, &(of)->ns, type);                                       \
		read_ref(&birth->owner, &(of)->owner_of->ns, TYPE_USER);                            \
		birth->origin = from;                                                               \
		tell(birth, now);                                                                   \
	}

typedef void (*tell_birth)(struct birth_record *birth, u64 now);

/*
 * One birth for each flag: the namespaces that `holder` has got. Owners first. Who made them, and how,
 * stands in `birth` already.
 */
INLINE void tell_births(struct birth_record *birth, struct task_struct *holder, u64 flags, u64 now,
			tell_birth tell)
{
	struct nsproxy *proxy = holder->nsproxy;

	if (!proxy)
		return;
	BIRTH(CLONE_NEWUSER, holder->real_cred->user_ns, TYPE_USER, parent,
	      holder->real_cred->user_ns->owner.val);
	BIRTH(CLONE_NEWNS, proxy->mnt_ns, TYPE_MNT, user_ns, 0);
	BIRTH(CLONE_NEWUTS, proxy->uts_ns, TYPE_UTS, user_ns, 0);
	BIRTH(CLONE_NEWIPC, proxy->ipc_ns, TYPE_IPC, user_ns, 0);
	BIRTH(CLONE_NEWPID, proxy->pid_ns_for_children, TYPE_PID, user_ns,
	      proxy->pid_ns_for_children->parent->ns.inum);
	BIRTH(CLONE_NEWCGROUP, proxy->cgroup_ns, TYPE_CGROUP, user_ns, 0);
	BIRTH(CLONE_NEWNET, proxy->net_ns, TYPE_NET, user_ns, 0);
	BIRTH(CLONE_NEWTIME, proxy->time_ns_for_children, TYPE_TIME, user_ns, 0);
}

/* Bit for each slot in which the thread differs from its leader; all of them where there is no leader left. */
INLINE u32 differences(struct task_struct *task, const u32 *inums)
{
	struct task_struct *leader = task->group_leader;
	u32 leader_inums[MEMBER_SLOTS];
	u32 differs = 0;

	if (task->pid == task->tgid)
		return (1 << MEMBER_SLOTS) - 1;
	if (!read_namespaces(leader, NULL, leader_inums))
		return (1 << MEMBER_SLOTS) - 1;
	for (int slot = 0; slot < MEMBER_SLOTS; slot++)
		if (inums[slot] != leader_inums[slot])
			differs |= 1 << slot;
	return differs;
}

/* Whether a thread has the very same namespaces as its leader; cheaper than differences(). */
INLINE bool shares_with_leader(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	return task->nsproxy == leader->nsproxy &&
	       task->real_cred->user_ns == leader->real_cred->user_ns;
}

INLINE void set_task(struct task_record *record, const struct task_block *block,
		     const struct namespaces *set, u32 differs, u32 how)
{
	record->task = *block;
	__builtin_memcpy(record->ids, set->ids, sizeof(record->ids));
	__builtin_memcpy(record->inums, set->inums, sizeof(record->inums));
	record->how = how;
	record->differs = differs;
}

INLINE void emit_task(struct task_struct *task, const struct task_block *block,
		      const struct namespaces *set, u32 differs, u32 kind, u32 how, u64 now)
{
	u32 flags = task->signal->live.counter > 1 ? FLAG_OTHER_THREADS : 0;
	struct task_record *record;
	struct record_header header;

	start_record(&header, STREAM_HOLDERS, now, kind, flags, 1);
	record = bpf_ringbuf_reserve(&holders, sizeof(*record), 0);
	if (!record) {
		count_dropped(STREAM_HOLDERS, 1);
		return;
	}
	record->header = header;
	set_task(record, block, set, differs, how);
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

INLINE void remember_told_birth(struct birth_record *birth, u64 now)
{
	set_header(&birth->header, now, RECORD_BIRTH, 0);
	remember_birth(birth);
}

/* Births by the task itself and its move to them, in one record. False where there was no room. */
INLINE bool emit_unshared(struct task_struct *task, const struct birth_record *birth,
			  const struct namespaces *set, u32 born, bool tells_ends, u64 now)
{
	u32 flags = task->signal->live.counter > 1 ? FLAG_OTHER_THREADS : 0;
	u32 count = __builtin_popcount(born);
	struct cpu_state *cpu = this_cpu();
	bool is_free = cpu && send_repeats(cpu);
	struct unshared_record *record;
	struct record_header header;

	start_record(&header, STREAM_LIFE, now, RECORD_UNSHARED, flags, count);
	record = is_free ? bpf_ringbuf_reserve(&life, sizeof(*record), 0) : NULL;
	if (!record) {
		count_dropped(STREAM_LIFE, count);
		return false;
	}
	record->moved.header = header;
	set_task(&record->moved, &birth->creator, set, differences(task, set->inums), birth->how);
	__builtin_memset(&record->parent, 0, sizeof(record->parent));
	if (born & CLONE_NEWUSER)
		read_ref(&record->parent, &task->real_cred->user_ns->parent->ns, TYPE_USER);
	record->born = born;
	record->owner_uid = task->real_cred->user_ns->owner.val;
	if (cpu && !tells_ends)
		set_base(cpu, task, record);
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return true;
}

INLINE const struct config *read_config(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&config, &zero);
}

/* A task is there, complete, and has not run yet; current is whoever called clone. */
SEC("tp_btf/task_newtask")
int on_new_task(u64 *context)
{
	struct task_struct *child = (void *)context[0];
	u64 flags = context[1] & CLONE_NEW_ANY;
	const struct config *config = read_config();
	struct task_struct *parent = bpf_get_current_task_btf();
	struct birth_record birth = { .how = HOW_FORK };
	struct namespaces set;
	u32 differs;
	u64 now;

	if (!config || !read_namespaces(child, set.ids, set.inums))
		return 0;
	if (!flags && !config->emit_initial && is_initial(config, set.inums))
		return 0;
	if (child->pid != child->tgid && !flags && shares_with_leader(child))
		return 0;
	differs = differences(child, set.inums);
	if (!differs)
		return 0;
	now = bpf_ktime_get_boot_ns();
	if (flags)
		birth.how = call_of(parent, bpf_task_pt_regs(parent));
	flags &= config->birth_flags;
	if (flags) {
		tell_task(&birth.creator, parent, now);
		tell_births(&birth, child, flags, now, emit_birth);
	}
	tell_task(&birth.creator, child, now);
	emit_task(child, &birth.creator, &set, differs, RECORD_JOINED, birth.how, now);
	return 0;
}

INLINE void tell_moved(struct task_struct *task, u32 how, u64 flags)
{
	struct birth_record birth = { .how = how };
	const struct config *config = read_config();
	struct namespaces set;
	u64 now;

	if (!config || !read_namespaces(task, set.ids, set.inums))
		return;
	now = bpf_ktime_get_boot_ns();
	tell_task(&birth.creator, task, now);
	flags &= config->birth_flags;
	if (!flags)
		emit_task(task, &birth.creator, &set, differences(task, set.inums), RECORD_MOVED,
			  how, now);
	else if (!emit_unshared(task, &birth, &set, flags, config->tells_ends, now) ||
		 config->tells_ends)
		tell_births(&birth, task, flags, now, remember_told_birth);
}

/* unshare has given the task the namespaces of `flags`, or setns whatever it wanted. */
INLINE void on_moved(struct task_struct *task, u32 how, u64 flags)
{
	struct cpu_state *cpu = this_cpu();

	if (how == HOW_UNSHARE && (!flags || tell_repeat(task, flags)))
		return;
	/* Until it is told in full: see differs_in_namespaces(). */
	if (cpu)
		cpu->base.moved.header.seq = 0;
	tell_moved(task, how, flags);
}

/* A call that succeeded has done all its work by now. */
SEC("tp_btf/sys_exit")
int on_system_call_exit(u64 *context)
{
	struct pt_regs *regs = (void *)context[0];
	struct task_struct *task = bpf_get_current_task_btf();
	u32 how;

	if ((long)context[1] != 0)
		return 0;
	how = call_of(task, regs);
	if (how == HOW_UNSHARE || how == HOW_SETNS)
		on_moved(task, how,
			 how == HOW_UNSHARE ? first_argument(regs) & CLONE_NEW_ANY : 0);
	return 0;
}

/* The task has become the only thread of its process; a time namespace for children is its own now. */
SEC("tp_btf/sched_process_exec")
int on_exec(u64 *context)
{
	struct task_struct *task = (void *)context[0];
	const struct config *config = read_config();
	/* Before Linux 6.3 the verifier wants every byte of it set on every way. */
	struct task_block block = {};
	struct namespaces set;
	u64 now;

	if (!config || !read_namespaces(task, set.ids, set.inums))
		return 0;
	if (!config->emit_initial && is_initial(config, set.inums))
		return 0;
	now = bpf_ktime_get_boot_ns();
	tell_task(&block, task, now);
	emit_task(task, &block, &set, (1 << MEMBER_SLOTS) - 1, RECORD_MOVED, HOW_EXEC, now);
	return 0;
}

/* The task still has its namespaces, and will give them up within microseconds. */
SEC("tp_btf/sched_process_exit")
int on_exit(u64 *context)
{
	struct task_struct *task = (void *)context[0];
	struct task_struct *leader = task->group_leader;
	const struct config *config = read_config();
	bool is_last = task->signal->live.counter == 0;
	struct record_header header;
	struct left_record *record;
	struct namespaces set;

	if (!config || !read_namespaces(task, set.ids, set.inums))
		return 0;
	if (!config->emit_initial && is_initial(config, set.inums))
		return 0;
	if (task->pid != task->tgid && !is_last && !leader->exit_state && shares_with_leader(task))
		return 0;
	start_record(&header, STREAM_HOLDERS, bpf_ktime_get_boot_ns(), RECORD_LEFT,
		     is_last ? FLAG_LAST : 0, 1);
	record = bpf_ringbuf_reserve(&holders, sizeof(*record), 0);
	if (!record) {
		count_dropped(STREAM_HOLDERS, 1);
		return 0;
	}
	record->header = header;
	record->tgid = task->tgid;
	record->tid = task->pid;
	record->start_ticks = leader->start_boottime / NS_PER_TICK;
	record->thread_start_ticks = task->start_boottime / NS_PER_TICK;
	copy_comm(record->comm, task);
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
