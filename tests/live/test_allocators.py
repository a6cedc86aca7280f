# SPDX-License-Identifier: GPL-2.0-or-later
"""test_allocators.py - every allocator that a program may use: which one its malloc is, and that the books of each are
exact. Targets count for themselves (targets/alloc.c, jemalloc.c, tcmalloc.c, mimalloc.c)."""
import os
import time

from harness import TARGETS, equal, test

LIBRARIES = "/usr/lib/x86_64-linux-gnu"
JEMALLOC = f"{LIBRARIES}/libjemalloc.so.2"
TCMALLOC = f"{LIBRARIES}/libtcmalloc_minimal.so.4"
MIMALLOC = f"{LIBRARIES}/libmimalloc.so.2.0"
TCMALLOC_FILE = os.path.basename(os.path.realpath(TCMALLOC))
FAMILY = ("leak_malloc", "leak_calloc", "half_freed", "realloc_grow", "realloc_shrink", "realloc_null", "realloc_zero",
          "realloc_fails", "leak_reallocarray", "leak_memalign", "leak_strdup", "leak_asprintf")


def told(line):
    return tuple(map(int, line.split()))


def built(name):
    return os.path.join(TARGETS, name)


def preloaded(library):
    return {**os.environ, "LD_PRELOAD": library}


def said(tracer, target):
    """The notes about this process's malloc, without the parts that every one has."""
    start = f"swtrace: {target.pid}: "
    return [line.removeprefix(start) for line in tracer.said if line.startswith(start)]


def books_are_exact(run, target, commands, chosen, why, n=200, without_stack=()):
    """Each command's blocks are where the target says, all of them together too; that malloc is the chosen one."""
    tracer = run.trace("-p", target.pid, "-i", 60, "--top", 1000)
    expected = {c: told(target.ask(f"{c} {n}")) for c in commands}
    equal(tracer.finish(), 0, "exit code")
    for c in set(commands) - set(without_stack):
        equal(tracer.live(c, depth=8, layer="libc"), expected[c], c)
    books = tracer.layer(target.pid, "libc")
    total = tuple(map(sum, zip(*expected.values())))
    equal((books["live_bytes"], books["live_blocks"]), total, "all")
    equal(books["unknown_frees"], 0, "unknown frees")
    equal(tracer.lost(), {}, "lost")
    file, name = chosen
    process, = [p for p in tracer.last_report()["processes"] if p["pid"] == target.pid]
    equal(process["allocator"], file, "allocator")
    line = f"malloc is {name}'s ({file}): {why}"
    equal([s for s in said(tracer, target) if s.startswith("malloc is")], [line] if name else [], "note")


CALLS = "the program's calls resolve to it"
OWN = "it is in the program's own file"


@test
def jemallocs_books_are_exact_preloaded_linked_inside_and_static(run):
    chosen = ("libjemalloc.so.2", "jemalloc")
    books_are_exact(run, run.target("alloc", env=preloaded(JEMALLOC)), FAMILY, chosen, CALLS)
    books_are_exact(run, run.target("alloc-jemalloc"), FAMILY, chosen, CALLS)
    for name in ("alloc-jemalloc-inside", "alloc-jemalloc-static"):
        books_are_exact(run, run.target(name), FAMILY, (name, "jemalloc"), OWN)


@test
def tcmallocs_books_are_exact_preloaded_linked_inside_and_static(run):
    chosen = (TCMALLOC_FILE, "tcmalloc")
    books_are_exact(run, run.target("alloc", env=preloaded(TCMALLOC)), FAMILY, chosen, CALLS)
    books_are_exact(run, run.target("alloc-tcmalloc"), FAMILY, chosen, CALLS)
    for name in ("alloc-tcmalloc-inside", "alloc-tcmalloc-static"):
        books_are_exact(run, run.target(name), FAMILY, (name, "tcmalloc"), OWN)


