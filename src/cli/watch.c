// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/watch.c - swtrace watch: look at what processes hold, from outside and at no cost to them, for months; trace one for a short time,
 * and within a budget, when it grows.
 *
 * The trace is a process of its own: what it needs, and what it has placed, is gone when it ends, however it does. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/choose.h"
#include "cli/outdir.h"
#include "cli/plan.h"
#include "cli/run.h"
#include "rights/rights.h"
#include "util/clock.h"
#include "util/msg.h"

#define MAX_WATCHED 1024

/* A line is written when a verdict changes, and at least so often: that it says nothing new is worth knowing, too. */
#define TELL_NS 3600000000000ULL

/* What a trace writes. */
static const char *const ending[] = { ".txt", ".jsonl", ".html", ".folded", ".pb.gz", NULL };
static const struct outdir_names report_names = { "swtrace-", ending, 0 };
#define N_ENDINGS (sizeof(ending) / sizeof(ending[0]) - 1)

struct watched {
	pid_t pid;
	uint64_t start_ticks;
	struct plan_process plan;
	enum analyze_growth_verdict told[PLAN_CURVES];
	uint64_t told_ns; /* 0: never */
};

/* The trace that is under way. */
struct trace {
	pid_t pid; /* of the tracer; 0: there is none */
	pid_t of;
	uint64_t begin_ns;
	char base[PATH_MAX]; /* its files, without ".txt" and the like */
};

struct watch {
	const struct cli_settings *s;
	struct target *target;
	struct model_history history;
	struct analyze_verdicts verdicts;
	struct plan plan;
	struct watched *watched;
	size_t n_watched;
	struct trace trace;
	struct listener listener;
	uint64_t start_ns;
	int is_too_many;    /* that was told */
	int is_left_behind; /* likewise, of old reports */
	int done;
	int code;
};

static void finish(struct watch *w, int code)
{
	if (!w->done)
		w->code = code;
	w->done = 1;
}

/* watched_of - what is kept of a process, begun anew for one that has taken the pid of another; NULL: no memory. */
static struct watched *watched_of(struct watch *w, const struct target_process *p)
{
	struct watched *one = w->watched;
	size_t i;

	for (i = 0; i < w->n_watched && one[i].pid != p->pid; i++)
		;
	if (i == w->n_watched) {
		one = realloc(one, (i + 1) * sizeof(*one));
		if (!one)
			return NULL;
		w->watched = one;
		w->n_watched++;
		one[i].pid = 0;
	}
	if (one[i].pid != p->pid || one[i].start_ticks != p->start_ticks)
		one[i] = (struct watched){ .pid = p->pid, .start_ticks = p->start_ticks };
	return &one[i];
}

static void forget(struct watch *w, struct target_process *p)
{
	for (size_t i = 0; i < w->n_watched; i++)
		if (w->watched[i].pid == p->pid)
			w->watched[i--] = w->watched[--w->n_watched];
	target_remove(w->target, p);
}

/* add - watch a process, if it is not watched yet.  Return: 0 or -errno. */
static int add(struct watch *w, pid_t pid)
{
	struct target_process *p;
	int err;

	if (target_find(w->target, pid))
		return 0;
	err = target_count(w->target) < MAX_WATCHED ? target_add(w->target, pid, &p) : -ENOSPC;
	if ((err == -ENOSPC || err == -EMFILE) && !w->is_too_many) {
		msg_warn("more than %zu processes fit: the others are not watched%s", target_count(w->target),
			err == -EMFILE ? ", since too few files may be open (ulimit -Hn)" : "");
		w->is_too_many = 1;
	}
	return err;
}

/* add_children - the workers of a master that was named. */
static void add_children(struct watch *w)
{
	struct target_process *p;

	if (!w->s->n_pids || w->s->follow == CLI_FOLLOW_NONE)
		return;
	for (size_t i = 0; (p = target_at(w->target, i)); i++) {
		pid_t *child;
		int n = target_children(p, &child);

		for (int k = 0; k < n; k++)
			add(w, child[k]);
		free(child);
	}
}

/* look_around - forget who is gone, and meet who is new. */
static void look_around(struct watch *w)
{
	static pid_t pid[MAX_WATCHED];
	struct target_process *p;
	size_t i = 0, n;

	while ((p = target_at(w->target, i))) {
		if (target_refresh(w->target, p) != -ESRCH)
			i++;
		else
			forget(w, p);
	}
	if (!w->s->n_pids) {
		containers_follow(w->s, NULL);
		n = choose_pids(w->s, pid, MAX_WATCHED);
		for (i = 0; i < n; i++)
			add(w, pid[i]);
	}
	add_children(w);
	if (w->s->n_pids && !target_at(w->target, 0))
		finish(w, EXIT_GONE);
}

