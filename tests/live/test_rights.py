# SPDX-License-Identifier: GPL-2.0-or-later
"""test_rights.py - once it traces, swtrace has the rights that it still needs and no others, and no more than those are needed. That
what comes later still works (libraries, children, windows, exports) is shown by all other live tests, which run like this, too."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from harness import SWTRACE, Tracer, equal, test, waiting_test

CAPS = {1: "dac_override", 2: "dac_read_search", 3: "fowner", 5: "kill", 6: "setgid", 7: "setuid", 19: "sys_ptrace", 23: "sys_nice", 38: "perfmon", 39: "bpf",
        40: "checkpoint_restore"}
TRACING = {"bpf", "perfmon", "sys_ptrace", "dac_read_search", "checkpoint_restore"}
NOBODY = 65534
READER = 0x7fff0000  # CAPS_NO_USER


def status(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return dict(re.findall(r"^(\w+):\s*(.*)$", f.read(), re.M))


def caps(text):
    return {CAPS.get(i, str(i)) for i in range(64) if int(text, 16) >> i & 1}


def has_only(pid, expected):
    s = status(pid)
    equal({name: caps(s[name]) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")},
          {"CapEff": expected, "CapPrm": expected, "CapBnd": expected, "CapInh": set(), "CapAmb": set()}, "capabilities")
    equal((s["NoNewPrivs"], s["Seccomp"]), ("1", "2"), "no_new_privs and seccomp")


def settled(tracer, pid=None):
    """It says that it traces a moment before the rights are gone: wait for what comes after.  pid: its own, where it is not what was started."""
    deadline = time.monotonic() + 10
    while status(pid or tracer.proc.pid)["Seccomp"] != "2":
        assert time.monotonic() < deadline, "rights are not given up"
        time.sleep(0.01)
    return tracer


def readers(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as f:
        return [int(child) for child in f.read().split()]


@test
def only_the_rights_to_trace_are_left(run):
    target = run.target("execs")
    for args in (["-p", target.pid], ["-p", target.pid, "--overhead", 10], ["-a", "--comm", "execs"], ["--crashes"]):
        tracer = settled(run.trace(*args, "-i", 60, wait_for="watching" if args == ["--crashes"] else "tracing"))
        has_only(tracer.proc.pid, TRACING | ({"sys_nice"} if "--overhead" in args else set()))
        equal(tracer.finish(), 0, f"{args}")


@test
def what_more_is_asked_for_keeps_what_it_takes(run):
    target = run.target("execs")
    with tempfile.TemporaryDirectory(prefix="swtrace-") as own, tempfile.TemporaryDirectory(prefix="swtrace-") as other:
        os.chown(other, NOBODY, NOBODY)
        os.chmod(other, 0o700)
        tracer = settled(run.trace("-p", target.pid, "-i", 0.3, "--folded", os.path.join(own, "f")))
        has_only(tracer.proc.pid, TRACING)
        tracer.wait("report")
        tracer.wait("report")
        tracer.finish()
        assert os.path.exists(os.path.join(own, "f"))
        file = os.path.join(other, "f")
        tracer = settled(run.trace("-p", target.pid, "-i", 0.3, "--folded", file))
        has_only(tracer.proc.pid, TRACING | {"dac_override", "fowner"})
        for _ in range(2):  # it is made, and made anew
            tracer.wait("report")
            tracer.wait("report")
            os.unlink(file)
        tracer.finish()
        assert os.path.exists(file), tracer.said
    tracer = settled(run.trace("-i", 60, "--", "sleep", "60"))
    has_only(tracer.proc.pid, TRACING | {"kill"})


@test
def a_started_program_keeps_the_rights_of_its_user(run):
    tracer = run.trace("-i", 60, "--", "sh", "-c", "cat /proc/self/status >&2; exec sleep 60")
    said = []
    while (line := tracer.err.next(1)) is not None:
        said.append(line)
    text = "\n".join(tracer.said + said)
    equal(re.search(r"^CapEff:\s*(\w+)", text, re.M).group(1), status("self")["CapEff"], "capabilities")
    equal(re.findall(r"^(NoNewPrivs|Seccomp):\s*(\d+)", text, re.M), [("NoNewPrivs", "0"), ("Seccomp", "0")], "the rest")


@waiting_test
def watch_keeps_what_its_traces_need_and_they_give_it_up(run):
    php = run.php()
    with tempfile.TemporaryDirectory(prefix="swtrace-") as out:
        watch = settled(run.trace("watch", "-p", php.pid, "-i", 0.2, "--trace", 3, "--overhead", 20, "--out", out, wait_for="watching"))
        has_only(watch.proc.pid, TRACING | {"setuid", "setgid", "sys_nice"})
        for _ in range(60):
            php.ask("keep 3000 100")
            if any("is growing" in line for line in watch.said) or (line := watch.err.next(0.1)) and "is growing" in line:
                break
        tracer = [child for child in readers(watch.proc.pid) if status(child)["Name"] != "swtrace-parser"]
        equal(len(tracer), 1, "traces")
        deadline = time.monotonic() + 5
        while status(tracer[0])["Seccomp_filters"] < "2":
            assert time.monotonic() < deadline, status(tracer[0])
            time.sleep(0.05)
        equal(caps(status(tracer[0])["CapPrm"]), TRACING | {"sys_nice"}, "of the trace")
        php.ask("keep 3000 100")
        watch.hear(f"{out}/swtrace-{php.pid}-", 20)
        assert "what grows in" in watch.said[-1] or "was seen enough of" in watch.said[-1], watch.said
        watch.finish()


@test
def who_parses_files_is_nobody_with_no_rights(run):
    target = run.target("plugins")
    tracer = settled(run.trace("-p", target.pid, "-i", 60))
    parsers = [pid for pid in readers(tracer.proc.pid) if status(pid)["Name"] == "swtrace-parser"]
    equal(len(parsers), 1, "parsers")
    s = status(parsers[0])
    equal((s["Uid"].split(), caps(s["CapPrm"]), caps(s["CapEff"]), s["Seccomp"], s["NoNewPrivs"]),
          ([str(READER)] * 4, set(), set(), "2", "1"), "the parser")
    equal({os.readlink(f"/proc/{parsers[0]}/fd/{fd}").split(":")[0] for fd in os.listdir(f"/proc/{parsers[0]}/fd")},
          {"/dev/null", "socket"}, "what it has open")
    equal(tracer.finish(), 0, "end")


@test
def a_reader_that_dies_is_replaced_by_one_that_is_nobody_too(run):
    target = run.target("plugins")
    tracer = settled(run.trace("-p", target.pid, "-i", 0.3))
    tracer.wait("report")
    first = readers(tracer.proc.pid)
    assert first, "no reader"
    for pid in first:
        equal(status(pid)["Uid"].split(), [str(READER)] * 4, "the first")
        os.kill(pid, signal.SIGKILL)
    program = run.target("execs")
    tracer.finish()
    tracer = settled(run.trace("-a", "--comm", "mine", "-i", 0.3, "-T", 100))
    for pid in readers(tracer.proc.pid):
        os.kill(pid, signal.SIGKILL)
    with tempfile.TemporaryDirectory(prefix="swtrace-") as d:
        copy = shutil.copy(f"/proc/{program.pid}/exe", os.path.join(d, "mine"))
        later = run.keep(program.__class__([copy]))
        time.sleep(0.5)
        later.ask("leak 100")
        tracer.wait("stack", pid=later.pid)
        again = readers(tracer.proc.pid)
        assert again, "no reader any more"
        for pid in again:
            s = status(pid)
            equal((s["Uid"].split(), caps(s["CapPrm"]), s["Seccomp"], s["NoNewPrivs"]), ([str(READER)] * 4, set(), "2", "1"), "a reader")
        tracer.finish()
    equal(tracer.live("leak_before", pid=later.pid), (6400, 100), "leak")


class Bounded(Tracer):
    """swtrace with these capabilities and no others; as another user by ambient ones."""

    @staticmethod
    def argv_of(caps, uid=0):
        names = ",".join(f"+{c}" for c in sorted(caps))
        as_user = ["--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--inh-caps", names, "--ambient-caps", names]
        return ["setpriv", "--bounding-set", f"-all,{names}", *(as_user if uid else [])]

    def __init__(self, caps, args, uid=0, prefix=(), confined=(), **kw):
        super().__init__([str(a) for a in args], prefix=[*prefix, *self.argv_of(caps, uid), *confined], **kw)


@test
def no_more_than_these_capabilities_are_needed(run):
    php = run.php()
    for uid in (0, NOBODY):
        tracer = settled(run.keep(Bounded(TRACING, ["-p", php.pid, "-i", 60, "-T", 100], uid)))
        s = status(tracer.proc.pid)
        equal((caps(s["CapEff"]), s["Uid"].split()[0]), (TRACING, str(uid)), "rights")
        php.ask("keep 1000 100")
        tracer.finish()
        kept = [s for s in tracer.stacks() if s["pid"] == php.pid and any(f["function"] == "Registry::keep" for f in s["frames"])]
        equal(sum(s["live_blocks"] for s in kept) >= 1000, True, f"as {uid}")
        equal(tracer.lost(), {}, "lost")


@test
def a_right_that_is_missing_is_named(run):
    target = run.target("execs")
    for missing in ("bpf", "perfmon", "sys_ptrace"):
        p = subprocess.run(["setpriv", "--bounding-set", "-all," + ",".join(f"+{c}" for c in TRACING - {missing}), SWTRACE, "-p",
                            str(target.pid)], capture_output=True, text=True, timeout=30)
        equal((p.returncode, p.stdout), (3, ""), p.stderr)
        assert "CAP_" + missing.upper() in p.stderr, p.stderr
