# SPDX-License-Identifier: GPL-2.0-or-later
"""windows.py - what tracing on a budget costs a PHP worker that is busy all the time: make bench-windows.

Usage: windows.py SLICES BLOCKS BUDGET.... Two workers under the same load at the same time; in each slice of BLOCKS times 4 s
one of them, in turn, is traced. Prints a line for each budget."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "live"))
from harness import Run  # noqa: E402
from test_windows import compare  # noqa: E402


def main(slices, blocks, *budgets):
    for budget in budgets:
        run = Run()
        print(f"--overhead {budget}", flush=True)
        try:
            compare(run, int(slices), int(blocks), float(budget))
        finally:
            run.end()


main(*sys.argv[1:])
