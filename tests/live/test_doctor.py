# SPDX-License-Identifier: GPL-2.0-or-later
"""test_doctor.py - swtrace doctor says what works and what does not, before anything is traced, and leaves nothing behind."""
import hashlib
import json
import re
import subprocess

from harness import SWTRACE, command, equal, test
from test_rights import TRACING


PAIRS = 1000  # of calls a second


def doctor(*args, prefix=()):
    p = subprocess.run([*prefix, SWTRACE, "doctor", "--json", *map(str, args)], capture_output=True, text=True, timeout=60)
    objects = [json.loads(line) for line in p.stdout.splitlines()]
    return p.returncode, [o for o in objects if o["type"] == "check"], [o for o in objects if o["type"] == "doctor"], p.stderr


def of(checks, name, pid=None):
    return [c for c in checks if c["check"] == name and c["pid"] == pid]


@test
def this_machine_and_a_php_worker_can_be_traced(run):
    php = run.php()
    code, checks, end, err = doctor("-p", php.pid)
    equal((code, [o["works"] for o in end], err), (0, [True], ""), checks)
    for name in ("kernel", "btf", "capabilities", "bpf", "probes", "programs", "pid_namespace"):
        equal([c["result"] for c in of(checks, name)], ["ok"], name)
    for name in ("identity", "allocator", "php", "php_heap", "requests", "unwinding", "limit", "cost"):
        equal([c["result"] for c in of(checks, name, php.pid)], ["ok"], f"{name}: {checks}")
    assert "PHP 8.2" in of(checks, "php", php.pid)[0]["text"], checks
    assert "libc" in of(checks, "allocator", php.pid)[0]["text"], checks


def code_of(pid):
    """The code that the process has mapped, and where."""
    found = {}
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps:
            place, perms, *_, name = line.split()
            if "x" in perms and name.startswith("/"):
                start, end = (int(x, 16) for x in place.split("-"))
                mem.seek(start)
                found[place] = hashlib.sha256(mem.read(end - start)).digest()
    return found


@test
def nothing_is_left_behind(run):
    target = run.target("execs")
    before = code_of(target.pid)
    code, checks, _, _ = doctor("-p", target.pid)
    equal((code, code_of(target.pid) == before), (0, True), checks)
    equal(target.ask("leak 1"), "64 1")


@test
def what_it_counts_is_what_the_process_calls(run):
    target = run.target("paced")
    target.ask(f"pace {PAIRS}")  # malloc and free: two calls
    told = []
    for _ in range(5):  # on a busy machine it may be kept from it for a moment
        _, checks, _, _ = doctor("-p", target.pid)
        cost, = of(checks, "cost", target.pid)
        rate, us, percent = map(float, re.search(r"(\d+) calls a second, ([0-9.]+) us each: likely cost ([0-9.]+) % of", cost["text"]).groups())
        told.append(rate)
        assert abs(percent - rate * us / 1e4) < rate * 0.06 / 1e4 + 0.01, cost  # each is rounded
        equal(cost["result"], "warn" if percent > 5 else "ok", cost)
        if 1.9 * PAIRS < rate < 2.1 * PAIRS:
            break
    assert 1.9 * PAIRS < told[-1] < 2.1 * PAIRS, told
    equal(target.proc.poll(), None, "the target goes on")


@test
def a_process_that_does_not_allocate_makes_no_calls(run):
    target = run.target("execs")
    _, checks, _, _ = doctor("-p", target.pid)
    text = of(checks, "cost", target.pid)[0]["text"]
    assert ": 0 calls a second, " in text and text.endswith("likely cost 0.00 % of one CPU"), text


@test
def what_is_missing_is_named_with_what_to_do(run):
    target = run.target("execs")
    caps = "-all," + ",".join(f"+{c}" for c in sorted(TRACING - {"bpf", "checkpoint_restore"}))
    code, checks, end, _ = doctor("-p", target.pid, prefix=["setpriv", "--bounding-set", caps])
    equal((code, end[0]["works"]), (3, False), checks)
    missing = {c["text"].split()[0]: c["result"] for c in of(checks, "capabilities") if c["result"] != "ok"}
    equal(missing, {"CAP_BPF": "fail", "CAP_CHECKPOINT_RESTORE": "warn"}, "missing")
    assert all(c["try"] for c in checks if c["result"] != "ok"), checks
    assert not of(checks, "programs"), "not tried without the right to"


@test
def a_process_without_allocator_cannot_be_traced(run):
    target = run.target("nolibc")
    code, checks, end, _ = doctor("-p", target.pid)
    equal((code, end[0]["works"], [c["result"] for c in of(checks, "allocator", target.pid)]), (3, False, ["fail"]), checks)


@test
def other_mallocs_are_told(run):
    target = run.target("alloc-jemalloc")
    _, checks, _, _ = doctor("-p", target.pid)
    texts = [c["text"] for c in of(checks, "allocator", target.pid)]
    assert "jemalloc" in texts[0] and any("libc.so.6" in t and "traced" in t for t in texts[1:]), texts


@test
def a_selection_is_looked_at_one_by_one(run):
    one, two = run.target("execs"), run.target("execs")
    code, checks, _, _ = doctor("--comm", "execs")
    equal(code, 0, checks)
    equal({c["pid"] for c in checks} - {None}, {one.pid, two.pid}, "processes")


SITES = r"(\d+) functions in (\d+) files would be probed, (\d+) of them at both ends; (\d+) have a place where that is cheap"


@test
def the_functions_that_are_said_to_be_probed_are_those_that_are(run):
    php = run.php()
    _, checks, _, _ = doctor("-p", php.pid)
    check, = of(checks, "sites", php.pid)
    functions, files, both, cheap = map(int, re.fullmatch(SITES, check["text"]).groups())
    tracer = run.trace("-v", "-p", php.pid, "-i", 60)
    equal(tracer.finish(), 0, "exit code")
    probed = re.findall(rf" {php.pid}: (/.*): ([1-9]\d*) allocator functions probed$", "\n".join(tracer.said), re.M)
    equal((functions, files), (sum(int(n) for _, n in probed), len({path for path, _ in probed})), tracer.said)
    assert functions / 2 <= cheap <= functions and 0 < both < functions, check  # what frees returns nothing
    equal((check["result"], check["try"]), ("ok", None), check)


@test
def there_is_text_for_people(run):
    target = run.target("execs")
    code, out, err = command("doctor", "-p", target.pid)
    equal((code, err), (0, ""), out)
    assert out.startswith("this machine:\n  ok    kernel ") and f"\nexecs({target.pid}):\n" in out, out
    assert out.splitlines()[-1].startswith("tracing will work: "), out
    sites, = re.findall(f"^  ok    {SITES}$", out.partition(f"\nexecs({target.pid}):\n")[2], re.M)
    equal(sites[1], "1", "files: libc's")


@test
def what_is_not_there_is_told_apart(run):
    code, _, _, err = doctor("-p", 2 ** 22 + 5)
    equal(code, 4, err)
    code, _, _, err = doctor("--comm", "no-such-name")
    equal(code, 4, err)
    code, out, err = command("doctor", "--", "true")
    equal((code, out), (2, ""), err)
