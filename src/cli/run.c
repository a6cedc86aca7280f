// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/run.c - one tracing session: set up, wait for time, events and signals, report, take down. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/due.h"
#include "cli/live.h"
#include "cli/liveoutput.h"
#include "cli/outdir.h"
#include "reader/reader.h"
#include "rights/rights.h"
#include "util/clock.h"
#include "util/msg.h"
#include "util/outfile.h"
#include "util/strbuf.h"

void run_finish(struct run *r, int code)
{
	if (!r->done)
		r->code = r->is_over && code == EXIT_DONE ? EXIT_GONE : code;
	r->done = 1;
}

void run_output_lost(struct run *r, int err)
{
	if (r->done && r->code == EXIT_USAGE)
		return;
	report_tell_failed(err);
	r->done = 1;
	r->code = EXIT_USAGE;
}

int run_any_alive(struct run *r)
{
	struct target_process *p;

	for (size_t i = 0; (p = target_at(r->target, i)); i++)
		if (p->alive)
			return 1;
	return 0;
}

/* describe_files - the files in which something was looked for, for an error line. */
static void describe_files(const struct target_process *p, struct strbuf *b)
{
	const struct target_module *last = NULL;
	int n = 0;

	for (size_t i = 0; i < p->n_maps; i++) {
		if (!p->map[i].module || p->map[i].module == last)
			continue;
		last = p->map[i].module;
		if (++n <= 12)
			strbuf_addf(b, "%s%s", b->len ? ", " : "", last->path);
	}
	if (n > 12)
		strbuf_addf(b, " and %d more", n - 12);
	if (!n)
		strbuf_addf(b, "none: the process maps no executable file");
}

void run_no_allocator(const struct target_process *p)
{
	struct strbuf files = { 0 };

	describe_files(p, &files);
	msg_error("%d (%s): no allocator function found; searched: %s", p->pid, p->comm, files.data ? files.data : "");
	msg_try("trace a process that uses libc's malloc or PHP's emalloc; a static program must "
		"keep its symbols");
	strbuf_free(&files);
}

/* unprobe_gone - of those that have ended. Of a child the last numbers were told by now. */
static void unprobe_gone(struct run *r)
{
	struct target_process *p;
	size_t i = 0;

	while ((p = target_at(r->target, i))) {
		if (!p->alive && p->is_followed) {
			follow_retire(r, p);
			continue;
		}
		if (!p->alive)
			attach_unprobe(r->attach, p->pid);
		i++;
	}
}

int run_add_failed(pid_t pid, int err)
{
	if (err == -EINVAL) {
		msg_error("%d is a thread, not a process", pid);
		msg_try("give the pid of its process: the line Tgid: in /proc/%d/status", pid);
	} else if (err == -EACCES || err == -EPERM) {
		msg_error("%d: not permitted to look into this process: %s", pid, strerror(-err));
		msg_try("run as root, or with CAP_SYS_PTRACE");
	} else if (err == -ESRCH) {
		msg_error("%d: there is no such process", pid);
		msg_try("ps -e lists the processes that swtrace can see from here");
	} else {
		msg_error("%d: cannot look into this process: %s", pid, strerror(-err));
		msg_try(err == -EMFILE ? "raise the limit of open files (ulimit -n)" : "swtrace -v may show more");
	}
	return err == -ESRCH ? EXIT_GONE : err == -EINVAL ? EXIT_USAGE : EXIT_UNSUPPORTED;
}

/* add_running - begin to trace a process that runs already.  Return: 0 or exit code. */
static int add_running(struct run *r, pid_t pid)
{
	struct target_process *p = target_find(r->target, pid);
	int err;

	/* What meet() has seen may be old by now. */
	err = p ? target_refresh(r->target, p) : target_add(r->target, pid, &p);
	if (err) {
		return run_add_failed(pid, err);
	}
	err = attach_register(r->attach, pid, 0);
	if (!err)
		err = attach_probe(r->attach, p, 0);
	/* Once more: what it loaded before its loader was probed has not been told of. */
	if (err > 0 || (!err && r->s->crashes))
		err = events_probe(r, p);
	if (err > 0 || (!err && r->s->crashes)) {
		follow_begin(r, p);
		return 0;
	}
	/* A process that ends now fails in many ways: ask it, not the error. */
	if (target_refresh(r->target, p) == -ESRCH)
		err = -ESRCH;
	if (!err) {
		run_no_allocator(p);
		return EXIT_UNSUPPORTED;
	}
	return run_add_failed(pid, err);
}

