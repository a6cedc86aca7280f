# SPDX-License-Identifier: GPL-2.0-or-later
"""test_zend.py - the Zend heap's books are proved against PHP's own count, and end with the request as the heap does."""
import json
import os
import time

from harness import PHP, HostPhp, Program, RootPhp, equal, test
from test_books import report_of, sampling_errors
from web import OPCACHE, Fpm


def heaps(tracer):
    """What the reports say of the heap, of those in which there is one."""
    found = [p["zend_heap"] for o in tracer.of("report") for p in o["processes"]]
    return [h for h in found if h]


def check_proofs(run, least_sizes, least_bytes, argv):
    """The proof holds at every rest of a script, in at least so many of which the heap has another size, one so large."""
    tracer = run.trace("-i", 0.1, "--", *argv, wait_for=None)
    equal(tracer.finish(interrupt=False), 0, "exit code")
    equal(tracer.lost(), {}, "lost")
    steady = [h for h in heaps(tracer) if h["steady"] and h["size_bytes"]]
    sizes = {h["size_bytes"] for h in steady}
    assert len(sizes) >= least_sizes and max(sizes) > least_bytes, sizes
    equal({h["difference_bytes"] for h in steady}, {0}, "differences")
    equal({h["before_bytes"] for h in steady}, {0}, "bytes from before tracing")
    return tracer


def check_from_the_start(run, php=HostPhp, *options):
    # Eight rests.
    tracer = check_proofs(run, 7, 100 << 20, php.argv(
        "-dmemory_limit=1G", *options, os.path.join(php.scripts, "heap.php")))
    # At its end PHP drops the heap, and the books with it.
    end = tracer.of("report")[-1]["processes"][0]["layers"]["zend"]
    equal((end["live_bytes"], end["frees"]), (0, end["allocs"]), "the heap at the end")


@test
def the_books_equal_phps_own_count_to_the_byte(run):
    check_from_the_start(run)


@test
def the_books_equal_phps_own_count_with_opcache(run):
    check_from_the_start(run, HostPhp, "-dopcache.enable_cli=1")


@test
def the_books_equal_the_count_of_7_4(run):
    check_from_the_start(run, RootPhp("bullseye", "php7.4"))


@test
def the_books_equal_the_count_of_8_4(run):
    check_from_the_start(run, RootPhp("trixie", "php8.4"))


def check_what_is_given_back(run, php=HostPhp):
    # 19 rests, some of them alike; the largest near the limit.
    check_proofs(run, 12, 30 << 20, php.argv("-dmemory_limit=64M", os.path.join(php.scripts, "caches.php")))


@test
def the_books_equal_the_count_when_the_heap_gives_back_what_it_kept_for_later(run):
    check_what_is_given_back(run)


@test
def the_books_equal_the_count_when_the_heap_of_7_4_gives_back(run):
    check_what_is_given_back(run, RootPhp("bullseye", "php7.4"))


@test
def the_books_equal_the_count_when_the_heap_of_8_4_gives_back(run):
    check_what_is_given_back(run, RootPhp("trixie", "php8.4"))


@test
def what_is_given_back_after_tracing_began_may_have_been_freed_before(run):
    php = run.php()
    php.ask("keep 20000 120")
    php.ask("thin 2")  # full lists of free blocks, whose pages are still in use
    tracer = run.trace("-p", php.pid, "-i", 60)
    php.ask("keep 3000 120")
    php.ask("thin 100")
    php.ask("give_back")
    php.ask("keep 30000 120")
    php.ask("give_back")
    tracer.finish()
    heap = heaps(tracer)[-1]
    equal((heap["difference_bytes"], heap["steady"]), (0, True), "difference")
    assert heap["traced_bytes"] > 30000 * 120, heap
    equal(tracer.lost(), {}, "lost")


