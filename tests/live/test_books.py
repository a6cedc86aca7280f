# SPDX-License-Identifier: GPL-2.0-or-later
"""test_books.py - the books of live blocks equal the target's own, to the byte."""
import math
import random
import time

from harness import equal, test


def books(run, command, n, function=None, layer="libc"):
    """Let alloc.c do one thing n times; compare what swtrace has for that function with what the target says."""
    target = run.target("alloc")
    tracer = run.trace("-p", target.pid, "-i", 60)
    expected = tuple(map(int, target.ask(f"{command} {n}").split()))
    equal(tracer.finish(), 0, "exit code")
    equal(tracer.live(function or command, layer=layer), expected, command)
    equal(tracer.lost(), {}, "lost")
    return target, tracer


@test
def malloc_blocks_are_counted_to_the_byte(run):
    books(run, "leak_malloc", 5000)


@test
def reports_for_which_the_table_is_not_read_tell_the_same(run):
    target = run.target("alloc")
    tracer = run.trace("-p", target.pid, "-i", 0.1, "--max-blocks", 1000000)
    expected = tuple(map(int, target.ask("leak_malloc 5000").split()))
    done = time.monotonic() + 4
    ages = set()
    while time.monotonic() < done or ages != {True, False}:
        report = tracer.wait("report")
        tracer.wait("stack", report=report["number"])
        if report["live_blocks"] >= expected[1]:
            ages.add(report["live_table_age_ms"] > 0)
            equal(tracer.live("leak_malloc", layer="libc"), expected, report)
            equal(report["live_bytes"], sum(layer["live_bytes"] for p in report["processes"]
                                            for layer in p["layers"].values()), "of the process")
    equal(tracer.finish(), 0, "exit code")
    equal(tracer.last_report()["live_table_age_ms"], 0, "age at the final report")
    equal(tracer.live("leak_malloc", layer="libc"), expected, "final report")


@test
def calloc_asks_for_count_times_size(run):
    books(run, "leak_calloc", 1000)


@test
def what_is_freed_is_not_live(run):
    target, tracer = books(run, "churn", 5000)
    equal(tracer.layer(target.pid, "libc")["frees"], 5000, "frees")
    equal(tracer.layer(target.pid, "libc")["live_bytes"], 0, "live bytes of the process")


@test
def blocks_freed_elsewhere_leave_the_stack_that_made_them(run):
    books(run, "half_freed", 2000)


@test
def realloc_leaves_one_block_of_the_last_size(run):
    books(run, "realloc_grow", 300)


@test
def a_block_shrunk_by_realloc_counts_its_new_size(run):
    books(run, "realloc_shrink", 300)


@test
def realloc_of_null_is_an_allocation(run):
    books(run, "realloc_null", 300)


@test
def realloc_to_zero_is_a_free(run):
    books(run, "realloc_zero", 300)


@test
def a_failed_realloc_keeps_the_old_block(run):
    books(run, "realloc_fails", 300)


@test
def reallocarray_counts_once(run):
    books(run, "leak_reallocarray", 300)


@test
def aligned_allocations_count_and_failed_ones_do_not(run):
    books(run, "leak_memalign", 200)


@test
def strdup_belongs_to_its_caller(run):
    target = run.target("alloc")
    tracer = run.trace("-p", target.pid, "-i", 60)
    expected = tuple(map(int, target.ask("leak_strdup 500").split()))
    tracer.finish()
    total = tracer.layer(target.pid, "libc")
    equal((total["live_bytes"], total["live_blocks"]), expected, "strdup")


@test
def mappings_count_in_pages_and_follow_munmap_at_both_ends(run):
    target = run.target("alloc")
    tracer = run.trace("-p", target.pid, "-i", 60, "--layer", "mmap")
    expected = [tuple(map(int, target.ask(f"{c} 50").split())) for c in ("leak_mmap", "leak_trimmed", "leak_mremap")]
    tracer.finish()
    total = tracer.layer(target.pid, "mmap")
    equal((total["live_bytes"], total["live_blocks"]), tuple(map(sum, zip(*expected))), "mmap")
    equal(tracer.live("leak_mremap", layer="mmap"), expected[2], "mremap")
    equal(tracer.lost(), {}, "lost")


@test
def threads_that_free_each_others_blocks_lose_nothing(run):
    target = run.target("threads", "8")
    tracer = run.trace("-p", target.pid, "-i", 60)
    expected = tuple(map(int, target.ask("go 20000").split()))
    tracer.finish()
    equal(tracer.live("turn", layer="libc"), expected, "blocks of all threads")
    equal(tracer.lost(), {}, "lost")


@test
def a_full_table_counts_what_it_could_not_take_or_has_left_out(run):
    target = run.target("alloc")
    tracer = run.trace("-p", target.pid, "-i", 60, "--max-blocks", 1000)
    target.ask("leak_malloc 5000")
    tracer.finish()
    report, lost = tracer.last_report(), tracer.lost()
    assert set(lost) <= {"live_table_full"} and sum(lost.values()) < 50, lost
    assert report["live_table"]["used"] > 1000, report
    # Every block is in the table, or lost, or left out.
    equal(report["live_table"]["used"] + sum(lost.values()) + report["left_out"], 5000, "blocks")
    equal(report["estimate"], True, "estimate")
    books = tracer.layer(target.pid, "libc")
    equal(books["allocs"] - books["frees"], books["live_blocks"], "blocks by the counters")
    equal(books["alloc_bytes"] - books["freed_bytes"], books["live_bytes"], "bytes by the counters")


LEVELS = {12: 9, 13: 12, 14: 16, 15: 20}  # log2 of R by the emptier bucket's blocks: sample_level() in bpf/live.bpf.h


