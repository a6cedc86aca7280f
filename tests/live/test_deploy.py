# SPDX-License-Identifier: GPL-2.0-or-later
"""test_deploy.py - what deploy/ asks of an engine, read as the engine would: rights, confinement, and words that swtrace takes. That these
rights and that profile are enough is shown by test_container.py."""
import os
import re
import sys
import tempfile

from harness import ROOT, command, equal, test
from test_container import CAPS

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's, should this python3 be another

import yaml  # noqa: E402

UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
NO_SUCH_PID = 4194303


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


@test
def what_the_pod_keeps_fits_into_its_folder(_run):
    """A trace with a full table of stacks: docs/deploy.md."""
    spec, container = pods()["kubernetes-sidecar.yaml"]
    largest, = re.findall(r"With 16,384 stacks in them they are ([\d.]+) MiB", " ".join(text_of("docs/deploy.md").split()))
    volume, = [v for v in spec["volumes"] if v["name"] == "reports"]
    assert int(option(container["args"], "--keep")) * float(largest) * (1 << 20) < size(volume["emptyDir"]["sizeLimit"]), volume
