# SPDX-License-Identifier: GPL-2.0-or-later
"""test_container.py - swtrace outside of a container and inside of it, with the capabilities of docs/deploy.md and no others. Containers are
made here, without an engine: a read-only root, and namespaces for mounts, pids and cgroups, in a cgroup named as docker names it."""
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from harness import PHP, ROOT, SWTRACE, Program, RootPhp, command, equal, test, waiting_test
from scrape import port_of, scrape
from terminal import Terminal
from test_push import Server
from test_rights import TRACING, Bounded, caps, settled, status
from test_system import CGROUPS, process

CAPS = TRACING | {"setuid", "setgid"}  # as deploy/ has them
WORKER = os.path.join(ROOT, "tests/live/worker.php")
ID = "3f2a55c0ffee" + 51 * "7" + "0"
OTHER = "3f2a99c0ffee" + 51 * "7" + "1"
IDS = [f"{i}7d1{i}0c5ba5e" + 51 * f"{i}" + "2" for i in range(6)]  # of tests that run at the same time


class Cgroup:
    """A cgroup that a container of docker's would have."""

    def __init__(self, name):
        self.top = next(d for d in CGROUPS if os.path.exists(os.path.join(d, "cgroup.controllers")))
        self.path = os.path.join(self.top, f"docker-{name}.scope")
        os.mkdir(self.path)

    def end(self):
        deadline = time.monotonic() + 10
        while os.path.exists(self.path):
            try:
                os.rmdir(self.path)
            except OSError:
                assert time.monotonic() < deadline, f"{self.path} is in use"
                time.sleep(0.05)


class Container:
    """A PHP worker as the first process of a container."""
    worker = f"--mount-proc sh -c 'mount -o remount,bind,ro / && exec {PHP} {WORKER}'"

    def __init__(self, run, cgroup, *flags):
        inside = f"echo $$ > {cgroup.path}/cgroup.procs; exec unshare --cgroup {' '.join(flags)} --mount --pid --fork --kill-child {self.worker}"
        self.program = run.keep(Program(["sh", "-c", inside]))
        with open(f"/proc/{self.program.pid}/task/{self.program.pid}/children", encoding="utf-8") as f:
            self.pid = int(f.read())  # as it is seen from outside

    def leak(self):
        self.program.ask("keep 1000 100")


def kept(tracer, pid):
    return sum(s["live_blocks"] for s in tracer.stacks() if s["pid"] == pid and any(
        (f["function"], f["line"]) == ("Registry::keep", 20) for f in s["frames"]))


def leaks_are_told(tracer, *pids):
    """The strings, and the array that they are in, which grows."""
    for pid in pids:
        assert 1000 <= kept(tracer, pid) < 1100, (pid, kept(tracer, pid), tracer.said)


def in_cgroup(run, name):
    return run.keep(Cgroup(name))


@test
def a_container_is_traced_from_outside_with_these_rights_alone(run):
    one, two = in_cgroup(run, ID), in_cgroup(run, OTHER)
    first, other = Container(run, one), Container(run, two)
    tracer = settled(run.keep(Bounded(CAPS, ["-a", "--container", "3f2a55", "-i", 60, "-T", 1000])))
    later = Container(run, one)
    time.sleep(0.5)
    for container in (first, other, later):
        container.leak()
    equal(tracer.finish(), 0, "exit")
    leaks_are_told(tracer, first.pid, later.pid)
    equal(process(tracer, other.pid), None, "another container")
    identity = process(tracer, first.pid)["identity"]["container"]
    equal(identity, {"kind": "docker", "id": ID[:12], "pid": 1}, "the container")
    equal(tracer.lost(), {}, "lost")


@test
def a_container_that_is_started_again_is_taken_up_again(run):
    group = in_cgroup(run, ID)
    first = Container(run, group)
    tracer = settled(run.trace("-a", "--container", ID[:12], "-i", 0.3, "-T", 1000))
    first.program.end()
    group.end()
    tracer.hear("has ended")
    group = in_cgroup(run, ID)
    again = Container(run, group)
    tracer.hear("was started again")
    while again.pid not in [p["pid"] for p in tracer.wait("report")["processes"]]:
        pass
    again.leak()
    tracer.wait("report")
    tracer.finish()
    leaks_are_told(tracer, again.pid)


