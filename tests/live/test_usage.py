# SPDX-License-Identifier: GPL-2.0-or-later
"""test_usage.py - options, outputs, and bad input: one clear line and the right exit code."""
import json
import os
import shutil
import subprocess
import tempfile
import time

from harness import SWTRACE, TARGETS, command, equal, test


def refused(code, says, *args, **kw):
    got, out, err = command(*args, **kw)
    equal((got, out), (code, ""), f"{args}: {err}")
    lines = err.splitlines()
    assert lines and lines[0].startswith("swtrace: ") and says in lines[0], f"{args}: {err}"
    assert len(lines) <= 2 and all(line.startswith("  try: ") for line in lines[1:]), f"{args}: {err}"


@test
def a_pid_that_does_not_exist_is_code_4(run):
    refused(4, "no such process", "-p", 2 ** 22 + 5)


@test
def wrong_words_are_code_2(run):
    refused(2, "cannot use 'abc'", "-p", "abc")
    refused(2, "unknown option '--intervall'", "-p", 1, "--intervall", 5)
    refused(2, "exclude each other", "-p", 1, "--", "true")
    refused(2, "no block can be shown", "-p", 1, "--min-size", 10, "--max-size", 5)
    refused(2, "nothing to trace")


@test
def a_thread_is_not_a_process(run):
    target = run.target("threads", "2")
    target.send("go 20000000")
    time.sleep(0.2)
    tid = max(int(t) for t in os.listdir(f"/proc/{target.pid}/task"))
    refused(2, "is a thread", "-p", tid)


@test
def an_unwritable_folded_file_is_told_before_tracing(run):
    target = run.target("life")
    refused(2, "No such file", "-p", target.pid, "--folded", "/no/such/folder/file")
    refused(2, "directory", "-p", target.pid, "--folded", "/tmp")
    refused(2, "No such file", "-p", target.pid, "--flamegraph", "/no/such/folder/file")


@test
def missing_capabilities_are_named(run):
    target = run.target("life")
    with tempfile.TemporaryDirectory() as folder:  # the checkout may lie where others cannot read
        os.chmod(folder, 0o755)
        shutil.copy(SWTRACE, folder)
        refused(3, "CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE", "-p", target.pid, user=65534, group=65534,
                extra_groups=[], cwd=folder, executable=os.path.join(folder, "swtrace"))


