# SPDX-License-Identifier: GPL-2.0-or-later
"""test_ends.py - how processes end, and what ends them, is told: their status, who has killed them, that memory ran out."""
import os
import subprocess

from harness import HostPhp, Program, RootPhp, Skip, equal, test
from test_system import CGROUPS
from web import Fpm

SCRIPT = os.path.join(HostPhp.scripts, "gives-up.php")


def the_end(run, command, *options):
    """Trace a target until it has ended by that command. Return: the tracer, and the event of the end."""
    target = run.target("ends")
    tracer = run.trace("-p", target.pid, "-i", 60, *options)
    command(target)
    end = tracer.wait("lifecycle", event="exit", pid=target.pid)
    equal(tracer.finish(interrupt=False), 4, "exit code")
    return target, end


@test
def who_has_killed_a_process_is_told(run):
    for number in (9, 15):
        # Another process than swtrace's parent, with a name of its own.
        target, end = the_end(run, lambda t, n=number: subprocess.run(["/bin/kill", f"-{n}", str(t.pid)], check=True))
        equal((end["exit_status"], end["signal"], end["reason"]), (None, number, None), "end")
        equal(end["sender_comm"], "kill", "sender")
        assert end["sender_pid"] not in (None, 0, target.pid, os.getpid()), end
        assert end["peak_rss_bytes"] > 100000, end


@test
def a_process_that_kills_itself_is_its_own_sender(run):
    target, end = the_end(run, lambda t: t.send("raise 10"))
    equal((end["signal"], end["sender_pid"]), (10, target.pid), "end")


@test
def a_signal_that_was_not_the_end_is_not_told_as_its_cause(run):
    def command(target):
        target.ask("ignore 15")
        subprocess.run(["/bin/kill", "-15", str(target.pid)], check=True)
        target.send("exit 7")
    _, end = the_end(run, command)
    equal((end["exit_status"], end["signal"], end["sender_pid"], end["sender_comm"]), (7, None, None, None), "end")


@test
def an_end_by_an_error_has_the_words_of_swooles_log(run):
    target = run.target("ends")
    tracer = run.trace("-p", target.pid, "-i", 60, json_lines=False)
    os.kill(target.pid, 9)
    while (line := tracer.out.next(20)) is not None and "was killed" not in line:
        pass
    assert f"ends({target.pid}) was killed by SIGKILL (signal 9), sent by " in line, line
    assert f"[pid={target.pid}, status=0, signal=9, peak RSS " in line, line
    while tracer.out.next(20) is not None:
        pass
    equal(tracer.proc.wait(20), 4, "exit code")


class Group:
    """A control group that may have so many bytes: of the older hierarchy of memory, or of the one for all, where that has memory."""

    def __init__(self, n_bytes):
        self.enabled = None
        top = "/sys/fs/cgroup/memory"
        if os.access(f"{top}/memory.limit_in_bytes", os.W_OK):
            limits = ["memory.limit_in_bytes"]
        else:
            top = self.unified()
            limits = ["memory.max", "memory.swap.max"]
        self.path = f"{top}/swtrace-{os.getpid()}"
        os.mkdir(self.path)
        self.write(limits[0], n_bytes)
        if os.path.exists(f"{self.path}/{limits[-1]}"):  # none without swap
            self.write(limits[-1], 0 if "swap" in limits[-1] else n_bytes)

    def unified(self):
        """Where groups of the hierarchy for all can have a limit of memory."""
        for top in CGROUPS:
            try:
                with open(f"{top}/cgroup.controllers", encoding="utf-8") as f:
                    has_memory = "memory" in f.read().split()
                control = f"{top}/cgroup.subtree_control"
                with open(control, encoding="utf-8") as f:
                    is_enabled = "memory" in f.read().split()
                if has_memory and not is_enabled:
                    with open(control, "w", encoding="utf-8") as f:
                        f.write("+memory")
                    self.enabled = control
                if has_memory:
                    return top
            except OSError:
                pass  # not mounted, not writable, or it has processes of its own
        raise Skip("no control group can be made whose memory is limited")

    def write(self, name, value):
        with open(f"{self.path}/{name}", "w", encoding="utf-8") as f:
            f.write(str(value))

    def end(self):
        os.rmdir(self.path)
        if self.enabled:
            with open(self.enabled, "w", encoding="utf-8") as f:
                f.write("-memory")


@test
def a_process_killed_for_lack_of_memory_is_told_as_such(run):
    group = run.keep(Group(64 << 20))
    target = run.target("ends")
    group.write("cgroup.procs", target.pid)
    tracer = run.trace("-p", target.pid, "-i", 60)
    target.send("fill 200")
    end = tracer.wait("lifecycle", event="exit", pid=target.pid)
    equal((end["signal"], end["reason"], end["sender_pid"]), (9, "oom", None), "end")
    assert 32 << 20 < end["peak_rss_bytes"] < 80 << 20, end
    killed = tracer.wait("oom_kill", 20)
    equal(killed["peak_rss_bytes"], end["peak_rss_bytes"], "peak")
    equal((killed["live"][0]["layer"], functions(killed["live"][0])[0]), ("libc", "fill_memory"), "what lived")
    assert 32 << 20 < killed["live"][0]["live_bytes"] < 80 << 20, killed
    tracer.finish(interrupt=False)


def php(run, *options, of=HostPhp):
    script = os.path.join(of.scripts, os.path.basename(SCRIPT))
    return run.keep(Program(of.argv("-d", "display_errors=0", "-d", "log_errors=0", *options, script),
                            stderr=subprocess.DEVNULL))


def functions(stack):
    return [f["function"] for f in stack["frames"]]


