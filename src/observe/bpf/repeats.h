/*
 * Births that differ from the one before on the same CPU only in the namespace: a storm by one task. They are
 * compared where they stand, without making a record first, and told together (struct repeated_record).
 *
 * Only the exit of a system call comes here, so nothing interrupts one of these on its CPU with another.
 */
#ifndef NSAUDIT_REPEATS_H
#define NSAUDIT_REPEATS_H

#include "emit.h"

/* After that a whole record tells anew what the task is: a file may have got another name. */
#define REPEATED_FOR_NS 1000000000ULL

/* The slot of the one namespace that is new; MEMBER_SLOTS where more are, or one whose owner is new. */
INLINE u32 only_born_slot(u32 born)
{
	switch (born) {
	case CLONE_NEWNS:
		return TYPE_MNT;
	case CLONE_NEWUTS:
		return TYPE_UTS;
	case CLONE_NEWIPC:
		return TYPE_IPC;
	case CLONE_NEWPID:
		return CHILDREN_PID;
	case CLONE_NEWCGROUP:
		return TYPE_CGROUP;
	case CLONE_NEWNET:
		return TYPE_NET;
	case CLONE_NEWTIME:
		return CHILDREN_TIME;
	}
	return MEMBER_SLOTS;
}

/* After all that was written before, for whoever reads it here. */
INLINE void publish_waiting(struct cpu_state *cpu, u32 count)
{
#if defined(__TARGET_ARCH_x86)
	/* Stores are seen in their order. */
	asm volatile("" ::: "memory");
	cpu->waiting = count;
#else
	__sync_lock_test_and_set(&cpu->waiting, count);
#endif
}

/* What waits goes into the ring. False where there was no room: then it waits on. */
INLINE bool send_repeats(struct cpu_state *cpu)
{
	u32 count = cpu->waiting;

	if (!count)
		return true;
	if (count > REPEATS_MAX)
		return false;
	cpu->repeated.header.count = count;
	if (bpf_ringbuf_output(&life, &cpu->repeated,
			       sizeof(struct record_header) + count * sizeof(struct repeat),
			       BPF_RB_NO_WAKEUP))
		return false;
	publish_waiting(cpu, 0);
	return true;
}

INLINE u64 count_switches(struct task_struct *task)
{
	return task->nvcsw + task->nivcsw;
}

/* From now on `record` is what is repeated. Nothing may wait. */
INLINE void set_base(struct cpu_state *cpu, struct task_struct *task,
		     const struct unshared_record *record)
{
	struct mm_struct *mm = task->mm;

	cpu->base = *record;
	cpu->repeated.header = record->moved.header;
	cpu->repeated.header.kind = RECORD_REPEATED;
	cpu->task.start_ns = task->start_boottime;
	cpu->task.exec_id = task->self_exec_id;
	cpu->task.switches = count_switches(task);
	cpu->task.exe_file = mm ? mm->exe_file : NULL;
	cpu->task.born_slot = only_born_slot(record->born);
	for (int slot = 0; slot < MEMBER_SLOTS; slot++)
		if (slot == cpu->task.born_slot)
			cpu->task.born_id = record->moved.ids[slot];
}

/* Not zero if the task is another than the one `cpu->base` tells of, or has changed since. */
INLINE u64 differs_from_base(const struct cpu_state *cpu, struct task_struct *task)
{
	const struct task_block *said = &cpu->base.moved.task;
	const u64 *comm = (const u64 *)__builtin_preserve_access_index(&task->comm);
	const u64 *said_comm = (const u64 *)said->comm;
	const struct cred *cred = task->real_cred;
	struct mm_struct *mm = task->mm;
	u32 flags = task->signal->live.counter > 1 ? FLAG_OTHER_THREADS : 0;
	u64 differs;

	differs = (said->tid ^ task->pid) | (said->tid ^ task->tgid);
	differs |= (cpu->task.start_ns ^ task->start_boottime) |
		   (cpu->task.exec_id ^ task->self_exec_id);
	differs |= !mm || mm->exe_file != cpu->task.exe_file;
	differs |= (said->uid ^ cred->uid.val) | (said->gid ^ cred->gid.val);
	differs |= said->ppid ^ task->real_parent->tgid;
	differs |= cpu->base.moved.header.flags ^ flags;
	differs |= said->cgroup_id ^ task->cgroups->dfl_cgrp->kn->id;
	differs |= (said_comm[0] ^ comm[0]) | (said_comm[1] ^ comm[1]);
	if (bpf_core_field_exists(task->loginuid))
		differs |= said->loginuid ^ task->loginuid.val;
	if (bpf_core_field_exists(task->sessionid))
		differs |= said->session ^ task->sessionid;
	return differs;
}