@test
def mimallocs_books_are_exact_preloaded_and_linked(run):
    chosen = ("libmimalloc.so.2.0", "mimalloc")
    books_are_exact(run, run.target("alloc", env=preloaded(MIMALLOC)), FAMILY, chosen, CALLS)
    books_are_exact(run, run.target("alloc-mimalloc"), FAMILY, chosen, CALLS)


@test
def musls_books_are_exact_dynamic_and_static(run):
    target = run.target("alloc-musl")
    with open(f"/proc/{target.pid}/maps", encoding="utf-8") as f:
        loader, = {os.path.basename(line.split()[-1]) for line in f if "/ld-musl" in line or "/libc.so" in line}
    inside = ("leak_strdup", "leak_asprintf")  # musl has no unwind information: its callers cannot be found
    books_are_exact(run, target, FAMILY, (loader, None), None, without_stack=inside)
    books_are_exact(run, run.target("alloc-musl-static"), FAMILY, ("alloc-musl-static", None), None,
                    without_stack=inside)


@test
def glibcs_books_are_exact_dynamic_and_static(run):
    books_are_exact(run, run.target("alloc"), FAMILY, ("libc.so.6", None), None)
    books_are_exact(run, run.target("alloc-static"), FAMILY, ("alloc-static", None), None)


@test
def what_libc_allocates_for_its_callers_is_counted_once(run):
    for target in (run.target("alloc"), run.target("alloc-musl"), run.target("alloc", env=preloaded(JEMALLOC))):
        tracer = run.trace("-p", target.pid, "-i", 60)
        target.ask("use_files 100")
        tracer.finish()
        books = tracer.layer(target.pid, "libc")
        equal((books["live_blocks"], books["unknown_frees"]), (0, 0), "live blocks, unknown frees")
        equal(books["allocs"], books["frees"], "frees")
        assert books["allocs"] >= 100, books
        equal(tracer.lost(), {}, "lost")


@test
def jemallocs_own_functions_count_as_what_they_do(run):
    books_are_exact(run, run.target("jemalloc"), ("leak_mallocx", "move_rallocx", "resize_xallocx", "free_all"),
                    ("libjemalloc.so.2", "jemalloc"), CALLS)


@test
def tcmallocs_own_functions_count_as_what_they_do(run):
    books_are_exact(run, run.target("tcmalloc"), ("leak_all", "free_all"), (TCMALLOC_FILE, "tcmalloc"), CALLS)


@test
def mimallocs_own_functions_count_as_what_they_do(run):
    books_are_exact(run, run.target("mimalloc"), ("leak_default", "leak_heap", "move", "expand", "free_all"),
                    ("libmimalloc.so.2.0", "mimalloc"), CALLS)


OPERATORS = ("leak_new", "delete_all")


@test
def operators_new_and_delete_count_once_in_every_allocator(run):
    for name, chosen, why in (("plain", ("libc.so.6", None), None),
                              ("static", ("operators-static", None), None),
                              ("jemalloc", ("libjemalloc.so.2", "jemalloc"), CALLS),
                              ("jemalloc-inside", ("operators-jemalloc-inside", "jemalloc"), OWN),
                              ("jemalloc-static", ("operators-jemalloc-static", "jemalloc"), OWN),
                              ("tcmalloc", (TCMALLOC_FILE, "tcmalloc"), CALLS),
                              ("tcmalloc-inside", ("operators-tcmalloc-inside", "tcmalloc"), OWN),
                              ("tcmalloc-static", ("operators-tcmalloc-static", "tcmalloc"), OWN),
                              ("mimalloc", ("libmimalloc.so.2.0", "mimalloc"), CALLS)):
        books_are_exact(run, run.target(f"operators-{name}"), OPERATORS, chosen, why)


THROWING = ("new_throws", "handler_makes_room", "handler_gives_up", "constructor_throws")


def throwing_is_exact(run, start, *chosen):
    """What makes room does so in a process of its own each time: an allocator keeps much of it for later."""
    books_are_exact(run, start(), THROWING, *chosen, n=100)
    books_are_exact(run, start(), ("handler_throws_inside",), *chosen, n=100)


