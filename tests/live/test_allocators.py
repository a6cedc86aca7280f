# SPDX-License-Identifier: GPL-2.0-or-later
"""test_allocators.py - every allocator that a program may use: which one its malloc is, and that the books of each are
exact. Targets count for themselves (targets/alloc.c, and those named below)."""
import os

from harness import TARGETS, equal, test


def told(line):
    return tuple(map(int, line.split()))


def built(name):
    return os.path.join(TARGETS, name)


@test
def a_free_that_calls_another_is_one_free(run):
    target = run.target("alloc", env={**os.environ, "LD_PRELOAD": built("shim")})
    tracer = run.trace("-p", target.pid, "-i", 60)
    target.ask("churn 1000")
    tracer.finish()
    books = tracer.layer(target.pid, "libc")
    equal((books["allocs"], books["frees"], books["unknown_frees"]), (1000, 1000, 0), "allocs, frees, unknown frees")
    equal(tracer.lost(), {}, "lost")
