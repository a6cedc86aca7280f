/* SPDX-License-Identifier: GPL-2.0-or-later */
/* analyze/leak.h - does what a stack allocates leak, or does it only take memory for a while?
 *
 * Pure. In: how many blocks of each generation were born (the marks of model/history.h), and how many of them live. A stack leaks if
 *   - its generations have survivors, the oldest as well as the latest: in each third of the time, and in at least four;
 *   - it goes on: the latest third has left at least LEAK_GOES_ON of what the oldest has (else it was a warm-up), and the
 *     thirds do not leave ever less;
 *   - the old ones do not die: of the oldest third's survivors no fewer have been spared than of the latest's, but for chance
 *     and for LEAK_DIES (else it is a cache, a pool or a queue that turns over);
 *   - the memory of its layer grows as a whole. Where as much is freed that was there before tracing, nothing leaks.
 * Blocks that live for a while and a leak may share a stack: the youngest generations are left out until the rest says so, if it
 * has survivors enough, or too little is left. A stack of a few blocks that are replaced by ever larger ones (an array that grows)
 * has no old survivors: it is judged by the curve of its bytes. */
#ifndef ANALYZE_LEAK_H
#define ANALYZE_LEAK_H

#include "model/model.h"

enum analyze_leak_verdict {
	LEAK_EARLY,   /* it has not been watched for long enough */
	LEAK_NONE,    /* it turns over: old blocks are freed */
	LEAK_STOPPED, /* its blocks stay, but there are no more of them: a warm-up */
	LEAK_FLAT,    /* its blocks stay, but its layer as a whole does not grow by what they take */
	LEAK_YES,
	LEAK_VERDICTS
};

#define LEAK_LEAST_S	 8.0
#define LEAK_GENERATIONS 6 /* at least so many are judged */
#define LEAK_GOES_ON	 0.3
#define LEAK_DIES	 0.9
#define LEAK_GATE	 0.3 /* of what leaking stacks gain, its layer must be able to have gained at least so much */

struct analyze_leak {
	enum analyze_leak_verdict verdict;
	/* Of LEAK_YES: */
	double bytes_per_s;
	double low; /* within two standard errors, by the spread between generations */
	double high;
	uint64_t from_ns; /* time that bytes_per_s is of */
	uint64_t to_ns;
	double per_request; /* bytes that each of the requests of that time has left; 0: not known */
	double request_low; /* as low and high: by the spread between the requests of generations */
	double request_high;
	int is_growing_block; /* few blocks, ever larger */
	/* Blocks that were born before old_ns, and how many of them were freed by now. */
	uint64_t old_ns;
	uint64_t n_old;
	uint64_t n_old_freed;
	/* How long blocks live: by this age one half, nine of ten, 99 of 100 of them are freed; 0: not known, they live longer than was
	 * watched. From how many of each generation live by now. */
	uint64_t p50_ns;
	uint64_t p90_ns;
	uint64_t p99_ns;
};

/* analyze_leak_make - judge a stack of a snapshot, by itself.
 * @p  its process    @watched  since when, and what is known of that time */
void analyze_leak_make(const struct model_snapshot *s, const struct model_history *h, const struct model_stack *stack,
	const struct model_process *p, const struct model_process_history *watched, struct analyze_leak *out);

/* analyze_leak_name - a word for programs: "leak", "turns_over", "stopped", "layer_is_flat", "not_enough_data". Static. */
const char *analyze_leak_name(enum analyze_leak_verdict v);

#endif
