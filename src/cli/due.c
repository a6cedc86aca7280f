// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/due.c - a list of processes, and a timer. */
#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/due.h"
#include "util/clock.h"

#define LOADED_NS 20000000L

/* Most programs that start have ended by then; one that crashes soon has its stack if it was looked at. */
#define BEGUN_NS 8000000L

#define AGAIN_NS 1000000L	/* while files are being read, which looks wait for a moment themselves */
#define READ_NS	 60000000000ULL /* a file that cannot be read is given up sooner */

struct run_due {
	pid_t pid;
	pid_t parent;	   /* it is a child that is to be traced, if it still can be; 0: it is traced */
	uint64_t since_ns; /* its files are being read; 0: they are not */
};

static int add(struct run *r, pid_t pid, pid_t parent, long after_ns, uint64_t since_ns)
{
	struct itimerspec soon = { .it_value.tv_nsec = after_ns };
	struct run_due *grown;

	for (size_t i = 0; i < r->n_due; i++)
		if (r->due[i].pid == pid)
			return 0;
	if (r->fd_due < 0)
		r->fd_due = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	grown = r->fd_due < 0 ? NULL : realloc(r->due, (r->n_due + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	r->due = grown;
	r->due[r->n_due++] = (struct run_due){ .pid = pid, .parent = parent, .since_ns = since_ns };
	if (r->n_due == 1 || since_ns)
		timerfd_settime(r->fd_due, 0, &soon, NULL);
	return 0;
}

void due_add(struct run *r, pid_t pid)
{
	add(r, pid, 0, LOADED_NS, 0); /* without memory: the next sweep finds it */
}

void due_add_program(struct run *r, pid_t pid)
{
	add(r, pid, 0, BEGUN_NS, 0);
}

int due_while_read(struct run *r, pid_t pid, pid_t parent)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	uint64_t since = r->looking && r->looking->pid == pid && r->looking->since_ns ? r->looking->since_ns : now;

	return now - since < READ_NS && !add(r, pid, parent, AGAIN_NS, since);
}

static void look(struct run *r, const struct run_due *due)
{
	struct target_process *p = r->s->all ? NULL : target_find(r->target, due->pid);
	struct target_process *parent = due->parent ? target_find(r->target, due->parent) : NULL;

	if (r->s->all)
		system_meet(r, due->pid);
	else if (p && p->alive)
		events_look(r, p);
	else if (!p && parent)
		follow_child(r, parent, due->pid);
}

void due_look(struct run *r)
{
	struct run_due *due = r->due;
	size_t n = r->n_due;
	uint64_t ticks;

	if (read(r->fd_due, &ticks, sizeof(ticks)) != sizeof(ticks))
		return;
	r->due = NULL;
	r->n_due = 0;
	for (size_t i = 0; i < n; i++) {
		r->looking = &due[i];
		look(r, &due[i]);
	}
	r->looking = NULL;
	free(due);
}

void due_close(struct run *r)
{
	free(r->due);
	if (r->fd_due >= 0)
		close(r->fd_due);
}
