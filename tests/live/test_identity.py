# SPDX-License-Identifier: GPL-2.0-or-later
"""test_identity.py - reports say what each process is: role, versions, libc, allocator, container, build-ids; and nothing of its
environment or its requests."""
import contextlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import tempfile
import time

from harness import PHP, TARGETS, Program, command, equal, test, waiting_test
from test_system import CGROUPS
from web import OPCACHE, Fpm

FPM = "/usr/sbin/php-fpm8.2"
CLI = f"/usr/bin/{PHP}"
LIBC = "/lib/x86_64-linux-gnu/libc.so.6"
SECRET = "hunter2-secret"
HOLD = "echo \"ready\\n\"; while (true) { $a[] = str_repeat('x', 100); usleep(20000); }"


def report_of(tracer, seconds=20, **wanted):
    """The identities of a report's processes, by pid."""
    return {p["pid"]: p["identity"] for p in tracer.wait("report", seconds, **wanted)["processes"]}


def identity(run, pid, *options):
    tracer = run.trace("-p", pid, "-i", 0.2, "--no-follow", *options)
    found = report_of(tracer)[pid]
    tracer.finish()
    return found


def build_id(path):
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True).stdout
    return re.search(r"Build ID: ([0-9a-f]+)", notes).group(1)


def musl_version():
    says = subprocess.run(["/lib/ld-musl-x86_64.so.1"], capture_output=True, text=True).stderr
    return re.search(r"Version ([0-9.]+)", says).group(1)


def php_says(code):
    return subprocess.run([PHP, "-r", code], capture_output=True, text=True, check=True).stdout


def role(found):
    return found["role"], found["worker"], found["role_from"]


@test
def php_is_known_by_its_versions_and_build_ids(run):
    php = run.php()
    found = identity(run, php.pid)
    equal(found["php"]["version"], php_says("echo PHP_VERSION;"), "version")
    assert php_says("echo PHP_VERSION;").split("-")[0] in subprocess.run([PHP, "-v"], capture_output=True, text=True).stdout
    equal(found["php"]["thread_safe"], php_says("echo PHP_ZTS;") == "1", "ZTS")
    equal(found["php"]["debug"], php_says("echo PHP_DEBUG;") == "1", "debug")
    equal(found["exe"], PHP, "exe")
    equal(found["libc"], {"name": "glibc", "version": os.confstr("CS_GNU_LIBC_VERSION").split()[1], "static": False}, "libc")
    equal(found["files"], [{"name": PHP, "build_id": build_id(CLI)}, {"name": "libc.so.6", "build_id": build_id(LIBC)}], "files")
    equal((found["swoole"], found["malloc"], found["pool"], role(found)), (None, None, None, (None, None, None)), "the rest")
    equal(found["kernel"], os.uname().release, "kernel")
    system = platform.freedesktop_os_release()
    equal(found["distribution"], {"id": system["ID"], "version": system.get("VERSION_ID")}, "distribution")
    with open(f"/proc/{php.pid}/maps", encoding="utf-8") as f:
        loaded = set(re.findall(r"/php/\d+/([\w-]+)\.so$", f.read(), re.M))
    assert loaded > {"ctype", "ffi", "tokenizer"}, loaded
    equal(found["php"]["extensions"], sorted(loaded), "extensions")


@test
def opcache_and_jit_are_seen(run):
    jit = ["-d", "opcache.jit_buffer_size=16M", "-d", "opcache.jit=tracing"]
    for options, expected in (([], (False, False)), (["-d", "opcache.enable_cli=1"], (True, False)),
                              (["-d", "opcache.enable_cli=1", *jit], (True, True))):
        loaded = OPCACHE[:2] if options else []
        php = run.keep(Program([PHP, "-n", *loaded, *options, "-r", HOLD]))
        found = identity(run, php.pid)["php"]
        equal((found["opcache"], found["jit"]), expected, f"with {options}")


@test
def the_pools_of_fpm_are_told(run):
    fpm = run.keep(Fpm(FPM, 2))
    workers = fpm.workers()
    tracer = run.trace("-p", fpm.proc.pid, "-i", 0.5)
    found = report_of(tracer)
    tracer.finish()
    equal(role(found[fpm.proc.pid]), ("master", None, "title"), "the master")
    for worker in workers:
        equal((role(found[worker]), found[worker]["pool"]), (("worker", None, "title"), "www"), "a worker")
    equal(found[workers[0]]["php"]["version"], php_says("echo PHP_VERSION;"), "version")


