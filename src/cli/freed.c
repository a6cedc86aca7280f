// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/freed.c - a block that was freed twice, from the event to what is printed. */
#include <stdlib.h>

#include "cli/cli.h"

#define FREED_NAMES_NS 1000000000ULL

/* is_inside - is malloc's free called from the file that malloc is in? */
static int is_inside(const struct target_process *p, const struct model_event *e, enum model_layer layer)
{
	return e->n_frames && layer == MODEL_LIBC && target_in_allocator(p, e->frame[0], e->generation);
}

/* has_allocator - is a function of an allocator's in the stack? */
static int has_allocator(const struct output_stack *stack)
{
	for (size_t i = 0; i < stack->n; i++)
		if (stack->frame[i].kind == SYMBOL_FUNCTION && target_is_allocator(stack->frame[i].function))
			return 1;
	return 0;
}

/* is_own - is the second free one of an allocator's own? What it allocates for itself it may take without any call that is probed,
 * at an address that was freed before, and give back by one that is: so glibc does with what it keeps for each thread. */
static int is_own(const struct target_process *p, const struct model_event *e, const struct output_stack *stack)
{
	if (is_inside(p, e, e->block->layer))
		return 1;
	return has_allocator(stack);
}

int report_freed(struct reporter *r, const struct model_event *e)
{
	const struct target_process *p = target_find(r->target, e->pid);
	struct output_stack again = { .walk = e->walk }, allocated = { 0 }, freed = { 0 };

	if (!p || !e->block || e->block->kind == MODEL_NEAR_NONE)
		return 0;
	symbol_begin(r->symbol, FREED_NAMES_NS, REPORT_YIELD_NS);
	if (report_name(r, p, e->frame, e->n_frames, e->generation, 0, &again) || is_own(p, e, &again))
		goto out;
	collect_count_twice(r->collect, e);
	report_name_block(r, p, &e->block->allocated, &allocated);
	report_name_block(r, p, &e->block->freed, &freed);
	if (r->save)
		report_saved(r, output_json_freed(r->save, e, &again, &allocated, &freed));
	r->err = r->settings->json ? output_json_freed(r->out, e, &again, &allocated, &freed)
				   : output_text_freed(r->out, e, &again, &allocated, &freed);
out:
	free((void *)again.frame);
	free((void *)allocated.frame);
	free((void *)freed.frame);
	return r->err;
}

/* is_one_malloc - what one malloc hands on to another, with a head before it, was not allocated by a call that counts. */
static int is_one_malloc(const struct target_process *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_allocators; i++)
		n += p->allocator[i].use != TARGET_UNUSED;
	return n == 1;
}

int report_stray(struct reporter *r, const struct model_event *e)
{
	const struct target_process *p = target_find(r->target, e->pid);
	struct output_stack stack = { .walk = e->walk }, allocated = { 0 };
	struct model_event told = *e;
	struct model_near *block = calloc(1, sizeof(*block));

	if (!p || !block || is_inside(p, e, e->stray->layer) || !collect_stray(r->collect, e, block) ||
		(block->kind == MODEL_NEAR_NONE && (!e->n_frames || !is_one_malloc(p))))
		goto out;
	told.block = block;
	symbol_begin(r->symbol, FREED_NAMES_NS, REPORT_YIELD_NS);
	if (report_name(r, p, e->frame, e->n_frames, e->generation, 0, &stack) || has_allocator(&stack) ||
		!collect_count_stray(r->collect, e))
		goto out;
	report_name_block(r, p, &block->allocated, &allocated);
	if (r->save)
		report_saved(r, output_json_stray(r->save, &told, &stack, &allocated));
	r->err = r->settings->json ? output_json_stray(r->out, &told, &stack, &allocated)
				   : output_text_stray(r->out, &told, &stack, &allocated);
out:
	free((void *)stack.frame);
	free((void *)allocated.frame);
	free(block);
	return r->err;
}
