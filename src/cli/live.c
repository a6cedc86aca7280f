// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/live.c - the live view between the session and view/: when it is drawn, what it is told, and what keys do. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/live.h"
#include "cli/liveexport.h"
#include "cli/probecost.h"
#include "util/clock.h"
#include "util/msg.h"
#include "util/own.h"
#include "util/strbuf.h"
#include "view/view.h"

/* A slow link is not flooded, and a key is answered at once. */
#define DRAW_MS	    250
#define KEY_DRAW_MS 50
#define KEPT_BYTES  (4 << 20) /* of events, for the end */

struct live {
	struct run *run;
	struct view *view;
	struct view_screen *screen;
	/* events, as text: */
	FILE *told;
	char *text;
	size_t text_len;
	struct strbuf kept; /* told again on the normal screen; */
	size_t n_not_kept;
	struct strbuf said;   /* likewise messages, */
	struct strbuf output; /* and what a started command wrote */
	int is_asked;	      /* whether to leave that running */
	const char *over;     /* said for as long as the view stays after the end; NULL: it goes on */
	/* drawing */
	int is_changed;
	int is_key; /* by a key */
	uint64_t drawn_ms;
	/* cost */
	struct probecost probes;
	uint64_t at_ns;	 /* of the update before, */
	uint64_t cpu_ns; /* which had taken so much */
	sigset_t signals_before;
};

static uint64_t now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

int live_is_wanted(const struct cli_settings *s)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

	return s->task == CLI_TRACE && !s->help && !s->version && !s->json && !s->plain && !s->crashes &&
	       s->overhead_percent <= 0 && term && *term && strcmp(term, "dumb") && !(no_color && *no_color) &&
	       isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void changed(struct live *l, int by_key)
{
	l->is_changed = 1;
	l->is_key |= by_key;
}

static void draw(struct live *l)
{
	l->drawn_ms = now_ms();
	if (!view_screen_is_ready(l->screen)) {
		l->is_changed = 1; /* it is tried again */
		return;
	}
	l->is_changed = 0;
	l->is_key = 0;
	view_screen_draw(l->screen, l->view, l->drawn_ms);
}

/* on_message - a line that would go to stderr. */
static void on_message(void *ctx, enum msg_kind kind, const char *line)
{
	struct live *l = ctx;

	if (kind == MSG_PROGRESS) {
		view_busy(l->view, line);
		if (now_ms() >= l->drawn_ms + DRAW_MS)
			draw(l);
		else
			changed(l, 0);
		return;
	}
	view_tell(l->view, line, kind == MSG_ERROR ? VIEW_TROUBLE : VIEW_SAID, now_ms());
	if (l->said.len < KEPT_BYTES)
		strbuf_addf(&l->said, "%s\n", line);
	changed(l, 0);
}

/* tone_of - an event, by its text: "[time] CRASH ...". */
static enum view_tone tone_of(const char *text)
{
	const char *what = strstr(text, "] ");

	what = what ? what + 2 : text;
	return !strncmp(what, "CRASH ", 6) || !strncmp(what, "DOUBLE FREE", 11) || !strncmp(what, "INVALID FREE", 12) ||
			       strstr(what, " was killed ") || strstr(what, "memory_limit")
		       ? VIEW_TROUBLE
		       : VIEW_HAPPENED;
}

/* tell_events - each begins with a time in brackets; its other lines are indented. */
static void tell_events(struct live *l)
{
	char *at, *end;

	fflush(l->told);
	if (!l->text_len)
		return;
	for (at = l->text; *at; at = end) {
		char first;

		for (end = at; *end && !(end > at && end[-1] == '\n' && *end == '['); end++)
			;
		first = *end;
		*end = 0;
		view_tell(l->view, at, tone_of(at), now_ms());
		if (l->kept.len < KEPT_BYTES)
			strbuf_add(&l->kept, at);
		else
			l->n_not_kept++;
		*end = first;
	}
	rewind(l->told);
	fflush(l->told);
	changed(l, 0);
}

/* ---- facts ---- */

static void add_costs(struct live *l, const struct model_snapshot *now, struct view_facts *f)
{
	uint64_t cpu = own_cpu_ns(), at = clock_ns(CLOCK_MONOTONIC);
	double seconds = (double)(at - l->at_ns) / 1e9;

	f->own_cpu = l->at_ns && seconds > 0 ? (double)(cpu - l->cpu_ns) / 1e9 / seconds : -1;
	f->probes_cpu = probecost_look(&l->probes, now);
	l->at_ns = at;
	l->cpu_ns = cpu;
}

