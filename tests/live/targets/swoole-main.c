/* SPDX-License-Identifier: GPL-2.0-or-later */
/* swoole-main.c - a server as Swoole runs it in process mode: a master, its manager, and the manager's two workers, a task worker
 * and a user process.
 * "start" makes them, and answers with the pids of all but the master, in that order. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>

#include "swoole.h"
#include "target.h"

static const unsigned types[] = { SWOOLE_WORKER, SWOOLE_WORKER, SWOOLE_TASK_WORKER, SWOOLE_USER };

#define WORKERS (sizeof(types) / sizeof(types[0]))

struct child {
	pid_t pid;
	int place; /* 0 the manager, then the workers */
};

/* be - what a child does: tell that it is what it is going to be, and wait for its end. */
static void be(int fd, int place)
{
	struct child me = { getpid(), place };

	(void)!write(fd, &me, sizeof(me));
	for (;;)
		pause();
}

static void manage(int fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	swoole_be_manager();
	for (size_t i = 0; i < WORKERS; i++) {
		if (fork())
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		swoole_be_worker(i, types[i]);
		be(fd, 1 + i);
	}
	be(fd, 0);
}

int main(void)
{
	pid_t pid[1 + WORKERS];
	struct child child;
	char line[64];
	int fds[2];

	/* An allocator is what swtrace asks for. */
	free(malloc(100));
	say("ready");
	if (!hear(line, sizeof(line)) || pipe(fds))
		return 1;
	swoole_start();
	if (!fork())
		manage(fds[1]);
	for (size_t i = 0; i < 1 + WORKERS; i++) {
		if (read(fds[0], &child, sizeof(child)) != sizeof(child))
			return 1;
		pid[child.place] = child.pid;
	}
	say("%d %d %d %d %d", pid[0], pid[1], pid[2], pid[3], pid[4]);
	while (hear(line, sizeof(line)))
		;
	return 0;
}
