// SPDX-License-Identifier: GPL-2.0-or-later
/* analyze/requests.c - growth by requests. */
#include <stdlib.h>

#include "analyze/requests.h"
#include "analyze/trend.h"

#define POINTS_MAX (MODEL_REQUEST_SECTIONS * MODEL_REQUEST_POINTS + 1)

_Static_assert(MODEL_REQUEST_POINTS + 1 <= TREND_MAX, "a section and its end have a trend");

/* set_slope - bytes a request of a layer, by its n points, two at least, and their bounds. */
static void set_slope(struct analyze_request_growth *g, const struct model_request_point *const *p, size_t n, int layer)
{
	double x[TREND_MAX], y[TREND_MAX];
	struct analyze_trend trend;

	for (size_t i = 0; i < n; i++) {
		x[i] = (double)p[i]->n_requests;
		y[i] = (double)p[i]->bytes[layer];
	}
	g->has_bounds = analyze_trend_make(x, y, n, &trend);
	g->per_request[layer] = g->has_bounds ? trend.slope : (y[n - 1] - y[0]) / (x[n - 1] - x[0]);
	g->low[layer] = g->has_bounds ? trend.low : 0;
	g->high[layer] = g->has_bounds ? trend.high : 0;
}

/* end_of - where a section ends: the first point of a later one, or NULL: it has not ended. */
static const struct model_request_point *end_of(const struct model_request_history *h, size_t section)
{
	for (size_t i = section + 1; i < MODEL_REQUEST_SECTIONS; i++)
		if (h->section[i].n)
			return &h->section[i].point[0];
	return NULL;
}

/* like - of the points of a section those that are lows of as many snapshots as each other, if they are of more than one: not the
 * one at which counting began, with empty books, nor the last one, which may become lower yet. What is lower or higher for that
 * alone would be taken for growth.
 * @n  in: of all; out: of these  Return: the first of them */
static size_t like(const struct model_request_history *h, size_t section, size_t *n)
{
	const struct model_request_section *s = &h->section[section];
	size_t from = section == 0;

	if (s->per_point < 2 || s->n < MODEL_REQUEST_POINTS / 2)
		return 0;
	*n = s->n - (s->in_last < s->per_point) - from;
	return from;
}

/* add_growth - of one section, if it has points and something has happened in it. */
static void add_growth(const struct model_request_history *h, size_t section, struct analyze_requests *out)
{
	const struct model_request_section *s = &h->section[section];
	const struct model_request_point *p[MODEL_REQUEST_POINTS + 1], *end = end_of(h, section);
	struct analyze_request_growth *g = &out->growth[out->n_growth];
	size_t n = 0, from, n_like;

	for (size_t i = 0; i < s->n; i++)
		p[n++] = &s->point[i];
	/* Of the last one the end is now: the last point may have begun some time ago. */
	if (!end && n && h->now.n_requests > p[n - 1]->n_requests)
		p[n++] = &h->now;
	if (end)
		p[n++] = end;
	if (n < 2)
		return;
	g->from = p[0]->n_requests;
	g->to = p[n - 1]->n_requests;
	g->to_ns = p[n - 1]->time_ns;
	/* That of the section before the one in which it ends: what lies between may have been passed between two snapshots. */
	for (size_t i = section; end && g->to >= model_milestone(i); i++)
		g->milestone = model_milestone(i);
	n_like = n;
	from = like(h, section, &n_like);
	for (int l = 0; l < MODEL_REQUEST_CURVES; l++) {
		if (!(h->curves >> l & 1))
			continue;
		g->gained_bytes[l] = p[n - 1]->bytes[l] - h->section[0].point[0].bytes[l];
		set_slope(g, p + from, n_like, l);
	}
	out->n_growth++;
}

/* value_at - the curve of a layer at so many requests, between two points as if it were straight. */
static double value_at(const struct model_request_point *const *p, size_t n, int layer, double requests)
{
	size_t i = 1;
	double x0, x1, y0, y1;

	while (i + 1 < n && (double)p[i]->n_requests < requests)
		i++;
	x0 = (double)p[i - 1]->n_requests;
	x1 = (double)p[i]->n_requests;
	y0 = (double)p[i - 1]->bytes[layer];
	y1 = (double)p[i]->bytes[layer];
	return y0 + (y1 - y0) * (requests - x0) / (x1 - x0);
}

static void make_spark(const struct model_request_point *const *p, size_t n, int layer, struct analyze_spark *out)
{
	double from = (double)p[0]->n_requests,
	       step = ((double)p[n - 1]->n_requests - from) / (ANALYZE_SPARK_COLUMNS - 1);
	double range;

	out->low_bytes = out->high_bytes = p[0]->bytes[layer];
	for (size_t i = 0; i < n; i++) {
		out->low_bytes = p[i]->bytes[layer] < out->low_bytes ? p[i]->bytes[layer] : out->low_bytes;
		out->high_bytes = p[i]->bytes[layer] > out->high_bytes ? p[i]->bytes[layer] : out->high_bytes;
	}
	range = (double)(out->high_bytes - out->low_bytes);
	for (int c = 0; range > 0 && c < ANALYZE_SPARK_COLUMNS; c++) {
		double share = (value_at(p, n, layer, from + c * step) - (double)out->low_bytes) / range;
		int level = (int)(share * (ANALYZE_SPARK_LEVELS - 1) + 0.5);

		out->level[c] = (uint8_t)(level < 0			 ? 0
					  : level < ANALYZE_SPARK_LEVELS ? level
									 : ANALYZE_SPARK_LEVELS - 1);
	}
}

void analyze_requests_make(const struct model_request_history *h, struct analyze_requests *out)
{
	const struct model_request_point *p[POINTS_MAX];
	const struct model_request_point *first;
	size_t n = 0;

	*out = (struct analyze_requests){ 0 };
	if (!h || !h->section[0].n)
		return;
	first = &h->section[0].point[0];
	out->history = h;
	out->n_requests = h->n_last;
	if (h->now.time_ns > first->time_ns)
		out->per_s =
			(double)(h->n_last - first->n_requests) / ((double)(h->now.time_ns - first->time_ns) / 1e9);
	for (size_t i = 0; i < MODEL_REQUEST_SECTIONS; i++) {
		out->has_news |= h->n_before < model_milestone(i) && h->n_last >= model_milestone(i);
		add_growth(h, i, out);
		for (size_t k = 0; k < h->section[i].n; k++)
			p[n++] = &h->section[i].point[k];
	}
	if (h->now.n_requests > p[n - 1]->n_requests)
		p[n++] = &h->now;
	out->has_spark = n > 1;
	for (int l = 0; n > 1 && l < MODEL_REQUEST_CURVES; l++)
		if (h->curves >> l & 1)
			make_spark(p, n, l, &out->spark[l]);
}

struct analyze_requests *analyze_requests_list(const struct model_request_histories *h)
{
	struct analyze_requests *list = calloc(h->n_processes ? h->n_processes : 1, sizeof(*list));

	for (size_t i = 0; list && i < h->n_processes; i++)
		analyze_requests_make(h->process[i], &list[i]);
	return list;
}
