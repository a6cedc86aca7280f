/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forks.c - on "go": the parent leaks, forks a child that leaks and forks a grandchild that leaks (the double fork of a
 * daemon). The answer is "CHILD GRANDCHILD", their pids, once both have leaked.
 * On "storm N": forks N children that crash at once, every other one in a child of its own; the answer is "done".
 * On "exec": forks a child that executes this program anew, which crashes at once; the answer is "done". */
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

static NOINLINE void child_crash(void)
{
	*(volatile int *)keep = 1;
}

/* crash_in_child - in a grandchild when deep is 1. */
static NOINLINE void crash_in_child(int deep)
{
	int child = fork();

	if (!child) {
		if (deep)
			crash_in_child(0);
		else
			child_crash();
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void exec_in_child(const char *self)
{
	int child = fork();

	if (!child) {
		execl(self, self, "crash", (char *)NULL);
		_exit(1);
	}
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	int fd[2], child, grandchild = 0, n;
	char line[64];

	if (argc > 1)
		child_crash();
	say("ready");
	while (hear(line, sizeof(line))) {
		if (sscanf(line, "storm %d", &n) == 1) {
			keep = NULL;
			for (int i = 0; i < n; i++)
				crash_in_child(i % 2);
			say("done");
			continue;
		}
		if (!strcmp(line, "exec")) {
			exec_in_child(argv[0]);
			say("done");
			continue;
		}
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
