/*
 * The inventory: two iterators that write one binary row for every process and for every thread that may
 * differ from it, and one for every descriptor that holds a namespace.
 *
 * Loads go through pointers the verifier knows, so a pointer that has become bad in the meantime reads as
 * zero. A row is no snapshot: only nsproxy is looked at twice, because it can be given away and used again.
 *
 * Rows are decoded by kernel-inventory-rows.ts, which must be changed with the structs below.
 *
 * Source: kernel/bpf/task_iter.c; fs/proc/namespaces.c and the *_get functions behind it for what counts as
 * a link of a task; fs/nsfs.c, net/socket.c and drivers/net/tun.c for what a descriptor holds.
 */
#ifndef NSAUDIT_INVENTORY_H
#define NSAUDIT_INVENTORY_H

#include "helpers.h"
#include "records.h"
#include "references.h"

/* include/linux/sched.h, and what proc_pid_stat(5) calls clock ticks: USER_HZ is 100 where Node runs. */
#define INVENTORY_EXIT_DEAD_OR_ZOMBIE 0x30
#define INVENTORY_NS_PER_TICK 10000000ULL

enum { TASK_ENDED = 1, TASK_HAS_FILES = 2, TASK_SHARES_FILES = 4 };

/* ids are 0 before Linux 6.18; inums are 0 where the task has no such link. */
struct inventory_task {
	u64 start_ticks;
	u64 ids[MEMBER_SLOTS];
	u32 inums[MEMBER_SLOTS];
	u32 pid;
	u32 tid;
	u32 ppid;
	u32 uid;
	u32 gid;
	u32 loginuid;
	u32 session;
	u32 flags;
	u32 thread_count;
	char comm[16];
	u32 padding;
};

enum { FILE_NAMESPACE = 1, FILE_SOCKET = 2, FILE_TUN = 3 };

/*
 * FILE_HAS_INODE: the namespace has an inode in nsfs, for descriptors and mounts. FILE_OWN_NETWORK: of the
 * network namespace that the task is in, which it holds anyway: told because it counts as a reference.
 */
enum { FILE_HAS_INODE = 1, FILE_OWN_NETWORK = 2 };

/*
 * process_start_ticks is that of the leader. table and socket tell descriptor tables and sockets apart, and
 * nothing else. device_inum is the network namespace of a tun device, 0 where it has none.
 */
struct inventory_file {
	u64 id;
	u64 process_start_ticks;
	u64 table;
	u64 inode;
	u64 socket;
	u32 pid;
	u32 tid;
	u32 fd;
	u32 kind;
	u32 clone_flag;
	u32 inum;
	u32 references;
	u32 flags;
	u32 device_inum;
	char interface[16];
	u32 padding;
};

/* What only the inventory reads of types that kernel-types.h has for all programs. */
struct files_struct;

struct signal_struct___inventory {
	int nr_threads;
} KERNEL;

struct task_struct___inventory {
	int exit_state;
	struct files_struct *files;
	struct signal_struct___inventory *signal;
} KERNEL;

struct inode___inventory {
	u16 i_mode;
	u32 i_rdev;
} KERNEL;

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	possible_net_t skc_net;
} KERNEL;

struct sock {
	struct sock_common __sk_common;
} KERNEL;

struct socket {
	struct sock *sk;
} KERNEL;

struct net_device {
	char name[16];
	possible_net_t nd_net;
} KERNEL;

/* The device of a tun descriptor, once it has one. */
struct tun_struct {
	struct net_device *dev;
} KERNEL;

/* A module on many kernels. */
struct tun_file {
	struct sock sk;
	struct tun_struct *tun;
} KERNEL;

struct bpf_iter_meta {
	void *seq;
} KERNEL;

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} KERNEL;

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
} KERNEL;

#define INVENTORY_NAMESPACE(row, slot, namespace)                                                   \
	do {                                                                                        \
		(row)->inums[slot] = (namespace)->ns.inum;                                          \
		if (bpf_core_field_exists((namespace)->ns.ns_id))                                   \
			(row)->ids[slot] = (namespace)->ns.ns_id;                                   \
	} while (0)