#define MAX_NAMED 8 /* processes in the first line */

static void started_note(struct run *r)
{
	struct strbuf who = { 0 };
	struct target_process *p;
	size_t n_more = 0;

	/* A command that was just started still has swtrace's own name. */
	for (size_t i = 0; (p = target_at(r->target, i)); i++)
		if (i < MAX_NAMED)
			strbuf_addf(
				&who, "%s%s(%d)", i ? ", " : "", r->s->command ? r->s->command[0] : p->comm, p->pid);
		else
			n_more++;
	if (n_more)
		strbuf_addf(&who, " and %zu more", n_more);
	msg_note("tracing %s by %s; Ctrl-C ends with a last report", who.data ? who.data : "", attach_kind(r->attach));
	strbuf_free(&who);
}

void run_raise_file_limit(void)
{
	struct rlimit files;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* start_command - fork and execute the command, stopped at once by the kernel side.  Return: 0 or exit code. */
static int start_command(struct run *r)
{
	struct target_process *p;
	int err, fd_output = -1;

	err = liveoutput_open(r, &fd_output);
	if (!err)
		err = launch_fork(&r->launch, r->s->command, fd_output);
	if (fd_output >= 0)
		close(fd_output);
	if (err) {
		msg_error("cannot start '%s': %s", r->s->command[0], strerror(-err));
		return EXIT_UNSUPPORTED;
	}
	run_raise_file_limit();
	err = target_add(r->target, r->launch.pid, &p);
	if (!err)
		err = attach_register(r->attach, r->launch.pid, 1);
	if (err)
		return run_add_failed(r->launch.pid, err);
	if (r->s->follow == CLI_FOLLOW_ALL)
		attach_set_follow(r->attach, r->launch.pid, 1);
	err = launch_exec(&r->launch);
	if (err) {
		msg_error("cannot start '%s': %s", r->s->command[0], strerror(-err));
		msg_try("check the command's name and its rights");
		launch_reap(&r->launch, 1);
		return err == -ENOENT ? 127 : 126;
	}
	return 0;
}

static void on_signal(struct run *r)
{
	struct signalfd_siginfo si;

	while (read(r->fd_signal, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD || live_signal(r, si.ssi_signo)) {
			continue; /* the exit of a child is an event, and is reaped at the end */
		} else if (r->launch.pid && si.ssi_signo == SIGTERM && run_any_alive(r)) {
			kill(r->launch.pid, SIGTERM);
		} else if (r->launch.pid && si.ssi_signo == SIGINT && run_any_alive(r) && r->code != SIGINT) {
			/* The terminal has sent it to the command too: wait for it to end, but only once. */
			msg_note("waiting for '%s' to end; Ctrl-C again leaves it running", r->s->command[0]);
			r->code = SIGINT;
		} else {
			run_finish(r, EXIT_DONE);
		}
	}
}

/* make_report - of all that is traced by now.  Return: 0, or -errno of stdout. */
static int make_report(struct run *r, int is_last)
{
	int err;

	if (r->s->all)
		system_sweep(r);
	if (is_last)
		live_end(r);
	if (r->s->crashes)
		return is_last ? report_losses(&r->reporter) : report_quietly(&r->reporter);
	windows_update(r);
	err = report_make(&r->reporter, is_last);
	/* Who has freed all in the end has no stacks any more: what the view has shown last is not lost. */
	if (!err && is_last && r->s->is_live && !r->reporter.n_rows)
		err = report_profile(&r->reporter);
	return err;
}

static void on_interval(struct run *r)
{
	uint64_t ticks;
	int last, err;

	if (read(r->fd_interval, &ticks, sizeof(ticks)) != sizeof(ticks))
		return;
	last = r->s->count && r->reporter.n_reports + 1 >= r->s->count;
	err = make_report(r, last);
	if (r->reporter.before && r->reporter.before->table_ns == r->reporter.before->time_ns)
		attach_press(r->attach, r->reporter.before->live_places, r->reporter.before->blocks.capacity);
	if (err)
		run_output_lost(r, err);
	else if (last)
		run_finish(r, EXIT_DONE);
	if (!r->done) {
		unprobe_gone(r);
		events_reap(r);
	}
}

/* look_last - at what has ended, for those who look on: nothing will change any more. */
static void look_last(struct run *r)
{
	int err = make_report(r, 0);

	close(r->fd_interval);
	close(r->fd_sample);
	r->fd_interval = r->fd_sample = -1;
	unprobe_gone(r);
	live_stay(r);
	if (err)
		run_output_lost(r, err);
}

/* start_timer - let it become readable after so long, once or again and again. */
static void start_timer(int fd, uint64_t ns, int repeat)
{
	struct itimerspec t = { .it_value = {
					.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) } };

	if (repeat)
		t.it_interval = t.it_value;
	timerfd_settime(fd, 0, &t, NULL);
}

