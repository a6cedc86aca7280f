# SPDX-License-Identifier: GPL-2.0-or-later
"""test_cli.py - the tool as its users' other programs meet it: odd options, odd processes, odd names, pipes that close,
a started command that notices nothing."""
import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from harness import SWTRACE, TARGETS, Lines, Program, command, equal, test


def refused(code, says, *args, **kw):
    got, out, err = command(*args, **kw)
    equal((got, out), (code, ""), f"{args}: {err}")
    lines = err.splitlines()
    assert lines and lines[0].startswith("swtrace: ") and says in lines[0], f"{args}: {err}"
    assert len(lines) <= 2 and all(line.startswith("  try: ") for line in lines[1:]), f"{args}: {err}"
    return err


@test
def every_value_that_cannot_be_used_is_named_with_its_option(run):
    pid = run.target("life").pid
    wrong = {"-i": ("0", "0.01", "-1", "x", "nan", "inf", "5x", "5ms", ""), "-d": ("0", "-3", "1e99"),
             "-n": ("0", "-1", "1.5", "99999999999999999999"), "-T": ("0", "x"), "--older": ("-1", "old"),
             "--min-size": ("-1", "5X", "99999999999G"), "--max-size": ("0", "K"),
             "--layer": ("heap", "", "libc,heap"), "--max-blocks": ("0", "999"), "--folded": ("",), "--flamegraph": ("",), "--fail-on": ("", "growth")}
    for option, values in wrong.items():
        for value in values:
            refused(2, f"cannot use '{value}'", "-p", pid, option, value)
    for value in ("", "0", "-5", "12x", "99999999999", f"{pid},{pid}", f"{pid},x"):
        refused(2, f"cannot use '{value}'", "-p", value)
    assert "--interval" in refused(2, "-i: there is no value", "-p", pid, "-i")
    refused(2, "unexpected argument 'life'", "-p", pid, "life")
    refused(2, "nothing to trace", "--")
    assert "--interval" in refused(2, "'--intervall'", "-p", pid, "--intervall", "5")
    assert "--folded" in refused(2, "'--foldet'", "-p", pid, "--foldet", "f")


@test
def processes_that_cannot_be_traced_are_told_apart(run):
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    refused(4, str(zombie.pid), "-p", zombie.pid)
    zombie.wait()
    with open("/proc/2/status", encoding="utf-8") as f:
        if "kthreadd" in f.read():
            refused(3, "2", "-p", 2)
    live = run.target("life")
    refused(4, "no such process", "-p", f"{live.pid},{2 ** 22 + 5}")
    equal(live.ask("ping"), "pong")


@test
def a_stripped_static_program_is_refused_by_name(run):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "stripped")
        subprocess.run(["strip", "-o", path, os.path.join(TARGETS, "life-static")], check=True)
        target = run.keep(Program([path]))
        refused(3, "/stripped", "-p", target.pid)


