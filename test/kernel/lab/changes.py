"""Processes that change: enter other namespaces, become somebody else, lose their parent."""

import json
import os
import signal
import time

from lab_base import (
    FLAGS,
    LIBC,
    check,
    children,
    comm_of,
    die_with_parent,
    end,
    held,
    hold,
    link,
    parent_of,
    spawn_inner,
    spawn_waiting,
    uid_of,
    wait_forever,
    wait_until,
)


def enter(pid, name):
    """This process itself enters a namespace of another one; of a pid or time namespace, its children do."""
    fd = hold(pid, name)
    try:
        check(LIBC.setns(fd, 0), "setns")
    finally:
        os.close(fd)
    return {"pid": os.getpid()}


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


def ancestors():
    """Whoever is above this process, as pid:start."""
    chain = []
    pid = os.getppid()
    while pid > 0:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        chain.append(f"{pid}:{fields[19]}")
        pid = int(fields[1])
    return chain


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


def change(pid):
    """Tells a changing child to change, and waits until it has."""
    os.write(held.pop(pid), b"1")
    wait_until(lambda: uid_of(pid) != 0 or comm_of(pid) == "sleep")


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
