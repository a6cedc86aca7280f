# SPDX-License-Identifier: GPL-2.0-or-later
"""test_record.py - swtrace record writes all that a report knows, and more; swtrace report reads it elsewhere, without any rights."""
import contextlib
import glob
import json
import os
import subprocess
import tempfile
import time

from harness import SWTRACE, equal, test, waiting_test

NOBODY = 65534
MAY_WRITE = 1 << 1 | 1 << 2 | 1 << 3  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
BLOCK = 3001


def slurp(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def report(*args, user=None):
    """(exit code, standard output, standard error) of swtrace report."""
    p = subprocess.run([SWTRACE, "report", *map(str, args)], capture_output=True, timeout=60, user=user,
                       extra_groups=[] if user else None, group=user)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def lines_of(path):
    code, out, err = report(path, "--format", "json")
    equal((code, err), (0, ""), "of a sound recording")
    return [json.loads(line) for line in out.splitlines()]


def leaked(lines, function="leak_native"):
    """(bytes, blocks) of stacks with that function."""
    found = [o for o in lines if o["type"] == "profile_stack" and any(f["function"] == function for f in o["frames"])]
    return sum(o["live_bytes"] for o in found), sum(o["live_blocks"] for o in found)


def record(run, folder, *args, pids=(), name="one.swt"):
    path = os.path.join(folder, name)
    os.chmod(folder, 0o755)
    return path, run.trace("record", "-p", ",".join(str(p) for p in pids), "-o", path, *args, json_lines=False)


@test
def a_recording_tells_the_same_on_any_machine_and_to_anybody(run):
    php = run.php()
    with tempfile.TemporaryDirectory() as folder:
        path, tracer = record(run, folder, "-i", 0.5, pids=[php.pid])
        php.ask(f"native 50 {BLOCK}")
        # A report's point of a curve is in the recordings after it.
        while not os.path.exists(path) or not any(o.get("curves") for o in lines_of(path)):
            equal(tracer.proc.poll(), None, "swtrace runs")
        equal(tracer.finish(), 0, "exit code")
        assert any(f"{path}: " in line and "swtrace report" in line for line in tracer.said), tracer.said
        equal(os.listdir(folder), ["one.swt"], "files")
        lines = lines_of(path)
        equal(leaked(lines), (50 * BLOCK, 50), "leaked")
        process, = [o for o in lines if o["type"] == "profile_process"]
        equal((process["pid"], process["comm"], process["alive"]), (php.pid, "php8.2", True), "process")
        assert process["what"].startswith("PHP 8.2"), process
        assert process["curves"]["zend"]["points"] and process["curves"]["rss"]["points"], process
        frame = next(f for o in lines if o["type"] == "profile_stack" for f in o["frames"] if f["function"] == "leak_native")
        with open(os.path.join(os.path.dirname(__file__), "worker.php"), encoding="utf-8") as f:
            assert "$libc->malloc($size)" in f.read().splitlines()[frame["line"] - 1], frame
        for form in "text", "folded", "speedscope", "html":
            code, out, err = report(path, "--format", form, user=NOBODY)
            equal((code, err), (0, ""), form)
            assert "leak_native" in out, (form, out[:500])
        seen = subprocess.run(["sh", "-c", 'exec 3>&1; { "$@"; echo $? >&3; } | :', "sh", SWTRACE, "report", path],
                              capture_output=True, text=True, timeout=60)
        equal((seen.stdout, seen.stderr), ("0\n", ""), "of a reader that has seen enough")
        code, out, _ = report(path)
        assert out.startswith("[20") and f"php8.2({php.pid})" in out, out
        folded = report(path, "--format", "folded")[1]
        equal(sum(int(line.rpartition(" ")[2]) for line in folded.splitlines()),
              sum(o["live_bytes"] for o in lines if o["type"] == "profile_stack"), "sum of folded stacks")


@test
def a_difference_is_what_came_in_between(run):
    php = run.php()
    with tempfile.TemporaryDirectory() as folder:
        path, tracer = record(run, folder, "-i", 0.4, pids=[php.pid], name="now.swt")
        old = os.path.join(folder, "old.swt")
        php.ask(f"native 50 {BLOCK}")
        # The file is there from the first report on, whole at any moment.
        while not os.path.exists(path) or leaked(lines_of(path)) != (50 * BLOCK, 50):
            equal(tracer.proc.poll(), None, "swtrace runs")
        os.link(path, old)
        php.ask(f"native 20 {BLOCK}")
        equal(tracer.finish(), 0, "exit code")
        code, out, err = report(path, "--diff", old, "--format", "json")
        equal((code, err), (0, ""), "difference")
        lines = [json.loads(line) for line in out.splitlines()]
        equal((lines[0]["difference"], leaked(lines)), (True, (20 * BLOCK, 20)), "came in between")
        code, out, _ = report(path, "--diff", old)
        assert "in +20 blocks, libc, php8.2" in out, out


@test
def what_lived_when_a_process_crashed_is_recorded_with_the_crash(run):
    php = run.php()
    with tempfile.TemporaryDirectory() as folder:
        path, tracer = record(run, folder, "-i", 0.4, pids=[php.pid])
        php.ask(f"native 50 {BLOCK}")
        while not os.path.exists(path) or leaked(lines_of(path)) != (50 * BLOCK, 50):
            equal(tracer.proc.poll(), None, "swtrace runs")
        php.send("crash")
        out = tracer.proc.stdout.read().decode()
        tracer.proc.wait(20)
        assert "signal 11" in out or "SIGSEGV" in out, out
        lines = lines_of(path)
        equal(leaked(lines), (50 * BLOCK, 50), "what lived")
        equal([o["alive"] for o in lines if o["type"] == "profile_process"], [False], "alive")
        crash, = [o for o in lines if o["type"] == "crash"]
        equal((crash["pid"], crash["signal_name"]), (php.pid, "SIGSEGV"), crash)
        out = report(path)[1]
        line = next(line for line in out.splitlines() if "] crash, " in line)
        assert f"php8.2({php.pid}), SIGSEGV" in line and crash["summary"] in line, line
        assert "swtrace report --crash FILE" in out, out


def stamps(folder):
    """Times of the exports in a folder, each with the kinds of files."""
    found = {}
    for name in os.listdir(folder):
        if name.startswith("swtrace-") and "T" in name.rpartition("-")[2]:
            stamp, _, kind = name.rpartition("-")[2].partition(".")
            found.setdefault(stamp, set()).add(kind)
    return found


def page_of(path):
    """The data of a page for a browser: src/export/page/data.js."""
    with open(path, encoding="utf-8") as f:
        return json.loads(f.read().partition('<script type="application/json" id="data">')[2].partition("</script>")[0])


@test
def exports_in_a_directory_have_names_of_their_own_and_the_last_ones_stay(run):
    quiet, php = run.php(), run.php()
    with tempfile.TemporaryDirectory() as folder:
        others = {"notes.txt", "swtrace-another-1-20200101T000000Z.folded", f"swtrace-{os.uname().nodename}-1-20200101T000000Z.mine"}
        for name in others:
            with open(os.path.join(folder, name), "w", encoding="utf-8"):
                pass
        # They are called after the one that is named first, whoever holds most.
        tracer = run.trace("-p", f"{quiet.pid},{php.pid}", "-i", 0.3, "--export-dir", folder, "--every", "1s", "--keep", 2)
        php.ask(f"native 50 {BLOCK}")
        seen = set()
        deadline = time.monotonic() + 20
        while len(seen) < 4:
            assert time.monotonic() < deadline, (seen, tracer.said)
            tracer.wait("report")
            seen |= set(stamps(folder)) - {"20200101T000000Z"}
        equal(tracer.finish(), 0, "exit code")
        left = {k: v for k, v in stamps(folder).items() if k != "20200101T000000Z"}
        assert len(left) == 2 and (max(seen) in left or max(left) > max(seen)), (left, seen)
        assert all(kinds == {"folded", "pb.gz", "jsonl", "html"} for kinds in left.values()), left
        assert others <= set(os.listdir(folder)), "files of others"
        stem = os.path.join(folder, f"swtrace-{os.uname().nodename}-{quiet.pid}-{max(left)}")
        with open(stem + ".folded", encoding="utf-8") as f:
            folded = sum(int(line.rpartition(" ")[2]) for line in f if "leak_native" in line)
        with open(stem + ".jsonl", encoding="utf-8") as f:
            equal((folded, leaked([json.loads(line) for line in f])), (50 * BLOCK, (50 * BLOCK, 50)), "leaked")
        data = page_of(stem + ".html")
        assert "leak_native" in data["strings"], data["strings"]
        curves = {curve["name"]: len(curve["points"]) // 2 for curve in data["now"]["processes"][0]["curves"]}
        assert curves["zend"] > 3 and curves["libc"] > 3 and curves["rss"] > 3, curves


def hear(tracer, text, at_each=lambda: None):
    """Wait until it says that, while it reports."""
    for _ in range(50):
        at_each()
        tracer.wait("report")
        with contextlib.suppress(AssertionError):
            tracer.hear(text, seconds=0.1)
            return
    assert False, (text, tracer.said)


def fill(path):
    """Leave no room on the disk that it is on."""
    with open(path, "ab", buffering=0) as f, contextlib.suppress(OSError):
        while True:
            f.write(bytes(4096))


@test
def a_full_disk_under_the_exports_is_told_once_of_each_and_survived(run):
    php = run.php()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], check=True)
        try:
            filler = os.path.join(folder, "filler")
            tracer = run.trace("-p", php.pid, "-i", 0.3, "--export-dir", folder, "--every", 1, "--keep", 2,
                               "--folded", "/dev/full", "--pprof", os.path.join(folder, "one.pb.gz"))
            php.ask(f"native 50 {BLOCK}")
            tracer.hear("/dev/full: cannot be written")
            while not stamps(folder):
                tracer.wait("report")
            # Again and again: what is just being replaced may make some room.
            hear(tracer, "one.pb.gz: cannot be written: No space left on device", lambda: fill(filler))
            hear(tracer, f"{folder}/swtrace-", lambda: fill(filler))
            for _ in range(6):
                tracer.wait("report")
            os.unlink(filler)
            hear(tracer, "exports are written again")
            equal(len([line for line in tracer.said if "No space left" in line]), 3, "times told")
            hear(tracer, f"{folder}/swtrace-", lambda: fill(filler))
            equal(tracer.finish(), 2, "exit code")
            left = [name for name in os.listdir(folder) if not name.endswith((".folded", ".jsonl", ".pb.gz", ".html", "filler"))]
            equal(left, [], "halves of files")
        finally:
            subprocess.run(["umount", folder], check=True)