@test
def a_process_that_ends_while_swtrace_attaches_is_gone_and_nothing_worse(run):
    for delay in ("0.01", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6"):
        short = subprocess.Popen(["sleep", delay])
        reaper = threading.Thread(target=short.wait)
        reaper.start()
        code, _, err = command("-p", short.pid, "-i", 60, "-d", 10)
        reaper.join()
        equal(code, 4, f"after {delay} s: {err}")
        assert all(line.startswith(("swtrace: ", "  try: ")) for line in err.splitlines()), err


@test
def a_stopped_process_can_be_traced_and_left(run):
    target = run.target("life")
    os.kill(target.pid, signal.SIGSTOP)
    tracer = run.trace("-p", target.pid, "-i", 0.2)
    tracer.wait("report", number=2)
    start = time.monotonic()
    equal(tracer.finish(), 0, "exit code")
    assert time.monotonic() - start < 3, "it took long to leave"
    os.kill(target.pid, signal.SIGCONT)
    equal(target.ask("ping"), "pong")


@test
def sigterm_ends_like_ctrl_c(run):
    target = run.target("life")
    tracer = run.trace("-p", target.pid, "-i", 60)
    target.ask("ping")
    tracer.proc.send_signal(signal.SIGTERM)
    equal(tracer.finish(interrupt=False), 0, "exit code")
    assert tracer.last_report()["final"]
    equal(tracer.live("leak_in_main"), (1400, 20), "blocks")


@test
def a_reader_that_goes_away_ends_swtrace_and_not_the_target(run):
    target = run.target("life")
    proc = subprocess.Popen([SWTRACE, "--json", "-p", str(target.pid), "-i", "0.2"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    assert Lines(proc.stdout).next(20)
    proc.stdout.close()
    try:
        err = proc.communicate(timeout=10)[1].decode()
    finally:
        proc.kill()
        proc.wait()
    equal(proc.returncode, 2, "exit code")
    assert "Broken pipe" in err, err
    equal(target.ask("ping"), "pong")


@test
def few_file_descriptors_are_a_clear_error_or_enough(run):
    target = run.target("life")
    for limit in (8, 16, 24, 32, 64):
        try:
            done = subprocess.run([SWTRACE, "-p", str(target.pid), "-n", "1", "-i", "0.1"], capture_output=True, timeout=6,
                                  preexec_fn=lambda n=limit: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n)))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{limit} descriptors: no report and no end within 6 s") from None
        code, err = done.returncode, done.stderr.decode()
        assert code in (0, 3), f"{limit} descriptors: exit code {code}: {err}"
        assert err.startswith("swtrace: "), f"{limit} descriptors: {err}"
        if code:
            assert "tracing life" not in err, f"{limit} descriptors: {err}"
    equal(target.ask("ping"), "pong")


@test
def two_tracers_of_one_process_do_not_disturb_each_other(run):
    target = run.target("alloc")
    first = run.trace("-p", target.pid, "-i", 60)
    one = tuple(map(int, target.ask("leak_malloc 300").split()))
    second = run.trace("-p", target.pid, "-i", 60)
    two = tuple(map(int, target.ask("leak_malloc 200").split()))
    equal(second.finish(), 0, "exit code")
    three = tuple(map(int, target.ask("leak_malloc 100").split()))
    first.finish()
    equal(second.live("leak_malloc"), two, "the second's")
    equal(first.live("leak_malloc"), tuple(map(sum, zip(one, two, three))), "the first's")


@test
def every_report_adds_up(run):
    a, b = run.target("alloc"), run.target("alloc")
    tracer = run.trace("-p", f"{a.pid},{b.pid}", "-i", 0.3, "--top", 1000)
    for n in range(4):
        for target, c in ((a, "leak_malloc"), (b, "half_freed"), (a, "realloc_grow"), (b, "leak_trimmed")):
            target.ask(f"{c} {100 + n}")
        time.sleep(0.25)
    equal(tracer.finish(), 0, "exit code")
    reports, live = tracer.of("report"), 0
    equal([r["number"] for r in reports], list(range(1, len(reports) + 1)), "numbers")
    equal([r["final"] for r in reports], [False] * (len(reports) - 1) + [True], "final")
    for r in reports:
        stacks = [s for s in tracer.of("stack") if s["report"] == r["number"]]
        layers = [x for p in r["processes"] for x in p["layers"].values()]
        equal(r["gained_bytes"], r["live_bytes"] - live, "gain of the report")
        live = r["live_bytes"]
        equal([s["rank"] for s in stacks], list(range(1, r["shown"] + 1)), "ranks")
        equal([s["live_bytes"] for s in stacks], sorted((s["live_bytes"] for s in stacks), reverse=True), "order")
        for key in ("live_bytes", "live_blocks"):
            equal(sum(s[key] for s in stacks), r[key], f"stacks' {key}")
            equal(sum(x[key] for x in layers), r[key], f"layers' {key}")
    assert reports[-1]["live_bytes"] > 0
    for n in range(1, len(reports)):
        gap = reports[n]["since_start_ms"] - reports[n - 1]["since_start_ms"]
        assert abs(gap - reports[n]["since_last_ms"]) <= 2, reports[n]


@test
def old_enough_blocks_are_shown_and_younger_ones_not(run):
    target = run.target("alloc")
    tracer = run.trace("-p", target.pid, "-i", 60, "--older", 1.5)
    old = tuple(map(int, target.ask("leak_malloc 70").split()))
    time.sleep(2)
    target.ask("leak_malloc 30")
    tracer.finish()
    equal(tracer.live("leak_malloc"), old, "blocks older than 1.5 s")
    assert tracer.stacks()[0]["oldest_age_ms"] >= 2000, tracer.stacks()[0]


@test
def a_reader_of_the_folded_file_never_sees_half_of_it(run):
    target = run.target("alloc")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "f")
        tracer = run.trace("-p", target.pid, "-i", 0.1, "--folded", path)
        sums = set()
        for n in range(300):
            if n % 10 == 0:
                target.ask("leak_malloc 20")
            if os.path.exists(path):
                with open(path, encoding="utf-8") as f:
                    text = f.read()
                assert not text or text.endswith("\n"), text[-80:]
                sums.add(sum(int(line.rpartition(" ")[2]) for line in text.splitlines()))
            time.sleep(0.01)
        tracer.finish()
    assert len(sums) > 5 and sums <= {r["live_bytes"] for r in tracer.of("report")} | {0}, sums


