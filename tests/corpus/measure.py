# SPDX-License-Identifier: GPL-2.0-or-later
"""measure.py - is every leak of the corpus found, and nothing else called one?
python3 measure.py [--together N] [--record FOLDER] [NAME...]

Each scenario is traced from its first request on, or from when it is warm, for 10,000 requests. What the last report
says is compared with scenarios.py. Precision: of the stacks that are called leaks, those that are. Recall: of the leaks
of MUST_BYTES a request and more, those of which a stack is named. Exit 1: either is not 1, or more than MOST_EARLY clean
ones were called a leak by some report before the last."""
import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))

import recorded  # noqa: E402 - beside this file
from harness import SWTRACE, Lines, Program  # noqa: E402
from scenarios import BY_NAME, C_PROGRAM, MANY, MUST_BYTES, PHP, RATE, REQUESTS, SCENARIOS, Scenario  # noqa: E402

INTERVAL_S = 1
STACKS = 60      # in each report: leaks come first
MOST_EARLY = 3   # clean programs that an early report may accuse: see docs/verdicts.md
SLOWEST_S = 280  # that a machine may take for what should take 20


@dataclass
class Outcome:
    scenario: Scenario
    objects: list    # what was said of its processes, until it had served its requests
    requests: int
    seconds: float   # that it took for them
    ends: set        # of the generations that the tracer had, in ms

    @property
    def report(self):
        return [o for o in self.objects if o["type"] == "report"][-1]

    def stacks(self, number=None):
        number = number or self.report["number"]
        return [o for o in self.objects if o["type"] == "stack" and o["report"] == number]

    def accused(self, number=None):
        return [s for s in self.stacks(number) if s["verdict"] == "leak"]

    def is_right(self, stack):
        return any(f["function"] in self.scenario.places for f in stack["frames"])

    @property
    def found(self):
        return any(self.is_right(s) for s in self.accused())

    @property
    def wrong(self):
        return [s for s in self.accused() if not self.is_right(s)]

    @property
    def early(self):
        """How many earlier reports called something a leak that is none: a cache that fills up looks like one."""
        return sum(any(not self.is_right(s) for s in self.accused(n)) for n in range(1, self.report["number"]))

    @property
    def rate(self):
        return self.requests / self.seconds

    @property
    def named_at(self):
        """Requests after which it was named first."""
        for o in self.objects:
            if o["type"] == "report" and any(self.is_right(s) for s in self.accused(o["number"])):
                return min(self.requests, round(o["since_start_ms"] / 1000 * self.rate))
        return None

    @property
    def told(self):
        """Bytes a request, of the stacks that leak indeed."""
        rates = [s["leak"] for s in self.accused() if self.is_right(s)]
        return sum(r["bytes_per_request"] or r["bytes_per_s"] / self.rate for r in rates)


class Served:
    """A program of the corpus that serves its requests, and when it had done so."""

    def __init__(self, scenario, requests, rate):
        self.scenario = scenario
        self.requests = requests
        self.program = Program(scenario.argv(requests, rate))
        pid = self.program.pid
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            self.pids = {pid, *map(int, f.read().split())}

    def serve(self):
        begin = time.time()
        answer = self.program.ask("go", SLOWEST_S)
        assert answer == "done", f"{self.scenario.name}: {answer}"
        self.ended = time.time()
        self.seconds = self.ended - begin

    def outcome(self, objects):
        """What was said of it until it had ended, or just after that: it only waits then."""
        reports = {o["number"]: utc(o) for o in objects if o["type"] == "report"}
        last = max(n for n, at in reports.items() if n == 1 or at < self.ended + 1.5 * INTERVAL_S)
        mine = []
        for o in objects:
            if o["type"] == "report" and o["number"] <= last:
                mine.append(o | {"processes": [p for p in o["processes"] if p["pid"] in self.pids]})
            elif o["type"] == "stack" and o["report"] <= last and o["pid"] in self.pids:
                mine.append(o)
        ends = {g["to_ms"] for o in objects if o["type"] == "stack" for g in o["generations"]} - {None}
        return Outcome(self.scenario, mine, self.requests, self.seconds, ends)


def utc(o):
    return datetime.fromisoformat(o["time"]).timestamp()


def probes(scenarios):
    """Options that have requests counted, where swtrace can."""
    said = subprocess.run([SWTRACE, "--help"], capture_output=True, text=True).stdout
    of = {s.is_php for s in scenarios} if "--request-probe" in said else set()
    places = {True: f"{os.path.realpath('/usr/bin/' + PHP)}:gc_enabled", False: f"{C_PROGRAM}:request_begin"}
    return [word for is_php in of for word in ("--request-probe", places[is_php])]