@test
def a_block_whose_return_is_not_probed_has_the_same_stack(run):
    # After 1,000 calls for a bin the block is known at the entry: from then on the return is not seen.
    php = run.php()
    tracer = run.trace("-p", php.pid, "-i", 60, "-T", 1000, "--layer", "zend")
    php.ask("concat 5000")
    tracer.finish()
    equal(tracer.lost(), {}, "lost")
    kept = [s for s in tracer.stacks() if any(f["function"] == "Registry::concat" for f in s["frames"])]
    assert max(s["live_blocks"] for s in kept) >= 4000, [s["live_blocks"] for s in kept]
    places = [json.dumps([(f["addr"], f["function"], f["line"]) for f in s["frames"]]) for s in kept]
    equal(len(places), len(set(places)), "stacks that look the same")
    equal(heaps(tracer)[-1]["difference_bytes"], 0, "difference")


@test
def where_the_table_is_too_small_the_proof_is_an_estimate_and_close(run):
    blocks, taken = 60000, 160  # bytes of each block's bin
    php = run.php()
    tracer = run.trace("-p", php.pid, "-i", 0.3, "--max-blocks", 20000, "-T", 1000)
    report_of(tracer)
    before = heaps(tracer)[-1]["before_bytes"]
    php.ask(f"keep {blocks} 120")
    report = report_of(tracer, estimate=True)
    while not (heap := heaps(tracer)[-1])["steady"] or heap["size_bytes"] < blocks * taken:  # made while it ran
        report = report_of(tracer, estimate=True)
    # Sampling begins when 82 % of the places are taken.
    places = report["live_table"]["capacity"]
    first = places * 82 // 100
    error = taken * sampling_errors(places, [taken] * first, [taken] * (blocks - first))[1]
    missing = heap["size_bytes"] - before - heap["traced_bytes"]
    print(f"# missing {missing} of {heap['size_bytes']}, standard error {error:.0f}", flush=True)
    assert heap["estimate"] and abs(missing) < 5 * error < heap["size_bytes"] / 4, heap
    # Which line holds the memory is still told, and how much within the same error.
    held = sum(s["live_blocks"] for s in tracer.stacks() if any(f["function"] == "Registry::keep" for f in s["frames"]))
    assert abs(held - blocks) < 5 * error / taken, held
    # WHEN all of it is freed THEN only the few blocks that were left out, or lost, and live are missing
    php.ask("drop")
    tracer.wait("report")
    tracer.finish()
    zend, heap = tracer.layer(php.pid, "zend"), heaps(tracer)[-1]
    lost = tracer.lost().pop("live_table_full", 0)
    equal(tracer.lost(), {"live_table_full": lost} if lost else {}, "lost")
    alive = zend["left_out"] + lost - zend["unknown_frees"]
    assert 0 <= alive < 20 and zend["live_blocks"] < 20 and lost < 20, (zend, lost)
    equal(zend["estimate"], alive > lost, "estimate")
    assert 8 * alive <= heap["difference_bytes"] <= 3072 * alive, heap


@test
def what_was_there_before_tracing_is_told_apart(run):
    php = run.php()
    php.ask("keep 1000 5000")
    tracer = run.trace("-p", php.pid, "-i", 60)
    before = int(php.ask("keep 500 5000"))
    tracer.finish()
    heap = heaps(tracer)[-1]
    # 5,000 bytes take two pages.
    assert heap["before_bytes"] > 8192000 and heap["traced_bytes"] >= 500 * 8192, heap
    equal((heap["difference_bytes"], heap["steady"]), (0, True), "difference")
    assert abs(heap["size_bytes"] - before) < 1000, (heap, before)


@test
def what_was_there_before_tracing_may_be_freed(run):
    php = run.php()
    php.ask("keep 1000 5000")
    tracer = run.trace("-p", php.pid, "-i", 60)
    php.ask("drop")
    tracer.finish()
    heap = heaps(tracer)[-1]
    assert heap["before_bytes"] < 1000000, heap
    equal(heap["difference_bytes"], 0, "difference")


@test
def a_heap_that_is_malloc_alone_is_not_counted(run):
    php = run.keep(Program([PHP, os.path.join(HostPhp.scripts, "worker.php")], env={**os.environ, "USE_ZEND_ALLOC": "0"}))
    tracer = run.trace("-p", php.pid, "-i", 60)
    php.ask("keep 100 5000")
    tracer.finish()
    equal(heaps(tracer), [], "heaps")
    assert tracer.of("report")[-1]["processes"][0]["layers"]["zend"]["live_bytes"] >= 500000


