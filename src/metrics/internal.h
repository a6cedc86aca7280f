/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics/internal.h - what the files of this room share. */
#ifndef METRICS_INTERNAL_H
#define METRICS_INTERNAL_H

#include <signal.h>

#include "crash/crash.h"
#include "metrics/metrics.h"

/* metrics_signal_name - of metrics_counts.crash[i]: "SIGSEGV", ..., "other". May be written to buf. */
const char *metrics_signal_name(size_t i, char *buf, size_t len);

#endif
