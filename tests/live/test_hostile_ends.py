# SPDX-License-Identifier: GPL-2.0-or-later
"""test_hostile_ends.py - processes all of whose names are made to do harm, in a container with such a name, are killed, give up and crash; and
what tells of that: the table of all processes, events, a view, a crash's Markdown, messages with names of containers.

As in test_hostile.py all are traced once, by what can trace at the same time."""
import json
import os
import re
import signal
import subprocess

from harness import SWTRACE, equal, test
from terminal import Terminal
from test_container import ID, Cgroup
from test_ends import Group
from test_hostile import (FILE, FUNCTION, MARKDOWN, MODULES, NATIVE_COMM, PHP_NAMES, SEQUENCES, SOURCE, Copy, Output, Traced, harmless,
                          json_lines, once, php, run_swtrace, safe, safe_utf8, slurp, strings, tells, utf8, whole)
from test_system import CGROUPS

# A name of a process has 15 bytes; that of a cgroup no newline.
VICTIM_COMM = b"V\x1b]0;\x07\n<`\xff;\x7f"
HUNGRY_COMM = b"H\x1b[2J\t\"&\xc2\x9b\\{"
LIMITED_COMM = b"L\r\n;'\xe2\x80\xae$(x)`"
SPOILED_COMM = b"S\x9b31m\xf3\xa0\x81\x81<b>"
CONTAINER = b"\x1b[5n\r\t;<b>`\"'|\\{} %s\xe2\x80\xae\xc2\x9b\x9b\xff"
CLASS = b"Class_\xe2\x80\xae\xc2\x9b::"
LIMIT, CORRUPT = CLASS + b"limit_\xe2\x81\xa7\x9b", CLASS + b"corrupt_\xe2\x81\xa7\x9b"
# Of FPM's workers; what names no pool is not told.
NO_POOL, POOL = b"php-fpm: pool \x1b]0;x\x07<b>`;\xe2\x80\xae", b"php-fpm: pool www.~+-_1"
# By the older hierarchy of memory, beside which a process can be in a container's group of the other.
HAS_OOM = os.access("/sys/fs/cgroup/memory/memory.limit_in_bytes", os.W_OK)


class Lxc(Cgroup):
    """A cgroup that a container of LXC's would have."""

    def __init__(self, name):
        top = os.fsencode(next(d for d in CGROUPS if os.path.exists(os.path.join(d, "cgroup.controllers"))))
        self.path = os.path.join(top, b"lxc.payload." + name)
        os.mkdir(self.path)

    def take(self, *programs):
        for program in programs:
            with open(os.path.join(self.path, b"cgroup.procs"), "w", encoding="ascii") as f:
                f.write(str(program.pid))


class Ended(Traced):
    """All that is told of them."""

    def start(self):
        folder, self.group = os.fsencode(self.folder), self.keep(Lxc(CONTAINER))
        self.native = self.keep(Copy(folder))
        self.victim, self.hungry = (self.keep(self.native.again(comm)) for comm in (VICTIM_COMM, HUNGRY_COMM))
        quiet = ["-d", "display_errors=0", "-d", "log_errors=0", "-d", "memory_limit=16M"]
        self.limited = self.keep(php(folder, LIMITED_COMM, NO_POOL, options=quiet))
        self.spoiled = self.keep(php(folder, SPOILED_COMM, POOL, options=quiet))
        self.group.take(self.native, self.victim, self.hungry, self.limited, self.spoiled)

    def trace(self):
        memory = self.keep(Group(64 << 20)) if HAS_OOM else None
        self.start()
        if memory:
            memory.write("cgroup.procs", self.hungry.pid)
        args = ["-a", "--container", CONTAINER, "-i", "0.4", "-T", "100", "--free-stacks"]
        text = self.keep(Output(self.folder, "text", *args, "--save", self.path("saved")))
        lines = self.keep(Output(self.folder, "lines", *args, "--json"))
        view = self.keep(Terminal(map(os.fsdecode, args), rows=60, cols=250))
        for one in text, lines:
            one.wait(b"tracing ")
        view.wait("? help")
        self.leak(self.native, self.limited, self.spoiled)
        # What was freed while probes were being placed is not believed, until the first report.
        text.wait(safe(NATIVE_COMM).encode() + b"(%d)\n" % self.native.pid)
        lines.wait(b'"type":"report"', 2)
        view.wait("leak_")
        self.finish(text, lines, view)
        self.codes = [one.proc.wait(30) for one in (text, lines)]
        self.text, self.lines, self.saved = text.read(), lines.read(), slurp(self.path("saved"))

    def finish(self, text, lines, view):
        """Let all of them end."""
        equal(self.victim.ask("twice"), "done")
        text.wait(b"] DOUBLE FREE ")
        equal(self.native.ask(f"kill {self.victim.pid}"), "done")
        self.limited.send("limit")
        self.spoiled.send("corrupt")
        if HAS_OOM:
            self.hungry.send("fill")
            text.wait(b"] OOM KILL ")
            lines.wait(b'"type":"oom_kill"')
        else:
            self.hungry.end()
        for event in b"] LIMIT ", b"] CORRUPT ", b" was killed by SIGABRT":
            text.wait(event)
        self.native.send("use")
        text.wait(b"] CRASH ", 2)
        lines.wait(b'"type":"crash"', 2)
        view.press("v")
        shown = [f" {safe(NATIVE_COMM)}({self.native.pid}), lxc was killed by SIGSEGV", f" CRASH {safe(NATIVE_COMM)}({self.native.pid}), lxc, thread "]
        view.wait(lambda lines: all(any(part in line for line in lines) for part in shown), what=shown)
        view.press("q")
        self.view_code, self.view_after = view.finish()
        self.view_raw = view.raw
        for program in self.native, self.victim, self.hungry, self.limited, self.spoiled:
            program.proc.wait(20)
        self.group.end()
        text.wait(b"has ended")
        for one in text, lines:
            one.proc.send_signal(signal.SIGINT)


