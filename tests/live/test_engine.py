# SPDX-License-Identifier: GPL-2.0-or-later
"""test_engine.py - PHP engines that this machine has none of, made up (targets/engine.c): thread-safe builds, and such as
swtrace does not know or must not believe."""
import os
import tempfile

from harness import TARGETS, Program, equal, test

CALLS = 300


def traced(run, engine):
    """Trace an engine that serves in four threads, and one thread without PHP."""
    program = run.keep(Program([os.path.join(TARGETS, engine)]))
    tracer = run.trace("-p", program.pid, "-i", 60, "-T", 1000)
    equal(program.ask(f"go {CALLS}"), "done")
    # The first frames of a thread-safe build are what its layout is checked by; they are told meanwhile.
    equal(program.ask(f"go {CALLS}"), "done")
    tracer.finish()
    equal(tracer.lost(), {}, "lost")
    return tracer


def blocks(tracer):
    """Blocks by size and innermost PHP frame: (size, function, file, line) -> number."""
    found = {}
    for s in tracer.stacks():
        size = s["live_bytes"] // max(s["live_blocks"], 1)
        if s["live_blocks"] % CALLS:
            continue
        php = [f for f in s["frames"] if f["kind"] == "php"]
        assert len(php) <= 1 and s["walk"] == "complete", s
        f = php[0] if php else {"function": None, "file": None, "line": None}
        key = size, f["function"], f["file"], f["line"]
        found[key] = found.get(key, 0) + s["live_blocks"]
    return found


def work(number):
    return 1000 + number, f"work_{number}", "/srv/engine.php", 10 * number + 12


WITHOUT_PHP = (5000, None, None, None)


def warnings(tracer):
    return [line for line in tracer.said if "native frames only" in line]


@test
def a_made_up_engine_is_told_like_a_real_one(run):
    tracer = traced(run, "engine-nts")
    equal(blocks(tracer), {work(0): 2 * CALLS, WITHOUT_PHP: 2 * CALLS}, "blocks")
    equal(warnings(tracer), [], "warnings")


def check_threads(run, engine):
    tracer = traced(run, engine)
    equal(blocks(tracer), {**{work(n): 2 * CALLS for n in range(4)}, WITHOUT_PHP: 2 * CALLS}, "blocks")
    equal(warnings(tracer), [], "warnings")


@test
def each_thread_of_a_thread_safe_php_has_frames_of_its_own(run):
    check_threads(run, "engine-zts")


@test
def a_thread_safe_php_that_is_a_library_has_its_frames(run):
    check_threads(run, "engine-initial-exec")


@test
def a_thread_safe_php_is_told_from_its_first_frame_when_it_is_started_under_tracing(run):
    with tempfile.NamedTemporaryFile("w") as commands:
        commands.write(f"go {CALLS}\n")
        commands.flush()
        tracer = run.trace("-i", 60, "-T", 1000, "--", "sh", "-c",
                           f"exec {os.path.join(TARGETS, 'engine-zts')} <{commands.name} >/dev/null", wait_for=None)
        equal(tracer.finish(interrupt=False), 0, "exit code")
    equal(blocks(tracer), {**{work(n): CALLS for n in range(4)}, WITHOUT_PHP: CALLS}, "blocks")
    equal(warnings(tracer), [], "warnings")


@test
def a_child_of_a_thread_safe_php_that_crashes_has_its_frames(run):
    program = run.keep(Program([os.path.join(TARGETS, "engine-zts")]))
    tracer = run.trace("-p", program.pid, "-i", 60)
    equal(program.ask("child"), "done")
    crash = tracer.wait("crash", 5)
    equal([(f["function"], f["line"]) for f in crash["frames"] if f["kind"] == "php"], [("work_0", 12)], "frames")
    equal(crash["walk"], "complete")


def check_refused(run, engine, reason):
    tracer = traced(run, engine)
    found = blocks(tracer)
    equal({k[1] for k in found}, {None}, "PHP frames")
    assert len(found) >= 2, found
    said = warnings(tracer)
    assert len(said) == 1 and reason in said[0], said


@test
def threads_whose_globals_cannot_be_found_give_native_frames_and_one_line(run):
    check_refused(run, "engine-global-dynamic", "thread-safe build (ZTS) that does not say where")


@test
def an_engine_that_is_laid_out_otherwise_gives_native_frames_and_one_line(run):
    check_refused(run, "engine-wrong", "not laid out as this version's is")


@test
def an_unknown_version_whose_debug_information_says_its_layout_has_frames(run):
    tracer = traced(run, "engine-typed")
    equal(blocks(tracer), {work(0): 2 * CALLS, WITHOUT_PHP: 2 * CALLS}, "blocks")
    equal(warnings(tracer), [], "warnings")
    check_refused(run, "engine-stripped", "PHP 9.9.1: native frames only: this version is not known")


@test
def an_unknown_version_gives_native_frames_and_one_line(run):
    check_refused(run, "engine-unknown", "PHP 9.9.1: native frames only: this version is not known")