/* As task_active_pid_ns(): the namespace the task was made in, not the one its children get. */
INLINE void inventory_pid_namespace(struct inventory_task *row, struct task_struct *task)
{
	struct pid *pid = task->thread_pid;
	u32 level = pid->level & 63;

	if (level == 0) {
		INVENTORY_NAMESPACE(row, TYPE_PID, pid->numbers[0].ns);
		return;
	}
	struct upid upid = {};
	struct ns_common common = {};
	bpf_probe_read_kernel(&upid, sizeof(upid), &pid->numbers[0] + level);
	row->inums[TYPE_PID] = READ(upid.ns, ns.inum);
	if (bpf_core_field_exists(common.ns_id))
		row->ids[TYPE_PID] = READ(upid.ns, ns.ns_id);
}

INLINE void inventory_proxy(struct inventory_task *row, struct nsproxy *proxy)
{
	INVENTORY_NAMESPACE(row, TYPE_CGROUP, proxy->cgroup_ns);
	INVENTORY_NAMESPACE(row, TYPE_IPC, proxy->ipc_ns);
	INVENTORY_NAMESPACE(row, TYPE_MNT, proxy->mnt_ns);
	INVENTORY_NAMESPACE(row, TYPE_NET, proxy->net_ns);
	INVENTORY_NAMESPACE(row, TYPE_TIME, proxy->time_ns);
	INVENTORY_NAMESPACE(row, TYPE_UTS, proxy->uts_ns);
	INVENTORY_NAMESPACE(row, CHILDREN_TIME, proxy->time_ns_for_children);
	/* Also before it has an init, when pidns_for_children_get() hides it from procfs: it is held all the same. */
	INVENTORY_NAMESPACE(row, CHILDREN_PID, proxy->pid_ns_for_children);
}

INLINE void inventory_namespaces(struct inventory_task *row, struct task_struct *task)
{
	INVENTORY_NAMESPACE(row, TYPE_USER, task->real_cred->user_ns);
	inventory_pid_namespace(row, task);
	for (int attempt = 0; attempt < 3; attempt++) {
		struct nsproxy *proxy = *(struct nsproxy *volatile *)&task->nsproxy;

		if (proxy)
			inventory_proxy(row, proxy);
		if (*(struct nsproxy *volatile *)&task->nsproxy == proxy)
			return;
	}
}

SEC("iter/task")
int inventory_tasks(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;

	if (!task)
		return 0;
	struct task_struct *leader = task->group_leader;
	struct task_struct___inventory *more = (void *)task;
	struct files_struct *files = more->files;
	struct files_struct *leader_files = ((struct task_struct___inventory *)leader)->files;
	struct nsproxy *leader_proxy = leader->nsproxy;

	if (task->pid != task->tgid && files == leader_files && task->nsproxy == leader_proxy &&
	    task->real_cred->user_ns == leader->real_cred->user_ns)
		return 0;

	struct inventory_task row = {};
	row.start_ticks = task->start_boottime / INVENTORY_NS_PER_TICK;
	row.pid = task->tgid;
	row.tid = task->pid;
	row.ppid = task->real_parent->tgid;
	row.uid = task->real_cred->uid.val;
	row.gid = task->real_cred->gid.val;
	row.loginuid = bpf_core_field_exists(task->loginuid) ? task->loginuid.val : ~0U;
	row.session = bpf_core_field_exists(task->sessionid) ? task->sessionid : ~0U;
	row.thread_count = more->signal->nr_threads;
	if (more->exit_state & INVENTORY_EXIT_DEAD_OR_ZOMBIE)
		row.flags |= TASK_ENDED;
	if (files)
		row.flags |= TASK_HAS_FILES;
	if (files == leader_files)
		row.flags |= TASK_SHARES_FILES;
	bpf_probe_read_kernel(&row.comm, sizeof(row.comm), &task->comm);
	inventory_namespaces(&row, task);
	bpf_seq_write(context->meta->seq, &row, sizeof(row));
	return 0;
}

#define INVENTORY_NSFS_MAGIC 0x6e736673
#define INVENTORY_SOCKFS_MAGIC 0x534f434b
#define INVENTORY_S_IFMT 0170000
#define INVENTORY_S_IFCHR 0020000
/* Documentation/admin-guide/devices.txt: 10, 200 is /dev/net/tun. As dev_t of the kernel. */
#define INVENTORY_TUN_DEVICE ((10U << 20) | 200U)

