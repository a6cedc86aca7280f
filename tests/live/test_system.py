# SPDX-License-Identifier: GPL-2.0-or-later
"""test_system.py - system-wide mode: every process, or those that are selected, now and later. All else that runs on this
machine is traced meanwhile, too: so tests look at their own processes alone, and are short."""
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time

from harness import TARGETS, HostPhp, Program, command, equal, test

SETTLED_S = 0.3  # after which a process that was just started has been looked at
CGROUPS = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]


def process(tracer, pid):
    """A process of the last report, or None."""
    found = [p for p in tracer.last_report()["processes"] if p["pid"] == pid]
    assert len(found) < 2, found
    return found[0] if found else None


def live(tracer, pid, function, **kw):
    return tracer.live(function, pid=pid, **kw)


def trace(run, *args):
    return run.trace("-a", "-i", 60, "-T", 100000, *args)


def links(tracer):
    """The probe links that swtrace holds."""
    n = 0
    for name in glob.glob(f"/proc/{tracer.proc.pid}/fdinfo/*"):
        try:
            with open(name) as f:
                n += "link_type:\tuprobe_multi" in (text := f.read()) or "link_type:\tperf" in text
        except OSError:
            pass
    return n


def leak(*programs):
    for n, program in enumerate(programs, 1):
        equal(program.ask(f"leak {100 * n}"), f"{6400 * n} {100 * n}")


def leaks_are_told(tracer, *programs):
    for n, program in enumerate(programs, 1):
        equal(live(tracer, program.pid, "leak_before"), (6400 * n, 100 * n), f"process {n}")


@test
def every_process_is_traced_but_swtrace_itself(run):
    one, two = run.target("execs"), run.target("execs")
    tracer = trace(run)
    later = run.target("execs")
    time.sleep(SETTLED_S)
    leak(one, two, later)
    tracer.finish()
    leaks_are_told(tracer, one, two, later)
    assert len(tracer.last_report()["processes"]) > 3, "this test runs in a process, too"
    equal(process(tracer, tracer.proc.pid), None, "swtrace")


@test
def processes_share_the_links_of_their_files(run):
    one, two = run.target("execs"), run.target("execs")
    tracer = trace(run, "--comm", "execs")
    before = links(tracer)
    later = run.target("execs")
    time.sleep(SETTLED_S)
    leak(one, two, later)
    assert before and links(tracer) == before, (before, links(tracer))
    tracer.finish()
    leaks_are_told(tracer, one, two, later)
    equal(tracer.lost(), {}, "lost")


@test
def a_program_is_traced_from_its_first_instruction(run):
    run.target("life")  # its files are known
    tracer = trace(run, "--comm", "life")
    program = run.target("life")
    time.sleep(SETTLED_S)
    equal(program.ask("ping"), "pong")
    tracer.finish()
    equal(live(tracer, program.pid, "leak_in_constructor"), (5000, 10), "before main")
    equal(live(tracer, program.pid, "leak_in_main"), (2800, 40), "in main")
    whole = [s for s in tracer.stacks() if s["pid"] == program.pid and s["walk"] == "complete"]
    assert any("leak_in_main" in [f["function"] for f in s["frames"]] for s in whole), tracer.stacks()
    equal(tracer.lost(), {}, "lost")


@test
def files_that_are_mapped_later_are_probed_then(run):
    with tempfile.TemporaryDirectory(prefix="swtrace-") as d:
        copy = shutil.copy(os.path.join(TARGETS, "alloc-jemalloc-static"), os.path.join(d, "mine"))
        tracer = trace(run, "--comm", "mine")
        before = links(tracer)
        program = run.keep(Program([copy]))
        time.sleep(SETTLED_S)
        assert links(tracer) > before, "no link for the new file"
        expected = tuple(map(int, program.ask("realloc_grow 50").split()))
        tracer.finish()
        equal(live(tracer, program.pid, "realloc_grow"), expected, "leak")
        assert expected[1] == 50, expected


@test
def processes_are_selected_by_name(run):
    mine, other = run.target("life"), run.target("execs")
    tracer = trace(run, "--comm", "nothing,execs")
    later, never = run.target("execs"), run.target("life")
    time.sleep(SETTLED_S)
    other.ask("leak 10")
    later.ask("leak 20")
    tracer.finish()
    equal({p["comm"] for p in tracer.last_report()["processes"]}, {"execs"}, "names")
    equal([bool(process(tracer, p.pid)) for p in (mine, other, later, never)], [False, True, True, False], "selected")
    equal(live(tracer, later.pid, "leak_before"), (1280, 20), "the later one's")