/* tell - a line about the process, if there is something new.  Return: 0, or -errno of stdout. */
static int tell(struct watch *w, struct watched *one, const struct model_snapshot *s, const struct model_process *p,
	const struct analyze_standing *standing)
{
	int is_new = !one->told_ns || s->time_ns - one->told_ns >= TELL_NS;

	for (size_t i = 0; i < PLAN_CURVES; i++) {
		is_new |= one->told[i] != standing->growth[plan_curve[i]].verdict;
		one->told[i] = standing->growth[plan_curve[i]].verdict;
	}
	if (!is_new)
		return 0;
	one->told_ns = s->time_ns;
	return w->s->json ? output_json_trend(stdout, s, p, standing) : output_text_trend(stdout, s, p, standing);
}

/* base_of - a name for the files of a trace: "DIRECTORY/swtrace-PID-20261129T010203Z". */
static void base_of(const struct watch *w, pid_t pid, char *out, size_t len)
{
	char utc[OUTDIR_STAMP_LEN + 1];

	outdir_stamp(time(NULL), utc);
	snprintf(out, len, "%s/swtrace-%d-%s", w->s->out, pid, utc);
}

/* trace_begin - start swtrace once more, to trace one process.  Return: 0 or -errno. */
static int trace_begin(struct watch *w, pid_t pid, uint64_t length_ns)
{
	char who[16], overhead[32], seconds[32], file[N_ENDINGS][PATH_MAX + 8];
	char *text = file[0], *argv[] = { "swtrace", "-p", who, "--no-follow", "--overhead", overhead, "-d", seconds,
		"-i", seconds, "--fail-on", "leak", "--save", file[1], "--flamegraph", file[2], "--folded", file[3],
		"--pprof", file[4], NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	struct trace *t = &w->trace;
	sigset_t none;
	int err;

	base_of(w, pid, t->base, sizeof(t->base));
	snprintf(who, sizeof(who), "%d", pid);
	snprintf(overhead, sizeof(overhead), "%g", w->s->overhead_percent);
	snprintf(seconds, sizeof(seconds), "%g", (double)length_ns / 1e9);
	for (size_t i = 0; i < N_ENDINGS; i++)
		snprintf(file[i], sizeof(file[i]), "%s%s", t->base, ending[i]);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, text, O_WRONLY | O_CREAT | O_EXCL, 0640);
	/* In a group of its own: Ctrl-C is for the watch, which passes it on. */
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setpgroup(&attr, 0);
	err = posix_spawn(&t->pid, "/proc/self/exe", &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	if (err) {
		msg_error("%s: cannot trace process %d: %s", text, pid, strerror(err));
		msg_try("--out: a directory that can be written to");
		t->pid = 0;
		return -err;
	}
	t->of = pid;
	t->begin_ns = clock_ns(CLOCK_MONOTONIC);
	msg_note("%d is growing: it is traced for %s s, with probes in place for at most %s %% of that", pid, seconds,
		overhead);
	return 0;
}

/* keep_last - remove the reports of old traces. */
static void keep_last(struct watch *w)
{
	size_t n_left;
	int err = outdir_keep(w->s->out, &report_names, w->trace.base, w->s->keep, &n_left);

	if (err && !w->is_left_behind)
		msg_warn("%s: old traces cannot be removed (%zu files): %s", w->s->out, n_left, strerror(-err));
	w->is_left_behind = err != 0;
}

/* trace_reap - if the trace has ended, tell what it has found.  @wait  until it has */
static void trace_reap(struct watch *w, int wait)
{
	struct trace *t = &w->trace;
	struct watched *one = NULL;
	struct plan_process gone = { .n_longer = PLAN_LONGER };
	int status, code, is_longer;

	if (!t->pid || waitpid(t->pid, &status, wait ? 0 : WNOHANG) != t->pid)
		return;
	for (size_t i = 0; i < w->n_watched; i++)
		if (w->watched[i].pid == t->of)
			one = &w->watched[i];
	code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	is_longer = plan_traced(
		&w->plan, one ? &one->plan : &gone, t->begin_ns, clock_ns(CLOCK_MONOTONIC), code != EXIT_DONE);
	t->pid = 0;
	if (code == EXIT_EXCEEDED)
		msg_note("what grows in %d: %s.txt; the same as .html, .folded, .pb.gz and .jsonl", t->of, t->base);
	else if (code == EXIT_DONE)
		msg_note("no stack that grows in %d was seen enough of to be named: %s.txt%s", t->of, t->base,
			is_longer ? "; the next trace takes twice as long" : "");
	else
		msg_warn("the trace of %d came to nothing (%s %d); what there is: %s.txt", t->of,
			WIFEXITED(status) ? "exit code" : "signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), t->base);
	keep_last(w);
}

/* look - at all processes, once.  Return: 0 or -errno. */
static int look(struct watch *w)
{
	struct model_snapshot *s = NULL;
	int err;

	look_around(w);
	if (w->done)
		return 0;
	err = collect_outside(w->target, w->start_ns, &s);
	if (!err)
		err = model_history_add(&w->history, s);
	if (err >= 0)
		err = analyze_verdicts_update(&w->verdicts, s, &w->history, 1);
	if (!err)
		listen_look(&w->listener, s, &w->verdicts);
	for (size_t i = 0; !err && i < s->n_processes; i++) {
		const struct model_process *p = &s->process[i];
		const struct analyze_standing *standing = analyze_standing_of(&w->verdicts, p);
		const struct target_process *t = target_find(w->target, p->pid);
		struct watched *one = t ? watched_of(w, t) : NULL;

		if (!standing || !one)
			continue;
		err = tell(w, one, s, p, standing);
		if (plan_judged(
			    &w->plan, &one->plan, plan_is_growing(standing), plan_is_at_rest(standing), s->time_ns) &&
			!w->trace.pid && w->s->overhead_percent > 0 &&
			trace_begin(w, p->pid, plan_length_ns(&one->plan, w->s->trace_ns)))
			plan_traced(&w->plan, &one->plan, s->time_ns, s->time_ns, 1);
	}
	model_snapshot_free(s);
	return err;
}

/* begin - what can be refused.  Return: 0 or exit code. */
static int begin(struct watch *w)
{
	if (outdir_check(w->s->out, "reports", "--out"))
		return EXIT_USAGE;
	run_raise_file_limit();
	if (target_open(&w->target))
		return EXIT_UNSUPPORTED;
	for (size_t i = 0; i < w->s->n_pids; i++) {
		int err = add(w, w->s->pid[i]);

		if (err)
			return run_add_failed(w->s->pid[i], err);
	}
	w->start_ns = clock_ns(CLOCK_MONOTONIC);
	return listen_open(&w->listener, w->s, 0);
}

static void on_signal(struct watch *w, int fd)
{
	struct signalfd_siginfo si;

	while (read(fd, &si, sizeof(si)) == sizeof(si))
		if (si.ssi_signo != SIGCHLD)
			finish(w, EXIT_DONE);
}

static void loop(struct watch *w, int fd_signal)
{
	int fd_interval = run_timer(w->s->interval_ns, 1);
	int fd_duration = w->s->duration_ns ? run_timer(w->s->duration_ns, 0) : -1;
	uint64_t ticks;
	int err = look(w);

	while (!w->done && !err) {
		struct pollfd fd[] = {
			{ .fd = fd_signal, .events = POLLIN },
			{ .fd = fd_interval, .events = POLLIN },
			{ .fd = fd_duration, .events = POLLIN },
		};

		if (poll(fd, 3, -1) < 0 && errno != EINTR)
			break;
		if (fd[0].revents)
			on_signal(w, fd_signal);
		trace_reap(w, 0);
		if (fd[2].revents)
			finish(w, EXIT_DONE);
		if (fd[1].revents && read(fd_interval, &ticks, sizeof(ticks)) == sizeof(ticks) && !w->done)
			err = look(w);
	}
	if (err) {
		report_tell_failed(err);
		finish(w, EXIT_USAGE);
	}
	close(fd_interval);
	close(fd_duration);
}

/* give_up_rights - all but those that the traces need, which give them up themselves.  Return: 0 or exit code. */
static int give_up_rights(struct watch *w)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	unsigned needs =
		RIGHTS_SPAWN | RIGHTS_URGENT | rights_to_write_in(w->s->out) | (urls && *urls ? RIGHTS_NETWORK : 0);

	needs |= listen_is_open(&w->listener) ? RIGHTS_LISTEN : 0;
	needs |= w->s->overhead_percent > 0 && attach_needs_admin(NULL) ? RIGHTS_ADMIN : 0;
	return rights_drop(needs) ? EXIT_UNSUPPORTED : listen_start(&w->listener);
}

int watch_run(const struct cli_settings *s)
{
	struct watch w = { .s = s };
	int fd = run_signals(), code;

	code = fd < 0 ? EXIT_UNSUPPORTED : begin(&w);
	if (!code)
		code = give_up_rights(&w);
	if (!code) {
		msg_note("watching %s; nothing is probed while nothing grows; Ctrl-C ends",
			s->n_pids ? "these processes and their workers" : "the processes that fit, now or later");
		loop(&w, fd);
		code = w.code;
	}
	if (w.trace.pid)
		kill(w.trace.pid, SIGTERM);
	trace_reap(&w, 1);
	model_history_clear(&w.history);
	analyze_verdicts_clear(&w.verdicts);
	target_close(w.target);
	listen_close(&w.listener);
	free(w.watched);
	close(fd);
	return code;
}