void live_update(struct live *l, const struct model_snapshot *now)
{
	struct reporter *r = &l->run->reporter;
	size_t n = r->profile.n_processes;
	struct view_limit *limit = calloc(n + 1, sizeof(*limit));
	struct strbuf *text = calloc(n + 1, sizeof(*text));
	struct view_facts f = { .how = attach_kind(l->run->attach),
		.is_system = r->settings->all,
		.step_ms = r->settings->interval_ns / 1000000,
		.own_bytes = own_resident_bytes(),
		.n_blocks = now->blocks.used,
		.cap_blocks = now->blocks.capacity,
		.limit = limit };

	for (size_t i = 0; limit && text && i < n; i++) {
		const struct model_process *p = model_find_process(now, (int)r->profile.process[i].pid);
		const struct analyze_standing *s = p ? analyze_standing_of(&r->verdicts, p) : NULL;

		limit[i].seconds = s ? output_add_limit(&text[i], s) : 0;
		limit[i].text = text[i].data;
	}
	add_costs(l, now, &f);
	view_busy(l->view, NULL);
	if (!limit || !text || view_update(l->view, &r->profile, &f))
		view_tell(l->view, "out of memory: the view stays as it was", VIEW_TROUBLE, now_ms());
	for (size_t i = 0; text && i < n; i++)
		strbuf_free(&text[i]);
	free(text);
	free(limit);
	changed(l, 0);
}

/* ---- begin and end ---- */

/* take_signals - those of a terminal are read as all others are. One that is ignored stays so. */
static void take_signals(struct live *l)
{
	static const int taken[] = { SIGWINCH, SIGTSTP, SIGCONT, SIGHUP };
	struct sigaction act;
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &l->signals_before);
	set = l->signals_before;
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (!sigaction(taken[i], NULL, &act) && act.sa_handler != SIG_IGN)
			sigaddset(&set, taken[i]);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signalfd(l->run->fd_signal, &set, 0);
}

static void leave_signals(struct live *l)
{
	signal(SIGTSTP, SIG_DFL); /* ncurses has set it */
	signal(SIGWINCH, SIG_DFL);
	signalfd(l->run->fd_signal, &l->signals_before, 0);
	sigprocmask(SIG_SETMASK, &l->signals_before, NULL);
}

static void live_free(struct live *l)
{
	if (l->told)
		fclose(l->told);
	free(l->text);
	strbuf_free(&l->kept);
	strbuf_free(&l->said);
	strbuf_free(&l->output);
	view_free(l->view);
	free(l);
}

void live_begin(struct run *r)
{
	struct live *l = calloc(1, sizeof(*l));
	int err = l ? 0 : -ENOMEM;

	if (!err) {
		l->run = r;
		l->told = open_memstream(&l->text, &l->text_len);
		err = l->told ? 0 : -ENOMEM;
	}
	if (!err)
		l->probes.call_ns = attach_cost_ns(r->attach);
	fflush(NULL);
	if (!err) {
		take_signals(l);
		err = view_screen_open(&l->screen);
		if (!err)
			err = view_new(&l->view, view_screen_is_utf8(l->screen));
		if (err) {
			view_screen_close(l->screen);
			leave_signals(l);
		}
	}
	if (err) {
		msg_note("no live view on this terminal (%s): text reports instead",
			err == -ENOTTY ? "its type, TERM, is not known" : strerror(-err));
		if (l)
			live_free(l);
		return;
	}
	r->reporter.live = l;
	r->reporter.out = l->told;
	msg_set_sink(on_message, l);
	draw(l);
}

void live_end(struct run *r)
{
	struct live *l = r->reporter.live;

	if (!l)
		return;
	tell_events(l);
	msg_set_sink(NULL, NULL);
	view_screen_close(l->screen);
	leave_signals(l);
	r->reporter.live = NULL;
	r->reporter.out = stdout;
	if (l->output.len)
		fwrite(l->output.data, 1, l->output.len, stdout);
	fflush(stdout);
	if (l->said.data)
		fputs(l->said.data, stderr);
	if (l->kept.data)
		fputs(l->kept.data, stdout);
	if (l->n_not_kept)
		printf("%zu later events were shown, and are not kept\n", l->n_not_kept);
	fflush(stdout);
	live_free(l);
}

