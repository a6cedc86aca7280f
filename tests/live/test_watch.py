# SPDX-License-Identifier: GPL-2.0-or-later
"""test_watch.py - swtrace watch sees growth from outside, traces what grows for a moment, and nothing else, ever."""
import collections
import glob
import json
import os
import shutil
import tempfile
import time

import pprof
from harness import TARGETS, Program, command, equal, test, waiting_test
from test_container import in_cgroup

STEP_S = 0.02
BUSY_STEP_S = 0.004  # so that nearly every window sees a request


def bpf_objects(pid):
    """What of the kernel's probes and maps a process holds."""
    links = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            links.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            pass
    return [link for link in links if "bpf" in link or "perf_event" in link]


def serve(php, seconds, *commands, until=None, step_s=STEP_S):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not (until and until()):
        for c in commands:
            php.ask(c)
        time.sleep(step_s)


def heard(tracer, words):
    """Has it said so on stderr by now?"""
    tracer.said.extend(iter(lambda: tracer.err.next(0.01), None))
    return any(words in line for line in tracer.said)


def trends(tracer, pid):
    """All that it has said of the process so far."""
    while (line := tracer.out.next(0.01)) is not None:
        tracer.objects.append(json.loads(line))
    return [o for o in tracer.of("trend") if o["pid"] == pid]


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


@waiting_test
def what_grows_is_seen_from_outside_and_traced_for_a_moment(run):
    php = run.php()
    with tempfile.TemporaryDirectory() as folder:
        tracer = run.trace("watch", "-p", php.pid, "-i", 0.5, "--overhead", 20, "--trace", 12, "--out", folder,
                           wait_for="watching")
        serve(php, 30, "churn 5", "concat 20", until=lambda: glob.glob(folder + "/*.txt"), step_s=BUSY_STEP_S)
        equal(bpf_objects(tracer.proc.pid), [], "held by the watch while a process of its own traces")
        serve(php, 70, "churn 5", "concat 20", until=lambda: heard(tracer, "what grows in"), step_s=BUSY_STEP_S)
        growing = [t for t in trends(tracer, php.pid) if t["growth"]["zend"]["verdict"] == "growing"]
        assert growing and growing[0]["growth"]["zend"]["bytes_per_s"] > 1000, tracer.objects
        equal(tracer.finish(), 0, "exit code")
        # By chance the windows may have seen too little: that is said, and a trace of twice the time follows, and no other.
        n_longer = len([line for line in tracer.said if "the next trace takes twice as long" in line])
        n_traces = len([line for line in tracer.said if "is growing: it is traced" in line])
        equal(n_traces, 1 + n_longer, "traces")
        of_trace = collections.defaultdict(list)
        for name in sorted(os.listdir(folder)):
            trace, _, kind = name.partition("Z.")
            of_trace[trace].append(kind)
        equal([sorted(kinds) for kinds in of_trace.values()], [["folded", "html", "jsonl", "pb.gz", "txt"]] * n_traces, "files")
        last = os.path.join(folder, max(of_trace) + "Z.")
        text, folded, page = read(last + "txt"), read(last + "folded"), read(last + "html")
        saved = [json.loads(line) for line in read(last + "jsonl").splitlines()]
        with open(last + "pb.gz", "rb") as f:
            profile = pprof.Profile(f.read())
    assert "Registry::concat" in text and "final report" in text, text
    first = [o for o in saved if o["type"] == "estimate" and o["rank"] == 1]
    assert first and any(f["function"] == "Registry::concat" for f in first[-1]["frames"]), saved
    # What has leaked in these seconds, by the rate that the report tells.
    leaked = first[-1]["bytes_per_s"] * 12 * 2 ** n_longer
    by_line = [int(line.rpartition(" ")[2]) for line in folded.splitlines() if "Registry::concat" in line]
    assert leaked / 2 < sum(by_line) < leaked * 2 and profile.live("Registry::concat")[0] == sum(by_line), (by_line, first)
    assert '"basis":"windows"' in page and "Registry::concat" in page, page
    print(f"# {n_traces} trace{'s' if n_traces > 1 else ''}", flush=True)


@waiting_test
def a_trace_that_was_too_short_is_followed_by_a_longer_one_and_takes_the_place_of_older_ones(run):
    php = run.php()
    with tempfile.TemporaryDirectory() as folder:
        others = {"notes.txt", "swtrace-web-1-20200101T000000Z.html", "swtrace-1-20200101T000000Z.mine"}
        for name in others | {"swtrace-1-20200101T000000Z.txt", "swtrace-1-20200101T000000Z.pb.gz"}:
            with open(os.path.join(folder, name), "w", encoding="utf-8"):
                pass
        # Of 2 % of a second there are fewer windows than anything can be told by.
        tracer = run.trace("watch", "-p", php.pid, "-i", 0.5, "--overhead", 2, "--trace", 1, "--out", folder, "--keep", 1,
                           wait_for="watching")
        serve(php, 30, "concat 20", until=lambda: heard(tracer, "the next trace takes twice as long"), step_s=BUSY_STEP_S)
        serve(php, 10, "concat 20", until=lambda: "swtrace-1-20200101T000000Z.txt" not in os.listdir(folder))
        traced = set(os.listdir(folder)) - others
        equal({name.partition("Z.")[2] for name in traced}, {"txt", "jsonl", "html", "folded", "pb.gz"}, traced)
        assert all(name.startswith(f"swtrace-{php.pid}-") for name in traced) and others < set(os.listdir(folder)), os.listdir(folder)
        with open(glob.glob(f"{folder}/swtrace-{php.pid}-*.txt")[0], encoding="utf-8") as f:
            text = f.read()
        # It goes on watching: there is a line when the leak has ended.
        n_told = len(trends(tracer, php.pid))
        serve(php, 40, "churn 5", until=lambda: len(trends(tracer, php.pid)) > n_told)
        assert len(trends(tracer, php.pid)) > n_told, tracer.objects
        equal(tracer.finish(), 0, "exit code")
    assert heard(tracer, f"{php.pid} is growing: it is traced for 1 s") and not heard(tracer, "what grows in"), tracer.said
    assert "too early to tell" in text and "Registry::concat" not in text, text


