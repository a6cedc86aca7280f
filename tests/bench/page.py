# SPDX-License-Identifier: GPL-2.0-or-later
"""page.py - docs/benchmarks.md: the figures that have a limit, the tables, and the machine that they were taken on."""
import collections
import datetime
import json
import os
import re
import subprocess
import textwrap

from harness import ROOT
from tools import LOST, MEMLEAK

INTRO = """<!-- Written by `make bench`; changes are lost. -->
# Benchmarks

`make bench` measures this on your machine and writes this page anew. Programs that are compared run side by side: in
each of {rounds} rounds (Valgrind: 3) every variant once, in random order, each in a fresh process but where said. Time
is taken inside the workload, around the loop, so that neither starting nor attaching is in it: CPU time of the
workload, user and system, and for comparison the time that passed; where a tool makes the workload wait for it, as
heaptrack does, only the latter shows it. A ratio is taken within a round. Each value is a median, with the quartiles
in parentheses. "Empty probes" is the floor: BPF programs that do nothing, placed by swtrace's own code at exactly the
places that swtrace probes. What is above it is swtrace's own work, what is below it the kernel's.
"""


class Figure:
    """A measured value that has a limit."""

    def __init__(self, name, spread, at_most=None, at_least=None, unit=""):
        self.name = name
        self.spread = spread
        self.unit = unit
        self.limit = f"at most {at_most:g}" if at_least is None else f"at least {at_least:g}"
        self.passed = spread.median <= at_most if at_least is None else spread.median >= at_least

    def row(self):
        value = self.spread.text() if self.spread.n > 1 else f"{self.spread.median:.1f}"
        return [self.name, f"{self.limit} {self.unit}", value, "pass" if self.passed else "**missed**"]


class Table:
    def __init__(self, title, text, columns):
        self.title = title
        self.text = text
        self.columns = columns
        self.rows = []

    def add(self, *row):
        self.rows.append(row)

    def markdown(self):
        lines = [f"| {' | '.join(row)} |" for row in [self.columns, ["---"] * len(self.columns), *self.rows]]
        text = textwrap.fill(self.text.strip(), 120, break_long_words=False, break_on_hyphens=False)
        return "\n\n".join(part for part in (f"## {self.title}", text, "\n".join(lines)) if part) + "\n"


class Page:
    def __init__(self, n_rounds):
        self.n_rounds = n_rounds
        self.tables = []
        self.figures = []
        self.losses = []

    def add(self, table):
        self.tables.append(table)
        return table

    def limit(self, figure):
        self.figures.append(figure)

    def take_losses(self, part):
        """What swtrace lost while this part was measured."""
        total = collections.Counter()
        for causes in LOST:
            total.update(causes)
        lost = ", ".join(f"{n:,} {cause}" for cause, n in sorted(total.items()))
        self.losses.append(f"{part}: {lost or 'nothing'}")
        LOST.clear()

    def markdown(self, machine):
        limits = Table("Limits", "", ["figure", "limit", "measured", ""])
        for figure in self.figures:
            limits.add(*figure.row())
        lost = "\n".join(f"- {line}" for line in self.losses)
        return "\n".join([INTRO.format(rounds=self.n_rounds), limits.markdown(), *(t.markdown() for t in self.tables),
                          f"## What swtrace lost meanwhile\n\n{lost}\n", machine])


def first(pattern, path):
    with open(path) as f:
        found = re.search(pattern, f.read(), re.M)
    return found[1] if found else "unknown"


def package_versions():
    names = ["php8.2-cli", "php8.2-fpm", "php-twig", "nginx", "wrk", "heaptrack", "valgrind", "libc6", "libbpf1",
             "gcc", "clang"]
    out = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *names], stdout=subprocess.PIPE,
                         text=True, check=True).stdout.splitlines()
    with open(os.path.join(MEMLEAK, "versions")) as f:
        return sorted(out) + [line.strip() + " (trixie)" for line in f if line.startswith("libbpf-tools ")]


def probes():
    """BPF links at uprobes now: those of others make ours dearer. (Older bpftools know uprobe_multi by number.)"""
    links = subprocess.run(["bpftool", "--json", "link"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return sum(link["type"] in ("perf_event", "uprobe_multi", 12) for link in json.loads(links or "[]"))


class Machine:
    """Looked at before the first measurement."""

    def __init__(self):
        self.probes = probes()
        self.packages = package_versions()
        self.load = os.getloadavg()
        self.date = datetime.datetime.now(datetime.timezone.utc)

    def markdown(self):
        memory = int(first(r"MemTotal: *(\d+) kB", "/proc/meminfo")) / 2**20
        virtual = "virtual" if "hypervisor" in first(r"^flags\s*: (.*)", "/proc/cpuinfo").split() else "not virtual"
        commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], stdout=subprocess.PIPE,
                                text=True, check=False).stdout.strip()
        cpu = first("model name.*: (.*)", "/proc/cpuinfo")
        lines = [f"- {cpu}, {os.cpu_count()} cores, {virtual}, {memory:.0f} GiB",
                 f"- Linux {os.uname().release}, {first('PRETTY_NAME=.(.*).', '/etc/os-release')}",
                 f"- {self.date:%Y-%m-%d}, load at the start {self.load[0]:.2f} (1 min), {self.load[1]:.2f} (5 min), "
                 f"probes of others {self.probes}",
                 f"- swtrace {commit}", *(f"- {line}" for line in self.packages)]
        return "## Machine\n\n" + "\n".join(lines) + "\n"
