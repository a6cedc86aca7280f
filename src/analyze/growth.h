/* SPDX-License-Identifier: GPL-2.0-or-later */
/* analyze/growth.h - does the memory of a process grow, is it still warming up, or has it come to rest?
 *
 * Pure. A curve is judged by its lows: what a process holds on to is what is left between its requests, at the bottom of a
 * sawtooth and after a garbage collection. Its time is cut into GROWTH_PIECES; each piece's least value is a point. The curve
 *   - grows, if the trend of the later two thirds of these is above 0 for sure, and their last half goes on with at least
 *     GROWTH_GOES_ON of what the first did;
 *   - warms up, if it grew, and ever more slowly, but still by more than GROWTH_STILL of all that it gained;
 *   - is at rest otherwise. */
#ifndef ANALYZE_GROWTH_H
#define ANALYZE_GROWTH_H

#include "model/model.h"

enum analyze_growth_verdict {
	GROWTH_UNKNOWN, /* not enough data yet */
	GROWTH_PLATEAU,
	GROWTH_WARMING,
	GROWTH_GROWING,
	GROWTH_VERDICTS
};

#define GROWTH_PIECES  12
#define GROWTH_LEAST_S 5.0 /* seconds, before anything is said */
#define GROWTH_GOES_ON 0.5
#define GROWTH_STILL   0.02

struct analyze_growth {
	enum analyze_growth_verdict verdict;
	double bytes_per_s; /* of the later two thirds; with bounds as in analyze/trend.h; 0 while it is not known */
	double low;
	double high;
	int64_t gained_bytes; /* from the first low to the last */
};

/* analyze_growth_make - judge a curve. */
void analyze_growth_make(const struct model_curve *c, struct analyze_growth *out);

/* analyze_growth_name - a word for programs: "growing", "plateau", "warming_up", "not_enough_data". Static.
 * analyze_growth_text - likewise for people. */
const char *analyze_growth_name(enum analyze_growth_verdict v);
const char *analyze_growth_text(enum analyze_growth_verdict v);

#endif
