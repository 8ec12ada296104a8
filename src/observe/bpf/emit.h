/* Writes records: sequence numbers, rings, the map of live namespaces, the paths of executables. */
#ifndef NSAUDIT_EMIT_H
#define NSAUDIT_EMIT_H

#include "capture.h"
#include "maps.h"

/* Of the unified hierarchy. Where version 1 hierarchies are used, every task is in it. */
#define ROOT_CGROUP_ID 1

INLINE struct cpu_state *this_cpu(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&cpus, &cpu);
}

/* A header without number. */
INLINE void set_header(struct record_header *header, u64 now, u32 kind, u32 flags)
{
	header->boot_ns = now;
	header->seq = 0;
	header->kind = kind;
	header->count = 0;
	header->cpu = bpf_get_smp_processor_id();
	header->flags = flags;
}

/* Before room is looked for: a record that finds none leaves a hole of `count` in the numbers. */
INLINE void start_record(struct record_header *header, u32 stream, u64 now, u32 kind, u32 flags,
			 u32 count)
{
	struct cpu_state *cpu = this_cpu();

	set_header(header, now, kind, flags);
	header->seq = cpu ? __sync_fetch_and_add(&cpu->counters[stream].seq, count) + count : 0;
	header->count = count;
}

INLINE void count_dropped(u32 stream, u32 count)
{
	struct cpu_state *cpu = this_cpu();

	if (cpu)
		__sync_fetch_and_add(&cpu->counters[stream].dropped, count);
}

INLINE u64 key_of(const struct namespace_ref *ref)
{
	return ref->id ? ref->id : ref->inum;
}

INLINE void remember_birth(const struct birth_record *birth)
{
	u64 key = key_of(&birth->namespace);
	u32 zero = 0;
	struct totals *total;

	if (!bpf_map_update_elem(&live, &key, birth, BPF_ANY))
		return;
	total = bpf_map_lookup_elem(&totals, &zero);
	if (total)
		__sync_fetch_and_add(&total->live_full, 1);
}

INLINE void emit_birth(struct birth_record *birth, u64 now)
{
	start_record(&birth->header, STREAM_LIFE, now, RECORD_BIRTH, 0, 1);
	remember_birth(birth);
	if (bpf_ringbuf_output(&life, birth, sizeof(*birth), BPF_RB_NO_WAKEUP))
		count_dropped(STREAM_LIFE, 1);
}

/*
 * Appends one name to the PATH_BYTES of `names`. False, and nothing was appended, when it does not fit.
 * A name of 255 bytes is the longest a file can have.
 */
INLINE bool append_name(char *names, u32 *length, const void *name)
{
	u32 at = *length;
	long copied;

	/* Keeps the compiler from proving the bound in a way the verifier cannot follow. */
	asm volatile("" : "+r"(at));
	if (at > PATH_BYTES - NAME_BYTES)
		return false;
	copied = bpf_probe_read_kernel_str(&names[at], NAME_BYTES, name);
	if (copied <= 0 || copied > NAME_BYTES)
		return false;
	*length = at + ((u32)copied & (2 * NAME_BYTES - 1));
	return true;
}

/* The names from the file up to the root, through every mount. False where the walk was cut short. */
INLINE bool read_file_names(char *names, u32 *names_length, u32 *flags, struct dentry *dentry,
			    struct vfsmount *mnt)
{
	u32 length = 0;
	bool is_whole = false;

	for (int depth = 0; depth < NAMES_MAX; depth++) {
		struct dentry *parent = READ(dentry, d_parent);

		if (dentry == READ(mnt, mnt_root)) {
			struct mount *mount = (void *)mnt - __builtin_preserve_field_info(
								    ((struct mount *)0)->mnt, 0);
			struct mount *above = READ(mount, mnt_parent);

			if (above == mount || !above) {
				is_whole = true;
				break;
			}
			dentry = READ(mount, mnt_mountpoint);
			mnt = __builtin_preserve_access_index(&above->mnt);
			continue;
		}
		if (!append_name(names, &length, READ(dentry, d_name.name)))
			break;
		if (parent == dentry) {
			/* Belongs to no tree, as a memfd does. */
			*flags |= FLAG_DELETED;
			is_whole = true;
			break;
		}
		dentry = parent;
	}
	*names_length = length;
	return is_whole;
}

INLINE struct kernfs_node *parent_of(struct kernfs_node *node)
{
	struct kernfs_node___6_15 *since = (void *)node;

	if (bpf_core_field_exists(node->parent))
		return READ(node, parent);
	return bpf_core_field_exists(since->__parent) ? READ(since, __parent) : NULL;
}

