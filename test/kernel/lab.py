"""A process that makes and ends namespaces on command, and says when it did.

Each line on standard input is a Python expression over the functions below; each answer is one JSON
line {"result": ..., "afterUs": ..., "beforeUs": ...}. The times are CLOCK_BOOTTIME in microseconds,
read just before and just after: the truth the tests compare with. Ends when standard input ends, and
takes everything it started with it.
"""

import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
FLAGS = {
    "mnt": 0x00020000,
    "cgroup": 0x02000000,
    "uts": 0x04000000,
    "ipc": 0x08000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "net": 0x40000000,
    "time": 0x00000080,
}
SYS_CLONE, SYS_EXIT, SYS_CLONE3 = 56, 60, 435
CLONE_FILES = 0x00000400
MS_BIND, MS_REC, MS_PRIVATE, MS_SHARED, MNT_DETACH = 4096, 16384, 1 << 18, 1 << 20, 2
SYS_OPEN_TREE, SYS_IO_URING_SETUP, SYS_IO_URING_REGISTER = 428, 425, 427
OPEN_TREE_CLONE, AT_RECURSIVE, AT_FDCWD, IORING_REGISTER_FILES = 1, 0x8000, -100, 2
NS_GET_ID = 0x8008B70D
NS_GET_USERNS, NS_GET_PARENT, NS_GET_OWNER_UID = 0xB701, 0xB702, 0xB704
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36

TUN = "/dev/net/tun"
TUNSETIFF, TUNSETPERSIST = 0x400454CA, 0x400454CB
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000

children = {}  # pid -> pids below it, which come to us when it ends
held = {}


def now_us():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def flags_of(*types):
    return sum(FLAGS[name] for name in types)


def link(name, pid="self", tid=None):
    """inum of a namespace link, read without opening it."""
    task = f"/task/{tid}" if tid else ""
    return int(os.readlink(f"/proc/{pid}{task}/ns/{name}").split("[")[1][:-1])


def unshare(*types):
    """This process itself leaves for new namespaces."""
    check(LIBC.unshare(flags_of(*types)), "unshare")
    return {name: link(name) for name in types if name not in ("pid", "time")}


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_forever():
    while True:
        signal.pause()


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


def spawn_inner(ready_write):
    """In a child: starts one more below it, tells its pid, and waits."""
    entered_read, entered_write = os.pipe()
    inner = os.fork()
    if inner == 0:
        die_with_parent()
        os.write(entered_write, b"1")
        wait_forever()
    os.read(entered_read, 1)
    os.write(ready_write, b"%d" % inner)
    wait_forever()


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


def map_root(uid):
    """In a new user namespace: its root is who made it."""
    open("/proc/self/setgroups", "w").write("deny")
    open("/proc/self/uid_map", "w").write(f"0 {uid} 1")
    open("/proc/self/gid_map", "w").write(f"0 {uid} 1")


def clone(*types):
    return check(LIBC.syscall(SYS_CLONE, flags_of(*types) | signal.SIGCHLD, 0, 0, 0, 0), "clone")


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


def children_of(pid):
    return [int(child) for child in open(f"/proc/{pid}/task/{pid}/children").read().split()]


def enter_inner_user(pid):
    go_write, ready_read = held.pop("nested")
    os.write(go_write, b"1")
    if not os.read(ready_read, 1):
        raise OSError("child could not make a second user namespace")
    return {"inner": link("user", pid)}


def spawn_zombie_leader():
    """A process whose first thread has ended while another thread lives on in a new network namespace."""
    ready_read, ready_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        die_with_parent()

        def work():
            check(LIBC.unshare(FLAGS["net"]), "unshare")
            os.write(ready_write, str(threading.get_native_id()).encode() + b"\n")
            while True:
                time.sleep(3600)

        threading.Thread(target=work, daemon=True).start()
        LIBC.syscall(SYS_EXIT, 0)
    children[pid] = []
    tid = int(os.read(ready_read, 32))
    deadline = time.monotonic() + 5
    while open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z":
        if time.monotonic() > deadline:
            raise OSError("leader did not become a zombie")
        time.sleep(0.01)
    return {"pid": pid, "tid": tid, "net": link("net", pid, tid)}


