# SPDX-License-Identifier: GPL-2.0-or-later
"""test_manual.py - the man page, as mandoc and man read it."""
import glob
import os
import re
import subprocess

from harness import ROOT, command, equal, test
from test_completion import commands

PAGE = os.path.join(ROOT, "build", "swtrace.8")


def run_tool(*argv, **env):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8", **env})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def page():
    code, text, err = run_tool("man", "--nh", "--nj", "-l", PAGE, MANWIDTH="100", MANPAGER="cat")
    equal(code, 0, err)
    return re.sub(".\b", "", text)


@test
def mandoc_finds_nothing_to_say_about_the_page(_run):
    code, out, err = run_tool("mandoc", "-T", "lint", "-W", "style", PAGE)
    # It looks up the pages that are referred to, and not all are installed everywhere.
    said = [line for line in (out + err).splitlines()
            if not re.search("referenced manual not found|outdated mandoc.db", line)]
    equal(said, [], f"mandoc, which exits with {code}")


@test
def man_gives_no_warning(_run):
    code, _, err = run_tool("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", PAGE)
    equal((code, err), (0, ""), "exit code, warnings")


@test
def the_page_has_every_option_with_what_it_does_and_who_takes_it(_run):
    text = page()
    flat = " ".join(text.split())
    for words in ((), *((one,) for one in commands())):
        _, out, _ = command(*words, "--help")
        options = re.findall(r"^  (?:-(\w), |    )--([\w-]+)(?: (\S+))? +(\S.*)$", out, re.M)
        assert len(options) > 5, out
        for letter, name, value, what in options:
            line = (f"-{letter}, " if letter else "") + f"--{name}" + (f" {value}" if value else "")
            assert re.search(rf"^ +{re.escape(line)}( |$)", text, re.M), f"{line} is not in the page"
            assert what[1:] in flat, f"--{name}: {what}"
    about = flat[flat.index("--diff OLD"):]
    assert "Taken by swtrace report." in about[:200], about[:200]


@test
def the_page_has_every_variable_that_is_looked_at(_run):
    text, names, values = page(), set(), {}
    for path in glob.glob(os.path.join(ROOT, "src/*/*.[ch]")):
        with open(path, encoding="utf-8") as f:
            source = f.read()
        names |= set(re.findall(r'getenv\(("?\w+"?)\)', source))
        values.update(re.findall(r'^#define (\w+)\s+("\w+")', source, re.M))
    assert '"DEBUGINFOD_URLS"' in names, names
    for name in names:
        name = values.get(name, name).strip('"')
        assert re.search(rf"^ +{name}( |$)", text, re.M), f"{name} is not in the page"


@test
def the_page_has_the_sections_that_are_looked_for(_run):
    text = page()
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "OUTPUT", "ENVIRONMENT", "FILES", "EXIT STATUS",
                    "EXAMPLES", "REQUIREMENTS", "SEE ALSO", "BUGS"):
        assert re.search(rf"^{section}$", text, re.M), f"no section {section}"
    assert re.search("swtrace . find memory leaks", text), text[:400]
