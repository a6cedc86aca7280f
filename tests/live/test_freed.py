# SPDX-License-Identifier: GPL-2.0-or-later
"""test_freed.py - freed blocks are remembered: a block that is freed twice is told, nothing else is; and a crash knows whose the
memory was. So is a free of what is no block."""
import json
import os
import re
import tempfile

from harness import PHP, TARGETS, command, equal, test, waiting_test


def trace(run, *options):
    """What was freed while probes were being placed is not believed: at the first report that is over."""
    target = run.target("twice")
    tracer = run.trace("-p", target.pid, "-i", 0.3, *options)
    tracer.wait("report")
    return target, tracer


def names(stack):
    return [f["function"] for f in stack["frames"]]


@test
def a_block_that_is_freed_twice_is_told_once_for_its_stack_and_counted(run):
    target, tracer = trace(run)
    n, addr = target.ask("twice 50").split()
    told = tracer.wait("double_free", 10)
    equal((told["pid"], told["tid"], told["comm"], told["layer"], told["size_bytes"], told["addr"]),
          (target.pid, target.pid, "twice", "libc", 72, addr), "who and what")
    equal(names(told)[0], "drop_again", "the second free")
    equal(names(told["allocated_by"])[0], "make_one", "the allocation")
    equal((told["freed_by"], told["freed_tid"]), (None, target.pid), "the first free")
    equal(tracer.finish(), 0, "exit code")
    equal(len(tracer.of("double_free")), 1, "events")
    equal(tracer.last_report()["freed_history"]["double_frees"], int(n), "blocks")


@test
def a_double_free_is_saved_as_it_is_told(run):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "saved")
        target, tracer = trace(run, "--save", path)
        target.ask("twice 1")
        told = tracer.wait("double_free", 10)
        equal(tracer.finish(), 0, "exit code")
        with open(path, encoding="utf-8") as f:
            saved = [o for o in map(json.loads, f) if o["type"] == "double_free"]
        code, text, err = command("report", "--crash", path)
    equal(saved, [told], "saved")
    equal((code, err), (0, "swtrace: no crash is in the file: another event is told (double_free)\n"), "report --crash")
    assert text.startswith("## Double free in `drop_again") and re.search(r"^      allocated by\n        #0  make_one", text, re.M), text


@test
def who_freed_a_block_first_is_told_if_stacks_of_frees_are_taken(run):
    target, tracer = trace(run, "--free-stacks")
    target.ask("twice 1")
    told = tracer.wait("double_free", 10)
    equal(names(told["freed_by"])[0], "drop", "the first free")
    equal(tracer.finish(), 0, "exit code")
    assert tracer.last_report()["freed_history"]["stacks"]
    equal(tracer.lost(), {}, "lost")
    assert not any(s["layer"] not in ("libc", "mmap") for s in tracer.of("stack")), "stacks of frees are shown"


@test
def blocks_that_are_freed_once_are_no_double_frees(run):
    target, tracer = trace(run, "--freed", 1000)
    target.ask("once 20000")
    equal(tracer.finish(), 0, "exit code")
    history = tracer.last_report()["freed_history"]
    equal((history["capacity"], history["double_frees"], tracer.of("double_free")), (1024, 0, []), "history")
    assert 0 < history["used"] < 100, history  # one address after the other


@test
def nothing_is_remembered_if_that_is_not_wanted(run):
    target, tracer = trace(run, "--freed", 0)
    target.ask("twice 3")
    equal(tracer.finish(), 0, "exit code")
    equal((tracer.last_report()["freed_history"], tracer.of("double_free")), (None, []), "history")


@test
def a_use_after_free_knows_whose_the_block_was(run):
    target, tracer = trace(run, "--free-stacks")
    target.send("use")
    crash = tracer.wait("crash", 10)
    block = crash["address"]["block"]
    equal((block["state"], block["size_bytes"], block["offset"]), ("freed", 1 << 20, 4000), "block")
    equal((names(block["allocated_by"])[0], names(block["freed_by"])[0]), ("crash_after_free", "drop"), "by whom")
    equal(block["freed_tid"], target.pid, "by which thread")
    calls = [(c["op"], c["size_bytes"]) for c in crash["calls"][:3]]
    equal(calls, [("free", 1 << 20), ("alloc", 72), ("alloc", 1 << 20)], "last calls")
    tracer.finish(interrupt=False)


@test
def a_block_that_glibc_sees_freed_twice_is_told_before_the_abort(run):
    target, tracer = trace(run)
    target.send("abort")
    told = tracer.wait("double_free", 10)
    crash = tracer.wait("crash", 10)
    equal((names(told)[0], crash["signal_name"]), ("drop_again", "SIGABRT"), "what")
    last = [c for c in crash["calls"] if c["layer"] == "libc"][0]  # glibc maps memory for its message
    equal((last["op"], last["addr"], last["known"]), ("free", told["addr"], False), "the last call")
    assert crash["likely"].startswith(f"double free: {told['addr']} is 0 bytes into a block of 72 bytes"), crash
    tracer.finish(interrupt=False)


JEMALLOC = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"
INSIDE = """$c = FFI::cdef("char *_emalloc(size_t); void _efree(char *); char *_erealloc(char *, size_t);");
$p = $c->_emalloc(64);
usleep(200000);
$c->%s;
posix_kill(getmypid(), SIGKILL);"""


def stray(*args):
    """What swtrace says of a command: its objects."""
    _, out, err = command("--json", "-i", 5, "--", *args)
    told = [o for o in (json.loads(line) for line in out.splitlines() if line.startswith('{"schema"'))]
    reports = [o for o in told if o["type"] == "report"]
    assert reports, err
    return told, reports[-1]["freed_history"]["invalid_frees"]


