// SPDX-License-Identifier: GPL-2.0-or-later
/* profile/diff.c - what has changed between two profiles. */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "profile/profile.h"
#include "util/strbuf.h"

/* A stack by its names, and what it has: the sum over all processes of a name. */
struct sum {
	const char *key;	  /* kept by the difference's strings: equal keys have equal addresses */
	const struct profile *of; /* the profile, and the stack in it, that stands for all */
	const struct profile_stack *stack;
	int64_t value[PROFILE_VALUES];
};

struct difference {
	struct profile *out;
	void *tree;
	struct profile_places places;
	struct sum **list; /* in the order in which they were met */
	size_t n;
	size_t cap;
};

static int by_key(const void *a, const void *b)
{
	const char *x = ((const struct sum *)a)->key, *y = ((const struct sum *)b)->key;

	return ((uintptr_t)x > (uintptr_t)y) - ((uintptr_t)x < (uintptr_t)y);
}

static void add_frame(const struct difference *d, struct strbuf *b, const struct profile_frame *f)
{
	struct profile_frame named = profile_places_name(&d->places, f);

	profile_key_add(b, &named);
}

static const char *key_of(struct difference *d, const struct profile *p, const struct profile_stack *s)
{
	struct strbuf b = { 0 };
	const char *key;

	profile_key_begin(&b, p->process[s->process].comm, s->layer);
	for (uint32_t i = 0; i < s->n_frames; i++)
		if (!p->frame[s->frame[i]].is_inlined)
			add_frame(d, &b, &p->frame[s->frame[i]]);
	key = b.failed ? "" : profile_string(d->out, b.data);
	d->out->failed |= b.failed;
	strbuf_free(&b);
	return key;
}

/* sum_of - of that stack; a new one if there was none.  NULL: no memory */
static struct sum *sum_of(struct difference *d, const struct profile *p, const struct profile_stack *s)
{
	struct sum *one = calloc(1, sizeof(*one)), **known = NULL, **grown;
	size_t cap = d->cap ? 2 * d->cap : 64;

	if (d->n == d->cap) {
		grown = reallocarray(d->list, cap, sizeof(*grown));
		if (!grown)
			goto fail;
		d->list = grown;
		d->cap = cap;
	}
	if (!one)
		goto fail;
	*one = (struct sum){ .key = key_of(d, p, s), .of = p, .stack = s };
	known = d->out->failed ? NULL : tsearch(one, &d->tree, by_key);
	if (!known)
		goto fail;
	if (*known == one)
		d->list[d->n++] = one;
	else
		free(one);
	return *known;
fail:
	free(one);
	d->out->failed = 1;
	return NULL;
}

static void add_all(struct difference *d, const struct profile *p, int sign)
{
	for (size_t i = 0; i < p->n_stacks && !d->out->failed; i++) {
		struct sum *sum = sum_of(d, p, &p->stack[i]);

		for (int v = 0; sum && v < PROFILE_VALUES; v++)
			sum->value[v] =
				(int64_t)((uint64_t)sum->value[v] + (uint64_t)sign * (uint64_t)p->stack[i].value[v]);
	}
}

/* process_at - the place in out of the process of that stack. One that was there before alone comes after those of now. */
static uint32_t process_at(struct difference *d, const struct profile *now, const struct sum *sum)
{
	const struct profile_process *was = &sum->of->process[sum->stack->process];
	struct profile_process gone = { .pid = was->pid, .comm = was->comm, .worker = -1, .n_requests = UINT64_MAX };

	if (sum->of == now)
		return sum->stack->process;
	for (size_t i = 0; i < d->out->n_processes; i++)
		if (!strcmp(d->out->process[i].comm, was->comm))
			return (uint32_t)i;
	return profile_add_process(d->out, &gone);
}

static void add_stack(struct difference *d, const struct profile *now, const struct sum *sum)
{
	struct profile_stack s = *sum->stack;
	uint32_t frame[PROFILE_MAX_FRAMES];
	int differs = 0;

	for (int v = 0; v < PROFILE_VALUES; v++)
		differs |= sum->value[v] != 0;
	if (!differs)
		return;
	memcpy(s.value, sum->value, sizeof(s.value));
	if (sum->of != now) { /* what was thought of it is of then */
		s.verdict = PROFILE_CLEAN;
		s.why = "";
		s.oldest_age_ms = 0;
	}
	s.process = process_at(d, now, sum);
	for (uint32_t i = 0; i < s.n_frames; i++)
		frame[i] = profile_add_frame(d->out, &sum->of->frame[s.frame[i]]);
	s.frame = frame;
	profile_add_stack(d->out, &s);
}

static void add_process(struct profile *out, const struct profile_process *p)
{
	profile_add_process(out, p);
	for (size_t i = 0; i < p->n_curves; i++)
		profile_add_curve(out, &p->curve[i]);
}

static int by_live_bytes(const void *a, const void *b)
{
	const struct profile_stack *x = a, *y = b;
	int64_t m = x->value[PROFILE_LIVE_BYTES], n = y->value[PROFILE_LIVE_BYTES];

	return (m < n) - (m > n);
}

int profile_subtract(const struct profile *now, const struct profile *before, struct profile *out)
{
	struct difference d = { .out = out };

	profile_begin(out);
	out->version = profile_string(out, now->version);
	out->host = profile_string(out, now->host);
	out->start_utc_ns = before->utc_ns;
	out->utc_ns = now->utc_ns;
	out->fault = now->fault ? now->fault : before->fault;
	out->basis = now->basis > before->basis ? now->basis : before->basis;
	for (size_t i = 0; i < now->n_processes; i++)
		add_process(out, &now->process[i]);
	for (size_t i = 0; i < now->n_losses; i++)
		profile_add_loss(out, now->loss[i].key, now->loss[i].text, now->loss[i].count);
	for (size_t i = 0; i < now->n_events; i++)
		profile_add_event(out, now->event[i]);
	out->failed |= profile_places_make(&d.places, now, before) != 0;
	add_all(&d, now, 1);
	add_all(&d, before, -1);
	for (size_t i = 0; i < d.n; i++)
		add_stack(&d, now, d.list[i]);
	if (out->n_stacks)
		qsort(out->stack, out->n_stacks, sizeof(*out->stack), by_live_bytes);
	if (d.tree)
		tdestroy(d.tree, free);
	profile_places_free(&d.places);
	free(d.list);
	return out->failed ? -ENOMEM : 0;
}