@waiting_test
def who_does_not_take_a_file_holds_up_neither_reports_nor_crashes(run):
    php = run.php()
    with tempfile.TemporaryDirectory() as folder:
        # What is written goes nowhere: as to a disk that is slow, or that is away.
        pipe, path = os.path.join(folder, "pipe"), os.path.join(folder, "one.folded")
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            tracer = run.trace("-p", php.pid, "-i", 0.3, "--flamegraph", pipe, "--folded", path)
            for _ in range(4):
                tracer.wait("report", seconds=3)
            tracer.hear("still being written after 5 s")
            rights = [int(slurp(task + "/status").split("CapEff:\t")[1].split()[0], 16)
                      for task in glob.glob(f"/proc/{tracer.proc.pid}/task/*") if slurp(task + "/comm") == "swtrace-writer\n"]
            equal([caps & ~MAY_WRITE for caps in rights], [0], "capabilities of who writes, beside those to write")
            php.send("crash")
            tracer.wait("crash", seconds=3, pid=php.pid)
        finally:
            os.close(reader)
        equal(tracer.finish(interrupt=False), 4, "exit code: all have ended")
        assert any(f"{pipe}: cannot be written" in line for line in tracer.said), tracer.said
        assert os.path.exists(path), "the other file"


@test
def into_a_directory_that_is_not_there_nothing_is_written_and_how_to_make_it_is_told(_run):
    with tempfile.TemporaryDirectory() as folder:
        none = os.path.join(folder, "missing")
        for args in (["record", "-p", str(os.getpid()), "-o", none + "/one.swt"], ["-p", str(os.getpid()), "--export-dir", none]):
            p = subprocess.run([SWTRACE, *args], capture_output=True, timeout=30, stdin=subprocess.DEVNULL)
            equal((p.returncode, p.stdout), (2, b""), args)
            assert b"No such file or directory" in p.stderr and f"first: mkdir -p {none}\n".encode() in p.stderr, p.stderr
        equal(os.listdir(folder), [], "files")


