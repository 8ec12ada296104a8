/*
 * Bind mounts of namespaces, and their inodes in nsfs: names that are made and removed, at that moment.
 * Part of the trampoline profile; each program is optional (src/observe/kernel-hooks.ts).
 *
 * A mount is told when it takes its place in a mount namespace, whoever put it there: mount(2), move_mount(2)
 * or propagation. What comes along with the directory it is in (a copied mount namespace, a recursive bind
 * mount) is not told; a scan finds it. Every mount has its end told, also with all of its mount namespace.
 *
 * All descriptors and mounts of a namespace share one inode in nsfs, which goes with the last of them.
 *
 * Source: fs/namespace.c commit_tree, umount_tree; fs/pnode.c change_mnt_propagation; fs/nsfs.c nsfs_evict.
 */
#ifndef NSAUDIT_MOUNTS_H
#define NSAUDIT_MOUNTS_H

#include "trampolines.h"

#define NSFS_MAGIC 0x6e736673
/* include/linux/mount.h: umount_tree has taken it out of its mount namespace. */
#define MNT_UMOUNT 0x8000000
/* MNT_NS_ANON_INO of Linux 6.18; before, the inum of a mount namespace that nobody can enter is 0. */
#define ANONYMOUS_INUM 0xeffffff7U

INLINE s32 type_of(struct ns_common *ns)
{
	struct ns_common___6_17 *before = (void *)ns;

	if (bpf_core_field_exists(ns->ns_type))
		return type_of_flag(READ(ns, ns_type));
	if (bpf_core_field_exists(before->ops)) {
		struct proc_ns_operations___6_17 *operations = (void *)READ(before, ops);

		return type_of_flag(READ(operations, type));
	}
	return -1;
}

/* False for an inode of any other file system. */
INLINE bool read_inode_ref(struct namespace_ref *ref, struct inode *inode)
{
	struct super_block *super = READ(inode, i_sb);
	struct ns_common *ns;
	s32 type;

	if (READ(super, s_magic) != NSFS_MAGIC)
		return false;
	ns = READ(inode, i_private);
	type = ns ? type_of(ns) : -1;
	if (type < 0)
		return false;
	read_ref_at(ref, ns, type);
	return ref->inum != 0;
}

/* False for a mount of anything but a namespace. */
INLINE bool read_mounted_ref(struct namespace_ref *ref, struct mount *mount)
{
	struct dentry *root = READ(mount, mnt.mnt_root);
	struct inode *inode = root ? READ(root, d_inode) : NULL;

	return inode && read_inode_ref(ref, inode);
}

SEC("fexit/commit_tree")
int on_mounted(u64 *context)
{
	struct mount *mount = (void *)context[0];
	struct mnt_namespace *place = READ(mount, mnt_ns);
	struct mount *above = READ(mount, mnt_parent);
	struct namespace_ref namespace = {}, mount_namespace = {};
	struct mounted_record *record;
	struct record_header header;

	if (!place || !above || !read_mounted_ref(&namespace, mount))
		return 0;
	read_ref_at(&mount_namespace, &place->ns, TYPE_MNT);
	if (mount_namespace.inum == 0 || mount_namespace.inum == ANONYMOUS_INUM)
		return 0;
	start_record(&header, STREAM_LIFE, bpf_ktime_get_boot_ns(), RECORD_MOUNTED, 0, 1);
	record = bpf_ringbuf_reserve(&life, sizeof(*record), 0);
	if (!record) {
		count_dropped(STREAM_LIFE, 1);
		return 0;
	}
	record->header = header;
	record->namespace = namespace;
	record->mount_namespace = mount_namespace;
	record->mount_id = READ(mount, mnt_id);
	record->length = 0;
	if (!read_file_names(record->names, &record->length, &record->header.flags,
			     READ(mount, mnt_mountpoint),
			     __builtin_preserve_access_index(&above->mnt)))
		record->header.flags |= FLAG_TRUNCATED;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return 0;
}

/* umount_tree makes every mount private that it takes out, which others do with mounts that stay. */
SEC("fentry/change_mnt_propagation")
int on_unmounted(u64 *context)
{
	struct mount *mount = (void *)context[0];
	struct unmounted_record record = {};

	if (!(READ(mount, mnt.mnt_flags) & MNT_UMOUNT) ||
	    !read_mounted_ref(&record.namespace, mount))
		return 0;
	record.mount_id = READ(mount, mnt_id);
	start_record(&record.header, STREAM_LIFE, bpf_ktime_get_boot_ns(), RECORD_UNMOUNTED, 0, 1);
	if (bpf_ringbuf_output(&life, &record, sizeof(record), BPF_RB_NO_WAKEUP))
		count_dropped(STREAM_LIFE, 1);
	return 0;
}

/* Told of namespaces in the map of the living, because whoever looks at a namespace makes and drops an inode. */
SEC("fentry/nsfs_evict")
int on_inode_evicted(u64 *context)
{
	struct inode *inode = (void *)context[0];
	struct namespace_ref ref = {};
	u64 key;

	if (!read_inode_ref(&ref, inode))
		return 0;
	key = key_of(&ref);
	if (bpf_map_lookup_elem(&live, &key))
		tell_end(&ref, RECORD_CLOSED);
	return 0;
}

#endif
