# SPDX-License-Identifier: GPL-2.0-or-later
"""test_oracle.py - native stacks against libdwfl's, at random calls of the allocators, by tests/oracle: at least 999 of 1,000
complete stacks are the same, frame by frame; what is not complete is true as far as it goes."""
import os
import re
import subprocess
import threading

from harness import PHP, ROOT, SWTRACE, Program, test
from web import OPCACHE, Apache, Fpm

ORACLE = os.path.join(os.path.dirname(SWTRACE), "oracle", "oracle")
if not os.path.exists(ORACLE):
    ORACLE = os.path.join(ROOT, "build", "oracle", "oracle")
SCRIPTS = os.path.join(ROOT, "tests", "oracle", "targets")
LOAD = os.path.join(SCRIPTS, "load.php")
TARGETS = os.path.join(ROOT, "build", "tests", "oracle")


def compare(points, *pids, options=()):
    """Let the oracle make that many points; what it counted, by name."""
    argv = [ORACLE, "-n", str(points), *options]
    for pid in pids:
        argv += ["-p", str(pid)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=85)
    said = done.stdout.decode("utf-8", "replace").rstrip("\n")
    print("# " + said.replace("\n", "\n# "), flush=True)
    summary = said.split("\n")[-1]
    assert summary.startswith("oracle: points "), summary
    counts = {name: int(n) for name, n in re.findall(r"([a-z ]+) (\d+)(?:, |$)", summary.removeprefix("oracle: "))}
    assert done.returncode == 0, f"exit code {done.returncode}: {summary}"
    assert counts["points"] >= points, summary
    return counts


def instructions(name, *what):
    """Options that make every instruction of the functions or sections a point, padding excepted."""
    out = subprocess.run(["objdump", "-d", os.path.join(TARGETS, name)], stdout=subprocess.PIPE, check=True).stdout
    options, section, function = [], "", ""
    for line in out.decode().split("\n"):
        if line.startswith("Disassembly of section "):
            section = line.split()[-1].rstrip(":")
        if (head := re.match(r"[0-9a-f]+ <(.*)>:$", line)):
            function = head[1]
        one = re.match(r" +([0-9a-f]+):\t[0-9a-f ]+\t(\w+)", line)
        if one and one[2] not in ("nop", "nopw", "nopl", "data16", "cs", "xchg") and (section in what or function in what):
            options += ["-x", f"{name}+0x{one[1]}"]
    assert options, f"{name} has no {what}"
    return options


def php(run, *options):
    return run.keep(Program([PHP, *options, LOAD])).pid


def native(run, *how):
    return run.keep(Program([os.path.join(TARGETS, how[0]), *how[1:]])).pid


@test
def the_oracle_agrees_on_php(run):
    c = compare(600, php(run))
    assert c["complete"] >= 500 and c["with pending returns"] >= 10, c
    assert c["true so far"] >= 1, "no point was in a fiber"


@test
def the_oracle_agrees_on_php_with_opcache(run):
    c = compare(600, php(run, "-d", "opcache.enable_cli=1"))
    assert c["complete"] >= 500, c


@test
def a_stack_through_compiled_php_is_true_as_far_as_it_goes(run):
    jit = ["opcache.jit_buffer_size=32M", "opcache.jit=tracing", "opcache.jit_hot_loop=2", "opcache.jit_hot_func=2"]
    c = compare(400, php(run, "-d", "opcache.enable_cli=1", *[word for o in jit for word in ("-d", o)]))
    assert c["true so far"] >= 200, c


class Visitors:
    """Ask a server for the script, over and over, as many at a time as it has workers, until end()."""

    def __init__(self, server):
        self.server = server
        self.ended = threading.Event()
        self.answers = []
        self.threads = [threading.Thread(target=self.visit) for _ in server.workers()]
        for thread in self.threads:
            thread.start()

    def visit(self):
        while not self.ended.is_set():
            self.answers.append(self.server.get(LOAD))

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join(40)


