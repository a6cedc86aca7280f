# SPDX-License-Identifier: GPL-2.0-or-later
"""test_report.py - a crash that was saved is told again as one text for a bug tracker."""
import json
import os
import re
import tempfile

from harness import command, equal, test, waiting_test
from test_ends import php


def saved_crash(run, path):
    php = run.php()
    tracer = run.trace("-p", php.pid, "-i", 0.5, "--save", path, json_lines=False)
    for _ in range(8):
        php.ask("concat 100")
    while "concat" not in (tracer.out.next(10) or "concat"):
        pass
    php.send("crash")
    php.proc.wait(20)
    tracer.proc.wait(20)
    return php


@test
def a_saved_crash_becomes_a_text_for_a_bug_tracker(run):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "saved")
        php = saved_crash(run, path)
        code, text, err = command("report", "--crash", path)
        equal((code, err), (0, ""), "exit code, messages")
        with open(path, encoding="utf-8") as f:
            crash = [o for o in map(json.loads, f) if o["type"] == "crash"]
        equal(len(crash), 1, "crashes saved")
        equal(command("report", "--crash", path, "-p", php.pid)[1], text, "the same, chosen by its pid")
        code, out, err = command("report", "--crash", path, "-p", 1)
        equal((code, out), (2, ""), "no such crash")
        assert "no crash of process 1" in err and "try:" in err, err
    assert text.startswith("## SIGSEGV in `"), text
    assert f"pid {php.pid}, thread {php.pid}" in text and "SEGV_MAPERR" in text, text
    # Every frame has a line, in its order; of a PHP file the name alone.
    frames = re.findall(r"^    #(\d+) +(.*)$", text, re.M)[:len(crash[0]["frames"])]
    equal([int(n) for n, _ in frames], list(range(len(crash[0]["frames"]))), "frames")
    for (_, line), f in zip(frames, crash[0]["frames"]):
        assert line.startswith(f["function"] or f["module"]), (line, f)
    assert re.search(r"^    #\d+ +\{main\} worker\.php:\d+$", text, re.M) and "/worker.php" not in text, text
    assert re.search(r"zend: .* live in [1-9]", text), text
    for f in crash[0]["frames"]:
        assert f["build_id"] in text, f
    for said in (crash[0]["summary"], crash[0]["kernel_line"], crash[0]["instruction"], "\n- `exe: php8.2`\n", "\n- `php: version 8.2.",
                 f"rip    {crash[0]['registers']['rip']}", f"alloc 0x{int(crash[0]['calls'][0]['addr'], 16):x}"):
        assert said in text, (said, text)


@waiting_test
def an_exhausted_limit_that_was_saved_becomes_a_text_too(run):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "saved")
        target = php(run, "-d", "memory_limit=8M")
        tracer = run.trace("-p", target.pid, "-i", 60, "--save", path)
        target.send("limit")
        tracer.wait("memory_limit", 20)
        tracer.wait("lifecycle", 20, event="exit", pid=target.pid)
        tracer.finish(interrupt=False)
        code, text, err = command("report", "--crash", path)
    equal((code, err), (0, "swtrace: no crash is in the file: another event is told (memory_limit)\n"), "exit code, messages")
    assert text.startswith("## PHP's memory limit exhausted in `Hoard::grow gives-up.php:13`\n\n- **Process:** `php"), text
    for said in ("`memory_limit of 8.0 MiB exhausted: 2.0 MiB more were asked for`", "\n- `php: version ", "\n### What lived then, of",
                 "Hoard::grow gives-up.php:", "\n### Builds\n"):
        assert said in text, (said, text)


@test
def what_a_saved_file_holds_is_not_trusted(run):
    crash = {"schema": 1, "type": "crash", "time": "now", "pid": 7, "tid": 7, "comm": "a`\x1b[2J\n# b", "signal": 11,
             "signal_name": "SIG<b>`![x](//y)*_@root&amp;#1|~\u202e", "code_name": 5, "summary": "`@everyone`", "registers": {"rax\x1b": "0x1\x1b" * 40},
             "frames": [{"kind": "native", "function": "f\n## g\x1b[0m", "module": [], "build_id": "x\ny"}, 5, None],
             "pointers": {"a": 1}, "calls": [1, {"op": "\x07"}], "address": {"text": "```\n# x", "block": []}}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "saved")
        with open(path, "w", encoding="utf-8") as f:
            f.write('{"schema":1,"type":"report","processes":5}\n\nnot json\n' + json.dumps(crash) + '\n{"schema":1,"ty')
        code, text, _ = command("report", "--crash", path)
        equal(code, 0, "exit code")
        for line in text.splitlines():
            assert all(c.isprintable() for c in line), line
        headings = [line for line in text.splitlines() if line.startswith("#")]
        assert not [h for h in headings if h.lstrip("# ")[:1] in ("b", "g", "x")], headings
        assert text.startswith("## SIG\\x3cb\\x3e") and not re.search(r"[<>*_@&|~!()\[\]]", headings[0].partition(" in ")[0]), headings
        equal([line for line in text.splitlines() if line.count("`") % 2 and line[:4] != "    "], [], "spans that do not end")
        for content, said in (("", "no crash is in it"), ("x\ny\n", "no JSON lines"), ("[" * 100000, "no JSON lines")):
            with open(path, "w", encoding="utf-8") as f:
                f.write(content)
            code, text, err = command("report", "--crash", path)
            equal((code, text), (2, ""), content[:9])
            assert said in err, err
    assert "No such file" in command("report", "--crash", "/no/such/file")[2]
    assert "Is a directory" in command("report", "--crash", "/tmp")[2]