@test
def processes_are_selected_by_program(run):
    execs, life = run.target("execs"), run.target("life")
    for exe in ("execs", os.path.join(TARGETS, "execs"), "live/execs"):
        tracer = trace(run, "--exe", exe)
        later = run.target("execs")
        time.sleep(SETTLED_S)
        later.ask("leak 5")
        tracer.finish()
        equal([bool(process(tracer, p.pid)) for p in (execs, life, later)], [True, False, True], exe)
        equal(live(tracer, later.pid, "leak_before"), (320, 5), exe)
    for exe in ("/execs", "tests/execs", "xecs", "/bin" + os.path.join(TARGETS, "execs")):
        tracer = trace(run, "--exe", exe)
        tracer.finish()
        equal(process(tracer, execs.pid), None, exe)


@test
def processes_are_selected_by_cgroup(run):
    top = next(d for d in CGROUPS if os.path.exists(os.path.join(d, "cgroup.controllers")))
    group = tempfile.mkdtemp(prefix="swtrace-", dir=top)
    below = os.path.join(group, "below")
    os.mkdir(below)
    inside, outside = run.target("execs"), run.target("execs")
    try:
        with open(os.path.join(below, "cgroup.procs"), "w") as f:
            f.write(str(inside.pid))
        tracer = trace(run, "--cgroup", group)
        inside.ask("leak 7")
        outside.ask("leak 7")
        tracer.finish()
        equal([p["pid"] for p in tracer.last_report()["processes"]], [inside.pid], "processes")
        equal(live(tracer, inside.pid, "leak_before"), (448, 7), "leak")
    finally:
        inside.end()
        deadline = time.monotonic() + 5
        while os.path.exists(group) and time.monotonic() < deadline:
            try:
                os.rmdir(below)
                os.rmdir(group)
            except OSError:  # busy until the kernel has let the process go
                time.sleep(0.05)


@test
def a_process_that_executes_a_selected_program_is_traced_and_one_that_leaves_it_is_not(run):
    with tempfile.TemporaryDirectory(prefix="swtrace-") as d:
        script = os.path.join(d, "first")
        with open(script, "w") as f:  # a shell that becomes the program
            f.write(f"#!/bin/sh\necho ready\nread line\nexec {TARGETS}/execs\n")
        os.chmod(script, 0o755)
        program = run.keep(Program([script]))
        tracer = trace(run, "--comm", "execs")
        program.send("go")
        equal(program.lines.next(10), "ready")
        time.sleep(SETTLED_S)
        program.ask("leak 30")
        leaver = run.target("execs")
        time.sleep(SETTLED_S)
        os.kill(leaver.pid, 0)
        tracer.finish()
        equal(live(tracer, program.pid, "leak_before"), (1920, 30), "the program's")
        equal(bool(process(tracer, leaver.pid)), True, "another")
        # by program: what it is executed as anew has the same name, and stays
        tracer = trace(run, "--comm", "first")
        again = run.keep(Program([script]))
        time.sleep(SETTLED_S)
        again.send("go")
        equal(again.lines.next(10), "ready")
        time.sleep(SETTLED_S)
        again.ask("leak 3")
        tracer.finish()
        equal(process(tracer, again.pid), None, "it is no longer called first")


@test
def a_child_has_books_of_its_own_from_the_fork_on(run):
    program = run.target("forks")
    tracer = trace(run, "--comm", "forks")
    child, grandchild = map(int, program.ask("go").split())
    tracer.finish()
    equal(live(tracer, program.pid, "parent_leak"), (200000, 200), "parent")
    equal(live(tracer, program.pid, "child_leak"), (0, 0), "not the parent's")
    equal([process(tracer, p) for p in (child, grandchild)], [None, None], "processes that have ended")
    equal(tracer.lost(), {}, "lost")


