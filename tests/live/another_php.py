# SPDX-License-Identifier: GPL-2.0-or-later
"""another_php.py - what is proved of Debian's PHPs, of one more: python3 tests/live/another_php.py ROOT PHP
such as: python3 tests/live/another_php.py php8.5 php8.5     ROOT is a folder of build/roots, made by tests/roots/make"""
import sys

import harness
import test_truth as truth
import test_zend as zend

root, php = sys.argv[1:]
harness.TESTS.clear()  # those that the modules have just added are of other PHPs
CASES = truth.CASES + (truth.CASES_81 if php >= "php8.1" else []) + (truth.CASES_84 if php >= "php8.4" else [])


def of_this_php(check):
    """A test that runs it with this PHP."""
    def run_it(run):
        check(run, php=harness.RootPhp(root, php))
    run_it.__name__ = f"{check.__name__}_{php}"
    harness.test(run_it)


@of_this_php
def frames_are_what_php_itself_tells_of(run, php):
    truth.compare(run, CASES, php=php)


@of_this_php
def frames_without_jit_are_what_php_itself_tells_of(run, php):
    truth.compare(run, CASES, truth.NO_JIT, php=php)


@of_this_php
def frames_with_the_jit_are_right_of(run, php):
    truth.compare_with_jit(run, CASES, php=php)


@of_this_php
def the_books_equal_the_count_of(run, php):
    zend.check_from_the_start(run, php)


@of_this_php
def the_books_equal_the_count_when_the_heap_gives_back_of(run, php):
    zend.check_what_is_given_back(run, php)


sys.exit(harness.run_all([]))