@test
def a_worker_that_is_forked_while_traced_is_soon_known_as_one(run):
    fpm = run.keep(Fpm(FPM, 1))
    first = fpm.workers()[0]
    tracer = run.trace("-p", fpm.proc.pid, "-i", 0.3)
    os.kill(first, 9)
    fpm.wait_for(lambda: fpm.workers() not in ([], [first]))
    second = fpm.workers()[0]
    for _ in range(20):
        found = report_of(tracer).get(second)
        if found and found["role"] == "worker":
            break
    tracer.finish()
    equal((role(found), found["pool"]), (("worker", None, "title"), "www"), "the new worker")


def children(pid):
    """In the order in which they were made."""
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(child) for child in f.read().split()]


def swoole_server(run, version):
    """The made-up server, started: the master, and the pids of the others."""
    master = run.target(f"swoole-{version}")
    return master, [int(pid) for pid in master.ask("start").split()]


@test
def roles_and_numbers_of_swoole_are_read_from_its_memory(run):
    for version in ("5.1.8", "6.2.2"):
        master, (manager, *workers) = swoole_server(run, version)
        tracer = run.trace("-p", master.pid, "-i", 0.5)
        found = report_of(tracer)
        tracer.finish()
        equal(role(found[master.pid]), ("master", None, "memory"), f"the master of {version}")
        equal(role(found[manager]), ("manager", None, "memory"), f"the manager of {version}")
        equal([role(found[w]) for w in workers],
              [("worker", 0, "memory"), ("worker", 1, "memory"), ("task_worker", 2, "memory"), ("user_process", None, "memory")],
              f"the workers of {version}")
        assert all(f["swoole"] == {"version": version} for f in found.values()), found
        library = f"libswoole-{version}.so"
        assert {"name": library, "build_id": build_id(os.path.join(TARGETS, library))} in found[manager]["files"], found[manager]


@test
def a_server_that_starts_while_traced_is_known_once_it_has(run):
    master = run.target("swoole-6.2.2")
    tracer = run.trace("-p", master.pid, "-i", 0.3, "--follow")
    equal(role(report_of(tracer)[master.pid]), (None, None, None), "before")
    manager, *workers = [int(pid) for pid in master.ask("start").split()]
    expected = {master.pid: ("master", None, "memory"), manager: ("manager", None, "memory"), workers[1]: ("worker", 1, "memory"),
                workers[2]: ("task_worker", 2, "memory")}
    for _ in range(20):
        found = report_of(tracer)
        got = {pid: role(found[pid]) for pid in expected if found.get(pid)}
        if got == expected:
            break
    tracer.finish()
    equal(got, expected, "roles")


@test
def of_a_swoole_that_is_not_known_the_place_among_the_processes_is_told_as_such(run):
    master, (manager, *workers) = swoole_server(run, "9.9.9")
    tracer = run.trace("-p", master.pid, "-i", 0.5)
    found = report_of(tracer)
    tracer.finish()
    equal([role(found[pid]) for pid in (master.pid, manager, *workers)],
          [("master", None, "tree"), ("manager", None, "tree")] + 4 * [("worker", None, "tree")], "roles")


@test
def a_title_of_swoole_s_is_read_where_memory_does_not_tell(run):
    code = f"cli_set_process_title('{SECRET}: task worker 7'); {HOLD}"
    library = os.path.join(TARGETS, "libswoole-9.9.9.so")
    php = run.keep(Program([PHP, "-r", code], env={**os.environ, "LD_PRELOAD": library}))
    found = identity(run, php.pid)
    equal(role(found), ("task_worker", 7, "title"), "the role")
    assert SECRET not in json.dumps(found), found


@test
def nothing_of_arguments_or_environment_is_told(run):
    php = run.keep(Program([PHP, "-r", HOLD, SECRET], env={**os.environ, "DATABASE_PASSWORD": SECRET}))
    for options in ((), ("--json",)):
        _, out, err = command("-p", php.pid, "-i", 0.2, "-n", 2, *options)
        assert "8.2" in out and SECRET not in out + err, out


