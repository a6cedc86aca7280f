# SPDX-License-Identifier: GPL-2.0-or-later
"""run.py - the live tests: python3 tests/live/run.py [PART OF A NAME...]"""
import sys

import harness
import test_alloc  # noqa: F401 - each module adds its tests
import test_allocators  # noqa: F401
import test_books  # noqa: F401
import test_cli  # noqa: F401
import test_completion  # noqa: F401
import test_container  # noqa: F401
import test_corpus  # noqa: F401
import test_crash  # noqa: F401
import test_deploy  # noqa: F401
import test_doctor  # noqa: F401
import test_ends  # noqa: F401
import test_engine  # noqa: F401
import test_faults  # noqa: F401
import test_follow  # noqa: F401
import test_freed  # noqa: F401
import test_hostile  # noqa: F401
import test_hostile_ends  # noqa: F401
import test_identity  # noqa: F401
import test_kernel  # noqa: F401
import test_launch  # noqa: F401
import test_ledger  # noqa: F401
import test_life  # noqa: F401
import test_metrics  # noqa: F401
import test_oracle  # noqa: F401
import test_php  # noqa: F401
import test_push  # noqa: F401
import test_record  # noqa: F401
import test_report  # noqa: F401
import test_requests  # noqa: F401
import test_reuse  # noqa: F401
import test_rights  # noqa: F401
import test_stacks  # noqa: F401
import test_system  # noqa: F401
import test_truth  # noqa: F401
import test_usage  # noqa: F401
import test_verdicts  # noqa: F401
import test_view  # noqa: F401
import test_vitals  # noqa: F401
import test_watch  # noqa: F401
import test_web  # noqa: F401
import test_windows  # noqa: F401
import test_zend  # noqa: F401

sys.exit(harness.run_all(sys.argv[1:]))
