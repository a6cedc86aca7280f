// SPDX-License-Identifier: GPL-2.0-or-later
/* analyze/growth.c - from the lows of a curve to a verdict. */
#include "analyze/growth.h"
#include "analyze/trend.h"

#define FIRST_PIECE (GROWTH_PIECES / 3) /* of those that the trend is made of */

/* The lows of a curve, oldest first; pieces without a value are left out. */
struct lows {
	double second[GROWTH_PIECES]; /* since the first point */
	double value[GROWTH_PIECES];
	size_t piece[GROWTH_PIECES];
	size_t n;
};

static double seconds(const struct model_curve *c, size_t i)
{
	return (double)(c->point[i].time_ns - c->point[0].time_ns) / 1e9;
}

static void lows_find(const struct model_curve *c, struct lows *l)
{
	double length = seconds(c, c->n - 1) * 1.0001; /* so that the last point is in the last piece */

	l->n = 0;
	for (size_t i = 0; i < c->n; i++) {
		double at = seconds(c, i), value = (double)c->point[i].value;
		size_t piece = (size_t)(at / length * GROWTH_PIECES);

		if (l->n && l->piece[l->n - 1] == piece) {
			if (value >= l->value[l->n - 1])
				continue;
			l->n--;
		}
		l->second[l->n] = at;
		l->value[l->n] = value;
		l->piece[l->n++] = piece;
	}
}

/* gained - from the last low before one piece to the last low before another. */
static double gained(const struct lows *l, size_t from, size_t to)
{
	double before = l->value[0], after = l->value[0];

	for (size_t i = 0; i < l->n; i++) {
		if (l->piece[i] < from)
			before = l->value[i];
		if (l->piece[i] < to)
			after = l->value[i];
	}
	return after - before;
}

static enum analyze_growth_verdict verdict(const struct lows *l, const struct analyze_trend *t)
{
	double early = gained(l, 0, FIRST_PIECE), first = gained(l, FIRST_PIECE, 2 * FIRST_PIECE);
	double last = gained(l, 2 * FIRST_PIECE, GROWTH_PIECES);

	if (t->low <= 0)
		return GROWTH_PLATEAU;
	if (last < GROWTH_GOES_ON * first || last < GROWTH_GOES_ON / 2 * early)
		return last > GROWTH_STILL * (early + first + last) ? GROWTH_WARMING : GROWTH_PLATEAU;
	return GROWTH_GROWING;
}

void analyze_growth_make(const struct model_curve *c, struct analyze_growth *out)
{
	struct analyze_trend t;
	struct lows l;
	size_t from = 0;

	*out = (struct analyze_growth){ .verdict = GROWTH_UNKNOWN };
	if (c->n < GROWTH_PIECES || seconds(c, c->n - 1) < GROWTH_LEAST_S)
		return;
	lows_find(c, &l);
	while (from < l.n && l.piece[from] < FIRST_PIECE)
		from++;
	if (!analyze_trend_make(l.second + from, l.value + from, l.n - from, &t))
		return;
	out->verdict = verdict(&l, &t);
	out->bytes_per_s = t.slope;
	out->low = t.low;
	out->high = t.high;
	out->gained_bytes = (int64_t)gained(&l, 1, GROWTH_PIECES);
}

static const struct {
	const char *name;
	const char *text;
} verdicts[GROWTH_VERDICTS] = {
	[GROWTH_UNKNOWN] = { "not_enough_data", "not enough data" },
	[GROWTH_PLATEAU] = { "plateau", "plateau" },
	[GROWTH_WARMING] = { "warming_up", "warming up" },
	[GROWTH_GROWING] = { "growing", "growing" },
};

const char *analyze_growth_name(enum analyze_growth_verdict v)
{
	return (unsigned)v < GROWTH_VERDICTS ? verdicts[v].name : "unknown";
}

const char *analyze_growth_text(enum analyze_growth_verdict v)
{
	return (unsigned)v < GROWTH_VERDICTS ? verdicts[v].text : "unknown";
}