@test
def an_exhausted_memory_limit_is_told_with_its_place_and_what_lives(run):
    target = php(run, "-d", "memory_limit=8M")
    tracer = run.trace("-p", target.pid, "-i", 60)
    target.send("limit")
    event = tracer.wait("memory_limit", 20)
    equal((event["pid"], event["limit_bytes"], event["asked_bytes"]), (target.pid, 8 << 20, 2 << 20), "event")
    equal((event["count"], event["again"], event["walk"]), (1, False, "complete"), "event")
    place = [f for f in event["frames"] if f["kind"] == "php" and f["file"]][0]
    equal((place["function"], place["file"], place["line"]), ("Hoard::grow", SCRIPT, 13), "place")
    # What PHP drops a moment later.
    top = event["live"][0]
    assert top["live_bytes"] > 5 << 20 and top["layer"] == "zend" and "Hoard::grow" in functions(top), top
    assert event["live_bytes"] >= sum(s["live_bytes"] for s in event["live"]), event
    end = tracer.wait("lifecycle", event="exit", pid=target.pid)
    equal((end["exit_status"], end["reason"]), (255, "memory_limit"), "end")
    tracer.finish(interrupt=False)
    equal(len(tracer.of("memory_limit")), 1, "events")


@test
def a_limit_that_is_exhausted_at_each_request_is_told_once_and_counted(run):
    server = run.keep(Fpm("php-fpm8.2", 1, ["-d", "memory_limit=8M"]))
    worker, = server.workers()
    tracer = run.trace("-p", worker, "-i", 60)
    for _ in range(5):
        server.ask(SCRIPT, command="limit")
    tracer.wait("memory_limit", 20)
    equal(server.get(SCRIPT, command="none"), "done", "the worker lives")
    tracer.finish()
    events = tracer.of("memory_limit")
    equal([(e["pid"], e["count"], e["again"]) for e in events], [(worker, 1, False), (worker, 4, True)], "events")
    equal((events[1]["frames"], events[1]["live"]), ([], None), "what is counted alone")


@test
def a_limit_is_told_also_while_no_window_is_open(run):
    target = php(run, "-d", "memory_limit=8M")
    tracer = run.trace("-p", target.pid, "-i", 60, "--overhead", "0.1")
    target.send("limit")
    event = tracer.wait("memory_limit", 20)
    equal((event["limit_bytes"], event["live"]), (8 << 20, None), "event")
    assert "Hoard::grow" in functions(event), event
    tracer.finish(interrupt=False)


@test
def a_limit_is_told_where_the_whole_system_is_traced(run):
    php(run)  # so that the program's file is known, and probed when the next one starts
    tracer = run.trace("-a", "--comm", HostPhp.php, "-i", 60)
    target = php(run, "-d", "memory_limit=8M")
    target.send("limit")
    event = tracer.wait("memory_limit", 20, pid=target.pid)
    assert "Hoard::grow" in functions(event), event
    end = tracer.wait("lifecycle", event="exit", pid=target.pid)
    equal((end["exit_status"], end["reason"]), (255, "memory_limit"), "end")
    tracer.finish()


@test
def an_error_status_is_told_of_php_alone_where_the_whole_system_is_traced(run):
    for options, wait_for in ((["-a", "--comm", f"{HostPhp.php},ends", "-i", 60], "tracing"), (["--crashes"], "watching")):
        other, fails, succeeds = run.target("ends"), php(run), php(run)
        tracer = run.trace(*options, wait_for=wait_for)
        other.send("exit 7")
        other.proc.wait(20)
        succeeds.send("exit 0")
        succeeds.proc.wait(20)
        fails.send("exit 3")
        end = tracer.wait("lifecycle", event="exit", pid=fails.pid)
        equal((end["exit_status"], end["signal"], end["reason"]), (3, None, None), options)
        tracer.finish()
        told = {o["pid"] for o in tracer.of("lifecycle") if o["event"] == "exit"}
        equal(told & {other.pid, fails.pid, succeeds.pid}, {fails.pid}, options)


def check_corrupted(run, of, status, signal):
    target = php(run, of=of)
    tracer = run.trace("-p", target.pid, "-i", 60)
    target.send("corrupt")
    event = tracer.wait("heap_corrupted", 20)
    equal((event["pid"], event["walk"], event["live"]), (target.pid, "complete", None), "event")
    assert "smash" in functions(event), event
    end = tracer.wait("lifecycle", event="exit", pid=target.pid)
    equal((end["reason"], end["exit_status"], end["signal"]), ("heap_corrupted", status, signal), "end")
    tracer.finish(interrupt=False)
    equal(len(tracer.of("heap_corrupted")), 1, "events")


@test
def a_corrupted_heap_is_told_where_php_finds_it(run):
    check_corrupted(run, HostPhp, None, 6)


@test
def a_corrupted_heap_of_7_4_is_told_where_it_finds_it_and_exits(run):
    check_corrupted(run, RootPhp("bullseye", "php7.4"), 1, None)


@test
def a_corrupted_heap_of_8_4_is_told_where_it_finds_it(run):
    check_corrupted(run, RootPhp("trixie", "php8.4"), None, 6)


@test
def a_fatal_error_of_php_is_told_by_its_status(run):
    for command, status, reason in (("fatal", 255, "fatal_error"), ("exit 3", 3, None), ("exit 0", 0, None)):
        target = php(run)
        tracer = run.trace("-p", target.pid, "-i", 60)
        target.send(command)
        end = tracer.wait("lifecycle", event="exit", pid=target.pid)
        equal((end["exit_status"], end["reason"], end["signal"]), (status, reason, None), command)
        tracer.finish(interrupt=False)
