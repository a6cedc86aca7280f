# SPDX-License-Identifier: GPL-2.0-or-later
"""test_vitals.py - what is told of a process's memory is what the process and the kernel say, and so is when it will end."""
import json
import os
import tempfile
import time
from datetime import datetime

from harness import HostPhp, Program, RootPhp, equal, long_test, test, waiting_test
from test_ends import Group
from web import OPCACHE, Fpm

MIB = 1 << 20
INTERVAL_S = 0.5
QUICK_S = 0.4  # where all that is needed are as many points of curves as make a trend
QUICK_REPORTS = 18
SCRIPT = "vitals.php"


def target_php(run, *options, php=HostPhp, **kw):
    return run.keep(Program(php.argv(*options, os.path.join(php.scripts, SCRIPT)), **kw))


def processes(tracer, pid):
    return [p for o in tracer.of("report") for p in o["processes"] if p["pid"] == pid]


def last(tracer, pid):
    return processes(tracer, pid)[-1]


def proc(pid, name):
    """Fields of a file of /proc/PID, in bytes."""
    with open(f"/proc/{pid}/{name}") as f:
        lines = [line.split() for line in f]
    return {w[0].rstrip(":"): int(w[1]) << 10 for w in lines if len(w) == 3 and w[2] == "kB"}


def check_php(run, php, *options):
    target = target_php(run, "-dmemory_limit=96M", *options, php=php)
    target.ask("keep 3000")
    target.ask("peak 9000000")
    target.ask("cycles 300")
    target.ask("collect")
    target.ask("cycles 150")
    tracer = run.trace("-p", target.pid, "-i", 60)
    said = json.loads(target.ask("keep 2000"))
    tracer.finish()
    vitals = last(tracer, target.pid)["vitals"]
    heap, gc = vitals["php"], vitals["gc"]
    equal(heap["limit_bytes"], 96 * MIB, "memory_limit")
    equal(heap["real_bytes"], said["real_bytes"], "memory_get_usage(true)")
    equal(heap["real_peak_bytes"], said["real_peak_bytes"], "memory_get_peak_usage(true)")
    # The line that told it was made and dropped meanwhile.
    assert abs(heap["size_bytes"] - said["size_bytes"]) < 8192, (heap, said)
    assert heap["size_bytes"] <= heap["peak_bytes"] <= heap["real_peak_bytes"], heap
    assert 9000000 < heap["peak_bytes"], heap
    assert heap["cached_bytes"] is not None and heap["cached_bytes"] % (2 * MIB) == 0, heap
    equal({k: gc[k] for k in ("enabled", "roots", "runs", "collected", "threshold")},
          {k: said[k] for k in ("enabled", "roots", "runs", "collected", "threshold")}, "gc_status()")
    assert gc["runs"] == 1 and gc["collected"] >= 299 and gc["roots"] >= 149, gc


@test
def phps_heap_limit_and_collector_are_as_php_says(run):
    check_php(run, HostPhp)


@test
def phps_heap_limit_and_collector_are_as_php_says_with_opcache(run):
    check_php(run, HostPhp, "-dopcache.enable_cli=1")


@test
def the_heap_limit_and_collector_of_7_4_are_as_it_says(run):
    check_php(run, RootPhp("bullseye", "php7.4"))


@test
def the_heap_limit_and_collector_of_8_4_are_as_it_says(run):
    check_php(run, RootPhp("trixie", "php8.4"))


@test
def no_limit_and_no_heap_of_its_own_are_told_as_such(run):
    unlimited = target_php(run, "-dmemory_limit=-1")
    custom = target_php(run, env={**os.environ, "USE_ZEND_ALLOC": "0"})
    tracer = run.trace("-p", f"{unlimited.pid},{custom.pid}", "-i", 60)
    tracer.finish()
    equal(last(tracer, unlimited.pid)["vitals"]["php"]["limit_bytes"], None, "memory_limit")
    equal(last(tracer, custom.pid)["vitals"]["php"], None, "a heap that is malloc")
    assert last(tracer, custom.pid)["vitals"]["rss_bytes"] > MIB


@test
def between_requests_the_heap_of_a_pool_is_chunks_kept_for_later(run):
    server = run.keep(Fpm("php-fpm8.2", 1, OPCACHE))
    worker = server.workers()[0]
    tracer = run.trace("-p", worker, "-i", 60)
    for _ in range(6):
        equal(server.get(os.path.join(HostPhp.scripts, SCRIPT)), "kept 20000")
    # It answers before it cleans up.
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with open(f"/proc/{worker}/syscall") as f:
            if f.read().split()[0] in ("43", "288"):  # accept, accept4
                break
        time.sleep(0.005)
    tracer.finish()
    heap = last(tracer, worker)["vitals"]["php"]
    assert heap["real_bytes"] > 10 * MIB and heap["size_bytes"] < MIB, heap
    equal(heap["cached_bytes"], heap["real_bytes"] - 2 * MIB, "all but the first chunk")