def trace(served, out):
    """Trace all until the last one has served its requests; the JSON lines go to a file."""
    pids = ",".join(str(s.program.pid) for s in served)
    options = ["-i", str(INTERVAL_S), "-T", str(STACKS * len(served)), "--follow", *probes([s.scenario for s in served])]
    tracer = subprocess.Popen([SWTRACE, "--json", "-p", pids, *options], stdout=out, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL)
    try:
        said, lines = [], Lines(tracer.stderr)
        while not said or "tracing" not in said[-1]:
            said.append(lines.next(60))
            assert said[-1] is not None, f"swtrace did not start: {said}"
        threading.Thread(target=tracer.stderr.read, daemon=True).start()  # a pipe fills
        with ThreadPoolExecutor(len(served)) as pool:
            list(pool.map(Served.serve, served))
        tracer.send_signal(signal.SIGINT)
        code = tracer.wait(60)
        assert code == 0, f"swtrace ended with {code}"
    finally:
        if tracer.poll() is None:
            tracer.kill()
            tracer.wait()


def measure(scenarios, requests=REQUESTS, rate=RATE):
    """Run these at the same time, under one swtrace: probes in a file are paid for by each tracer's every process."""
    served = []
    try:
        for s in scenarios:
            served.append(Served(s, requests, rate))
        with tempfile.TemporaryFile("w+") as out:
            trace(served, out)
            out.seek(0)
            objects = [json.loads(line) for line in out]
        return [s.outcome(objects) for s in served]
    finally:
        for s in served:
            s.program.end()


def batches(scenarios, size):
    """Those of one language together; those that allocate much by twos, for they take a core each."""
    for is_php in (True, False):
        for is_busy in (False, True):
            some = [s for s in scenarios if s.is_php == is_php and (s.others >= MANY) == is_busy]
            n = 2 if is_busy else size
            yield from (some[i:i + n] for i in range(0, len(some), n))


def where(stack):
    names = [f["function"] or f["module"] for f in stack["frames"] if f["function"]]
    return f"{stack['layer']} " + " < ".join(names[:5])


def tell(o):
    s = o.scenario
    if s.leaks:
        verdict = "found" if o.found else "MISSED" if s.bytes >= MUST_BYTES else "missed, too small"
    else:
        verdict = "ACCUSED" if o.wrong else "clean"
    number = f"{s.bytes:6g} {o.told:7.1f}" if s.leaks else f"{'':14}"
    at = f"{o.named_at:6d}" if o.named_at else f"{'':6}"
    lost = f", {o.report['lost']} lost" if o.report["lost"] else ""
    early = f", {o.early} early reports were wrong" if o.early else ""
    print(f"{s.name:24} {number} {at} {o.seconds:6.1f}  {verdict}{early}{lost}", flush=True)
    for stack in o.wrong:
        freed = f"{stack['old_freed']} of {stack['old_blocks']} were freed"
        print(f"    wrongly accused: {where(stack)}: {stack['leak']}, {freed}", flush=True)


def share(part, all):
    return f"{part} of {all}" + (f" ({part / all:.3f})" if all else "")


def add_up(outcomes):
    """Print precision, recall and early accusations.  Return: is any of it worse than it may be?"""
    accused = [(o, s) for o in outcomes for s in o.accused()]
    right = sum(o.is_right(s) for o, s in accused)
    must = [o for o in outcomes if o.scenario.bytes >= MUST_BYTES]
    clean = [o for o in outcomes if not o.scenario.leaks]
    found = sum(o.found for o in must)
    print(f"precision {share(right, len(accused))}: stacks called leaks that are")
    print(f"recall {share(found, len(must))}: leaks of {MUST_BYTES} bytes a request and more, named by {REQUESTS} requests")
    early = [o.scenario.name for o in clean if o.early]
    print(f"clean scenarios with no leak in the last report: {share(sum(not o.wrong for o in clean), len(clean))}")
    print(f"clean scenarios that an earlier report called a leak, at most {MOST_EARLY}: {len(early)} {' '.join(early)}")
    return right < len(accused) or found < len(must) or len(early) > MOST_EARLY


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--together", type=int, default=8, help="so many at a time (default: 8)")
    parser.add_argument("--record", help="keep the histories of these in this folder, as recorded.py has them")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    chosen = [BY_NAME[n] for n in args.names] or SCENARIOS
    print(f"{'scenario':24} {'leaks':>6} {'told':>7} {'named':>6} {'took':>6}   bytes a request; by which request; seconds")
    outcomes = []
    for batch in batches(chosen, args.together):
        for o in measure(batch):
            tell(o)
            if args.record:
                recorded.write(args.record, o)
            outcomes.append(o)
    return 1 if add_up(outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
