/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/own.h - what this very process takes. */
#ifndef UTIL_OWN_H
#define UTIL_OWN_H

#include <stdint.h>

/* own_cpu_ns - CPU time by now, of all its threads, ns. */
uint64_t own_cpu_ns(void);

/* own_resident_bytes - memory that is resident (proc(5), statm); 0: not known. */
uint64_t own_resident_bytes(void);

#endif
