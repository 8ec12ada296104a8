/*
 * References: how many the kernel counts on a namespace, and who can be seen to have them.
 *
 * One nsproxy counts once, however many tasks share it; all descriptors and mounts of one namespace share
 * one inode in nsfs and count once; each socket counts for its network namespace.
 *
 * Addresses never leave the kernel: what user space must tell apart gets a token, which is the address mixed
 * with a key that the reader chose at random.
 *
 * Source: kernel/nsproxy.c, fs/nsfs.c, net/core/sock.c sk_alloc; include/linux/ns_common.h.
 */
#ifndef NSAUDIT_REFERENCES_H
#define NSAUDIT_REFERENCES_H

#include "helpers.h"
#include "records.h"

struct inventory_settings {
	u64 key[2];
	/* inum of the initial network namespace; 0 while it is not known. */
	u32 initial_net;
	u32 padding;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct inventory_settings);
} inventory_settings SEC(".maps");

/* Refused by no kernel, as there always is entry 0 of an array; the verifier wants to see it asked. */
INLINE struct inventory_settings inventory_settings_now(void)
{
	struct inventory_settings none = {};
	u32 zero = 0;
	struct inventory_settings *found = bpf_map_lookup_elem(&inventory_settings, &zero);

	return found ? *found : none;
}

/* Of an address that was read as memory (READ): the verifier lets nobody reckon with a pointer it knows. */
INLINE u64 inventory_token(const void *address)
{
	struct inventory_settings settings = inventory_settings_now();
	u64 mixed = (u64)address ^ settings.key[0];

	if (!address)
		return 0;
	mixed = (mixed ^ mixed >> 33) * (settings.key[1] | 1);
	mixed = (mixed ^ mixed >> 29) * 0xff51afd7ed558ccdULL;
	return mixed ^ mixed >> 32;
}

/* The inode in nsfs, while something refers to it. A dentry since 6.9, before that its address as a number. */
struct ns_common___stashed {
	struct dentry *stashed;
} KERNEL;

typedef struct {
	s64 counter;
} atomic64_t;

typedef atomic64_t atomic_long_t;

struct ns_common___6_8 {
	atomic_long_t stashed;
} KERNEL;

INLINE bool has_nsfs_inode(struct ns_common *common)
{
	struct ns_common___stashed *now = (void *)common;
	struct ns_common___6_8 *old = (void *)common;

	if (bpf_core_field_exists(now->stashed))
		return READ(now, stashed) != NULL;
	if (bpf_core_field_exists(old->stashed))
		return READ(old, stashed.counter) != 0;
	return false;
}

/* 0 where this kernel has no count in common to all types: before 5.11. */
INLINE u32 count_references(struct ns_common *common)
{
	struct ns_common___6_17 *old = (void *)common;

	if (bpf_core_field_exists(common->__ns_ref))
		return READ(common, __ns_ref.refs.counter);
	if (bpf_core_field_exists(old->count))
		return READ(old, count.refs.counter);
	return 0;
}

#endif
