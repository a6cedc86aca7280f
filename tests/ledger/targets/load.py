# SPDX-License-Identifier: GPL-2.0-or-later
"""load.py - work for Python that allocates: modules and libraries, text, objects in cycles, threads, a child."""
import ctypes
import gc
import json
import re
import subprocess
import threading
import zlib

kept = {}


class Node:
    def __init__(self, up):
        self.up = up
        self.down = []


def tree(depth, up=None):
    node = Node(up)
    if depth:
        node.down = [tree(depth - 1, node) for _ in range(3)]
    return node


def work(n):
    rows = [{"id": i, "name": f"row {i}", "tags": list("abcdef"[: i % 6])} for i in range(60)]
    text = json.dumps(rows)
    kept[n] = json.loads(text), zlib.compress(text.encode()), re.findall(r"row \d*7", text), bytes(n * 5000)
    tree(4)
    if n % 3 == 0:
        kept.pop(n - 1, None)


threads = [threading.Thread(target=lambda first: [work(first + i) for i in range(4)], args=(n * 4,)) for n in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
gc.collect()
subprocess.run(["true"], check=True)
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
leaked = [libc.malloc(n) for n in range(50)]
print("work done by python:", len(kept), sum(len(v[0]) for v in kept.values()))
