/*
 * What libbpf's headers would give: map and section attributes, CO-RE access, and the helpers that are
 * called, by their number in include/uapi/linux/bpf.h. Written out so that only clang is needed to build.
 */
#ifndef NSAUDIT_HELPERS_H
#define NSAUDIT_HELPERS_H

#include "kernel-types.h"

#define SEC(name) __attribute__((section(name), used))
#define INLINE static __attribute__((always_inline)) inline
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum { BPF_ANY = 0, BPF_NOEXIST = 1 };
enum { BPF_F_MMAPABLE = 1 << 10 };
enum { BPF_RB_NO_WAKEUP = 1 };

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static u32 (*bpf_get_smp_processor_id)(void) = (void *)8;
static u64 (*bpf_get_current_cgroup_id)(void) = (void *)80;
static long (*bpf_probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static long (*bpf_probe_read_kernel_str)(void *to, u32 size, const void *from) = (void *)115;
static u64 (*bpf_ktime_get_boot_ns)(void) = (void *)125;
static long (*bpf_seq_write)(void *seq, const void *data, u32 length) = (void *)127;
static long (*bpf_ringbuf_output)(void *ring, void *data, u64 size, u64 flags) = (void *)130;
static void *(*bpf_ringbuf_reserve)(void *ring, u64 size, u64 flags) = (void *)131;
static void (*bpf_ringbuf_submit)(void *record, u64 flags) = (void *)132;
static struct task_struct *(*bpf_get_current_task_btf)(void) = (void *)158;
static struct pt_regs *(*bpf_task_pt_regs)(struct task_struct *task) = (void *)175;

/* Reads a field through a pointer that the verifier knows nothing about; zero where the address is bad. */
#define READ(pointer, field)                                                                        \
	({                                                                                          \
		typeof((pointer)->field) value_;                                                    \
		__builtin_memset(&value_, 0, sizeof(value_));                                       \
		bpf_probe_read_kernel(&value_, sizeof(value_),                                      \
				      __builtin_preserve_access_index(&(pointer)->field));          \
		value_;                                                                             \
	})

/* BPF_FIELD_EXISTS = 2 of enum bpf_field_info_kind. */
#define bpf_core_field_exists(field) __builtin_preserve_field_info(field, 2)

/* The whole type exists in the running kernel: BPF_TYPE_EXISTS = 0. */
#define bpf_core_type_exists(type) __builtin_preserve_type_info(*(typeof(type) *)0, 0)

#endif