def spawn_thread():
    """A child with one thread in a network namespace of its own, and one with an fd table of its own."""
    ready_read, ready_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        die_with_parent()

        def in_net():
            check(LIBC.unshare(FLAGS["net"]), "unshare")
            os.write(ready_write, b"net %d\n" % threading.get_native_id())
            while True:
                time.sleep(3600)

        def own_files():
            check(LIBC.unshare(CLONE_FILES | FLAGS["uts"]), "unshare")
            fd = os.open("/proc/thread-self/ns/uts", os.O_RDONLY)
            uts = link("uts", "thread-self")
            init = os.open("/proc/self/ns/uts", os.O_RDONLY)
            check(LIBC.setns(init, 0), "setns")
            os.close(init)
            os.write(ready_write, b"uts %d %d %d\n" % (threading.get_native_id(), fd, uts))
            while True:
                time.sleep(3600)

        threading.Thread(target=in_net, daemon=True).start()
        time.sleep(0.1)
        threading.Thread(target=own_files, daemon=True).start()
        wait_forever()
    children[pid] = []
    text = b""
    while text.count(b"\n") < 2:
        text += os.read(ready_read, 64)
    parts = {line.split()[0].decode(): [int(word) for word in line.split()[1:]] for line in text.splitlines()}
    net_tid = parts["net"][0]
    uts_tid, fd, uts = parts["uts"]
    return {"pid": pid, "netTid": net_tid, "net": link("net", pid, net_tid), "utsTid": uts_tid, "fd": fd, "uts": uts}


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


def spawn_unreaped():
    """A child in a new user namespace that has ended and waits to be reaped."""
    ready_read, ready_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        LIBC.unshare(FLAGS["user"] | FLAGS["net"])
        os._exit(0)
    children[pid] = []
    os.close(ready_write)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return {"pid": pid, "user": link("user", pid)}


def spawn_socket_elsewhere():
    """A child that keeps a socket, and where there is one a tun device, of the network namespace it has left."""
    ready_read, ready_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            die_with_parent()
            home = os.open("/proc/self/ns/net", os.O_RDONLY)
            check(LIBC.unshare(FLAGS["net"]), "unshare")
            inum = link("net")
            kept = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
            if os.path.exists(TUN):
                kept.append(os.open(TUN, os.O_RDWR))
            check(LIBC.setns(home, 0), "setns")
            os.close(home)
            os.write(ready_write, b"%d" % inum)
            wait_forever()
        finally:
            os._exit(1)
    children[pid] = []
    os.close(ready_write)
    return {"pid": pid, "net": int(os.read(ready_read, 32))}


def spawn_waiting(work):
    """A child that does `work`, tells what it returns, and waits."""
    ready_read, ready_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            die_with_parent()
            os.write(ready_write, json.dumps(work()).encode() + b"\n")
            wait_forever()
        finally:
            os._exit(1)
    children[pid] = []
    os.close(ready_write)
    with os.fdopen(ready_read) as ready:
        line = ready.readline()
    if not line:
        raise OSError(f"child {pid} failed")
    return {"pid": pid, **json.loads(line)}


class Away:
    """Inside: in a new network namespace. Afterwards back in the one before, which alone is left to hold us."""

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        check(LIBC.unshare(FLAGS["net"]), "unshare")
        return link("net", "thread-self")

    def __exit__(self, *_):
        check(LIBC.setns(self.home, 0), "setns")
        os.close(self.home)


def spawn_sockets(count):
    """A child with so many sockets, of which each has two descriptors, of a network namespace it has left."""

    def work():
        with Away() as net:
            kept = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
        held["sockets"] = [*kept, *[each.dup() for each in kept]]
        return {"net": net, "inodes": [os.fstat(each.fileno()).st_ino for each in kept]}

    return spawn_waiting(work)


def spawn_socket_in_thread():
    """A child with a thread of its own descriptor table that has a socket of a network namespace it has left."""

    def work():
        told = {}
        ready = threading.Event()

        def run():
            check(LIBC.unshare(CLONE_FILES), "unshare")
            with Away() as net:
                kept = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            inode = os.fstat(kept.fileno()).st_ino
            told.update(tid=threading.get_native_id(), net=net, inodes=[inode], fd=kept.fileno())
            ready.set()
            while True:
                time.sleep(3600)

        threading.Thread(target=run, daemon=True).start()
        ready.wait()
        return told

    return spawn_waiting(work)


