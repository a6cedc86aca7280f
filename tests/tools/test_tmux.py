# SPDX-License-Identifier: GPL-2.0-or-later
"""test_tmux.py - the live view in tmux, which is a terminal of its own kind: drawn, drawn anew in another size, and given back.
With an emulator of a plain terminal: tests/live/test_view.py."""
import os
import re
import subprocess
import tempfile
import time

from harness import SWTRACE, equal, test

BLOCK = 3001


class Tmux:
    """swtrace in a detached session of a tmux server of its own, which keeps what is on its screen when swtrace has ended."""

    def __init__(self, args, cols=80, rows=24):
        self.folder = tempfile.TemporaryDirectory()
        self.env = {k: v for k, v in os.environ.items() if k not in ("TMUX", "NO_COLOR", "LINES", "COLUMNS", "LC_ALL")}
        self.env |= {"TMUX_TMPDIR": self.folder.name, "LANG": "C.UTF-8", "TERM": "xterm-256color"}
        config = os.path.join(self.folder.name, "tmux.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write("set -g remain-on-exit on\nset -g history-limit 5000\n")
        self.command("-f", config, "new-session", "-d", "-x", cols, "-y", rows, SWTRACE, *args)

    def command(self, *args):
        argv = ["tmux", "-u", "-L", f"swtrace-test-{os.getpid()}", *map(str, args)]
        done = subprocess.run(argv, env=self.env, capture_output=True, timeout=20, check=False)
        equal((done.returncode, done.stderr), (0, b""), " ".join(argv))
        return done.stdout.decode("utf-8", "replace")

    def lines(self, *options):
        return [line.rstrip() for line in self.command("capture-pane", "-p", *options).split("\n")]

    def text(self):
        return "\n".join(self.lines())

    def press(self, keys):
        self.command("send-keys", "-l", keys)

    def wait(self, holds, what, seconds=20):
        """Until the screen is so: a text that is on it, or a function of its lines."""
        condition = holds if callable(holds) else lambda lines: any(holds in line for line in lines)
        deadline = time.monotonic() + seconds
        while not condition(self.lines()):
            assert time.monotonic() < deadline, f"never on the screen: {what}; there is:\n{self.text()}"
            time.sleep(0.1)

    def state(self):
        """(swtrace has ended, its exit code)"""
        return tuple(self.command("display-message", "-p", "#{pane_dead} #{pane_dead_status}").split())

    def end(self):
        self.command("kill-server")
        self.folder.cleanup()


@test
def in_tmux_the_view_is_drawn_follows_the_size_answers_keys_and_leaves_the_report(run):
    php = run.php()
    # GIVEN the view in a window of tmux's, 80 by 24
    t = run.keep(Tmux(["-p", php.pid, "-i", 0.5]))
    t.wait("the first numbers come in a moment", "the view")
    php.ask(f"native 50 {BLOCK}")
    t.wait("leak_native", "the stack")
    lines = t.lines()
    assert lines[0].startswith("swtrace  ") and f"({php.pid})" in lines[0] and "q quit" in lines[23], t.text()
    assert any(re.match(r" +LEAK/h +LIVE +BLOCKS", line) for line in lines) and max(map(len, lines)) <= 80, t.text()
    for key in ("/", "p", "l", "f", "m", "e", "q"):
        assert re.search(f"(^| ){key} [a-z]", lines[23]), f"no key {key}: {lines[23]}"
    # WHEN it is made larger, THEN it is drawn anew, with what needs the room
    t.command("resize-window", "-x", 120, "-y", 40)
    t.wait(lambda lines: len(lines) >= 40 and "q quit" in lines[39] and "q quit" not in lines[23], "the keys in the last line of 40")
    t.wait(" stacks complete   cost: swtrace", "the cost at length, which takes 100 columns")
    # a key is answered
    t.press("2")
    t.wait("by live bytes", "another order")
    t.press("?")
    t.wait("any key", "help")
    t.press(" ")
    t.wait("leak_native", "the table again")
    # and q leaves the last report on the screen that was there before
    t.press("q")
    deadline = time.monotonic() + 30
    while len(t.state()) < 2:  # the pane may be dead before tmux knows how
        assert time.monotonic() < deadline, t.text()
        time.sleep(0.1)
    equal(t.state(), ("1", "0"), "ended, and its exit code")
    after = "\n".join(t.lines("-S", "-"))
    assert re.search(r"\] final report after .* live in ", after) and "leak_native" in after, after
    assert "q quit" not in after and "LEAK/h" not in after, after
