"""What keeps a namespace without being a process in it: threads, zombies, descriptors, sockets, devices."""

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import threading
import time

from lab_base import (
    FLAGS,
    LIBC,
    check,
    children,
    die_with_parent,
    flags_of,
    held,
    link,
    spawn_waiting,
    wait_forever,
)

CLONE_FILES = 0x00000400
TUN = "/dev/net/tun"
SYS_EXIT = 60
SYS_IO_URING_SETUP, SYS_IO_URING_REGISTER = 425, 427
IORING_REGISTER_FILES = 2
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000


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
