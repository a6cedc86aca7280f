# SPDX-License-Identifier: GPL-2.0-or-later
"""terminal.py - swtrace on a terminal of its own: a pseudo-terminal, and an emulator (pyte) that says what is on its screen."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

from harness import SWTRACE

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's, should this python3 be another

import pyte  # noqa: E402

# An emulator that does not know a sequence shows it; these, of xterm's, pyte does not.
UNKNOWN = re.compile(rb"\x1b\[[?>][0-9;]*[a-zA-Z]|\x1b[()][0AB]|\x1b\[[0-9;]*t")
# To scroll by several lines, which it does not know either: ncurses does so where the cursor is on the line at which one comes in.
SCROLL = re.compile(rb"\x1b\[([0-9]+)([ST])")
UNFINISHED = re.compile(rb"\x1b[^a-zA-Z]*$")
SLOW_STEP_S = 0.05  # between two reads of a slow link
ENTER_SCREEN, LEAVE_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """swtrace with these arguments; all that it writes is in raw, what is to be seen of it in lines()."""

    def __init__(self, args, rows=24, cols=80, env=None, cwd=None, shell=False, prefix=()):
        self.screen = pyte.Screen(cols, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.master, self.slave = pty.openpty()
        self.size(rows, cols)
        self.modes = termios.tcgetattr(self.slave)
        self.raw = b""
        self.rest = b""  # the begin of a sequence
        self.ended = False
        self.link = None  # bytes a second that are read from it; None: at once
        environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "LINES", "COLUMNS", "LC_ALL")}
        environment |= {"TERM": "xterm-256color", "LANG": "C.UTF-8"} | (env or {})
        argv = [*prefix, SWTRACE, *map(str, args)]
        if shell:  # one that stays: when the first process of a terminal's session ends, all others are told to
            argv = ["sh", "-c", '"$@"; echo "exit code $?"; exec sleep 30', "sh", *argv]
        self.proc = subprocess.Popen(argv, stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                     env=environment, cwd=cwd, start_new_session=True, preexec_fn=self.take)

    def take(self):
        """In the child: this is its controlling terminal."""
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def size(self, rows, cols):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def resize(self, rows, cols):
        self.screen.resize(rows, cols)
        self.size(rows, cols)

    def press(self, keys):
        os.write(self.master, keys.encode() if isinstance(keys, str) else keys)

    def read(self, seconds):
        """What it writes in that time; ends as soon as there was something."""
        if self.ended or not select.select([self.master], [], [], seconds)[0]:
            return
        try:
            if self.link:
                time.sleep(SLOW_STEP_S)
            data = os.read(self.master, int(self.link * SLOW_STEP_S) if self.link else 65536)
        except OSError:  # nobody has the other side any more
            data = b""
        self.ended = not data
        self.raw += data
        data = self.rest + data
        self.rest = begun[0] if (begun := UNFINISHED.search(data)) else b""
        data = UNKNOWN.sub(b"", data[:len(data) - len(self.rest)])
        self.stream.feed(SCROLL.sub(lambda m: (b"\x1bD" if m[2] == b"S" else b"\x1bM") * int(m[1]), data))

    def is_stuck(self):
        """Does it take nothing any more, since nobody reads, or it was told to stop?"""
        return not select.select([], [self.slave], [], 0)[1]

    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    def text(self):
        return "\n".join(self.lines())

    def wait(self, condition, seconds=20, what=""):
        """Until the screen is as the condition (a text that is there, or a function of all lines) has it."""
        holds = condition if callable(condition) else lambda lines: any(condition in line for line in lines)
        deadline = time.monotonic() + seconds
        while not holds(self.lines()):
            left = deadline - time.monotonic()
            assert left > 0 and not self.ended, f"never on the screen: {what or condition}; there is:\n{self.text()}"
            self.read(min(left, 0.5))

    def settle(self, seconds=0.6):
        """Until nothing was written for so long."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            before = len(self.raw)
            self.read(seconds)
            if len(self.raw) == before:
                return

    def row(self, text):
        """The number of the first line with that text, or -1."""
        return next((i for i, line in enumerate(self.lines()) if text in line), -1)

    def attributes(self, text):
        """(foreground, background, reverse) of the first character of that text."""
        y = self.row(text)
        assert y >= 0, f"no {text!r} in\n{self.text()}"
        cell = self.screen.buffer[y][self.lines()[y].index(text)]
        return cell.fg, cell.bg, cell.reverse

    def finish(self, seconds=30):
        """Read to its end: (exit code, what it wrote after it had given the screen back)."""
        deadline = time.monotonic() + seconds
        while self.proc.poll() is None and time.monotonic() < deadline:
            self.read(0.1)
        code = self.proc.wait(1)
        while select.select([self.master], [], [], 0)[0] and not self.ended:
            self.read(0)
        return code, self.raw.rpartition(LEAVE_SCREEN)[2].decode("utf-8", "replace").replace("\r\n", "\n")

    def is_restored(self):
        """Is the terminal as it was before?"""
        return (termios.tcgetattr(self.slave) == self.modes and self.raw.count(ENTER_SCREEN) == self.raw.count(LEAVE_SCREEN)
                and self.raw.rfind(b"\x1b[?25h") >= self.raw.rfind(b"\x1b[?25l"))

    def end(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGCONT)
            self.proc.kill()
        self.proc.wait()
        os.close(self.master)
        os.close(self.slave)
