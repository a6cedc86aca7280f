# SPDX-License-Identifier: GPL-2.0-or-later
"""test_truth.py - PHP frames are those that PHP itself tells by debug_backtrace(): function, file and line."""
import json
import os

from harness import PHP, ROOT, Program, equal, test

SCRIPT = os.path.join(ROOT, "tests/live/truth.php")
# What every native block of FFI has above it: FFI's own frame for the call.
INNERMOST = ["malloc"]


def expected(mark):
    """debug_backtrace() names the function called and the place of the call; a frame is a function and its own place."""
    frames, line, file = [], mark["line"], SCRIPT
    for name, call_file, call_line in mark["trace"]:
        frames.append((name, file, line))
        file, line = call_file, call_line
    return frames + [("{main}", file, line)]


def told(stack):
    return [(f["function"], f["file"], f["line"]) for f in stack["frames"] if f["kind"] == "php"]


def normal(frames):
    """Both sides alike: include is a call of a function "include" for PHP and a frame without a function here."""
    return [("{include}" if name in ("include", "require") else name, file, line) for name, file, line in frames]


def compare(run, cases, options=(), walk=("complete",)):
    php = run.keep(Program([PHP, *options, SCRIPT]))
    tracer = run.trace("-p", php.pid, "-i", 60, "-T", 5000, "--layer", "libc")
    marks = []
    for case in cases:
        answer = json.loads(php.ask(case))
        assert answer, f"{case}: nothing was marked"
        marks += [(case, mark) for mark in answer]
    tracer.finish()
    for case, mark in marks:
        found = [s for s in tracer.stacks() if s["live_bytes"] == mark["size"] and s["live_blocks"] == 1]
        equal(len(found), 1, f"{case}: stacks of {mark['size']} bytes")
        frames = told(found[0])
        equal([f[0] for f in frames[:1]], INNERMOST, case)
        equal(normal(frames[1:]), normal(expected(mark)), case)
        assert found[0]["walk"] in walk, f"{case}: {found[0]['walk']}"
        assert all(f["line_exact"] for f in found[0]["frames"] if f["line"]), found[0]
    return len(marks)


CASES = ["function", "recursion", "method", "static", "constructor", "closure", "callback", "sort", "nested", "preg",
         "generator", "tostring", "get", "destructor", "exception"]


@test
def php_frames_are_what_php_itself_tells(run):
    assert compare(run, CASES) >= len(CASES)


@test
def php_frames_are_right_with_opcache(run):
    compare(run, CASES, ["-d", "opcache.enable_cli=1", "-d", "opcache.jit=disable"])


@test
def an_included_file_is_a_frame(run):
    compare(run, ["include"])


@test
def a_fibers_stack_has_its_root_and_who_resumed_it(run):
    equal(compare(run, ["fiber"], walk=("fiber_root",)), 2, "marks")


@test
def php_frames_are_right_with_the_jit(run):
    # Native frames inside compiled code are not invented: such a stack says where its native part ends.
    jit = ["-d", "opcache.enable_cli=1", "-d", "opcache.jit_buffer_size=16M", "-d", "opcache.jit"]
    # The generator's two marks are told apart by native frames alone, which are not known here.
    cases = [c for c in CASES if c != "generator"]
    for mode in ("function", "tracing"):
        compare(run, cases, jit[:-1] + [f"opcache.jit={mode}"], walk=("complete", "jit"))
