// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/freed.c - a block that was freed twice, from the event to what is printed. */
#include <stdlib.h>

#include "cli/cli.h"

#define FREED_NAMES_NS 1000000000ULL

/* is_own - is the second free one of an allocator's own? What it allocates for itself it may take without any call that is probed,
 * at an address that was freed before, and give back by one that is: so glibc does with what it keeps for each thread. */
static int is_own(const struct target_process *p, const struct model_event *e, const struct output_stack *stack)
{
	if (e->n_frames && e->block->layer == MODEL_LIBC && target_in_allocator(p, e->frame[0], e->generation))
		return 1;
	for (size_t i = 0; i < stack->n; i++)
		if (stack->frame[i].kind == SYMBOL_FUNCTION && target_is_allocator(stack->frame[i].function))
			return 1;
	return 0;
}

int report_freed(struct reporter *r, const struct model_event *e)
{
	const struct target_process *p = target_find(r->target, e->pid);
	struct output_stack again = { .walk = e->walk }, allocated = { 0 }, freed = { 0 };

	if (!p || !e->block || e->block->kind == MODEL_NEAR_NONE)
		return 0;
	symbol_begin(r->symbol, FREED_NAMES_NS);
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
