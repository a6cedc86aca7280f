// SPDX-License-Identifier: GPL-2.0-or-later
/* view/head.c - the top of the screen: who is traced, the verdict, the curves, and how far all of it can be trusted. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/format.h"
#include "view/internal.h"

#define TREND_COLS 17
#define NAME_COLS  5	/* of a curve */
#define SLACK_MS   3000 /* curves that begin so soon after the first begin with it */

void head_who(struct strbuf *b, const struct profile_process *p)
{
	strbuf_addf(b, "%s(%" PRIu32 ")", p->comm, p->pid);
	if (*p->role)
		strbuf_addf(b, ", %s", p->role);
	if (p->worker >= 0)
		strbuf_addf(b, " %" PRId32, p->worker);
	if (!p->is_alive)
		strbuf_add(b, " (ended)");
}

/* is_looked_at - does the head tell of this process? */
static int is_looked_at(const struct view *v, const struct profile_process *p)
{
	return !v->pid || p->pid == v->pid;
}

static void who(const struct view *v, struct line *l)
{
	const struct view_data *d = view_data_of(v);
	struct strbuf b = { 0 };
	char clock[NUMBER_BYTES], right[96];
	size_t n = 0, n_alive = 0, first = 0;

	line_add(l, VIEW_BOLD, "swtrace  ");
	if (!d)
		return;
	for (size_t i = 0; i < d->profile.n_processes; i++) {
		if (!is_looked_at(v, &d->profile.process[i]))
			continue;
		if (!n++)
			first = i;
		n_alive += d->profile.process[i].is_alive;
	}
	if (n == 1 || (n && !d->facts.is_system))
		head_who(&b, &d->profile.process[first]);
	if (n > 1 && !d->facts.is_system)
		strbuf_addf(&b, " and %zu more", n - 1);
	else if (n != 1)
		strbuf_addf(&b, "%zu processes, %zu alive", n, n_alive);
	if (n == 1 && *d->profile.process[first].what)
		strbuf_addf(&b, "  %s", d->profile.process[first].what);
	snprintf(right, sizeof(right), "  %s  %s", d->facts.how, number_clock(data_since_ms(d), clock));
	line_fit(l, VIEW_BOLD, b.data ? b.data : "", line_left(l) - (int)strlen(right), 0);
	line_add(l, VIEW_PLAIN, right);
	l->text.failed |= b.failed;
	strbuf_free(&b);
}

/* add_limit - the limit that is met first. */
static void add_limit(const struct view *v, const struct view_data *d, struct line *l)
{
	const struct view_limit *soonest = NULL;
	size_t of = 0, n = 0;
	struct strbuf b = { 0 };

	for (size_t i = 0; i < d->profile.n_processes; i++) {
		const struct view_limit *one = &d->limit[i];

		if (!is_looked_at(v, &d->profile.process[i]))
			continue;
		n++;
		if (!one->text || !*one->text || (soonest && soonest->seconds <= one->seconds))
			continue;
		soonest = one;
		of = i;
	}
	if (!soonest)
		return;
	if (n > 1)
		strbuf_addf(&b, "%" PRIu32 ": ", d->profile.process[of].pid);
	strbuf_add(&b, soonest->text);
	line_add(l, VIEW_PLAIN, "   ");
	line_add(l, VIEW_WARN, b.data ? b.data : "");
	strbuf_free(&b);
}

static void verdict(const struct view *v, struct line *l)
{
	const struct view_data *d = view_data_of(v);
	char size[FORMAT_BYTES_BYTES];
	size_t n = 0, n_leaks = 0, n_early = 0;
	int64_t per_hour = 0;

	for (size_t i = 0; d && i < d->profile.n_stacks; i++) {
		const struct profile_stack *s = &d->profile.stack[i];

		if (!is_looked_at(v, &d->profile.process[s->process]))
			continue;
		n++;
		n_early += s->verdict == PROFILE_UNKNOWN;
		n_leaks += s->verdict == PROFILE_LEAK;
		per_hour += s->value[PROFILE_LEAK_RATE];
	}
	if (!d)
		line_add(l, VIEW_DIM, "the first numbers come in a moment");
	else if (n_leaks)
		line_addf(l, VIEW_BAD, "LEAK %s/s in %zu stack%s", format_bytes((uint64_t)per_hour / 3600, size),
			n_leaks, n_leaks == 1 ? "" : "s");
	else if (!n)
		line_add(l, VIEW_DIM, "nothing was allocated so far that lives");
	else if (n_early == n)
		line_add(l, VIEW_DIM, "not enough data yet for a verdict");
	else
		line_add(l, VIEW_GOOD, "no leak, as far as can be told by now");
	if (d && d->profile.basis == PROFILE_SAMPLED)
		line_add(l, VIEW_WARN, "   ESTIMATE: the table is full, some blocks stand for others");
	if (d)
		add_limit(v, d, l);
}

