// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/crash.c - a crash from the event to what is printed: which blocks its addresses are in, names for all stacks, what it was. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* All that is asked for one crash. */
struct crash {
	struct model_near near[CRASH_ADDRESSES];
	struct output_stack allocated[CRASH_ADDRESSES];
	struct output_stack freed[CRASH_ADDRESSES];
	struct crash_report report;
};

/* frame_list - the named stack as crash/ wants it. A PHP frame is known by what it stands for; an inlined function by its name
 * beside the address.  Return: malloc'ed, or NULL. */
static struct crash_frame *frame_list(const struct output_stack *s)
{
	struct crash_frame *list = calloc(s->n ? s->n : 1, sizeof(*list));

	for (size_t i = 0; list && i < s->n; i++) {
		list[i].function = s->frame[i].function;
		list[i].is_php = s->frame[i].kind == SYMBOL_PHP;
		list[i].id = list[i].is_php ? (uintptr_t)s->frame[i].function * 31 + s->frame[i].line + MODEL_FRAME_PHP
					    : s->frame[i].addr * 16;
		if (i && s->frame[i - 1].is_inlined && s->frame[i - 1].addr == s->frame[i].addr)
			list[i].id = list[i - 1].id + 1;
	}
	return list;
}

/* add_memory - what the last report said of the process. */
static void add_memory(struct reporter *r, const struct model_event *e, struct output_crash *out)
{
	if (!r->before)
		return;
	out->process = model_find_process(r->before, e->pid);
	if (!out->process)
		return;
	out->standing = analyze_standing_of(&r->verdicts, out->process);
	out->process_age_ns = e->time_ns > r->before->time_ns ? e->time_ns - r->before->time_ns : 0;
}

int report_crash(struct reporter *r, const struct target_process *p, const struct model_event *e,
	const struct output_stack *stack)
{
	struct crash *c = calloc(1, sizeof(*c));
	struct crash_frame *frame = frame_list(stack);
	struct output_crash out = { .event = e, .stack = stack };
	uint64_t addr[CRASH_ADDRESSES];
	int err = -ENOMEM;

	if (!c || !frame)
		goto out;
	crash_addresses(e, addr);
	collect_near(r->collect, e->pid, e->time_ns, addr, c->near, CRASH_ADDRESSES);
	for (int i = 0; i < CRASH_ADDRESSES; i++) {
		report_name_block(r, p, &c->near[i].allocated, &c->allocated[i]);
		report_name_block(r, p, &c->near[i].freed, &c->freed[i]);
	}
	crash_explain(e, c->near, frame, stack->n, &c->report);
	out.report = &c->report;
	out.near = c->near;
	out.allocated = c->allocated;
	out.freed = c->freed;
	add_memory(r, e, &out);
	if (r->save)
		report_saved(r, output_json_crash(r->save, &out));
	err = r->settings->json ? output_json_crash(stdout, &out) : output_text_crash(stdout, &out);
out:
	for (int i = 0; c && i < CRASH_ADDRESSES; i++) {
		free((void *)c->allocated[i].frame);
		free((void *)c->freed[i].frame);
	}
	free(c);
	free(frame);
	return err;
}
