# SPDX-License-Identifier: GPL-2.0-or-later
"""test_launch.py - swtrace -- COMMAND: traced from the first instruction, and as if it had been started without."""
import os
import stat
import tempfile
import time

from harness import TARGETS, Tracer, command, equal, test

LIFE = os.path.join(TARGETS, "life")


def traced(run, *argv):
    tracer = run.trace("-i", 60, "--", *argv, wait_for=None)
    code = tracer.finish(interrupt=False)
    return tracer, code


def check_first_blocks(tracer):
    equal(tracer.live("leak_in_constructor"), (5000, 10), "blocks of the constructor")
    equal(tracer.live("leak_in_main"), (1400, 20), "blocks of main")
    equal(tracer.lost(), {}, "lost")


@test
def a_command_is_traced_before_its_first_allocation(run):
    tracer, code = traced(run, LIFE, "3")
    equal(code, 3, "exit code")
    check_first_blocks(tracer)
    end = [o for o in tracer.of("lifecycle") if o["event"] == "exit"]
    equal([o["exit_status"] for o in end], [3], "exit")


@test
def a_static_command_is_traced_before_its_first_allocation(run):
    tracer, code = traced(run, LIFE + "-static", "7")
    equal(code, 7, "exit code")
    check_first_blocks(tracer)
    equal({s["walk"] for s in tracer.stacks()}, {"complete"}, "its unwind rows, which have no table")


@test
def a_script_that_executes_the_program_is_followed(run):
    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "start.sh")
        with open(script, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\n: some shell work\nexec {LIFE} 5\n")
        os.chmod(script, stat.S_IRWXU)
        tracer, code = traced(run, script)
    equal(code, 5, "exit code")
    check_first_blocks(tracer)


@test
def a_command_that_is_killed_gives_the_status_of_a_shell(run):
    tracer = run.trace("-i", 60, "--", "sh", "-c", "kill -SEGV $$", wait_for=None)
    equal(tracer.finish(interrupt=False), 128 + 11, "exit code")
    equal([c["signal_name"] for c in tracer.of("crash")], ["SIGSEGV"], "crash events")


@test
def a_command_that_does_not_exist_is_told_as_a_shell_does(run):
    code, out, err = command("--", "/no/such/program")
    equal((code, out), (127, ""), "exit code and output")
    assert err.startswith("swtrace: cannot start '/no/such/program': No such file"), err
    code, out, err = command("--", "/etc/passwd")
    equal((code, out), (126, ""), "exit code and output")


@test
def a_command_goes_on_when_swtrace_is_killed_at_any_moment_of_the_start(run):
    # The command answers on its own; it must do so however early swtrace dies.
    for delay in (0.25, 0.3, 0.35, 0.4, 0.45, 0.6):
        with tempfile.TemporaryDirectory() as folder:
            done = os.path.join(folder, "done")
            tracer = Tracer(["-i", "60", "--", "sh", "-c", f"echo started >{done}.1; sleep 1; echo >{done}"],
                            wait_for=None)
            run.keep(tracer)
            time.sleep(delay)
            tracer.proc.kill()
            tracer.proc.wait()
            time.sleep(0.2)
            if not os.path.exists(done + ".1"):
                continue  # killed before the command was let go: it never started
            time.sleep(1.3)
            assert os.path.exists(done), f"killed after {delay} s, the command stopped"