ended = once(Ended)


def told_of(t):
    """How text tells what has happened."""
    def who(comm, program):
        return f"{safe(comm)}({program.pid})"
    native, victim, spoiled = who(NATIVE_COMM, t.native), who(VICTIM_COMM, t.victim), who(SPOILED_COMM, t.spoiled) + ", worker of pool www.~+-_1"
    return [f"] DOUBLE FREE {victim}, lxc, thread {t.victim.pid}: 72 B, libc, at ", f"] {victim}, lxc was killed by SIGKILL (signal 9), sent by {native} [",
            f"] LIMIT {who(LIMITED_COMM, t.limited)}, lxc: memory_limit of 16.0 MiB exhausted: ", f" more were asked for at {safe(LIMIT)} /",
            f"] CORRUPT {spoiled}, lxc: ", f" at {safe(CORRUPT)} /", f"] {spoiled}, lxc was killed by SIGABRT (signal 6): PHP found its heap corrupted",
            f"] CRASH {spoiled}, lxc, thread ", f"] CRASH {native}, lxc, thread "] + (
                [f"] OOM KILL {who(HUNGRY_COMM, t.hungry)}, lxc: "] if HAS_OOM else [])


@test
def what_happens_to_processes_of_hostile_names_is_told_in_lines(_run):
    t = ended()
    equal(t.codes, [0, 0], "exit codes")
    text = harmless(t.text[0], "text")
    # No name begins a line, or ends one.
    for line in text.split("\n"):
        assert re.match(r"\[20|  |#\d|no live|\d+ more|$", line), line
    tells(text, told_of(t), str, "text")
    tells(text, [FUNCTION, SOURCE, *MODULES, *PHP_NAMES], safe, "text")
    place = safe(FUNCTION)  # of a crash the line may not be known in time
    tells(text, [f"    freed first by:\n      {place}", f" before by:\n      {place}", f" was allocated by\n      {place}",
                 f"    and freed by thread {t.native.pid} in\n      {place}"], str, "text")
    for comm, program, role in ((NATIVE_COMM, t.native, ""), (SPOILED_COMM, t.spoiled, ", worker of pool www.~+-_1")):
        rows = re.findall(rf"^ +[0-9.]+ [KMGi]*B +[+-][0-9.]+ [KMGi]*B  \w+ +{re.escape(safe(comm))}\({program.pid}\){re.escape(role)}$", text, re.M)
        assert rows, f"no row of {comm} in\n{text[:4000]}"


