# SPDX-License-Identifier: GPL-2.0-or-later
"""test_hostile.py - two processes all of whose names are made to do harm, and every output that tells of them: nothing of a name does
anything where it is shown, and each is still told.

They are traced once, by all that can trace at the same time; each test then looks at one kind of output, with a parser of that kind."""
import atexit
import base64
import hashlib
import html.parser
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from harness import HostPhp, PHP, ROOT, SWTRACE, TARGETS, Program, equal, test
from pprof import Profile
from scrape import get, parsed
from terminal import Terminal
from test_push import Server

# ---- names -----------------------------------------------------------------------------------------------------------

# A name of a process has 15 bytes.
NATIVE_COMM = b"N\x1b[5n\n\\`|<\x9b\xe2\x80\xaeZ"
PHP_COMM = b"P \t\r\x07\";&{'\xc2\x9b%sZ"
EXE = b"exe\x1b]0;x\x07\n;<script>\"'&\\`|{} %s\xe2\x80\xae\xc2\x9b\x9b\xff"
LIBRARY = b"lib\x1b[5n\r\t<img src=x onerror=y>;'\"&{}`|\\ %n\xe2\x80\xa8\xe2\x81\xa6\xc2\x85\xfe"
FOLDER = b"d;<b>\xe2\x80\xae \x1b[5n"
FILE = b"php\x1b]0;x\x07\n\r\t<script>\"'&\\`|{} %s\xe2\x80\xa9\xc2\x9b\x9b\xff.php"
# Of 64 bytes, as what they replace in targets/hostile.c.
FUNCTION = b"f \x1b]0;x\x07\n\r\t\x7f</script><b>\"'&\\`|;{}%s\xe2\x80\xae\xe2\x80\xa8\xc2\x9b\x9b\xff\xf3\xa0\x81\x81".ljust(64, b"f")
SOURCE = b"s \x1b[5n\n\r\t<img src=x>\"'&\\`|;{}%n\xe2\x81\xa7\xe2\x80\xa9\xc2\x9b\x9b\xff\xef\xbb\xbf.c".ljust(64, b"s")
LONG = (b"long;\x1b[5n\n <b>" + "€".encode() * 300)[:617]
LONG_SHOWN = 14 + 80 * 3  # of which so much is recorded, and shown, surely: whole characters
REASON = "why\x1b]0;x\x07<b>`|;\u202e\u009b%s"

PHP_NAMES = [b"leak_" + name for name in (
    b"\x9b2J\x9b31m", b"\xc2\x9b2J", b"\xe2\x80\xaetxt", b"\xe4\xb8\xad\xe6\x96\x87", b"\xcc\x81mark",
    b"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9", b"\xff\xc0\xaf\xed\xa0\x80", b"\xe2\x80\xa8\xf3\xa0\x81\x81\xe2\x81\xa6",
    "€".encode() * 20)] + [b"Class_\xe2\x80\xae\xc2\x9b::method_\xff\xe2\x80\x8b"]
PHP_CRASH = b"Class_\xe2\x80\xae\xc2\x9b::crash_\xe2\x81\xa7\x9b"
FUNCTIONS = [FUNCTION, LONG[:LONG_SHOWN], *PHP_NAMES]
# In /proc/PID/maps the kernel writes a newline like this.
MODULES = [name.replace(b"\n", b"\\012") for name in (EXE, LIBRARY)]


def is_shown(c):
    """Does a terminal show the character, and do nothing else? Python's table has it, and knows nothing of swtrace's."""
    return c.isprintable()


def utf8(name):
    """As it stands in JSON: each byte that is no UTF-8 is U+FFFD."""
    return "".join("\ufffd" if "\udc80" <= c <= "\udcff" else c for c in name.decode("utf-8", "surrogateescape"))


def safe(name, also=""):
    """As it stands in text."""
    return "".join(c if is_shown(c) and c not in also else "".join(f"\\x{b:02x}" for b in c.encode("utf-8", "surrogateescape"))
                   for c in name.decode("utf-8", "surrogateescape"))


def safe_utf8(name):
    """As it stands in the text of a profile, and in pprof's."""
    return safe(utf8(name).encode())