/* ---- curves ---- */

struct curves {
	const struct profile_curve **of; /* of all processes that are looked at */
	size_t n;
	uint64_t begin_ms;
	uint64_t end_ms;
};

/* is_in_sum - one that has ended has nothing any more; looked at alone, it is shown as it was. */
static int is_in_sum(const struct view *v, const struct view_data *d, const struct profile_process *p)
{
	return is_looked_at(v, p) && (p->is_alive || v->pid || d->facts.is_system || d->profile.n_processes <= 1);
}

static const struct profile_curve *find_curve(const struct profile_process *p, const char *name)
{
	for (size_t i = 0; i < p->n_curves; i++)
		if (p->curve[i].n && !strcmp(p->curve[i].name, name))
			return &p->curve[i];
	return NULL;
}

/* collect - @out  of is to be freed      Return: 0 or -ENOMEM. */
static int collect(const struct view *v, const struct view_data *d, const char *name, struct curves *out)
{
	memset(out, 0, sizeof(*out));
	out->begin_ms = UINT64_MAX;
	out->of = calloc(d->profile.n_processes + 1, sizeof(*out->of));
	if (!out->of)
		return -ENOMEM;
	for (size_t i = 0; i < d->profile.n_processes; i++) {
		const struct profile_process *p = &d->profile.process[i];
		const struct profile_curve *c = is_in_sum(v, d, p) ? find_curve(p, name) : NULL;

		if (!c)
			continue;
		out->of[out->n++] = c;
		if (c->point[0].time_ms < out->begin_ms)
			out->begin_ms = c->point[0].time_ms;
		if (c->point[c->n - 1].time_ms > out->end_ms)
			out->end_ms = c->point[c->n - 1].time_ms;
	}
	return 0;
}

/* value_at - the sum of all at that time. One that begins later has nothing before. */
static int64_t value_at(const struct curves *c, uint64_t ms)
{
	int64_t sum = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct profile_curve *one = c->of[i];
		size_t k = one->n;

		while (k && one->point[k - 1].time_ms > ms)
			k--;
		if (k)
			sum += one->point[k - 1].value;
		else if (one->point[0].time_ms < c->begin_ms + SLACK_MS)
			sum += one->point[0].value;
	}
	return sum;
}

/* add_spark - how it went, in so many columns. What moves by less than a fiftieth is flat. */
static void add_spark(const struct curves *c, struct line *l, int columns)
{
	static const char *const bars[] = { "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84",
		"\xe2\x96\x85", "\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88" };
	static const char *const letters[] = { "_", ".", ",", "-", "=", "+", "*", "#" };
	int64_t value[64], least = INT64_MAX, most = INT64_MIN, span;
	int n = columns < 64 ? columns : 64;

	for (int i = 0; i < n; i++) {
		uint64_t at = c->begin_ms + (c->end_ms - c->begin_ms) * (uint64_t)(i + 1) / (uint64_t)n;

		value[i] = value_at(c, at);
		least = value[i] < least ? value[i] : least;
		most = value[i] > most ? value[i] : most;
	}
	span = most - least;
	if (span < most / 50)
		span = most / 50;
	for (int i = 0; i < n; i++) {
		int level = span > 0 ? (int)((double)(value[i] - least) * 7 / (double)span + 0.5) : 0;

		line_add(l, VIEW_PLAIN, l->is_utf8 ? bars[level] : letters[level]);
	}
}

/* add_trend - what is thought of it: of several, how fast those that grow do. */
static void add_trend(const struct curves *c, struct line *l, int width)
{
	char size[NUMBER_BYTES], text[96];
	double per_s = 0;
	size_t n_growing = 0, n_warming = 0, n_early = 0;

	for (size_t i = 0; i < c->n; i++) {
		int is_growing = !strcmp(c->of[i]->verdict, "growing"),
		    is_warming = !strcmp(c->of[i]->verdict, "warming_up");

		n_growing += is_growing;
		n_warming += is_warming;
		n_early += !strcmp(c->of[i]->verdict, "not_enough_data");
		per_s += is_growing || is_warming ? c->of[i]->bytes_per_s : 0;
	}
	if (n_growing || n_warming)
		snprintf(text, sizeof(text), " %s %s/s", n_growing ? "growing" : "warming",
			number_size((int64_t)per_s, 1, size));
	else
		snprintf(text, sizeof(text), "%s", n_early == c->n ? "" : " plateau");
	line_fit(l, n_growing ? VIEW_BAD : n_warming ? VIEW_WARN : VIEW_DIM, text, width, 0);
}

