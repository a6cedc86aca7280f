# SPDX-License-Identifier: GPL-2.0-or-later
"""test_prometheus.py - a real Prometheus scrapes swtrace, and the alerts of deploy/ are raised at a real Alertmanager when there is a reason,
and only then. The rules are those of deploy/: the copies differ in their `for:` alone, so that a test takes seconds."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from harness import ROOT, equal, test
from scrape import get, port_of

DEPLOY = os.path.join(ROOT, "deploy")
RULES = os.path.join(DEPLOY, "prometheus/alerts.yml")
STEP_S = 0.05
SCRAPE = "500ms"


def binary(name):
    path = shutil.which(name)
    assert path, f"{name} is not there (./deps tools)"
    return path


def promtool(*args, stdin=None):
    p = subprocess.run([binary("promtool"), *args], input=stdin, capture_output=True, timeout=60, check=False)
    equal(p.returncode, 0, f"{args}: {p.stdout.decode()} {p.stderr.decode()}")
    return p.stdout.decode() + p.stderr.decode()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(port, path, **query):
    url = f"http://127.0.0.1:{port}{path}" + ("?" + urllib.parse.urlencode(query) if query else "")
    with urllib.request.urlopen(url, timeout=10) as r:
        return json.load(r)


class Daemon:
    """A program that answers on a port, until it is ended."""

    def __init__(self, argv, log, ready):
        with open(log, "wb") as f:
            self.proc = subprocess.Popen(argv, stdout=f, stderr=f, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError, urllib.error.URLError):
                with urllib.request.urlopen(ready, timeout=5):
                    return
            if self.proc.poll() is not None or time.monotonic() > deadline:
                with open(log, encoding="utf-8", errors="replace") as f:
                    assert False, f"{argv[0]} is not ready: {f.read()[-2000:]}"
            time.sleep(0.1)

    def end(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
        try:
            self.proc.wait(10)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()


class Watchers:
    """Prometheus and Alertmanager, with the rules of deploy/ in a hurry."""

    def __init__(self, run, folder, *targets):
        self.port, self.port_alerts = free_port(), free_port()
        with open(RULES, encoding="utf-8") as f:
            rules = f.read()
        hurried, n = re.subn(r"^( +for: ).+$", r"\g<1>2s", rules, flags=re.M)
        assert n >= 4, n
        equal(re.sub(r"\n +for: .*", "", hurried), re.sub(r"\n +for: .*", "", rules), "all else of the rules")
        self.write(folder, "alerts.yml", hurried)
        self.write(folder, "prometheus.yml", self.config(targets))
        self.write(folder, "alertmanager.yml", "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
        run.keep(Daemon([binary("prometheus-alertmanager"), f"--config.file={folder}/alertmanager.yml",
                         f"--storage.path={folder}/alerts", "--cluster.listen-address=",
                         f"--web.listen-address=127.0.0.1:{self.port_alerts}"],
                        f"{folder}/alertmanager.log", f"http://127.0.0.1:{self.port_alerts}/-/ready"))
        run.keep(Daemon([binary("prometheus"), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                         f"--web.listen-address=127.0.0.1:{self.port}"],
                        f"{folder}/prometheus.log", f"http://127.0.0.1:{self.port}/-/ready"))

    @staticmethod
    def write(folder, name, text):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)

    def config(self, targets):
        """deploy/'s, with other ports and shorter times."""
        with open(os.path.join(DEPLOY, "prometheus/prometheus.yml"), encoding="utf-8") as f:
            text = f.read()
        for old, new in (("scrape_interval: 15s", f"scrape_interval: {SCRAPE}"),
                         ("evaluation_interval: 15s", f"evaluation_interval: {SCRAPE}"),
                         ("'127.0.0.1:9093'", f"'127.0.0.1:{self.port_alerts}'"),
                         ("'127.0.0.1:9469'", ", ".join(f"'127.0.0.1:{p}'" for p in targets))):
            assert old in text, old
            text = text.replace(old, new)
        return text

    def query(self, expr):
        answer = ask(self.port, "/api/v1/query", query=expr)
        equal(answer["status"], "success", expr)
        return answer["data"]["result"]

    def raised(self):
        """{(alert, pid)} at the Alertmanager."""
        return {(a["labels"]["alertname"], a["labels"].get("pid")) for a in ask(self.port_alerts, "/api/v2/alerts")}