def folded(name):
    return "".join(":" if c == ";" else c if is_shown(c) and c != " " else "_" * len(c.encode()) for c in utf8(name))


def harmless(data, what):
    """Text that a terminal only shows: UTF-8, and all of each line can be seen.  Return: it."""
    text = data.decode() if isinstance(data, bytes) else data
    for line in text.split("\n"):
        bad = [c for c in line if not is_shown(c)]
        assert not bad, f"{what}: {bad} in {line!r}"
    return text


def tells(text, names, how, what):
    """Each name is there, written like that."""
    for name in names:
        assert how(name) in text, f"{what}: no {how(name)!r} in\n{text[:6000]}"


def strings(o):
    """All texts in a JSON value, names of fields too."""
    if isinstance(o, str):
        return {o}
    if isinstance(o, dict):
        return set(o) | set().union(*map(strings, o.values()))
    return set().union(*map(strings, o)) if isinstance(o, list) else set()


def json_lines(data, what):
    """Objects, one a line."""
    assert max(data) < 0x7f, f"{what}: {max(data):#x}"
    return [json.loads(line) for line in harmless(data, what).splitlines()]


def whole(names, found, how, what):
    """Each name is one of the texts that were found, or what one begins with."""
    for name in names:
        assert any(text.startswith(how(name)) for text in found), f"{what}: no {how(name)!r} in {sorted(found)}"


# ---- processes, and all that tells of them --------------------------------------------------------------------------

class Copy(Program):
    """The native program, and its library, under hostile names, and with hostile names in them."""

    def __init__(self, folder):
        self.exe, self.library = (os.path.join(folder, name) for name in (EXE, LIBRARY))
        for source, copy in ("hostile", self.exe), ("hostile-library", self.library):
            with open(os.path.join(TARGETS, source), "rb") as f:
                data = f.read()
            for stand_in, name in ((rb"hostile_function_[0-9]{47}\0", FUNCTION), (rb"hostile_source_[0-9]{49}\0", SOURCE),
                                   (rb"hostile_function_[0-9]{600}\0", LONG)):
                data = re.sub(stand_in, lambda _, name=name: name + b"\0", data)
            with open(copy, "wb") as f:
                f.write(data)
            os.chmod(copy, 0o755)
        super().__init__([self.exe, NATIVE_COMM, self.library], stderr=subprocess.DEVNULL)

    def again(self, comm):
        """One more process of it."""
        return Program([self.exe, comm, self.library], stderr=subprocess.DEVNULL)


def php(folder, *args, options=()):
    os.makedirs(os.path.join(folder, FOLDER), exist_ok=True)
    script = os.path.join(folder, FOLDER, FILE)
    shutil.copy(os.path.join(HostPhp.scripts, "hostile.php"), script)
    return Program([PHP, *options, script, *(args or [PHP_COMM])], stderr=subprocess.DEVNULL)


