/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics/metrics.h - findings as numbers for Prometheus: docs/metrics.md.
 *
 * In: snapshots (model/), what is thought of them (analyze/), events. Out: text in two forms, and a server that gives it to whoever asks
 * (metrics/server.h).
 * Values are copies: they borrow nothing from a snapshot. How many there are is bounded, whatever is traced. Pure but for the
 * server. All names are untrusted, and made safe when they are written. */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include "analyze/analyze.h"
#include "metrics/server.h"
#include "model/model.h"
#include "util/strbuf.h"

#define METRICS_PROCESSES  64 /* told one by one, the largest first; the rest is told as one more */
#define METRICS_SITES	   64
#define METRICS_LOSSES	   32
#define METRICS_CURVES	   5 /* of enum model_curve_kind: zend, libc, mmap, rss, rss_swap */
#define METRICS_SITE_BYTES 16
#define METRICS_UNKNOWN	   (-1.0) /* of what is never below 0 */

struct metrics_process {
	int pid;	     /* 0: all those that are not told one by one */
	char comm[16];	     /* untrusted */
	const char *role;    /* static; NULL: not known, or none */
	int worker;	     /* -1: not known */
	char container[16];  /* ""; */
	uint64_t size_bytes; /* what they are ordered by */
	int has_resident;    /* the next one is known; so it is with the others: */
	uint64_t resident_bytes;
	int has_live;
	uint64_t live_bytes[MODEL_LAYERS];
	uint64_t live_blocks[MODEL_LAYERS];
	int has_growth;
	enum analyze_growth_verdict verdict[METRICS_CURVES]; /* of the rest: the worst */
	double bytes_per_s[METRICS_CURVES];
	double leak_bytes_per_s; /* of all its stacks that leak; METRICS_UNKNOWN: stacks are not known */
	int has_php;
	uint64_t php_size_bytes;
	uint64_t php_real_bytes;
	uint64_t php_limit_bytes; /* 0: none */
	int has_requests;	  /* never of the rest: who belongs to it changes, so that the sum is no counter */
	uint64_t n_requests;
	double limit_s[LIMITS]; /* until that limit; METRICS_UNKNOWN; of the rest: the soonest */
};

/* A stack that leaks, in all processes of a name together. */
struct metrics_site {
	char site[METRICS_SITE_BYTES];
	char comm[16]; /* untrusted */
	enum model_layer layer;
	int has_live;
	uint64_t live_bytes;
	double leak_bytes_per_s;
};

/* Signals that are counted as crashes, and the others. */
#define METRICS_SIGNALS 8

/* How a process has ended: by reason, where there is one. */
enum metrics_exit {
	METRICS_EXIT_DONE,   /* status 0 */
	METRICS_EXIT_STATUS, /* another status */
	METRICS_EXIT_SIGNAL, /* killed by a signal */
	METRICS_EXIT_FATAL,  /* enum model_reason, from here on */
	METRICS_EXIT_LIMIT,
	METRICS_EXIT_CORRUPT,
	METRICS_EXIT_OOM,
	METRICS_EXITS
};

enum metrics_failure { METRICS_FAILED_LIMIT, METRICS_FAILED_MEMORY, METRICS_FAILED_CORRUPT, METRICS_FAILURES };

/* What has happened since tracing began. */
struct metrics_counts {
	uint64_t crash[METRICS_SIGNALS];
	uint64_t failure[METRICS_FAILURES]; /* of PHP: it gave up */
	uint64_t exit[METRICS_EXITS];
};

struct metrics {
	const char *version; /* of swtrace; static */
	int has_events;	     /* they are looked for, so that 0 means that there was none; likewise losses */
	struct metrics_counts counts;
	int64_t utc_ns; /* of the snapshot; 0: there was none yet */
	size_t n_alive; /* processes that live */
	struct metrics_process process[METRICS_PROCESSES + 1];
	size_t n_processes;
	struct metrics_site site[METRICS_SITES];
	size_t n_sites;
	struct model_loss loss[METRICS_LOSSES];
	size_t n_losses;
	int has_books;
	int is_estimate; /* live bytes and blocks are */
	uint64_t n_double_frees;
	uint64_t n_invalid_frees;
	uint64_t n_freed_lookups; /* blocks that were looked for among the freed ones, */
	uint64_t n_freed_found;	  /* and found */
	double probed_ratio;	  /* of time, with probes in place; METRICS_UNKNOWN: they are all the time */
	double probes_cpu_ratio; /* of one CPU, what probes take of the traced processes, by estimate; METRICS_UNKNOWN */
	/* swtrace itself: */
	double cpu_s;
	uint64_t resident_bytes;
};

/* metrics_count - an event has happened. One of MODEL_EXIT with its reason. */
void metrics_count(struct metrics_counts *c, const struct model_event *e);

/* metrics_take - the values of a snapshot instead of those of the one before; there are no sites then, and what probes cost is not known.
 * Counts stay.
 * @v  what is thought of it; NULL: nothing      Return: 0 or -ENOMEM: as before. */
int metrics_take(struct metrics *m, const struct model_snapshot *s, const struct analyze_verdicts *v);

/* metrics_take_windows - after that, with --overhead: how long probes were in place, and what its stacks leak by estimate. */
void metrics_take_windows(struct metrics *m, const struct analyze_estimate *e);

/* metrics_take_losses - the losses of a snapshot alone. */
void metrics_take_losses(struct metrics *m, const struct model_snapshot *s);

/* metrics_add_site - a stack that leaks; what is there already is added to. The first METRICS_SITES are kept.
 * @live_bytes  NULL: not known */
void metrics_add_site(struct metrics *m, const char *site, enum model_layer layer, const char *comm,
	const uint64_t *live_bytes, double leak_bytes_per_s);

/* metrics_text - all of it. */
void metrics_text(struct strbuf *b, const struct metrics *m, enum metrics_format format);

#endif