def c_target(run):
    f = tempfile.NamedTemporaryFile(prefix="swtrace-vitals-", dir="/var/tmp")
    f.truncate(256 * MIB)
    run.keep(Closer(f))
    return run.target("vitals", f.name)


class Closer:
    def __init__(self, file):
        self.file = file

    def end(self):
        self.file.close()


@test
def resident_memory_is_as_the_kernel_says(run):
    target = c_target(run)
    target.ask("anon 5000")
    target.ask("file 3000")
    target.ask("stacks 7")
    tracer = run.trace("-p", target.pid, "-i", 60)
    rollup, status = proc(target.pid, "smaps_rollup"), proc(target.pid, "status")
    tracer.finish()
    vitals = last(tracer, target.pid)["vitals"]
    slack = 64 << 12  # status is not exact
    for key, value in (("rss_bytes", rollup["Rss"]), ("pss_bytes", rollup["Pss"]), ("anon_bytes", rollup["Anonymous"]),
                       ("file_bytes", status["RssFile"]), ("swap_bytes", rollup["Swap"])):
        assert abs(vitals[key] - value) <= slack, (key, vitals[key], value)
    equal(vitals["rss_bytes"], vitals["anon_bytes"] + vitals["file_bytes"] + vitals["shmem_bytes"], "sum")
    assert vitals["anon_bytes"] > 5000 << 12 and vitals["file_bytes"] > 3000 << 12, vitals
    equal((vitals["stack_mappings"], vitals["stack_mapping_bytes"]), (7, 14 * MIB), "stacks")
    equal((vitals["php"], vitals["gc"]), (None, None), "PHP")
    with open("/proc/meminfo") as f:
        equal(vitals["machine"]["total_bytes"], int(f.readline().split()[1]) << 10, "MemTotal")


def tick(command, seconds):
    """A command every 50 ms."""
    due = time.monotonic() + seconds
    while time.monotonic() < due:
        command()
        time.sleep(0.05)


def drive(target, tracer, reports, command):
    """A command every 50 ms, until so many reports are there."""
    for number in range(1, reports + 1):
        tick(lambda: target.ask(command), INTERVAL_S)
        tracer.wait("report", number=number)


def check_rest(run, command, part):
    """1.6 MiB a second of that kind."""
    target = c_target(run)
    tracer = run.trace("-p", target.pid, "-i", INTERVAL_S)
    drive(target, tracer, 24, f"{command} 20")
    tracer.finish()
    process = last(tracer, target.pid)
    equal(process["growth"]["rss"]["verdict"], "growing", process["growth"])
    rest = process["unexplained"]
    assert rest["parts"][part] > 0.8 * rest["rss_bytes_per_s"] > 0.8 * MIB, rest
    equal(process["time_to_limit"]["limit"] in ("machine", "cgroup"), True, process["time_to_limit"])


@waiting_test
def pages_of_a_file_that_become_resident_are_named(run):
    check_rest(run, "file", "files")


@waiting_test
def memory_that_is_touched_long_after_it_was_mapped_is_in_no_books(run):
    check_rest(run, "anon", "unknown")


def usage(group):
    """Bytes in use by it, as the kernel counts them in either hierarchy."""
    for name in ("memory.usage_in_bytes", "memory.current"):
        if os.path.exists(f"{group.path}/{name}"):
            with open(f"{group.path}/{name}") as f:
                return int(f.read())


