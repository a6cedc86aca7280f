# SPDX-License-Identifier: GPL-2.0-or-later
"""test_crash.py - a fatal signal is told once, at once, with who, what and where."""
import time

from harness import equal, test


def crash(run, command, signal, code, kind, function=None, fault=None, depth=1):
    target = run.target("crash")
    tracer = run.trace("-p", target.pid, "-i", 60)
    start = time.monotonic()
    target.send(command)
    c = tracer.wait("crash", 5)
    assert time.monotonic() - start < 1, "it took more than a second"
    equal((c["pid"], c["tid"], c["comm"]), (target.pid, target.pid, "crash"), "who")
    equal((c["signal_name"], c["code_name"], c["kind"]), (signal, code, kind), "signal, and what it was")
    equal(c["registers"]["rip"], c["ip"], "instruction pointer among the registers")
    if fault is not None:
        equal(c["fault_addr"], fault, "fault address")
    if function:
        assert function in [f["function"] for f in c["frames"][:depth]], c["frames"]
    equal(tracer.finish(interrupt=False), 4, "exit code")
    equal(len(tracer.of("crash")), 1, "crash events")
    end = [o for o in tracer.of("lifecycle") if o["event"] == "exit"]
    equal([o["signal"] for o in end], [c["signal"]], "exit")
    assert tracer.last_report()["final"]
    return c


@test
def a_write_to_null_is_told_with_its_address(run):
    crash(run, "null", "SIGSEGV", "SEGV_MAPERR", "null_pointer", "null_deref", "0x10")


@test
def a_call_of_a_bad_pointer_names_the_caller(run):
    c = crash(run, "call", "SIGSEGV", "SEGV_MAPERR", "unmapped", "call_bad_pointer", "0x1234560", depth=2)
    equal(c["ip"], "0x1234560", "instruction pointer")


@test
def a_write_to_read_only_memory_is_an_access_error(run):
    crash(run, "readonly", "SIGSEGV", "SEGV_ACCERR", "read_only", "write_read_only")


@test
def abort_names_its_sender(run):
    c = crash(run, "abort", "SIGABRT", "SI_TKILL", "abort")
    equal(c["sender_pid"], c["pid"], "sender")
    equal(c["fault_addr"], None, "fault address")


@test
def a_division_by_zero_is_a_sigfpe(run):
    crash(run, "divide", "SIGFPE", "FPE_INTDIV", "division_by_zero", "divide_by_zero")


@test
def a_stack_overflow_is_told_though_its_stack_is_full(run):
    crash(run, "overflow", "SIGSEGV", "SEGV_MAPERR", "stack_overflow", "recurse")


@test
def a_read_past_the_end_of_a_file_is_a_sigbus(run):
    crash(run, "bus", "SIGBUS", "BUS_ADRERR", "bus", "past_the_file")


@test
def an_illegal_instruction_is_a_sigill(run):
    crash(run, "illegal", "SIGILL", "ILL_ILLOPN", "illegal_instruction", "illegal")


@test
def a_crash_in_a_thread_names_the_thread(run):
    target = run.target("crash")
    tracer = run.trace("-p", target.pid, "-i", 60)
    tid = int(target.ask("thread"))
    c = tracer.wait("crash", 5)
    equal((c["pid"], c["tid"]), (target.pid, tid), "who")
    equal(c["frames"][0]["function"], "null_deref", "where")
    equal(tracer.finish(interrupt=False), 4, "exit code")
    equal(len(tracer.of("crash")), 1, "crash events")


@test
def a_signal_that_a_handler_survives_is_no_crash(run):
    target = run.target("crash")
    tracer = run.trace("-p", target.pid, "-i", 60)
    equal(target.ask("survive"), "survived")
    equal(tracer.finish(), 0, "exit code")
    equal(tracer.of("crash"), [], "crash events")


@test
def a_child_that_crashes_right_after_the_fork_has_its_stack(run):
    target = run.target("forks")
    tracer = run.trace("-p", target.pid, "-i", 60)
    equal(target.ask("storm 300"), "done")
    tracer.finish()
    equal(tracer.lost(), {}, "lost")
    told = [o for o in tracer.of("crash") if o["pid"] != target.pid]
    equal(len({o["pid"] for o in told}), 300, "children that crashed")
    for o in told:
        names = [f["function"] for f in o["frames"]]
        equal(names[:2], ["child_crash", "crash_in_child"], "innermost frames")
        equal(names[-2:], ["__libc_start_main", "_start"], "outermost frames")
        equal(o["walk"], "complete")


@test
def a_child_that_runs_another_program_is_not_traced(run):
    target = run.target("forks")
    tracer = run.trace("-p", target.pid, "-i", 60)
    equal(target.ask("exec"), "done")
    equal(target.ask("storm 1"), "done")
    tracer.finish()
    equal(len(tracer.of("crash")), 1, "crashes told")


@test
def a_crash_of_which_no_memory_is_traced_tells_what_was_seen_from_outside(run):
    target = run.target("crash")
    tracer = run.trace("--crashes", "-p", target.pid, "-i", 0.5)
    time.sleep(1.5)  # it is looked at once or twice
    target.send("null")
    memory = tracer.wait("crash", 5)["memory"]
    tracer.finish(interrupt=False)
    equal((memory["live_bytes"], memory["php"]), (None, None), "what nobody has counted")
    assert memory["rss_bytes"] > 100000 and memory["age_ms"] < 5000, memory


@test
def a_crash_before_the_first_report_tells_what_lived(run):
    target = run.target("crash")
    tracer = run.trace("-p", target.pid, "-i", 60)
    target.send("null")
    memory = tracer.wait("crash", 5)["memory"]
    tracer.finish(interrupt=False)
    final = tracer.last_report()["processes"][0]
    equal(memory["live_bytes"], {name: layer["live_bytes"] for name, layer in final["layers"].items()}, "live bytes")
