/* SPDX-License-Identifier: GPL-2.0-or-later */
/* workers.c - a master and its workers. On "spawn": a new worker; the answer is its pid. On "work I N": the I-th worker leaks N
 * blocks of 1,000 bytes; the answer is "done". On "end I": it exits, on "exec I": it executes another program, which ends when
 * the master does. */
#include "target.h"
#include <fcntl.h>
#include <sys/wait.h>

#define MAX_WORKERS 320

static struct worker {
	pid_t pid;
	int to;
	int from;
} worker[MAX_WORKERS];
static int n_workers;
static void *volatile keep;

static NOINLINE void worker_leak(int n)
{
	for (int i = 0; i < n; i++)
		keep = malloc(1000);
}

/* serve - what a worker does: a number is work, 0 the end, -1 another program. */
static void serve(int from, int to)
{
	int n;

	while (read(from, &n, sizeof(n)) == sizeof(n) && n) {
		if (n < 0) {
			dup2(from, 0);
			execlp("cat", "cat", (char *)NULL);
			_exit(1);
		}
		worker_leak(n);
		if (write(to, &n, sizeof(n)) != sizeof(n))
			break;
	}
	_exit(0);
}

static int spawn(void)
{
	int to[2], from[2];
	struct worker *w = &worker[n_workers];

	if (n_workers == MAX_WORKERS || pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		return -1;
	w->pid = fork();
	if (!w->pid) {
		close(to[1]);
		close(from[0]);
		for (int i = 0; i < n_workers; i++) /* or they would not see the master's end */
			close(worker[i].to);
		serve(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	w->to = to[1];
	w->from = from[0];
	n_workers++;
	return w->pid;
}

static void tell(int i, int n)
{
	if (i < 0 || i >= n_workers || write(worker[i].to, &n, sizeof(n)) != sizeof(n))
		say("wrong");
	else if (n > 0 && read(worker[i].from, &n, sizeof(n)) != sizeof(n))
		say("dead");
	else if (!n && waitpid(worker[i].pid, NULL, 0) != worker[i].pid)
		say("alive");
	else
		say("done");
}

int main(void)
{
	char line[64];
	int i, n;

	alarm(120);
	say("ready");
	while (hear(line, sizeof(line))) {
		if (sscanf(line, "work %d %d", &i, &n) == 2) {
			tell(i, n);
		} else if (sscanf(line, "end %d", &i) == 1) {
			tell(i, 0);
		} else if (sscanf(line, "exec %d", &i) == 1) {
			tell(i, -1);
		} else if (!strncmp(line, "spawn", 5)) {
			say("%d", spawn());
		}
	}
	return 0;
}