@test
def a_damaged_recording_is_told_and_what_is_whole_is_shown(run):
    php = run.php()
    with tempfile.TemporaryDirectory() as folder:
        path, tracer = record(run, folder, "-i", 0.4, pids=[php.pid])
        php.ask(f"native 50 {BLOCK}")
        equal(tracer.finish(), 0, "exit code")
        with open(path, "rb") as f:
            data = f.read()
        cut = os.path.join(folder, "cut.swt")
        with open(cut, "wb") as f:
            f.write(data[:-10])
        code, out, err = report(cut)
        equal(code, 2, "exit code of a cut one")
        assert "leak_native" in out and f"{cut}: it ends too early" in err and "try:" in err, err
        assert "DAMAGED FILE: it ends too early" in out and f"php8.2({php.pid})" in out, out
        for args in ([cut, "--diff", path], [path, "--diff", cut]):
            code, out, err = report(*args)
            equal((code, out), (2, ""), "a difference that would be wrong")
            assert f"{cut}: it ends too early" in err and "as if it had come or gone" in err, err
        with open(cut, "wb") as f:
            f.write(data[:len(data) * 3 // 4])
        code, out, _ = report(cut)
        assert f"php8.2({php.pid})" in out and "lost: " in out and "lost: not known" not in out, out
        with open(cut, "wb") as f:
            f.write(data[:20])
        code, out, err = report(cut)
        equal((code, out), (2, ""), "nothing of it")
        assert "nothing of it could be read" in err, err
        with open(cut, "wb") as f:
            f.write(data[:100] + bytes([data[100] ^ 1]) + data[101:])
        code, out, err = report(cut)
        equal(code, 2, "exit code of a damaged one")
        assert f"{cut}: it is damaged" in err, err
        code, out, err = report(__file__)
        equal((code, out), (2, ""), "another file")
        assert "it is no file of swtrace record" in err, err
        code, _, err = report(os.path.join(folder, "none"))
        equal(code, 2, "no such file")
        assert "No such file" in err, err
