# SPDX-License-Identifier: GPL-2.0-or-later
"""scenarios.py - the corpus: what each program of scenarios.php and scenarios.c does, and which of its code leaks.

A stack that is called a leak is one if one of its frames is a function of `places`. These are all functions whose blocks
stay, also those that PHP makes for them: its list of all objects, and the collector's, are made longer by the line that
makes the next object, and they grow with the leak."""
import os
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PHP = "php8.2"
C_PROGRAM = os.path.join(ROOT, "build/tests/corpus/scenarios")

REQUESTS = 10000
RATE = 500
MUST_BYTES = 25  # a leak of so many a request is to be found
MANY = 300       # other allocations of a request, where a leak is to be found among many


@dataclass(frozen=True)
class Scenario:
    name: str
    what: str
    places: tuple = ()   # functions that leak; none: the scenario is clean
    layer: str = "zend"
    bytes: float = 0     # that leak in a request, as they are asked for
    others: int = 12     # other allocations of a request
    before: int = 0      # requests before tracing

    @property
    def leaks(self):
        return bool(self.places)

    @property
    def is_php(self):
        return not self.name.startswith("c_")

    def argv(self, requests=REQUESTS, rate=RATE, others=None):
        program = [PHP, os.path.join(HERE, "scenarios.php")] if self.is_php else [C_PROGRAM]
        args = (self.name, requests, rate, self.others if others is None else others, self.before)
        return program + [str(a) for a in args]


def leak(name, what, bytes, *places, **kw):
    return Scenario(name, what, places or (name,), bytes=bytes, **kw)


def clean(name, what, **kw):
    return Scenario(name, what, **kw)


SCENARIOS = [
    leak("linear_25", "25 bytes a request: a string in each eighth", 25, others=MANY),
    leak("each_request", "a short string in each request", 51),
    leak("remembered_by_key", "a map whose keys never come again", 440),
    leak("linked_list", "objects that hold each other", 72),
    leak("in_steps", "a reload every 700 requests keeps what it replaces", 65, "in_steps", "{closure}"),
    leak("rare_and_large", "1 MiB in one of 1,200 requests", 840),
    leak("listeners", "closures that are registered and never removed", 700, "listeners", "Emitter::on"),
    leak("cycles_never_collected", "cyclic garbage, and the collector is off", 150,
         "cycles_never_collected", "cyclic_garbage"),
    leak("sessions_without_end", "a session store that expires nothing", 550),
    leak("some_are_kept", "a line makes 99 blocks of 100 for a moment", 35, "response", "some_are_kept"),
    leak("log_in_memory", "one string, ever longer", 25),
    leak("coroutines_pile_up", "suspended fibers", 1500, "coroutines_pile_up", "{closure}"),
    leak("generators_kept", "suspended generators", 110, "generators_kept", "walk"),
    leak("exceptions_kept", "exceptions with their traces", 250),
    leak("in_a_library", "malloc, while PHP's own heap is flat", 64, layer="libc", others=MANY),
    leak("beside_a_cache", "a leak beside a cache that turns over", 25, "tags"),
    leak("one_of_eight", "one worker of eight leaks", 51, "each_request"),
    leak("c_25_bytes", "malloc(25) in each request", 25, layer="libc", others=MANY),
    leak("c_list", "calloc of 48 bytes", 48, layer="libc"),
    leak("c_growing_array", "an array, ever longer, by realloc", 26, layer="libc"),
    leak("c_mappings", "a page is mapped in one of 20 requests", 204, layer="mmap"),
    leak("c_in_steps", "200 blocks every 800 requests", 37, layer="libc"),
    leak("c_rare_and_large", "4 MiB in one of 1,250 requests", 3300, layer="libc"),
    leak("c_wrapper", "one of three callers of xmalloc", 60, "parse_header", layer="libc"),
    leak("c_error_path", "a message of 51 bytes in one of 40 requests", 1.2, layer="libc"),
    leak("c_one_thread", "one thread of four", 30, "thread_leaks", layer="libc"),

    clean("steady", "nothing is kept", others=MANY),
    clean("cycles_collected", "cyclic garbage, and the collector runs"),
    clean("least_recently_used", "a cache of 500 entries that fills up while traced"),
    clean("slow_cache", "a full cache whose entries stay for 4,000 requests", before=5000),
    clean("replaced_at_random", "a cache of 700 entries, replaced at random"),
    clean("bounded_pool", "a pool of up to 64 connections"),
    clean("warm_up", "600 templates, each compiled when it is first used"),
    clean("sawtooth", "a batch of 900 is dropped as a whole"),
    clean("periodic_flush", "lines are written out every 640 requests"),
    clean("sessions_that_expire", "a session store whose entries live for 1,500 requests"),
    clean("fragmentation", "2 MB, ever of other sizes"),
    clean("queue", "a consumer falls behind and catches up"),
    clean("text_begun_anew", "a string that grows to 20 kB and begins anew"),
    clean("memo_of_few", "all 400 results are known after a while"),
    clean("delayed", "timers of very different length"),
    clean("c_steady", "nothing is kept", layer="libc"),
    clean("c_cache", "a cache of 700 entries", layer="libc"),
    clean("c_old_cache", "a full cache whose entries stay for 6,000 requests", layer="libc", before=7000),
    clean("c_pool", "a pool of up to 64 blocks", layer="libc"),
    clean("c_warm_up", "600 blocks, ever more rarely", layer="libc"),
    clean("c_flush", "freed every 720 requests", layer="libc"),
    clean("c_arena", "200 chunks, freed together", layer="libc"),
    clean("c_fragments", "500 blocks, ever of other sizes", layer="libc"),
    clean("c_expiring", "sessions that expire at random", layer="libc"),
    clean("c_mapping_window", "100 pages, unmapped in turn", layer="mmap"),
    clean("c_moving_buffer", "a buffer that grows and shrinks", layer="libc"),
]

BY_NAME = {s.name: s for s in SCENARIOS}

# The most telling ones, for `make check-long`; none that allocate so much that they take longer than the others.
FEW = ["listeners", "some_are_kept", "least_recently_used", "cycles_collected", "warm_up",
       "c_mappings", "c_wrapper", "c_old_cache"]