def pid_of(tracer):
    """Of swtrace itself, of which nsenter is the parent."""
    with open(f"/proc/{tracer.proc.pid}/task/{tracer.proc.pid}/children", encoding="utf-8") as f:
        return int(f.read() or tracer.proc.pid)


def trace_from_inside(run, container, given, prefix):
    """Where the worker is process 1."""
    tracer = run.keep(Bounded(given, ["-p", 1, "-i", 60, "-T", 1000], prefix=prefix))
    settled(tracer, pid_of(tracer))
    s = status(pid_of(tracer))
    equal((caps(s["CapEff"]), caps(s["CapBnd"])), (TRACING, given), "rights; those that it could ever have had")
    container.leak()
    os.kill(pid_of(tracer), signal.SIGINT)
    equal(tracer.finish(interrupt=False), 0, tracer.said)
    leaks_are_told(tracer, 1)
    equal(tracer.lost(), {}, "lost")
    return tracer


@test
def a_worker_is_traced_from_inside_of_its_container(run):
    container = Container(run, in_cgroup(run, ID))
    trace_from_inside(run, container, CAPS, ["nsenter", "-t", str(container.pid), "-p", "-m", "-C"])


@test
def a_container_of_a_user_namespace_is_traced_from_outside(run):
    container = Container(run, in_cgroup(run, ID), "--user", "--map-root-user")
    tracer = settled(run.keep(Bounded(CAPS, ["-p", container.pid, "-i", 60, "-T", 1000])))
    container.leak()
    tracer.finish()
    leaks_are_told(tracer, container.pid)


@test
def the_seccomp_profile_of_deploy_is_enough(run):
    container = Container(run, in_cgroup(run, ID))
    confined = [sys.executable, os.path.join(ROOT, "tests/live/confine.py"), os.path.join(ROOT, "deploy/seccomp.json")]
    p = subprocess.run([*Bounded.argv_of(CAPS), *confined, SWTRACE, "doctor", "-p", str(container.pid)], capture_output=True, text=True,
                       timeout=60)
    equal(p.returncode, 0, p.stdout + p.stderr)
    with tempfile.TemporaryDirectory(prefix="swtrace-") as out:
        tracer = settled(run.keep(Bounded(CAPS, ["-p", container.pid, "-i", 0.5, "-T", 1000, "--folded", os.path.join(out, "f"),
                                                 "--listen", "127.0.0.1:0"], confined=confined)))
        container.leak()
        tracer.wait("report")
        tracer.wait("report")
        assert scrape(port_of(tracer)), "metrics"
        equal(tracer.finish(), 0, tracer.said)
        leaks_are_told(tracer, container.pid)
        assert os.path.exists(os.path.join(out, "f")), "folded"
        old = os.path.join(out, "swtrace-1-20200101T000000Z.txt")
        with open(old, "w", encoding="utf-8"):
            pass
        watch = run.keep(Bounded(CAPS, ["watch", "-p", container.pid, "-i", 0.2, "--trace", 2, "--overhead", 20, "--out", out,
                                        "--keep", 1], confined=confined, wait_for="watching"))
        for _ in range(80):
            container.leak()
            if (line := watch.err.next(0.1)) and "is growing" in line:
                break
        container.leak()
        watch.hear(f"grows in {container.pid}", 20)  # named, or not seen enough of
        watch.finish()
        assert not os.path.exists(old) and len(os.listdir(out)) == 6, os.listdir(out)


