# SPDX-License-Identifier: GPL-2.0-or-later
"""harness.py - run live tests: real swtrace, real BPF, real processes.

A test is a function decorated with @test whose name is the promise it checks; it gets a Run, which starts programs and
ends them again. Output is TAP. Only processes started here are ever signalled."""
import glob
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SWTRACE = os.environ.get("SWTRACE", os.path.join(ROOT, "swtrace"))
TARGETS = os.path.join(ROOT, "build", "tests", "live")
PHP = "php8.2"
ROOTS = os.path.join(ROOT, "build", "roots")
TESTS = []
LONG_TESTS = []


def test(function):
    TESTS.append(function)
    return function


def waiting_test(function):
    """A test that mostly waits. Some of those run at the same time, when all others are done."""
    function.waits = True
    return test(function)


def long_test(function):
    """One that takes a minute of waiting, or measures: `make check-long` runs these, and no others."""
    LONG_TESTS.append(function)
    return function


class Lines:
    """Lines of a pipe, read with a deadline."""

    def __init__(self, pipe):
        self.fd = pipe.fileno()
        self.pipe = pipe
        self.rest = b""
        self.ended = False

    def next(self, seconds):
        """The next line, or None when there is none in time or the pipe has ended."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.rest and not self.ended:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return None
            data = os.read(self.fd, 65536)
            self.ended = not data
            self.rest += data
        if not self.rest:
            return None
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode("utf-8", "replace")

    def take(self):
        """What is there by now, to be had by next() later."""
        if not self.ended and select.select([self.fd], [], [], 0)[0]:
            data = os.read(self.fd, 65536)
            self.ended = not data
            self.rest += data


class Program:
    """A program that obeys one-line commands and answers each with one line."""

    def __init__(self, argv, **kw):
        self.proc = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **kw)
        self.pid = self.proc.pid
        self.lines = Lines(self.proc.stdout)
        line = self.lines.next(20)
        assert line == "ready", f"{argv}: said {line!r} instead of ready"

    def send(self, command):
        self.proc.stdin.write(command.encode() + b"\n")
        self.proc.stdin.flush()

    def ask(self, command, seconds=60):
        self.send(command)
        line = self.lines.next(seconds)
        assert line is not None, f"no answer to {command!r}"
        return line

    def end(self):
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()
        self.proc.stdout.close()
        self.proc.stdin.close()


class RootPhp:
    """PHP of another Debian release, in a root of its own (tests/roots/make), that sees our scripts under /scripts."""
    outermost = "{main}"

    def __init__(self, suite, php):
        self.root = os.path.join(ROOTS, suite)
        ready = os.path.join(self.root, "ready")
        assert os.path.exists(ready), f"make roots has not made {self.root}"
        with open(ready) as f:
            equal(f.read().strip(), php, f"PHP of {suite}")
        self.scripts = "/scripts"
        self.php = php
        os.makedirs(self.root + self.scripts, exist_ok=True)
        for script in glob.glob(os.path.join(ROOT, "tests/live/*.php")):
            shutil.copy(script, self.root + self.scripts)

    def argv(self, *options):
        # Nothing is configured in the root. Since 8.0 json is built in, since 8.5 opcache.
        modules = ["-dextension=ffi"] + (["-dextension=json"] if self.php < "php8" else [])
        modules += ["-dzend_extension=opcache"] if self.php < "php8.5" else []
        return ["chroot", self.root, "/usr/bin/" + self.php, "-n", *modules, *options]


class HostPhp:
    """PHP of this machine."""
    php = PHP
    outermost = "{main}"
    scripts = os.path.join(ROOT, "tests/live")

    @staticmethod
    def argv(*options):
        return [PHP, *options]


class EmbeddedPhp:
    """PHP inside a program that runs it by libphp; it takes no options."""
    scripts = HostPhp.scripts
    outermost = "eval()"  # the program runs the script by a piece of code of its own

    @staticmethod
    def argv(script):
        return [os.path.join(TARGETS, "embed"), script]


class Tracer:
    """A running swtrace with --json; keeps every object that it prints."""

    def __init__(self, args, wait_for="tracing", cwd=None, json_lines=True, prefix=()):
        task = args[:1] if args[:1] in (["watch"], ["record"]) else []
        argv = [SWTRACE] + task + (["--json"] if json_lines else []) + args[len(task):]
        self.proc = subprocess.Popen([*prefix, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     stdin=subprocess.DEVNULL, cwd=cwd)
        self.out = Lines(self.proc.stdout)
        self.err = Lines(self.proc.stderr)
        self.objects = []
        self.said = []
        while wait_for:
            line = self.err.next(30)
            if line is None:
                self.end()
            assert line is not None, f"swtrace did not start: {self.said}"
            self.said.append(line)
            if wait_for in line:
                break

    def wait(self, kind, seconds=20, **fields):
        """The next object of that type (and with those fields)."""
        deadline = time.monotonic() + seconds
        while True:
            line = self.out.next(max(0, deadline - time.monotonic()))
            assert line is not None, f"no {kind} {fields} in {seconds} s; said {self.said}"
            o = json.loads(line)
            assert o["schema"] == 1, o
            self.objects.append(o)
            if o["type"] == kind and all(o[k] == v for k, v in fields.items()):
                return o

    def hear(self, text, seconds=20):
        """Wait until it says that on standard error. What it writes on standard output meanwhile is taken: it waits for that."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.out.take()
            line = self.err.next(0.1)
            if line is None and self.err.ended:
                break
            if line is not None:
                self.said.append(line)
                if text in line:
                    return
        assert False, f"it does not say {text!r} in {seconds} s; said {self.said}"

    def of(self, kind):
        return [o for o in self.objects if o["type"] == kind]

    def finish(self, interrupt=True, seconds=30):
        """Ctrl-C (unless it ends by itself), read all, return the exit code."""
        if interrupt and self.proc.poll() is None:
            self.proc.send_signal(signal.SIGINT)
        while (line := self.out.next(seconds)) is not None:
            self.objects.append(json.loads(line))
        while (line := self.err.next(seconds)) is not None:
            self.said.append(line)
        return self.proc.wait(seconds)

    def last_report(self):
        return self.of("report")[-1]

    def stacks(self):
        """The stacks of the last report."""
        number = self.last_report()["number"]
        return [o for o in self.of("stack") if o["report"] == number]

    def live(self, function, depth=1, **fields):
        """(bytes, blocks) of the last report's stacks whose first frames hold the function."""
        found = [s for s in self.stacks()
                 if any(f["function"] == function for f in s["frames"][:depth])
                 and all(s[k] == v for k, v in fields.items())]
        return sum(s["live_bytes"] for s in found), sum(s["live_blocks"] for s in found)

    def layer(self, pid, layer):
        process = [p for p in self.last_report()["processes"] if p["pid"] == pid]
        assert len(process) == 1, process
        return process[0]["layers"][layer]

    def lost(self):
        return {k: v for k, v in self.of("loss")[-1]["causes"].items() if v}

    def end(self):
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()
        self.proc.stdout.close()
        self.proc.stderr.close()


