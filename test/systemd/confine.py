"""Installs a system call filter as systemd does, with libseccomp, and then runs a program or tries calls.

confine.py NAMES run PROGRAM WORD...   NAMES: allowed calls, comma-separated; the others fail with EPERM
confine.py NAMES try CALLS             prints `name ERRNO` for each call, made with nothing but -1 as arguments

NAMES may be `all`: then nothing is filtered. Names that this machine has no call for are left out.
"""

import ctypes
import errno
import os
import sys

ALLOW = 0x7FFF0000
FAIL = 0x00050000

seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
seccomp.seccomp_load.argtypes = [ctypes.c_void_p]
seccomp.seccomp_rule_add_array.argtypes = [
    ctypes.c_void_p,
    ctypes.c_uint32,
    ctypes.c_int,
    ctypes.c_uint,
    ctypes.c_void_p,
]
libc = ctypes.CDLL(None, use_errno=True)


def number(name):
    return seccomp.seccomp_syscall_resolve_name(name.encode())


def install(names):
    context = seccomp.seccomp_init(FAIL | errno.EPERM)
    for name in names:
        call = number(name)
        if call >= 0 and seccomp.seccomp_rule_add_array(context, ALLOW, call, 0, None) != 0:
            raise OSError(f"no rule for {name}")
    if seccomp.seccomp_load(context) != 0:
        raise OSError("the filter was refused")


def attempt(name):
    ctypes.set_errno(0)
    libc.syscall(ctypes.c_long(number(name)), *[ctypes.c_long(-1)] * 6)
    return errno.errorcode.get(ctypes.get_errno(), "none")


allowed, action, *words = sys.argv[1:]
if allowed != "all":
    install(allowed.split(","))
if action == "run":
    os.execvp(words[0], words)
for each in words[0].split(","):
    print(each, attempt(each))
