/*
 * What the rings and the map of live namespaces hold. src/observe/kernel-layout.ts repeats every offset;
 * test/observe/kernel-layout.test.ts compares the two. All numbers in the byte order of the host.
 *
 * Pids are those of the initial pid namespace, uids those of the initial user namespace. A namespace that
 * does not exist has inum 0; an id of 0 means that this kernel has no ids.
 */
#ifndef NSAUDIT_RECORDS_H
#define NSAUDIT_RECORDS_H

#include "kernel-types.h"

/* Changes whenever a collector of another version could misread a record or a pinned map. */
#define NSAUDIT_ABI 5

/* In the order of NAMESPACE_TYPES. */
enum namespace_type {
	TYPE_CGROUP,
	TYPE_IPC,
	TYPE_MNT,
	TYPE_NET,
	TYPE_PID,
	TYPE_TIME,
	TYPE_USER,
	TYPE_UTS,
	TYPE_COUNT,
};

/* After the eight own namespaces of a task: what its children get. */
enum { CHILDREN_PID = TYPE_COUNT, CHILDREN_TIME, MEMBER_SLOTS };

enum stream { STREAM_LIFE, STREAM_HOLDERS, STREAM_COUNT };

enum record_kind {
	RECORD_BIRTH = 1,
	RECORD_JOINED,
	RECORD_MOVED,
	RECORD_LEFT,
	RECORD_UNREFERENCED,
	RECORD_DESTROYED,
	RECORD_EXE,
	RECORD_CGROUP,
	RECORD_UNSHARED,
	RECORD_MOUNTED,
	RECORD_UNMOUNTED,
	RECORD_CLOSED,
	RECORD_REPEATED,
};

enum how { HOW_UNKNOWN, HOW_UNSHARE, HOW_CLONE, HOW_CLONE3, HOW_FORK, HOW_SETNS, HOW_EXEC };

/* Flags of a record, by kind. */
enum {
	FLAG_OTHER_THREADS = 1, /* joined, moved, unshared */
	FLAG_LAST = 1, /* left */
	FLAG_TRUNCATED = 1, /* exe, cgroup, mounted */
	FLAG_DELETED = 2, /* exe */
};

struct record_header {
	u64 boot_ns;
	/*
	 * Counted for each ring and CPU, before room in the ring is looked for: what is missing was lost. The
	 * number of the last of `count` things that the record tells. 0 for a path, which is told again.
	 */
	u64 seq;
	u8 kind;
	u8 count;
	u16 cpu;
	u32 flags;
};

struct namespace_ref {
	u64 id;
	u32 inum;
	u32 type;
};

struct task_block {
	u32 tgid;
	u32 tid;
	/* Of the process and of this thread, in clock ticks of 10 ms as in /proc/PID/stat. */
	u64 start_ticks;
	u64 thread_start_ticks;
	u32 uid;
	u32 gid;
	u32 ppid;
	u32 loginuid;
	u32 session;
	/* The number of an exe record that came before; 0 for none. */
	u32 exe;
	/* The id of a cgroup record that came before; 1 for the root, which is never told. */
	u64 cgroup_id;
	char comm[16];
	/* Of the process. */
	char leader_comm[16];
};

struct birth_record {
	struct record_header header;
	struct task_block creator;
	struct namespace_ref namespace;
	struct namespace_ref owner;
	u32 how;
	/* Of a user namespace the uid of its owner, of a pid namespace the inum of its parent. */
	u32 origin;
};

struct task_record {
	struct record_header header;
	struct task_block task;
	u64 ids[MEMBER_SLOTS];
	u32 inums[MEMBER_SLOTS];
	u32 how;
	/* Bit for each slot in which a thread differs from its process; all of them for a process. */
	u32 differs;
};

/* A task that moved, and the namespaces born by that: one record in the life ring instead of two or more. */
struct unshared_record {
	struct task_record moved;
	/* Of a new user namespace; the others are owned by the user namespace the task is in. */
	struct namespace_ref parent;
	/* CLONE_NEW flags: what is new about the namespaces it moved to. */
	u32 born;
	/* The uid of the owner of the user namespace it is in. */
	u32 owner_uid;
};