static void curve(const struct view *v, struct line *l, const char *name, int width)
{
	const struct view_data *d = view_data_of(v);
	int begin = l->columns, spark = width - NAME_COLS - 7 - TREND_COLS - 1;
	char size[NUMBER_BYTES];
	struct curves c;

	if (collect(v, d, name, &c)) {
		l->text.failed = 1;
		return;
	}
	if (!c.n)
		goto out;
	line_fit(l, VIEW_BOLD, name, NAME_COLS, 0);
	add_spark(&c, l, spark);
	line_fit(l, VIEW_PLAIN, number_size(value_at(&c, UINT64_MAX), 0, size), 7, 1);
	add_trend(&c, l, TREND_COLS);
	line_pad(l, VIEW_PLAIN, begin + width);
out:
	free(c.of);
}

/* ---- trust ---- */

static void add_losses(const struct view_data *d, struct line *l)
{
	char count[NUMBER_BYTES];
	uint64_t sum = 0;
	const struct profile_loss *most = NULL;

	for (size_t i = 0; i < d->profile.n_losses; i++) {
		sum += d->profile.loss[i].count;
		if (d->profile.loss[i].count && (!most || d->profile.loss[i].count > most->count))
			most = &d->profile.loss[i];
	}
	if (most)
		line_addf(l, VIEW_WARN, "lost %s (%.40s)", number_count((int64_t)sum, 0, count), most->text);
	else
		line_add(l, VIEW_PLAIN, "lost nothing");
}

#define WIDE_COLS 100

/* add_short_cost - on a narrow screen, where the rest would push it out. */
static void add_short_cost(const struct view_data *d, struct line *l)
{
	if (d->facts.own_cpu >= 0)
		line_addf(l, VIEW_PLAIN, "CPU: swtrace %.1f%%", d->facts.own_cpu * 100);
	if (d->facts.probes_cpu >= 0)
		line_addf(l, VIEW_PLAIN, ", probes ~%.1f%%", d->facts.probes_cpu * 100);
}

static void add_cost(const struct view_data *d, struct line *l)
{
	char size[NUMBER_BYTES];

	if (d->facts.own_cpu >= 0)
		line_addf(l, VIEW_PLAIN, "cost: swtrace %.1f%% CPU", d->facts.own_cpu * 100);
	if (d->facts.own_bytes)
		line_addf(l, VIEW_PLAIN, " %s", number_size((int64_t)d->facts.own_bytes, 0, size));
	if (d->facts.probes_cpu >= 0)
		line_addf(l, VIEW_PLAIN, ", probes ~%.1f%% CPU", d->facts.probes_cpu * 100);
}

/* trust - what was lost comes first: it is never cut off. */
static void trust(const struct view *v, struct line *l)
{
	const struct view_data *d = view_data_of(v);
	size_t n = 0, n_whole = 0;

	if (!d)
		return;
	for (size_t i = 0; i < d->profile.n_stacks; i++) {
		const struct profile_stack *s = &d->profile.stack[i];

		if (!is_looked_at(v, &d->profile.process[s->process]))
			continue;
		n++;
		n_whole += s->is_whole;
	}
	add_losses(d, l);
	line_addf(l, VIEW_PLAIN,
		l->cols < WIDE_COLS ? "  %zu/%zu stacks complete  " : "   %zu of %zu stacks complete   ", n_whole, n);
	if (l->cols < WIDE_COLS)
		add_short_cost(d, l);
	else
		add_cost(d, l);
	if (d->facts.cap_blocks)
		line_addf(l, d->facts.n_blocks > d->facts.cap_blocks / 10 * 9 ? VIEW_WARN : VIEW_PLAIN,
			"  table %.0f%%", (double)d->facts.n_blocks * 100 / (double)d->facts.cap_blocks);
}

void head_line(const struct view *v, int which, struct line *l)
{
	int half = l->cols / 2;

	switch (which) {
	case HEAD_WHO:
		who(v, l);
		break;
	case HEAD_VERDICT:
		verdict(v, l);
		break;
	case HEAD_CURVES:
	case HEAD_CURVES_2:
		if (!view_data_of(v))
			break;
		curve(v, l, which == HEAD_CURVES ? "zend" : "mmap", half);
		curve(v, l, which == HEAD_CURVES ? "libc" : "rss", half);
		break;
	default:
		trust(v, l);
		break;
	}
}
