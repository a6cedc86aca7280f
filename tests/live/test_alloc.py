# SPDX-License-Identifier: GPL-2.0-or-later
"""test_alloc.py - the books hold at the edges too: failures, zero sizes, mappings over mappings, stacks left by a jump,
threads, children and new programs in between. Each compares with the target's own count (targets/edges.c,
mappings.c, execs.c)."""
import os
import signal
import time

from harness import EMULATED, equal, test


def told(line):
    return tuple(map(int, line.split()))


def edge(run, command, n, *functions, layer="libc", lost=None, program="edges"):
    """Do one thing n times; what these functions' stacks hold equals the target's count, and the counters agree."""
    target = run.target(program)
    tracer = run.trace("-p", target.pid, "-i", 60, "--top", 1000)
    expected = told(target.ask(f"{command} {n}"))
    equal(tracer.finish(), 0, "exit code")
    found = [tracer.live(f, layer=layer) for f in functions or (command,)]
    equal(tuple(map(sum, zip(*found))), expected, command)
    if lost is None:
        equal(tracer.lost(), {}, "lost")
    for name in ("libc", "mmap"):
        books = tracer.layer(target.pid, name)
        equal(books["allocs"] - books["frees"], books["live_blocks"], f"{name}: blocks by the counters")
        equal(books["alloc_bytes"] - books["freed_bytes"], books["live_bytes"], f"{name}: bytes by the counters")
    return target, tracer


def mappings(run, command, n):
    """The same for mappings, made by map() and map_at(): nothing else in the target maps."""
    return edge(run, command, n, "map", "map_at", command, layer="mmap", program="mappings")


@test
def a_block_of_size_zero_is_a_block(run):
    edge(run, "zero_sizes", 300)


@test
def allocations_that_fail_leave_nothing(run):
    edge(run, "all_fail", 100)
    mappings(run, "all_fail", 100)


@test
def a_reallocarray_whose_product_overflows_to_zero_keeps_the_old_block(run):
    edge(run, "reallocarray_overflows", 100)


@test
def a_block_that_realloc_moves_is_one_block(run):
    edge(run, "realloc_moves", 300)


@test
def a_block_that_malloc_maps_is_in_the_libc_layer_alone(run):
    target, tracer = edge(run, "big_blocks", 10)
    books = tracer.layer(target.pid, "mmap")
    equal((books["live_blocks"], books["allocs"], books["unknown_frees"]), (0, 0, 0), "mmap layer")


@test
def mappings_above_4_gib_count_in_full(run):
    mappings(run, "huge_mmap", 3)


@test
def a_mapping_over_a_mapping_replaces_it(run):
    mappings(run, "mapped_over", 50)


@test
def one_munmap_of_two_neighbours_frees_both(run):
    mappings(run, "unmap_two", 50)


@test
def one_munmap_of_six_neighbours_frees_all(run):
    mappings(run, "unmap_six", 50)


@test
def a_mapping_that_loses_its_place_in_a_full_table_is_not_live_by_the_counters(run):
    target = run.target("mappings")
    tracer = run.trace("-p", target.pid, "-i", 60, "--max-blocks", 1000)
    target.ask("unmap_both_ends 3000")
    equal(tracer.finish(), 0, "exit code")
    assert tracer.lost()["mappings_full"] > 1000, tracer.lost()
    books = tracer.layer(target.pid, "mmap")
    equal(books["allocs"] - books["frees"], books["live_blocks"], "blocks by the counters")
    equal(books["alloc_bytes"] - books["freed_bytes"], books["live_bytes"], "bytes by the counters")


@test
def a_failed_munmap_frees_nothing(run):
    mappings(run, "munmap_fails", 50)


@test
def a_failed_mremap_keeps_the_old_mapping(run):
    mappings(run, "mremap_fails", 50)


@test
def a_mapping_shrunk_by_mremap_counts_its_new_size(run):
    target = run.target("mappings")
    tracer = run.trace("-p", target.pid, "-i", 60)
    expected = told(target.ask("mremap_shrinks 50"))
    tracer.finish()
    total = tracer.layer(target.pid, "mmap")
    equal((total["live_bytes"], total["live_blocks"]), expected, "mmap layer")


@test
def a_jump_out_of_realloc_costs_no_later_block_and_is_counted(run):
    _, tracer = edge(run, "after_jump", 100, "after_jump", "deeper", lost="expected")
    lost = tracer.lost()
    equal(set(lost), {"return_missed"}, "causes")
    assert 100 <= lost["return_missed"] <= 200, lost


@test
def a_block_whose_realloc_is_left_by_a_jump_is_gone_from_table_and_counters_alike(run):
    _, tracer = edge(run, "jump_with_block", 50, lost="expected")
    equal(tracer.lost(), {"return_missed": 50}, "lost")


@test
def coroutines_on_their_own_stacks_lose_nothing(run):
    edge(run, "coroutines", 2000, "in_routine")