/*
 * The same as the last unshared record of this CPU, later, and with another namespace in the place of the one
 * that was born then. Instant, id and number are told as how much more they are than those of that record.
 */
struct repeat {
	u32 later_ns;
	u32 more_id;
	u32 more_seq;
	u32 inum;
};

enum { REPEATS_MAX = 16 };

/*
 * What a storm consists of. The storming process waits for every byte of cold memory, so there are few of
 * them, and they go into the ring together. Only the first `count` are there.
 */
struct repeated_record {
	/* Instant and number are those of the unshared record that is repeated. */
	struct record_header header;
	struct repeat repeats[REPEATS_MAX];
};

struct left_record {
	struct record_header header;
	u32 tgid;
	u32 tid;
	u64 start_ticks;
	u64 thread_start_ticks;
	char comm[16];
};

/* Of a namespace, or, if it was closed, of its inode in nsfs: of the last descriptor and bind mount. */
struct end_record {
	struct record_header header;
	struct namespace_ref namespace;
};

enum { PATH_BYTES = 1024, NAME_BYTES = 256, NAMES_MAX = 32 };

/*
 * The path of an executable or a cgroup: its names, each ended by a zero byte, from the last one up to
 * the root, which has none.
 */
struct path_record {
	struct record_header header;
	/* Of the executable, or the id of the cgroup. */
	u64 number;
	u32 length;
	u32 unused;
	char names[PATH_BYTES];
};

/* A namespace was mounted on a file. Names as in path_record, in the mount namespace. */
struct mounted_record {
	struct record_header header;
	struct namespace_ref namespace;
	struct namespace_ref mount_namespace;
	/* As in mountinfo: no other mount has it before this one is unmounted. */
	u32 mount_id;
	u32 length;
	char names[PATH_BYTES];
};

struct unmounted_record {
	struct record_header header;
	struct namespace_ref namespace;
	u32 mount_id;
	u32 unused;
};

/* What an executable is found by. Addresses: they never leave the kernel. */
struct exe_key {
	struct dentry *dentry;
	struct vfsmount *mnt;
};

/* When one of these changes, the same addresses mean another path, which is told anew. */
struct exe_identity {
	struct dentry *parent;
	u64 inode;
	u32 name_hash;
	/* By which records name it. */
	u32 number;
};

/* The executable and the cgroup that were told or looked up last, so that a task that does the same again needs no look into the maps. */
struct told_last {
	struct exe_key exe;
	struct exe_identity identity;
	u64 cgroup_id;
};

/* Written by user space. */
struct config {
	/* 0 where nothing is known: then this type makes no task worth telling about. */
	u32 initial[TYPE_COUNT];
	u32 emit_initial;
	/* Of the types whose births only the calls themselves tell, the CLONE_NEW flags. */
	u32 birth_flags;
	/* Ends are told of namespaces in the map of the living, so every birth goes there at once. */
	u32 tells_ends;
};

/* For each stream and CPU, in things told (see record_header). */
struct counters {
	u64 seq;
	u64 dropped;
};

/* What no record says of the task that the last unshared record tells of, and shows that it is the same still. */
struct same_task {
	u64 start_ns;
	/* One more with every program it executes. */
	u64 exec_id;
	/* How often it had left its CPU. */
	u64 switches;
	/* An address: it never leaves the kernel. */
	struct file *exe_file;
	u64 born_id;
	/* The slot of the namespace that was born, where it was only one, and not a user namespace. */
	u32 born_slot;
	u32 unused;
};

/* All that one CPU needs at hand, in one place: each page of its own costs a process that storms dearly. */
struct cpu_state {
	struct counters counters[STREAM_COUNT];
	struct told_last told;
	struct same_task task;
	/* What is repeated; its number is 0 where there is nothing to repeat. */
	struct unshared_record base;
	/*
	 * How many repeats of it are in `repeated` and not yet in the ring: written after them. User space reads
	 * them here, too, because nobody knows when the next one comes.
	 */
	u32 waiting;
	u32 unused;
	struct repeated_record repeated;
	/* Written by user space: the number of the last repeat that it took from here. */
	u64 taken_seq;
};

/* For the whole host. */
struct totals {
	u64 live_full;
	u64 exes;
};

#endif