/* The names from the cgroup up to the root. False where the walk was cut short. */
INLINE bool read_cgroup_names(struct path_record *record, struct kernfs_node *node)
{
	bool is_whole = false;
	u32 length = 0;

	for (int depth = 0; depth < NAMES_MAX; depth++) {
		struct kernfs_node *parent = parent_of(node);

		if (!parent) {
			is_whole = true;
			break;
		}
		if (!append_name(record->names, &length, READ(node, name)))
			break;
		node = parent;
	}
	record->length = length;
	return is_whole;
}

/*
 * A path record without its names, in the life ring; NULL where there is no room. It has no number: a path
 * that was lost is told again by the next who needs it, and is no loss of a birth or an end.
 */
INLINE struct path_record *reserve_path(u32 kind, u64 number, u64 now)
{
	struct path_record *record = bpf_ringbuf_reserve(&life, sizeof(*record), 0);

	if (!record)
		return NULL;
	set_header(&record->header, now, kind, 0);
	record->number = number;
	record->unused = 0;
	return record;
}

/* False where there was no room. */
INLINE bool emit_exe(const struct exe_key *key, u32 number, u64 now)
{
	struct dentry *dentry = key->dentry;
	struct path_record *record = reserve_path(RECORD_EXE, number, now);

	if (!record)
		return false;
	if (!READ(dentry, d_hash.pprev) && READ(dentry, d_parent) != dentry)
		record->header.flags |= FLAG_DELETED;
	if (!read_file_names(record->names, &record->length, &record->header.flags, dentry,
			     key->mnt))
		record->header.flags |= FLAG_TRUNCATED;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return true;
}

/*
 * The id of the task's cgroup in the unified hierarchy, after seeing to it that user space knows its path,
 * as with tell_exe.
 */
INLINE u64 tell_cgroup(struct task_struct *task, struct told_last *last, u64 now)
{
	struct kernfs_node *node = task->cgroups->dfl_cgrp->kn;
	u64 id = node->id;
	struct path_record *record;
	u32 told_it = 1;

	if (id <= ROOT_CGROUP_ID || id == last->cgroup_id)
		return id;
	if (!bpf_map_lookup_elem(&told_cgroups, &id)) {
		record = reserve_path(RECORD_CGROUP, id, now);
		if (!record)
			return id;
		if (!read_cgroup_names(record, node))
			record->header.flags |= FLAG_TRUNCATED;
		bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
		bpf_map_update_elem(&told_cgroups, &id, &told_it, BPF_ANY);
	}
	last->cgroup_id = id;
	return id;
}

INLINE bool is_same_exe(const struct exe_identity *left, const struct exe_identity *right)
{
	return left->inode == right->inode && left->name_hash == right->name_hash &&
	       left->parent == right->parent;
}

/*
 * The number of the task's executable, after seeing to it that user space knows its path: the path goes
 * into the life ring once, before the first record that names it, because the process may be gone by the
 * time the ring is read. 0 for a task without.
 */
INLINE u32 tell_exe(struct task_struct *task, struct told_last *last, u64 now)
{
	struct mm_struct *mm = task->mm;
	struct exe_identity identity = {}, *known;
	struct exe_key key = {};
	struct totals *total;
	struct file *file;
	u32 zero = 0;

	if (!mm)
		return 0;
	file = mm->exe_file;
	if (!file)
		return 0;
	key.dentry = file->f_path.dentry;
	key.mnt = file->f_path.mnt;
	identity.parent = key.dentry->d_parent;
	identity.inode = key.dentry->d_inode->i_ino;
	identity.name_hash = key.dentry->d_name.hash;
	if (last->exe.dentry == key.dentry && last->exe.mnt == key.mnt &&
	    is_same_exe(&last->identity, &identity))
		return last->identity.number;
	known = bpf_map_lookup_elem(&told, &key);
	if (known && is_same_exe(known, &identity)) {
		identity.number = known->number;
	} else {
		total = bpf_map_lookup_elem(&totals, &zero);
		if (!total)
			return 0;
		identity.number = __sync_fetch_and_add(&total->exes, 1) + 1;
		if (!emit_exe(&key, identity.number, now))
			return identity.number;
		bpf_map_update_elem(&told, &key, &identity, BPF_ANY);
	}
	last->exe = key;
	last->identity = identity;
	return identity.number;
}

/* What the task is, and what its records name told before. */
INLINE void tell_task(struct task_block *block, struct task_struct *task, u64 now)
{
	struct cpu_state *cpu = this_cpu();

	if (cpu)
		read_task(block, task, tell_exe(task, &cpu->told, now),
			  tell_cgroup(task, &cpu->told, now));
}

#endif