@waiting_test
def what_is_at_rest_is_never_probed(run):
    php = run.php()
    php.ask("churn 100")
    with tempfile.TemporaryDirectory() as folder:
        tracer = run.trace("watch", "-p", php.pid, "-i", 0.4, "--out", folder, wait_for="watching")
        serve(php, 12, "churn 50")
        said = trends(tracer, php.pid)
        equal(bpf_objects(tracer.proc.pid), [], "held by the watch")
        equal((tracer.finish(), os.listdir(folder)), (0, []), "exit code, files")
    verdicts = [t["growth"]["zend"]["verdict"] for t in said]
    equal((verdicts[0], verdicts[-1]), ("not_enough_data", "plateau"), "verdicts")
    assert "growing" not in verdicts, verdicts


@test
def it_ends_with_its_processes_and_meets_new_ones_of_a_name(run):
    first, name = run.target("life"), "life"
    tracer = run.trace("watch", "-p", first.pid, "-i", 0.2, wait_for="watching")
    tracer.wait("trend", pid=first.pid)
    first.end()
    equal(tracer.finish(interrupt=False), 4, "exit code")
    tracer = run.trace("watch", "--comm", name, "-i", 0.2, wait_for="watching")
    second, other = run.target("life"), run.target("alloc")
    tracer.wait("trend", pid=second.pid)
    second.end()
    third = run.target("life")
    tracer.wait("trend", pid=third.pid)
    equal(tracer.finish(), 0, "exit code")
    equal({o["pid"] for o in tracer.of("trend")}, {second.pid, third.pid}, f"not {other.pid}")


@waiting_test
def what_runs_a_program_or_is_in_a_cgroup_is_watched_now_or_later(run):
    group = in_cgroup(run, f"watched-{os.getpid()}")

    def enter(program):
        with open(os.path.join(group.path, "cgroup.procs"), "w", encoding="utf-8") as f:
            f.write(str(program.pid))
        return program

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "bin", "watched")
        os.mkdir(os.path.dirname(path))
        shutil.copy(os.path.join(TARGETS, "life"), path)
        first, inside, other = run.keep(Program([path])), enter(run.target("life")), run.target("life")
        by_exe = run.trace("watch", "--exe", "bin/watched", "-i", 0.2, wait_for="watching")
        by_cgroup = run.trace("watch", "--cgroup", group.path, "-i", 0.2, wait_for="watching")
        by_exe.wait("trend", pid=first.pid)
        by_cgroup.wait("trend", pid=inside.pid)
        second, moved = run.keep(Program([path])), enter(run.target("life"))
        by_exe.wait("trend", pid=second.pid)
        by_cgroup.wait("trend", pid=moved.pid)
        equal((by_exe.finish(), by_cgroup.finish()), (0, 0), "exit codes")
    equal({o["pid"] for o in by_exe.of("trend")}, {first.pid, second.pid}, f"of the program, not {other.pid}")
    equal({o["pid"] for o in by_cgroup.of("trend")}, {inside.pid, moved.pid}, f"in the cgroup, not {other.pid}")


@waiting_test
def all_of_300_workers_are_watched_also_where_a_shell_allows_few_open_files(run):
    master = run.target("workers")
    workers = {int(master.ask("spawn")) for _ in range(300)}
    tracer = run.trace("watch", "-p", master.pid, "-i", 0.3, wait_for="watching", prefix=("prlimit", "--nofile=128:4096"))
    while not workers <= {o["pid"] for o in tracer.of("trend")}:
        tracer.wait("trend")
    equal(tracer.finish(), 0, "exit code")
    equal({o["pid"] for o in tracer.of("trend")}, workers | {master.pid}, "watched")


@test
def what_cannot_be_watched_is_refused_with_what_to_do(run):
    target = run.target("life")
    for code, said, *args in ((2, "nothing to watch"), (2, "exclude", "-p", target.pid, "--comm", "x"),
                              (2, "cannot be written there", "-p", target.pid, "--out", "/no/such/folder"),
                              (2, "takes no --top", "-p", target.pid, "--top", 3), (4, "no such process", "-p", 4194303),
                              (2, "starts no program", "--", "ls")):
        got, out, err = command("watch", *args)
        equal((got, out), (code, ""), args)
        assert said in err and "try: " in err, err
