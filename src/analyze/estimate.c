// SPDX-License-Identifier: GPL-2.0-or-later
/* analyze/estimate.c - from the survivors of windows to leak rates. Windows are the independent samples: what one window leaves
 * behind says nothing of the next. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/analyze.h"

#define THIRDS 3

/* Survivors come from at least so many windows: fewer are an incident, not a leak. */
#define MIN_WITH 4

/* The oldest third may have kept so much less than the latest: see estimate.h. Blocks are freed late from time to time if one of so
 * many is. If none is, what comes in bursts may have kept less still by chance: by so many standard errors, once in twenty times. */
#define KEPT	     0.5
#define LATE_OF_MANY 20
#define BY_CHANCE    1.645

/* From so many blocks on that were freed late, their mean age counts: so many times as long must have passed. */
#define MIN_LATE 3
#define PATIENCE 5.0

/* The heap's curve is judged by its later part: what has stopped growing does not grow. */
#define CURVE_PART   0.6
#define CURVE_PIECES 6

/* By then a curve that is looked at all the time has points in each piece. Later, one that has none is that of a heap that is mostly
 * empty. */
#define CURVE_NS 10000000000ULL

/* quantile - of Student's t for 95 of 100 on one side; off by less than 0.02 from 5 degrees of freedom on (NIST/SEMATECH
 * e-Handbook of Statistical Methods, 1.3.6.7.2). */
static double quantile(double freedom)
{
	return 1.645 + 1.9 / freedom;
}

/* Student's t for 99 of 100 on one side by that for 95, of 4 degrees of freedom (the same table: 3.747 and 2.132): the fewest that there
 * are, in windows and in the heap's curve. Of more it is less. */
#define SURER 1.76

/* What one stack has left behind, by its windows. */
struct record {
	const struct model_windows *w;
	size_t first; /* windows [first, end) are judged */
	size_t end;
	double bytes[MODEL_MAX_WINDOWS];
	uint64_t blocks[MODEL_MAX_WINDOWS];
};

static double judged_seconds(const struct model_window *w)
{
	return (double)((w->last - w->first + 1) * (uint64_t)w->judged_slots * MODEL_WINDOW_SLOT_NS) / 1e9;
}

static const struct model_windowed *windowed_of(const struct model_windows *w, int pid)
{
	for (size_t i = 0; i < w->n_processes; i++)
		if (w->process[i].pid == pid)
			return &w->process[i];
	return NULL;
}

/* record_begin - which windows of a process are judged: those since it is traced, without the last ones. */
static void record_begin(struct record *r, const struct model_windows *w, int pid)
{
	const struct model_windowed *p = windowed_of(w, pid);

	memset(r, 0, sizeof(*r));
	r->w = w;
	while (r->first < w->n && (!p || w->window[r->first].first < p->since))
		r->first++;
	r->end = r->first;
	while (r->end < w->n && w->window[r->end].last + ESTIMATE_AGE <= w->n_windows)
		r->end++;
}

/* rate_of - bytes a second of the windows [from, to) and its standard error, as the ratio of two sums (Cochran, Sampling
 * Techniques, 2.11). */
static double rate_of(const struct record *r, size_t from, size_t to, double *error)
{
	double bytes = 0, seconds = 0, squares = 0, n = (double)(to - from), rate, left;

	for (size_t i = from; i < to; i++) {
		bytes += r->bytes[i];
		seconds += judged_seconds(&r->w->window[i]);
	}
	rate = seconds > 0 ? bytes / seconds : 0;
	for (size_t i = from; i < to; i++) {
		left = r->bytes[i] - rate * judged_seconds(&r->w->window[i]);
		squares += left * left;
	}
	*error = n > 1 && seconds > 0 ? sqrt(n / (n - 1) * squares) / seconds : INFINITY;
	return rate;
}

/* goes_on - have its windows left survivors all the time, and do the old ones keep them? */
static int goes_on(const struct record *r, struct analyze_estimate_row *row)
{
	size_t n = r->end - r->first;
	double rate[THIRDS], error, chance = 0;

	for (size_t i = r->first; i < r->end; i++) {
		row->n_with += r->blocks[i] > 0;
		row->blocks += r->blocks[i];
		row->bytes += (uint64_t)r->bytes[i];
	}
	row->n_windows = n;
	if (n < ESTIMATE_MIN_WINDOWS || row->n_with < MIN_WITH)
		return 0;
	for (size_t t = 0; t < THIRDS; t++) {
		rate[t] = rate_of(r, r->first + n * t / THIRDS, r->first + n * (t + 1) / THIRDS, &error);
		if (rate[t] <= 0)
			return 0;
	}
	if (row->n_late * LATE_OF_MANY < row->blocks) {
		rate_of(r, r->first, r->end, &error);
		chance = BY_CHANCE * error * sqrt(THIRDS * (1 + KEPT * KEPT));
	}
	return rate[0] + chance >= KEPT * rate[THIRDS - 1];
}

