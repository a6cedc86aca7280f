# SPDX-License-Identifier: GPL-2.0-or-later
"""run.py - measure, and write docs/benchmarks.md: python3 tests/bench/run.py [-r ROUNDS] [PART...]
With parts named (such as "pairs"), only these are measured, and the page goes to standard output instead.
Exit: 0 all was measured, whether or not limits were missed; 1 something could not be."""
import argparse
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "live"))

from figures import PARTS  # noqa: E402 - they use the live tests' modules
from harness import ROOT  # noqa: E402
from page import Machine, Page  # noqa: E402
from tools import kill_all  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-r", "--rounds", type=int, default=7)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS])
    args = parser.parse_args()
    if os.geteuid():
        sys.exit("bench: tracing needs root (sudo make bench)")
    # An end by signal is an end like any other: what was started is ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    machine = Machine()
    page = Page(args.rounds)
    for name in args.part or PARTS:
        start = time.monotonic()
        PARTS[name](page, args.rounds)
        page.take_losses(name)
        print(f"bench: {name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    text = page.markdown(machine.markdown())
    if args.part:
        sys.stdout.write(text)
        return
    with open(os.path.join(ROOT, "docs", "benchmarks.md"), "w") as f:
        f.write(text)
    print(text.partition("\n## ")[2].partition("\n## ")[0])


try:
    main()
finally:
    kill_all()