@waiting_test
def the_seccomp_profile_of_deploy_is_enough_for_the_view_and_for_what_is_sent_and_asked_for(run):
    container = Container(run, in_cgroup(run, IDS[0]))
    confined = [*Bounded.argv_of(CAPS), sys.executable, os.path.join(ROOT, "tests/live/confine.py"), os.path.join(ROOT, "deploy/seccomp.json")]
    with Server(200) as server, tempfile.TemporaryDirectory(prefix="swtrace-") as out, tempfile.TemporaryDirectory(prefix="swtrace-") as cache:
        os.chmod(cache, 0o777)  # who asks for debug files is nobody
        t = run.keep(Terminal(["-p", container.pid, "-i", 0.5, "--push", server.url(), "--export-dir", out, "--every", 1],
                              env={"DEBUGINFOD_URLS": f"http://127.0.0.1:{server.port}", "DEBUGINFOD_CACHE_PATH": cache}, prefix=confined))
        t.wait("the first numbers come in a moment")
        container.leak()
        t.wait("Registry::keep")
        server.wait(1)
        t.wait(lambda _: {os.path.splitext(name)[1] for name in os.listdir(out)} == {".folded", ".gz", ".jsonl", ".html"}, what="exports")
        t.wait(lambda _: any(re.fullmatch("/buildid/[0-9a-f]+/debuginfo", path) for path in server.asked), what="a debug file asked for")
        t.press("q")
        code, after = t.finish()
        equal((code, t.is_restored()), (0, True), after)
        assert "Registry::keep" in after and re.search(r"\d profiles? sent$", after, re.M), after


def lists_of_the_image():
    """Packages that deploy/Dockerfile installs: to build with, and to run with."""
    with open(os.path.join(ROOT, "deploy/Dockerfile"), encoding="utf-8") as f:
        lists = re.findall(r"apt-get install -y --no-install-recommends ([^&\\\n]*(?:\\\n[^&\\\n]*)*)", f.read())
    build, runs = ({word for word in words.split() if word != "\\"} for words in lists)
    return build, runs


def libraries_of(path):
    """All that the loader maps for a program."""
    ldd = subprocess.run(["ldd", path], capture_output=True, text=True, timeout=20, check=True).stdout
    assert "not found" not in ldd, ldd
    return re.findall(r"(/\S+) \(0x", ldd)


def packages_of_libraries(path):
    """{package: a library of it}"""
    libraries = libraries_of(path)
    # /lib is /usr/lib, and packages name either.
    names = {name for library in libraries for name in (library, "/usr" + library, library.removeprefix("/usr"))}
    said = subprocess.run(["dpkg", "-S", *names], capture_output=True, text=True, timeout=20).stdout
    owner = {file: package.partition(":")[0] for package, _, file in (line.partition(": ") for line in said.splitlines())}
    found = {library: owner.get(library) or owner.get("/usr" + library) or owner.get(library.removeprefix("/usr")) for library in libraries}
    assert len(found) > 10 and all(found.values()), found
    return {package: library for library, package in found.items()}


def with_what_they_need(packages):
    """Those, and all that installing them installs."""
    said = subprocess.run(["dpkg-query", "-W", "-f", "${Package}\t${Pre-Depends}, ${Depends}\n"], capture_output=True, text=True, timeout=20).stdout
    needs = {name: re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9.+-]+)", all_of) for name, _, all_of in (line.partition("\t") for line in said.splitlines())}
    have, todo = set(), set(packages)
    while todo:
        have |= todo
        todo = {other for package in todo for other in needs.get(package, [])} - have
    return have


@test
def the_image_of_deploy_has_what_swtrace_is_built_with_and_runs_with(_run):
    build, runs = lists_of_the_image()
    libraries = packages_of_libraries(SWTRACE)
    installed = with_what_they_need(runs)
    equal({package: library for package, library in libraries.items() if package not in installed}, {}, "missing in deploy/Dockerfile")
    optional = {"ca-certificates", "libdebuginfod1"}  # docs/deploy.md
    equal(runs - optional - set(libraries), set(), "of no use in deploy/Dockerfile")
    with open(os.path.join(ROOT, "deps"), encoding="utf-8") as f:
        wanted = re.findall(r"^\t\t[^|]+\|([a-z0-9.+-]+)\|", f.read().partition("\t\tunit tests|")[0], re.M)
    assert len(wanted) > 10, wanted
    equal(set(wanted) - build, set(), "missing in deploy/Dockerfile's build")