INLINE u64 differs_from_ref(const struct cpu_state *cpu, u32 slot, struct ns_common *ns)
{
	return (cpu->base.moved.ids[slot] ^ id_of(ns)) | (cpu->base.moved.inums[slot] ^ ns->inum);
}

#define COMPARE_SLOT(slot, member)                                                                  \
	if ((slot) != cpu->task.born_slot)                                                          \
	differs |= differs_from_ref(cpu, slot, &proxy->member->ns)

/*
 * Not zero if the task may have other namespaces than `cpu->base` tells, but for the one that is new. Only the task
 * itself changes them, and each change comes by here: on this CPU, as long as the task has not left it. Its pid
 * namespace is for life.
 */
INLINE u64 differs_in_namespaces(struct cpu_state *cpu, struct task_struct *task,
				 struct nsproxy *proxy)
{
	u64 switches = count_switches(task);
	u64 differs;

	if (switches == cpu->task.switches)
		return 0;
	differs = differs_from_ref(cpu, TYPE_USER, &task->real_cred->user_ns->ns);
	COMPARE_SLOT(TYPE_CGROUP, cgroup_ns);
	COMPARE_SLOT(TYPE_IPC, ipc_ns);
	COMPARE_SLOT(TYPE_MNT, mnt_ns);
	COMPARE_SLOT(TYPE_NET, net_ns);
	COMPARE_SLOT(TYPE_TIME, time_ns);
	COMPARE_SLOT(TYPE_UTS, uts_ns);
	COMPARE_SLOT(CHILDREN_PID, pid_ns_for_children);
	COMPARE_SLOT(CHILDREN_TIME, time_ns_for_children);
	if (!differs)
		cpu->task.switches = switches;
	return differs;
}

#define READ_BORN(slot, member)                                                                     \
	case slot:                                                                                  \
		read_ref(born, &proxy->member->ns, 0);                                              \
		return true

INLINE bool read_born(struct namespace_ref *born, struct nsproxy *proxy, u32 born_slot)
{
	switch (born_slot) {
		READ_BORN(TYPE_CGROUP, cgroup_ns);
		READ_BORN(TYPE_IPC, ipc_ns);
		READ_BORN(TYPE_MNT, mnt_ns);
		READ_BORN(TYPE_NET, net_ns);
		READ_BORN(TYPE_UTS, uts_ns);
		READ_BORN(CHILDREN_PID, pid_ns_for_children);
		READ_BORN(CHILDREN_TIME, time_ns_for_children);
	}
	return false;
}

/* True where the birth repeats the last one of this CPU, and is told. `flags`: which types were asked for. */
INLINE bool tell_repeat(struct task_struct *task, u64 flags)
{
	struct cpu_state *cpu = this_cpu();
	struct nsproxy *proxy = task->nsproxy;
	struct namespace_ref born = {};
	const struct record_header *base;
	struct repeat *repeat;
	u64 later_ns, more_id;

	if (!cpu || !proxy)
		return false;
	base = &cpu->base.moved.header;
	if (!base->seq || cpu->base.born != flags || differs_from_base(cpu, task) ||
	    differs_in_namespaces(cpu, task, proxy) ||
	    !read_born(&born, proxy, cpu->task.born_slot))
		return false;
	if (cpu->waiting >= REPEATS_MAX && !send_repeats(cpu))
		return false;
	later_ns = bpf_ktime_get_boot_ns() - base->boot_ns;
	more_id = born.id - cpu->task.born_id;
	if (later_ns >= REPEATED_FOR_NS || more_id >> 32)
		return false;
	repeat = &cpu->repeated.repeats[cpu->waiting & (REPEATS_MAX - 1)];
	repeat->later_ns = later_ns;
	repeat->more_id = more_id;
	repeat->more_seq =
		__sync_fetch_and_add(&cpu->counters[STREAM_LIFE].seq, 1) + 1 - base->seq;
	repeat->inum = born.inum;
	publish_waiting(cpu, cpu->waiting + 1);
	return true;
}

#endif
