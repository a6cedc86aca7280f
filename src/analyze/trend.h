/* SPDX-License-Identifier: GPL-2.0-or-later */
/* analyze/trend.h - is there a trend in a series, and how steep is it, whatever its noise is like?
 *
 * Pure functions of numbers. The slope is the median of the slopes between all pairs of points (Theil, Sen), its bounds are
 * Kendall's: P. K. Sen, "Estimates of the Regression Coefficient Based on Kendall's Tau", JASA 63 (1968). A few wild points move
 * neither. */
#ifndef ANALYZE_TREND_H
#define ANALYZE_TREND_H

#include <stddef.h>

#define TREND_MAX 64 /* points */

struct analyze_trend {
	double slope; /* per unit of x */
	double low; /* within which the true slope is in 99 of 100 cases, where points err independently of each other */
	double high;
};

/* analyze_trend_make - of n points, in any order; of no two the x may be equal.
 * Return: 1; 0: there are fewer than 6, too few for any bounds, or more than TREND_MAX. */
int analyze_trend_make(const double *x, const double *y, size_t n, struct analyze_trend *out);

#endif