@test
def what_is_deployed_passes_promtool(run):
    with tempfile.TemporaryDirectory() as folder:
        for name in "alerts.yml", "prometheus.yml":
            shutil.copy(os.path.join(DEPLOY, "prometheus", name), folder)
        said = promtool("check", "rules", os.path.join(folder, "alerts.yml"))
        assert re.search(r"SUCCESS: \d+ rules found", said), said
        promtool("check", "config", os.path.join(folder, "prometheus.yml"))
    # Each alert, by made-up series: when it is raised, what it says, and when it is not.
    promtool("test", "rules", os.path.join(ROOT, "tests/tools/alerts.yml"))
    php = run.php()
    tracer = run.trace("-p", php.pid, "-i", 0.5, "--listen", 0)
    tracer.wait("report")
    # promtool's own opinion of names, types and help texts: it has none to give.
    equal(promtool("check", "metrics", stdin=get(port_of(tracer))[2].encode()), "", "promtool check metrics")
    equal(tracer.finish(), 0, "exit code")


def serve(tracer, processes, seconds, until):
    """Have them work: {process: its commands}. What swtrace prints is read on the way, or it would wait for that."""
    deadline = time.monotonic() + seconds
    while not (done := until()) and time.monotonic() < deadline:
        for _ in range(10):
            for process, commands in processes.items():
                for c in commands:
                    process.ask(c)
            while tracer.out.next(STEP_S) is not None:
                pass
    return done


@test
def a_leaking_worker_raises_an_alert_and_a_clean_one_does_not(run):
    leaking, clean = run.php(), run.php()
    tracer = run.trace("-p", f"{leaking.pid},{clean.pid}", "-i", 1, "--listen", 0)
    with tempfile.TemporaryDirectory() as folder:
        w = Watchers(run, folder, port_of(tracer))
        work = {leaking: ("churn 5", "concat 20"), clean: ("churn 5",)}
        assert serve(tracer, work, 50, lambda: ("SwtraceLeak", str(leaking.pid)) in w.raised()), (w.raised(), w.query("swtrace_verdict == 1"))
        serve(tracer, work, 3, lambda: False)
        equal({a for a in w.raised() if a[1] == str(clean.pid)}, set(), "of the clean one")
        equal({a[0] for a in w.raised()} - {"SwtraceLeak", "SwtraceGrowth", "SwtraceLimitNear"}, set(), "other alerts")
        # What Prometheus has kept is what was told: of the whole heap it takes some seconds more than of a stack.
        growing = 'swtrace_verdict{curve="zend",swtrace_verdict="growing",pid="%d"} == 1' % leaking.pid
        assert serve(tracer, work, 30, lambda: w.query(growing)), w.query("swtrace_verdict")
        equal(w.query('count(swtrace_site_leak_bytes_per_second{layer="zend"})')[0]["value"][1] != "0", True, "sites")
        kinds = {name: m[0]["type"] for name, m in ask(w.port, "/api/v1/metadata")["data"].items() if name.startswith("swtrace_")}
        equal((kinds["swtrace_verdict"], kinds["swtrace_build"], kinds["swtrace_crashes"], kinds["swtrace_live_bytes"]),
              ("stateset", "info", "counter", "gauge"), "scraped as OpenMetrics")
        with open(os.path.join(DEPLOY, "grafana/swtrace.json"), encoding="utf-8") as f:
            panels = json.load(f)["panels"]
        for panel in panels:
            for target in panel["targets"]:
                expr = re.sub(r"\$__(rate_interval|range)", "1m", target["expr"]).replace("$instance", ".*")
                found = w.query(expr)
                if panel["title"] in ("Processes", "Leaks in all", "Crashes", "Losses", "Resident memory", "Live bytes by layer",
                                      "Leaks by process", "Leaks by site", "Growth that goes on", "swtrace: CPU",
                                      "swtrace: resident memory"):
                    assert found, f"nothing in {panel['title']}: {expr}"
        assert len({(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels}) == len(panels) > 10, "panels"
    equal(tracer.finish(), 0, "exit code")


@test
def a_crash_and_a_swtrace_that_is_gone_raise_alerts(run):
    php, other = run.php(), run.php()
    tracer = run.trace("-p", f"{php.pid},{other.pid}", "-i", 1, "--listen", 0)
    with tempfile.TemporaryDirectory() as folder:
        w = Watchers(run, folder, port_of(tracer))
        assert serve(tracer, {}, 20, lambda: len(w.query('swtrace_crashes_total{signal="SIGSEGV"}[1m]')[:1]) and
                     len(w.query('swtrace_crashes_total{signal="SIGSEGV"}[1m]')[0]["values"]) >= 3), "it is not scraped"
        equal(w.raised(), set(), "before")
        php.send("crash")
        tracer.wait("crash")
        assert serve(tracer, {}, 20, lambda: ("SwtraceCrash", None) in w.raised()), w.raised()
        equal(tracer.finish(), 0, "exit code")
        assert serve(tracer, {}, 20, lambda: ("SwtraceDown", None) in w.raised()), w.raised()