/* Where reports are made seldom the tables (with windows, vitals alone) are read more often: so that there is a verdict after some seconds,
 * and so that curves have enough points at any time after it. */
static void on_sample(struct run *r)
{
	uint64_t ticks, next_ns;

	if (read(r->fd_sample, &ticks, sizeof(ticks)) != sizeof(ticks))
		return;
	next_ns = report_sample(&r->reporter);
	if (!next_ns) {
		close(r->fd_sample);
		r->fd_sample = -1;
	} else if (next_ns != r->sample_ns) {
		r->sample_ns = next_ns;
		start_timer(r->fd_sample, next_ns, 1);
	}
}

/* watch_exits - a process whose exit event was lost is still noticed by its pidfd. Events of its end are in the ring before
 * that becomes readable, perhaps since the ring was last looked at. */
static void watch_exits(struct run *r)
{
	struct target_process *p;

	for (size_t i = 0; !r->s->all && (p = target_at(r->target, i)); i++) {
		struct pollfd fd = { .fd = p->pidfd, .events = POLLIN };

		if (!p->alive || poll(&fd, 1, 0) <= 0)
			continue;
		collect_events(r->collect);
		events_process_gone(r, p);
	}
}

enum { FD_SIGNAL, FD_INTERVAL, FD_DURATION, FD_EVENTS, FD_DUE, FD_WINDOW, FD_SAMPLE, FD_KEYS, FD_OUTPUT, FD_PIDS };

/* poll_fds - what to wait for: the first ones, and the end of each process, but not of all of a system.
 * Return: their number, or -ENOMEM. */
