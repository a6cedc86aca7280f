# SPDX-License-Identifier: GPL-2.0-or-later
"""test_web.py - PHP under web servers: php-fpm, and Apache, where the engine is a shared library. Frames are compared with
PHP's own debug_backtrace(), as in test_truth.py."""
import json
import os

from harness import HostPhp, equal, test
from test_truth import CASES, CASES_81, CASES_FRAMED, check_mark
from web import OPCACHE, Apache, Fpm

ALL_CASES = CASES + CASES_FRAMED + CASES_81
SCRIPT = os.path.join(HostPhp.scripts, "truth.php")


def compare_requests(run, server, cases):
    """Ask the server for each case, and check every mark. Return: the processes that have served."""
    tracer = run.trace("-p", ",".join(map(str, server.workers())), "-i", 60, "-T", 5000, "--layer", "libc")
    marks, size = [], 100000
    for case in cases:
        answer = json.loads(server.get(SCRIPT, case=case, size=size))
        assert answer["marks"], f"{case}: nothing was marked"
        marks += [(case, answer["pid"], mark) for mark in answer["marks"]]
        size += 100
    tracer.finish()
    for case, pid, mark in marks:
        stack = check_mark(tracer, case, mark, SCRIPT, ("complete",))
        equal(stack["pid"], pid, case)
    return {pid for _, pid, _ in marks}


@test
def php_frames_are_right_in_workers_of_fpm(run):
    server = run.keep(Fpm("php-fpm8.2", 2))
    equal(compare_requests(run, server, ALL_CASES), set(server.workers()), "workers that have served")


@test
def php_frames_are_right_in_workers_of_fpm_with_opcache(run):
    server = run.keep(Fpm("php-fpm8.2", 1, OPCACHE))
    server.get(SCRIPT, case="function")  # from now on functions are those in opcache's memory
    compare_requests(run, server, ALL_CASES)


@test
def php_frames_are_right_when_the_engine_is_a_library_of_apache(run):
    server = run.keep(Apache(HostPhp.scripts, OPCACHE))
    server.get(SCRIPT, case="function")
    compare_requests(run, server, ALL_CASES)


@test
def a_library_that_is_asked_for_again_changes_nothing(run):
    # FFI asks the loader for libc, and the loader tells debuggers of it.
    server = run.keep(Fpm("php-fpm8.2", 1))
    script = os.path.join(HostPhp.scripts, "native.php")
    tracer = run.trace("-p", server.workers()[0], "-i", 60, "-T", 1000, "--layer", "libc")
    for _ in range(5):
        equal(server.get(script), "leaked")
    tracer.finish()
    equal([o["event"] for o in tracer.of("lifecycle")], [], "events")
    leaks = [s for s in tracer.stacks() if any(f["function"] == "leak_in_request" for f in s["frames"])]
    equal(sum(s["live_blocks"] for s in leaks), 55, "blocks")
    equal({s["walk"] for s in leaks}, {"complete"}, "stacks")
