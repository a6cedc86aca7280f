# SPDX-License-Identifier: GPL-2.0-or-later
"""recorded.py - the history of a scenario as text, from the JSON of swtrace's reports, for tests/unit/test_recorded.c.

    truth NUMBER leak|none|some   of a stack; some: it leaks, if too little to be named
    snapshot MS TABLE_MS COUNTED_MS    since the start; when the live table was read, and by when all counters were
    process PID HEAP REQUESTS     what PHP counts in its heap, -1: nothing
    layer LAYER LIVE_BLOCKS LIVE_BYTES FREES FREED_BYTES UNKNOWN_FREES     of the process above, as are the next
    stack NUMBER LAYER ALLOCS ALLOC_BYTES FREES FREED_BYTES LIVE_BLOCKS LIVE_BYTES
    born TO_MS BLOCKS BYTES       live blocks of the stack above of the generation that ends at TO_MS; -1: has not ended

Only the largest of the stacks that leak, or were said to, and of the others are kept."""
import os

LAYERS = ("zend", "libc", "mmap")
LEAKING = 4
OTHERS = 2


def key(stack):
    """Who it is in all reports. A name may come late."""
    frames = tuple(f["addr"] or (f["function"], f["line"]) for f in stack["frames"] if not f["inlined"])
    return (stack["pid"], stack["layer"], frames)


def chosen(outcome):
    """What is true of the stacks that are kept, by their keys, in the order of their numbers."""
    stacks = [o for o in outcome.objects if o["type"] == "stack"]
    keep = {key(s): "none" for s in stacks if s["verdict"] == "leak" and not outcome.is_right(s)}
    keep |= {key(s): "leak" for s in list(filter(outcome.is_right, outcome.accused()))[:LEAKING]}
    others = sorted((s for s in outcome.stacks() if key(s) not in keep), key=lambda s: -s["alloc_bytes"])
    return keep | {key(s): "some" if outcome.is_right(s) else "none" for s in others[:OTHERS]}


def add_stack(out, n, s):
    out.append(f"stack {n} {LAYERS.index(s['layer'])} {s['allocs']} {s['alloc_bytes']} {s['frees']} {s['freed_bytes']} "
               f"{s['live_blocks']} {s['live_bytes']}")
    for g in s["generations"]:
        out.append(f"born {-1 if g['to_ms'] is None else g['to_ms']} {g['live_blocks']} {g['live_bytes']}")


def without_blocks(before):
    """A stack that no report shows has no live blocks; of its counters only the sums are known, and those as they were."""
    s = dict(before)
    s.update(frees=s["allocs"], freed_bytes=s["alloc_bytes"], live_blocks=0, live_bytes=0, generations=[])
    return s


def text(outcome):
    keep = chosen(outcome)
    numbers = {k: n for n, k in enumerate(keep)}
    out, last = [f"# {outcome.scenario.name}: {outcome.scenario.what}"], {}
    out += [f"truth {numbers[k]} {truth}" for k, truth in keep.items()]
    reports = [o for o in outcome.objects if o["type"] == "report"]
    for r, following in zip(reports, reports[1:] + [{"since_start_ms": 1 << 40}]):
        ms = r["since_start_ms"]
        # Where a generation ends by a report, later ones say when exactly. It matters only then.
        counted_ms = min((e for e in outcome.ends if ms <= e < following["since_start_ms"]), default=ms)
        out.append(f"snapshot {ms} {ms - r['live_table_age_ms']} {counted_ms}")
        now = {key(s): s for s in outcome.stacks(r["number"])}
        last.update(now)
        for p in r["processes"]:
            mine = {k: now.get(k) or without_blocks(s) for k, s in last.items() if k[0] == p["pid"] and k in numbers}
            if len(r["processes"]) > 1 and not any(k[0] == p["pid"] for k in numbers):
                continue
            heap = p["zend_heap"]["size_bytes"] if p["zend_heap"] else -1
            out.append(f"process {p['pid']} {heap} {p.get('n_requests') or 0}")
            for n, name in enumerate(LAYERS):
                l = p["layers"][name]
                of = l["live_blocks"], l["live_bytes"], l["frees"], l["freed_bytes"], l["unknown_frees"]
                out.append(" ".join(map(str, ("layer", n, *of))))
            for k, s in mine.items():
                add_stack(out, numbers[k], s)
    return "\n".join(out) + "\n"


def write(folder, outcome):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, outcome.scenario.name + ".txt"), "w") as f:
        f.write(text(outcome))
