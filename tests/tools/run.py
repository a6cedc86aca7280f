# SPDX-License-Identifier: GPL-2.0-or-later
"""run.py - exports, read by the tools that they are made for: python3 tests/tools/run.py [PART OF A NAME...]

Each test_*.py here adds its tests, with the harness of the live tests. These tools are large, so `make check` does without."""
import glob
import importlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../live")]

import harness  # noqa: E402

for path in sorted(glob.glob(os.path.join(HERE, "test_*.py"))):
    importlib.import_module(os.path.basename(path)[:-3])

sys.exit(harness.run_all(sys.argv[1:]))
