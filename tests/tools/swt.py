# SPDX-License-Identifier: GPL-2.0-or-later
"""swt.py - write a .swt file (docs/swt.md), to have profiles of any content."""
import struct
import zlib

NATIVE, MODULE, REGION, NOTHING, PHP = range(5)
ZEND, LIBC, MMAP = range(3)
UNKNOWN, CLEAN, LEAK = range(3)
APPROXIMATE = 2
START = 1795470005123000000


def number(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def signed(n):
    return number(2 * n if n >= 0 else -2 * n - 1)


def text(s):
    data = s.encode("utf-8", "surrogateescape")
    return number(len(data)) + data


class Profile:
    """Filled by process(), frame(), stack(), loss(), event(); then write()."""

    def __init__(self, host="box", after_s=15, estimate=False):
        self.head = number(1) + text("0.5") + text(host) + signed(START) + signed(START + int(after_s * 1e9)) + number(estimate)
        self.strings = {}
        self.frames = {}
        self.processes = []
        self.stacks = []
        self.losses = []
        self.events = []

    def string(self, s):
        return number(self.strings.setdefault(s, len(self.strings) + 1) if s else 0)

    def process(self, pid, comm, role="", worker=-1, what="", container="", alive=True, requests=None, live=((0, 0),) * 3, curves=()):
        """curves: (name, verdict, bytes a second, [(ms, value)...]). Return: its number."""
        data = number(pid) + self.string(comm) + self.string(role) + signed(worker) + self.string(what) + self.string(container)
        data += number(alive) + number(0 if requests is None else requests + 1)
        data += b"".join(signed(n) for layer in live for n in layer) + number(len(curves))
        for name, verdict, rate, points in curves:
            data += self.string(name) + self.string(verdict) + signed(rate) + number(len(points))
            before = (0, 0)
            for point in points:
                data += signed(point[0] - before[0]) + signed(point[1] - before[1])
                before = point
        self.processes.append(data)
        return len(self.processes) - 1

    def frame(self, kind, function="", file="", module="", line=0, offset=0, flags=0):
        data = number(kind) + self.string(function) + self.string(file) + self.string(module) + self.string("")
        return self.frames.setdefault(data + number(offset) + number(line) + number(flags), len(self.frames))

    def stack(self, frames, live, process=0, layer=ZEND, verdict=CLEAN, whole=True, alloc=None, rate=0, age_ms=0, why=""):
        """frames: the innermost first. live, alloc: (bytes, blocks)."""
        data = number(process) + number(layer) + number(verdict) + number(whole)
        data += b"".join(signed(n) for n in (*live, *(alloc or live), rate)) + number(age_ms) + self.string(why)
        self.stacks.append(data + number(len(frames)) + b"".join(number(f) for f in frames))

    def loss(self, key, words, count):
        self.losses.append(self.string(key) + self.string(words) + number(count))

    def event(self, json):
        self.events.append(text(json))

    def write(self, path):
        with open(path, "wb") as f:
            f.write(b"\x89SWT\r\n\x1a\n")
            for kind, elements in ((b"HEAD", [self.head]), (b"STRS", [text(s) for s in self.strings]), (b"FRMS", self.frames),
                                   (b"PROC", self.processes), (b"STKS", self.stacks), (b"LOSS", self.losses),
                                   (b"EVNT", self.events), (b"TAIL", [number(len(self.stacks))])):
                plain = b"".join(elements)
                packed = zlib.compress(plain)
                head = kind + struct.pack("<II", len(packed), len(plain))
                f.write(head + struct.pack("<I", zlib.crc32(head + packed)) + packed)
        return path
