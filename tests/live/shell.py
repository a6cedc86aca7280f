# SPDX-License-Identifier: GPL-2.0-or-later
"""shell.py - a shell at a terminal: what a completion makes of a line when TAB is hit."""
import fcntl
import os
import pty
import select
import signal
import struct
import tempfile
import termios
import time

from harness import ROOT, SWTRACE

COMPLETIONS = os.path.join(ROOT, "build", "completions")
PROMPT = "ready>"
LINE_START, LINE_KILL = "\x01", "\x15"


class Shell:
    """An interactive shell in a folder that has read `setup`. `completed` and `listed` say what it makes of a line."""

    def __init__(self, argv, setup, folder):
        path = f"{os.path.dirname(os.path.realpath(SWTRACE))}:{os.environ['PATH']}"
        env = {"PATH": path, "HOME": folder, "TERM": "dumb", "LANG": "C.UTF-8", "PS1": PROMPT, "INPUTRC": "/dev/null"}
        self.seen = ""
        self.words = tempfile.NamedTemporaryFile()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(folder)
                os.execvpe(argv[0], argv, env)
            finally:
                os._exit(127)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("4H", 4000, 160, 0, 0))  # room for every list
        self.type(f"{setup}; keep() {{ printf '%s\\0' \"$@\" >{self.words.name}; echo ke''pt; }}; echo is''up\n")
        self.wait("isup")
        self.wait(PROMPT)

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self, text, seconds=20):
        """What the terminal shows up to the text, which is taken off."""
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"the terminal never showed {text!r}, but {self.seen!r}")
            self.seen += os.read(self.fd, 65536).decode("utf-8", "replace")
        before, _, self.seen = self.seen.partition(text)
        return before

    def completed(self, line):
        """The words of the line after TAB, as the shell would hand them to a program."""
        self.type(f"{line}\t{LINE_START}keep \n")
        self.wait("kept")
        self.wait(PROMPT)
        with open(self.words.name, encoding="utf-8") as f:
            return f.read().split("\0")[:-1]

    def listed(self, line, until):
        """What the terminal shows when TAB is hit twice: the candidates, of which this is one. The line is thrown away."""
        self.type(f"{line}\t\t")
        before = self.wait(until)
        self.type(f"{LINE_KILL}echo is''shown\n")
        shown = before + until + self.wait("isshown")
        self.wait(PROMPT)
        return shown

    def end(self):
        os.close(self.fd)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.words.close()
