# SPDX-License-Identifier: GPL-2.0-or-later
"""test_freed.py - freed blocks are remembered: a block that is freed twice is told, nothing else is; and a crash knows whose the
memory was."""
import json
import os
import tempfile

from harness import equal, test


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
    equal(saved, [told], "saved")


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