def spawn_tun(name):
    """A child with a tap device made in one network namespace and moved to another, of which it is in neither."""

    def work():
        with Away() as opened_in:
            fd = os.open(TUN, os.O_RDWR)
            request = struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI)
            fcntl.ioctl(fd, TUNSETIFF, request)
            inner = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            check(LIBC.unshare(FLAGS["net"]), "unshare")
            moved_to = link("net", "thread-self")
            other = os.fork()
            if other == 0:
                die_with_parent()
                os.close(inner)
                wait_forever()
            check(LIBC.setns(inner, 0), "setns")
            os.close(inner)
            subprocess.run(["ip", "link", "set", name, "netns", str(other)], check=True)
        return {"net": opened_in, "deviceNet": moved_to, "fd": fd, "other": other}

    made = spawn_waiting(work)
    children[made["pid"]] = [made["other"]]
    return made


def spawn_at_home(count):
    """A child and one more below it, in one new network namespace, with so many sockets of it."""

    def work():
        check(LIBC.unshare(FLAGS["net"]), "unshare")
        held["sockets"] = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
        other = os.fork()
        if other == 0:
            die_with_parent()
            wait_forever()
        return {"net": link("net"), "other": other}

    made = spawn_waiting(work)
    children[made["pid"]] = [made["other"]]
    return made


def send_in_flight():
    """A child that keeps the two ends of a socket, and in it, on its way, the only descriptor of a namespace."""

    def work():
        with Away() as net:
            fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        # Of the network namespace that we are in: they hold no other.
        held["pair"] = socket.socketpair()
        socket.send_fds(held["pair"][0], [b"x"], [fd])
        os.close(fd)
        return {"net": net}

    return spawn_waiting(work)


def spawn_detached(path, recursive):
    """A child with a detached copy of the mount at `path`, or of the directory tree it is in."""

    def work():
        flags = OPEN_TREE_CLONE | (AT_RECURSIVE if recursive else 0)
        return {"fd": check(LIBC.syscall(SYS_OPEN_TREE, AT_FDCWD, path.encode(), flags), "open_tree")}

    return spawn_waiting(work)


def spawn_fixed_file():
    """A child with a namespace descriptor that only its io_uring has registered."""

    def work():
        with Away() as net:
            fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        ring = check(LIBC.syscall(SYS_IO_URING_SETUP, 4, ctypes.create_string_buffer(120)), "io_uring_setup")
        files = (ctypes.c_int * 1)(fd)
        check(LIBC.syscall(SYS_IO_URING_REGISTER, ring, IORING_REGISTER_FILES, files, 1), "io_uring_register")
        os.close(fd)
        return {"net": net, "ring": ring}

    return spawn_waiting(work)


def make_private(path):
    """Makes a directory a mount of its own, of which others get no copy."""
    check(LIBC.mount(path.encode(), path.encode(), None, MS_BIND, None), "mount")
    check(LIBC.mount(None, path.encode(), None, MS_PRIVATE, None), "mount")


def unmount(path):
    check(LIBC.umount2(path.encode(), MNT_DETACH), "umount")


def end(pid):
    """Kills a child of ours, and waits until it and what was below it are reaped: a zombie still holds."""
    os.kill(pid, signal.SIGKILL)
    for each in [pid, *children.pop(pid)]:
        os.waitpid(each, 0)


def hold(pid, name):
    """Opens a namespace of a process and keeps the descriptor."""
    return os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)


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


def release(fd):
    os.close(fd)


def bind(pid, name, path):
    """Bind-mounts a namespace of a process onto a new file."""
    open(path, "x").close()
    check(LIBC.mount(f"/proc/{pid}/ns/{name}".encode(), path.encode(), None, MS_BIND, None), "mount")


def unbind(path):
    check(LIBC.umount2(path.encode(), MNT_DETACH), "umount")
    os.unlink(path)


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


