// SPDX-License-Identifier: GPL-2.0-or-later
/* crash/freed.c - what was wrong with the block whose free has ended the process: an allocator that finds its heap damaged aborts in
 * the middle of the call. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "crash/internal.h"

#define LONG_AGO_NS 1000000000ULL /* an abort takes less; the time of calls is known to some milliseconds */

/* What glibc says when it is free() that aborts: malloc/malloc.c, calls of malloc_printerr(). */
static int is_of_free(const char *message)
{
	static const char *const begins[] = { "free(): ", "double free or corruption", "munmap_chunk(): " };

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (!strncmp(message, begins[i], strlen(begins[i])))
			return 1;
	return 0;
}

/* The last call, if it is the free in which the thread has aborted; else NULL. For what it says glibc maps memory then. */
static const struct model_call *last_free(const struct model_event *e)
{
	const struct model_call *last = NULL;

	if (!e->crash || e->signal != SIGABRT || !is_of_free(e->crash->abort_message))
		return NULL;
	for (size_t i = 0; i < e->crash->n_calls && !last; i++)
		if (e->crash->call[i].layer != MODEL_MMAP)
			last = &e->crash->call[i];
	return last && last->op == MODEL_CALL_FREE && !last->is_pending && last->before_ns < LONG_AGO_NS ? last : NULL;
}

uint64_t freed_address(const struct model_event *e)
{
	const struct model_call *last = last_free(e);

	return last ? last->addr : 0;
}

int explain_freed(const struct model_event *e, const struct model_near *near, char *buf, size_t len)
{
	const struct model_call *last = last_free(e);
	char block[CRASH_TEXT_BYTES];

	if (!last)
		return 0;
	if (!last->is_unknown) {
		snprintf(buf, len,
			"a live block was freed, 0x%" PRIx64 " of %" PRIu64
			" bytes: what the allocator keeps beside the blocks was overwritten",
			last->addr, last->size_bytes);
		return 1;
	}
	if (!near || near->kind == MODEL_NEAR_NONE) {
		snprintf(buf, len, "0x%" PRIx64 " was freed, which is no block that was allocated since tracing began",
			last->addr);
		return 1;
	}
	if (near->kind == MODEL_NEAR_FREED && !near->offset) {
		explain_block(near, block, sizeof(block));
		snprintf(buf, len, "double free: 0x%" PRIx64 " is %s", last->addr, block);
		return 1;
	}
	explain_block(near, block, sizeof(block));
	snprintf(buf, len, "0x%" PRIx64 " was freed, which is no block: it is %s", last->addr, block);
	return 1;
}