@test
def libcs_and_allocators_are_told(run):
    glibc = os.confstr("CS_GNU_LIBC_VERSION").split()[1]
    for target, libc, malloc in (("alloc-static", ("glibc", None, True), None), ("alloc-musl", ("musl", musl_version(), False), None),
                                 ("alloc-musl-static", ("musl", None, True), None),
                                 ("alloc-jemalloc", ("glibc", glibc, False), "jemalloc"),
                                 ("alloc-tcmalloc-static", ("glibc", None, True), "tcmalloc")):
        found = identity(run, run.target(target).pid)
        equal((tuple(found["libc"].values()), found["malloc"]), (libc, malloc), target)
        equal((found["exe"], found["php"]), (target, None), target)


@waiting_test
def a_process_has_the_distribution_of_its_own_root(run):
    for text, expected in (("ID=alpine\nVERSION_ID=3.19.1\n", {"id": "alpine", "version": "3.19.1"}), ("ID=\033[2J\n", None)):
        with tempfile.TemporaryDirectory() as root:
            os.mkdir(os.path.join(root, "etc"))
            shutil.copy(os.path.join(TARGETS, "alloc-static"), root)
            with open(os.path.join(root, "etc/os-release"), "w", encoding="utf-8") as f:
                f.write(text)
            found = identity(run, run.keep(Program(["chroot", root, "/alloc-static"])).pid)
        equal((found["exe"], found["distribution"], found["kernel"]), ("alloc-static", expected, os.uname().release), "identity")


@contextlib.contextmanager
def in_docker(*pids):
    """These are in a cgroup meanwhile that is called as one of Docker's."""
    container_id = "3f2a55c0ffee" + 52 * "7"
    top = next(d for d in CGROUPS if os.path.exists(os.path.join(d, "cgroup.controllers")))
    group = os.path.join(top, f"docker-{container_id}.scope")
    os.mkdir(group)

    def move(to, pid):
        with contextlib.suppress(ProcessLookupError), open(os.path.join(to, "cgroup.procs"), "w") as f:
            f.write(str(pid))

    try:
        for pid in pids:
            move(group, pid)
        yield
    finally:
        for _ in range(100):  # one that is dying can neither be moved nor is it gone
            with open(os.path.join(group, "cgroup.procs")) as f:
                left = f.read().split()
            for pid in left:
                move(top, pid)
            with contextlib.suppress(OSError):
                os.rmdir(group)
                break
            time.sleep(0.05)


@test
def a_container_is_told_by_its_id_and_the_pid_in_it(run):
    own = run.keep(Program(["unshare", "--pid", "--fork", "--kill-child", os.path.join(TARGETS, "swoole-5.1.8")]))
    master, = children(own.pid)
    own.ask("start")
    with in_docker(master):
        found = identity(run, master)
    equal(found["container"], {"kind": "docker", "id": "3f2a55c0ffee", "pid": 1}, "the container")
    equal(role(found), ("master", None, "memory"), "the role, by the pid that it has in there")


@test
def a_report_for_people_says_it_once(run):
    master, (manager, *_) = swoole_server(run, "6.2.2")
    _, out, _ = command("-p", manager, "-i", 0.3, "-n", 4, "--no-follow")
    equal(len(re.findall(r"^    is: manager of Swoole 6\.2\.2, glibc [0-9.]+$", out, re.M)), 1, out)
    equal(len(re.findall(r"^    build-ids: swoole-6\.2\.2 [0-9a-f]{40}, libswoole", out, re.M)), 1, out)
    equal(len(re.findall(rf"^  swoole-6\.2\.2\({manager}\), manager: ", out, re.M)), 4, out)
    equal(master.proc.poll(), None, "the master")


def program_section(saved, pid):
    """What `swtrace report --crash` says of the process: its section "Program", as a list of lines."""
    code, text, err = command("report", "--crash", saved, "-p", pid)
    equal((code, err), (0, ""), "report --crash")
    return re.search(r"^### Program\n\n(.*?)\n\n", text, re.M | re.S).group(1).split("\n")


