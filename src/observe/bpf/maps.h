/* The maps of the event programs. The inventory uses none of them. */
#ifndef NSAUDIT_MAPS_H
#define NSAUDIT_MAPS_H

#include "helpers.h"
#include "records.h"

/* Births and ends: rare and precious, so a storm of forks must not push them out. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} life SEC(".maps");

/* Who joined, moved and left. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} holders SEC(".maps");

/*
 * The namespaces born while we watched and not known to be gone: the truth after a loss. Programs put births
 * here that found no room in the ring, and all that other hooks ask for; user space puts the others here
 * before it takes them out of the ring, so that every birth is always in one of the two. Key: the id, or on kernels without ids the inum: all types have theirs from one pool.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64 << 10);
	__type(key, u64);
	__type(value, struct birth_record);
} live SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct exe_key);
	__type(value, struct exe_identity);
} told SEC(".maps");

/* Ids of cgroups whose path has been told; an id is never used again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u32);
} told_cgroups SEC(".maps");

/* By CPU; as many entries as there can be CPUs. User space sees it as it is, in shared memory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct cpu_state);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct totals);
} totals SEC(".maps");

/* Only for user space, pinned with the rest: who reads the rings, and what it has told. See kernel-pins.ts. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, u64[8]);
} reader SEC(".maps");

/* The same: what the reader is about to take out of the map of live namespaces. See kernel-forgetting.ts. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << 15);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, u64);
} forgetting SEC(".maps");

/*
 * The same: for each CPU the last record that repeated ones stand for, and the one before. As many entries as
 * there can be CPUs. See kernel-bases.ts.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct unshared_record[2]);
} bases SEC(".maps");

#endif