@test
def a_worker_that_lives_is_traced_from_its_fork_on(run):
    master = run.target("workers")
    tracer = trace(run, "--comm", "workers")
    workers = [int(master.ask("spawn")) for _ in range(3)]
    for i in range(3):  # at once: the kernel side knows them
        equal(master.ask(f"work {i} {100 * (i + 1)}"), "done")
    tracer.finish()
    equal([live(tracer, w, "worker_leak") for w in workers], [(100000, 100), (200000, 200), (300000, 300)], "leaks")
    equal(tracer.lost(), {}, "lost")


@test
def a_child_of_vfork_takes_nothing_from_its_parents_books(run):
    # It uses its parent's memory until it executes another program.
    script = ("import os, sys\nkept = []\nprint('ready', flush=True)\n"
              "for line in sys.stdin:\n"
              " kept.append(bytes(100000))\n"
              f" os.waitpid(os.posix_spawn('{TARGETS}/life', ['life', '0'], {{}}), 0)\n"
              " print('done', flush=True)\n")
    program = run.keep(Program(["/usr/bin/python3", "-c", script]))
    tracer = trace(run, "--exe", os.path.realpath("/usr/bin/python3"))
    for _ in range(20):
        equal(program.ask("go"), "done")
    tracer.finish()
    p = process(tracer, program.pid)["layers"]["libc"]
    assert 2000000 <= p["live_bytes"] < 2200000, p
    equal(tracer.lost(), {}, "lost")


@test
def crashes_of_any_process_are_told_with_their_stack(run):
    tracer = trace(run, "--comm", "forks,crash")
    program = run.target("forks")
    time.sleep(SETTLED_S)
    equal(program.ask("exec"), "done")
    equal(program.ask("storm 6"), "done")
    crashes = [tracer.wait("crash", comm="forks") for _ in range(7)]
    tracer.finish()
    names = [[f["function"] for f in c["frames"]] for c in crashes]
    assert sum("child_crash" in n for n in names) >= 6, names


def kept_on_its_line(tracer, pid):
    """Strings that worker.php has made in the line for that."""
    return sum(s["live_blocks"] for s in tracer.stacks() if s["pid"] == pid and s["live_blocks"] >= 1000 and
               any((f["function"], f["line"]) == ("Registry::keep", 20) for f in s["frames"]))


@test
def a_php_that_starts_later_is_traced_with_its_lines_and_the_proof_of_its_heap(run):
    run.php()  # its files are known
    tracer = trace(run, "--exe", HostPhp.php, "-T", 100)
    program = run.php()
    time.sleep(SETTLED_S)
    program.ask("keep 1000 100")
    tracer.finish()
    equal(kept_on_its_line(tracer, program.pid), 1000, "blocks kept")
    heap = process(tracer, program.pid)["zend_heap"]
    equal((heap["difference_bytes"], heap["before_bytes"]), (0, 0), f"{heap}")


@test
def the_likely_cost_is_said_before_tracing_begins(run):
    tracer = trace(run, "--comm", "execs")
    tracer.finish()
    cost = [i for i, line in enumerate(tracer.said) if "likely cost" in line]
    begun = [i for i, line in enumerate(tracer.said) if "tracing " in line]
    assert len(cost) == 1 and cost < begun and "% of one CPU" in tracer.said[cost[0]], tracer.said


@test
def a_report_for_people_has_a_table_of_processes(run):
    program = run.target("execs")
    tracer = run.trace("-a", "--comm", "execs", "-i", 60, json_lines=False)
    program.ask("leak 1000")
    tracer.proc.send_signal(signal.SIGINT)
    text = []
    while (line := tracer.out.next(20)) is not None:
        text.append(line)
    row = [line.split() for line in text if f"execs({program.pid})" in line and not line.startswith("#")]
    equal(row[0], ["62.5", "KiB", "+62.5", "KiB", "libc", f"execs({program.pid})"], "row")
    assert any("1 traced, 1 with live blocks" in line for line in text), text


@test
def what_cannot_be_selected_is_refused(run):
    for args, words in ((["--comm", "x"], "swtrace -a"), (["-a", "-p", "1"], "exclude each other"),
                        (["-a", "--comm", ",x"], "cannot use"), (["-a", "--exe", "/"], "cannot use"),
                        (["-a", "--cgroup", "/proc"], "cannot use"), (["-a", "--follow"], "--follow")):
        code, out, err = command(*args)
        equal((code, out), (2, ""), args)
        assert words in err, (args, err)
