# SPDX-License-Identifier: GPL-2.0-or-later
"""test_completion.py - help, and what bash makes of a line when TAB is hit. zsh and fish: tests/tools."""
import os
import subprocess
import tempfile

from harness import command, equal, test
from shell import COMPLETIONS, Shell

BASH = os.path.join(COMPLETIONS, "swtrace.bash")

# A process that calls itself by its argument.
NAMED = """import sys
open('/proc/self/comm', 'wb').write(sys.argv[1].encode('latin-1'))
print('up', flush=True)
sys.stdin.read()"""


class Named:
    def __init__(self, name):
        self.proc = subprocess.Popen(["python3", "-c", NAMED, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.proc.stdout.readline()
        self.pid = self.proc.pid

    def end(self):
        self.proc.stdin.close()
        self.proc.stdout.close()
        self.proc.wait()


def offered(*words):
    """What bash offers for the last of these words."""
    script = ('set -u; source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _swtrace swtrace "" "";'
              'for one in "${COMPREPLY[@]}"; do printf "%s\\0" "$one"; done')
    done = subprocess.run(["bash", "--norc", "--noprofile", "-c", script, "bash", BASH, "swtrace", *words],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    equal((done.returncode, done.stderr), (0, b""), f"bash at {words}")
    return done.stdout.decode("utf-8", "replace").split("\0")[:-1]


def options_of(*words):
    """The long options that a help text lists."""
    code, out, err = command(*words)
    equal((code, err), (0, ""), f"{words}: exit code, standard error")
    return {line[6:].split()[0] for line in out.splitlines() if line[:2] == "  " and line[6:8] == "--"}


def commands():
    """The commands that the help lists."""
    _, out, _ = command("--help")
    listed = out[out.index("\nCommands"):].split("\n\n")[0].splitlines()[2:]
    return [line.split()[0] for line in listed if line[2] != " "]  # a long explanation goes on below


@test
def help_is_on_standard_output_and_of_a_command_its_own(_run):
    general = options_of("--help")
    assert {"watch", "record", "report"} <= set(commands()), commands()
    assert {"--pid", "--all", "--json"} <= general and "--diff" not in general, general
    equal(options_of("help"), general, "swtrace help")
    equal(options_of("-h"), general, "swtrace -h")
    for one in commands():
        of_command = options_of(one, "--help")
        assert of_command - {"--help"} and of_command != general, of_command
        equal(options_of("help", one), of_command, f"swtrace help {one}")
    assert {"--diff", "--crash"} <= options_of("report", "--help")
    code, out, err = command("help", "nothing")
    equal((code, out), (2, ""), err)


@test
def bash_offers_what_the_command_takes(_run):
    general = options_of("--help")
    equal({o for o in offered("--") if o.startswith("--")}, general, "swtrace --")
    equal(offered("--la"), ["--layer"], "swtrace --la")
    assert {*commands(), "help"} <= set(offered("")), offered("")
    equal(offered("rec"), ["record"], "swtrace rec")
    equal(offered("help", "rep"), ["report"], "swtrace help rep")
    for one in commands():
        equal({o for o in offered(one, "--") if o.startswith("--")}, options_of(one, "--help"), f"swtrace {one} --")
    assert "-p" in offered("-"), offered("-")
    equal(offered("report", "--lay"), [], "what it does not take")


@test
def bash_offers_the_values_of_a_fixed_set(_run):
    equal(offered("-p", "1", "--layer", ""), ["zend", "libc", "mmap"], "--layer")
    equal(offered("--layer", "zend,"), ["zend,libc", "zend,mmap"], "after a comma")
    equal(offered("--layer", "zend,l"), ["zend,libc"], "the second of a list")
    equal(offered("--layer", "=", "m"), ["mmap"], "--layer=m, as readline divides it")
    equal(offered("--layer", "="), ["zend", "libc", "mmap"], "--layer=")
    equal(offered("report", "f", "--format", "spe"), ["speedscope"], "--format")
    equal(offered("--fail-on", ""), ["leak"], "--fail-on")
    equal(offered("--interval", ""), [], "a number")


@test
def bash_offers_processes_with_their_names(run):
    process = run.keep(Named("swtest,one"))
    equal(offered("-p", str(process.pid)), [str(process.pid)], "one alone is its number")
    equal(offered("-p", f"1,{process.pid}"), [f"1,{process.pid}"], "the second of a list")
    assert f"{process.pid} (swtest,one)" in offered("-p", ""), offered("-p", "")
    assert not [one for one in offered("-p", "") if "kthreadd" in one], "threads of the kernel"
    plain = run.keep(Named("swtest-2"))
    equal(offered("--comm", "swtest"), ["swtest-2"], "a name with a comma cannot be given")
    equal(offered("watch", "--comm", "x,swtest"), ["x,swtest-2"], "the second of a list")
    plain.end()


@test
def names_of_processes_do_nothing_to_a_shell_or_a_terminal(run):
    with tempfile.TemporaryDirectory() as folder:
        hostile = run.keep(Named("$(>owned)"))
        terminal = run.keep(Named("\x1b[2J\n\x9b\xff;`x`"))
        plain = run.keep(Named("swtest-5"))
        setup = f"bind 'set completion-query-items 0'; bind 'set page-completions off'; source {BASH}"
        shell = run.keep(Shell(["bash", "--norc", "--noprofile", "-i"], setup, folder))
        shown = shell.listed("swtrace -p ", f"{plain.pid} (swtest-5)")
        assert f"{hostile.pid} ($(>owned))" in shown and f"{terminal.pid} (?[2J" in shown, shown
        assert "\x1b[2J" not in shown and "\x9b" not in shown, repr(shown)
        shown = shell.listed("swtrace --comm ", "swtest-5")
        assert "owned" not in shown and "[2J" not in shown, shown
        equal(shell.completed(f"swtrace -p {hostile.pid}")[-1:], [str(hostile.pid)], "its number")
        equal(os.listdir(folder), [], "files made by names")


@test
def bash_completes_files_where_files_are_wanted_and_the_command_after_dashes(run):
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "some folder"))
        with open(os.path.join(folder, "some recording.swt"), "w", encoding="utf-8"):
            pass
        shell = run.keep(Shell(["bash", "--norc", "--noprofile", "-i"], f"source {BASH}", folder))
        for line in ("report some\\ r", "report --diff some\\ r", "--save 'some r", "--save=some\\ r", "record -o some\\ r"):
            last = shell.completed(f"swtrace {line}")[-1]
            equal(last.split("=")[-1], "some recording.swt", line)
        equal(shell.completed("swtrace watch --out some")[-1], "some folder/", "a directory for --out")
        equal(shell.completed("swtrace -- mktem")[-1], "mktemp", "the command")
        equal(shell.completed("swtrace -i 5 -- cat some\\ r")[-1], "some recording.swt", "its argument")
        equal(shell.completed("swtrace --inter")[-1], "--interval", "an option")
        equal(shell.completed("swtrace -i so")[-1], "so", "a number is no file")