static int poll_fds(struct run *r, struct pollfd **fd)
{
	struct target_process *p;
	struct pollfd *grown;
	int n = r->s->all ? 0 : (int)target_count(r->target);

	grown = realloc(*fd, (FD_PIDS + n) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	*fd = grown;
	for (int i = 0; i < n; i++) {
		p = target_at(r->target, i);
		grown[FD_PIDS + i] = (struct pollfd){ .fd = p->alive ? p->pidfd : -1, .events = POLLIN };
	}
	grown[FD_SIGNAL] = (struct pollfd){ .fd = r->fd_signal, .events = POLLIN };
	grown[FD_INTERVAL] = (struct pollfd){ .fd = r->fd_interval, .events = POLLIN };
	grown[FD_SAMPLE] = (struct pollfd){ .fd = r->fd_sample, .events = POLLIN };
	grown[FD_DURATION] = (struct pollfd){ .fd = r->fd_duration, .events = POLLIN };
	grown[FD_DUE] = (struct pollfd){ .fd = r->fd_due, .events = POLLIN };
	grown[FD_EVENTS] = (struct pollfd){ .fd = collect_fd(r->collect), .events = POLLIN };
	grown[FD_KEYS] = (struct pollfd){ .fd = live_fd(r), .events = POLLIN };
	grown[FD_OUTPUT] = (struct pollfd){ .fd = r->fd_output, .events = POLLIN };
	grown[FD_WINDOW] = (struct pollfd){ .fd = windows_fd(r), .events = POLLIN };
	return FD_PIDS + n;
}

/* sooner - of two times for poll(); -1: never. */
static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* timeout_ms - the live view has to be drawn, events told to whoever scrapes, the writer may be done. */
static int timeout_ms(const struct run *r)
{
	return sooner(
		live_timeout_ms(r), sooner(listen_timeout_ms(&r->reporter.listener), writer_timeout_ms(&r->reporter)));
}

#define LOOK_NS 10000000 /* most libraries are read in less */

static void loop(struct run *r)
{
	struct pollfd *fd = NULL;
	int n;

	while (!r->done) {
		n = poll_fds(r, &fd);
		if (n < 0 || (poll(fd, n, timeout_ms(r)) < 0 && errno != EINTR))
			break;
		r->look_ns = clock_ns(CLOCK_MONOTONIC) + LOOK_NS;
		/* Events first: an exit or a crash is told before the report that follows it. */
		collect_events(r->collect);
		watch_exits(r);
		if (fd[FD_SIGNAL].revents)
			on_signal(r);
		if (fd[FD_DUE].revents)
			due_look(r);
		if (fd[FD_WINDOW].revents && !r->done)
			windows_on_time(r);
		if (fd[FD_SAMPLE].revents && !r->done)
			on_sample(r);
		if (fd[FD_INTERVAL].revents && !r->done)
			on_interval(r);
		if (r->is_over && r->fd_interval >= 0 && !r->done)
			look_last(r);
		if (fd[FD_DURATION].revents)
			run_finish(r, EXIT_DONE);
		if (fd[FD_OUTPUT].revents)
			liveoutput_read(r);
		writer_is_idle(&r->reporter, 0);
		listen_turn(&r->reporter.listener);
		live_turn(r, fd[FD_KEYS].revents);
	}
	free(fd);
}

/* begin_interval - the live view has something to show soon. */
static int begin_interval(const struct cli_settings *s)
{
	struct itimerspec t = { .it_interval = { .tv_sec = (time_t)(s->interval_ns / 1000000000),
					.tv_nsec = (long)(s->interval_ns % 1000000000) },
		.it_value = { .tv_nsec = LIVE_FIRST_NS } };
	int fd = run_timer(s->interval_ns, 1);

	if (fd >= 0 && s->is_live && s->interval_ns > LIVE_FIRST_NS)
		timerfd_settime(fd, 0, &t, NULL);
	return fd;
}

int run_timer(uint64_t ns, int repeat)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0)
		start_timer(fd, ns, repeat);
	return fd;
}

int run_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int drain(void *ctx)
{
	return collect_drain(ctx);
}

/* meet - look at the processes and have their files read while the programs are loaded. What fails is tried again, and told,
 * when they are to be probed. */
static void meet(void *ctx)
{
	struct run *r = ctx;
	struct target_process *p;

	run_raise_file_limit();
	for (size_t i = 0; i < r->s->n_pids; i++)
		if (!target_add(r->target, r->s->pid[i], &p))
			attach_read_ahead(r->reader, p);
}

#define CRASHES_BLOCKS 1000 /* with --crashes none is ever recorded */

/* can_write - a file that is asked for; NULL: it is not. What is wrong is told. */
static int can_write(const char *path, const char *what)
{
	int err = path ? outfile_check(path) : 0;

	if (!err)
		return 1;
	msg_error("%s: cannot write %s: %s", path, what, strerror(-err));
	outdir_try_file(path, err, "choose a file in a directory that you may write to");
	return 0;
}