def spawn_ending():
    """A child in new user and net namespaces that ends on command, and is not reaped before end()."""
    go_read, go_write = os.pipe()

    def work():
        check(LIBC.unshare(flags_of("user", "net")), "unshare")

        def wait():
            os.close(go_write)
            os.read(go_read, 1)
            os._exit(0)

        threading.Thread(target=wait, daemon=True).start()
        return {"user": link("user"), "net": link("net")}

    made = spawn_waiting(work)
    os.close(go_read)
    held[made["pid"]] = go_write
    return made


def become_zombie(pid):
    os.close(held.pop(pid))
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def spawn_time_for_children():
    """A child that is in the time namespace it was in, and whose own children would be in a new one."""

    def work():
        check(LIBC.unshare(FLAGS["time"]), "unshare")
        return {"time": link("time"), "forChildren": link("time_for_children")}

    return spawn_waiting(work)


def spawn_below():
    """A process in a new uts namespace, below another one; see become_other()."""
    go_read, go_write = os.pipe()

    def work():
        ready_read, ready_write = os.pipe()
        inner = os.fork()
        if inner == 0:
            check(LIBC.unshare(FLAGS["uts"]), "unshare")
            os.close(go_write)
            os.write(ready_write, b"1")
            os.read(go_read, 1)
            os.setresgid(4711, 4711, 4711)
            os.setresuid(4711, 4711, 4711)
            os.execv("/bin/sleep", ["sleep", "3600"])
        os.read(ready_read, 1)
        return {"inner": inner, "uts": link("uts", inner)}

    made = spawn_waiting(work)
    os.close(go_read)
    children[made["pid"]] = []
    children[made["inner"]] = []
    held[made["inner"]] = go_write
    return made


def become_other(pid, inner):
    """The inner process loses its parent, becomes another user and executes another program."""
    end(pid)
    os.close(held.pop(inner))
    deadline = time.monotonic() + 30
    while open(f"/proc/{inner}/comm").read() != "sleep\n":
        if time.monotonic() > deadline:
            raise OSError("it did not execute")
        time.sleep(0.01)


def make_shared(path):
    """Makes a directory a mount of its own, of which mount namespaces made later have copies that follow it."""
    check(LIBC.mount(path.encode(), path.encode(), None, MS_BIND, None), "mount")
    check(LIBC.mount(None, path.encode(), None, MS_SHARED, None), "mount")


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


def spawn_pid_without_init():
    """A process whose children would be in a new pid namespace, and that has none: nothing in /proc shows it."""
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
    os.read(ready_read, 1)
    return {"pid": pid}


def spawn_entering(pid, name):
    """A process that enters a namespace of another one with setns, and forks a child there."""
    ready_read, ready_write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            die_with_parent()
            fd = os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)
            check(LIBC.setns(fd, 0), "setns")
            os.close(fd)
            spawn_inner(ready_write)
        finally:
            os._exit(1)
    os.close(ready_write)
    inner = int(os.read(ready_read, 32))
    children[child] = [inner]
    return {"pid": child, "inner": inner}


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


def storm(name, count):
    """One process that enters one new namespace after another as fast as it can, and ends."""
    flag = FLAGS[name]
    unshare_call = LIBC.unshare
    pid = os.fork()
    if pid == 0:
        try:
            failed = 0
            for _ in range(count):
                if unshare_call(flag) != 0:
                    failed = 1
            os._exit(failed)
        finally:
            os._exit(1)
    started = now_us()
    status = os.waitpid(pid, 0)[1]
    return {"pid": pid, "isWhole": status == 0, "tookUs": now_us() - started}


def fork_storm(pid, name, count):
    """In a namespace of another process: so many children, one after the other, that end at once."""
    child = os.fork()
    if child == 0:
        try:
            fd = os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)
            check(LIBC.setns(fd, 0), "setns")
            os.close(fd)
            for _ in range(count):
                each = os.fork()
                if each == 0:
                    os._exit(0)
                os.waitpid(each, 0)
            os._exit(0)
        finally:
            os._exit(1)
    return {"pid": child, "isWhole": os.waitpid(child, 0)[1] == 0}


def trash(delay, count=4):
    """Enters one new network namespace after another; says when each was entered and left."""
    rows = []
    for _ in range(count):
        before = now_us()
        check(LIBC.unshare(FLAGS["net"]), "unshare")
        after = now_us()
        if rows:
            rows[-1].update(leftAfterUs=before, leftByUs=after)
        rows.append({"inum": link("net"), "bornAfterUs": before, "bornByUs": after})
        time.sleep(delay)
    return rows