def stray_target():
    return os.path.join(TARGETS, "stray")


def is_inside(told, layer, op="free"):
    """It names the block that the address lies in."""
    block = told["block"]
    equal((told["op"], told["what"], told["layer"], block["size_bytes"], block["offset"], int(told["addr"], 16) - int(block["addr"], 16)),
          (op, "inside_block", layer, 64, 16, 16), "what")


@waiting_test
def a_free_inside_a_live_block_is_told_before_glibc_aborts(run):
    told, n = stray(stray_target(), "inside")
    kinds = [o["type"] for o in told]
    equal((kinds.count("invalid_free"), kinds.count("crash"), n), (1, 1, 1), "events")
    assert kinds.index("invalid_free") < kinds.index("crash"), kinds
    event = told[kinds.index("invalid_free")]
    is_inside(event, "libc")
    equal((names(event)[0], names(event["block"]["allocated_by"])[0]), ("drop_stray", "make_one"), "stacks")


def free_inside(run, op="free", **env):
    target = run.target("stray", env=env)
    tracer = run.trace("-p", target.pid, "-i", 0.3)
    tracer.wait("report")  # what was allocated while probes were being placed is not believed
    target.send("inside" if op == "free" else f"{op}-inside")
    told = tracer.wait("invalid_free", 10)
    is_inside(told, "libc", op)
    target.end()  # unless its malloc has ended it
    tracer.finish(interrupt=False)


@waiting_test
def a_free_inside_a_live_block_is_told_of_a_process_that_ran_before(run):
    free_inside(run)


@waiting_test
def a_free_inside_a_block_of_jemallocs_is_told(run):
    free_inside(run, LD_PRELOAD=JEMALLOC)


@waiting_test
def a_realloc_inside_a_live_block_is_told_of_a_process_that_ran_before(run):
    free_inside(run, "realloc")


@waiting_test
def a_realloc_inside_a_block_of_jemallocs_is_told(run):
    free_inside(run, "realloc", LD_PRELOAD=JEMALLOC)


@waiting_test
def a_free_or_a_realloc_inside_a_block_of_phps_heap_is_told(run):
    for op, call in (("free", "_efree($p + 16)"), ("realloc", "_erealloc($p + 16, 200)")):
        told, _ = stray(PHP, "-d", "ffi.enable=1", "-r", INSIDE % call)
        events = [o for o in told if o["type"] == "invalid_free"]
        equal(len(events), 1, f"events of {op}")
        is_inside(events[0], "zend", op)


@waiting_test
def a_realloc_inside_a_live_block_is_told_once_before_glibc_aborts(run):
    told, n = stray(stray_target(), "realloc-inside")
    kinds = [o["type"] for o in told]
    equal((kinds.count("invalid_free"), kinds.count("double_free"), kinds.count("crash"), n), (1, 0, 1, 1), "events")
    event = told[kinds.index("invalid_free")]
    is_inside(event, "libc", "realloc")
    equal((names(event)[0], names(event["block"]["allocated_by"])[0]), ("grow_stray", "make_one"), "stacks")


@waiting_test
def a_realloc_of_a_block_that_was_freed_is_a_double_free(run):
    told, n = stray(stray_target(), "realloc-freed")
    events = [o for o in told if o["type"] in ("double_free", "invalid_free")]
    equal([(e["type"], e["op"], e["size_bytes"], names(e)[0], names(e["allocated_by"])[0]) for e in events],
          [("double_free", "realloc", 64, "grow_stray", "make_one")], "events")
    equal(n, 0, "invalid frees")


@waiting_test
def a_free_of_what_was_never_allocated_is_told_of_a_program_that_was_traced_from_its_start(run):
    for op, by in (("free", "drop_stray"), ("realloc", "grow_stray")):
        told, n = stray(stray_target(), "stack" if op == "free" else "realloc-stack")
        events = [o for o in told if o["type"] == "invalid_free"]
        equal([(e["op"], e["what"], e["block"], names(e)[0]) for e in events],
              [(op, "never_allocated", None, by)], f"events of {op}")
        equal(n, 1, "counted")


@waiting_test
def where_blocks_may_be_from_before_tracing_a_free_or_realloc_of_an_unknown_one_is_no_error(run):
    target = run.target("stray")
    target.ask("keep 10000")
    tracer = run.trace("-p", target.pid, "-i", 0.3)
    tracer.wait("report")
    target.ask("grow 5000")
    target.ask("drop")
    target.ask("clean 1600")
    target.send("stack")  # that is one, but cannot be told from the others
    target.end()
    tracer.finish(interrupt=False)
    equal(tracer.of("invalid_free") + tracer.of("double_free"), [], "events")
    assert tracer.last_report()["processes"][0]["layers"]["libc"]["unknown_frees"] > 9000, "nothing to tell apart"


@waiting_test
def programs_that_free_what_they_allocated_free_nothing_else(run):
    for args in ((stray_target(), "clean 1600"),
                 ("env", f"LD_PRELOAD={JEMALLOC}", stray_target(), "clean 1600"),
                 (PHP, "-r", "for ($i = 0; $i < 5000; $i++) $a[$i % 99] = [str_repeat('x', $i), new ArrayObject([$i])];"
                  "for ($i = 0; $i < 3000; $i++) { $s = ($s ?? '') . $i; $b[] = $i; if ($i % 400 == 0) { $s = 'x'; $b = []; } }")):
        told, n = stray(*args)
        equal((n, [o for o in told if o["type"] in ("invalid_free", "double_free")]), (0, []), f"{args}")