@test
def an_operator_new_that_throws_is_caught_as_without_tracing_and_its_exception_is_in_the_books(run):
    # mimalloc, which is C, ends the program itself.
    for library, file, name in ((JEMALLOC, "libjemalloc.so.2", "jemalloc"), (TCMALLOC, TCMALLOC_FILE, "tcmalloc")):
        throwing_is_exact(run, lambda env=preloaded(library): run.target("operators-plain", env=env), (file, name), CALLS)


@test
def exceptions_of_operator_new_are_in_the_books_wherever_it_is(run):
    for name, file, allocator, why in (
            ("plain", "libc.so.6", None, None),
            ("static", "operators-static", None, None),
            ("jemalloc-inside", "operators-jemalloc-inside", "jemalloc", OWN),
            ("jemalloc-static", "operators-jemalloc-static", "jemalloc", OWN),
            ("tcmalloc-inside", "operators-tcmalloc-inside", "tcmalloc", OWN),
            ("tcmalloc-static", "operators-tcmalloc-static", "tcmalloc", OWN)):
        throwing_is_exact(run, lambda name=name: run.target(f"operators-{name}"), (file, allocator), why)


@test
def two_traced_processes_with_one_allocator_do_not_disturb_each_other(run):
    targets = [run.target("operators-jemalloc") for _ in range(2)]
    tracer = run.trace("-p", ",".join(str(t.pid) for t in targets), "-i", 60, "--top", 1000)
    for target in targets:
        expected = told(target.ask("leak_new 100"))
        thrown = told(target.ask("new_throws 50"))  # an exception that met a return probe would end it
        target.books = tuple(map(sum, zip(expected, thrown)))
    tracer.finish()
    for target in targets:
        found = [tracer.live(f, depth=8, pid=target.pid) for f in ("leak_new", "new_throws")]
        equal(tuple(map(sum, zip(*found))), target.books, "blocks")
    equal(tracer.lost(), {}, "lost")


@test
def a_size_that_is_in_no_argument_is_told_as_unknown(run):
    target = run.target("mimalloc")
    tracer = run.trace("-p", target.pid, "-i", 60)
    target.ask("leak_strings 50")
    tracer.finish()
    equal(tracer.live("leak_strings"), (0, 100), "blocks")
    equal(tracer.lost(), {"size_unknown": 100}, "lost")


@test
def a_free_that_calls_another_is_one_free(run):
    target = run.target("alloc", env=preloaded(built("shim")))
    tracer = run.trace("-p", target.pid, "-i", 60)
    target.ask("churn 1000")
    tracer.finish()
    books = tracer.layer(target.pid, "libc")
    equal((books["allocs"], books["frees"], books["unknown_frees"]), (1000, 1000, 0), "allocs, frees, unknown frees")
    equal(tracer.lost(), {}, "lost")
    equal(said(tracer, target), ["malloc is that of shim: the program's calls resolve to it",
                                 "malloc of libc.so.6 is traced too: calls of shim resolve to it"], "notes")


@test
def what_an_allocator_maps_and_unmaps_inside_free_is_no_mapping_of_the_programs(run):
    # glibc makes a heap for a thread that frees before it allocates; jemalloc, if it is told to, gives back at once what is free.
    keep_nothing = "retain:false,dirty_decay_ms:0,muzzy_decay_ms:0"
    for env in (dict(os.environ), {**preloaded(JEMALLOC), "MALLOC_CONF": keep_nothing}, preloaded(TCMALLOC),
                preloaded(MIMALLOC)):
        target = run.target("frees", env=env)
        tracer = run.trace("-p", target.pid, "-i", 60)
        for c in ("fill 20000", "empty 10000", "fill 10000", "empty 20000", "free_in_threads 10"):
            target.ask(c)
        tracer.finish()
        books = tracer.layer(target.pid, "mmap")
        equal({k: books[k] for k in ("allocs", "frees", "unknown_frees")}, {"allocs": 0, "frees": 0, "unknown_frees": 0},
              f"mappings of {env.get('LD_PRELOAD', 'libc')}")
        equal(tracer.lost(), {}, "lost")


