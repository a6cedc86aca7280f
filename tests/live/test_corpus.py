# SPDX-License-Identifier: GPL-2.0-or-later
"""test_corpus.py - of the most telling programs of the corpus (tests/corpus), those that leak are named, and no others.
`make check-corpus` measures all of them, for longer."""
import os
import sys

from harness import ROOT, long_test

sys.path.insert(0, os.path.join(ROOT, "tests/corpus"))

import measure  # noqa: E402
from scenarios import BY_NAME, FEW  # noqa: E402


REQUESTS, RATE = 5000, 250


def judged(chosen):
    for outcome in measure.measure([BY_NAME[n] for n in FEW if chosen(BY_NAME[n])], REQUESTS, RATE):
        s = outcome.scenario
        accused = [measure.where(a) for a in outcome.accused()]
        assert not outcome.wrong, (s.name, accused)
        assert outcome.found == s.leaks, (s.name, accused)
        if s.leaks:
            assert 0.75 * s.bytes < outcome.told < 1.35 * s.bytes, (s.name, outcome.told)


@long_test
def leaks_of_php_programs_are_named_with_their_bytes_a_request(run):
    judged(lambda s: s.is_php and s.leaks)


@long_test
def php_programs_that_fill_a_cache_or_wait_for_the_collector_or_warm_up_do_not_leak(run):
    judged(lambda s: s.is_php and not s.leaks)


@long_test
def in_c_a_leak_of_mappings_and_one_caller_of_many_are_named_and_a_full_cache_is_not(run):
    judged(lambda s: not s.is_php)
