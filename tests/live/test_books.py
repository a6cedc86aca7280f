# SPDX-License-Identifier: GPL-2.0-or-later
"""test_books.py - the books of live blocks equal the target's own, to the byte."""
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
def a_full_table_counts_what_it_could_not_take(run):
    target = run.target("alloc")
    tracer = run.trace("-p", target.pid, "-i", 60, "--max-blocks", 1000)
    expected = tuple(map(int, target.ask("leak_malloc 5000").split()))
    tracer.finish()
    lost = tracer.lost().get("live_table_full", 0)
    assert lost > 1000, f"only {lost} lost"
    equal(tracer.live("leak_malloc")[1] + lost, expected[1], "tracked and lost blocks")


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