def crash_of(tracer, saved, pid, seconds=10):
    """Kill it: (the line for people, the object in the file)."""
    os.kill(pid, signal.SIGSEGV)
    lines = []
    while not lines or "CRASH" not in lines[-1]:
        lines.append(tracer.out.next(seconds))
        assert lines[-1] is not None, lines
    with open(saved, encoding="utf-8") as f:
        whole = f.read().rpartition("\n")[0]  # another line may be just being written
    objects = [json.loads(line) for line in whole.split("\n")]
    return lines[-1], next(o for o in objects if o["type"] == "crash" and o["pid"] == pid)


@waiting_test
def a_crash_says_which_worker_it_was_though_no_report_was_made_before(run):
    for options in (["--crashes"], ["--overhead", 1, "-i", 60]):  # and without either: the next test
        master, (_, first, second, task, _) = swoole_server(run, "6.2.2")
        with tempfile.TemporaryDirectory() as folder:
            saved = os.path.join(folder, "saved")
            watched = ",".join(str(pid) for pid in (master.pid, second, task))
            tracer = run.trace(*options, "-p", watched, "--no-follow", "--save", saved, json_lines=False)
            for pid, name, number, words in (second, "worker", 1, "worker 1"), (task, "task_worker", 2, "task worker 2"):
                line, crash = crash_of(tracer, saved, pid)
                assert f"] CRASH swoole-6.2.2({pid}), {words}, thread {pid}: SIGSEGV " in line, (options, line)
                equal(role(crash["identity"]), (name, number, "memory"), f"role with {options}")
                said = program_section(saved, pid)
                for part in (f"- `role: {name}`", f"- `worker: {number}`", "- `swoole: version 6.2.2`"):
                    assert part in said, (options, part, said)
            tracer.end()
        master.end()


@waiting_test
def a_crash_and_an_end_in_a_container_say_which_and_the_pid_in_there(run):
    own = run.keep(Program(["unshare", "--pid", "--fork", "--kill-child", os.path.join(TARGETS, "swoole-5.1.8")]))
    master, = children(own.pid)
    own.ask("start")
    worker = children(children(master)[0])[0]
    with in_docker(master, worker), tempfile.TemporaryDirectory() as folder:
        saved = os.path.join(folder, "saved")
        tracer = run.trace("-p", worker, "-i", 60, "--no-follow", "--save", saved, json_lines=False)
        with open(f"/proc/{worker}/status") as f:
            there = int(re.search(r"^NSpid:.*\s(\d+)$", f.read(), re.M).group(1))
        line, crash = crash_of(tracer, saved, worker)
        equal(crash["identity"]["container"], {"kind": "docker", "id": "3f2a55c0ffee", "pid": there}, "the container")
        assert f"), worker 0, docker 3f2a55c0ffee (pid {there} there), thread {worker}: SIGSEGV" in line, line
        assert f"- `container: kind docker, id 3f2a55c0ffee, pid {there}`" in program_section(saved, worker)
        while (line := tracer.out.next(20)) is not None and "was killed" not in line:
            pass
        assert f"({worker}), worker 0, docker 3f2a55c0ffee (pid {there} there) was killed by SIGSEGV (signal 11)" in line, line
        assert f"[pid={there}, status=0, signal=11" in line, line


@waiting_test
def the_ends_of_an_fpm_s_workers_say_whose_pool_they_were_of(run):
    fpm = run.keep(Fpm(FPM, 2))
    tracer = run.trace("-p", fpm.proc.pid, "-i", 60)
    crashes, ends = fpm.workers()
    os.kill(crashes, signal.SIGSEGV)
    os.kill(ends, signal.SIGKILL)
    worker = ("worker", None, "title"), "www"
    found = tracer.wait("crash", 10, pid=crashes)["identity"]
    equal((role(found), found["pool"]), worker, "the crash")
    for pid in crashes, ends:
        if not (found := [o for o in tracer.of("lifecycle") if o["event"] == "exit" and o["pid"] == pid]):
            found = [tracer.wait("lifecycle", 10, event="exit", pid=pid)]
        equal((role(found[0]["identity"]), found[0]["identity"]["pool"]), worker, f"the end of {pid}")
    tracer.finish()
