/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model/end.h - how a process ends, and what ends it: parts of model.h. */
#ifndef MODEL_END_H
#define MODEL_END_H

#include <stdint.h>

/* Why a process has ended, beyond its status. */
enum model_reason {
	MODEL_REASON_NONE,    /* nothing is known */
	MODEL_REASON_FATAL,   /* PHP, with the status that it gives after a fatal error */
	MODEL_REASON_LIMIT,   /* PHP, after its memory_limit was exhausted */
	MODEL_REASON_CORRUPT, /* PHP, after it found its heap corrupted */
	MODEL_REASON_OOM,     /* the kernel has killed it since memory had run out: its cgroup's, or the machine's */
};

#define MODEL_END_LAYERS 3 /* MODEL_LAYERS */

struct model_end {
	/* EXIT: */
	enum model_reason reason;
	uint64_t peak_rss_bytes; /* resident memory, at most; 0 = not known */
	int sender_pid;		 /* who sent the signal that has killed it; 0 = the kernel, or not known */
	char sender_comm[16];	 /* untrusted; "" = not known */
	/* LIMIT, MEMORY: */
	uint64_t limit_bytes; /* the limit; MEMORY: what the heap had by then */
	uint64_t asked_bytes; /* what was asked for */
	/* LIMIT, MEMORY, CORRUPT: */
	int first_is_ip; /* the stack's first address is no return address */
	/* for collect_top() */
	uint32_t life;
	uint32_t epoch[MODEL_END_LAYERS];
};

#endif