@test
def names_that_would_break_a_line_do_not(run):
    with tempfile.TemporaryDirectory() as folder:
        odd = os.path.join(os.fsencode(folder), b"a;b\n\"\\\x1b\xff 1")
        shutil.copy(os.path.join(TARGETS, "life"), odd)
        target = run.keep(Program([odd]))
        path = os.path.join(folder, "f")
        tracer = run.trace("-p", target.pid, "-i", 60, "--folded", path, wait_for="tracing")
        target.ask("ping")
        equal(tracer.finish(), 0, "exit code")  # every line was JSON
        with open(path, "rb") as f:
            text = f.read()
        total = sum(int(line.rpartition(b" ")[2]) for line in text.splitlines())
        equal(total, tracer.last_report()["live_bytes"], "sum of the folded file")
        equal(tracer.last_report()["processes"][0]["comm"], "a;b\n\"\\\x1b\ufffd 1", "comm in JSON")
        equal(tracer.live("leak_in_main"), (1400, 20), "blocks")
        out = subprocess.run([SWTRACE, "-p", str(target.pid), "-n", "1", "-i", "0.2"], capture_output=True, check=True,
                             timeout=30)
        for stream in (out.stdout, out.stderr, text):
            assert b"\x1b" not in stream, stream
        equal([line for line in out.stderr.splitlines() if not line.startswith(b"swtrace: ")], [], "stderr")


@test
def a_deleted_or_replaced_program_keeps_its_names(run):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "life")
        for replace in (False, True):
            shutil.copy(os.path.join(TARGETS, "life"), path)
            target = run.keep(Program([path]))
            os.unlink(path)
            if replace:
                shutil.copy(os.path.join(TARGETS, "threads"), path)
            tracer = run.trace("-p", target.pid, "-i", 60)
            target.ask("ping")
            equal(tracer.finish(), 0, "exit code")
            equal(tracer.live("leak_in_main"), (1400, 20), f"replaced: {replace}")


