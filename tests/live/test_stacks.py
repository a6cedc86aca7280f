# SPDX-License-Identifier: GPL-2.0-or-later
"""test_stacks.py - true stacks of code without frame pointers."""
import os
import shutil
import subprocess
import tempfile
import time

from harness import TARGETS, Program, equal, test
from test_life import bpf_objects

ROOT = ["main", None, "__libc_start_main", "_start"]


def functions(stack):
    # libc's own start function has a name only where its debug file is installed
    return [None if f["function"] == "__libc_start_call_main" else f["function"] for f in stack["frames"]]


def stack_of(run, command, size, target=None):
    """The one stack on which deep.c allocated a block of that size."""
    target = target or run.target("deep")
    tracer = run.trace("-p", target.pid, "-i", 60, "-T", 1000)
    equal(target.ask(command), "done")
    tracer.finish()
    equal(tracer.lost(), {}, "lost")
    found = [s for s in tracer.stacks() if s["live_bytes"] == size]
    equal(len(found), 1, "stacks")
    return found[0]


@test
def a_stack_without_frame_pointers_is_whole(run):
    s = stack_of(run, "chain", 111)
    equal(s["walk"], "complete")
    equal(functions(s), ["third", "second", "first"] + ROOT)


@test
def a_frame_of_variable_size_is_passed(run):
    s = stack_of(run, "alloca", 555)
    equal((s["walk"], functions(s)), ("complete", ["third", "second", "first", "with_alloca"] + ROOT))


@test
def a_signal_handlers_frame_is_passed(run):
    s = stack_of(run, "signal", 222)
    equal(s["walk"], "complete")
    names = functions(s)
    equal(names[:4], ["third", "second", "first", "handler"])
    equal(names[-4:], ROOT)
    assert "raise" in names or "gsignal" in names, names


@test
def a_callback_through_libc_is_passed(run):
    s = stack_of(run, "callback", 444)
    names = functions(s)
    equal(s["walk"], "complete")
    equal(names[:4], ["third", "second", "first", "compare"])
    equal(names[-5:], ["through_libc"] + ROOT)
    assert "qsort" in names or "qsort_r" in names, names


@test
def a_deep_stack_says_that_it_goes_on(run):
    s = stack_of(run, "recurse 100", 333)
    equal((s["walk"], functions(s).count("recurse")), ("complete", 101))
    s = stack_of(run, "recurse 500", 333)
    equal((s["walk"], len(s["frames"])), ("too_deep", 128))


@test
def a_crash_without_frame_pointers_has_its_stack(run):
    target = run.target("deep")
    tracer = run.trace("-p", target.pid, "-i", 60)
    target.send("null")
    c = tracer.wait("crash", 5)
    equal((c["walk"], functions(c)), ("complete", ["null"] + ROOT))


@test
def a_library_loaded_while_tracing_has_frames(run):
    target = run.target("deep")
    tracer = run.trace("-p", target.pid, "-i", 60, "-T", 1000)
    equal(target.ask("load"), "done")
    tracer.wait("lifecycle", event="libraries")
    time.sleep(0.3)  # the loader has told of its last change, and it is dealt with
    equal(target.ask("chain"), "done")
    tracer.finish()
    # Those taken while the loader was at work say so; those after it are whole.
    walks = [s["walk"] for s in tracer.stacks()]
    assert set(walks) <= {"complete", "unsettled"}, walks
    equal([s["walk"] for s in tracer.stacks() if s["frames"][0]["function"] == "third"], ["complete"])


@test
def phps_own_stacks_are_whole(run):
    php = run.php()
    tracer = run.trace("-p", php.pid, "-i", 60, "-T", 1000)
    php.ask("keep 50 1000")
    php.ask("native 5 1234")
    tracer.finish()
    report = tracer.last_report()
    equal(report["complete"], report["stacks"], "complete stacks")
    for s in tracer.stacks():
        names = functions(s)
        equal(names[-1], "_start", s)
        assert "{main}" in names and "php_execute_script" in names, names


def library_paths(program):
    """The libraries and the loader that a program maps, by ldd."""
    out = subprocess.run(["ldd", program], stdout=subprocess.PIPE, check=True).stdout.decode()
    return [word for word in out.split() if word.startswith("/")]