int live_can_stay(const struct run *r)
{
	/* Who says when to end is taken at his word. */
	return r->reporter.live && r->reporter.profile.n_stacks && !r->s->count && !r->s->duration_ns && !r->done;
}

void live_stay(struct run *r)
{
	struct live *l = r->reporter.live;

	l->over = "all that was traced has ended; q leaves, and prints what is known as text";
	view_busy(l->view, l->over);
	changed(l, 0);
}

/* ---- turns of the loop ---- */

int live_fd(const struct run *r)
{
	return r->reporter.live ? STDIN_FILENO : -1;
}

int live_timeout_ms(const struct run *r)
{
	const struct live *l = r->reporter.live;
	uint64_t now, due;

	if (!l)
		return -1;
	now = now_ms();
	due = l->drawn_ms + (l->is_key ? KEY_DRAW_MS : DRAW_MS);
	return !l->is_changed ? view_next_ms(l->view, now) : due > now ? (int)(due - now) : 0;
}

/* quit - not from a command that was started here without another word. */
static void quit(struct run *r, struct live *l)
{
	if (!r->launch.pid || !run_any_alive(r) || l->is_asked) {
		run_finish(r, EXIT_DONE);
		return;
	}
	l->is_asked = 1;
	msg_note("'%s' still runs: q again leaves it running, Ctrl-C ends it, too", r->s->command[0]);
}

void live_output(struct live *l, const char *bytes, size_t n)
{
	struct strbuf text = { 0 };

	strbuf_add_bytes(&text, bytes, n);
	if (text.data)
		view_output(l->view, text.data);
	strbuf_free(&text);
	/* The last of it is what counts. */
	if (l->output.len + n > KEPT_BYTES) {
		size_t drop = l->output.len + n - KEPT_BYTES / 2;

		drop = drop < l->output.len ? drop : l->output.len;
		memmove(l->output.data, l->output.data + drop, l->output.len - drop);
		l->output.len -= drop;
	}
	strbuf_add_bytes(&l->output, bytes, n);
	changed(l, 0);
}

static void on_key(struct run *r, struct live *l, int key)
{
	changed(l, 1);
	switch (view_press(l->view, key)) {
	case VIEW_WISH_QUIT:
		quit(r, l);
		break;
	case VIEW_WISH_EXPORT:
		view_busy(l->view, "writing files ...");
		draw(l);
		liveexport_write(&r->reporter);
		view_busy(l->view, l->over);
		changed(l, 1);
		break;
	case VIEW_WISH_REDRAW:
		view_screen_redraw(l->screen);
		break;
	default:
		break;
	}
}

void live_turn(struct run *r, short revents)
{
	struct live *l = r->reporter.live;
	int key;

	if (!l)
		return;
	tell_events(l);
	if (revents & (POLLHUP | POLLERR | POLLNVAL))
		run_finish(r, EXIT_DONE); /* the terminal is gone */
	else if (revents & POLLIN)
		while (!r->done && (key = view_screen_key(l->screen)) >= 0)
			on_key(r, l, key);
	if (!l->is_changed && view_next_ms(l->view, l->drawn_ms) >= 0 && view_next_ms(l->view, now_ms()) < 0)
		changed(l, 0);
	if (!r->done && l->is_changed && !live_timeout_ms(r))
		draw(l);
}

/* take_one - a signal that waits, if it does. */
static void take_one(int signal)
{
	static const struct timespec none;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	sigtimedwait(&set, NULL, &none);
}

int live_signal(struct run *r, unsigned signal)
{
	struct live *l = r->reporter.live;

	if (!l)
		return 0;
	switch (signal) {
	case SIGHUP:
		run_finish(r, EXIT_DONE);
		return 1;
	case SIGTSTP:
		view_screen_leave(l->screen);
		raise(SIGSTOP);
		take_one(SIGCONT); /* it has been answered */
		view_screen_redraw(l->screen);
		break;
	case SIGCONT:
		view_screen_redraw(l->screen);
		break;
	case SIGWINCH:
		view_screen_resize(l->screen);
		break;
	default:
		return 0;
	}
	changed(l, 1);
	return 1;
}
