# SPDX-License-Identifier: GPL-2.0-or-later
"""test_deploy.py - what deploy/ asks of an engine, read as the engine would: rights, confinement, and words that swtrace takes. That these
rights and that profile are enough is shown by test_container.py."""
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from harness import ROOT, command, equal, test
from test_container import CAPS

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's, should this python3 be another

import yaml  # noqa: E402

UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
NO_SUCH_PID = 4194303
# As in the image: not what a make that runs these tests was asked for.
IMAGE_ENV = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "SAN", "DEBUG", "V")}


def text_of(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as f:
        return f.read()


def compose():
    """The service that is swtrace, and the one that it is beside."""
    services = yaml.safe_load(text_of("deploy/compose.yaml"))["services"]
    return services["swtrace"], services


def pods():
    """{file: (specification of a pod, its container that is swtrace)}"""
    found = {}
    for name in sorted(os.listdir(os.path.join(ROOT, "deploy"))):
        if name.startswith("kubernetes-"):
            spec = yaml.safe_load(text_of("deploy/" + name))["spec"]
            spec = spec["template"]["spec"] if "template" in spec else spec
            found[name], = [(spec, c) for c in spec["containers"] if c["name"] == "swtrace"]
    equal(sorted(found), ["kubernetes-daemonset.yaml", "kubernetes-sidecar.yaml"], "manifests")
    return found


def lower(names):
    return {name.lower() for name in names}


def size(text):
    number, unit = re.fullmatch(r"(\d+)(\w+)", text).groups()
    return int(number) * UNITS[unit]


def option(words, name):
    return words[words.index(name) + 1] if name in words else None


@test
def the_manifests_give_the_capabilities_of_the_documentation_and_no_others(_run):
    service, _ = compose()
    asked = {"compose.yaml": (lower(service["cap_drop"]), lower(service["cap_add"]))}
    for name, (_, container) in pods().items():
        caps = container["securityContext"]["capabilities"]
        asked[name] = lower(caps["drop"]), lower(caps["add"])
    equal(asked, dict.fromkeys(asked, ({"all"}, CAPS)), "capabilities (dropped, added)")
    table = text_of("docs/deploy.md").partition("## Capabilities")[2].partition("\n\nNo `SYS_ADMIN`")[0]
    equal(lower(re.findall(r"`([A-Z_]+)`", "".join(re.findall(r"^\| (`[^|]*)\|", table, re.M)))) - {"sys_nice"}, CAPS, "docs/deploy.md")


@test
def the_manifests_confine_swtrace(_run):
    service, _ = compose()
    assert service["read_only"] is True and service["network_mode"] == "none" and "privileged" not in service, service
    assert "no-new-privileges:true" in service["security_opt"], service
    profile, = [o.partition(":")[2] for o in service["security_opt"] if o.startswith("seccomp:")]
    assert os.path.exists(os.path.join(ROOT, "deploy", profile)), profile
    for name, (spec, container) in pods().items():
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True and context["allowPrivilegeEscalation"] is False, (name, context)
        assert context["runAsUser"] == 0 and "privileged" not in context and "hostNetwork" not in spec, (name, context)
        equal(context["seccompProfile"], {"type": "Localhost", "localhostProfile": "swtrace.json"}, name)
        # Said where it is to be put: there is a file of that name on no node.
        assert "deploy/seccomp.json has to be on the node, as /var/lib/kubelet/seccomp/swtrace.json" in text_of("deploy/" + name), name
    assert os.path.exists(os.path.join(ROOT, "deploy/seccomp.json"))


@test
def the_manifests_let_it_see_the_processes_and_write_its_reports(_run):
    service, services = compose()
    beside = service["pid"].partition("service:")[2]
    assert beside in services and beside != "swtrace", service["pid"]
    mounts = {"compose.yaml": ([v.split(":")[1] for v in service["volumes"] if not v.endswith(":ro")], service["command"])}
    for name, (spec, container) in pods().items():
        assert spec.get("hostPID") or spec.get("shareProcessNamespace"), name
        volumes = {v["name"]: v for v in spec["volumes"]}
        assert {m["name"] for m in container["volumeMounts"]} == set(volumes), (name, volumes)
        mounts[name] = [m["mountPath"] for m in container["volumeMounts"] if not m.get("readOnly")], container["args"]
        assert size(container["resources"]["requests"]["memory"]) <= size(container["resources"]["limits"]["memory"]), name
    for name, (writable, words) in mounts.items():
        equal(writable, [option(words, "--out")], name)


@test
def swtrace_takes_the_words_of_the_manifests(_run):
    service, _ = compose()
    words = {"compose.yaml": service["command"], **{name: container["args"] for name, (_, container) in pods().items()}}
    with tempfile.TemporaryDirectory() as folder:
        for name, args in words.items():
            assert all(isinstance(word, str) for word in args), (name, args)
            # Nobody is watched here: there is no such process, and no program of that name.
            here = {"--out": folder, "-p": str(NO_SUCH_PID), "--exe": folder}
            args = [here.get(before, word) for before, word in zip([None, *args], args)]
            code, out, err = command(*args, "-d", 0.2)
            expected = (4, "no such process") if "-p" in args else (0, "watching the processes that fit")
            equal((code, out), (expected[0], ""), (name, args, err))
            assert expected[1] in err, (name, err)
        equal(os.listdir(folder), [], "reports of nobody")


def built_names():
    """What `make clean` removes, in the folder of the Makefile."""
    names, = re.findall(r"^clean:.*\n\trm -rf (.*)$", text_of("Makefile"), re.M)
    return names.split()


def folder_as_if_all_was_built(folder):
    """A copy of the tree in which make finds nothing to do."""
    for name in ("Makefile", "deps", "src", "include", "bpf", "vmlinux", "manual"):
        copy = shutil.copytree if os.path.isdir(os.path.join(ROOT, name)) else shutil.copy2
        copy(os.path.join(ROOT, name), os.path.join(folder, name))
    for room in [*os.listdir(os.path.join(folder, "src")), "page", "completions"]:
        os.makedirs(os.path.join(folder, "build", room))
    make = shutil.which("make")
    subprocess.run([make, "-s", "--touch", "all"], cwd=folder, env=IMAGE_ENV, capture_output=True, timeout=60, check=True)
    with open(os.path.join(folder, "build/pprof.pb-c.h"), "w", encoding="utf-8"):
        pass  # made beside another file
    now = time.time()
    for path, _, names in os.walk(os.path.join(folder, "build")):
        for name in names:
            os.utime(os.path.join(path, name), (now, now))
    os.utime(os.path.join(folder, "swtrace"), (now, now))
    idle = subprocess.run([make, "-q", "all"], cwd=folder, env=IMAGE_ENV, capture_output=True, timeout=60)
    equal(idle.returncode, 0, "nothing is to be done")
    return make


@test
def the_image_gets_no_binary_that_was_built_elsewhere(_run):
    build = re.search(r"^COPY \. /src\nWORKDIR /src\n(?:#.*\n)*RUN (.*)$", text_of("deploy/Dockerfile"), re.M)[1]
    with tempfile.TemporaryDirectory(prefix="swtrace-") as folder, tempfile.TemporaryDirectory(prefix="swtrace-") as tools:
        make = folder_as_if_all_was_built(folder)
        # What it would run to build is said, not run; what it removes before is removed.
        for name, does in ("make", f'[ "$1" = clean ] || set -- -n "$@"\nexec {make} "$@"'), ("strip", ":"):
            with open(os.path.join(tools, name), "w", encoding="utf-8") as f:
                f.write(f"#!/bin/sh\n{does}\n")
            os.chmod(f.name, 0o755)
        p = subprocess.run(["sh", "-ec", build], cwd=folder, env={**IMAGE_ENV, "PATH": f"{tools}:{os.environ['PATH']}"},
                           capture_output=True, text=True, timeout=60)
        equal(p.returncode, 0, p.stderr)
        for made in ("build/cli/main.o", "build/swtrace.bpf.o", "build/swtrace"):
            assert re.search(rf" -o {made}(\.tmp)? ", p.stdout), (made, p.stdout[-2000:])
        assert "cp build/swtrace swtrace" in p.stdout and not os.path.exists(os.path.join(folder, "swtrace")), p.stdout[-2000:]


@test
def what_was_built_here_is_not_sent_to_the_engine(_run):
    left_out = [line for line in text_of("deploy/Dockerfile.dockerignore").splitlines() if line and not line.startswith("#")]
    equal([line for line in left_out if re.search(r"[/!]", line)], [], "names in the folder of the Makefile alone")
    needed = ["Makefile", "src", "include", "bpf", "vmlinux", "manual"]
    equal([name for name in built_names() if not any(fnmatch.fnmatch(name, line) for line in left_out)], [], "is sent")
    equal([name for name in needed if any(fnmatch.fnmatch(name, line) for line in left_out)], [], "is missing")


@test
def what_the_pod_keeps_fits_into_its_folder(_run):
    """A trace with a full table of stacks: docs/deploy.md."""
    spec, container = pods()["kubernetes-sidecar.yaml"]
    largest, = re.findall(r"With 16,384 stacks in them they are ([\d.]+) MiB", " ".join(text_of("docs/deploy.md").split()))
    volume, = [v for v in spec["volumes"] if v["name"] == "reports"]
    assert int(option(container["args"], "--keep")) * float(largest) * (1 << 20) < size(volume["emptyDir"]["sizeLimit"]), volume
