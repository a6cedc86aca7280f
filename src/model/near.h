/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model/near.h - what the allocators' books know of an address: the block that it is in, or was in, or has just missed; and the
 * last calls of a thread to its allocators.
 *
 * Filled by collect/, read by crash/ and output/. Part of the model's public header. */
#include "model/model.h" /* outside of the guard: model.h ends with this header, and then with one that needs it */

#ifndef MODEL_NEAR_H
#define MODEL_NEAR_H

enum model_near_kind { MODEL_NEAR_NONE, MODEL_NEAR_LIVE, MODEL_NEAR_FREED };

/* An address up to so many bytes behind the end of a block is told as just past it: a loop that goes on, or a member of a
 * struct behind the last of an array. More would be the next block's, or chance: the blocks of a heap stand close together.
 * A shorter way before a block is told, too: what writes before it (index -1) is rarer. */
#define MODEL_NEAR_PAST	  64
#define MODEL_NEAR_BEFORE 16

/* A stack that had to do with a block. Addresses are named in the mappings of that generation (0 = the last one). */
struct model_near_stack {
	int is_known;
	enum model_walk walk;
	uint32_t life; /* of the process: counts the programs that it has executed */
	uint32_t generation;
	size_t n_frames;
	uint64_t frame[MODEL_MAX_FRAMES]; /* as in model_stack */
};

/* The block at or near an address. One that contains the address comes before one that it has missed; of those, a live one
 * before one that was freed, and the one freed last before others. */
struct model_near {
	enum model_near_kind kind; /* NONE: all else is 0 */
	enum model_layer layer;
	uint64_t addr; /* first byte */
	uint64_t size_bytes;
	int64_t offset; /* of the address asked for, from the first byte: negative: before it; >= size_bytes: behind its end */
	uint64_t age_ns;   /* from its birth to the event; births are known to about 64 ms */
	uint64_t freed_ns; /* from its free to the event; 0 of a live one */
	int is_estimate;   /* the books are a sample: others may have been nearer */
	struct model_near_stack allocated;
	struct model_near_stack freed; /* not known unless the stacks of frees are taken (--free-stacks) */
	int freed_tid;		       /* the thread that freed it; 0 of a live one */
};

/* model_near_contains - is the address asked for in the block (not before it, nor past its end)? A block of no bytes has none. */
static inline int model_near_contains(const struct model_near *n)
{
	return n->kind != MODEL_NEAR_NONE && n->offset >= 0 && (uint64_t)n->offset < n->size_bytes;
}

/* What was freed that is no block, as it was when it was freed. */
struct model_stray {
	uint64_t addr;
	enum model_layer layer;
	int is_new;    /* it was not freed before either, since tracing began: it was never allocated */
	uint64_t tick; /* the kernel side's own words: for collect_stray() alone */
	uint32_t life;
	uint32_t epoch;
	uint32_t began;
	uint32_t slot;
};

enum model_call_op { MODEL_CALL_ALLOC, MODEL_CALL_REALLOC, MODEL_CALL_FREE };

#define MODEL_MAX_CALLS 17 /* 16, and one that has not returned */

/* A call of an allocator function. */
struct model_call {
	uint64_t before_ns; /* how long before the event */
	enum model_call_op op;
	enum model_layer layer;
	uint64_t addr;	     /* the block that it returned, or freed; 0 = it failed */
	uint64_t size_bytes; /* asked for, or of the block that was freed; 0 = not known */
	int is_pending; /* it had not returned when the event came: addr is that of the block that it was to replace, or 0 */
	int is_unknown; /* no such block lived, as far as is known */
};

#endif
