/* SPDX-License-Identifier: GPL-2.0-or-later */
/* collect/internal.h - what the files of this room share. */
#ifndef COLLECT_INTERNAL_H
#define COLLECT_INTERNAL_H

#include "collect/collect.h"

struct ring_buffer;

struct collect {
	struct attach_tables tables;
	const struct model_windows *windows; /* NULL: probes are in place all the time */
	struct ring_buffer *ring;
	void (*on_event)(void *ctx, const struct model_event *e);
	void *ctx;
	char *queue; /* records taken from the ring: size (8 bytes), then the record, padded to 8 */
	size_t queue_at;
	size_t queue_bytes;
	size_t queue_cap;
};

/* collect_utc_ns - a CLOCK_MONOTONIC time as UTC, by the present difference of the two clocks. */
int64_t collect_utc_ns(uint64_t time_ns);

#endif
