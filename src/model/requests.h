/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model/requests.h - how the memory of each process has grown with the requests that it has served, kept in bounded room.
 *
 * Filled from snapshots by whoever makes them, read by analyze/. Pure: neither clock nor I/O. Thread: one.
 * Memory by requests is no line: what is warmed up is warmed up by the first thousand. So the requests are divided into sections
 * that end at milestones, each ten times the one before, and each section has as many points. */
#ifndef MODEL_REQUESTS_H
#define MODEL_REQUESTS_H

#include "model/model.h"

struct model_history;

#define MODEL_REQUEST_SECTIONS	      4	 /* up to 1,000, 10,000, 100,000 requests, and all others */
#define MODEL_REQUEST_POINTS	      16 /* of each */
#define MODEL_REQUEST_FIRST_MILESTONE 1000

/* Numbered as enum model_curve_kind: the layers, and resident memory. */
#define MODEL_REQUEST_RSS    MODEL_LAYERS
#define MODEL_REQUEST_CURVES (MODEL_REQUEST_RSS + 1)

struct model_request_point {
	uint64_t time_ns;
	uint64_t n_requests;
	/* As in the curves of the process (model/history.h); of neighbours put together the least, at the place of the first: what is
	 * retained shows in the lows. */
	int64_t bytes[MODEL_REQUEST_CURVES];
};

struct model_request_section {
	struct model_request_point point[MODEL_REQUEST_POINTS]; /* ascending n_requests, no two alike */
	size_t n;
	size_t per_point; /* snapshots that each stands for; */
	size_t in_last;	  /* the last one, so far */
};

struct model_request_history {
	int pid;
	uint32_t life;
	enum model_requests by;
	unsigned curves;		/* 1 << enum model_curve_kind: of these bytes are known */
	uint64_t n_last;		/* as of the last snapshot, */
	uint64_t n_before;		/* and of the one before */
	struct model_request_point now; /* of the last one in which the process lived */
	struct model_request_section section[MODEL_REQUEST_SECTIONS]; /* [0].point[0]: when counting began */
};

struct model_request_histories {
	struct model_request_history **process; /* in the last snapshot's order; NULL: its requests are not counted */
	size_t n_processes;
	uint64_t last_ns; /* time of the last snapshot; 0: there was none */
};

/* model_milestone - the number of requests at which section i ends; UINT64_MAX: the last one does not. */
uint64_t model_milestone(size_t section);

/* model_request_histories_add - keep what a snapshot tells. What is known of processes that are not in it is dropped; a process that
 * has executed a program, or whose requests are counted by something else now, begins anew.
 * @k  of all snapshots before; NULL: the live bytes of libc and mmap are not known, since tracing is in windows
 * Return: 0, or -ENOMEM: some of it is missing. */
int model_request_histories_add(
	struct model_request_histories *h, const struct model_snapshot *s, const struct model_history *k);

/* model_request_histories_clear - free all that it owns. */
void model_request_histories_clear(struct model_request_histories *h);

#endif