/* is_patient - have the windows been going on for long enough to see freed what is freed late? As long as few of the mortal blocks
 * have had time to be, the mean age at which they are seen to be is a third of that time; it then stays behind. */
static int is_patient(const struct record *r, const struct model_stack *s)
{
	uint64_t n = r->end > r->first ? r->w->n_windows - r->w->window[r->first].first + 1 : 0;

	return s->n_late < MIN_LATE || (double)n * (double)s->n_late >= PATIENCE * (double)s->late_windows;
}

static void bounds(struct analyze_estimate_rate *r, double rate, double error, double freedom)
{
	r->rate = rate;
	r->low = rate - quantile(freedom) * error;
	r->high = rate + quantile(freedom) * error;
}

/* judge - one stack.  Return: 1 if it goes on leaving blocks, at a rate that is not by chance. */
static int judge(const struct record *r, struct analyze_estimate_row *row)
{
	double rate, error;

	if (!goes_on(r, row) || !is_patient(r, row->stack))
		return 0;
	rate = rate_of(r, r->first, r->end, &error);
	bounds(&row->rate, rate, error, (double)(r->end - r->first - 1));
	return row->rate.low > 0;
}

/* later_part - the curve's later part, cut into pieces of the same duration: the lowest point of each, since what a request needs
 * for itself comes and goes.  Return: 1 if no piece is empty. */
static int later_part(const struct model_windowed *p, struct model_heap_point *lowest)
{
	const struct model_heap_point *last = p->heap + p->n_heap - 1;
	double span, from;

	if (p->n_heap < CURVE_PIECES)
		return 0;
	span = CURVE_PART * (double)(last->time_ns - p->heap[0].time_ns);
	from = (double)last->time_ns - span;
	memset(lowest, 0, CURVE_PIECES * sizeof(*lowest));
	for (size_t i = 0; i < p->n_heap && span > 0; i++) {
		double part = ((double)p->heap[i].time_ns - from) / span * CURVE_PIECES;
		struct model_heap_point *l = &lowest[part < CURVE_PIECES ? (int)part : CURVE_PIECES - 1];

		if (part >= 0 && (!l->time_ns || p->heap[i].size_bytes < l->size_bytes))
			*l = p->heap[i];
	}
	for (int i = 0; i < CURVE_PIECES; i++)
		if (!lowest[i].time_ns)
			return 0;
	return 1;
}

/* follow_heap - the growth of PHP's own count: the straight line of least squares. */
static void follow_heap(const struct model_windowed *p, struct analyze_estimate_heap *out)
{
	double x[CURVE_PIECES], y[CURVE_PIECES], xs = 0, ys = 0, xx = 0, xy = 0, slope, left, squares = 0;
	struct model_heap_point point[CURVE_PIECES];

	out->pid = p->pid;
	out->has_heap = p->has_heap;
	out->is_known = p->has_heap && later_part(p, point);
	if (!out->is_known)
		return;
	for (int i = 0; i < CURVE_PIECES; i++) {
		x[i] = (double)(point[i].time_ns - point[0].time_ns) / 1e9;
		y[i] = (double)point[i].size_bytes - (double)point[0].size_bytes;
		xs += x[i] / CURVE_PIECES;
		ys += y[i] / CURVE_PIECES;
	}
	for (int i = 0; i < CURVE_PIECES; i++) {
		xx += (x[i] - xs) * (x[i] - xs);
		xy += (x[i] - xs) * (y[i] - ys);
	}
	slope = xy / xx;
	for (int i = 0; i < CURVE_PIECES; i++) {
		left = y[i] - ys - slope * (x[i] - xs);
		squares += left * left;
	}
	bounds(&out->growth, slope, sqrt(squares / (CURVE_PIECES - 2) / xx), CURVE_PIECES - 2);
}

/* scale - a stack's share of what PHP's heap grows by.
 * @sum  of the rates of all stacks that share it.  Return: 1 if the heap grows. */
static int scale(struct analyze_estimate_row *row, const struct analyze_estimate_heap *h, double sum)
{
	double by_windows = (row->rate.high - row->rate.rate) / row->rate.rate, by_heap, spread;

	if (!h->is_known || h->growth.low <= 0)
		return 0;
	by_heap = (h->growth.high - h->growth.rate) / h->growth.rate;
	spread = sqrt(by_windows * by_windows + by_heap * by_heap);
	row->rate.rate *= h->growth.rate / sum;
	row->rate.low = row->rate.rate * (1 - spread);
	row->rate.high = row->rate.rate * (1 + spread);
	row->is_scaled = 1;
	return row->rate.low > 0;
}

/* is_in_heap - is the stack one of a heap for which PHP counts? */
static int is_in_heap(const struct analyze_estimate_row *row, const struct analyze_estimate_heap *h)
{
	return h->has_heap && row->stack->pid == h->pid && row->stack->layer == MODEL_ZEND;
}

