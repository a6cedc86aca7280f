// SPDX-License-Identifier: GPL-2.0-or-later
/* profile/profile.c - filling a profile. */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "profile/profile.h"

void profile_begin(struct profile *p)
{
	memset(p, 0, sizeof(*p));
	p->version = p->host = "";
}

/* Frames are looked up by content: a node holds its own copy, since the list of frames moves. */
struct known_frame {
	struct profile_frame frame;
	uint32_t at;
};

/* Strings are kept once, so that equal ones have equal addresses. */
static int by_address(const char *a, const char *b)
{
	return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

static int by_number(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_content(const void *a, const void *b)
{
	const struct profile_frame *x = &((const struct known_frame *)a)->frame;
	const struct profile_frame *y = &((const struct known_frame *)b)->frame;
	int order = by_number(x->offset, y->offset);

	order = order ? order : by_address(x->function, y->function);
	order = order ? order : by_number(x->line, y->line);
	order = order ? order : by_address(x->file, y->file);
	order = order ? order : by_address(x->module, y->module);
	order = order ? order : by_address(x->build_id, y->build_id);
	order = order ? order : by_number(x->kind, y->kind);
	order = order ? order : by_number(x->is_approximate, y->is_approximate);
	return order ? order : by_number(x->is_inlined, y->is_inlined);
}

void profile_free(struct profile *p)
{
	for (size_t i = 0; i < p->n_stacks; i++)
		free((void *)p->stack[i].frame);
	for (size_t i = 0; i < p->n_processes; i++) {
		for (size_t k = 0; k < p->process[i].n_curves; k++)
			free(p->process[i].curve[k].point);
		free(p->process[i].curve);
	}
	if (p->frames_by_content)
		tdestroy(p->frames_by_content, free);
	free(p->process);
	free(p->frame);
	free(p->stack);
	free(p->loss);
	free(p->event);
	intern_free(&p->strings);
	profile_begin(p);
}

const char *profile_string(struct profile *p, const char *s)
{
	const char *kept = s && *s ? intern_get(&p->strings, s) : "";

	if (kept)
		return kept;
	p->failed = 1;
	return "";
}

/* room - for one more element.  Return: 0, or -1: p->failed is set. */
static int room(struct profile *p, void **list, size_t n, size_t *cap, size_t size_bytes)
{
	size_t grown = *cap ? 2 * *cap : 16;
	void *moved;

	if (p->failed)
		return -1;
	if (n < *cap)
		return 0;
	moved = reallocarray(*list, grown, size_bytes);
	if (!moved) {
		p->failed = 1;
		return -1;
	}
	*list = moved;
	*cap = grown;
	return 0;
}

uint32_t profile_add_frame(struct profile *p, const struct profile_frame *f)
{
	struct known_frame *one = calloc(1, sizeof(*one)), **known = NULL;
	uint32_t at = 0;

	if (!one) {
		p->failed = 1;
		return 0;
	}
	one->frame = (struct profile_frame){
		.kind = f->kind,
		.function = profile_string(p, f->function),
		.file = profile_string(p, f->file),
		.module = profile_string(p, f->module),
		.build_id = profile_string(p, f->build_id),
		.offset = f->offset,
		.line = f->line,
		.is_inlined = f->is_inlined != 0,
		.is_approximate = f->is_approximate != 0,
	};
	one->at = (uint32_t)p->n_frames;
	if (!room(p, (void **)&p->frame, p->n_frames, &p->cap_frames, sizeof(*p->frame)))
		known = tsearch(one, &p->frames_by_content, by_content);
	if (!known)
		p->failed = 1;
	else if (*known == one)
		p->frame[p->n_frames++] = one->frame;
	at = known ? (*known)->at : 0;
	if (!known || *known != one)
		free(one);
	return at;
}

uint32_t profile_add_process(struct profile *p, const struct profile_process *from)
{
	struct profile_process *to;

	if (room(p, (void **)&p->process, p->n_processes, &p->cap_processes, sizeof(*to)))
		return 0;
	to = &p->process[p->n_processes];
	*to = *from;
	to->comm = profile_string(p, from->comm);
	to->role = profile_string(p, from->role);
	to->what = profile_string(p, from->what);
	to->container = profile_string(p, from->container);
	to->curve = NULL;
	to->n_curves = 0;
	return (uint32_t)p->n_processes++;
}

void profile_add_curve(struct profile *p, const struct profile_curve *from)
{
	struct profile_process *of = p->n_processes ? &p->process[p->n_processes - 1] : NULL;
	struct profile_curve *grown;

	if (!of || p->failed)
		return;
	grown = reallocarray(of->curve, of->n_curves + 1, sizeof(*grown));
	if (!grown) {
		p->failed = 1;
		return;
	}
	of->curve = grown;
	grown += of->n_curves;
	*grown = *from;
	grown->name = profile_string(p, from->name);
	grown->verdict = profile_string(p, from->verdict);
	grown->point = reallocarray(NULL, from->n ? from->n : 1, sizeof(*grown->point));
	if (!grown->point) {
		p->failed = 1;
		return;
	}
	if (from->n)
		memcpy(grown->point, from->point, from->n * sizeof(*grown->point));
	of->n_curves++;
}

void profile_add_stack(struct profile *p, const struct profile_stack *from)
{
	uint32_t n = 0, most = from->n_frames < PROFILE_MAX_FRAMES ? from->n_frames : PROFILE_MAX_FRAMES, *frame;
	struct profile_stack *to;

	if (from->process >= p->n_processes || room(p, (void **)&p->stack, p->n_stacks, &p->cap_stacks, sizeof(*to)))
		return;
	frame = reallocarray(NULL, most ? most : 1, sizeof(*frame));
	if (!frame) {
		p->failed = 1;
		return;
	}
	for (uint32_t i = 0; i < most; i++)
		if (from->frame[i] < p->n_frames)
			frame[n++] = from->frame[i];
	to = &p->stack[p->n_stacks++];
	*to = *from;
	to->why = profile_string(p, from->why);
	to->frame = frame;
	to->n_frames = n;
	to->is_whole &= n == from->n_frames;
}

void profile_add_loss(struct profile *p, const char *key, const char *text, uint64_t count)
{
	if (room(p, (void **)&p->loss, p->n_losses, &p->cap_losses, sizeof(*p->loss)))
		return;
	p->loss[p->n_losses++] = (struct profile_loss){ profile_string(p, key), profile_string(p, text), count };
}

void profile_add_event(struct profile *p, const char *json)
{
	if (!room(p, (void **)&p->event, p->n_events, &p->cap_events, sizeof(*p->event)))
		p->event[p->n_events++] = profile_string(p, json);
}

const char *profile_layer_name(enum profile_layer layer)
{
	static const char *const names[PROFILE_LAYERS] = { "zend", "libc", "mmap" };

	return names[layer];
}

const char *profile_basis_name(enum profile_basis b)
{
	static const char *const names[PROFILE_BASES] = { "counted", "sampled", "windows" };

	return names[b];
}

const char *profile_verdict_name(enum profile_verdict v)
{
	static const char *const names[PROFILE_VERDICTS] = { "not_enough_data", "clean", "leak" };

	return names[v];
}

const char *profile_value_name(enum profile_value v)
{
	static const char *const names[PROFILE_VALUES] = { "live_bytes", "live_blocks", "alloc_bytes", "alloc_blocks",
		"leak_bytes_per_hour" };

	return names[v];
}
