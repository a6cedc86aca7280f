# SPDX-License-Identifier: GPL-2.0-or-later
"""pprof.py - read a profile of pprof's, without any of its tools: just what tests ask for."""
import gzip


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def message(data):
    """{number of a field: its values}: numbers, and bytes."""
    fields, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        assert key & 7 in (0, 2), key
        value, at = varint(data, at)
        if key & 7 == 2:
            at, value = at + value, data[at:at + value]
            assert at <= len(data)
        fields.setdefault(key >> 3, []).append(value)
    return fields


def packed(values):
    numbers = []
    for data in values:
        at = 0
        while at < len(data):
            value, at = varint(data, at)
            numbers.append(value - (1 << 64) if value >> 63 else value)
    return numbers


class Profile:
    """samples: (names, the innermost first; [alloc_objects, alloc_space, inuse_objects, inuse_space]; labels)."""

    def __init__(self, file):
        top = message(gzip.decompress(file))
        text = [t.decode() for t in top[6]]  # which says that it is UTF-8
        self.types = [text[message(m)[1][0]] for m in top[1]]
        self.time_ns = top[9][0]
        self.files = [text[message(m)[5][0]] for m in top.get(3, [])]
        name = {f[1][0]: text[f[2][0]] for f in map(message, top.get(5, []))}
        place = {p[1][0]: [name[message(line)[1][0]] for line in p.get(4, [])] for p in map(message, top.get(4, []))}
        self.samples = []
        for s in map(message, top.get(2, [])):
            labels = {text[o[1][0]]: text[o[2][0]] if 2 in o else o[3][0] for o in map(message, s.get(3, []))}
            names = [n for at in packed(s.get(1, [])) for n in place[at]]
            self.samples.append((names, packed(s[2]), labels))

    def live(self, function):
        """(bytes, blocks) of stacks with that function."""
        found = [values for names, values, _ in self.samples if function in names]
        return sum(v[3] for v in found), sum(v[2] for v in found)

    def allocated(self, function):
        """The same of all that was allocated, freed or not."""
        found = [values for names, values, _ in self.samples if function in names]
        return sum(v[1] for v in found), sum(v[0] for v in found)
