/* SPDX-License-Identifier: GPL-2.0-or-later */
/* life.c - what a process goes through: leaks in a constructor and in main; then "exec" runs the program anew, "exit N"
 * ends it, "ping" answers "pong". With arguments it waits for no command: STATUS ends it at once. */
#include "target.h"

static void *volatile keep;

static NOINLINE void leak_in_constructor(void)
{
	for (int i = 0; i < 10; i++)
		keep = malloc(500);
}

static NOINLINE void leak_in_main(void)
{
	for (int i = 0; i < 20; i++)
		keep = malloc(70);
}

static __attribute__((constructor)) void before_main(void)
{
	leak_in_constructor();
}

int main(int argc, char **argv)
{
	char line[64];
	int status;

	leak_in_main();
	if (argc > 1)
		return atoi(argv[1]);
	say("ready");
	while (hear(line, sizeof(line))) {
		if (!strcmp(line, "exec"))
			execv("/proc/self/exe", argv);
		else if (!strcmp(line, "ping")) {
			leak_in_main();
			say("pong");
		} else if (sscanf(line, "exit %d", &status) == 1)
			return status;
	}
	return 0;
}
