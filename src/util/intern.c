// SPDX-License-Identifier: GPL-2.0-or-later
/* util/intern.c - a hash table of strings. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "util/clock.h"
#include "util/intern.h"

/* FNV-1a, 64 bits, from a number that nobody knows: strings come from traced processes, which could choose them so that all have the
 * same place. The lowest bits depend on few others alone: all of them are mixed in. */
static size_t hash(const struct intern *t, const char *s)
{
	uint64_t h = t->seed;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
	h = (h ^ h >> 32) * 0x9e3779b97f4a7c15ULL;
	return h ^ h >> 32;
}

/* find - the slot that holds s, or the empty one where it belongs. There is always an empty one. */
static char **find(const struct intern *t, const char *s)
{
	size_t i = hash(t, s) & (t->cap - 1);

	while (t->slot[i] && strcmp(t->slot[i], s))
		i = (i + 1) & (t->cap - 1);
	return &t->slot[i];
}

static int grow(struct intern *t)
{
	struct intern bigger = { .n = t->n, .cap = t->cap ? 2 * t->cap : 64, .seed = t->seed };

	if (!t->cap && getrandom(&bigger.seed, sizeof(bigger.seed), GRND_NONBLOCK) != sizeof(bigger.seed))
		bigger.seed = clock_ns(CLOCK_MONOTONIC); /* early after boot */
	bigger.slot = calloc(bigger.cap, sizeof(*bigger.slot));
	if (!bigger.slot)
		return -ENOMEM;
	for (size_t i = 0; i < t->cap; i++)
		if (t->slot[i])
			*find(&bigger, t->slot[i]) = t->slot[i];
	free(t->slot);
	*t = bigger;
	return 0;
}

const char *intern_get(struct intern *t, const char *s)
{
	char **slot;

	if (2 * (t->n + 1) > t->cap && grow(t))
		return NULL;
	slot = find(t, s);
	if (!*slot) {
		*slot = strdup(s);
		t->n += *slot != NULL;
	}
	return *slot;
}

void intern_free(struct intern *t)
{
	for (size_t i = 0; i < t->cap; i++)
		free(t->slot[i]);
	free(t->slot);
	memset(t, 0, sizeof(*t));
}
