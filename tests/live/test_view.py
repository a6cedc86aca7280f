# SPDX-License-Identifier: GPL-2.0-or-later
"""test_view.py - the live view, on a terminal: what it shows, what its keys do, and that the terminal is given back."""
import os
import signal
import subprocess
import tempfile
import time

from harness import PHP, ROOT, SWTRACE, Program, equal, test, waiting_test
from terminal import ENTER_SCREEN, Terminal

BLOCK = 3001
UP, DOWN, RIGHT, LEFT, END = "\x1bOA", "\x1bOB", "\x1bOC", "\x1bOD", "\x1bOF"


def view(run, *args, **kw):
    return run.keep(Terminal(["-i", 0.5, *args], **kw))


def until(holds, seconds, what):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


def shown(run, php, *args, **kw):
    """A view of that worker, with a stack in it."""
    t = view(run, "-p", php.pid, *args, **kw)
    t.wait("the first numbers come in a moment")
    php.ask(f"native 50 {BLOCK}")
    t.wait("leak_native")
    return t


@waiting_test
def the_view_shows_what_leaks_and_its_keys_work(run):
    php = run.php()
    t = shown(run, php)
    assert t.lines()[0].startswith(f"swtrace  {PHP}({php.pid})"), t.text()
    assert "PHP 8.2" in t.lines()[0], t.text()
    deadline = time.monotonic() + 30
    while t.row("LEAK ") != 1:  # the verdict
        assert time.monotonic() < deadline, t.text()
        php.ask("lines 10")
        php.ask(f"native 60 {BLOCK}")
        t.read(0.2)
    t.wait(lambda lines: any("growing +" in line for line in lines), what="a curve that grows")
    t.press("2")
    t.wait("by live bytes")
    t.wait(lambda _: 0 < t.row("leak_native") < t.row("leak_by_line"), what="most live bytes first")
    t.press("r")
    t.wait(lambda _: 0 < t.row("leak_by_line") < t.row("leak_native"), what="least live bytes first")
    t.press("/Leak_nat")
    t.wait(lambda lines: t.row("leak_by_line") < 0 and t.row("/Leak_nat") >= 0, what="the filter")
    t.press("\r")
    t.press("\r")
    t.wait("selected stack")
    t.wait("  5  leak_native ")
    t.press(RIGHT + END)
    t.wait("_start (")
    t.press("\x1b")
    time.sleep(0.3)  # or it would be the begin of another key
    t.press("\x1b")
    t.wait(lambda _: t.row("selected stack") < 0, what="no pane any more")
    t.press("\x1b")
    t.wait("leak_by_line")
    t.press("m")
    t.wait("+BLOCKS")
    php.ask(f"native 7 {BLOCK}")
    t.wait(lambda lines: any("leak_native" in line and "+7 " in line for line in lines), what="what was gained")
    t.press("M?")
    t.wait(" help (")
    t.resize(30, 100)
    t.wait(lambda lines: len(lines) == 30 and lines[29].startswith("? help"), what="the help on a larger screen")
    t.press("q")  # leaves the help, and not the view
    t.wait(lambda _: t.row(" help (") < 0, what="no help any more")
    t.resize(50, 150)
    t.wait(lambda lines: len(lines) == 50 and lines[49].startswith("? help") and lines[0].rstrip()[-8:-6] == "00",
           what="the larger screen")
    equal(len(t.lines()[0]), 150, "the first line's width")
    t.resize(20, 60)
    t.wait("60x20 is too small for the view: it needs 80x24")
    t.resize(24, 80)
    t.wait("leak_native")
    t.press("q")
    code, after = t.finish()
    equal(code, 0, "exit code")
    assert t.is_restored(), "the terminal is not as it was"
    assert "final report after" in after and "leak_native" in after and "verdict: " in after, after
    assert "\x1b" not in after[after.index("[20"):], "the report is plain text"