@test
def a_kernel_without_btf_is_told(run):
    target = run.target("life")
    # /sys alone is made private: in a chroot the root is no mount point.
    script = f"mount --make-rprivate /sys && mount -t tmpfs none /sys/kernel/btf && exec {SWTRACE} -p {target.pid}"
    done = subprocess.run(["unshare", "-m", "--propagation", "unchanged", "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=30, check=False)
    equal((done.returncode, done.stdout), (3, b""), done.stderr)
    assert done.stderr.startswith(b"swtrace: /sys/kernel/btf/vmlinux: "), done.stderr


@test
def a_kernel_without_bpf_is_told(run):
    target = run.target("life")
    done = subprocess.run([os.path.join(TARGETS, "without-bpf"), SWTRACE, "-p", str(target.pid)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30, check=False)
    equal((done.returncode, done.stdout), (3, b""), done.stderr)
    assert done.stderr.startswith(b"swtrace: bpf(2): Function not implemented"), done.stderr


@test
def a_pid_that_ends_while_it_is_attached_to_is_code_4(run):
    for delay in range(20):
        target = subprocess.Popen(["sleep", str(0.02 * delay)])
        code, _, err = command("-p", target.pid, "-i", 60)
        equal(code, 4, f"ended after {20 * delay} ms: {err}")
        target.wait()


@test
def a_target_without_an_allocator_tells_which_files_were_searched(run):
    target = run.target("nolibc")
    refused(3, "/nolibc", "-p", target.pid)


@test
def a_full_disk_ends_with_a_clear_line(run):
    target = run.target("life")
    with open("/dev/full", "w", encoding="utf-8") as full:
        code, _, err = command("-p", target.pid, "-i", 0.2, stdout=full)
    equal(code, 2, "exit code")
    assert "standard output: cannot write the report: No space left" in err, err


@test
def a_full_disk_ends_a_watch_with_the_same_line(run):
    target = run.target("life")
    with open("/dev/full", "w", encoding="utf-8") as full:
        code, _, err = command("watch", "-p", target.pid, "-i", 0.2, stdout=full)
    equal((code, err.count("standard output: cannot write the report: No space left")), (2, 1), "exit code, times told")


@test
def a_closed_pipe_ends_with_a_clear_line(run):
    target = run.target("life")
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as pipe:
        code, _, err = command("-p", target.pid, "-i", 0.2, stdout=pipe)
    equal(code, 2, "exit code")
    assert "Broken pipe" in err, err


@test
def a_standard_stream_that_is_closed_is_no_other_file(run):
    target = run.target("life")
    for closed, expected in ("<&-", 0), (">&-", 2):
        done = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", SWTRACE, "-p", str(target.pid), "-n", "1", "-i", "0.3"],
                              capture_output=True, text=True, timeout=60)
        equal(done.returncode, expected, f"{closed}: {done.stderr}")
        equal("standard output: cannot write the report: Bad file descriptor" in done.stderr, expected == 2, done.stderr)
        assert "reading this file failed" not in done.stderr, done.stderr


@test
def a_full_disk_behind_the_folded_file_is_told_and_tracing_goes_on(run):
    target = run.target("life")
    tracer = run.trace("-p", target.pid, "-i", 0.3, "--folded", "/dev/full")
    target.ask("ping")
    tracer.wait("report", number=3)
    equal(tracer.finish(), 2, "exit code")
    said = [line for line in tracer.said if "/dev/full: cannot be written" in line]
    equal(len(said), 1, "lines about it")


@test
def what_is_saved_is_what_json_would_print_after_what_was_there(run):
    target = run.target("life")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "saved")
        with open(path, "w", encoding="utf-8") as f:
            f.write('{"schema":1,"type":"of_before"}\n')
        code, out, _ = command("-p", target.pid, "-i", 0.2, "-n", 2, "--save", path)
        equal(code, 0, "exit code")
        assert "final report" in out and '"schema"' not in out, out
        with open(path, encoding="utf-8") as f:
            saved = [json.loads(line) for line in f]
    equal([o["type"] for o in saved if o["type"] != "stack"], ["of_before", "report", "loss", "report", "loss"], "saved")
    equal(saved[-2]["final"], True, "the last report is the final one")


@test
def a_file_to_save_to_that_cannot_be_written_is_told(run):
    target = run.target("life")
    refused(2, "No such file", "-p", target.pid, "--save", "/no/such/folder/file")
    code, out, err = command("-p", target.pid, "-i", 0.2, "-n", 3, "--save", "/dev/full")
    equal((code, err.count("/dev/full: cannot write"), out.count("after ")), (2, 1, 3), "code, times told, reports")


@test
def count_and_duration_end_the_trace(run):
    target = run.target("life")
    tracer = run.trace("-p", target.pid, "-i", 0.3, "-n", 2)
    equal(tracer.finish(interrupt=False), 0, "exit code")
    equal([(r["number"], r["final"]) for r in tracer.of("report")], [(1, False), (2, True)])
    start = time.monotonic()
    tracer = run.trace("-p", target.pid, "-i", 60, "-d", 1)
    equal(tracer.finish(interrupt=False), 0, "exit code")
    assert 1 <= time.monotonic() - start < 4
    equal([(r["number"], r["final"]) for r in tracer.of("report")], [(1, True)])


@test
def top_and_layer_choose_what_is_shown(run):
    target = run.target("alloc")
    tracer = run.trace("-p", target.pid, "-i", 60, "--top", 1, "--layer", "libc,mmap")
    target.ask("leak_malloc 10")
    target.ask("leak_mmap 1000")
    tracer.finish()
    equal(len(tracer.stacks()), 1, "stacks shown")
    equal(tracer.stacks()[0]["layer"], "mmap", "the largest")
    report = tracer.last_report()
    assert report["stacks"] >= 3 and report["shown"] == 1, report


@test
def a_flame_graph_is_one_file_that_holds_what_was_reported(run):
    php = run.php()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "page.html")
        tracer = run.trace("-p", php.pid, "-i", 0.3, "--flamegraph", path)
        php.ask("native 50 3001")
        tracer.wait("report", number=2)
        equal(tracer.finish(), 0, "exit code")
        equal(os.listdir(folder), ["page.html"], "files")
        with open(path, encoding="utf-8") as f:
            page = f.read()
        data = json.loads(page.partition('id="data">')[2].partition("</script")[0])
        equal(sum(s[4] for s in data["now"]["stacks"]), tracer.last_report()["live_bytes"], "sum of the page")
        assert "leak_native" in data["strings"], data["strings"]


@test
def folded_stacks_add_up_to_the_report(run):
    target = run.target("alloc")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "live.folded")
        tracer = run.trace("-p", target.pid, "-i", 60, "--folded", path)
        for c in ("leak_malloc", "leak_calloc", "leak_memalign", "leak_mmap"):
            target.ask(f"{c} 30")
        tracer.finish()
        with open(path, encoding="utf-8") as f:
            lines = f.read().splitlines()
        equal(os.listdir(folder), ["live.folded"], "files")
    total = 0
    for line in lines:
        stack, _, size = line.rpartition(" ")
        total += int(size)
        assert " " not in stack and stack.startswith(f"alloc({target.pid});["), line
    equal(total, tracer.last_report()["live_bytes"], "sum")
    assert any(line.split(" ")[0].endswith(";main;obey;leak_calloc") for line in lines), lines


@test
def every_line_of_json_is_one_object_and_text_is_for_people(run):
    target = run.target("alloc")
    tracer = run.trace("-p", target.pid, "-n", 1, "-i", 0.5)
    target.ask("leak_malloc 10")
    tracer.finish(interrupt=False)
    kinds = [o["type"] for o in tracer.objects]
    equal(kinds[:2], ["report", "loss"], "first objects")
    assert all(o["time"].endswith("Z") for o in tracer.objects)
    out = subprocess.run([SWTRACE, "-p", str(target.pid), "-n", "1", "-i", "0.3"], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, check=True, timeout=30).stdout.decode()
    assert out.startswith("[20") and "final report" in out and "lost: nothing" in out, out
    try:
        json.loads(out)
    except ValueError:
        return
    raise AssertionError("the text report is JSON")
