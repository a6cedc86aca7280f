# SPDX-License-Identifier: GPL-2.0-or-later
"""test_follow.py - a master's workers are traced, and those that take the place of workers that have ended."""
import os
import signal
import time

from harness import HostPhp, equal, test
from web import Fpm

PICKED_UP_S = 0.1  # within which a new worker is traced


def leaked(tracer, pid):
    counts = tracer.layer(pid, "libc")
    return counts["live_bytes"], counts["live_blocks"]


def pids(tracer):
    return [p["pid"] for p in tracer.last_report()["processes"]]


def told(tracer, pid):
    """What the reports say of a process after its end."""
    return [p for o in tracer.of("report") for p in o["processes"] if p["pid"] == pid and not p["alive"]]


@test
def the_workers_that_a_master_has_are_traced(run):
    master = run.target("workers")
    workers = [int(master.ask("spawn")) for _ in range(3)]
    tracer = run.trace("-p", master.pid, "-i", 60)
    for i in range(3):
        equal(master.ask(f"work {i} {100 * (i + 1)}"), "done")
    tracer.finish()
    equal(pids(tracer), [master.pid, *workers], "processes")
    equal([leaked(tracer, w) for w in workers], [(100000, 100), (200000, 200), (300000, 300)], "leaks")
    equal(leaked(tracer, master.pid), (0, 0), "the master's")
    equal(tracer.lost(), {}, "lost")
    assert all(s["walk"] == "complete" for s in tracer.stacks()), tracer.stacks()


@test
def a_new_worker_is_traced_within_a_tenth_of_a_second(run):
    master = run.target("workers")
    master.ask("spawn")
    tracer = run.trace("-p", master.pid, "-i", 60)
    for i in range(1, 6):
        worker = int(master.ask("spawn"))
        time.sleep(PICKED_UP_S)
        equal(master.ask(f"work {i} 50"), "done")
        if i == 5:
            last = worker
    tracer.finish()
    equal(len(pids(tracer)), 7, "processes")
    equal(leaked(tracer, last), (50000, 50), "the last one's leak")
    equal(tracer.live("worker_leak"), (250000, 250), "all leaks")
    equal(tracer.lost(), {}, "lost")


@test
def without_children_nothing_is_followed_unless_asked_for(run):
    for option, expected in ((), (0, 0)), (("--follow",), (20000, 20)):
        master = run.target("workers")
        tracer = run.trace("-p", master.pid, "-i", 60, *option)
        master.ask("spawn")
        time.sleep(PICKED_UP_S)
        equal(master.ask("work 0 20"), "done")
        tracer.finish()
        equal(tracer.live("worker_leak"), expected, f"with {option}")


@test
def a_master_is_traced_alone_when_that_is_asked_for(run):
    master = run.target("workers")
    master.ask("spawn")
    tracer = run.trace("-p", master.pid, "-i", 60, "--no-follow")
    master.ask("spawn")
    master.ask("work 0 10")
    master.ask("work 1 10")
    tracer.finish()
    equal(pids(tracer), [master.pid], "processes")
    equal(tracer.live("worker_leak"), (0, 0), "leaks")


@test
def a_worker_that_has_ended_is_told_of_once(run):
    master = run.target("workers")
    master.ask("spawn")
    tracer = run.trace("-p", master.pid, "-i", 0.3)
    for i in range(1, 30):
        worker = int(master.ask("spawn"))
        tracer.hear(f"swtrace: {worker}, a child of {master.pid}, is traced")
        master.ask(f"work {i} 10")
        equal(master.ask(f"end {i}"), "done")
    while worker in [p["pid"] for p in tracer.wait("report")["processes"]] or not told(tracer, worker):
        pass
    equal(master.ask("work 0 7"), "done")
    tracer.finish()
    equal(len(pids(tracer)), 2, "processes in the end")
    ended = told(tracer, worker)
    equal(len(ended), 1, "reports in which the last one has ended")
    equal(ended[0]["layers"]["libc"]["live_blocks"], 10, "its blocks")
    equal(tracer.lost(), {}, "lost")
    equal(tracer.live("worker_leak"), (7000, 7), "the leak of the one that lives")


@test
def a_worker_that_executes_another_program_is_not_traced_any_more(run):
    master = run.target("workers")
    master.ask("spawn")
    tracer = run.trace("-p", master.pid, "-i", 60)
    worker = int(master.ask("spawn"))
    tracer.hear(f"{worker}, a child of")
    equal(master.ask("exec 1"), "done")
    while os.readlink(f"/proc/{worker}/exe").endswith("workers"):
        time.sleep(0.01)
    equal(master.ask("work 0 5"), "done")
    tracer.finish()
    equal(len(pids(tracer)), 2, "processes")
    equal(tracer.live("worker_leak"), (5000, 5), "leaks")
    equal([s for s in tracer.said if "warning" in s], [], "warnings")


@test
def tracing_goes_on_with_the_workers_when_the_master_ends(run):
    master = run.target("workers")
    worker = int(master.ask("spawn"))
    tracer = run.trace("-p", master.pid, "-i", 60)
    os.kill(master.pid, signal.SIGKILL)
    tracer.wait("lifecycle", event="exit", pid=master.pid)
    # The worker sees the end of its pipe and ends, too.
    tracer.wait("lifecycle", event="exit", pid=worker)
    equal(tracer.finish(interrupt=False), 4, "exit code")


@test
def a_worker_of_fpm_that_is_replaced_is_traced_before_its_second_request(run):
    server = run.keep(Fpm("php-fpm8.2", 1))
    script = os.path.join(HostPhp.scripts, "native.php")
    tracer = run.trace("-p", server.proc.pid, "-i", 60, "-T", 1000)
    old = server.workers()[0]
    equal(server.get(script), "leaked")
    os.kill(old, signal.SIGTERM)
    server.wait_for(lambda: server.workers() not in ([], [old]))
    new = server.workers()[0]
    equal(server.get(script), "leaked")
    time.sleep(PICKED_UP_S)
    for _ in range(3):
        equal(server.get(script), "leaked")
    tracer.finish()
    equal(pids(tracer), [server.proc.pid, old, new], "processes")
    blocks = {pid: sum(s["live_blocks"] for s in tracer.stacks() if s["pid"] == pid and
                       any(f["function"] == "leak_in_request" for f in s["frames"]) and s["layer"] == "libc")
              for pid in (old, new)}
    equal(blocks[old], 11, "blocks of the old worker")
    assert blocks[new] in (33, 44), blocks
    equal(tracer.lost(), {}, "lost")
