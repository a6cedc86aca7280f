# SPDX-License-Identifier: GPL-2.0-or-later
"""test_completions.py - what zsh and fish make of a line when TAB is hit. bash: tests/live/test_completion.py."""
import os
import subprocess
import tempfile

from harness import equal, test
from shell import COMPLETIONS, Shell
from test_completion import Named, commands, options_of

FISH = os.path.join(COMPLETIONS, "swtrace.fish")


def zsh(run, folder):
    setup = (f"fpath=({COMPLETIONS} $fpath); autoload -U compinit; compinit -D -u; "
             "setopt no_beep; unsetopt prompt_cr prompt_sp; LISTMAX=10000; zstyle ':completion:*' format %d")
    return run.keep(Shell(["zsh", "-f", "-i"], setup, folder))


def fish(line, folder="/"):
    """What fish offers at the end of a line: {candidate: description}."""
    home = tempfile.TemporaryDirectory()
    done = subprocess.run(["fish", "--no-config", "-c", 'source $argv[1]; complete -C $argv[2]', FISH, line], cwd=folder,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False,
                          env={**os.environ, "HOME": home.name, "LC_ALL": "C.UTF-8"})
    home.cleanup()
    equal((done.returncode, done.stderr), (0, b""), f"fish at {line}")
    return dict((one + "\t").split("\t")[:2] for one in done.stdout.decode("utf-8", "replace").splitlines())


def folder_with_files():
    folder = tempfile.TemporaryDirectory()
    os.mkdir(os.path.join(folder.name, "some folder"))
    with open(os.path.join(folder.name, "some recording.swt"), "w", encoding="utf-8"):
        pass
    return folder


@test
def zsh_offers_what_the_command_takes_with_what_it_does(run):
    with folder_with_files() as folder:
        shell = zsh(run, folder)
        equal(shell.completed("swtrace --lay")[-1], "--layer", "an option")
        equal(shell.completed("swtrace rec")[-1], "record", "a command")
        equal(shell.completed("swtrace help rep")[-1], "report", "a command after help")
        equal(shell.completed("swtrace report --lay")[-1], "--lay", "what it does not take")
        equal(shell.completed("swtrace report x --spe")[-1], "--spe", "what nothing takes")
        equal(shell.completed("swtrace report x --format spe")[-1], "speedscope", "a value")
        equal(shell.completed("swtrace report x --format=spe")[-1], "--format=speedscope", "a value behind =")
        shown = shell.listed("swtrace report --", "--crash")
        for option in options_of("report", "--help"):
            assert option in shown, f"{option}: {shown}"
        assert "what has changed since this earlier one" in shown and "--layer" not in shown, shown
        shown = shell.listed("swtrace ", "report")
        assert "look at processes from outside" in shown, shown


@test
def zsh_offers_values_files_and_the_command_after_dashes(run):
    with folder_with_files() as folder:
        shell = zsh(run, folder)
        equal(shell.completed("swtrace --layer zend,li")[-1], "zend,libc", "the second of a list")
        equal(shell.completed("swtrace report some\\ r")[-1], "some recording.swt", "a file")
        equal(shell.completed("swtrace -p 1 --save some\\ r")[-1], "some recording.swt", "a file for --save")
        equal(shell.completed("swtrace watch --out some")[-1], "some folder", "a directory for --out")
        equal(shell.completed("swtrace -i 5 -- mktem")[-1], "mktemp", "the command")
        equal(shell.completed("swtrace -i 5 -- cat some\\ r")[-1], "some recording.swt", "its argument")
        shown = shell.listed("swtrace -i ", "a number of seconds")
        assert "a number of seconds" in shown and "some" not in shown, shown


@test
def zsh_offers_processes_with_their_names_and_obeys_none(run):
    hostile, plain = run.keep(Named("$(>owned)\x1b[2J\xff")), run.keep(Named("swtest-3"))
    with folder_with_files() as folder:
        files = os.listdir(folder)
        shell = zsh(run, folder)
        equal(shell.completed(f"swtrace -p {plain.pid}")[-1], str(plain.pid), "a number")
        equal(shell.completed("swtrace -a --comm swtest-")[-1], "swtest-3", "a name")
        shown = shell.listed("swtrace -p ", f"{plain.pid} (swtest-3)")
        assert f"{plain.pid} (swtest-3)" in shown and f"{hostile.pid} ($(>owned)?[2J?)" in shown, shown
        assert "\x1b[2J" not in shown and "kthreadd" not in shown, repr(shown)
        assert "owned" not in shell.listed("swtrace -a --comm ", "swtest-3")
        equal(os.listdir(folder), files, "files made by names")


@test
def fish_offers_what_the_command_takes_with_what_it_does(_run):
    equal(set(fish("swtrace --la")), {"--layer"}, "swtrace --la")
    equal({o for o in fish("swtrace --") if o.startswith("--")}, options_of("--help"), "swtrace --")
    assert {*commands(), "help"} <= set(fish("swtrace ")), fish("swtrace ")
    for one in commands():
        equal({o for o in fish(f"swtrace {one} --") if o.startswith("--")}, options_of(one, "--help"), f"swtrace {one} --")
    equal(set(fish("swtrace help rep")), {"report"}, "swtrace help")
    equal(fish("swtrace report --di")["--diff"], "what has changed since this earlier one", "what it does")
    equal(fish("swtrace watch --int")["--interval"], "time between two looks (default 60)", "what it does for watch")


@test
def fish_offers_values_files_and_the_command_after_dashes(_run):
    with folder_with_files() as folder:
        equal(set(fish("swtrace --layer ")), {"zend", "libc", "mmap"}, "--layer")
        equal(set(fish("swtrace --layer zend,l")), {"zend,libc"}, "the second of a list")
        equal(set(fish("swtrace --layer=zend,l")), {"--layer=zend,libc"}, "behind =")
        equal(set(fish("swtrace report x --format spe")), {"speedscope"}, "--format")
        equal(set(fish("swtrace report so", folder)), {"some folder/", "some recording.swt"}, "a file")
        equal(set(fish("swtrace -p 1 --save so", folder)), {"some folder/", "some recording.swt"}, "a file for --save")
        equal(set(fish("swtrace watch --out so", folder)), {"some folder/"}, "a directory for --out")
        equal(fish("swtrace -i so", folder), {}, "a number is no file")
        assert "mktemp" in fish("swtrace -i 5 -- mktem"), fish("swtrace -i 5 -- mktem")
        equal(set(fish("swtrace -i 5 -- cat some\\ r", folder)), {"some recording.swt"}, "the argument of the command")


@test
def fish_offers_processes_with_their_names_and_obeys_none(run):
    hostile, plain = run.keep(Named("$(>owned)\x1b[2J\xff")), run.keep(Named("swtest-4"))
    with folder_with_files() as folder:
        files = os.listdir(folder)
        processes = fish("swtrace -p ", folder)
        equal((processes[str(plain.pid)], processes[str(hostile.pid)]), ("swtest-4", "$(>owned)?[2J?"), "their names")
        assert "kthreadd" not in processes.values(), processes
        equal(set(fish(f"swtrace -p 1,{plain.pid}", folder)), {f"1,{plain.pid}"}, "the second of a list")
        equal(set(fish("swtrace watch --comm swtest-", folder)), {"swtest-4"}, "a name")
        assert not [one for one in fish("swtrace -a --comm ", folder) if "owned" in one]
        equal(os.listdir(folder), files, "files made by names")
