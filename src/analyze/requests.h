/* SPDX-License-Identifier: GPL-2.0-or-later */
/* analyze/requests.h - what a request costs: the growth of a process by the requests that it has served.
 *
 * Pure. In: model/requests.h. Out: the growth by each milestone that has been passed, and so far; the curve. */
#ifndef ANALYZE_REQUESTS_H
#define ANALYZE_REQUESTS_H

#include "model/model.h"

/* One section: from one milestone to the next, or so far. */
struct analyze_request_growth {
	uint64_t milestone; /* 1,000, 10,000, 100,000; 0: none is reached, so far */
	uint64_t from;	    /* requests: those that were counted when the section began and ended: */
	uint64_t to;	    /* at the first snapshot that had reached the milestone */
	uint64_t to_ns;
	int64_t gained_bytes[MODEL_REQUEST_CURVES]; /* since counting began */
	/* In this section: of six points or more the median slope (analyze/trend.h), of fewer the difference of first and last. */
	double per_request[MODEL_REQUEST_CURVES];
	int has_bounds;			  /* of six points or more: */
	double low[MODEL_REQUEST_CURVES]; /* as in analyze/trend.h */
	double high[MODEL_REQUEST_CURVES];
};

#define ANALYZE_SPARK_COLUMNS 32
#define ANALYZE_SPARK_LEVELS  8

/* The curve of a layer, to be drawn in a line: by requests, which are evenly spaced. */
struct analyze_spark {
	uint8_t level[ANALYZE_SPARK_COLUMNS]; /* 0: at low_bytes; ANALYZE_SPARK_LEVELS - 1: at high_bytes */
	int64_t low_bytes;
	int64_t high_bytes;
};

struct analyze_requests {
	const struct model_request_history *history; /* borrowed; NULL: requests are not counted, and the rest is 0 */
	uint64_t n_requests;			     /* so far */
	double per_s;				     /* since counting began */
	int has_news;				     /* a milestone was passed since the snapshot before */
	struct analyze_request_growth growth[MODEL_REQUEST_SECTIONS];
	size_t n_growth;
	struct analyze_spark spark[MODEL_REQUEST_CURVES]; /* of layers that are known, if there are two points */
	int has_spark;
};

/* analyze_requests_make - of one process.  @h  NULL: nothing is known of it */
void analyze_requests_make(const struct model_request_history *h, struct analyze_requests *out);

/* analyze_requests_list - of all processes of the last snapshot that was added, in its order.
 * Return: to be freed by the caller; NULL: no memory. */
struct analyze_requests *analyze_requests_list(const struct model_request_histories *h);

#endif
