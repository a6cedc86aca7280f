/* SPDX-License-Identifier: GPL-2.0-or-later */
/* execs.c - "leak N" leaks N blocks of 64 bytes, or of 96 once it has been executed anew; "exec" executes it anew, "thread"
 * does so from a second thread. Allocates nothing on its own. */
#include "target.h"
#include <pthread.h>

static void *volatile keep;
static char *again[] = { "execs", "again", NULL };

static NOINLINE void leak_before(long n)
{
	for (long i = 0; i < n; i++)
		keep = malloc(64);
}

static NOINLINE void leak_after(long n)
{
	for (long i = 0; i < n; i++)
		keep = malloc(96);
}

static void *exec_again(void *arg)
{
	execv("/proc/self/exe", again);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	char line[64];
	long n;

	(void)argv;
	say("ready");
	while (hear(line, sizeof(line))) {
		if (sscanf(line, "leak %ld", &n) == 1) {
			if (argc > 1)
				leak_after(n);
			else
				leak_before(n);
			say("%ld %ld", n * (argc > 1 ? 96 : 64), n);
		} else if (!strcmp(line, "exec")) {
			exec_again(NULL);
		} else if (!strcmp(line, "thread")) {
			pthread_create(&thread, NULL, exec_again, NULL);
			pthread_join(thread, NULL);
		}
	}
	return 0;
}
