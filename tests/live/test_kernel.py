# SPDX-License-Identifier: GPL-2.0-or-later
"""test_kernel.py - what the kernel made of the programs."""
import os
import subprocess

from harness import TARGETS, test


def programs():
    """Name -> (bytes of machine code, set-ups of a private stack in them) of the BPF programs in the kernel."""
    out = subprocess.run([os.path.join(TARGETS, "jit-image")], stdout=subprocess.PIPE, check=True).stdout.decode()
    found = {}
    for line in out.splitlines():
        name, size, private = line.rsplit(" ", 2)
        found[name] = (int(size), int(private))
    return found


@test
def no_program_of_a_probe_has_a_private_stack(run):
    target = run.target("life")
    run.trace("-p", target.pid, "-i", 60)
    found = programs()
    probes = [name for name in found if name in ("on_call", "on_enter", "on_return", "on_dl_state")]
    assert "on_dl_state" in probes and len(probes) >= 2, found
    for name in probes:
        size, private = found[name]
        assert size > 500, f"{name}: no machine code was read"
        assert private == 0, f"{name} uses a private stack"
    # Where the kernel has private stacks at all, the tracepoint programs have them, rightly: they show that they are seen.
    release = tuple(int(n) for n in os.uname().release.split("-")[0].split(".")[:2])
    if release >= (6, 13):
        assert any(found[name][1] for name in found if name not in probes), f"none in {found}: the test sees nothing"
