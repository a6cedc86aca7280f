# SPDX-License-Identifier: GPL-2.0-or-later
"""test_metrics.py - what --listen serves is what reports tell, at any moment, to anybody who asks, whatever else comes to its door."""
import contextlib
import json
import os
import re
import socket
import subprocess
import tempfile
import time
from datetime import datetime

from harness import ROOT, SWTRACE, command, equal, test, waiting_test
from scrape import get, port_of, scrape, values

STEP_S = 0.05


def utc(o):
    return datetime.fromisoformat(o["time"].replace("Z", "+00:00")).timestamp()


@waiting_test
def metrics_are_what_the_report_tells(run):
    php = run.php()
    tracer = run.trace("-p", php.pid, "-i", 1.5, "--listen", 0)
    port = port_of(tracer)
    assert values(scrape(port), "swtrace_build_info") == 1
    deadline = time.monotonic() + 60
    while True:
        php.ask("concat 3")
        if (line := tracer.out.next(STEP_S)) is None:
            continue
        tracer.objects.append(json.loads(line))
        if (report := tracer.objects[-1])["type"] != "report":
            continue
        found = scrape(port)
        if report["leaks"] and abs(values(found, "swtrace_report_timestamp_seconds") - utc(report)) < 0.002:
            break
        assert time.monotonic() < deadline, (report, found["swtrace_report_timestamp_seconds"])
    tracer.wait("loss")
    stacks = [tracer.wait("stack") for _ in range(report["shown"])]
    process, = report["processes"]
    who = {"pid": str(php.pid), "comm": "php8.2"}
    for unit in "bytes", "blocks":
        equal(values(found, f"swtrace_live_{unit}", "layer", **who),
              {layer: v[f"live_{unit}"] for layer, v in process["layers"].items()}, unit)
    equal(values(found, "swtrace_resident_memory_bytes", **who), process["vitals"]["rss_bytes"], "resident")
    equal(values(found, "swtrace_php_heap_size_bytes", **who), process["vitals"]["php"]["size_bytes"], "PHP's heap")
    equal(values(found, "swtrace_php_heap_real_bytes", **who), process["vitals"]["php"]["real_bytes"], "PHP's heap")
    judged = {k: v for k, v in process["growth"].items() if k in ("zend", "libc", "mmap", "rss", "rss_swap")}
    equal({k: int(v) for k, v in values(found, "swtrace_growth_bytes_per_second", "curve", **who).items()},
          {k: v["bytes_per_s"] for k, v in judged.items() if v["verdict"] != "not_enough_data"}, "growth")
    for curve, growth in judged.items():
        states = values(found, "swtrace_verdict", "swtrace_verdict", curve=curve, **who)
        equal([k for k, v in states.items() if v], [growth["verdict"]], curve)
        equal(len(states), 4, "states")
    equal(int(values(found, "swtrace_leak_bytes_per_second", **who)), report["leak_bytes_per_s"], "leaks")
    if process["time_to_limit"]:
        limit = process["time_to_limit"]
        equal(int(values(found, "swtrace_time_to_limit_seconds", limit=limit["limit"], **who)), limit["seconds"], "limit")
    equal(values(found, "swtrace_losses_total", "cause"), tracer.of("loss")[-1]["causes"], "losses")
    leaking = [s for s in stacks if s["verdict"] == "leak"]
    equal(values(found, "swtrace_site_live_bytes", "site"),
          {s["site"]: sum(o["live_bytes"] for o in leaking if o["site"] == s["site"]) for s in leaking}, "sites")
    assert re.fullmatch("[0-9a-f]{8}", leaking[0]["site"]), leaking[0]
    assert not any(f["function"] and f["function"] in str(found) for s in leaking for f in s["frames"] if len(f["function"] or "") > 6)
    assert 0 < values(found, "swtrace_self_cpu_seconds_total") < 60 and values(found, "swtrace_self_resident_memory_bytes") > 1 << 20
    # Any other client gets the older format.
    status, headers, text = get(port)
    equal((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"), "of another client")
    assert "# EOF" not in text and f'swtrace_live_bytes{{pid="{php.pid}",comm="php8.2",layer="zend"}} ' in text, text
    equal(tracer.finish(), 0, "exit code")


@test
def a_site_is_called_the_same_in_all_reports_and_after_a_restart(run):
    def site_of(lines, kind):
        return {o["site"] for o in lines if o["type"] == kind and o["live_blocks"] and any(f["function"] == "leak_native" for f in o["frames"])}

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "one.swt")
        php = run.php()
        tracer = run.trace("record", "-p", php.pid, "-o", path, json_lines=False)
        php.ask("native 50 3001")
        equal(tracer.finish(), 0, "exit code")
        code, out, _ = command("report", path, "--format", "json")
        recorded = site_of(map(json.loads, out.splitlines()), "profile_stack")
        shown = command("report", path)[1]
    another = run.php()
    tracer = run.trace("-p", another.pid)
    another.ask("native 20 3001")
    equal(tracer.finish(), 0, "exit code")
    equal(site_of(tracer.objects, "stack"), recorded, "sites")
    equal(len(recorded), 1, recorded)
    assert f", libc, php8.2({php.pid}), site {recorded.pop()}\n" in shown, shown


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@test
def what_probes_cost_a_busy_process_is_a_part_of_its_own_time(run):
    php = run.php()
    tracer = run.trace("-p", php.pid, "-i", 1, "--listen", 0)
    port = port_of(tracer)
    php.send("churn 100000000")
    tracer.wait("report")
    began, before = time.monotonic(), cpu_seconds(php.pid)
    tracer.wait("report")
    took = (cpu_seconds(php.pid) - before) / (time.monotonic() - began)
    estimate = values(scrape(port), "swtrace_probes_cpu_ratio")
    # It is most of it. None of this is exact: what a call costs was measured in another moment, and on a busy machine calls take longer.
    assert took / 10 < estimate < took * 4, (estimate, took)
    php.end()
    equal(tracer.finish(), 4, "exit code")


def counted(port, name, label, expected):
    """What has happened is told at once, or, right after something else was, a tenth of a second later."""
    deadline = time.monotonic() + 1
    while (got := {k: v for k, v in values(scrape(port), name, label).items() if v}) != expected:
        assert time.monotonic() < deadline, (name, got)
        time.sleep(STEP_S)


@test
def crashes_and_ends_are_counted_when_they_happen(run):
    one, two = run.php(), run.php()
    tracer = run.trace("-p", f"{one.pid},{two.pid}", "-i", 60, "--listen", 0)
    port = port_of(tracer)
    found = scrape(port)
    equal(set(values(found, "swtrace_crashes_total", "signal").values()), {0.0}, "before")
    one.send("crash")
    tracer.wait("crash")
    tracer.wait("lifecycle", event="exit")
    counted(port, "swtrace_exits_total", "reason", {"signal": 1})
    counted(port, "swtrace_crashes_total", "signal", {"SIGSEGV": 1})
    two.proc.stdin.close()
    equal(tracer.finish(interrupt=False), 4, "exit code")


@test
def with_crashes_alone_there_are_counts_and_nothing_of_memory(run):
    php = run.php()
    tracer = run.trace("-p", php.pid, "--crashes", "-i", 0.3, "--listen", "127.0.0.1:0")
    port = port_of(tracer)
    deadline = time.monotonic() + 10
    while "swtrace_losses_total" not in (found := scrape(port)):
        assert time.monotonic() < deadline, found
        time.sleep(STEP_S)
    assert "swtrace_live_bytes" not in found and "swtrace_verdict" not in found, found
    php.send("crash")
    tracer.wait("crash")
    counted(port, "swtrace_crashes_total", "signal", {"SIGSEGV": 1})
    tracer.finish(interrupt=False)


@test
def with_windows_the_probed_share_of_time_is_told(run):
    php = run.php()
    tracer = run.trace("-p", php.pid, "--overhead", 20, "-i", 1, "--listen", 0)
    port = port_of(tracer)
    for _ in range(10):
        windows = tracer.wait("windows")
        found = scrape(port)
        if abs(values(found, "swtrace_report_timestamp_seconds") - utc(windows)) < 0.002:
            break
    assert 0 < windows["probed_percent"] < 25, windows
    assert abs(100 * values(found, "swtrace_probed_ratio") - windows["probed_percent"]) < 0.01, (found["swtrace_probed_ratio"], windows)
    equal(values(found, "swtrace_leak_bytes_per_second", pid=str(php.pid)), 0, "leaks")
    assert "swtrace_live_bytes" not in found, found
    equal(tracer.finish(), 0, "exit code")


@test
def a_watch_tells_what_is_seen_from_outside(run):
    php = run.php()
    tracer = run.trace("watch", "-p", php.pid, "-i", 0.3, "--listen", 0, wait_for="watching")
    port = port_of(tracer)
    tracer.wait("trend", pid=php.pid)
    found = scrape(port)
    with open(f"/proc/{php.pid}/statm", encoding="utf-8") as f:
        resident = int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    assert abs(values(found, "swtrace_resident_memory_bytes", pid=str(php.pid)) - resident) < 1 << 20, found
    assert values(found, "swtrace_php_heap_size_bytes", pid=str(php.pid)) > 100000, found
    # Nothing is known of these, so nothing is said: not even 0.
    for name in "swtrace_live_bytes", "swtrace_leak_bytes_per_second", "swtrace_crashes_total", "swtrace_exits_total":
        assert name not in found, name
    equal(tracer.finish(), 0, "exit code")


def attack(port):
    """More clients than there is room for: slow ones, silent ones, ones that send nonsense, and ones that do not read."""
    clients = []
    for i in range(60):
        c = socket.create_connection(("127.0.0.1", port), timeout=5)
        c.setblocking(False)
        clients.append(c)
        try:
            c.send([b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: ", b"", os.urandom(4000), b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 100,
                    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000, b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n"][i % 6])
        except OSError:
            pass
    return clients


def sockets(pid):
    links = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            links.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return sum(link.startswith("socket:") for link in links)


def trickle(clients):
    for c in clients:
        try:
            c.send(b"y")
        except OSError:
            pass


@test
def hostile_clients_hold_up_neither_tracing_nor_others(run):
    target = run.php()
    tracer = run.trace("-p", target.pid, "-i", 0.5, "--listen", 0)
    port = port_of(tracer)
    tracer.wait("report")
    before, n_sockets = values(scrape(port), "swtrace_self_resident_memory_bytes"), sockets(tracer.proc.pid)
    clients, slowest = [], 0
    try:
        deadline = time.monotonic() + 6
        while time.monotonic() < deadline:
            if len(clients) < 600:
                clients += attack(port)
            trickle(clients)
            began = time.monotonic()
            found = scrape(port)
            slowest = max(slowest, time.monotonic() - began)
        # Reports come as always: one each half second.
        numbers = []
        while (line := tracer.out.next(0.01)) is not None:
            o = json.loads(line)
            if o["type"] == "report":
                numbers.append((o["number"], o["since_start_ms"]))
        assert len(numbers) >= 8, numbers
        gaps = [b[1] - a[1] for a, b in zip(numbers, numbers[1:])]
        assert max(gaps) < 2000, gaps
        assert slowest < 5, slowest
        grown = values(found, "swtrace_self_resident_memory_bytes") - before
        assert grown < 16 << 20, grown
        assert n_sockets < sockets(tracer.proc.pid) <= n_sockets + 34, "sockets"
    finally:
        for c in clients:
            c.close()
    target.ask("native 10 3001")
    deadline = time.monotonic() + 10
    while sockets(tracer.proc.pid) > n_sockets + 2:  # its readers have some, too
        assert time.monotonic() < deadline, "sockets are not given back"
        time.sleep(STEP_S)
    equal((tracer.finish(), tracer.live("leak_native", 20)), (0, (10 * 3001, 10)), "exit code, leaked")


@test
def nothing_else_is_served_and_where_it_cannot_listen_is_told_before_tracing(run):
    target = run.target("life")
    tracer = run.trace("-p", target.pid, "--listen", "127.0.0.1:0")
    port = port_of(tracer)
    status, _, text = get(port, "/")
    equal((status, "/metrics" in text), (200, True), "/")
    for path in "/etc/passwd", "/../../etc/passwd", "/metrics/x", "//metrics":
        equal(get(port, path)[0], 404, path)
    for method in "POST", "PUT", "DELETE", "OPTIONS", "TRACE":
        status, headers, _ = get(port, method=method)
        equal((status, headers["Allow"]), (405, "GET, HEAD"), method)
    status, headers, text = get(port, method="HEAD")
    assert status == 200 and int(headers["Content-Length"]) > 500 and not text, (status, headers)
    code, out, err = command("-p", target.pid, "--listen", port)
    equal((code, out), (2, ""), "a port in use")
    assert f"--listen 127.0.0.1:{port}: cannot listen there: Address already in use" in err and "try: " in err, err
    assert "tracing" not in err, err
    code, _, err = command("watch", "-p", target.pid, "--listen", "192.0.2.1:9469")
    equal(code, 2, "an address of another machine")
    assert "try: an address of this machine" in err, err
    equal(tracer.finish(), 0, "exit code")


@test
def what_is_deployed_and_documented_names_metrics_that_there_are(run):
    target = run.target("life")
    tracer = run.trace("-p", target.pid, "--listen", 0)
    text = get(port_of(tracer))[2]
    equal(tracer.finish(), 0, "exit code")
    there = set(re.findall(r"^# HELP (\S+)", text, re.M))
    named = {}
    for path in ("docs/metrics.md", "deploy/prometheus/alerts.yml", "deploy/grafana/swtrace.json"):
        with open(os.path.join(ROOT, path), encoding="utf-8") as f:
            named[path] = set(re.findall(r"\bswtrace_[a-z_]+[a-z]", f.read()))
        equal(named[path] - there, set(), path)
    equal(there - named["docs/metrics.md"], set(), "not documented")


@test
def the_thread_that_answers_has_no_rights(run):
    target = run.target("life")
    for args in ("-p", target.pid), ("watch", "-p", target.pid):
        tracer = run.trace(*args, "--listen", 0, wait_for="watching" if args[0] == "watch" else "tracing")
        scrape(port_of(tracer))
        tasks = {}
        for task in os.listdir(f"/proc/{tracer.proc.pid}/task"):
            with open(f"/proc/{tracer.proc.pid}/task/{task}/status", encoding="utf-8") as f:
                status = dict(re.findall(r"^(\w+):\s*(.*)$", f.read(), re.M))
            tasks[status["Name"]] = [status[k] for k in ("CapEff", "CapPrm", "NoNewPrivs", "Seccomp")]
        equal(tasks["swtrace-metrics"], ["0" * 16, "0" * 16, "1", "2"], "rights")
        assert len(tasks) == 2 and tasks["swtrace"][3] == "2", tasks
        equal(tracer.finish(), 0, "exit code")


@test
def a_listening_swtrace_that_is_killed_leaves_its_port(run):
    target = run.target("life")
    tracer = run.trace("-p", target.pid, "--listen", 0)
    port = port_of(tracer)
    scrape(port)
    tracer.proc.kill()
    tracer.proc.wait()
    again = run.trace("-p", target.pid, "--listen", port)
    equal(port_of(again), port, "port")
    scrape(port)
    equal(again.finish(), 0, "exit code")
    assert subprocess.run([SWTRACE, "--help"], capture_output=True, check=True).stdout.count(b"--listen") == 1
