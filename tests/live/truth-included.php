<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// truth-included.php - what truth.php includes.

\Truth\mark();