def check_handlers(run, handlers, before=(), commands=()):
    """Blocks are in the Zend layer once, wherever they come from; the heap's own count is no proof any more."""
    target = run.target("handlers")
    for c in before:
        target.ask(c)
    start = tuple(map(int, target.ask("drop 0").split()))
    tracer = run.trace("-p", target.pid, "-i", 60)
    for c in commands:
        expected = tuple(map(int, target.ask(c).split()))
    tracer.finish()
    zend, libc = (tracer.layer(target.pid, layer) for layer in ("zend", "libc"))
    equal((zend["live_bytes"], zend["live_blocks"]), tuple(e - s for e, s in zip(expected, start)), f"{handlers}: zend")
    equal((zend["unknown_frees"], libc["allocs"], libc["unknown_frees"]), (0, 0, 0),
          f"{handlers}: unknown frees, allocations of libc, unknown frees there")
    equal(tracer.lost(), {}, "lost")
    return heaps(tracer)


@test
def a_heap_with_handlers_counts_each_block_once_and_is_no_proof_any_more(run):
    for handlers in ("malloc", "heap"):
        found = check_handlers(run, handlers, commands=(
            "keep 100", handlers, "keep 2000", "grow", "drop 1500", "keep 300"))
        equal(found, [], "heaps, with handlers")
        found = check_handlers(run, handlers, commands=(
            "keep 100", handlers, "keep 2000", "grow", "drop 1990", "reset", "keep 1500"))
        equal(found, [], "heaps, when they are gone")


@test
def a_heap_that_had_handlers_before_tracing_is_no_proof(run):
    for handlers in ("malloc", "heap"):
        found = check_handlers(run, handlers, before=(handlers, "keep 10"), commands=("keep 2000", "drop 1500"))
        equal(found, [], "heaps, with handlers")
        found = check_handlers(run, handlers, before=(handlers, "keep 10"), commands=("keep 2000", "reset", "keep 100"))
        equal(found, [], "heaps, when they are gone")


@test
def handlers_that_were_never_called_take_no_proof_away(run):
    found = check_handlers(run, "malloc", before=("malloc", "reset"), commands=("keep 2000", "malloc", "reset", "drop 50"))
    equal([h["difference_bytes"] for h in found], [0], "differences")


def await_idle(pid):
    """Until the worker waits for the next request: it answers before it cleans up."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with open(f"/proc/{pid}/syscall") as f:
            if f.read().split()[0] in ("43", "288"):  # accept, accept4
                return
        time.sleep(0.005)
    assert False, "the worker does not come to rest"


def after_requests(run, server, script, n):
    """The report after so many requests, with the worker at rest."""
    worker = server.workers()[0]
    await_idle(worker)
    tracer = run.trace("-p", worker, "-i", 60)
    for _ in range(n):
        equal(server.get(script), "kept 200")
    await_idle(worker)
    tracer.finish()
    equal(tracer.lost(), {}, "lost")
    return tracer.of("report")[-1]


@test
def what_a_request_leaves_is_dropped_at_its_end(run):
    server = run.keep(Fpm("php-fpm8.2", 1, OPCACHE))
    script = os.path.join(HostPhp.scripts, "request.php")
    server.get(script)
    few, report = (after_requests(run, server, script, n) for n in (4, 40))
    heap, zend = report["processes"][0]["zend_heap"], report["processes"][0]["layers"]["zend"]
    equal((heap["drops"], heap["difference_bytes"], heap["before_bytes"]), (40, 0, 0), "drops, difference, before")
    equal((zend["live_blocks"], zend["frees"]), (0, zend["allocs"]), "the heap between requests")
    assert zend["allocs"] > 40 * 200, zend
    # Each request has the same stacks again, not new ones.
    stacks = [r["stack_table"]["used"] for r in (few, report)]
    assert 0 < stacks[1] < 1.5 * stacks[0], stacks
