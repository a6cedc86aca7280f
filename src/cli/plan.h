/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/plan.h - when swtrace watch is to trace a process that grows.
 *
 * Pure arithmetic: times are ns of CLOCK_MONOTONIC, given by the caller. One process is traced at a time, and for a small share of all
 * time, however many grow. A trace that names nothing has not seen enough: the next one follows soon and takes twice as long. One that
 * goes on growing when what grows is known is traced again ever more seldom. */
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include <stdint.h>

#include "analyze/analyze.h"

#define PLAN_CONFIRM	 2		      /* judgements in a row, so that a verdict on the edge starts nothing */
#define PLAN_AGAIN_NS	 3600000000000ULL     /* after the first trace of a process; doubled with each further one, */
#define PLAN_SELDOM_NS	 (24 * PLAN_AGAIN_NS) /* up to this */
#define PLAN_LONGER	 3     /* so many times the next trace is twice as long, since one has named nothing */
#define PLAN_PAUSE_TIMES 4     /* between two traces, of any processes: so many times what the last one took */
#define PLAN_LEAST_BYTES 65536 /* who has gained less is not worth a trace */
#define PLAN_CURVES	 2

/* What is to be seen from outside, and makes a process one that grows. */
extern const enum model_curve_kind plan_curve[PLAN_CURVES];

/* All processes. A zeroed one is a new one. */
struct plan {
	uint64_t free_ns; /* when the next trace may begin */
};

/* One of them, likewise. */
struct plan_process {
	unsigned n_growing; /* judgements in a row that said so */
	uint64_t again_ns;  /* not to be traced before */
	uint64_t wait_ns;   /* that was waited for it */
	unsigned n_longer;  /* its traces take 2^n_longer times as long as a first one */
};

/* plan_is_growing - is it worth a look inside? plan_is_at_rest - one of the curves is, and no other does anything else. */
int plan_is_growing(const struct analyze_standing *s);
int plan_is_at_rest(const struct analyze_standing *s);

/* plan_judged - there is a new judgement of a process. One that has come to rest is traced at once when it grows again.
 * Return: 1: trace it now, if nothing else is being traced. */
int plan_judged(const struct plan *p, struct plan_process *one, int is_growing, int is_at_rest, uint64_t now_ns);

/* plan_length_ns - how long to trace it.  @first_ns  for the first time */
uint64_t plan_length_ns(const struct plan_process *one, uint64_t first_ns);

/* plan_traced - a trace of it has begun and ended.
 * @has_told  it has named what grows, or could not be made at all.  Return: 1 if the next one comes soon and is longer. */
int plan_traced(struct plan *p, struct plan_process *one, uint64_t begin_ns, uint64_t end_ns, int has_told);

#endif
