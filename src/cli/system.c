// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/system.c - system-wide mode: every process, or those that are selected, now and later.
 *
 * Probes are placed once a file, and are everybody's. So first all files are probed and their unwind rows loaded while no
 * process is registered: what is counted meanwhile tells what it will cost. Then the processes are registered. Those that
 * come to be later are registered by the kernel side; they are looked at a moment after the last event that names them: of
 * most programs that start, the whole life fits into that moment. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/due.h"
#include "cli/run.h"
#include "util/clock.h"
#include "util/msg.h"
#include "util/strbuf.h"

#define COUNT_FOR_NS 200000000L /* how long calls are counted for the estimate of the cost */
#define GONE_LOOKS   50		/* so often a process is looked for that is ending, until that is told: for a second */

/* forget - a process that has ended, or is selected no more. */
static void forget(struct run *r, pid_t pid)
{
	struct target_process *p = target_find(r->target, pid);

	target_drop_child(r->target, pid);
	if (p)
		follow_retire(r, p);
	else
		attach_forget(r->attach, pid);
}

/* enter - begin to trace a process whose files are probed.  Return: 1, or 0: it is gone, or cannot be traced. */
static int enter(struct run *r, struct target_process *p)
{
	int err = attach_enter(r->attach, p);

	if (!err)
		err = events_probe(r, p);
	if (err >= 0) {
		target_drop_child(r->target, p->pid);
		return 1;
	}
	if (err != -ESRCH)
		msg_warn("%d (%s): not traced: %s", p->pid, p->comm, strerror(-err));
	/* As a child it stays known: should it be ending, its crash may be still to be told. */
	follow_retire(r, p);
	return 0;
}

void system_meet(struct run *r, pid_t pid)
{
	struct target_process *p = target_find(r->target, pid);
	int err;

	if (p) {
		if (events_look(r, p) != -ESRCH)
			return;
		if (p->is_gone++ < GONE_LOOKS) { /* its end is still to be told, with what it was */
			due_add(r, pid);
			return;
		}
		forget(r, pid); /* the pid may be another process's by now */
	}
	err = target_add_within(r->target, pid, r->look_ns, &p);
	if (!err && !attach_is_ready(r->attach, p, r->look_ns)) {
		target_remove(r->target, p);
		err = -EINPROGRESS;
	}
	if (err == -EINPROGRESS && !due_while_read(r, pid, 0))
		err = target_add(r->target, pid, &p);
	if (err)
		return;
	attach_prepare(r->attach, p); /* what fails fails again, and is told, when it is entered */
	enter(r, p);
}