@test
def stripped_symbols_are_found_by_build_id_in_the_targets_own_root(run):
    # GIVEN a root in which the target is stripped and its symbols lie where its build-id says
    source = os.path.join(TARGETS, "deep")
    notes = subprocess.run(["readelf", "-n", source], stdout=subprocess.PIPE, check=True).stdout.decode()
    build_id = notes.split("Build ID: ")[1].split()[0]
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)
        for path in library_paths(source):
            os.makedirs(root + os.path.dirname(path), exist_ok=True)
            shutil.copy(os.path.realpath(path), root + path)
        debug = os.path.join(root, "usr/lib/debug/.build-id", build_id[:2])
        os.makedirs(debug)
        subprocess.run(["objcopy", "--only-keep-debug", source, os.path.join(debug, build_id[2:] + ".debug")], check=True)
        subprocess.run(["strip", "-o", os.path.join(root, "deep"), source], check=True)
        target = run.keep(Program([shutil.which("chroot") or "/usr/sbin/chroot", root, "/deep"]))
        # THEN its functions have names
        s = stack_of(run, "chain", 111, target)
        equal(functions(s), ["third", "second", "first"] + ROOT)
        target.end()
        # GIVEN a file there that is another's WHEN it is looked up THEN it is not believed
        shutil.copy(os.path.join(TARGETS, "life"), os.path.join(debug, build_id[2:] + ".debug"))
        target = run.keep(Program([shutil.which("chroot") or "/usr/sbin/chroot", root, "/deep"]))
        s = stack_of(run, "chain", 111, target)
        equal(functions(s)[:4], [None] * 4)
        target.end()


def by_caller(run, command, functions_of):
    """Blocks by the function at that depth, and the losses, after 500 calls of each."""
    target = run.target("same-place")
    tracer = run.trace("-p", target.pid, "-i", 60, "-T", 1000)
    equal(target.ask(f"{command} 500"), "done")
    tracer.finish()
    equal(tracer.lost(), {}, "lost")
    assert all(s["walk"] == "complete" for s in tracer.stacks()), tracer.stacks()
    return {f: sum(s["live_blocks"] for s in tracer.stacks() if any(g["function"] == f for g in s["frames"]))
            for f in functions_of}


@test
def two_callers_with_the_same_stack_pointer_are_told_apart(run):
    equal(by_caller(run, "callers", ["caller_a", "caller_b"]), {"caller_a": 500, "caller_b": 500})


@test
def what_an_earlier_call_left_on_the_stack_is_not_taken_for_a_caller(run):
    equal(by_caller(run, "registers", ["frame_small", "frame_large"]), {"frame_small": 500, "frame_large": 500})


def plugins(directory, n):
    """Copies of the plugin: other files as far as the system can tell."""
    paths = [os.path.join(directory, f"plugin-{i}") for i in range(n)]
    for path in paths:
        shutil.copy(os.path.join(TARGETS, "plugin"), path)
    return paths


@test
def what_an_unloaded_library_allocated_keeps_its_name(run):
    with tempfile.TemporaryDirectory() as d:
        target = run.target("plugins")
        tracer = run.trace("-p", target.pid, "-i", 60, "-T", 1000)
        bases = [target.ask(f"load {7001 + i} {path}") for i, path in enumerate(plugins(d, 4))]
        tracer.finish()
    assert len(set(bases)) < 4, f"the loader used no address twice, so this shows nothing: {bases}"
    for i in range(4):
        found = [s for s in tracer.stacks() if s["live_bytes"] == 7001 + i]
        equal(len(found), 1, f"stacks of plugin {i}")
        equal(found[0]["walk"], "complete")
        equal([(f["function"], f["module"]) for f in found[0]["frames"]][:2],
              [("plugin_alloc", f"plugin-{i}"), ("load", "plugins")])


@test
def room_for_unwind_rows_is_used_again(run):
    with tempfile.TemporaryDirectory() as d:
        target = run.target("plugins")
        tracer = run.trace("-p", target.pid, "-i", 60, "-T", 1000)
        chunks = []
        for i, path in enumerate(plugins(d, 36)):
            target.ask(f"load {7001 + i} {path}")
            if i % 12 == 11:
                chunks.append(bpf_objects()[("map", "row_chunk")])
                time.sleep(2.2)  # what a walk may still read is not used again for 2 s
        tracer.finish()
    # Twelve plugins at a time fill more than three chunks, so without reuse there would be six more.
    assert chunks[0] >= 4, chunks
    assert chunks[2] <= chunks[0] + 1, chunks
    for i in range(36):
        found = [s for s in tracer.stacks() if s["live_bytes"] == 7001 + i]
        equal([(s["walk"], s["frames"][0]["function"]) for s in found], [("complete", "plugin_alloc")])


@test
def code_mapped_without_the_loader_has_frames_within_a_second(run):
    with tempfile.TemporaryDirectory() as d:
        path = plugins(d, 1)[0]
        symbols = subprocess.run(["nm", "-D", path], stdout=subprocess.PIPE, check=True, text=True).stdout
        offset = int([line.split()[0] for line in symbols.splitlines() if line.endswith("plugin_through")][0], 16)
        target = run.target("plugins")
        tracer = run.trace("-p", target.pid, "-i", 60, "-T", 1000)
        equal(target.ask(f"late 6001 {offset} {path}"), "done")
        tracer.finish()
    found = {s["walk"]: s for s in tracer.stacks() if s["live_bytes"] and not s["live_bytes"] % 6001}
    blocks = {walk: s["live_blocks"] for walk, s in found.items()}
    equal(sum(blocks.values()), 20, "blocks")
    # The first ones find no rows, and say so.
    assert blocks["complete"] >= 10, blocks
    equal([f["function"] for f in found["complete"]["frames"]][:2], ["plugin_through", "late"])