class Run:
    """What one test has started; all of it is ended when the test is over."""

    def __init__(self):
        self.started = []

    def target(self, name, *args, **kw):
        return self.keep(Program([os.path.join(TARGETS, name), *args], **kw))

    def php(self, *options):
        return self.keep(Program([PHP, *options, os.path.join(ROOT, "tests/live/worker.php")]))

    def trace(self, *args, **kw):
        return self.keep(Tracer([str(a) for a in args], **kw))

    def keep(self, program):
        self.started.append(program)
        return program

    def end(self):
        for program in reversed(self.started):
            program.end()


def command(*args, stdout=subprocess.PIPE, **kw):
    """Run swtrace to its end: (exit code, stdout, stderr)."""
    p = subprocess.run([SWTRACE, *map(str, args)], stdout=stdout, stderr=subprocess.PIPE,
                       stdin=subprocess.DEVNULL, timeout=60, **kw)
    return p.returncode, (p.stdout or b"").decode(), p.stderr.decode()


def equal(got, expected, what=""):
    assert got == expected, f"{what}: got {got}, expected {expected}"


# Set where the machine is emulated (tests/kernels/cases.py), fifty times slower.
EMULATED = bool(os.environ.get("SWTRACE_EMULATED"))
LIMIT_S = 400 if EMULATED else 90  # for a test
LONG_S = 10  # worth a line: it is these that make the whole long
TOGETHER = 4  # of those that wait