def compare_served(run, server):
    visitors = run.keep(Visitors(server))
    c = compare(600, *server.workers())
    assert c["complete"] >= 500 and c["true so far"] >= 1, c
    visitors.end()
    assert len(visitors.answers) > 2 and set(visitors.answers) == {"done"}, visitors.answers[-1]


@test
def the_oracle_agrees_on_fpm_workers(run):
    compare_served(run, run.keep(Fpm("php-fpm8.2", 2)))


@test
def the_oracle_agrees_on_apache_with_php_as_a_library(run):
    compare_served(run, run.keep(Apache(SCRIPTS, OPCACHE)))


@test
def the_oracle_agrees_on_cpp_threads_that_throw(run):
    c = compare(1000, native(run, "throws"))
    assert c["in other threads"] == c["points"], c
    assert c["with realigned frames"] >= 10, c
    assert c["complete"] >= 850 and c["also from the cache"] >= 300, c


@test
def the_oracle_agrees_below_ten_pending_return_probes(run):
    functions = ["-f", "oracle_even", "-f", "oracle_odd", "-f", "malloc", "-f", "free", "-f", "realloc"]
    c = compare(1000, native(run, "native", "nest"), options=functions)
    assert c["with pending returns"] >= 700 and c["complete"] == c["points"], c


@test
def the_oracle_agrees_in_signal_handlers(run):
    # Handlers run on the program's stack and on one of their own, and interrupt each other, the program and libc anywhere.
    c = compare(800, native(run, "native", "signals"), options=["-f", "oracle_point", "-r", "2", "-w", "4"])
    assert c["with signal frames"] == c["points"], c
    assert c["complete"] >= 500, c


@test
def the_oracle_agrees_while_libraries_come_and_go(run):
    c = compare(1000, native(run, "native", "storm", "5000"))
    assert c["library changes"] >= 100 and c["complete"] >= 900, c


@test
def no_stack_is_called_complete_that_a_change_of_libraries_has_made_wrong(run):
    c = compare(1000, native(run, "native", "storm", "0"))
    assert c["complete"] >= 500 and c["library changes"] > 20, c


@test
def the_oracle_agrees_where_the_loader_binds_lazily(run):
    options = [o for n in range(1, 5) for o in ("-f", f"resolve_{n}")]
    c = compare(200, native(run, "native", "storm", "5000"), options=options + ["-r", "1"])
    assert c["with frames based on rbx"] >= 40, c


@test
def the_oracle_agrees_on_a_process_that_forks(run):
    # Probed in the children too.
    c = compare(600, native(run, "native", "forks"), options=["-c", "-f", "oracle_even"])
    assert c["in children"] >= 100 and c["complete"] == c["points"], c


@test
def the_oracle_agrees_at_every_instruction_of_c(run):
    functions = ["work_0", "leaf", "pushed", "with_pushes", "with_alloca", "with_vla", "realigned", "large", "compare",
                 "callback", "recursion", "oracle_even", "oracle_odd", "ends_in_call", "back_and_forth"]
    c = compare(1000, native(run, "native", "nest"), options=instructions("libwork-0.so", *functions))
    assert c["complete"] == c["points"], c


@test
def the_oracle_agrees_at_every_instruction_of_a_procedure_linkage_table(run):
    # Libraries that are opened anew: their first calls go through the loader.
    options = [o for n in range(1, 5) for o in instructions(f"libwork-{n}.so", ".plt")]
    c = compare(600, native(run, "native", "storm", "5000"), options=options + ["-r", "1"])
    assert c["complete"] >= 500, c


@test
def the_oracle_agrees_at_every_instruction_of_cpp(run):
    functions = [f"_ZN12_GLOBAL__N_1{f}" for f in ("7alignedEji", "8on_stackEji", "12ends_in_callEj", "4failEj")]
    c = compare(600, native(run, "throws"), options=instructions("throws", *functions))
    assert c["with realigned frames"] >= 10 and c["complete"] >= 60, c
