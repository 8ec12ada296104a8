"""Much at once: namespaces, processes and ids one after the other as fast as can be."""

import os
import signal
import socket
import struct
import time

from lab_base import FLAGS, LIBC, check, die_with_parent, link, now_us, wait_forever


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