@test
def what_happens_to_processes_of_hostile_names_is_json(_run):
    t = ended()
    kinds = {"double_free", "memory_limit", "heap_corrupted", "lifecycle", "crash", "report", "stack"} | ({"oom_kill"} if HAS_OOM else set())
    for what, data in ("--json", t.lines[0]), ("--save", t.saved):
        told = json_lines(data, what)
        by_kind = {kind: [o for o in told if o["type"] == kind] for kind in kinds}
        comms = {t.native.pid: NATIVE_COMM, t.victim.pid: VICTIM_COMM, t.hungry.pid: HUNGRY_COMM, t.limited.pid: LIMITED_COMM,
                 t.spoiled.pid: SPOILED_COMM}
        for kind, objects in by_kind.items():
            assert objects, f"{what}: no {kind}"
            for o in objects if kind != "report" else [p for r in objects for p in r["processes"]]:
                equal(o["comm"], utf8(comms[o["pid"]]), f"{what}: {kind}")
        whole([NATIVE_COMM, FUNCTION, LIMIT, CORRUPT, *MODULES, *PHP_NAMES], strings(told), utf8, what)
        killed, = (o for o in by_kind["lifecycle"] if o["pid"] == t.victim.pid)
        equal((killed["sender_pid"], killed["sender_comm"]), (t.native.pid, utf8(NATIVE_COMM)), f"{what}: sender")
        for stack in [by_kind["double_free"][0][by] for by in ("allocated_by", "freed_by")] + [
                o["address"]["block"][by] for o in by_kind["crash"] if o["pid"] == t.native.pid for by in ("allocated_by", "freed_by")]:
            equal(stack["frames"][0]["function"], utf8(FUNCTION), f"{what}: by whom")
        found = {p["pid"]: p["identity"] for r in by_kind["report"] for p in r["processes"]}
        equal({(i["container"]["kind"], i["container"]["id"]) for i in found.values()}, {("lxc", None)}, f"{what}: container")
        equal([(found[p.pid]["role"], found[p.pid]["pool"]) for p in (t.limited, t.spoiled)], [(None, None), ("worker", "www.~+-_1")],
              f"{what}: pools")


@test
def a_use_of_a_freed_block_is_markdown_without_marks_of_a_names_making(_run):
    t = ended()
    for program, comm, names in (t.native, NATIVE_COMM, [FUNCTION]), (t.spoiled, SPOILED_COMM, [CORRUPT, FILE]):
        code, out, err = run_swtrace("report", "--crash", t.path("saved"), "-p", str(program.pid))
        equal((code, err), (0, b""), "report --crash")
        text = harmless(out, "Markdown")
        for line in text.split("\n"):
            assert MARKDOWN.fullmatch(line), line
        assert f"- **Process:** `{safe(utf8(comm).encode(), '`')}, pid {program.pid}, thread {program.pid}`\n" in text, text
        tells(text, names, safe_utf8, "Markdown")
        if program is t.native:
            place = f"        #0  {safe_utf8(FUNCTION)}"
            tells(text, [f"      allocated by\n{place}", f"      freed by\n{place}"], str, "Markdown")


@test
def the_view_of_what_happens_sends_no_name_as_it_is(_run):
    t = ended()
    equal(t.view_code, 0, "exit code")
    harmless(SEQUENCES.sub(b"", t.view_raw), "view")
    tells(t.view_after, told_of(t), str, "after the view")


@test
def names_of_containers_are_only_shown(run):
    t = ended()
    for line in harmless(t.text[1], "messages").splitlines():
        assert re.match(r"swtrace: |  try: ", line), line
    assert f"container '{safe(CONTAINER)}' has ended" in t.text[1].decode(), t.text[1]
    # Engines' files of our own, where nobody else sees them.
    run.keep(Cgroup(ID))
    run.keep(Lxc(CONTAINER))
    name = "/" + utf8(b"shop\x1b]0;x\x07\n;<b>`\"\\%s\xe2\x80\xae\xc2\x9b")
    inside = ("mount -t tmpfs none /var/lib && mkdir -p /var/lib/docker/containers/$1 && printf %s \"$2\" > /var/lib/docker/containers/$1/"
              "config.v2.json && shift 2 && exec \"$@\"")
    wanted = b"none\x1b[5n\n"
    p = subprocess.run(["unshare", "--mount", "sh", "-c", inside, "sh", ID, json.dumps({"Name": name}), SWTRACE, "-a", "--container", wanted],
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    equal((p.returncode, p.stdout), (4, b""), p.stderr)
    first, second = harmless(p.stderr, "--container").splitlines()
    assert first.startswith("swtrace: ") and safe(wanted) in first, p.stderr
    assert second.startswith("  try: ") and f"{ID[:12]} {safe(name[1:].encode())}" in second and safe(CONTAINER) in second, p.stderr
