# SPDX-License-Identifier: GPL-2.0-or-later
"""test_pprof.py - profiles for pprof, read by go tool pprof, and by pprof-format of npm."""
import json
import os
import re
import shutil
import subprocess
import tempfile

from harness import SWTRACE, Skip, equal, test

BLOCK = 3001
FUNCTION = "leak_native"


def convert(recording, *args):
    path = recording + ".pb.gz"
    subprocess.run([SWTRACE, "report", recording, "--format", "pprof", "-o", path, *args], check=True, timeout=60)
    return path


def go(*args):
    p = subprocess.run(["go", "tool", "pprof", *args], capture_output=True, timeout=120, env={**os.environ, "HOME": "/nonexistent"})
    equal(p.returncode, 0, (args, p.stderr))
    return p.stdout.decode()


def recorded(run, folder):
    """(php, recording of 50 blocks, recording of 70 in the same process)."""
    php = run.php()
    new, old = (os.path.join(folder, name) for name in ("new.swt", "old.swt"))
    tracer = run.trace("record", "-p", php.pid, "-i", 0.4, "-o", new, json_lines=False)
    php.ask(f"native 50 {BLOCK}")
    while not os.path.exists(new) or live(new) != 50 * BLOCK:
        equal(tracer.proc.poll(), None, "swtrace runs")
    os.link(new, old)
    php.ask(f"native 20 {BLOCK}")
    equal(tracer.finish(), 0, "exit code")
    return php, old, new


def live(recording):
    out = subprocess.run([SWTRACE, "report", recording, "--format", "json"], check=True, capture_output=True).stdout
    stacks = [o for o in map(json.loads, out.splitlines()) if o["type"] == "profile_stack"]
    return sum(o["live_bytes"] for o in stacks if any(f["function"] == FUNCTION for f in o["frames"]))


def cumulative(out, function):
    """The cumulative number of a function in the output of -top -unit=B."""
    line, = [x for x in out.splitlines() if x.endswith(" " + function)]
    return int(line.split()[3].removesuffix("B"))


@test
def go_tool_pprof_shows_the_same_functions_and_sums(run):
    with tempfile.TemporaryDirectory() as folder:
        php, old, new = recorded(run, folder)
        was, is_now = convert(old), convert(new)
        out = go("-top", "-unit=B", "-sample_index=inuse_space", "-nodefraction=0", was)
        assert out.startswith("File: php8.2\n"), out
        assert "Build ID: " in out and "Type: inuse_space" in out, out
        equal(cumulative(out, FUNCTION), 50 * BLOCK, "live bytes")
        equal(cumulative(go("-top", "-unit=B", "-nodefraction=0", was), FUNCTION), 50 * BLOCK, "by default")
        count, = [x for x in go("-top", "-sample_index=inuse_objects", "-nodefraction=0", was).splitlines() if x.endswith(FUNCTION)]
        equal(count.split()[3], "50", "live blocks")
        # What has changed, by pprof's own difference, and by swtrace's.
        equal(cumulative(go("-top", "-unit=B", "-nodefraction=0", "-diff_base", was, is_now), FUNCTION), 20 * BLOCK, "-diff_base")
        equal(cumulative(go("-top", "-unit=B", "-nodefraction=0", convert(new, "--diff", old)), FUNCTION), 20 * BLOCK, "--diff")
        # Callers and callees: PHP's own stand where they were called.
        out = go("-peek", f"^{FUNCTION}$", was)
        assert re.search(rf"\|   {{main}}\n.*\| {FUNCTION}\n.*\|   malloc\n", out), out
        out = go("-tags", was)
        for text in "php8.2", "layer", "libc", str(php.pid):
            assert text in out, (text, out)


@test
def go_tool_pprof_has_every_frame_of_a_stack_in_its_order(run):
    with tempfile.TemporaryDirectory() as folder:
        php, old, _ = recorded(run, folder)
        raw = go("-raw", convert(old))
        assert "PeriodType: space bytes" in raw and "Period: 1" in raw, raw
        assert "alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes[dflt]" in raw, raw
        locations = dict(re.findall(r"^ *(\d+): 0x[0-9a-f]+ M=\d+ (\S.*?)(?: s=\d+.*)?$", raw, re.M))
        sample, = re.findall(rf"^ *\d+ +\d+ +50 +{50 * BLOCK}: ((?:\d+ ?)+)$", raw, re.M)
        names = [locations.get(i, "?") for i in sample.split()]
        out = subprocess.run([SWTRACE, "report", old, "--format", "json"], check=True, capture_output=True).stdout
        stack = next(o for o in map(json.loads, out.splitlines()) if o["type"] == "profile_stack"
                     and o["live_bytes"] == 50 * BLOCK)
        frames = [f for f in stack["frames"] if not f["inlined"]]
        equal(len(names), len(frames), "locations")
        for f in frames:
            if f["kind"] == "php":
                place = f"{f['function']} {f['file'] or ''}:{f['line'] or 0}"
                assert any(n.startswith(place) for n in names), (place, names)
        main, = [m for m in re.findall(r"^1: 0x0/0xffffffffffffffff/0x0 (\S+) ([0-9a-f]+) (.*)$", raw, re.M)]
        equal((main[0], "[FN]" in main[2]), ("php8.2", False), "the program's file: Debian's has functions without a name")


@test
def pprof_format_of_npm_reads_the_same(run):
    npm = shutil.which("npm")
    with tempfile.TemporaryDirectory() as folder:
        installed = npm and subprocess.run([npm, "install", "--silent", "--no-audit", "--no-fund", "pprof-format"], cwd=folder,
                                           capture_output=True, timeout=120)
        if not installed or installed.returncode:
            raise Skip("pprof-format of npm cannot be installed from here")
        _, old, _ = recorded(run, folder)
        script = """
const { Profile } = require('pprof-format'), zlib = require('zlib'), fs = require('fs');
const p = Profile.decode(zlib.gunzipSync(fs.readFileSync(process.argv[1])));
const text = i => p.stringTable.strings[Number(i)];
const names = new Map(p.function.map(f => [Number(f.id), text(f.name)]));
const places = new Map(p.location.map(l => [Number(l.id), l.line.map(n => names.get(Number(n.functionId)))]));
const of = p.sample.filter(s => s.locationId.some(i => places.get(Number(i)).includes(process.argv[2])));
console.log(JSON.stringify([p.sampleType.map(t => text(t.type)), of.reduce((n, s) => n + Number(s.value[3]), 0)]));
"""
        out = subprocess.run(["node", "-e", script, convert(old), FUNCTION], cwd=folder, check=True, capture_output=True).stdout
        equal(json.loads(out), [["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"], 50 * BLOCK], "as npm's reads it")
