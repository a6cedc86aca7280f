// SPDX-License-Identifier: GPL-2.0-or-later
/* floor.c - what the probes cost alone: empty programs at exactly the sites that swtrace probes in a process, placed by
 * the same code. usage: floor [--entries] [--read BYTES[,...]] PID
 *   --entries  no return is probed
 *   --read     at each allocation so many bytes of the process's memory are read, in so many reads
 * Says "floor: N functions by KIND" on standard output when they are in place; ends, and removes them, at the end of
 * its standard input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/internal.h"
#include "probe.h"
#include "swtrace.skel.h"

int floor_entries_only;
int floor_reads;
int floor_read_bytes[7];

/* reads_parse - a list of sizes with commas.  Return: 1, or 0: it is none. */
static int reads_parse(char *list)
{
	char *one;

	while ((one = strsep(&list, ","))) {
		if (floor_reads == 7 || atoi(one) <= 0)
			return 0;
		floor_read_bytes[floor_reads++] = atoi(one);
	}
	return 1;
}

int main(int argc, char **argv)
{
	struct attach_opts opts = { 0 };
	struct attach *a = NULL;
	struct target *t = NULL;
	struct target_process *p;
	int n, at = 1;
	char c;

	if (at < argc && !strcmp(argv[at], "--entries"))
		floor_entries_only = at++;
	if (at + 1 < argc && !strcmp(argv[at], "--read")) {
		if (!reads_parse(argv[at + 1]))
			return 2;
		at += 2;
	}
	if (at + 1 != argc)
		return 2;
	n = target_open(&t);
	if (!n)
		n = attach_open(&a, &opts);
	if (!n)
		n = bench_probe(a, t, atoi(argv[argc - 1]), &p);
	if (n > 0 && floor_entries_only && a->kind != PROBE_SESSION) {
		msg_error("--entries: only a session's program can spare the return, and this kernel has none");
		n = -ENOTSUP;
	}
	if (n > 0) {
		printf("floor: %d functions by %s\n", n, attach_kind(a));
		fflush(stdout);
		while (read(0, &c, 1) > 0)
			;
	} else {
		msg_error("no function probed: %s", strerror(-n));
	}
	attach_close(a);
	target_close(t);
	return n > 0 ? 0 : 1;
}