def sampling_errors(places, exact, sampled):
    """Standard errors (of bytes, of blocks) of what a table says of blocks of these sizes, when it samples from the second
    list on: a block that is in with the probability size / R counts R bytes, or R / size blocks."""
    dice = random.Random(1)
    used = [0] * (places // 16)
    variance = [0.0, 0.0]
    for i, size in enumerate(exact + sampled):
        bucket = min(dice.randrange(len(used)), dice.randrange(len(used)), key=used.__getitem__)
        r = 1 << LEVELS.get(used[bucket], 0) if i >= len(exact) else 1
        if size < r:
            variance[0] += size * (r - size)
            variance[1] += r / size - 1 + 1 / 4  # and the rounding
        if dice.random() * r < size:
            used[bucket] += 1
    return [math.sqrt(v) for v in variance]


def report_of(tracer, **fields):
    """The next report but one with that in it, with its stacks: what the first one led to has been done by then."""
    tracer.wait("report", **fields)
    report = tracer.wait("report", **fields)
    for _ in range(report["shown"]):
        tracer.wait("stack", report=report["number"])
    return report


@test
def a_table_that_fills_samples_small_blocks_and_its_sums_stay_right(run):
    target = run.target("alloc")
    tracer = run.trace("-p", target.pid, "-i", 0.3, "--max-blocks", 100000)
    # GIVEN a table that is more than 82 % full
    first, more = 106800, 60000  # 82.2 % of the places: hardly any bucket is full, at which the kernel side begins by itself
    expected = tuple(map(int, target.ask(f"keep_some {first}").split()))
    report = report_of(tracer, live_blocks=first)
    equal((tracer.live("keep_some"), report["estimate"], report["left_out"]), (expected, False, 0), "before")
    # WHEN more than half as many blocks follow
    bytes_all = expected[0] + int(target.ask(f"keep_some {more}").split()[0])
    report = report_of(tracer, estimate=True)
    # THEN the sums are within what chance may do, the report says that they are estimates, and nothing is lost
    sizes = [[16 + i * 37 % 500 for i in range(n)] for n in (first, more)]
    errors = sampling_errors(report["live_table"]["capacity"], *sizes)
    equal(sum(map(sum, sizes)), bytes_all, "bytes by the test's own count")
    got = tracer.live("keep_some")
    print(f"# {got} for {(bytes_all, first + more)}, standard errors {errors}, left out {report['left_out']}", flush=True)
    for n, name in enumerate(("bytes", "blocks")):
        truth = (bytes_all, first + more)[n]
        assert abs(got[n] - truth) < 5 * errors[n] < truth / 4, f"{name}: {got[n]} for {truth}, error {errors[n]}"
    assert more // 2 < report["left_out"] < more, report
    equal(tracer.lost(), {}, "lost")
    # WHEN all are freed THEN the numbers are exact again, and stay so
    target.ask("drop 0")
    report = report_of(tracer, live_blocks=0)
    equal((report["live_bytes"], report["estimate"]), (0, False), "after")
    expected = tuple(map(int, target.ask("leak_malloc 90000").split()))
    equal(tracer.finish(), 0, "exit code")
    equal(tracer.live("leak_malloc"), expected, "what is allocated then")
    equal((tracer.last_report()["estimate"], tracer.lost()), (False, {}), "estimate, lost")


@test
def filters_choose_by_size_and_age(run):
    target = run.target("alloc")
    young = run.trace("-p", target.pid, "-i", 60, "--older", 30)
    sized = run.trace("-p", target.pid, "-i", 60, "--min-size", 102, "--max-size", 103)
    target.ask("leak_malloc 700")
    young.finish()
    sized.finish()
    equal(young.last_report()["live_blocks"], 0, "blocks older than 30 s")
    equal(young.layer(target.pid, "libc")["live_blocks"], 700, "blocks of the process")
    equal(sized.live("leak_malloc"), (100 * 102 + 100 * 103, 200), "blocks of 102 and 103 bytes")


@test
def gains_are_told_since_the_last_report_and_since_the_start(run):
    target = run.target("alloc")
    tracer = run.trace("-p", target.pid, "-i", 2)
    target.ask("leak_calloc 100")
    tracer.wait("report", number=1)
    target.ask("leak_calloc 40")
    tracer.finish()
    final = [s for s in tracer.stacks() if s["frames"][0]["function"] == "leak_calloc"][0]
    equal(final["gained_start_bytes"], 140 * 150, "since the start")
    assert final["gained_bytes"] in (0, 40 * 150), final["gained_bytes"]
    gained = [s["gained_bytes"] for s in tracer.of("stack") if s["frames"][0]["function"] == "leak_calloc"]
    equal(sum(gained), 140 * 150, "sum of all gains")


@test
def the_counts_of_allocations_and_frees_agree_with_what_is_live(run):
    target = run.target("alloc")
    tracer = run.trace("-p", target.pid, "-i", 60)
    for c in ("leak_malloc", "half_freed", "realloc_grow", "realloc_fails", "leak_reallocarray", "leak_memalign"):
        target.ask(f"{c} 100")
    tracer.finish()
    libc = tracer.layer(target.pid, "libc")
    equal(libc["allocs"] - libc["frees"], libc["live_blocks"], "blocks")
    equal(libc["alloc_bytes"] - libc["freed_bytes"], libc["live_bytes"], "bytes")
    equal(libc["unknown_frees"], 0, "unknown frees")
    for s in tracer.stacks():
        equal(s["allocs"] - s["frees"], s["live_blocks"], s["frames"][0]["function"])
