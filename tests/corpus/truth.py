# SPDX-License-Identifier: GPL-2.0-or-later
"""truth.py - does the corpus do what scenarios.py says of it? Asked of the programs themselves (memory_get_usage,
mallinfo2, what is mapped), without swtrace: what leaks does so by so many bytes, what is clean gains nothing once warm."""
import subprocess
import sys

from scenarios import SCENARIOS

REQUESTS = 20000     # half of them are left for warming up
LAYERS = ("zend", "libc", "mmap")
ROUNDED = 2.5        # allocators round up, and hash tables double
CLEAN_BYTES = 3      # a request, at most


def gained(scenario):
    argv = scenario.argv(requests=REQUESTS, rate=0, others=0)
    p = subprocess.run(argv, input="go\n", capture_output=True, text=True, timeout=120, check=True)
    word, *numbers = p.stdout.split("\n")[1].split()
    assert word == "done", p.stdout
    return dict(zip(LAYERS, map(float, numbers)))


def wrong(scenario, bytes):
    """What is wrong, or None."""
    if scenario.leaks:
        if not scenario.bytes <= bytes[scenario.layer] <= ROUNDED * scenario.bytes + 1:
            return f"should have gained {scenario.bytes:g} a request, and what allocators add"
        return None
    looked_at = {"zend", "libc", scenario.layer}  # malloc maps memory, too: only where that is the matter is it looked at
    return None if all(bytes[l] <= CLEAN_BYTES for l in looked_at) else "should have gained nothing"


def main():
    failed = 0
    print(f"{'scenario':24} {'says':>5} " + " ".join(f"{l:>9}" for l in LAYERS) + "   bytes gained a request")
    for s in SCENARIOS:
        bytes = gained(s)
        problem = wrong(s, bytes)
        failed += problem is not None
        numbers = " ".join(f"{bytes[l]:9.1f}" for l in LAYERS)
        print(f"{s.name:24} {s.bytes:5g} {numbers}" + (f"   {problem}" if problem else ""), flush=True)
    print(f"{len(SCENARIOS)} scenarios, {failed} wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