class TooLong(Exception):
    pass


class Skip(Exception):
    """Raised by a test that cannot be made here, with the reason. CI takes no skipped live test."""


def on_alarm(_signal, _frame):
    raise TooLong(f"the test took more than {LIMIT_S} s")


def run_one(n, function):
    """Return: did it fail?"""
    run = Run()
    began = time.monotonic()
    failed = False
    signal.alarm(LIMIT_S)
    try:
        function(run)
        print(f"ok {n} - {function.__name__}", flush=True)
    except Skip as why:
        print(f"ok {n} - {function.__name__} # SKIP {why}", flush=True)
    except Exception as e:  # a failing test must not keep the others from running
        failed = True
        where = e.__traceback__
        while where.tb_next and "harness" not in where.tb_next.tb_frame.f_code.co_filename:
            where = where.tb_next
        print(f"not ok {n} - {function.__name__}")
        print(f"# line {where.tb_lineno}: {type(e).__name__}: {e}".replace("\n", "\n# "), flush=True)
    finally:
        signal.alarm(0)
        try:
            run.end()
        except OSError as e:  # a pipe to a program that is gone
            print(f"# {function.__name__}: {e}", flush=True)
    took = time.monotonic() - began
    if took >= LONG_S:
        print(f"# {function.__name__} took {took:.0f} s", flush=True)
    return failed


def run_together(n, functions):
    """Each in a process of its own, all at the same time.  Return: how many have failed."""
    if len(functions) == 1:
        return int(run_one(n, functions[0]))
    sys.stdout.flush()
    running = []
    for k, function in enumerate(functions):
        output = tempfile.TemporaryFile("w+", encoding="utf-8")
        pid = os.fork()
        if not pid:
            os.dup2(output.fileno(), sys.stdout.fileno())
            failed = run_one(n + k, function)
            sys.stdout.flush()
            os._exit(1 if failed else 0)
        running.append((pid, output))
    failed = 0
    for k, (pid, output) in enumerate(running):
        status = os.waitpid(pid, 0)[1]
        output.seek(0)
        text = output.read()
        output.close()
        print(text, end="", flush=True)
        if not re.search(rf"^(not )?ok {n + k} ", text, re.M):
            print(f"not ok {n + k} - {functions[k].__name__}\n# its process ended with {status}", flush=True)
        failed += status != 0
    return failed


def in_turns(chosen):
    """Those that run at the same time: (number of the first, [function, ...]). Emulated, everything is by itself."""
    turn = []
    for n, function in enumerate(chosen, 1):
        if turn and (EMULATED or len(turn) == TOGETHER or not hasattr(function, "waits") or not hasattr(turn[-1], "waits")):
            yield n - len(turn), turn
            turn = []
        turn.append(function)
    if turn:
        yield len(chosen) + 1 - len(turn), turn


def run_all(select_names):
    chosen = [t for t in (LONG_TESTS if os.environ.get("SWTRACE_LONG") else TESTS) if not select_names or any(s in t.__name__ for s in select_names)]
    if not EMULATED:
        chosen.sort(key=lambda t: hasattr(t, "waits"))  # stable
    print(f"1..{len(chosen)}")
    failed = 0
    signal.signal(signal.SIGALRM, on_alarm)
    for n, functions in in_turns(chosen):
        if os.geteuid() == 0:
            failed += run_together(n, functions)
            continue
        for k, function in enumerate(functions):
            print(f"ok {n + k} - {function.__name__} # SKIP tracing needs root")
    return 1 if failed else 0