@waiting_test
def a_crash_is_in_the_view_at_once_and_on_the_normal_screen_in_full(run):
    php, other = run.php(), run.php()
    t = view(run, "-p", f"{php.pid},{other.pid}", cols=120, rows=30)
    t.wait("the first numbers come")
    t.wait("PROCESS")
    php.send("crash")
    t.wait(f"CRASH {PHP}({php.pid})", seconds=3)
    equal(t.attributes(f"CRASH {PHP}({php.pid}) SIGSEGV at 0x10 in ")[1], "red", "background of what has just happened")
    t.wait("was killed by SIGSEGV")
    t.press("v")
    t.wait("what has happened")
    t.press("\x1b[6~" * 9)
    t.wait("null pointer plus 16")
    other.end()
    # When it knows that all are gone; where there is nothing to look at it ends by itself.
    t.wait(lambda lines: t.ended or any(f"({other.pid}) " in line for line in lines), what="the other's end")
    if not t.ended:
        t.press("q")
    code, after = t.finish()
    equal(code, 4, "exit code when all are gone")
    assert t.is_restored(), "the terminal is not as it was"
    assert after.index("CRASH") < after.index("null pointer plus 16") < after.index("final report"), after
    equal(after.count("CRASH"), 1, "told once")


@waiting_test
def what_was_known_of_a_process_that_has_ended_can_still_be_looked_at(run):
    php = run.php()
    t = shown(run, php)
    php.end()
    t.wait("all that was traced has ended")
    t.wait("(ended)")
    t.press("\r")
    t.wait("selected stack")
    t.settle(1.5)
    assert t.row("leak_native") >= 0 and not t.ended, t.text()
    t.press("q")
    code, after = t.finish()
    equal(code, 4, "exit code")
    assert t.is_restored(), "the terminal is not as it was"
    assert "leak_native" in after and "final report" in after, after
    # Who says when to end is taken at his word.
    php = run.php()
    t = shown(run, php, "-d", 60)
    php.end()
    code, after = t.finish()
    equal(code, 4, "exit code with -d")
    assert "leak_native" in after and "final report" in after, after


def saved_crashes(path):
    with open(path, encoding="utf-8") as f:
        return [line for line in f if '"type":"crash"' in line]


@waiting_test
def a_terminal_that_takes_nothing_holds_up_nothing(run):
    php, other, third = run.php(), run.php(), run.php()
    with tempfile.TemporaryDirectory() as folder:
        saved = os.path.join(folder, "saved.jsonl")
        t = view(run, "-p", f"{php.pid},{other.pid},{third.pid}", "--save", saved)
        t.wait("the first numbers come in a moment")
        php.ask(f"native 50 {BLOCK}")
        t.wait("leak_native")
        t.press("\x13")  # Ctrl-S
        until(t.is_stuck, 5, "a terminal that was told to stop")
        php.ask(f"native 50 {BLOCK}")
        time.sleep(1)
        other.send("crash")
        until(lambda: len(saved_crashes(saved)) == 1, 2, "the first crash in the file")
        assert t.is_stuck() and t.row("CRASH") < 0, "it was not stopped"
        t.press("\x11")  # Ctrl-Q
        t.wait(f"CRASH {PHP}({other.pid})")
        rows = 25
        while not t.is_stuck():  # nobody reads
            rows = 75 - rows
            t.size(rows, 160)
            php.ask(f"native 5 {BLOCK}")
            time.sleep(0.1)
        third.send("crash")
        until(lambda: len(saved_crashes(saved)) == 2, 2, "the second crash in the file")
        t.press("q")
        time.sleep(2.5)  # by then it has given the terminal up, with a screen still under way
        code, after = t.finish()
    equal(code, 0, "exit code")
    assert t.is_restored(), "the terminal is not as it was"
    assert "final report after" in after and f"CRASH {PHP}({third.pid})" in after, after


@waiting_test
def a_slow_link_is_not_flooded_and_keys_are_answered_over_it(run):
    php = run.php()
    t = shown(run, php)
    t.link = 960  # 9,600 baud
    begin, before = time.monotonic(), len(t.raw)
    while time.monotonic() < begin + 6:
        php.ask(f"native 5 {BLOCK}")
        php.ask("churn 50")
        t.read(0.1)
    sent = len(t.raw) - before
    t.press("2")
    begin = time.monotonic()
    t.wait("by live bytes", seconds=5)
    answered = time.monotonic() - begin
    print(f"# {sent / 6:.0f} bytes a second; a key was answered in {answered:.1f} s")
    assert sent < 6 * 960 * 0.75, f"{sent} bytes in 6 s"
    t.link = None
    t.press("q")
    equal(t.finish()[0], 0, "exit code")
    assert t.is_restored(), "the terminal is not as it was"