/* prepare - everything that can be refused, before anything is started or probed.  Return: 0 or exit code. */
static int prepare(struct run *r)
{
	struct attach_opts opts = { .max_blocks = r->s->crashes ? CRASHES_BLOCKS : r->s->max_blocks,
		.is_crashes_only = r->s->crashes,
		.n_freed = r->s->crashes ? 0 : r->s->n_freed,
		.free_stacks = r->s->free_stacks,
		.is_windowed = r->s->overhead_percent > 0,
		.selection = r->s->all ? &r->s->selection : NULL,
		.request = r->s->request,
		.n_requests = r->s->n_requests };
	struct attach_tables tables;
	int err;

	if (r->s->export_dir && outdir_check(r->s->export_dir, "exports", "--export-dir"))
		return EXIT_USAGE;
	if (!can_write(r->s->folded, "folded stacks") || !can_write(r->s->flamegraph, "a flame graph") ||
		!can_write(r->s->pprof, "a profile") || !can_write(r->s->output, "a recording"))
		return EXIT_USAGE;
	err = report_push_open(&r->reporter);
	if (!err)
		err = report_open(&r->reporter);
	if (err)
		return err;
	err = attach_check();
	if (err)
		return EXIT_UNSUPPORTED;
	r->fd_signal = run_signals();
	err = r->fd_signal < 0 ? r->fd_signal : target_open(&r->target);
	if (!err)
		err = symbol_open(&r->reporter.symbol);
	if (!err)
		err = reader_open(&r->reader);
	opts.reader = r->reader;
	opts.ctx = r;
	if (!err && !r->s->command) {
		opts.meanwhile = meet;
		/* Before anything is open that the child would keep open for a moment. */
		reader_start(r->reader);
	}
	if (!err)
		err = attach_open(&r->attach, &opts);
	if (!err) {
		attach_tables(r->attach, &tables);
		err = collect_open(&r->collect, &tables, events_handle, r);
	}
	if (err)
		msg_debug("set-up failed: %s", strerror(-err));
	if (!err)
		symbol_set_idle(r->reporter.symbol, collect_fd(r->collect), drain, r->collect);
	r->reporter.target = r->target;
	r->reporter.collect = r->collect;
	return err ? EXIT_UNSUPPORTED : listen_open(&r->reporter.listener, r->s, 1);
}

static int add_targets(struct run *r)
{
	int code = 0;

	if (r->s->command)
		code = start_command(r);
	if (r->s->all && !code)
		return system_begin(r); /* what is asked for may be mapped by a process that comes later */
	for (size_t i = 0; i < r->s->n_pids && !code; i++)
		code = add_running(r, r->s->pid[i]);
	if (!code && r->s->n_pids)
		code = requests_check(r);
	if (!code)
		started_note(r);
	return code;
}

/* give_up_rights - before anything is done about what the processes do: all that takes more rights is done.  Return: 0 or exit code. */
static int give_up_rights(struct run *r)
{
	const struct cli_settings *st = r->s;
	const char *urls = getenv("DEBUGINFOD_URLS");
	unsigned needs = rights_to_write(st->folded) | rights_to_write(st->flamegraph) | rights_to_write(st->pprof) |
			 rights_to_write(st->output) | rights_to_write_in(st->export_dir);

	needs |= r->launch.pid ? RIGHTS_COMMAND : 0;
	needs |= r->windows ? RIGHTS_URGENT : 0;
	needs |= listen_is_open(&r->reporter.listener) ? RIGHTS_LISTEN : 0;
	needs |= st->push_url ? RIGHTS_SEND : 0;
	needs |= urls && *urls ? RIGHTS_NETWORK : 0;
	needs |= attach_needs_admin(r->attach) ? RIGHTS_ADMIN : 0;
	if (st->is_live) /* a key exports into this directory */
		needs |= RIGHTS_TERMINAL | rights_to_write_in(".");
	attach_settle(r->attach);
	return rights_drop(needs) ? EXIT_UNSUPPORTED : listen_start(&r->reporter.listener);
}

/* command_code - the exit code of the command, as a shell would give it. */
static int command_code(struct run *r)
{
	launch_reap(&r->launch, !run_any_alive(r));
	if (!r->launch.has_status)
		return EXIT_DONE; /* left running */
	return WIFEXITED(r->launch.status) ? WEXITSTATUS(r->launch.status) : 128 + WTERMSIG(r->launch.status);
}

