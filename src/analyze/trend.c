// SPDX-License-Identifier: GPL-2.0-or-later
/* analyze/trend.c - the slope of Theil and Sen, with Kendall's bounds. */
#include <math.h>
#include <stdlib.h>

#include "analyze/trend.h"

#define LEAST	 6     /* with fewer points the bounds are wider than any slope there is */
#define QUANTILE 2.576 /* of the normal distribution, for 99 of 100 on both sides */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int analyze_trend_make(const double *x, const double *y, size_t n, struct analyze_trend *out)
{
	double slope[TREND_MAX * (TREND_MAX - 1) / 2], spread, points = (double)n;
	size_t pairs = 0;
	long low, high;

	if (n < LEAST || n > TREND_MAX)
		return 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			slope[pairs++] = (y[i] - y[k]) / (x[i] - x[k]);
	qsort(slope, pairs, sizeof(*slope), by_value);
	out->slope = (slope[(pairs - 1) / 2] + slope[pairs / 2]) / 2;
	/* Kendall's S has this variance when there is no trend; the bounds are the slopes of these ranks, from 1 on. */
	spread = QUANTILE * sqrt(points * (points - 1) * (2 * points + 5) / 18);
	low = lround(((double)pairs - spread) / 2);
	high = lround(((double)pairs + spread) / 2) + 1;
	out->low = low < 1 ? slope[0] : slope[low - 1];
	out->high = high > (long)pairs ? slope[pairs - 1] : slope[high - 1];
	return 1;
}