@waiting_test
def names_made_to_do_harm_do_none(run):
    php = run.keep(Program([PHP, os.path.join(ROOT, "tests/live/hostile.php")]))
    t = view(run, "-p", php.pid, cols=100)
    t.wait("the first numbers come")
    php.ask("leak")
    t.wait("leak_")
    t.press("\r" + DOWN + DOWN)
    t.wait("selected stack")
    php.ask("leak")
    t.settle()
    assert t.lines()[0].startswith("swtrace  \\x1b[2J\\x1b]0;x\\x07"), t.text()
    rows = [line for line in t.lines() if "leak_" in line and "eval" not in line.split("leak_")[0]]
    assert len(rows) >= 6, t.text()
    for what in b"\x1b[2J\x1b[", b"\x1b]0;", b"\x9b2J", b"\xc2\x9b", b"\xe2\x80\xae", b"\xe2\x80\x8d":
        assert what not in t.raw, what
    # Wide and marked characters have moved nothing: the table's last column begins where its heading does.
    heading = next(line for line in t.lines() if "LAYER" in line and "WHERE" in line)
    for row in t.lines()[t.row("LAYER") + 1:t.row("selected stack")]:
        if row:
            assert row[heading.index("WHERE"):].startswith(("leak_", "{", "(", "[")) or "libc" not in row, t.text()
    t.press("q")
    equal(t.finish()[0], 0, "exit code")
    assert t.is_restored(), "the terminal is not as it was"


@test
def the_terminal_is_given_back_however_it_ends(run):
    php = run.php()
    for how, expected in (signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGSEGV, -signal.SIGSEGV):
        t = view(run, "-p", php.pid)
        t.wait("the first numbers come")
        t.proc.send_signal(how)
        code, after = t.finish()
        equal(code, expected, f"exit code after {how.name}")
        assert t.is_restored(), f"the terminal is not as it was after {how.name}"
        if not expected:
            assert "final report after" in after, (how.name, after)
    t = view(run, "-p", php.pid)
    t.wait("the first numbers come")
    t.press("\x03")  # Ctrl-C as it is typed
    equal(t.finish()[0], 0, "exit code")
    assert t.is_restored(), "the terminal is not as it was"


