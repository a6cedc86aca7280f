// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/crash.c - a crash from the event to what is printed: which blocks its addresses are in, names for all stacks, what it was. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "util/clock.h"

/* A crash is told within 200 ms of the signal, if need be with fewer names: so long may all that comes before them, such as to read the files
 * that its process has just mapped, and they together take. Each has the least if the rest took longer, or many crash at once. */
#define NAMED_NS       130000000ULL
#define LEAST_NAMES_NS 20000000ULL

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
		list[i].file = s->frame[i].file;
		list[i].line = s->frame[i].line;
		list[i].is_php = s->frame[i].kind == SYMBOL_PHP;
		list[i].id = list[i].is_php ? (uintptr_t)s->frame[i].function * 31 + s->frame[i].line + MODEL_FRAME_PHP
					    : s->frame[i].addr * 16;
		if (i && s->frame[i - 1].is_inlined && s->frame[i - 1].addr == s->frame[i].addr)
			list[i].id = list[i - 1].id + 1;
	}
	return list;
}

/* add_memory - what lives in it now, and what it was at the last look. */
static void add_memory(struct reporter *r, const struct model_event *e, struct output_crash *out)
{
	out->has_live = !r->windows && !r->settings->crashes && !collect_live(r->collect, e->pid, out->live_bytes);
	for (size_t i = 0; i < r->n_looked_at && !out->process; i++)
		if (r->looked_at[i].pid == e->pid)
			out->process = &r->looked_at[i];
	if (!out->process)
		return;
	out->standing = analyze_standing_of(&r->verdicts, out->process);
	out->process_age_ns = e->time_ns > r->looked_ns ? e->time_ns - r->looked_ns : 0;
}

/* is_nowhere - a native frame of which no module is known. */
static int is_nowhere(const struct symbol_frame *f)
{
	return f->kind != SYMBOL_PHP && (!f->module || !*f->module);
}

/* name_by_mapping - of a process that ended before its mappings were read: the first frame, in the file that the kernel side saw
 * mapped there. Its offset counts from the file's begin. Callers, if any, stay. */
static void name_by_mapping(const struct model_event *e, struct output_stack *out)
{
	struct symbol_frame *frame = out->n ? (struct symbol_frame *)out->frame : calloc(1, sizeof(*frame));

	if (!frame)
		return;
	if (!out->n)
		free((void *)out->frame);
	frame->kind = SYMBOL_NOTHING;
	frame->addr = e->ip;
	frame->module = "";
	frame->build_id = "";
	for (size_t i = 0; i < e->crash->n_mappings; i++) {
		const struct model_mapping *m = &e->crash->mapping[i];

		if (e->ip < m->start || e->ip >= m->end)
			continue;
		frame->kind = m->is_file ? SYMBOL_MODULE : SYMBOL_REGION;
		frame->module = m->name;
		frame->module_offset = e->ip - m->start + m->offset;
	}
	out->frame = frame;
	out->n = out->n ? out->n : 1;
}

uint64_t report_signal_until(const struct model_event *e)
{
	uint64_t least = clock_ns(CLOCK_MONOTONIC) + LEAST_NAMES_NS, until = e->time_ns + NAMED_NS;

	return until > least ? until : least;
}

void report_name_signal(
	struct reporter *r, const struct target_process *p, const struct model_event *e, struct output_stack *out)
{
	symbol_begin(r->symbol, report_signal_until(e) - clock_ns(CLOCK_MONOTONIC), UINT64_MAX);
	if (p && report_name(r, p, e->frame, e->n_frames, 0, 1, out))
		out->n = 0;
}

int report_crash(struct reporter *r, const struct target_process *p, const struct model_event *e)
{
	struct crash *c = calloc(1, sizeof(*c));
	struct output_stack stack = { .walk = e->walk };
	struct crash_frame *frame = NULL;
	struct output_crash out = { .event = e, .stack = &stack };
	uint64_t addr[CRASH_ADDRESSES];

	r->err = -ENOMEM;
	if (!c)
		return r->err;
	/* Blocks and memory first: to look through whole tables takes as long as it takes, for the first time up to 70 ms each. */
	crash_addresses(e, addr);
	collect_near(r->collect, e->pid, e->time_ns, addr, c->near, CRASH_ADDRESSES);
	add_memory(r, e, &out);
	report_name_signal(r, p, e, &stack);
	if (!stack.n || is_nowhere(&stack.frame[0]))
		name_by_mapping(e, &stack);
	frame = frame_list(&stack);
	if (!frame)
		goto out;
	for (int i = 0; i < CRASH_ADDRESSES; i++) {
		report_name_block(r, p, &c->near[i].allocated, &c->allocated[i]);
		report_name_block(r, p, &c->near[i].freed, &c->freed[i]);
	}
	crash_explain(e, c->near, frame, stack.n, &c->report);
	out.report = &c->report;
	out.near = c->near;
	out.allocated = c->allocated;
	out.freed = c->freed;
	if (r->save)
		report_saved(r, output_json_crash(r->save, &out));
	r->err = r->settings->json ? output_json_crash(r->out, &out) : output_text_crash(r->out, &out);
out:
	for (int i = 0; i < CRASH_ADDRESSES; i++) {
		free((void *)c->allocated[i].frame);
		free((void *)c->freed[i].frame);
	}
	free(c);
	free(frame);
	free((void *)stack.frame);
	return r->err;
}