/* scale_all - of each process's stacks in the Zend heap those stay that PHP's own count bears out. */
static void scale_all(struct analyze_estimate *e)
{
	size_t n = 0;

	for (size_t h = 0; h < e->n_heaps; h++) {
		double sum = 0;

		for (size_t i = 0; i < e->n_named; i++)
			sum += is_in_heap(&e->row[i], &e->heap[h]) ? e->row[i].rate.rate : 0;
		for (size_t i = 0; i < e->n_named; i++)
			if (is_in_heap(&e->row[i], &e->heap[h]) && !scale(&e->row[i], &e->heap[h], sum))
				e->row[i].rate.low = 0;
	}
	for (size_t i = 0; i < e->n_named; i++)
		if (e->row[i].rate.low > 0)
			e->row[n++] = e->row[i];
	e->n_named = n;
}

static int is_sure(const struct analyze_estimate_rate *r)
{
	return r->rate > SURER * (r->rate - r->low);
}

static int by_rate(const void *a, const void *b)
{
	const struct analyze_estimate_row *x = a, *y = b;

	if (x->rate.rate < y->rate.rate || x->rate.rate > y->rate.rate)
		return x->rate.rate > y->rate.rate ? -1 : 1;
	return x->stack->id < y->stack->id ? -1 : x->stack->id > y->stack->id;
}

/* judge_all - each stack that has survivors. They are sorted by stack, then by window. */
static void judge_all(struct analyze_estimate *e, const struct analyze_opts *opts)
{
	const struct model_snapshot *s = e->snapshot;
	struct record r;

	for (size_t i = 0, end; i < s->n_survivors; i = end) {
		const struct model_stack *stack = &s->stack[s->survivors[i].stack];
		struct analyze_estimate_row row = { .stack = stack, .n_late = stack->n_late };

		record_begin(&r, e->windows, stack->pid);
		for (end = i; end < s->n_survivors && s->survivors[end].stack == s->survivors[i].stack; end++) {
			r.bytes[s->survivors[end].window] = (double)s->survivors[end].bytes;
			r.blocks[s->survivors[end].window] = s->survivors[end].blocks;
		}
		if (opts->layer_mask >> stack->layer & 1 && judge(&r, &row)) {
			row.process = model_process_of(s, stack);
			e->row[e->n_named++] = row;
		}
	}
}

static int count_windows(struct analyze_estimate *e)
{
	const struct model_windows *w = e->windows;
	struct record r;

	e->heap = calloc(w->n_processes ? w->n_processes : 1, sizeof(*e->heap));
	if (!e->heap)
		return -ENOMEM;
	for (size_t i = 0; i < w->n_processes; i++) {
		const struct model_process *p = model_find_process(e->snapshot, w->process[i].pid);

		e->heap[e->n_heaps].size_bytes = p ? p->zend.size_bytes : 0;
		follow_heap(&w->process[i], &e->heap[e->n_heaps++]);
		if (w->elapsed_ns < CURVE_NS && e->heap[i].has_heap && !e->heap[i].is_known)
			e->is_heap_early = 1;
		record_begin(&r, w, w->process[i].pid);
		if (r.end - r.first > e->n_judged)
			e->n_judged = r.end - r.first;
	}
	return 0;
}

static void count_unjudged(struct analyze_estimate *e, const struct analyze_opts *opts)
{
	for (size_t i = 0; i < e->snapshot->n_stacks; i++) {
		if (!(opts->layer_mask >> e->snapshot->stack[i].layer & 1))
			continue;
		e->unjudged_blocks += e->snapshot->stack[i].live_blocks;
		e->unjudged_bytes += e->snapshot->stack[i].live_bytes;
	}
	for (size_t i = 0; i < e->n_named; i++) {
		e->unjudged_blocks -= e->row[i].blocks < e->unjudged_blocks ? e->row[i].blocks : e->unjudged_blocks;
		e->unjudged_bytes -= e->row[i].bytes < e->unjudged_bytes ? e->row[i].bytes : e->unjudged_bytes;
	}
	e->lost = model_lost(e->snapshot);
}

int analyze_estimate_make(const struct model_snapshot *now, const struct model_windows *windows,
	const struct analyze_opts *opts, struct analyze_estimate **out)
{
	struct analyze_estimate *e = calloc(1, sizeof(*e));
	int err = -ENOMEM;

	if (!e)
		goto out;
	e->snapshot = now;
	e->windows = windows;
	e->verdicts = opts->verdicts;
	e->row = calloc(now->n_stacks ? now->n_stacks : 1, sizeof(*e->row));
	if (!e->row)
		goto out;
	err = count_windows(e);
	if (err)
		goto out;
	judge_all(e, opts);
	scale_all(e);
	for (size_t i = 0; i < e->n_named; i++)
		e->n_sure += is_sure(&e->row[i].rate);
	qsort(e->row, e->n_named, sizeof(*e->row), by_rate);
	e->n_rows = opts->top && e->n_named > opts->top ? opts->top : e->n_named;
	count_unjudged(e, opts);
	*out = e;
	e = NULL;
out:
	analyze_estimate_free(e);
	return err;
}

void analyze_estimate_free(struct analyze_estimate *e)
{
	if (!e)
		return;
	free(e->row);
	free(e->heap);
	free(e);
}