def state(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        return f.read().rpartition(")")[2].split()[0]


@waiting_test
def it_can_be_stopped_and_continued(run):
    php = run.php()
    t = shown(run, php)
    # Nobody would continue a group without a shell: the signal of Ctrl-Z is sent, and answered, as a shell does.
    t.proc.send_signal(signal.SIGTSTP)
    deadline = time.monotonic() + 5
    while state(t.proc.pid) != "T" and time.monotonic() < deadline:
        t.read(0.1)
    equal(state(t.proc.pid), "T", "state")
    t.settle(0.2)
    assert t.is_restored(), "the terminal is not as it was while it is stopped"
    t.screen.reset()
    entered = t.raw.count(ENTER_SCREEN)
    t.proc.send_signal(signal.SIGCONT)
    t.wait("leak_native")
    assert t.raw.count(ENTER_SCREEN) > entered, "the screen was not taken again"
    # Stopped from elsewhere, without a chance to give it back: afterwards it draws all anew.
    t.proc.send_signal(signal.SIGSTOP)
    time.sleep(0.2)
    t.settle(0.2)
    t.screen.reset()
    t.proc.send_signal(signal.SIGCONT)
    t.wait("leak_native")
    t.press("q")
    equal(t.finish()[0], 0, "exit code")
    assert t.is_restored(), "the terminal is not as it was"


@waiting_test
def a_key_exports_into_new_files_alone(run):
    php = run.php()
    with tempfile.TemporaryDirectory() as folder:
        t = shown(run, php, cwd=folder)
        t.settle(0.2)
        before = len(t.raw)
        t.press("e")
        t.wait("exported: ")
        assert b"writing files ..." in t.raw[before:], t.raw[before:]
        files = sorted(os.listdir(folder))
        assert {name.rpartition(".")[2] for name in files} == {"folded", "swt", "html"}, files
        base = files[0].rpartition(".")[0]
        equal(sum("exported: " in line for line in t.lines()), 1, "lines that tell of it")
        equal(files, [f"{base}.{form}" for form in ("folded", "html", "swt")], "files")
        assert base.startswith(f"swtrace-{php.pid}-20"), files
        assert any(f"exported: {base}.{{folded,swt,html}}" in line for line in t.lines()), t.text()
        with open(os.path.join(folder, next(f for f in files if f.endswith(".folded"))), encoding="utf-8") as f:
            assert "leak_native" in f.read(), "folded stacks"
        recording = os.path.join(folder, next(f for f in files if f.endswith(".swt")))
        got = subprocess.run([SWTRACE, "report", recording], capture_output=True, timeout=60)
        assert got.returncode == 0 and b"leak_native" in got.stdout, got
        t.press("q")
        _, after = t.finish()
        assert "exported: " in after, after
    t = shown(run, php, cwd="/proc")
    t.press("e")
    t.wait("cannot be written")
    t.press("q")
    _, after = t.finish()
    equal(after.count("cannot be written"), 1, after)


@waiting_test
def a_started_command_writes_into_the_view_and_then_on_the_normal_screen(run):
    script = ("$kept = []; for ($i = 0; $i < 40; $i++) { echo \"line $i\\x1b[2J\\n\"; fwrite(STDERR, \"error $i\\n\");"
              "$kept[] = str_repeat('x', 5000); usleep(100000); } exit(7);")
    t = view(run, "--", PHP, "-r", script)
    t.wait("output (o): ")
    t.press("o")
    t.wait(lambda lines: any(line.startswith("line ") and line.endswith("\\x1b[2J") for line in lines), what="a safe line")
    t.wait(lambda lines: any(line.startswith("error ") for line in lines), what="standard error")
    t.wait("all that was traced has ended")
    t.press("q")
    code, after = t.finish()
    equal(code, 7, "exit code")
    assert t.is_restored(), "the terminal is not as it was"
    for i in range(40):
        assert f"line {i}\x1b[2J\nerror {i}\n" in after, (i, after)
    assert after.index("error 39") < after.index("final report"), after
    # Left running, it goes on, and so does what it writes.
    t = view(run, "--", PHP, "-r", script, shell=True)
    t.wait("output (o): ")
    t.press("q")
    t.wait("q again leaves it running")
    t.press("q")
    t.wait("exit code 0")
    deadline = time.monotonic() + 10
    while b"error 39" not in t.raw and time.monotonic() < deadline:
        t.read(0.5)
    assert b"error 39" in t.raw, t.raw[-2000:]


@waiting_test
def text_stays_text_where_it_is_asked_for_or_the_terminal_can_do_no_more(run):
    php = run.php()
    for args, env in (["--plain"], {}), ([], {"TERM": "dumb"}), (["--json"], {}), ([], {"TERM": "no-such-terminal"}), ([], {"NO_COLOR": "1"}):
        t = view(run, "-p", php.pid, "-n", 1, *args, env=env)
        code, text = t.finish()
        equal(code, 0, f"exit code with {args} {env}")
        assert ENTER_SCREEN not in t.raw and b"\x1b[H" not in t.raw, (args, env, t.raw)
        assert ('"type":"report"' if "--json" in args else "final report") in text, (args, env, text)
        # Only progress is taken away again, and that not from all of these.
        assert "\x1b" not in text.replace("\r\x1b[K", ""), (args, env, text)
    # A pipe: as every other test has it.
    got = subprocess.run([SWTRACE, "-p", str(php.pid), "-n", "1", "-i", "0.5"], capture_output=True, timeout=60)
    assert got.returncode == 0 and b"\x1b" not in got.stdout + got.stderr, got


@waiting_test
def a_terminal_without_colours_gets_none_and_no_utf8_means_ascii(run):
    php = run.php()
    t = shown(run, php, env={"TERM": "xterm-mono", "LANG": "C", "LC_ALL": "C"})
    t.press("\r")
    t.wait("selected stack")
    t.press("q")
    equal(t.finish()[0], 0, "exit code")
    before = t.raw.partition(b"final report")[0]
    assert b"selected stack" in before, before
    assert not any(b"\x1b[3%dm" % c in before or b";3%dm" % c in before for c in range(8)), "colours"
    assert max(before) < 0x80, "more than ASCII"


@test
def a_long_start_is_told_on_a_line_that_goes_away(run):
    php = run.php()
    t = view(run, "-p", php.pid, "--plain", "-n", 1)
    equal(t.finish()[0], 0, "exit code")
    assert b"loading the kernel side" not in t.raw, t.raw
    t = view(run, "-p", php.pid)
    t.wait("the first numbers come")
    before = t.raw.partition(ENTER_SCREEN)[0]
    for what in b"loading the kernel side", b"placing ", b"tracing ":
        assert what in before, (what, before)
    assert before.rindex(b"\r\x1b[K") > before.rindex(b"placing "), before
    t.press("q")
    equal(t.finish()[0], 0, "exit code")