static int by_pid(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

/* forget_gone - those that are not among the n of pid. What they did before they ended is told first: their crashes, and those of their
 * children, are named by what is known of them. Then only those are left whose end was missed. */
static void forget_gone(struct run *r, const pid_t *pid, size_t n)
{
	pid_t *gone = malloc((target_count(r->target) + 1) * sizeof(*gone));
	struct target_process *p;
	size_t n_gone = 0;

	for (size_t i = 0; gone && (p = target_at(r->target, i)); i++)
		if (!bsearch(&p->pid, pid, n, sizeof(*pid), by_pid))
			gone[n_gone++] = p->pid;
	if (n_gone)
		collect_events(r->collect);
	for (size_t i = 0; i < n_gone; i++)
		if (target_find(r->target, gone[i]))
			forget(r, gone[i]);
	free(gone);
}

void system_sweep(struct run *r)
{
	pid_t *pid = NULL;
	ssize_t n;

	containers_follow(r->s, r->attach);
	n = attach_list(r->attach, &pid);
	if (n < 0)
		return;
	qsort(pid, n, sizeof(*pid), by_pid);
	forget_gone(r, pid, n);
	for (ssize_t k = 0; k < n; k++)
		if (!target_find(r->target, pid[k]))
			system_meet(r, pid[k]);
	free(pid);
}

/* on_signal - a process is about to be killed, or gives up. One that was not looked at yet is, if it is still there: for its names.
 * Of one that dies no more is needed; but of the next that runs the same program, which may die as soon: what takes time to be read is
 * read when this crash was told. */
static int on_signal(struct run *r, const struct model_event *e)
{
	struct target_process *p = NULL;
	int err, is_read = 0;

	if (!target_find(r->target, e->pid) && !target_child(r->target, e->pid)) {
		if (e->type != MODEL_SIGNAL)
			system_meet(r, e->pid);
		else if (!target_add_names(r->target, e->pid, report_signal_until(e), &p))
			is_read = !target_refresh_within(r->target, p, 0);
	}
	err = r->reporter.err ? 0 : report_event(&r->reporter, e);
	if (is_read)
		attach_prepare(r->attach, p);
	return err;
}

/* is_end_told - of the ends of thousands of processes: those by a signal; those with an error status, of which a shell has many, of
 * what runs PHP or Swoole; and that of a process of which something was told before. */
static int is_end_told(struct run *r, struct target_process *p, const struct model_event *e)
{
	const struct model_identity *id;

	if (WIFSIGNALED(e->wait_status) || report_has_told(&r->reporter, e->pid))
		return 1;
	if (!p || !WEXITSTATUS(e->wait_status))
		return 0;
	id = target_identity(p);
	return (id && id->has_swoole) || target_php_engine(p);
}

int system_event(struct run *r, const struct model_event *e)
{
	struct target_process *p = target_find(r->target, e->pid), *child = p ? NULL : target_child(r->target, e->pid);
	int err = 0;

	switch (e->type) {
	case MODEL_SIGNAL:
	case MODEL_LIMIT:
	case MODEL_MEMORY:
	case MODEL_CORRUPT:
		return on_signal(r, e);
	case MODEL_FREED:
	case MODEL_STRAY:
		return r->reporter.err ? 0 : report_event(&r->reporter, e);
	case MODEL_EXIT:
		if (!r->reporter.err && is_end_told(r, p ? p : child, e))
			err = report_event(&r->reporter, e);
		forget(r, e->pid);
		return err;
	case MODEL_FORK: /* should it crash before it is looked at: it has its parent's mappings */
		if (e->child_pid && (p || child))
			target_fork(r->target, p ? p : child, e->child_pid);
		return 0;
	case MODEL_EXEC:
		target_drop_child(r->target, e->pid);
		if (e->left)
			forget(r, e->pid);
		else
			due_add_program(r, e->pid);
		return 0;
	default:
		due_add(r, e->pid);
		return 0;
	}
}

/* add_cost - what it is likely to cost: how often the probed functions are called now, by everybody. */
static void add_cost(struct run *r, struct strbuf *b)
{
	struct timespec wait = { .tv_nsec = COUNT_FOR_NS };
	double seconds, per_second, least, most;
	uint64_t calls, begin_ns;

	calls = attach_calls(r->attach);
	begin_ns = clock_ns(CLOCK_MONOTONIC);
	nanosleep(&wait, NULL);
	calls = attach_calls(r->attach) - calls;
	seconds = (double)(clock_ns(CLOCK_MONOTONIC) - begin_ns) / 1e9;
	per_second = (double)calls / seconds;
	least = attach_cost_ns(r->attach);
	most = least * RUN_TRACED_COST;
	strbuf_addf(b, "likely cost: the probed functions are called %.0f times a second now", per_second);
	if (least <= 0)
		strbuf_add(b, "; what a call costs cannot be measured here");
	else
		strbuf_addf(b, ", %.1f us each, %.1f where they are traced: up to %.1f %% of one CPU", least / 1e3,
			most / 1e3, per_second * most / 1e7);
}

/* prepare_all - place the probes of all files. Processes of which nothing can be learnt are left out. */
static size_t prepare_all(struct run *r)
{
	struct target_process *p;
	size_t n_refused = 0;
	pid_t *pid = NULL;
	ssize_t n = attach_list(r->attach, &pid);

	for (ssize_t i = 0; i < n; i++) {
		int err = target_add(r->target, pid[i], &p);

		if (!err)
			err = attach_prepare(r->attach, p);
		n_refused += err && err != -ESRCH;
	}
	free(pid);
	return n_refused;
}

int system_begin(struct run *r)
{
	struct strbuf cost = { 0 };
	struct target_process *p;
	size_t n_refused, i = 0;

	n_refused = prepare_all(r);
	if (!r->s->crashes) {
		add_cost(r, &cost);
		msg_note("%s", cost.data ? cost.data : "");
	}
	strbuf_free(&cost);
	if (n_refused)
		msg_warn("%zu processes cannot be looked into, and are not traced", n_refused);
	while ((p = target_at(r->target, i)))
		i += enter(r, p);
	attach_admit(r->attach);
	system_sweep(r);
	if (r->s->crashes)
		msg_note("watching %zu processes, and those that start, for crashes; Ctrl-C ends",
			target_count(r->target));
	else
		msg_note("tracing %zu processes, and those that start, by %s; Ctrl-C ends with a last report",
			target_count(r->target), attach_kind(r->attach));
	return 0;
}