@test
def what_a_program_maps_right_after_a_free_is_its_own(run):
    target = run.target("frees")
    tracer = run.trace("-p", target.pid, "-i", 60)
    target.ask("map_after_free 10")
    target.ask("start_after_free 5")
    tracer.finish()
    equal(tracer.live("map_after_free", layer="mmap"), (81920, 10), "mappings")
    equal(tracer.layer(target.pid, "mmap")["allocs"], 15, "mappings and stacks of threads")
    equal(tracer.lost(), {}, "lost")


@test
def an_allocator_that_is_loaded_but_not_called_is_not_the_chosen_one(run):
    # Of jemalloc, libstdc++, which it brings along, finds operator new.
    for library, others in ((MIMALLOC, "malloc of libmimalloc.so.2.0 is not traced: no calls resolve to it"),
                            (JEMALLOC, "malloc of libjemalloc.so.2 is traced too: calls of libstdc++")):
        # They want their thread-local storage at a fixed place, of which there must be some left.
        target = run.target("binds", env={**os.environ, "LD_BIND_NOW": "1",
                                          "GLIBC_TUNABLES": "glibc.rtld.optional_static_tls=16384"})
        target.ask(f"load local {library}")
        tracer = run.trace("-p", target.pid, "-i", 60, "-v")
        target.ask("leak_here 300")
        tracer.finish()
        equal(tracer.live("leak_here"), (12000, 300), "blocks")
        equal(tracer.lost(), {}, "lost")
        assert f"swtrace: debug: {target.pid}: malloc is libc's (libc.so.6): {CALLS}" in tracer.said, tracer.said
        note, = said(tracer, target)
        assert note.startswith(others), note
        probed = any(os.path.basename(library) in s and "functions probed" in s for s in tracer.said)
        equal(probed, "traced too" in others, "probed")


@test
def a_plugin_that_is_bound_to_libc_past_a_preloaded_allocator_is_traced_in_libc(run):
    target = run.target("binds", env=preloaded(JEMALLOC))
    tracer = run.trace("-p", target.pid, "-i", 60)
    target.ask(f"load deep {built('plugin-malloc')}")
    time.sleep(0.5)  # its calls may come to libc: probed a moment after it is loaded
    target.ask("leak_in_plugin 200")
    target.ask("leak_here 300")
    tracer.finish()
    equal(tracer.live("plugin_leak"), (10000, 200), "the plugin's blocks")
    equal(tracer.live("leak_here"), (12000, 300), "the program's blocks")
    equal(tracer.lost(), {}, "lost")

    # A second look finds the plugin's calls resolved.
    tracer = run.trace("-p", target.pid, "-i", 60)
    target.ask("leak_in_plugin 100")
    tracer.finish()
    equal(tracer.live("plugin_leak"), (5000, 100), "the plugin's blocks")
    equal(said(tracer, target), [f"malloc is jemalloc's (libjemalloc.so.2): {CALLS}",
                                 "malloc of libc.so.6 is traced too: calls of plugin-malloc resolve to it"], "notes")


@test
def a_command_with_a_preloaded_allocator_is_traced_from_its_first_block(run):
    for library, name in ((JEMALLOC, "jemalloc"), (TCMALLOC, "tcmalloc"), (MIMALLOC, "mimalloc")):
        tracer = run.trace("-i", 60, "--", "env", f"LD_PRELOAD={library}", built("life"), "3", wait_for=None)
        equal(tracer.finish(interrupt=False), 3, "exit code")
        equal(tracer.live("leak_in_constructor"), (5000, 10), f"{name}: blocks of the constructor")
        equal(tracer.live("leak_in_main"), (1400, 20), f"{name}: blocks of main")
        equal(tracer.lost(), {}, f"{name}: lost")
        assert any(f"malloc is {name}'s" in s for s in tracer.said), tracer.said
