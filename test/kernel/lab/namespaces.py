"""Namespaces of every type, made in every way there is, and what the kernel says of them."""

import ctypes
import errno
import fcntl
import os
import signal
import time

from lab_base import (
    FLAGS,
    LIBC,
    SYS_CLONE,
    check,
    children,
    children_of,
    clone,
    die_with_parent,
    flags_of,
    held,
    hold,
    link,
    spawn_inner,
    spawn_waiting,
    wait_forever,
)

NS_GET_ID = 0x8008B70D
SYS_CLONE3 = 435
NS_GET_USERNS, NS_GET_PARENT, NS_GET_OWNER_UID = 0xB701, 0xB702, 0xB704
PR_SET_DUMPABLE = 4


def unshare(*types):
    """This process itself leaves for new namespaces."""
    check(LIBC.unshare(flags_of(*types)), "unshare")
    return {name: link(name) for name in types if name not in ("pid", "time")}


def spawn(*types, via="unshare"):
    """A child in new namespaces that waits; made by unshare in the child, or by clone or clone3.

    For pid and time with unshare, see spawn_in_pid and spawn_in_time.
    """
    ready_read, ready_write = os.pipe()
    if via == "clone":
        pid = check(LIBC.syscall(SYS_CLONE, flags_of(*types) | signal.SIGCHLD, 0, 0, 0, 0), "clone")
    elif via == "clone3":
        arguments = (ctypes.c_uint64 * 11)()
        arguments[0] = flags_of(*types)
        arguments[4] = signal.SIGCHLD
        pid = check(LIBC.syscall(SYS_CLONE3, ctypes.byref(arguments), ctypes.sizeof(arguments)), "clone3")
    else:
        pid = os.fork()
    if pid == 0:
        try:
            die_with_parent()
            if via == "unshare":
                check(LIBC.unshare(flags_of(*types)), "unshare")
            os.write(ready_write, b"1")
            wait_forever()
        finally:
            os._exit(1)
    children[pid] = []
    os.close(ready_write)
    ready = os.read(ready_read, 1)
    os.close(ready_read)
    if not ready:
        raise OSError(f"child {pid} could not make {types}")
    return {"pid": pid, "links": {name: link(name, pid) for name in types}}


def spawn_in_time():
    """A grandchild in a new time namespace: unshare sets it for children, fork enters it."""
    ready_read, ready_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            die_with_parent()
            check(LIBC.unshare(FLAGS["time"]), "unshare")
            spawn_inner(ready_write)
        finally:
            os._exit(1)
    os.close(ready_write)
    children[pid] = [int(os.read(ready_read, 32))]
    os.close(ready_read)
    return {"pid": pid, "links": {"time": link("time_for_children", pid)}}


def spawn_in_pid():
    """A child whose own child is init of a new pid namespace."""
    ready_read, ready_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            die_with_parent()
            check(LIBC.unshare(FLAGS["pid"]), "unshare")
            spawn_inner(ready_write)
        finally:
            os._exit(1)
    os.close(ready_write)
    children[pid] = [int(os.read(ready_read, 32))]
    os.close(ready_read)
    return {"pid": pid, "links": {"pid": link("pid_for_children", pid)}}


def spawn_nested_users():
    """A child in a user namespace inside another one that no process is in any more."""
    ready_read, ready_write = os.pipe()
    go_read, go_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            die_with_parent()
            check(LIBC.unshare(FLAGS["user"]), "unshare")
            # Who has no id in a user namespace may not make one below it.
            open("/proc/self/setgroups", "w").write("deny")
            open("/proc/self/uid_map", "w").write("0 0 1")
            open("/proc/self/gid_map", "w").write("0 0 1")
            os.write(ready_write, b"1")
            os.read(go_read, 1)
            check(LIBC.unshare(FLAGS["user"]), "unshare")
            os.write(ready_write, b"2")
            wait_forever()
        finally:
            os._exit(1)
    children[pid] = []
    os.close(ready_write)
    if not os.read(ready_read, 1):
        raise OSError("child could not make a user namespace")
    held["nested"] = (go_write, ready_read)
    return {"pid": pid, "outer": link("user", pid)}


def enter_inner_user(pid):
    go_write, ready_read = held.pop("nested")
    os.write(go_write, b"1")
    if not os.read(ready_read, 1):
        raise OSError("child could not make a second user namespace")
    return {"inner": link("user", pid)}


def map_root(uid):
    """In a new user namespace: its root is who made it."""
    open("/proc/self/setgroups", "w").write("deny")
    open("/proc/self/uid_map", "w").write(f"0 {uid} 1")
    open("/proc/self/gid_map", "w").write(f"0 {uid} 1")


