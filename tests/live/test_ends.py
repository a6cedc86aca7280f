# SPDX-License-Identifier: GPL-2.0-or-later
"""test_ends.py - how processes end, and what ends them, is told: their status, who has killed them, that memory ran out."""
import os
import subprocess

from harness import SWTRACE, equal, test


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


MEMORY = "/sys/fs/cgroup/memory"


class Group:
    """A control group that may have so many bytes, of the first hierarchy."""

    def __init__(self, n_bytes):
        self.path = f"{MEMORY}/swtrace-{os.getpid()}"
        os.mkdir(self.path)
        self.write("memory.limit_in_bytes", n_bytes)

    def write(self, name, value):
        with open(f"{self.path}/{name}", "w") as f:
            f.write(str(value))

    def end(self):
        os.rmdir(self.path)


@test
def a_process_killed_for_lack_of_memory_is_told_as_such(run):
    if not os.access(f"{MEMORY}/memory.limit_in_bytes", os.W_OK):
        return  # no such hierarchy here
    group = run.keep(Group(64 << 20))
    target = run.target("ends")
    group.write("cgroup.procs", target.pid)
    tracer = run.trace("-p", target.pid, "-i", 60)
    target.send("fill 200")
    end = tracer.wait("lifecycle", event="exit", pid=target.pid)
    equal((end["signal"], end["reason"], end["sender_pid"]), (9, "oom", None), "end")
    assert 32 << 20 < end["peak_rss_bytes"] < 80 << 20, end
    tracer.finish(interrupt=False)
