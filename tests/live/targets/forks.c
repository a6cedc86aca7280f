/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forks.c - on "go": the parent leaks, forks a child that leaks and forks a grandchild that leaks (the double fork of a
 * daemon). The answer is "CHILD GRANDCHILD", their pids, once both have leaked. */
#include "target.h"
#include <sys/wait.h>

static void *volatile keep;

static NOINLINE void parent_leak(void)
{
	for (int i = 0; i < 100; i++)
		keep = malloc(1000);
}

static NOINLINE void child_leak(void)
{
	for (int i = 0; i < 500; i++)
		keep = malloc(3000);
}

int main(void)
{
	int fd[2], child, grandchild = 0;
	char line[64];

	say("ready");
	while (hear(line, sizeof(line)) && !strcmp(line, "go")) {
		parent_leak();
		if (pipe(fd))
			return 1;
		child = fork();
		if (!child) {
			child_leak();
			grandchild = fork();
			if (!grandchild) {
				child_leak();
				grandchild = getpid();
				if (write(fd[1], &grandchild, sizeof(grandchild)) < 0)
					_exit(1);
				_exit(0);
			}
			wait(NULL);
			_exit(0);
		}
		if (read(fd[0], &grandchild, sizeof(grandchild)) < 0)
			return 1;
		waitpid(child, NULL, 0);
		parent_leak();
		say("%d %d", child, grandchild);
	}
	return 0;
}
