# SPDX-License-Identifier: GPL-2.0-or-later
"""tools.py - workloads, and the tools that watch them, each started and ended in the same way. A tool that cannot be
started is an error. Only processes started here are ever signalled."""
import json
import os
import pty
import re
import signal
import subprocess
import tempfile

from harness import Lines, ROOT, SWTRACE

BUILD = os.path.join(ROOT, "build")
WORK = os.path.join(BUILD, "bench", "work")
MEMLEAK = os.path.join(BUILD, "roots", "memleak")
PHP_WORKER = ["php8.2", os.path.join(ROOT, "tests/bench/work/worker.php")]
START_SECONDS = 60
NO_ZEND_HEAP = {"USE_ZEND_ALLOC": "0"}  # what sees malloc alone is shown PHP's blocks by this


STARTED = []


def start(argv, **kw):
    proc = subprocess.Popen(argv, **kw)
    STARTED.append(proc)
    return proc


def kill_all():
    """Whatever has been started and has not ended: when something has failed."""
    for proc in STARTED:
        if proc.poll() is None:
            proc.kill()
            proc.wait()


def close(proc, seconds=60):
    """Wait for a process that has been told to end; kill it when it does not."""
    try:
        return proc.wait(seconds)
    except subprocess.TimeoutExpired:
        proc.kill()
        proc.wait()
        raise
    finally:
        for pipe in (proc.stdin, proc.stdout, proc.stderr):
            if pipe:
                pipe.close()


class Work:
    """A running workload (tests/bench/work)."""

    def __init__(self, argv, env=None, tool_output=None):
        self.proc = start(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=tool_output,
                          env=dict(os.environ, **(env or {})))
        self.pid = self.proc.pid
        self.lines = Lines(self.proc.stdout)
        self.argv = argv
        self.n_done = 0  # by all commands that were timed
        self.hear("ready", START_SECONDS)

    def hear(self, pattern, seconds):
        """The next line of that form; what a tool says in between is not the workload's."""
        while (line := self.lines.next(seconds)) is not None:
            if re.fullmatch(pattern, line):
                return line
        raise RuntimeError(f"{self.argv}: no answer in {seconds} s")

    def ask(self, command, pattern=r"\d+", seconds=300):
        self.proc.stdin.write(command.encode() + b"\n")
        self.proc.stdin.flush()
        return self.hear(pattern, seconds)

    def time(self, command):
        """Nanoseconds for one of what the command does: CPU time, and time that passed."""
        count, ns, cpu_ns = map(int, self.ask(command, r"\d+ \d+ \d+").split())
        self.n_done += count
        return {"cpu": cpu_ns / count, "wall": ns / count}

    def end(self):
        try:
            self.proc.stdin.close()
        except BrokenPipeError:
            pass
        self.proc.stdin = None
        code = close(self.proc)
        if code:
            raise RuntimeError(f"{self.argv} exited with {code}")


class Swtrace:
    """swtrace at a running process, its reports in a file. Once it has ended, report and lost are those of the last."""

    def __init__(self, pid, *options):
        self.file = tempfile.TemporaryFile("w+")
        self.proc = start([SWTRACE, "--json", *options, "-p", str(pid)], stdin=subprocess.DEVNULL, stdout=self.file,
                          stderr=subprocess.PIPE)
        self.err = Lines(self.proc.stderr)
        self.said = []
        while not self.said or "tracing" not in self.said[-1]:
            line = self.err.next(START_SECONDS)
            if line is None:
                raise RuntimeError(f"swtrace did not start: {self.said}")
            self.said.append(line)

    def kernel_bytes(self):
        """What its BPF maps take, by the kernel's own account; a map that is held twice counts once."""
        maps = {}
        for fd in os.listdir(f"/proc/{self.proc.pid}/fdinfo"):
            with open(f"/proc/{self.proc.pid}/fdinfo/{fd}") as f:
                info = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
            if "map_id" in info:
                maps[info["map_id"]] = int(info["memlock"])
        return sum(maps.values())

    def cpu_seconds(self):
        with open(f"/proc/{self.proc.pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGINT)
        code = close(self.proc)
        self.file.seek(0)
        objects = [json.loads(line) for line in self.file]
        self.file.close()
        if code or not objects:
            raise RuntimeError(f"swtrace exited with {code}: {self.said}")
        self.report = [o for o in objects if o["type"] == "report"][-1]
        self.lost = {k: v for k, v in [o for o in objects if o["type"] == "loss"][-1]["causes"].items() if v}


class Floor:
    """Empty programs at the sites that swtrace probes: tests/bench/floor.c."""

    def __init__(self, pid, *options):
        self.proc = start([os.path.join(BUILD, "bench", "floor"), *options, str(pid)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE)
        line = Lines(self.proc.stdout).next(START_SECONDS)
        if not line or not line.startswith("floor: "):
            raise RuntimeError(f"the floor did not start: {line}")

    def end(self):
        self.proc.stdin.close()
        self.proc.stdin = None
        close(self.proc)


class Memleak:
    """libbpf-tools' memleak, of a root of its own; it says that it has begun only when it writes to a terminal."""

    def __init__(self, pid):
        ours, its = pty.openpty()
        self.terminal = os.fdopen(ours, "rb", 0)
        self.proc = start([f"{MEMLEAK}/usr/lib64/ld-linux-x86-64.so.2", "--library-path",
                           f"{MEMLEAK}/usr/lib/x86_64-linux-gnu", f"{MEMLEAK}/usr/sbin/memleak-libbpf", "-p", str(pid),
                           "3600"], stdin=subprocess.DEVNULL, stdout=its, stderr=its)
        os.close(its)
        lines = Lines(self.terminal)
        said = []
        while not said or "Tracing" not in said[-1]:
            line = lines.next(START_SECONDS)
            if line is None:
                raise RuntimeError(f"memleak did not start: {said}")
            said.append(line)

    def end(self):
        self.proc.send_signal(signal.SIGINT)
        lines = Lines(self.terminal)
        try:
            while lines.next(60) is not None:
                pass
        except OSError:  # the terminal's other end is closed: memleak has ended
            pass
        close(self.proc)
        self.terminal.close()


class Variant:
    """A workload watched by one tool, or by none."""

    def __init__(self, name, attach=None, prefix=(), env=None, rounds=None):
        self.name = name
        self.attach = attach    # a class of this file, given the pid
        self.prefix = prefix    # or what the workload is started by
        self.env = env
        self.rounds = rounds

    def measure(self, argv, measure, look=None):
        """measure(work) while the tool watches. swtrace's losses are noted; look(report, work) sees its last report."""
        work = Work([*self.prefix, *argv], self.env, subprocess.DEVNULL if self.prefix else None)
        tool = self.attach(work.pid) if self.attach else None
        result = measure(work)
        end(tool)
        if look and isinstance(tool, Swtrace):
            look(tool.report, work)
        work.end()
        return result


LOST = []  # by each swtrace that has ended: causes and numbers


def end(tool):
    """End a tool, or none."""
    if tool:
        tool.end()
    if isinstance(tool, Swtrace):
        LOST.append(tool.lost)


def heaptrack(folder, php=False):
    return Variant("heaptrack", prefix=("heaptrack", "-o", os.path.join(folder, "heaptrack")),
                   env=NO_ZEND_HEAP if php else None)


def valgrind(php=False):
    return Variant("Valgrind memcheck", prefix=("valgrind", "--leak-check=full", "--quiet", "--log-file=/dev/null"),
                   env=NO_ZEND_HEAP if php else None, rounds=3)
