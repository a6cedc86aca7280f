// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/ends.c - what ends a process, told with what lived in it then. A script may reach its memory_limit at each request: the first
 * time in a process is told in full, later ones are counted and told at the next report. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/cli.h"

#define MAX_NOTES      1024 /* beyond, each is told in full */
#define TOP_STACKS     5
#define NAMES_NS       1000000000ULL
#define PHP_FATAL_CODE 255 /* EG(exit_status) after a fatal error: main/main.c, php_error_cb */

struct end_note {
	struct model_event last;
	uint64_t n_again;
};

static struct end_note *note_find(const struct ends *l, int pid)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->note[i].last.pid == pid)
			return &l->note[i];
	return NULL;
}

int report_has_told(const struct reporter *r, int pid)
{
	return note_find(&r->ends, pid) != NULL;
}

static void note_drop(struct ends *l, struct end_note *note)
{
	if (note)
		*note = l->note[--l->n];
}

static void note_add(struct ends *l, const struct model_event *e)
{
	struct end_note *grown = l->n < MAX_NOTES ? realloc(l->note, (l->n + 1) * sizeof(*grown)) : NULL;

	if (!grown)
		return;
	l->note = grown;
	grown[l->n] = (struct end_note){ .last = *e };
	grown[l->n++].last.identity = NULL; /* it may be gone by then */
}

static int tell(struct reporter *r, const struct output_end *x)
{
	r->err = report_write_end(r, x);
	return r->err;
}

static int tell_again(struct reporter *r, struct end_note *note)
{
	struct output_end x = { .event = &note->last, .n_again = note->n_again };

	note->n_again = 0;
	return x.n_again && !r->err ? tell(r, &x) : r->err;
}

int report_ends_again(struct reporter *r)
{
	for (size_t i = 0; i < r->ends.n; i++)
		tell_again(r, &r->ends.note[i]);
	return r->err;
}

/* layers_of - in which layers is the memory that has run out? */
static unsigned layers_of(const struct model_event *e)
{
	switch (e->type) {
	case MODEL_LIMIT:
		return 1U << MODEL_ZEND;
	case MODEL_CORRUPT: /* none has */
		return 0;
	default:
		return (1U << MODEL_LAYERS) - 1;
	}
}

/* tell_whole - with the stack, and the live ones that hold most. */
static int tell_whole(struct reporter *r, struct target_process *p, const struct model_event *e)
{
	struct output_stack named[TOP_STACKS] = { 0 };
	struct model_top top = { 0 };
	unsigned mask;
	struct output_end x = { .event = e, .stack.walk = e->walk, .top_stacks = named };

	/* First of all: the process goes on, and what it frees is gone from there. */
	mask = layers_of(e) & r->settings->layer_mask;
	if (!r->windows && p && mask && !collect_top(r->collect, e, mask, TOP_STACKS, &top))
		x.top = &top;
	symbol_begin(r->symbol, NAMES_NS, REPORT_YIELD_NS);
	if (p && e->n_frames && report_name(r, p, e->frame, e->n_frames, 0, e->end.first_is_ip, &x.stack))
		x.stack.n = 0;
	for (size_t i = 0; i < top.n; i++) {
		const struct model_stack *s = &top.stack[i];

		named[i].walk = s->walk;
		report_name(r, p, s->frame, s->n_frames, s->generation, 0, &named[i]);
	}
	tell(r, &x);
	free((void *)x.stack.frame);
	for (size_t i = 0; i < top.n; i++)
		free((void *)named[i].frame);
	model_top_free(&top);
	return r->err;
}

/* reason_of - why has it ended, if the kernel does not say? */
static enum model_reason reason_of(
	const struct end_note *note, const struct target_process *p, const struct model_event *e)
{
	int is_error = WIFSIGNALED(e->wait_status) || WEXITSTATUS(e->wait_status);

	if (e->end.reason || !is_error)
		return e->end.reason;
	if (note && note->last.type == MODEL_CORRUPT)
		return MODEL_REASON_CORRUPT;
	if (WIFSIGNALED(e->wait_status) || WEXITSTATUS(e->wait_status) != PHP_FATAL_CODE || !p || !target_php_engine(p))
		return MODEL_REASON_NONE;
	return note && note->last.type == MODEL_LIMIT ? MODEL_REASON_LIMIT : MODEL_REASON_FATAL;
}

static int tell_exit(struct reporter *r, struct target_process *p, const struct model_event *e)
{
	struct end_note *note = note_find(&r->ends, e->pid);
	struct output_stack none = { 0 };
	struct model_event with_reason = *e;

	if (note)
		tell_again(r, note);
	with_reason.end.reason = reason_of(note, p, e);
	note_drop(&r->ends, note);
	listen_event(&r->listener, &with_reason);
	r->err = report_write_event(r, &with_reason, &none);
	return !r->err && with_reason.end.reason == MODEL_REASON_OOM ? tell_whole(r, p, &with_reason) : r->err;
}

int report_end(struct reporter *r, struct target_process *p, const struct model_event *e)
{
	struct end_note *note;

	if (e->type == MODEL_EXIT)
		return tell_exit(r, p, e);
	note = note_find(&r->ends, e->pid);
	if (note && note->last.type == e->type && note->last.end.life == e->end.life) {
		note->n_again++;
		return 0;
	}
	if (note)
		tell_again(r, note);
	note_drop(&r->ends, note);
	note_add(&r->ends, e);
	return tell_whole(r, p, e);
}