INLINE void inventory_of_nsfs(struct inventory_file *row, struct inode *inode)
{
	struct ns_common *common = inode->i_private;

	row->kind = FILE_NAMESPACE;
	row->flags = FILE_HAS_INODE;
	row->references = count_references(common);
	row->inum = READ(common, inum);
	if (bpf_core_field_exists(common->ns_id))
		row->id = READ(common, ns_id);
	if (bpf_core_field_exists(common->ns_type)) {
		row->clone_flag = READ(common, ns_type);
	} else {
		struct ns_common___6_17 *old = (void *)common;
		struct proc_ns_operations___6_17 *operations = (void *)READ(old, ops);

		row->clone_flag = READ(operations, type);
	}
}

/* Not of the initial network namespace, which needs nobody. */
INLINE void inventory_of_network(struct inventory_file *row, struct task_struct *task,
				 struct sock *sock, u32 kind)
{
	struct net *net = READ(sock, __sk_common.skc_net.net);
	u32 inum = net ? READ(net, ns.inum) : 0;

	if (inum == 0 || inum == inventory_settings_now().initial_net)
		return;
	row->kind = kind;
	row->clone_flag = 0x40000000;
	row->inum = inum;
	if (bpf_core_field_exists(net->ns.ns_id))
		row->id = READ(net, ns.ns_id);
	row->socket = inventory_token(sock);
	row->references = count_references(&net->ns);
	if (has_nsfs_inode(&net->ns))
		row->flags |= FILE_HAS_INODE;
	if (net == task->nsproxy->net_ns)
		row->flags |= FILE_OWN_NETWORK;
}

/* The device can be in another network namespace than the one that its descriptor holds: it can be moved. */
INLINE void inventory_of_tun(struct inventory_file *row, struct task_struct *task, struct tun_file *file)
{
	inventory_of_network(row, task, &file->sk, FILE_TUN);
	if (row->kind == 0)
		return;
	struct tun_struct *tun = READ(file, tun);
	struct net_device *device = tun ? READ(tun, dev) : NULL;
	struct net *net = device ? READ(device, nd_net.net) : NULL;

	if (!net)
		return;
	row->device_inum = READ(net, ns.inum);
	bpf_probe_read_kernel(&row->interface, sizeof(row->interface),
			      __builtin_preserve_access_index(&device->name));
	if (row->device_inum != row->inum)
		row->flags &= ~FILE_OWN_NETWORK;
}

INLINE bool inventory_is_tun(struct inode *inode)
{
	struct inode___inventory *more = (void *)inode;

	return bpf_core_type_exists(struct tun_file) && more->i_rdev == INVENTORY_TUN_DEVICE &&
	       (more->i_mode & INVENTORY_S_IFMT) == INVENTORY_S_IFCHR;
}

/* The kernel leaves out threads that share the table of their leader. */
SEC("iter/task_file")
int inventory_files(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct file *file = context->file;

	if (!task || !file)
		return 0;
	struct inode *inode = file->f_inode;
	unsigned long magic = inode->i_sb->s_magic;
	struct inventory_file row = {};

	if (magic == INVENTORY_NSFS_MAGIC) {
		inventory_of_nsfs(&row, inode);
	} else if (magic == INVENTORY_SOCKFS_MAGIC) {
		struct socket *socket = file->private_data;
		inventory_of_network(&row, task, READ(socket, sk), FILE_SOCKET);
	} else if (inventory_is_tun(inode)) {
		inventory_of_tun(&row, task, file->private_data);
	}
	if (row.kind == 0)
		return 0;
	row.process_start_ticks = task->group_leader->start_boottime / INVENTORY_NS_PER_TICK;
	row.table = inventory_token(READ((struct task_struct___inventory *)task, files));
	row.inode = inode->i_ino;
	row.pid = task->tgid;
	row.tid = task->pid;
	row.fd = context->fd;
	bpf_seq_write(context->meta->seq, &row, sizeof(row));
	return 0;
}

#endif