@test
def a_target_with_a_root_and_a_libc_of_its_own_is_traced(run):
    with tempfile.TemporaryDirectory() as root:
        for source in (os.path.join(TARGETS, "alloc"), "/lib/x86_64-linux-gnu/libc.so.6",
                       "/lib64/ld-linux-x86-64.so.2"):
            folder = root + ("/" if source.startswith(TARGETS) else os.path.dirname(source))
            os.makedirs(folder, exist_ok=True)
            shutil.copy(os.path.realpath(source), os.path.join(folder, os.path.basename(source)))
        chroot = shutil.which("chroot") or "/usr/sbin/chroot"
        target = run.keep(Program([chroot, root, "/alloc"]))
        tracer = run.trace("-p", target.pid, "-i", 60)
        expected = tuple(map(int, target.ask("leak_malloc 400").split()))
        equal(tracer.finish(), 0, "exit code")
        equal(tracer.live("leak_malloc"), expected, "blocks")
        target.end()


@test
def inside_a_pid_namespace_pids_are_those_of_that_namespace(run):
    life = os.path.join(TARGETS, "life")
    done = subprocess.run(["unshare", "-p", "-f", "-m", "--propagation", "unchanged", "sh", "-c",
                           f"mount --make-rprivate /proc && mount -t proc proc /proc && {SWTRACE} --json -i 60 -- {life} 3; echo $? >&2"],
                          capture_output=True, timeout=60, check=True)
    equal(done.stderr.decode().splitlines()[-1], "3", f"exit code: {done.stderr}")
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    pids = {o["pid"] for o in objects if "pid" in o}
    assert len(pids) == 1 and max(pids) < 10, pids
    live = [o["live_bytes"] for o in objects if o["type"] == "stack" and o["frames"][0]["function"] == "leak_in_main"]
    equal(live, [1400], "blocks of main")


@test
def a_target_inside_a_pid_namespace_is_traced_from_outside(run):
    outer = run.keep(Program(["unshare", "-p", "-f", "--kill-child", os.path.join(TARGETS, "alloc")]))
    with open(f"/proc/{outer.pid}/task/{outer.pid}/children", encoding="utf-8") as f:
        pid = int(f.read())
    tracer = run.trace("-p", pid, "-i", 60)
    expected = tuple(map(int, outer.ask("leak_malloc 250").split()))
    equal(tracer.finish(), 0, "exit code")
    equal(tracer.live("leak_malloc", pid=pid), expected, "blocks")


@test
def a_started_command_finds_the_world_as_without_swtrace(run):
    look = ("grep -E '^(Sig|NoNewPrivs|Seccomp:|TracerPid)' /proc/self/status | grep -v SigQ; ls /proc/self/fd; "
            "ulimit -n; ulimit -c; umask; pwd; cat; env | sort")
    plain = subprocess.run(["sh", "-c", look], input=b"some input\n", capture_output=True, check=True)
    with tempfile.TemporaryDirectory() as folder:
        seen = os.path.join(folder, "seen")
        subprocess.run([SWTRACE, "-i", "60", "--", "sh", "-c", f"({look}) >{seen}"], input=b"some input\n",
                       capture_output=True, check=True, timeout=30)
        with open(seen, "rb") as f:
            got = f.read()
    equal([x for x in got.splitlines() if not x.startswith(b"_=")],
          [x for x in plain.stdout.splitlines() if not x.startswith(b"_=")], "what it sees")


@test
def ctrl_c_waits_for_a_started_command_and_a_second_one_leaves_it(run):
    with tempfile.TemporaryDirectory() as folder:
        done = os.path.join(folder, "done")
        for presses, expected in ((1, 9), (2, 0)):
            tracer = run.trace("-i", 60, "--", "sh", "-c", f"trap '' INT; sleep 2; echo >{done}{presses}; exit 9")
            time.sleep(0.5)
            for _ in range(presses):
                tracer.proc.send_signal(signal.SIGINT)
                time.sleep(0.2)
            equal(tracer.finish(interrupt=False), expected, f"exit code after {presses}")
            assert tracer.last_report()["final"]
            for _ in range(40):
                if os.path.exists(done + str(presses)):
                    break
                time.sleep(0.1)
            assert os.path.exists(done + str(presses)), "the command did not go on"
