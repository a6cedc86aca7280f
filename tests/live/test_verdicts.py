# SPDX-License-Identifier: GPL-2.0-or-later
"""test_verdicts.py - a leak is named, with its line and its rate, and fails a run that asks for it; what turns over does neither."""
import datetime
import time

from harness import equal, waiting_test

STEP_S = 0.05
INTERVAL_S = 0.5
REPORTS = 28
BLOCK_BYTES = 112  # asked for by each string of Registry::concat, within some bytes


def serve(php, tracer, reports, *commands):
    """Have the worker obey these until so many reports are there, which are read on the way; return how often it did."""
    n = 0
    for number in range(1, reports + 1):
        due = time.monotonic() + INTERVAL_S
        while time.monotonic() < due:
            for c in commands:
                php.ask(c)
            n += 1
            time.sleep(STEP_S)
        tracer.wait("report", number=number)
    return n


def traced(run, *commands):
    php = run.php()
    php.ask("churn 10")
    tracer = run.trace("-p", php.pid, "-i", INTERVAL_S, "-T", 10, "--fail-on", "leak")
    start = time.monotonic()
    n = serve(php, tracer, REPORTS, *commands)
    seconds = time.monotonic() - start
    code = tracer.finish()
    equal(tracer.lost(), {}, "lost")
    return tracer, code, n / seconds


def when(o):
    return datetime.datetime.fromisoformat(o["time"].replace("Z", "+00:00"))


@waiting_test
def a_line_of_php_that_leaks_is_named_first_and_fails_the_run(run):
    tracer, code, rate = traced(run, "churn 5", "concat 3")
    equal(code, 1, "exit code")
    report, first = tracer.last_report(), tracer.stacks()[0]
    assert report["leaks"] >= 1, report
    equal((first["rank"], first["verdict"], first["layer"]), (1, "leak", "zend"), first)
    assert any(f["function"] == "Registry::concat" for f in first["frames"]), first
    leaked = rate * 3 * BLOCK_BYTES
    assert 0.8 * leaked < first["leak"]["bytes_per_s"] < 1.2 * leaked, (leaked, first["leak"])
    assert first["old_blocks"] > 100 and first["old_freed"] <= min(2, first["frees"]), first
    equal(report["processes"][0]["growth"]["zend"]["verdict"], "growing", report)
    assert sum(g["live_blocks"] for g in first["generations"]) > first["old_blocks"], first
    equal(sum(g["born_blocks"] for g in first["generations"]), first["allocs"], "blocks born")


@waiting_test
def a_leak_is_named_within_seconds_however_seldom_reports_are_made_and_at_a_crash_after_it(run):
    php = run.php()
    php.ask("churn 10")
    tracer = run.trace("-p", php.pid, "-i", 14)
    start = time.monotonic()
    while time.monotonic() - start < 13.5:
        php.ask("churn 5")
        php.ask("concat 3")
        time.sleep(STEP_S)
    report = tracer.wait("report", number=1)
    first = tracer.wait("stack", rank=1)
    assert report["leaks"] >= 1 and first["verdict"] == "leak", first
    assert any(f["function"] == "Registry::concat" for f in first["frames"]), first
    equal(report["processes"][0]["growth"]["zend"]["verdict"], "growing", report)
    equal(report["gained_bytes"], report["live_bytes"], "gained since the start, whatever was looked at in between")
    php.send("crash")
    crash = tracer.wait("crash", 10)
    tracer.finish(interrupt=False)
    memory, last = crash["memory"], tracer.last_report()["processes"][0]
    equal(memory["live_bytes"], {name: layer["live_bytes"] for name, layer in last["layers"].items()}, "live bytes at the crash")
    assert memory["live_bytes"]["zend"] > 100 * BLOCK_BYTES, memory
    equal(memory["verdict"]["zend"], "growing", "verdict at the crash")
    equal(set(report["processes"][0]["growth"]) - set(memory["verdict"]), set(), "curves without a verdict")
    # Reports are made each 14 s, but it was looked at a second ago at most.
    assert memory["age_ms"] < 1500, memory
    assert memory["rss_bytes"] > 10 << 20 and memory["php"]["size_bytes"] > 100 * BLOCK_BYTES, memory


@waiting_test
def memory_that_turns_over_is_no_leak_and_fails_nothing(run):
    tracer, code, _ = traced(run, "keep 50 120", "churn 5", "drop")
    equal((code, tracer.last_report()["leaks"]), (0, 0), [s for s in tracer.stacks() if s["verdict"] == "leak"])
    equal({s["verdict"] for s in tracer.of("stack")} & {"leak"}, set(), "verdicts of all reports")
