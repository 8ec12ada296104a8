/*
 * The kernel's types, reduced to the fields that are read. Offsets come from the running kernel's BTF when
 * the object is loaded (CO-RE), so the order and completeness of the fields here mean nothing.
 *
 * A field that some supported kernel lacks is only read behind bpf_core_field_exists. A suffix after three
 * underscores is ignored by the relocation: struct ns_common___6_17 is ns_common as an older kernel has it.
 *
 * Source: include/linux/{ns_common,nsproxy,sched,cred,pid,...}.h of Linux 5.10 to 7.3.
 */
#ifndef NSAUDIT_KERNEL_TYPES_H
#define NSAUDIT_KERNEL_TYPES_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;
typedef _Bool bool;

#define true 1
#define false 0
#define NULL ((void *)0)

/* include/uapi/linux/sched.h */
#define CLONE_NEWTIME 0x00000080
#define CLONE_NEWNS 0x00020000
#define CLONE_NEWCGROUP 0x02000000
#define CLONE_NEWUTS 0x04000000
#define CLONE_NEWIPC 0x08000000
#define CLONE_NEWUSER 0x10000000
#define CLONE_NEWPID 0x20000000
#define CLONE_NEWNET 0x40000000
#define CLONE_NEW_ANY                                                                               \
	(CLONE_NEWTIME | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |              \
	 CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

#define KERNEL __attribute__((preserve_access_index))

typedef struct {
	int counter;
} atomic_t;

typedef struct refcount_struct {
	atomic_t refs;
} refcount_t;

struct proc_ns_operations {
	int type;
} KERNEL;

typedef struct {
	u32 val;
} kuid_t;

typedef struct {
	u32 val;
} kgid_t;

/* ns_type, ns_id and __ns_ref: since 6.18. ops->type: until 6.17. */
struct ns_common {
	u32 ns_type;
	u32 inum;
	u64 ns_id;
	refcount_t __ns_ref;
	const struct proc_ns_operations *ops;
} KERNEL;

struct proc_ns_operations___6_17 {
	int type;
} KERNEL;

/* Until 6.17; the count since 5.11. */
struct ns_common___6_17 {
	const struct proc_ns_operations___6_17 *ops;
	refcount_t count;
} KERNEL;

struct user_namespace {
	struct ns_common ns;
	struct user_namespace *parent;
	kuid_t owner;
} KERNEL;

struct uts_namespace {
	struct ns_common ns;
	struct user_namespace *user_ns;
} KERNEL;

struct ipc_namespace {
	struct ns_common ns;
	struct user_namespace *user_ns;
} KERNEL;

struct mnt_namespace {
	struct ns_common ns;
	struct user_namespace *user_ns;
} KERNEL;

struct pid_namespace {
	struct ns_common ns;
	struct user_namespace *user_ns;
	struct pid_namespace *parent;
	u32 level;
} KERNEL;

struct net {
	struct ns_common ns;
	struct user_namespace *user_ns;
} KERNEL;

struct time_namespace {
	struct ns_common ns;
	struct user_namespace *user_ns;
} KERNEL;

struct cgroup_namespace {
	struct ns_common ns;
	struct user_namespace *user_ns;
} KERNEL;

struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct time_namespace *time_ns;
	struct time_namespace *time_ns_for_children;
	struct cgroup_namespace *cgroup_ns;
} KERNEL;

struct cred {
	kuid_t uid;
	kgid_t gid;
	struct user_namespace *user_ns;
} KERNEL;

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	u32 level;
	struct upid numbers[1];
} KERNEL;

struct signal_struct {
	atomic_t live;
} KERNEL;

struct qstr {
	u32 hash;
	u32 len;
	const unsigned char *name;
} KERNEL;

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
} KERNEL;

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
} KERNEL;

struct vfsmount {
	struct dentry *mnt_root;
	int mnt_flags;
} KERNEL;

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
	int mnt_id;
} KERNEL;

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} KERNEL;

struct super_block {
	unsigned long s_magic;
} KERNEL;

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
	void *i_private;
} KERNEL;

struct file {
	struct path f_path;
	struct inode *f_inode;
	void *private_data;
} KERNEL;

struct mm_struct {
	struct file *exe_file;
} KERNEL;

/* parent: until 6.14. */
struct kernfs_node {
	u64 id;
	const char *name;
	struct kernfs_node *parent;
} KERNEL;

/* Since 6.15. */
struct kernfs_node___6_15 {
	struct kernfs_node *__parent;
} KERNEL;

struct cgroup {
	struct kernfs_node *kn;
} KERNEL;

struct css_set {
	struct cgroup *dfl_cgrp;
} KERNEL;

/* status, on x86: whether the system call under way came from 32-bit code. flags, on arm64: the same. */
struct thread_info {
	unsigned long flags;
	u32 status;
} KERNEL;

/* start_boottime: since 5.5. */
struct task_struct {
	u64 self_exec_id;
	unsigned long nvcsw;
	unsigned long nivcsw;
	struct thread_info thread_info;
	struct css_set *cgroups;
	int pid;
	int tgid;
	u64 start_boottime;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	const struct cred *real_cred;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct mm_struct *mm;
	struct pid *thread_pid;
	kuid_t loginuid;
	u32 sessionid;
	u32 flags;
	int exit_state;
	char comm[16];
} KERNEL;

struct pt_regs {
#if defined(__TARGET_ARCH_arm64)
	u64 orig_x0;
	s32 syscallno;
#else
	unsigned long di;
	unsigned long orig_ax;
#endif
} KERNEL;

#endif