LIBRARIES = "/libraries-of-swtrace"  # there is no such folder outside


class ContainerOfAnotherImage(Container):
    """One that has another Debian's files as its root: its PHP is not here, and its libc is not the file of that name here."""

    def __init__(self, run, cgroup, *flags, files=()):
        self.php = RootPhp("trixie", "php8.4")
        enter = [sys.executable, os.path.join(ROOT, "tests/live/enter_root.py"), self.php.root, *files, "--"]
        _, _, program, *options = self.php.argv(self.php.scripts + "/worker.php")  # chroot, where
        self.worker = shlex.join([*enter, program, *options])
        super().__init__(run, cgroup, *flags)

    def leak(self):
        super().leak()
        self.program.ask("native 100 3001")

    def is_told_by_its_own_files(self, tracer, pid):
        """Blocks of its libc to the byte, and names where they are in files that have these build ids."""
        leaks_are_told(tracer, pid)
        equal(tracer.live("leak_native", 20, pid=pid, layer="libc"), (100 * 3001, 100), "of its libc")
        native = [f for s in tracer.stacks() if s["pid"] == pid for f in s["frames"] if f["kind"] == "native"]
        names = {(f["module"], f["function"]) for f in native}
        assert {(self.php.php, "_start"), (self.php.php, "zend_execute"), ("libc.so.6", "__libc_start_main")} <= names, names
        for path in ("/usr/bin/" + self.php.php, "/usr/lib/x86_64-linux-gnu/libc.so.6"):
            with open(self.php.root + path, "rb") as f:
                its = f.read()
            ids = {f["build_id"] for f in native if f["module"] == os.path.basename(path)}
            equal((len(ids), all(bytes.fromhex(i) in its for i in ids)), (1, True), (path, ids))
            if os.path.exists(path):
                with open(path, "rb") as f:
                    assert f.read() != its, f"{path} is the same here"


@test
def containers_of_another_image_are_traced_from_outside_by_their_own_files(run):
    """One in the machine's user namespace, and one in its own."""
    group = in_cgroup(run, ID)
    containers = [ContainerOfAnotherImage(run, group, *flags) for flags in ((), ("--user", "--map-root-user"))]
    tracer = settled(run.keep(Bounded(CAPS, ["-a", "--container", ID[:12], "-i", 60, "-T", 1000])))
    for container in containers:
        container.leak()
    equal(tracer.finish(), 0, tracer.said)
    for container in containers:
        container.is_told_by_its_own_files(tracer, container.pid)
        equal(process(tracer, container.pid)["identity"]["container"]["id"], ID[:12], "the container")
    equal(tracer.lost(), {}, "lost")


@test
def a_sidecar_needs_no_more_than_five_capabilities_and_reads_the_files_of_another_image(run):
    """As deploy/ has it: one pid namespace for both, and a root for each; swtrace's is the one here. docs/deploy.md names the five."""
    container = ContainerOfAnotherImage(run, in_cgroup(run, ID))
    sidecar = ["nsenter", "-t", str(container.pid), "-p", "unshare", "--mount", "--cgroup", "--mount-proc"]
    container.is_told_by_its_own_files(trace_from_inside(run, container, TRACING, sidecar), 1)


@test
def swtrace_in_a_container_of_another_image_reads_the_files_of_that(run):
    """With the libraries that the image lacks. There is no file of this machine's root, and no shell."""
    its = os.listdir(os.path.join(RootPhp("trixie", "php8.4").root, "usr/lib/x86_64-linux-gnu"))
    setpriv = shutil.which("setpriv")
    libraries = {path for program in (SWTRACE, setpriv) for path in libraries_of(program) if os.path.basename(path) not in its}
    files = [f"{SWTRACE}={SWTRACE}", f"{setpriv}={LIBRARIES}/setpriv", *(f"{path}={LIBRARIES}/{os.path.basename(path)}" for path in libraries)]
    container = ContainerOfAnotherImage(run, in_cgroup(run, ID), files=files)
    inside = ["env", f"LD_LIBRARY_PATH={LIBRARIES}", f"PATH={os.environ['PATH']}:{LIBRARIES}", "nsenter", "-t", str(container.pid), "-p", "-m", "-C"]
    container.is_told_by_its_own_files(trace_from_inside(run, container, CAPS, inside), 1)


