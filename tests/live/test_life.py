# SPDX-License-Identifier: GPL-2.0-or-later
"""test_life.py - exec, fork, exit, and swtrace's own death."""
import json
import os
import shutil
import subprocess
import time

from harness import TARGETS, equal, test


@test
def after_an_exec_only_the_new_programs_blocks_are_live(run):
    target = run.target("life")
    tracer = run.trace("-p", target.pid, "-i", 60)
    equal(target.ask("ping"), "pong")
    equal(target.ask("exec"), "ready")
    tracer.wait("lifecycle", event="exec")
    equal(target.ask("ping"), "pong")
    tracer.finish()
    # Without a stop at the exec the new program's first blocks may come before its probes; nothing older remains.
    main = tracer.live("leak_in_main")
    assert main in ((1400, 20), (2800, 40)), main
    assert tracer.layer(target.pid, "libc")["live_bytes"] <= 2 * 1400 + 5000, tracer.last_report()


@test
def children_are_told_and_not_counted(run):
    target = run.target("forks")
    tracer = run.trace("-p", target.pid, "-i", 60)
    child, grandchild = map(int, target.ask("go").split())
    tracer.finish()
    equal(tracer.live("parent_leak"), (200000, 200), "parent")
    equal(tracer.live("child_leak"), (0, 0), "child")
    told = [o["child_pid"] for o in tracer.of("lifecycle") if o["event"] == "fork"]
    equal(told, [child], "children")
    assert grandchild not in told


@test
def a_process_that_ends_gets_a_last_report_and_code_4(run):
    target = run.target("life")
    tracer = run.trace("-p", target.pid, "-i", 60)
    target.ask("ping")
    target.send("exit 5")
    equal(tracer.finish(interrupt=False), 4, "exit code")
    report = tracer.last_report()
    assert report["final"] and not report["processes"][0]["alive"], report
    equal(tracer.live("leak_in_main"), (1400, 20), "blocks at the end")
    equal([o["exit_status"] for o in tracer.of("lifecycle") if o["event"] == "exit"], [5], "exit status")


@test
def tracing_goes_on_while_one_of_two_processes_lives(run):
    a, b = run.target("life"), run.target("life")
    tracer = run.trace("-p", f"{a.pid},{b.pid}", "-i", 60)
    a.send("exit 0")
    tracer.wait("lifecycle", event="exit", pid=a.pid)
    b.ask("ping")
    equal(tracer.finish(), 0, "exit code")
    equal(tracer.live("leak_in_main", pid=b.pid), (1400, 20), "the one that lives")
    equal({p["pid"]: p["alive"] for p in tracer.last_report()["processes"]}, {a.pid: False, b.pid: True})


def bpf_objects():
    """Names of BPF programs, maps and links in the kernel, with their number."""
    tool = shutil.which("bpftool") or "/usr/sbin/bpftool"
    count = {}
    for kind in ("prog", "map", "link"):
        found = json.loads(subprocess.run([tool, "-j", kind, "show"], stdout=subprocess.PIPE, check=True).stdout)
        for o in found:
            key = (kind, o.get("name") or o.get("type"))
            count[key] = count.get(key, 0) + 1
    return count


def settled_bpf_objects():
    """The kernel frees what ended programs held a moment later: wait until the count stands still."""
    before, now = None, bpf_objects()
    while before != now:
        time.sleep(0.5)
        before, now = now, bpf_objects()
    return now


def first_bytes(pid, function):
    """First bytes of a libc function: in the process's memory, and in the file."""
    symbols = subprocess.run([os.path.join(TARGETS, "symbol-offset"), str(pid), function],
                             stdout=subprocess.PIPE, check=True).stdout.split()
    address, offset = int(symbols[0], 16), int(symbols[1], 16)
    with open(f"/proc/{pid}/mem", "rb") as memory, open(symbols[2], "rb") as file:
        memory.seek(address)
        file.seek(offset)
        return memory.read(8), file.read(8)


@test
def a_killed_swtrace_leaves_nothing_behind(run):
    before = settled_bpf_objects()
    target = run.target("life")
    tracer = run.trace("-p", target.pid, "-i", 60)
    equal(target.ask("ping"), "pong")
    memory, file = first_bytes(target.pid, "malloc")
    assert memory != file, "no probe is in the target's malloc: the test sees nothing"
    assert bpf_objects() != before
    tracer.proc.kill()
    tracer.proc.wait()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and (memory != file or bpf_objects() != before):
        time.sleep(0.1)
        memory, file = first_bytes(target.pid, "malloc")
    equal(memory, file, "malloc's first bytes")
    equal(bpf_objects(), before, "BPF objects")
    equal(target.ask("ping"), "pong")
    target.send("exit 6")
    equal(target.proc.wait(10), 6, "the target's exit status")