void run_begin_progress(const struct cli_settings *s)
{
	const char *term = getenv("TERM");

	if (isatty(STDERR_FILENO) && !s->plain && term && *term && strcmp(term, "dumb"))
		msg_begin_progress();
}

int run_trace(const struct cli_settings *s)
{
	struct run r = { .s = s,
		.fd_signal = -1,
		.fd_interval = -1,
		.fd_sample = -1,
		.sample_ns = REPORT_SAMPLE_NS,
		.fd_duration = -1,
		.fd_due = -1,
		.fd_output = -1 };
	int code, err;

	r.reporter.settings = s;
	r.launch.fd_go = -1;
	r.launch.fd_error = -1;
	run_begin_progress(s);
	msg_progress("loading the kernel side ...");
	code = prepare(&r);
	if (!code)
		code = add_targets(&r);
	if (!code && s->overhead_percent > 0)
		code = windows_begin(&r) ? EXIT_UNSUPPORTED : 0;
	if (!code)
		code = give_up_rights(&r);
	if (code)
		goto out;
	r.fd_interval = begin_interval(s);
	if (s->interval_ns > REPORT_SAMPLE_NS && !s->crashes)
		r.fd_sample = run_timer(r.sample_ns, 1);
	r.fd_duration = s->duration_ns ? run_timer(s->duration_ns, 0) : -1;
	if (r.fd_interval < 0 || (s->duration_ns && r.fd_duration < 0)) {
		msg_error("cannot make a timer: too many open files");
		msg_try("raise the limit of open files (ulimit -n)");
		code = EXIT_UNSUPPORTED;
		goto out;
	}
	msg_end_progress();
	if (listen_is_open(&r.reporter.listener) && !s->crashes && s->overhead_percent <= 0)
		listen_probes(&r.reporter.listener, attach_cost_ns(r.attach));
	if (s->is_live)
		live_begin(&r);
	loop(&r);
	code = r.code;
	if (!r.reporter.err && !(s->count && r.reporter.n_reports >= s->count)) {
		run_begin_progress(s);
		err = make_report(&r, 1);
		if (err) {
			run_output_lost(&r, err);
			code = r.code;
		}
	}
	/* Who has crashed while that was being made is told, too. */
	if (!r.reporter.err && collect_drain(r.collect))
		collect_events(r.collect);
	writer_close(&r.reporter);
	if (report_push_close(&r.reporter))
		r.reporter.export_failed = 1;
	if (s->task == CLI_RECORD && !r.reporter.export_failed && r.reporter.profile.start_utc_ns)
		msg_note("%s: %zu stack%s, %zu event%s; swtrace report %s shows them", s->output,
			r.reporter.profile.n_stacks, r.reporter.profile.n_stacks == 1 ? "" : "s",
			r.reporter.profile.n_events, r.reporter.profile.n_events == 1 ? "" : "s", s->output);
	if (!s->n_pids)
		requests_check(&r);
	liveoutput_leave(&r);
	if (r.launch.pid && !r.reporter.err)
		code = command_code(&r);
	else if (!code && (r.reporter.export_failed || r.reporter.dir_failed || r.reporter.save_failed))
		code = EXIT_USAGE;
	if (s->fail_on_leak && r.reporter.has_leak && code != EXIT_USAGE)
		code = EXIT_EXCEEDED;
out:
	live_end(&r);
	liveoutput_leave(&r);
	msg_end_progress();
	collect_close(r.collect);
	windows_end(&r);
	attach_close(r.attach);
	reader_close(r.reader);
	symbol_close(r.reporter.symbol);
	report_clear(&r.reporter);
	due_close(&r);
	target_close(r.target);
	close(r.fd_signal);
	close(r.fd_interval);
	close(r.fd_sample);
	close(r.fd_duration);
	close(r.launch.fd_go);
	close(r.launch.fd_error);
	return code;
}