class Engine:
    """What docker knows of its containers, in a directory that a swtrace started by it sees as /var/lib."""

    def __init__(self, path):
        self.path = path
        self.prefix = ["unshare", "--mount", "sh", "-c", f"mount --bind {path} /var/lib && exec \"$@\"", "sh"]

    def name(self, container, name):
        folder = os.path.join(self.path, "docker/containers", container)
        os.makedirs(folder)
        with open(os.path.join(folder, "config.v2.json"), "w", encoding="utf-8") as f:
            json.dump({"ID": container, "Name": "/" + name}, f)
        os.chmod(f.name, 0o600)

    def remove(self, container):
        shutil.rmtree(os.path.join(self.path, "docker/containers", container))


def started_again(run, engine, first, cgroup, container, name):
    """The container ends; another, with an id of its own, has its name."""
    first.program.end()
    cgroup.end()
    engine.remove(os.path.basename(cgroup.path).removeprefix("docker-").removesuffix(".scope"))
    engine.name(container, name)
    return Container(run, in_cgroup(run, container))


@waiting_test
def a_container_is_traced_by_its_name_and_so_is_the_next_of_that_name(run):
    with tempfile.TemporaryDirectory(prefix="swtrace-") as folder:
        engine, cgroup = Engine(folder), in_cgroup(run, IDS[1])
        engine.name(IDS[1], "shop-app-1")
        engine.name(IDS[2], "shop-app-2")
        first, other = Container(run, cgroup), Container(run, in_cgroup(run, IDS[2]))
        tracer = settled(run.trace("-a", "--container", "shop-app-1", "-i", 0.3, "-T", 1000, prefix=engine.prefix))
        first.leak()
        tracer.wait("stack", pid=first.pid)
        again = started_again(run, engine, first, cgroup, IDS[3], "shop-app-1")
        tracer.hear(f"container 'shop-app-1' was started again: it is {IDS[3][:12]}")
        while again.pid not in [p["pid"] for p in tracer.wait("report")["processes"]]:
            pass
        again.leak()
        other.leak()
        tracer.wait("report")
        tracer.finish()
        leaks_are_told(tracer, again.pid)
        equal(process(tracer, other.pid), None, "another container")


@waiting_test
def containers_are_watched_by_name_or_id(run):
    with tempfile.TemporaryDirectory(prefix="swtrace-") as folder:
        engine, cgroup = Engine(folder), in_cgroup(run, IDS[4])
        engine.name(IDS[4], "shop-web-1")
        first = Container(run, cgroup)
        by_id = run.trace("watch", "--container", IDS[4], "-i", 0.3, wait_for="watching")
        by_name = run.trace("watch", "--container", "shop-web-1", "-i", 0.3, wait_for="watching", prefix=engine.prefix)
        for watch in (by_id, by_name):
            watch.wait("trend", pid=first.pid)
        by_id.finish()
        again = started_again(run, engine, first, cgroup, IDS[5], "shop-web-1")
        by_name.hear(f"container 'shop-web-1' was started again: it is {IDS[5][:12]}")
        by_name.wait("trend", pid=again.pid)
        by_name.finish()


@test
def a_container_that_is_not_there_is_told_with_those_that_are(run):
    Container(run, in_cgroup(run, ID))
    in_cgroup(run, OTHER)
    code, out, err = command("-a", "--container", "shop")
    equal((code, out), (4, ""), err)
    assert "'shop'" in err and ID[:12] in err and OTHER[:12] in err, err
    code, out, err = command("-a", "--container", "3f2a")
    equal((code, out), (2, ""), err)
    assert "more than one" in err and ID[:12] in err, err
    code, out, err = command("--container", ID)
    equal((code, out), (2, ""), err)
