// SPDX-License-Identifier: GPL-2.0-or-later
/* profile/places.c - functions by their addresses, of two profiles of which one may know more names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/profile.h"

struct profile_place {
	const char *module; /* its build-id; without one, its name */
	uint64_t offset;
	const char *function;
};

static int by_place(const void *a, const void *b)
{
	const struct profile_place *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return strcmp(x->module, y->module);
}

static struct profile_place place_of(const struct profile_frame *f)
{
	return (struct profile_place){ *f->build_id ? f->build_id : f->module, f->offset, f->function };
}

/* add - what is inlined there comes and goes with debug information. */
static void add(struct profile_places *places, const struct profile *p)
{
	for (size_t i = 0; i < p->n_frames; i++)
		if (p->frame[i].kind == PROFILE_NATIVE && !p->frame[i].is_inlined)
			places->list[places->n++] = place_of(&p->frame[i]);
}

int profile_places_make(struct profile_places *out, const struct profile *a, const struct profile *b)
{
	*out = (struct profile_places){ .list = reallocarray(NULL, a->n_frames + b->n_frames + 1, sizeof(*out->list)) };
	if (!out->list)
		return -ENOMEM;
	add(out, a);
	add(out, b);
	qsort(out->list, out->n, sizeof(*out->list), by_place);
	return 0;
}

void profile_places_free(struct profile_places *places)
{
	free(places->list);
	*places = (struct profile_places){ 0 };
}

struct profile_frame profile_places_name(const struct profile_places *places, const struct profile_frame *f)
{
	struct profile_place at = place_of(f), *found = NULL;
	struct profile_frame named = *f;

	if (f->kind == PROFILE_MODULE && places->n)
		found = bsearch(&at, places->list, places->n, sizeof(at), by_place);
	if (found) {
		named.kind = PROFILE_NATIVE;
		named.function = found->function;
	}
	return named;
}
