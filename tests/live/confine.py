# SPDX-License-Identifier: GPL-2.0-or-later
"""confine.py - run a program under a seccomp profile in the form that container engines read, with no_new_privs, as they do.
usage: python3 confine.py PROFILE PROGRAM [ARGUMENT...]"""
import ctypes
import json
import os
import sys

ALLOW = 0x7fff0000
ERRNO = 0x00050000

with open(sys.argv[1], encoding="utf-8") as f:
    profile = json.load(f)
assert profile["defaultAction"] == "SCMP_ACT_ERRNO" and profile["architectures"] == ["SCMP_ARCH_X86_64"], profile
library = ctypes.CDLL("libseccomp.so.2")
library.seccomp_init.restype = ctypes.c_void_p
library.seccomp_init.argtypes = [ctypes.c_uint32]
library.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
library.seccomp_load.argtypes = [ctypes.c_void_p]
context = library.seccomp_init(ERRNO | profile["defaultErrnoRet"])
for rule in profile["syscalls"]:
    assert rule["action"] == "SCMP_ACT_ALLOW" and "args" not in rule, rule
    for name in rule["names"]:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # engines pass over what their library does not know, too
            assert library.seccomp_rule_add_array(context, ALLOW, number, 0, None) == 0, name
assert library.seccomp_load(context) == 0
os.execvp(sys.argv[2], sys.argv[2:])
