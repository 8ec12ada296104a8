"""What every part of the lab stands on: calls of libc, children that wait, and how they are ended."""

import ctypes
import json
import os
import signal
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
SYS_CLONE = 56
PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 15, 36

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


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_forever():
    while True:
        signal.pause()


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


def clone(*types):
    return check(LIBC.syscall(SYS_CLONE, flags_of(*types) | signal.SIGCHLD, 0, 0, 0, 0), "clone")


def children_of(pid):
    return [int(child) for child in open(f"/proc/{pid}/task/{pid}/children").read().split()]


def uid_of(pid):
    line = next(each for each in open(f"/proc/{pid}/status") if each.startswith("Uid:"))
    return int(line.split()[1])


def comm_of(pid):
    return open(f"/proc/{pid}/comm").read().strip()


def parent_of(pid):
    return int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])


def wait_until(is_so):
    deadline = time.monotonic() + 60
    while not is_so():
        if time.monotonic() > deadline:
            raise OSError("it did not come about")
        time.sleep(0.01)


def hold(pid, name):
    """Opens a namespace of a process and keeps the descriptor."""
    return os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)


def release(fd):
    os.close(fd)


def end(pid):
    """Kills a child of ours, and waits until it and what was below it are reaped: a zombie still holds."""
    os.kill(pid, signal.SIGKILL)
    for each in [pid, *children.pop(pid)]:
        os.waitpid(each, 0)
