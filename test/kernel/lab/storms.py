"""Much at once: namespaces, processes and ids one after the other as fast as can be."""

import json
import os
import signal
import socket
import struct
import time

from lab_base import (
    FLAGS,
    LIBC,
    PR_SET_NAME,
    check,
    comm_of,
    die_with_parent,
    hold,
    link,
    now_us,
    wait_forever,
)


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


def storm_changing():
    """One process that makes uts namespaces, three in a row each time, and changes in between; what it was at each."""
    ready_read, ready_write = os.pipe()
    pid = os.fork()
    if pid != 0:
        os.close(ready_write)
        with os.fdopen(ready_read) as told:
            rows = json.loads(told.read())
        return {"pid": pid, "isWhole": os.waitpid(pid, 0)[1] == 0, "rows": rows}
    try:
        rows = []
        cpus = sorted(os.sched_getaffinity(0))
        first_net = hold("self", "net")

        def stay_on(cpu):
            os.sched_setaffinity(0, {cpu})

        def birth(name):
            check(LIBC.unshare(FLAGS[name]), "unshare")
            return {
                "type": name,
                "inum": link(name),
                "net": link("net"),
                "comm": comm_of("self"),
                "gid": os.getgid(),
            }

        def change_net_elsewhere():
            stay_on(cpus[-1])
            rows.append(birth("net"))
            stay_on(cpus[0])

        stay_on(cpus[0])
        for change in (
            lambda: None,
            lambda: rows.append(birth("net")),
            lambda: LIBC.prctl(PR_SET_NAME, b"changed"),
            lambda: check(LIBC.setns(first_net, 0), "setns"),
            lambda: os.setresgid(12345, 12345, 12345),
            change_net_elsewhere,
            lambda: stay_on(cpus[-1]),
        ):
            change()
            rows.extend(birth("uts") for _ in range(3))
        os.write(ready_write, json.dumps(rows).encode())
        os._exit(0)
    finally:
        os._exit(1)


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
