// SPDX-License-Identifier: GPL-2.0-or-later
/* collect/ages.c - live blocks by generation: in which one a block was born, and what becomes of that when the bounds change. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collect/internal.h"
#include "swtrace/abi.h"

/* end_birth - the first birth that is not before a bound. Births are rounded down: one that happened just behind the bound may count
 * as before it, so that there are never fewer old blocks than there are. */
static uint64_t end_birth(const struct attach_tables *t, uint64_t bound_ns)
{
	uint64_t since = bound_ns > t->start_ns ? bound_ns - t->start_ns : 0;

	return (since + t->birth_unit_ns - 1) / t->birth_unit_ns;
}

void ages_begin(struct ages *a, const struct attach_tables *t, const struct model_bounds *b)
{
	uint8_t g = 0;

	for (size_t i = 0; i < b->n; i++)
		a->end[i] = end_birth(t, b->time_ns[i]);
	a->end[b->n] = UINT64_MAX;
	a->shift = 0;
	while (b->n && a->end[b->n - 1] >> a->shift >= AGE_ENTRIES)
		a->shift++;
	for (uint64_t i = 0; i < AGE_ENTRIES; i++) {
		while (i << a->shift >= a->end[g])
			g++;
		a->first[i] = g;
	}
}

/* fold - one stack's blocks, by new bounds of which each ends one of the old generations, or the last one. */
static void fold(struct model_generations *of, const struct model_bounds *old, const uint8_t *to)
{
	struct model_generations sum = { 0 };

	for (size_t g = 0; g <= old->n; g++) {
		sum.bytes[to[g]] += of->bytes[g];
		sum.blocks[to[g]] += of->blocks[g];
	}
	*of = sum;
}

int collect_set_bounds(struct collect *c, const struct model_bounds *b)
{
	struct last_reading *last = &c->last;
	uint8_t to[MODEL_GENERATIONS] = { 0 };

	if (!last->generations)
		last->generations = calloc(c->tables.n_stacks, sizeof(*last->generations));
	if (!last->generations)
		return -ENOMEM;
	for (size_t g = 0; g <= c->bounds.n; g++)
		while (to[g] < b->n && b->time_ns[to[g]] < (g < c->bounds.n ? c->bounds.time_ns[g] : last->end_ns))
			to[g]++;
	for (size_t i = 0; i < c->tables.n_stacks; i++)
		if (last->of_stack && last->of_stack[i].key)
			fold(&last->generations[i], &c->bounds, to);
	c->bounds = *b;
	return 0;
}
