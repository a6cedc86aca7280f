/* SPDX-License-Identifier: GPL-2.0-or-later */
/* analyze/rest.h - resident memory that grows without live blocks that grow: what is it? And is what grows in PHP's heap retained, or
 * garbage that nobody has collected yet?
 *
 * Pure. In: vitals, and how the curves grow. */
#ifndef ANALYZE_REST_H
#define ANALYZE_REST_H

#include "analyze/growth.h"

/* What resident memory grows by and the books do not explain, in the order in which it is looked for: each takes of what those before
 * it have left. */
enum analyze_rest_part {
	REST_FILES,   /* pages of mapped files, and shared memory */
	REST_CACHED,  /* chunks that PHP's heap keeps for later */
	REST_HOLES,   /* fragmentation of PHP's heap: taken from the system, and in no block */
	REST_MALLOC,  /* malloc's heap grows by more than the blocks in it: overhead, fragmentation */
	REST_STACKS,  /* stacks of threads, fibers or coroutines */
	REST_UNKNOWN, /* touched for the first time, or allocated in a way that is not traced */
	REST_PARTS
};

#define REST_LEAST 0.2 /* of what resident memory grows by: less than that is not asked for */

struct analyze_rest {
	int is_there; /* resident memory grows, and by more than live blocks do, for sure */
	double rss_per_s;
	double explained_per_s;
	double part_per_s[REST_PARTS];
};

/* What may be said of growth in PHP's heap. */
enum analyze_garbage {
	GARBAGE_UNKNOWN,  /* it does not grow; or there is not enough data, or no collector to be read */
	GARBAGE_PENDING,  /* possible roots become more, and the collector has not run: part of it may be garbage */
	GARBAGE_OFF,	  /* likewise, and the collector is off */
	GARBAGE_OVERFLOW, /* its buffer has overflowed: garbage is not found any more */
	GARBAGE_RETAINED, /* it has run, or there are no more roots than before: what grows is in use by the program */
	GARBAGE_VERDICTS
};

/* analyze_rest_make, analyze_garbage_make - @growth  one for each curve     @h  NULL: nothing is known of earlier times */
void analyze_rest_make(const struct analyze_growth *growth, struct analyze_rest *out);
enum analyze_garbage analyze_garbage_make(
	const struct model_php_gc *gc, const struct model_gc_history *h, const struct analyze_growth *growth);

/* analyze_rest_name, analyze_garbage_name - words for programs: "files", ...; "pending", "off", "overflow", "retained", "unknown".
 * Static.
 * analyze_rest_text - the same for people. */
const char *analyze_rest_name(enum analyze_rest_part part);
const char *analyze_rest_text(enum analyze_rest_part part);
const char *analyze_garbage_name(enum analyze_garbage g);

#endif