class Output:
    """swtrace, with what it writes in files."""

    def __init__(self, folder, name, *args):
        self.paths = [os.path.join(folder, f"{name}.{kind}") for kind in ("out", "err")]
        with open(self.paths[0], "wb") as out, open(self.paths[1], "wb") as err:
            self.proc = subprocess.Popen([SWTRACE, *args], stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    def read(self):
        return [slurp(path) for path in self.paths]

    def wait(self, what, n=1, seconds=30):
        """Until it has written that, so many times."""
        deadline = time.monotonic() + seconds
        while b"".join(self.read()).count(what) < n:
            assert time.monotonic() < deadline and self.proc.poll() is None, (what, self.read())
            time.sleep(0.05)

    def end(self):
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()


def slurp(path):
    with open(path, "rb") as f:
        return f.read()


def run_swtrace(*args):
    """(exit code, standard output, standard error), as bytes."""
    p = subprocess.run([SWTRACE, *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return p.returncode, p.stdout, p.stderr


class Traced:
    """All that is told of both."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="h", dir="/tmp")
        atexit.register(shutil.rmtree, self.folder)
        self.started = []
        try:
            self.trace()
        finally:
            for one in reversed(self.started):
                one.end()

    def path(self, name):
        return os.path.join(self.folder, name)

    def keep(self, one):
        self.started.append(one)
        return one

    def trace(self):
        native, worker = self.keep(Copy(os.fsencode(self.folder))), self.keep(php(os.fsencode(self.folder)))
        self.native, self.worker, pids = native.pid, worker.pid, f"{native.pid},{worker.pid}"
        self.doctor = run_swtrace("doctor", "-p", pids)
        self.chosen = {comm: run_swtrace("doctor", "--json", "--comm", comm) for comm in (NATIVE_COMM, PHP_COMM, NATIVE_COMM[:5])}
        os.mkdir(self.path("exports"))
        with Server(200) as server:
            main = self.keep(Output(self.folder, "main", "-v", "-p", pids, "-i", "0.4", "-T", "100", "--save", self.path("saved"),
                                    "--folded", self.path("one.folded"), "--flamegraph", self.path("one.html"), "--pprof",
                                    self.path("one.pb.gz"), "--export-dir", self.path("exports"), "--every", "1", "--listen", "0",
                                    "--push", server.url("/ingest"), "--push-every", "1"))
            record = self.keep(Output(self.folder, "record", "record", "-p", pids, "-o", self.path("one.swt"), "-i", "0.4"))
            watch = self.keep(Output(self.folder, "watch", "watch", "--json", "-p", pids, "-i", "0.3"))
            view = self.keep(Terminal(["-p", pids, "-i", "0.4"], rows=60, cols=250))
            main.wait(b"tracing ")
            record.wait(b"tracing ")
            view.wait("? help")
            self.leak(native, worker)
            self.look(view)
            self.recorded(record)
            shutil.copy(self.path("one.swt"), self.path("old.swt"))
            self.leak(native, worker)
            self.recorded(record, "--diff", self.path("old.swt"))
            view.press("q")
            self.view_code, self.view_after = view.finish()
            self.view_raw, self.is_restored = view.raw, view.is_restored()
            watch.wait(b'"trend"', 4)
            watch.proc.send_signal(signal.SIGINT)
            self.metrics = self.scraped(main)
            native.send("crash " + REASON)
            main.wait(b"] CRASH ", 1)
            worker.send("crash")
            main.wait(b"] CRASH ", 2)
            self.codes = [one.proc.wait(30) for one in (main, record, watch)]
            self.pushed = server.requests
        self.main, self.record, self.watch = main.read(), record.read(), watch.read()
        self.saved = slurp(self.path("saved"))

    def recorded(self, record, *against):
        """When what has leaked, since that one, is in the recording."""
        deadline = time.monotonic() + 20
        while b"leak_" not in run_swtrace("report", self.path("one.swt"), "--format", "folded", *against)[1]:
            assert time.monotonic() < deadline, record.read()
            time.sleep(0.1)

    @staticmethod
    def leak(*programs):
        for program in programs:
            equal(program.ask("leak"), "done")

    @staticmethod
    def scraped(main):
        """What is told when there are numbers of both."""
        port = int(re.search(rb"http://127\.0\.0\.1:(\d+)/metrics", main.read()[1])[1])
        deadline = time.monotonic() + 10
        while (text := get(port, Accept="application/openmetrics-text")[2]).count('layer="libc"') < 4:  # bytes and blocks
            assert time.monotonic() < deadline, text
            time.sleep(0.1)
        return text

    def look(self, view):
        """The table, its panes, and the processes."""
        self.screens = []
        view.wait("leak_")
        for keys, shown in (("", "leak_"), ("\r", "selected stack"), ("\x1b", ""), ("p", ""), ("\x1b", ""), ("v", ""), ("\x1b", "")):
            view.press(keys)
            view.wait(shown) if shown else view.settle(0.4)
            self.screens.append(view.text())


def once(make):
    """The same for all tests; where it fails the first one tells why, and no other tries again."""
    made = []

    def get():
        if not made:
            made.append(None)
            made[0] = make()
        assert made[0], "tracing has failed before"
        return made[0]
    return get


traced = once(Traced)


# ---- each output -----------------------------------------------------------------------------------------------------

@test
def text_reports_only_show_hostile_names(_run):
    t = traced()
    equal(t.codes, [4, 4, 0], "exit codes")
    text = harmless(t.main[0], "reports")
    tells(text, [NATIVE_COMM, PHP_COMM, PHP_CRASH, *FUNCTIONS, *MODULES, SOURCE], safe, "reports")
    assert safe(FOLDER) + "/" + safe(FILE) + ":" in text, text
    # No name begins a line, or ends one.
    for line in text.split("\n"):
        assert re.match(r"\[20|  |#\d|no live|\d+ more|$", line), line
    assert f"{safe(PHP_COMM)}({t.worker})" in text and f"{safe(NATIVE_COMM)}({t.native})" in text, text


@test
def json_lines_are_json_whatever_names_hold(_run):
    t = traced()
    saved = json_lines(t.saved, "--save")
    whole([NATIVE_COMM, PHP_COMM, PHP_CRASH, *FUNCTIONS, *MODULES], strings(saved), utf8, "--save")
    assert any(text.endswith(utf8(FOLDER) + "/" + utf8(FILE)) for text in strings(saved)), sorted(strings(saved))
    assert {o["comm"] for o in saved if o["type"] == "crash"} == {utf8(NATIVE_COMM), utf8(PHP_COMM)}
    watched = json_lines(t.watch[0], "watch")
    equal({o["comm"] for o in watched if o["type"] == "trend"}, {utf8(NATIVE_COMM), utf8(PHP_COMM)}, "watched")


def check_folded(data, what):
    text = harmless(data, what)
    for line in text.splitlines():
        assert re.fullmatch(r"[^ ;]+\([0-9]+\);\[(zend|libc|mmap)\](;[^ ;]+)* [0-9]+", line), line
    tells(text, [NATIVE_COMM, PHP_COMM, *PHP_NAMES, FUNCTION, LONG[:LONG_SHOWN]], folded, what)
    assert "@" + folded(FILE) + ":" in text, text


@test
def folded_stacks_cannot_be_forged(_run):
    t = traced()
    check_folded(slurp(t.path("one.folded")), "--folded")


class Page(html.parser.HTMLParser):
    """Elements with their attributes, in their order; and what is in those that are not shown."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.inside, self.at, self.text = [], {}, None, ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.elements.append((tag, sorted((k, v if v != attrs.get("content") else "") for k, v in attrs.items())))
        self.at = (tag, attrs.get("id"))
        if attrs.get("http-equiv"):
            self.policy = attrs["content"]

    def handle_endtag(self, tag):
        self.at = None

    def handle_data(self, data):
        if self.at and self.at[0] in ("script", "style"):
            self.inside[self.at] = self.inside.get(self.at, "") + data
        else:
            self.text += data

    def handle_comment(self, data):
        self.elements.append(("comment", data))

    handle_decl = handle_pi = unknown_decl = handle_comment


def sha256(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def check_page(data, what, names=()):
    text = harmless(data.replace(b"\t", b" "), what)
    page, ours = Page(data.decode()), Page(slurp(os.path.join(ROOT, "src/export/page/page.html")).decode())
    equal(page.elements, ours.elements, f"{what}: elements")
    equal(page.text, ours.text, f"{what}: text")
    equal(set(page.inside), {("script", "data"), ("script", None), ("style", None)}, f"{what}: script and style")
    for word, tag in ("script-src", "script"), ("style-src", "style"):
        assert f"{word} 'sha256-{sha256(page.inside[tag, None])}';" in page.policy, page.policy
    found = strings(json.loads(page.inside["script", "data"]))
    whole([NATIVE_COMM, PHP_COMM, FUNCTION, LONG[:LONG_SHOWN], *PHP_NAMES, *names], found, utf8, what)
    return text


@test
def the_page_has_no_element_of_a_names_making(_run):
    t = traced()
    check_page(slurp(t.path("one.html")), "--flamegraph", MODULES)


def check_pprof(data, what):
    profile = Profile(data)
    names = {name for sample, _, _ in profile.samples for name in sample}
    for text in names | set(profile.files) | {v for _, _, labels in profile.samples for v in labels.values() if isinstance(v, str)}:
        assert "\n" not in harmless(text, what), text
    whole([FUNCTION, LONG[:LONG_SHOWN], *PHP_NAMES], names, safe_utf8, what)
    whole(MODULES, set(profile.files), safe, what)
    equal({labels["comm"] for _, _, labels in profile.samples}, {safe(NATIVE_COMM), safe(PHP_COMM)}, f"{what}: comm")


@test
def profiles_of_pprof_hold_names_as_text(_run):
    t = traced()
    check_pprof(slurp(t.path("one.pb.gz")), "--pprof")
    check_pprof(t.pushed[-1][2], "--push")
    for path, _, _ in t.pushed:
        assert re.fullmatch(r"/ingest\?[A-Za-z0-9._%=&+-]+", path), path
        assert re.search(r"[?&]name=swtrace%7[bB]host%3[dD][A-Za-z0-9._-]+%7[dD]&", path), path


@test
def exported_files_have_names_of_our_making(_run):
    t = traced()
    names = os.listdir(t.path("exports"))
    kinds = set()
    for name in names:
        match = re.fullmatch(rf"swtrace-[A-Za-z0-9._-]+-{t.native}-[0-9]{{8}}T[0-9]{{6}}Z\.(folded|jsonl|pb\.gz|html)", name)
        assert match, names
        kinds.add(match[1])
    equal(kinds, {"folded", "jsonl", "pb.gz", "html"}, names)
    last = max(name.partition(".")[0] for name in names)
    check_folded(slurp(t.path(f"exports/{last}.folded")), "exports")
    check_pprof(slurp(t.path(f"exports/{last}.pb.gz")), "exports")
    check_page(slurp(t.path(f"exports/{last}.html")), "exports")
    whole(FUNCTIONS, strings(json_lines(slurp(t.path(f"exports/{last}.jsonl")), "exports")), utf8, "exports")


@test
def a_recording_is_harmless_in_every_form(_run):
    t = traced()
    for diff in [], ["--diff", t.path("old.swt")]:
        def report(form, diff=diff):
            code, out, err = run_swtrace("report", t.path("one.swt"), "--format", form, "--top", "100", *diff)
            equal((code, err), (0, b""), (form, diff))
            return out
        text = harmless(report("text"), "text")
        tells(text, [NATIVE_COMM, PHP_COMM], safe, "text")
        tells(text, FUNCTIONS, safe_utf8, "text")
        for line in text.split("\n"):
            assert re.match(r"\[20|  |#\d|no live|\d+ more|$", line), line
        whole([NATIVE_COMM, PHP_COMM, *FUNCTIONS, *MODULES], strings(json_lines(report("json"), "json")), utf8, "json")
        check_folded(report("folded"), "folded")
        check_page(report("html"), "html", MODULES)
        check_pprof(report("pprof"), "pprof")
        speedscope, = json_lines(report("speedscope"), "speedscope")
        whole([NATIVE_COMM, PHP_COMM, *FUNCTIONS], strings(speedscope), utf8, "speedscope")
        assert all(isinstance(f["name"], str) for f in speedscope["shared"]["frames"])
    harmless(t.record[0], "record")


@test
def labels_of_metrics_can_be_parsed_and_tell_names(_run):
    t = traced()
    harmless(t.metrics, "metrics")
    found = parsed(t.metrics)
    comms = {dict(pairs)["comm"] for pairs in found["swtrace_live_bytes"]}
    equal(comms, {safe(comm).replace("\\", "\\\\").replace('"', '\\"') for comm in (NATIVE_COMM, PHP_COMM)}, "labels")


# All lines that a crash's text for a bug tracker may have: what comes from elsewhere is in code alone.
MARKDOWN = re.compile(r"## SIG[A-Z]+ in `[^`]+`|### [A-Z][A-Za-z ,']+( \([0-9TZ:.-]+\))?|- \*\*[A-Z][A-Za-z' ]+:\*\* `[^`]+`"
                      r"|- `[a-z_]+: [^`]*`|- \*\*Told by:\*\* swtrace [0-9.]+|    .*|")


@test
def a_saved_crash_is_markdown_without_marks_of_a_names_making(_run):
    t = traced()
    for pid, comm, names in ((t.native, NATIVE_COMM, [REASON.encode()[:20]]), (t.worker, PHP_COMM, [])):
        code, out, err = run_swtrace("report", "--crash", t.path("saved"), "-p", str(pid))
        equal((code, err), (0, b""), "report --crash")
        text = harmless(out, "Markdown")
        for line in text.split("\n"):
            assert MARKDOWN.fullmatch(line), line
        # It is made of JSON, and a quote would end a span of code.
        tells(text, [comm, *names], lambda name: safe(utf8(name).encode(), "`"), "Markdown")
        assert f"- **Process:** `{safe(utf8(comm).encode(), '`')}, pid {pid}, thread {pid}`\n" in text, text
    assert safe_utf8(PHP_CRASH) in text and safe_utf8(FILE) + ":" in text, text


@test
def messages_are_lines_that_only_show_names(_run):
    t = traced()
    for what, (_, err) in ("tracing", t.main), ("record", t.record), ("watch", t.watch):
        for line in harmless(err, what).splitlines():
            assert re.match(r"swtrace: |  try: ", line), (what, line)
    tells(t.main[1].decode(), [NATIVE_COMM, PHP_COMM], safe, "tracing")
    nothing = [["-p", EXE], [b"--" + EXE], [EXE], ["-p", str(os.getpid()), "--request-probe", EXE + b":" + FUNCTION],
               ["-a", "--container", EXE], ["-a", "--cgroup", EXE], ["--", EXE + b"/none"], ["report", EXE], ["report", "--crash", EXE],
               ["-p", str(os.getpid()), "--listen", EXE], ["-p", str(os.getpid()), "--folded", EXE + b"/x"]]
    for args in nothing:
        code, out, err = run_swtrace(*args)
        assert code and not out, (args, code, out)
        for line in harmless(err, args).splitlines():
            assert re.match(r"swtrace: |  try: ", line), (args, line)
        assert safe(EXE[:9]) in err.decode(), (args, err)


# What ncurses writes, without the report to which a request for the terminal's state or a title would belong; the rest is text alone.
SEQUENCES = re.compile(rb"\x1b(\[[0-9;?]*[ABCDGHJKLMPSTXdhlmrtu@]|\[[>=?][0-9;]*[a-z]|[()][0AB]|[=>78M])|[\r\n\b\x0e\x0f]")


@test
def the_view_shows_names_and_sends_none_as_it_is(_run):
    t = traced()
    equal(t.view_code, 0, "exit code")
    assert t.is_restored, "the terminal is not as it was"
    harmless(SEQUENCES.sub(b"", t.view_raw), "view")
    everything = "\n".join(t.screens)
    tells(everything, [NATIVE_COMM, PHP_COMM], lambda name: safe(name)[:18], "view")
    assert "leak_\\xe2\\x80\\xaetxt" in everything and "leak_中" in everything, everything
    harmless(t.view_after[t.view_after.index("[20"):], "report after the view")
    tells(t.view_after, [NATIVE_COMM, PHP_COMM, FUNCTION], safe, "report after the view")


@test
def doctor_tells_of_hostile_processes_and_finds_them_by_name(_run):
    t = traced()
    code, text, _ = t.doctor
    equal(code, 0, text)
    tells(harmless(text, "doctor"), [NATIVE_COMM, PHP_COMM], lambda name: f"\n{safe(name)}(", "doctor")
    # By its whole name, newline and backslash included; not by a part of it.
    for comm, pid in (NATIVE_COMM, t.native), (PHP_COMM, t.worker):
        code, lines, err = t.chosen[comm]
        checks = [o for o in json_lines(lines, "--comm") if o["type"] == "check" and o["pid"]]
        equal({(o["pid"], o["comm"]) for o in checks}, {(pid, utf8(comm))}, (comm, err))
    equal(t.chosen[NATIVE_COMM[:5]][0], 4, t.chosen[NATIVE_COMM[:5]])
