/* SPDX-License-Identifier: GPL-2.0-or-later */
/* analyze/limits.h - how long a process that grows has until it meets a limit.
 *
 * Pure. In: its vitals, and how its curves grow. Nothing is said of a curve that does not grow.
 * PHP refuses a chunk or a huge block that would lift real_size over memory_limit. What is free inside real_size is used up before:
 * at the best all of it, at the worst none. Within these, and the bounds of the rate, is the time; the rate is that of PHP's own
 * count, which moves with each block where real_size moves in chunks of 2 MiB. The cgroup's limit and the machine's memory are met by
 * what is resident or swapped out, when there is no room left in memory nor in swap. All who share them take of it: so the rate is that of
 * all that are known to, and grow, together. Of others nothing is known. */
#ifndef ANALYZE_LIMITS_H
#define ANALYZE_LIMITS_H

#include "analyze/growth.h"

enum analyze_limit_kind {
	LIMIT_NONE,
	LIMIT_PHP,    /* memory_limit: the request ends with an error */
	LIMIT_CGROUP, /* memory.max: the kernel kills a process of the cgroup; memory.high: it slows them down */
	LIMIT_MACHINE,
	LIMITS
};

#define LIMIT_LONGEST_S (366 * 86400.0) /* what lies further ahead is not told */

/* What is taken of something that is shared, by those that are known to share it and grow. A zeroed one is nobody. */
struct analyze_taking {
	size_t n; /* how many they are */
	double bytes_per_s;
	double low; /* the sums of the bounds: they are wider than those of the sum */
	double high;
};

struct analyze_limit {
	int is_near; /* it will be met, if it goes on like this */
	uint64_t limit_bytes;
	double seconds;
	double least_s;
	double most_s;
	size_t n_taking; /* who is to go on like this: 1, or with all others that share it and grow */
};

struct analyze_limits {
	struct analyze_limit limit[LIMITS];
	enum analyze_limit_kind soonest; /* met first; LIMIT_NONE: none is */
};

/* analyze_taking_add - one more process, if it grows.  @growth  one for each curve */
void analyze_taking_add(struct analyze_taking *t, const struct analyze_growth *growth);

/* analyze_limits_make - @growth           one for each curve
 * @cgroup, @machine  what is taken of the cgroup that v tells of, and of the machine, by this process and by others */
void analyze_limits_make(const struct model_vitals *v, const struct analyze_growth *growth,
	const struct analyze_taking *cgroup, const struct analyze_taking *machine, struct analyze_limits *out);

/* analyze_limit_name - a word for programs: "memory_limit", "cgroup", "machine". Static.
 * analyze_limit_text - the same for people. */
const char *analyze_limit_name(enum analyze_limit_kind kind);
const char *analyze_limit_text(enum analyze_limit_kind kind);

#endif
