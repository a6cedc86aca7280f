# SPDX-License-Identifier: GPL-2.0-or-later
"""test_php.py - real PHP 8.2: its own heap, its libc heap, its crash."""
import os

from harness import ROOT, equal, test


@test
def growth_of_phps_heap_is_what_php_itself_measures(run):
    php = run.php()
    php.ask("churn 50")
    tracer = run.trace("-p", php.pid, "-i", 60)
    before = int(php.ask("churn 0"))
    after = int(php.ask("keep 3000 1000"))
    tracer.finish()
    zend = tracer.layer(php.pid, "zend")
    # A string of 1,000 bytes is asked for as 24 + 1,000 + 1, rounded up to 8: 1,032; its bin holds 1,280. The array that
    # keeps 3,000 of them has room for 4,096 values of 16 bytes, and its first bytes.
    grown = after - before
    asked = zend["alloc_bytes"] - zend["freed_bytes"]
    assert 3000 * 1032 + 65536 <= asked <= 3000 * 1032 + 65536 + 4096, asked
    equal((zend["live_bytes"], zend["live_blocks"]), (asked, zend["allocs"] - zend["frees"]), "live")
    assert 0 <= grown - (asked + 3000 * (1280 - 1032)) <= 8192, (grown, asked)
    equal(tracer.lost(), {}, "lost")
    top = tracer.stacks()[0]
    equal((top["layer"], top["frames"][0]["module"]), ("zend", "php8.2"), "largest stack")


@test
def what_php_frees_again_is_not_live(run):
    php = run.php()
    php.ask("keep 100 500")
    tracer = run.trace("-p", php.pid, "-i", 60)
    php.ask("churn 300")
    php.ask("keep 1000 300")
    php.ask("drop")
    tracer.finish()
    zend = tracer.layer(php.pid, "zend")
    assert zend["allocs"] > 3000, zend
    assert zend["live_bytes"] < 2000, zend
    assert zend["unknown_frees"] >= 100, "the 100 strings of before were freed unseen"
    equal(tracer.lost(), {}, "lost")


@test
def a_block_of_native_code_is_in_the_libc_layer(run):
    php = run.php()
    php.ask("native 1 10")
    tracer = run.trace("-p", php.pid, "-i", 60, "--layer", "libc")
    php.ask("native 700 1234")
    tracer.finish()
    equal(sum(s["live_bytes"] for s in tracer.stacks() if s["live_bytes"] >= 700 * 1234), 700 * 1234, "leak")
    assert tracer.stacks()[0]["frames"][0]["module"].startswith("libffi"), tracer.stacks()[0]


@test
def a_php_crash_is_told(run):
    php = run.php()
    tracer = run.trace("-p", php.pid, "-i", 60)
    php.send("crash")
    c = tracer.wait("crash", 5)
    equal((c["signal_name"], c["code_name"], c["fault_addr"]), ("SIGSEGV", "SEGV_MAPERR", "0x10"))
    equal(c["frames"][0]["module"], "libc.so.6", "where")
    equal(tracer.finish(interrupt=False), 4, "exit code")


@test
def php_started_under_tracing_is_seen_from_its_first_block(run):
    tracer = run.trace("-i", 60, "--", "php8.2", "-n", "-r", "$a = str_repeat('y', 5000); exit(9);", wait_for=None)
    equal(tracer.finish(interrupt=False), 9, "exit code")
    zend = tracer.of("report")[-1]["processes"][0]["layers"]["zend"]
    assert zend["allocs"] > 200, zend
    equal(zend["live_blocks"], zend["allocs"] - zend["frees"], "live blocks")
    equal(zend["unknown_frees"], 0, "frees of blocks that were not seen")


@test
def lines_of_one_function_are_told_apart(run):
    php = run.php()
    php.ask("lines 1")
    tracer = run.trace("-p", php.pid, "-i", 60, "-T", 1000, "--layer", "libc")
    php.ask("lines 400")
    tracer.finish()
    source = open(os.path.join(ROOT, "tests/live/worker.php"), encoding="utf-8").read().split("\n")
    expected = {n: 400 for n, text in enumerate(source, 1) if "malloc(3001)" in text}
    got = {}
    for s in tracer.stacks():
        for f in s["frames"]:
            if f["function"] == "leak_by_line":
                got[f["line"]] = got.get(f["line"], 0) + s["live_blocks"]
    equal(len(expected), 3, "lines")
    equal(got, expected, "blocks by line")
    equal(tracer.lost(), {}, "lost")


@test
def evaluated_code_is_told_apart_by_where_it_stands(run):
    php = run.php()
    php.ask("evals 1")
    tracer = run.trace("-p", php.pid, "-i", 60, "-T", 1000, "--layer", "libc")
    php.ask("evals 200")
    tracer.finish()
    path = os.path.join(ROOT, "tests/live/worker.php")
    source = open(path, encoding="utf-8").read().split("\n")
    expected = {f"{path}({n}) : eval()'d code": 200 for n, text in enumerate(source, 1) if "malloc(3003)" in text}
    got = {}
    for s in tracer.stacks():
        for f in s["frames"]:
            if f["function"] == "eval()":
                got[f["file"]] = got.get(f["file"], 0) + s["live_blocks"]
    equal(len(expected), 3, "lines")
    equal(got, expected, "blocks by file")


@test
def a_name_that_is_cut_is_counted(run):
    php = run.php()
    tracer = run.trace("-p", php.pid, "-i", 60, "-T", 1000, "--layer", "libc")
    php.ask("long")
    php.ask("long")
    tracer.finish()
    equal(tracer.lost(), {"php_name_cut": 1}, "lost")
    names = [f["function"] for s in tracer.stacks() for f in s["frames"] if f["function"]]
    assert any(n.startswith("a_function_whose_name_is_so_long") for n in names), names
