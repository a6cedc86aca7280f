// SPDX-License-Identifier: GPL-2.0-or-later
/* util/own.c - what this very process takes, as the kernel counts. */
#include <stdio.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/own.h"

uint64_t own_cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t own_resident_bytes(void)
{
	unsigned long long total, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f && fscanf(f, "%llu %llu", &total, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}
