# SPDX-License-Identifier: GPL-2.0-or-later
"""enter_root.py - run a program in a root of its own, as container engines do: the folders of ROOT and those of the kernel, on a root that is
read-only. The old root is to be seen no more. To be started in new namespaces of mounts and pids.
usage: python3 enter_root.py ROOT [FILE=PATH...] -- PROGRAM [ARGUMENT...]     such a file of the old root's is there, too"""
import ctypes
import os
import sys

RDONLY, REMOUNT, BIND, MOVE, REC = 1, 32, 4096, 8192, 16384
libc = ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind, flags, data=None):
    names = [name and name.encode() for name in (source, target, kind)]
    if libc.mount(*names, ctypes.c_ulong(flags), data and data.encode()) < 0:
        raise OSError(ctypes.get_errno(), f"mount {source} on {target}: {os.strerror(ctypes.get_errno())}")


def bind(path, target):
    if os.path.isdir(path):
        os.makedirs(target)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        open(target, "x", encoding="utf-8").close()
    mount(path, target, None, BIND | REC)


def make(top, root, files):
    mount("tmpfs", top, "tmpfs", 0, "mode=755")
    for name in sorted(set(os.listdir(root)) - {"tmp"}):
        path, target = os.path.join(root, name), os.path.join(top, name)
        if os.path.islink(path):
            os.symlink(os.readlink(path), target)
        elif os.path.isdir(path):
            bind(path, target)
    bind("/sys", top + "/sys")
    bind("/dev", top + "/dev")
    for name in ("proc", "tmp"):
        os.mkdir(os.path.join(top, name))
    mount("proc", top + "/proc", "proc", 0)
    for file in files:
        path, _, target = file.partition("=")
        bind(path, top + target)
    mount(None, top, None, REMOUNT | BIND | RDONLY)


root, *words = sys.argv[1:]
end = words.index("--")
top = os.path.join(root, "tmp")  # a folder to mount it on: nobody else sees that
make(top, root, words[:end])
os.chdir(top)
mount(".", "/", None, MOVE)
os.chroot(".")
os.execv(words[end + 1], words[end + 1:])