@test
def a_handler_on_a_signal_stack_is_a_caller_like_any_other(run):
    edge(run, "in_handler", 500, "on_usr1")


@test
def the_blocks_of_threads_that_ended_stay(run):
    edge(run, "dying_threads", 200, "leak_and_die")


@test
def children_made_by_posix_spawn_disturb_nothing(run):
    target, tracer = edge(run, "spawn", 20)
    made = [o for o in tracer.of("lifecycle") if o["event"] == "fork"]
    equal((len(made), {o["pid"] for o in made}), (20, {target.pid}), "children")
    equal([o for o in tracer.of("lifecycle") if o["event"] in ("exec", "exit")], [], "other events")


@test
def a_library_loaded_later_is_told_and_disturbs_nothing(run):
    _, tracer = edge(run, "after_dlopen", 100)
    assert any(o["event"] == "libraries" for o in tracer.of("lifecycle")), tracer.of("lifecycle")


@test
def strdup_is_told_as_libcs_own_frame(run):
    target = run.target("alloc")
    tracer = run.trace("-p", target.pid, "-i", 60)
    expected = told(target.ask("leak_strdup 500"))
    tracer.finish()
    top = tracer.stacks()[0]
    assert top["frames"][0]["function"] in ("__strdup", "strdup"), top["frames"][0]
    equal((top["layer"], top["live_bytes"], top["live_blocks"]), ("libc", *expected), "stack")


@test
def an_exit_among_busy_threads_is_told_once_with_its_status(run):
    for status in (7, 0, 250):
        target = run.target("edges")
        tracer = run.trace("-p", target.pid, "-i", 60)
        target.send(f"exit_among_threads {status}")
        equal(tracer.finish(interrupt=False), 4, "exit code")
        end = [(o["exit_status"], o["signal"]) for o in tracer.of("lifecycle") if o["event"] == "exit"]
        equal(end, [(status, None)], "exit events")
        assert tracer.last_report()["final"]


def after_exec(run, how):
    target = run.target("execs")
    tracer = run.trace("-p", target.pid, "-i", 60)
    target.ask("leak 1000")
    equal(target.ask(how), "ready")
    tracer.wait("lifecycle", event="exec", pid=target.pid)
    time.sleep(4 if EMULATED else 0.5)  # the new program's probes are placed a moment after its start
    expected = told(target.ask("leak 300"))
    equal(tracer.finish(), 0, "exit code")
    equal(tracer.live("leak_after"), expected, "the new program's blocks")
    equal(tracer.live("leak_before"), (0, 0), "the old program's blocks")
    equal(len([o for o in tracer.of("lifecycle") if o["event"] == "exec"]), 1, "exec events")
    equal([o for o in tracer.of("lifecycle") if o["event"] == "exit"], [], "exit events")
    equal(tracer.lost(), {}, "lost")


@test
def after_an_exec_the_new_programs_books_are_exact(run):
    after_exec(run, "exec")


@test
def an_exec_by_a_second_thread_is_the_same(run):
    after_exec(run, "thread")


def one_crash(run, command, code_name):
    target = run.target("edges")
    tracer = run.trace("-p", target.pid, "-i", 60)
    target.send(f"{command} 0")
    c = tracer.wait("crash", 5)
    equal((c["signal_name"], c["code_name"], c["fault_addr"]), ("SIGSEGV", code_name, "0x20"), command)
    equal(c["frames"][0]["function"], "crash_now", command)
    equal(tracer.finish(interrupt=False), 4, "exit code")
    equal(len(tracer.of("crash")), 1, "crash events")


@test
def a_fault_kills_though_its_signal_is_ignored_or_blocked(run):
    one_crash(run, "crash_ignored", "SEGV_MAPERR")
    one_crash(run, "crash_blocked", "SEGV_MAPERR")


@test
def a_handler_that_gives_up_makes_one_event(run):
    one_crash(run, "crash_in_second_try", "SEGV_MAPERR")


@test
def a_killing_signal_from_outside_names_its_sender(run):
    target = run.target("edges")
    tracer = run.trace("-p", target.pid, "-i", 60)
    os.kill(target.pid, signal.SIGSEGV)
    c = tracer.wait("crash", 5)
    equal((c["signal_name"], c["code_name"], c["fault_addr"]), ("SIGSEGV", "SI_USER", None), "signal")
    equal(c["sender_pid"], os.getpid(), "sender")
    equal(tracer.finish(interrupt=False), 4, "exit code")


@test
def a_process_that_is_terminated_has_ended_by_a_signal_and_not_crashed(run):
    for number in (signal.SIGTERM, signal.SIGKILL):
        target = run.target("edges")
        tracer = run.trace("-p", target.pid, "-i", 60)
        os.kill(target.pid, number)
        equal(tracer.finish(interrupt=False), 4, "exit code")
        end = [(o["exit_status"], o["signal"]) for o in tracer.of("lifecycle") if o["event"] == "exit"]
        equal(end, [(None, int(number))], "exit events")
        equal(tracer.of("crash"), [], "crash events")
