/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tally.h - compare the stacks of points, count, print. */
#ifndef ORACLE_TALLY_H
#define ORACLE_TALLY_H

#include <stdio.h>

#include "truth.h"

#define TALLY_WALKS 8

/* Where stacks that are not complete end: counted by (walk, module of the last frame, end of libdwfl's stack). */
struct tally_end {
	uint32_t walk;
	enum truth_end truth;
	char module[64];
	unsigned n;
};

struct tally {
	int all; /* print stacks that are not complete, too */
	unsigned points;
	unsigned entries; /* the other points are returns */
	unsigned children;
	unsigned threads; /* points in threads other than the process's first */
	unsigned pending; /* points with at least one replaced return address further out */
	unsigned rbx;	  /* see truth_stack */
	unsigned deref;
	unsigned trampolines; /* points below a handler that interrupts a return probe's trampoline */
	unsigned signals;     /* points below a signal handler */
	unsigned walk[TALLY_WALKS];
	unsigned identical;
	unsigned different;
	unsigned unjudged;  /* libdwfl ends before swtrace does, and both agree up to there */
	unsigned true_part; /* not complete, and true as far as they go */
	unsigned wrong_part;
	unsigned cached; /* points whose stack was in the cache too */
	unsigned cached_different;
	unsigned long frames;
	unsigned deepest;
	struct tally_end end[64];
	size_t n_ends;
};

/* tally_add - judge one point. A stack that differs is printed with libdwfl's beside it. */
void tally_add(struct tally *c, struct truth *t, const struct oracle_point *p, const struct truth_stack *s);

/* tally_print - the explanations, then the summary line: "oracle: NAME NUMBER, NAME NUMBER, ...", without its end. */
void tally_print(const struct tally *c, FILE *out);

/* tally_passes - at least 999 of 1,000 complete stacks are identical, no more than 1 of 1,000 of the others holds a false
 * frame, and the cache gave no stack that a walk would not have given. */
int tally_passes(const struct tally *c);

#endif
