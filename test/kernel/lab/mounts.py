"""Bind mounts of namespaces, and the directories and mount namespaces they are made in."""

import os

from lab_base import (
    FLAGS,
    LIBC,
    check,
    children,
    die_with_parent,
    link,
    spawn_waiting,
    wait_forever,
)

MS_BIND, MS_REC, MS_PRIVATE, MS_SHARED, MNT_DETACH = 4096, 16384, 1 << 18, 1 << 20, 2
SYS_OPEN_TREE = 428
OPEN_TREE_CLONE, AT_RECURSIVE, AT_FDCWD = 1, 0x8000, -100


def bind(pid, name, path):
    """Bind-mounts a namespace of a process onto a new file."""
    open(path, "x").close()
    check(LIBC.mount(f"/proc/{pid}/ns/{name}".encode(), path.encode(), None, MS_BIND, None), "mount")


def unbind(path):
    check(LIBC.umount2(path.encode(), MNT_DETACH), "umount")
    os.unlink(path)


def make_private(path):
    """Makes a directory a mount of its own, of which others get no copy."""
    check(LIBC.mount(path.encode(), path.encode(), None, MS_BIND, None), "mount")
    check(LIBC.mount(None, path.encode(), None, MS_PRIVATE, None), "mount")


def make_shared(path):
    """Makes a directory a mount of its own, of which mount namespaces made later have copies that follow it."""
    check(LIBC.mount(path.encode(), path.encode(), None, MS_BIND, None), "mount")
    check(LIBC.mount(None, path.encode(), None, MS_SHARED, None), "mount")


def unmount(path):
    check(LIBC.umount2(path.encode(), MNT_DETACH), "umount")


def spawn_private_mount(path, pid, name):
    """A child in a mount namespace of its own, in which alone a namespace of `pid` is mounted on `path`."""
    ready_read, ready_write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            die_with_parent()
            check(LIBC.unshare(FLAGS["mnt"]), "unshare")
            check(LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "mount")
            check(LIBC.mount(f"/proc/{pid}/ns/{name}".encode(), path.encode(), None, MS_BIND, None), "mount")
            os.write(ready_write, b"1")
            wait_forever()
        finally:
            os._exit(1)
    children[child] = []
    os.close(ready_write)
    if not os.read(ready_read, 1):
        raise OSError("child could not mount")
    return {"pid": child, "mnt": link("mnt", child)}


def spawn_detached(path, recursive):
    """A child with a detached copy of the mount at `path`, or of the directory tree it is in."""

    def work():
        flags = OPEN_TREE_CLONE | (AT_RECURSIVE if recursive else 0)
        return {"fd": check(LIBC.syscall(SYS_OPEN_TREE, AT_FDCWD, path.encode(), flags), "open_tree")}

    return spawn_waiting(work)
