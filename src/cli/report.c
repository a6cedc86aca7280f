// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/report.c - one report from end to end: snapshot, ranking, names, output. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "util/msg.h"

/* The names of a report's rows: one array of frames, cut into stacks. */
struct named {
	struct symbol_frame *frames;
	struct output_stack *stacks;
};

static void named_free(struct named *n)
{
	free(n->frames);
	free(n->stacks);
}

/* name_stack - names for the addresses of a stack.  @first_is_ip  addr[0] is no return address */
static void name_stack(struct reporter *r, const struct target_process *p, const uint64_t *addr, size_t n,
	int first_is_ip, struct symbol_frame *out)
{
	static const struct model_php_frame nameless = { .function = "(no name recorded)", .file = "" };
	struct model_php_frame php;

	for (size_t i = 0; i < n; i++) {
		if (!(addr[i] & MODEL_FRAME_PHP))
			symbol_resolve(r->symbol, p, addr[i], i || !first_is_ip, &out[i]);
		else if (!collect_php_frame(r->collect, addr[i], &php))
			symbol_php(r->symbol, &php, &out[i]);
		else
			symbol_php(r->symbol, &nameless, &out[i]);
	}
}

static int name_rows(struct reporter *r, const struct analyze_report *report, struct named *n)
{
	size_t n_frames = 0, at = 0;

	for (size_t i = 0; i < report->n_rows; i++)
		n_frames += report->row[i].stack->n_frames;
	n->frames = calloc(n_frames ? n_frames : 1, sizeof(*n->frames));
	n->stacks = calloc(report->n_rows ? report->n_rows : 1, sizeof(*n->stacks));
	if (!n->frames || !n->stacks)
		return -ENOMEM;
	for (size_t i = 0; i < report->n_rows; i++) {
		const struct model_stack *s = report->row[i].stack;
		struct target_process *p = target_find(r->target, s->pid);

		n->stacks[i].frame = n->frames + at;
		n->stacks[i].walk = s->walk;
		if (p) {
			name_stack(r, p, s->frame, s->n_frames, 0, n->frames + at);
			n->stacks[i].n = s->n_frames;
		}
		at += s->n_frames;
	}
	return 0;
}

static int write_folded(struct reporter *r, const struct model_snapshot *now)
{
	struct analyze_opts opts = { .top = 0, .layer_mask = r->settings->layer_mask };
	struct analyze_report *report = NULL;
	struct named named = { 0 };
	int err;

	err = analyze_report_make(now, r->before, &opts, &report);
	if (!err)
		err = name_rows(r, report, &named);
	if (!err)
		err = output_folded_write(r->settings->folded, report, named.stacks);
	if (err && !r->folded_failed) {
		msg_error("%s: cannot write folded stacks: %s", r->settings->folded, strerror(-err));
		msg_try("free some space, or choose another file; tracing goes on");
	}
	r->folded_failed = err != 0;
	named_free(&named);
	analyze_report_free(report);
	return err;
}

/* refresh - names are looked up in the mappings as they are now; those of a process that is gone stay as they were. */
static void refresh(struct reporter *r)
{
	struct target_process *p;

	for (size_t i = 0; (p = target_at(r->target, i)); i++)
		if (p->alive)
			target_refresh(r->target, p);
}

int report_make(struct reporter *r, int is_final)
{
	struct analyze_opts opts = { .top = r->settings->top, .layer_mask = r->settings->layer_mask };
	struct analyze_report *report = NULL;
	struct model_snapshot *now = NULL;
	struct named named = { 0 };
	int err;

	refresh(r);
	err = collect_snapshot(r->collect, &r->settings->filter, r->target, &now);
	if (err)
		goto out;
	err = analyze_report_make(now, r->before, &opts, &report);
	if (err)
		goto out;
	report->number = ++r->n_reports;
	report->is_final = is_final;
	err = name_rows(r, report, &named);
	if (err)
		goto out;
	err = r->settings->json ? output_json_report(stdout, report, named.stacks)
				: output_text_report(stdout, report, named.stacks);
	if (r->settings->folded)
		write_folded(r, now);
out:
	named_free(&named);
	analyze_report_free(report);
	if (now) {
		model_snapshot_free(r->before);
		r->before = now;
	}
	r->err = err;
	return err;
}

int report_event(struct reporter *r, const struct model_event *e)
{
	struct target_process *p = target_find(r->target, e->pid);
	struct symbol_frame frames[MODEL_MAX_FRAMES];
	struct output_stack stack = { .frame = frames, .walk = e->walk };

	if (e->type == MODEL_SIGNAL && p) {
		/* The process is dying but still has its mappings; if it is faster, the last known ones serve. */
		target_refresh(r->target, p);
		name_stack(r, p, e->frame, e->n_frames, 1, frames);
		stack.n = e->n_frames;
	}
	r->err = r->settings->json ? output_json_event(stdout, e, &stack) : output_text_event(stdout, e, &stack);
	return r->err;
}
