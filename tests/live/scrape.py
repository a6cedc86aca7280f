# SPDX-License-Identifier: GPL-2.0-or-later
"""scrape.py - ask a listening swtrace for its metrics, and read them as OpenMetrics says."""
import http.client
import re

from harness import equal


def port_of(tracer):
    said, = [line for line in tracer.said if "metrics are at" in line]
    return int(re.search(r"http://127\.0\.0\.1:(\d+)/metrics$", said)[1])


def get(port, path="/metrics", method="GET", **headers):
    """(status, headers, body)"""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        c.request(method, path, headers=headers)
        r = c.getresponse()
        return r.status, dict(r.getheaders()), r.read().decode()
    finally:
        c.close()


LABEL = r'([a-z_]+)="((?:[^"\\]|\\.)*)"'


def parsed(text):
    """{name: {labels as a sorted tuple: value}} of OpenMetrics; families are whole, in one place, and told of."""
    found, told, lines = {}, [], text.split("\n")
    equal(lines[-2:], ["# EOF", ""], "end")
    for line in lines[:-2]:
        if line.startswith("#"):
            kind, name = re.fullmatch(r"# (HELP|TYPE|UNIT) (swtrace_[a-z_]+) .+", line).groups()
            if kind == "HELP":
                assert name not in told, f"{name} twice"
                told.append(name)
            equal(name, told[-1], line)
            continue
        name, labels, value = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? ([0-9.e+-]+)", line).groups()
        assert name in (told[-1], told[-1] + "_total", told[-1] + "_info"), line
        pairs = tuple(sorted(re.findall(LABEL, labels or "")))
        assert pairs not in found.setdefault(name, {}), f"twice: {line}"
        found[name][pairs] = float(value)
    return found


def scrape(port):
    status, headers, text = get(port, Accept="application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
    equal((status, headers["Content-Type"]), (200, "application/openmetrics-text; version=1.0.0; charset=utf-8"), "answer")
    return parsed(text)


def values(found, name, key=None, **labels):
    """The only value of that name and labels; with a key: {its value: value}."""
    fitting = {pairs: v for pairs, v in found.get(name, {}).items() if labels.items() <= dict(pairs).items()}
    if key:
        return {dict(pairs)[key]: v for pairs, v in fitting.items()}
    equal(len(fitting), 1, f"{name} {labels}: {fitting}")
    return next(iter(fitting.values()))