@waiting_test
def the_time_until_the_cgroups_limit_is_its_room_by_the_rate_of_all_who_grow_in_it(run):
    limit = 64 * MIB
    group = run.keep(Group(limit))
    targets = [c_target(run), c_target(run)]
    for target in targets:
        group.write("cgroup.procs", target.pid)
    tracer = run.trace("-p", ",".join(str(target.pid) for target in targets), "-i", QUICK_S)
    used = []
    for number in range(1, QUICK_REPORTS + 1):
        tick(lambda: [target.ask("anon 15") for target in targets], QUICK_S)
        tracer.wait("report", number=number)
        used.append((time.monotonic(), usage(group)))
    tracer.finish()
    (begin, before), (end, after) = used[QUICK_REPORTS // 3], used[-1]
    for process in (last(tracer, target.pid) for target in targets):
        told, cgroup = process["time_to_limit"], process["vitals"]["cgroup"]
        equal((told and told["limit"], told and told["limit_bytes"]), ("cgroup", limit), process["growth"]["rss_swap"])
        equal((cgroup["limit_bytes"], cgroup["high"], told["processes"]), (limit, False, 2), "cgroup")
        assert abs(cgroup["used_bytes"] - after) < 2 * MIB, (cgroup, after)
        # By what the kernel has counted meanwhile. The rate of a machine that does other things varies.
        left = (limit - after) * (end - begin) / (after - before)
        if cgroup["swap_free_bytes"]:
            left *= 1 + cgroup["swap_free_bytes"] / (limit - after)
        assert 0.7 * left < told["seconds"] < 1.4 * left, (left, told)
        assert 0.7 * told["least_s"] < left < 1.4 * told["most_s"], (left, told)


def check_part(tracer, pid, part, share):
    process = last(tracer, pid)
    equal(process["growth"]["rss"]["verdict"], "growing", (part, process["growth"]))
    rest = process["unexplained"]
    assert rest and rest["parts"][part] > share * rest["rss_bytes_per_s"] > 0, (part, rest, process["growth"])


@waiting_test
def growth_by_holes_and_by_stacks_is_named_as_such(run):
    holes, fibers = c_target(run), c_target(run)
    tracer = run.trace("-p", f"{holes.pid},{fibers.pid}", "-i", QUICK_S)
    for number in range(1, QUICK_REPORTS + 1):
        holes.ask("holes 60")
        fibers.ask("fibers 5")
        tracer.wait("report", number=number)
    tracer.finish()
    check_part(tracer, holes.pid, "malloc_fragmentation", 0.3)
    check_part(tracer, fibers.pid, "stacks", 0.6)


@long_test
def growth_by_chunks_that_php_keeps_is_named_as_such(run):
    server = run.keep(Fpm("php-fpm8.2", 1, OPCACHE))
    worker, = server.workers()
    os.setpriority(os.PRIO_PROCESS, worker, -15)  # so that requests are as short on a busy machine
    tracer = run.trace("-p", worker, "-i", 1)
    script, report = os.path.join(HostPhp.scripts, SCRIPT), 0
    for number in range(1, 21):
        # Well before the next report: in the midst of a request nothing is kept. Each takes more chunks than the one before.
        if time.time() - report < 0.5:
            equal(server.get(script, megabytes=2 * number), f"kept {20 * number}")
        report = datetime.fromisoformat(tracer.wait("report", number=number)["time"]).timestamp()
    tracer.finish()
    check_part(tracer, worker, "zend_cached", 0.6)


@waiting_test
def the_time_until_memory_limit_is_when_php_ends(run):
    target = target_php(run, "-dmemory_limit=24M", "-ddisplay_errors=0", "-dlog_errors=0")
    tracer = run.trace("-p", target.pid, "-i", INTERVAL_S)
    equal(target.ask("leak 8"), "leaking")
    told = []
    while True:
        report = tracer.wait("report", seconds=60)
        process = report["processes"][0]
        if not process["alive"]:
            break
        if process["time_to_limit"]:
            told.append((time.monotonic(), process["time_to_limit"]))
        target.proc.poll()
        if target.proc.returncode is not None:
            break
    end = time.monotonic()
    tracer.finish()
    equal({t["limit"] for _, t in told}, {"memory_limit"}, told)
    assert len(told) >= 5, told
    for at, t in told:
        left = end - at
        equal(t["limit_bytes"], 24 * MIB, "limit")
        # Late by an interval; and the rate of a machine that does other things varies.
        assert 0.7 * t["least_s"] - 2 < left < 1.3 * t["most_s"] + 2, (left, t)


@waiting_test
def garbage_that_was_not_collected_is_told_from_what_is_retained(run):
    target = target_php(run)
    tracer = run.trace("-p", target.pid, "-i", INTERVAL_S, "-T", 3)
    drive(target, tracer, 20, "cycles 3")
    pending = processes(tracer, target.pid)[-1]
    equal((pending["garbage"], pending["vitals"]["gc"]["runs"]), ("pending", 0), pending["growth"])
    # WHEN the collector runs and the growth is of another kind
    tracer.finish()
    target.ask("collect")
    tracer = run.trace("-p", target.pid, "-i", INTERVAL_S, "-T", 3)
    drive(target, tracer, 18, "keep 5")
    ages = [p["vitals"] and p["vitals"]["age_ms"] for p in processes(tracer, target.pid)]
    equal(last(tracer, target.pid)["garbage"], "retained", (ages, last(tracer, target.pid)["growth"]))
    tracer.finish()


@test
def a_process_of_many_mappings_does_not_make_reports_dear(run):
    target = c_target(run)
    target.ask("mappings 30000")
    tracer = run.trace("-p", target.pid, "-i", 0.2, "-n", 20)
    ages = []
    for number in range(1, 21):
        ages.append(tracer.wait("report", number=number)["processes"][0]["vitals"]["pss_age_ms"])
    tracer.finish(interrupt=False)
    # Reading it takes milliseconds: it may be read after seconds, and once.
    assert len([a for a in ages if a is None or a > 150]) >= 18, ages


@test
def a_process_that_has_ended_keeps_what_was_known_of_it(run):
    target = target_php(run, "-dmemory_limit=96M")
    tracer = run.trace("-p", target.pid, "-i", INTERVAL_S)
    tracer.wait("report", number=2)
    target.end()
    tracer.finish(interrupt=False)
    final = last(tracer, target.pid)
    equal(final["alive"], False, "alive")
    assert final["vitals"]["rss_bytes"] > MIB and final["vitals"]["php"]["limit_bytes"], final["vitals"]