def spawn_nested(uid):
    """Made by user `uid`: a process in new user, pid and net namespaces, and in those below it another one."""
    ready_read, ready_write = os.pipe()
    maker = os.fork()
    if maker == 0:
        try:
            die_with_parent()
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            # Else /proc/self/uid_map belongs to root.
            LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
            outer = clone("user", "pid", "net")
            if outer == 0:
                die_with_parent()
                map_root(uid)
                inner = clone("user", "pid", "net")
                if inner == 0:
                    die_with_parent()
                    os.write(ready_write, b"1")
                    wait_forever()
                wait_forever()
            os.waitpid(outer, 0)
        finally:
            os._exit(1)
    children[maker] = []
    os.close(ready_write)
    if not os.read(ready_read, 1):
        raise OSError("child could not make nested namespaces")
    os.close(ready_read)
    (outer,) = children_of(maker)
    (inner,) = children_of(outer)
    # The init of a pid namespace takes everything in it along.
    children[maker] = [outer]
    return {"pid": maker, "outer": outer, "inner": inner}


def spawn_unborn():
    """A child whose own children would be in a new pid namespace, which has no process and no link yet."""
    ready_read, ready_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            die_with_parent()
            check(LIBC.unshare(FLAGS["pid"]), "unshare")
            os.write(ready_write, b"1")
            wait_forever()
        finally:
            os._exit(1)
    children[pid] = []
    os.close(ready_write)
    if not os.read(ready_read, 1):
        raise OSError("child could not make a pid namespace")
    return {"pid": pid}


def spawn_exec_time():
    """A process that enters a new time namespace by executing another program."""
    ready_read, ready_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            die_with_parent()
            check(LIBC.unshare(FLAGS["time"]), "unshare")
            os.write(ready_write, b"1")
            os.execv("/bin/sleep", ["sleep", "3600"])
        finally:
            os._exit(1)
    children[pid] = []
    os.close(ready_write)
    if not os.read(ready_read, 1):
        raise OSError("child could not make a time namespace")
    deadline = time.monotonic() + 5
    while open(f"/proc/{pid}/comm").read() != "sleep\n" and time.monotonic() < deadline:
        time.sleep(0.001)
    # Before Linux 6.3 a process keeps its own and only its children are in the new one.
    return {"pid": pid, "links": {"time": link("time_for_children", pid)}}


def spawn_time_for_children():
    """A child that is in the time namespace it was in, and whose own children would be in a new one."""

    def work():
        check(LIBC.unshare(FLAGS["time"]), "unshare")
        return {"time": link("time"), "forChildren": link("time_for_children")}

    return spawn_waiting(work)


def kernel_id(pid, name):
    """The kernel's own id of a namespace of a process, in digits."""
    fd = hold(pid, name)
    try:
        return str(int.from_bytes(fcntl.ioctl(fd, NS_GET_ID, bytes(8)), "little"))
    finally:
        os.close(fd)


def inum_of(fd):
    return os.fstat(fd).st_ino


def ask(fd, request):
    """A descriptor of the owner or parent; None above the initial ones."""
    try:
        return fcntl.ioctl(fd, request)
    except PermissionError:
        return None


def owner_of(fd):
    """inum of the user namespace that owns the one of this descriptor."""
    owner = fcntl.ioctl(fd, NS_GET_USERNS)
    try:
        return inum_of(owner)
    finally:
        os.close(owner)


def owner_uid(fd):
    return int.from_bytes(fcntl.ioctl(fd, NS_GET_OWNER_UID, bytes(4)), "little")


def relations(pid, name):
    """Owner, parent and owner uid of a namespace of a process, and of every user and pid namespace above it."""
    rows = []
    waiting = [(name.split("_")[0], hold(pid, name))]
    while waiting:
        kind, fd = waiting.pop()
        row = {"type": kind, "inum": inum_of(fd), "owner": None, "parent": None, "ownerUid": None}
        if (kind, row["inum"]) not in [(each["type"], each["inum"]) for each in rows]:
            rows.append(row)
            owner = ask(fd, NS_GET_USERNS)
            row["ownerUid"] = owner_uid(fd if kind == "user" else owner)
            if owner is not None:
                row["owner"] = inum_of(owner)
                waiting.append(("user", owner))
            if kind in ("user", "pid"):
                parent = ask(fd, NS_GET_PARENT)
                if parent is not None:
                    row["parent"] = inum_of(parent)
                    waiting.append((kind, parent))
        os.close(fd)
    return rows


def fail_to_unshare():
    """Asks for a uts and an ipc namespace where no ipc namespace may be made: the uts one is made and undone."""
    pid = os.fork()
    if pid == 0:
        try:
            check(LIBC.unshare(FLAGS["user"]), "unshare")
            open("/proc/sys/user/max_ipc_namespaces", "w").write("0")
            os._exit(0 if LIBC.unshare(FLAGS["uts"] | FLAGS["ipc"]) < 0 else 2)
        finally:
            os._exit(1)
    return {"pid": pid, "refused": os.waitpid(pid, 0)[1] == 0}


def spawn_born():
    """A child that was born into the namespaces of this process, and waits."""
    return spawn_waiting(lambda: {})


def fork_refused():
    """Tries to fork: the name of the error, or None."""
    try:
        pid = os.fork()
    except OSError as error:
        return errno.errorcode[error.errno]
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return None
