# SPDX-License-Identifier: GPL-2.0-or-later
"""test_truth.py - PHP frames are those that PHP itself tells by debug_backtrace(): class, function, file and line."""
import json
import os

from harness import EmbeddedPhp, HostPhp, Program, RootPhp, equal, test

# What every native block of FFI has above it: FFI's own frame for the call.
INNERMOST = ["malloc"]

# Calls of every kind that the language has, in truth.php; then those that came with later versions.
CASES = ["function", "recursion", "method", "static", "constructor", "closure", "callback", "sort", "nested", "preg",
         "generator", "tostring", "get", "destructor", "exception", "call", "callstatic", "invoke", "inherited",
         "anonymous", "arrayaccess", "iterator", "serialize", "bound", "indirect", "reflection", "errorhandler", "output",
         "cycle", "cleanup", "send", "include", "eval", "evaluated", "evalinclude"]
# Internal functions that PHP 8.4 calls without a frame of their own.
CASES_FRAMED = ["autoload", "frameless"]
CASES_81 = ["enum", "firstclass", "named", "match"]
CASES_84 = ["hook", "lazy"]
JIT = ["-d", "opcache.enable_cli=1", "-d", "opcache.jit_buffer_size=16M", "-d"]
NO_JIT = ["-d", "opcache.enable_cli=1", "-d", "opcache.jit=disable"]


def expected(script, mark, outermost):
    """debug_backtrace() names the function called and the place of the call; a frame is a function and its own place."""
    frames, line, file = [], mark["line"], script
    for name, call_file, call_line in mark["trace"]:
        frames.append((name, file, line))
        file, line = call_file, call_line
    return frames + [(outermost, file, line)]


def told(stack):
    return [(f["function"], f["file"], f["line"]) for f in stack["frames"] if f["kind"] == "php"]


def normal(frames):
    """Both sides alike: for PHP include and eval are calls of functions, and here frames without a function."""
    names = {"include": "{include}", "require": "{include}", "eval": "eval()"}
    return [(names.get(name, name), file, line) for name, file, line in frames]


def check_mark(tracer, case, mark, script, walk, outermost="{main}"):
    """One stack has the mark's block, and its PHP frames are those of the mark. Return: it."""
    found = [s for s in tracer.stacks() if s["live_bytes"] == mark["size"] and s["live_blocks"] == 1]
    equal(len(found), 1, f"{case}: stacks of {mark['size']} bytes")
    frames = told(found[0])
    equal([f[0] for f in frames[:1]], INNERMOST, case)
    equal(normal(frames[1:]), normal(expected(script, mark, outermost)), case)
    assert found[0]["walk"] in walk, f"{case}: {found[0]['walk']}"
    assert all(f["line_exact"] for f in found[0]["frames"] if f["line"]), found[0]
    return found[0]


def compare(run, cases, options=(), walk=("complete",), php=HostPhp):
    script = os.path.join(php.scripts, "truth.php")
    program = run.keep(Program(php.argv(*options, script)))
    tracer = run.trace("-p", program.pid, "-i", 60, "-T", 5000, "--layer", "libc")
    marks = []
    for case in cases:
        answer = json.loads(program.ask(case))
        assert answer, f"{case}: nothing was marked"
        marks += [(case, mark) for mark in answer]
    tracer.finish()
    for case, mark in marks:
        check_mark(tracer, case, mark, script, walk, php.outermost)
    return len(marks)


@test
def php_frames_are_what_php_itself_tells(run):
    cases = CASES + CASES_FRAMED + CASES_81
    assert compare(run, cases) >= len(cases)


@test
def php_frames_are_right_with_opcache(run):
    compare(run, CASES + CASES_FRAMED + CASES_81, NO_JIT)


@test
def php_frames_are_right_in_a_program_that_embeds_php(run):
    compare(run, CASES + CASES_FRAMED + CASES_81, php=EmbeddedPhp)


@test
def a_fibers_stack_has_its_root_and_who_resumed_it(run):
    equal(compare(run, ["fiber", "innerfiber"], walk=("fiber_root",)), 4, "marks")


def compare_with_jit(run, cases, **kw):
    # Native frames inside compiled code are not invented: such a stack says where its native part ends.
    # The generator's two marks are told apart by native frames alone, which are not known here.
    cases = [c for c in cases if c != "generator"]
    for mode in ("function", "tracing"):
        compare(run, cases, [*JIT, f"opcache.jit={mode}"], walk=("complete", "jit"), **kw)


@test
def php_frames_are_right_with_the_jit(run):
    compare_with_jit(run, CASES + CASES_FRAMED + CASES_81)


@test
def php_frames_of_7_4_are_what_php_itself_tells(run):
    php = RootPhp("bullseye", "php7.4")
    compare(run, CASES + CASES_FRAMED, php=php)
    compare(run, CASES + CASES_FRAMED, NO_JIT[:2], php=php)


@test
def php_frames_of_8_4_are_what_php_itself_tells(run):
    php = RootPhp("trixie", "php8.4")
    compare(run, CASES + CASES_81 + CASES_84, php=php)
    compare(run, CASES + CASES_81 + CASES_84, NO_JIT, php=php)


@test
def php_frames_of_8_4_are_right_with_the_jit(run):
    compare_with_jit(run, CASES + CASES_81 + CASES_84, php=RootPhp("trixie", "php8.4"))
