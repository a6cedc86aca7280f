# SPDX-License-Identifier: GPL-2.0-or-later
"""test_corpus.py - of the most telling programs of the corpus (tests/corpus), those that leak are named, and no others. `make
check-corpus` measures all of them."""
import os
import sys

from harness import ROOT, test

sys.path.insert(0, os.path.join(ROOT, "tests/corpus"))

import measure  # noqa: E402
from scenarios import BY_NAME, FEW  # noqa: E402


def judged(is_php):
    for outcome in measure.measure([BY_NAME[n] for n in FEW if BY_NAME[n].is_php == is_php]):
        s = outcome.scenario
        accused = [measure.where(a) for a in outcome.accused()]
        assert not outcome.wrong, (s.name, accused)
        assert outcome.found == s.leaks, (s.name, accused)
        if s.leaks:
            assert 0.6 * s.bytes < outcome.told < 2.5 * s.bytes, (s.name, outcome.told)


@test
def leaks_of_php_programs_are_named_and_what_turns_over_is_not(run):
    judged(is_php=True)


@test
def leaks_of_c_programs_are_named_and_what_turns_over_is_not(run):
    judged(is_php=False)