def enter(pid, name):
    """This process itself enters a namespace of another one; of a pid or time namespace, its children do."""
    fd = hold(pid, name)
    try:
        check(LIBC.setns(fd, 0), "setns")
    finally:
        os.close(fd)
    return {"pid": os.getpid()}


def ancestors():
    """Whoever is above this process, as pid:start."""
    chain = []
    pid = os.getppid()
    while pid > 0:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        chain.append(f"{pid}:{fields[19]}")
        pid = int(fields[1])
    return chain


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


def spawn_changing(what):
    """A child in a new network namespace that changes its user id, or executes another program, when told to."""
    go_read, go_write = os.pipe()
    ready_read, ready_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            die_with_parent()
            check(LIBC.unshare(FLAGS["net"]), "unshare")
            os.write(ready_write, json.dumps({"net": link("net")}).encode() + b"\n")
            os.read(go_read, 1)
            if what == "setuid":
                os.setresuid(54321, 54321, 54321)
                wait_forever()
            os.execv("/bin/sleep", ["sleep", "3600"])
        finally:
            os._exit(1)
    children[pid] = []
    held[pid] = go_write
    os.close(ready_write)
    with os.fdopen(ready_read) as ready:
        return {"pid": pid, **json.loads(ready.readline())}


def wait_until(is_so):
    deadline = time.monotonic() + 60
    while not is_so():
        if time.monotonic() > deadline:
            raise OSError("it did not come about")
        time.sleep(0.01)


def change(pid):
    """Tells a changing child to change, and waits until it has."""
    os.write(held.pop(pid), b"1")
    wait_until(lambda: uid_of(pid) != 0 or comm_of(pid) == "sleep")


def uid_of(pid):
    line = next(each for each in open(f"/proc/{pid}/status") if each.startswith("Uid:"))
    return int(line.split()[1])


def comm_of(pid):
    return open(f"/proc/{pid}/comm").read().strip()


def parent_of(pid):
    return int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])


def spawn_orphan():
    """A grandchild in a new network namespace, whose parent is a child of ours and ends when told to."""
    ready_read, ready_write = os.pipe()
    parent = os.fork()
    if parent == 0:
        try:
            die_with_parent()
            pid = os.fork()
            if pid == 0:
                check(LIBC.unshare(FLAGS["net"]), "unshare")
                told = {"pid": os.getpid(), "net": link("net")}
                os.write(ready_write, json.dumps(told).encode() + b"\n")
                wait_forever()
            wait_forever()
        finally:
            os._exit(1)
    os.close(ready_write)
    with os.fdopen(ready_read) as ready:
        told = json.loads(ready.readline())
    held[told["pid"]] = parent
    children[told["pid"]] = []
    return told


def orphan(pid):
    """Ends the parent of a grandchild, which then is a child of ours."""
    parent = held.pop(pid)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    wait_until(lambda: parent_of(pid) == os.getpid())


def give_ids(count):
    """One new network namespace after another, each given an id here (RTM_NEWNSID), which goes with it."""
    route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    for sequence in range(count):
        ready_read, ready_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            die_with_parent()
            LIBC.unshare(FLAGS["net"])
            os.write(ready_write, b"1")
            wait_forever()
        os.read(ready_read, 1)
        # struct nlmsghdr, struct rtgenmsg, NETNSA_NSID -1 (any free one), NETNSA_PID.
        body = struct.pack("=B3xHHiHHI", 0, 8, 1, -1, 8, 2, pid)
        route.send(struct.pack("=IHHII", 16 + len(body), 88, 1, sequence, 0) + body)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(ready_read)
        os.close(ready_write)
    route.close()


def main():
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)
    for line in sys.stdin:
        before = now_us()
        try:
            answer = {"result": eval(line, globals())}
        except Exception as error:  # the test decides what an error means
            answer = {"error": f"{type(error).__name__}: {error}"}
        answer.update(beforeUs=before, afterUs=now_us())
        print(json.dumps(answer), flush=True)
    for pid in list(children):
        end(pid)


main()
