// SPDX-License-Identifier: GPL-2.0-or-later
/* util/nametable.c - a hash table with a chain for each hash; the chains are numbers in one array. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/nametable.h"

#define MAX_HASHED_BYTES 48 /* names of C functions are shorter; those of C++ that begin alike share a chain */

/* FNV-1a, 32 bits. */
static uint32_t hash(const char *name)
{
	uint32_t h = 0x811c9dc5;

	for (size_t i = 0; i < MAX_HASHED_BYTES && name[i]; i++)
		h = (h ^ (unsigned char)name[i]) * 0x01000193;
	return h;
}

int nametable_open(struct nametable *t, size_t n)
{
	size_t n_first = 16;

	while (n_first < n)
		n_first *= 2;
	t->mask = n_first - 1;
	t->first = malloc(n_first * sizeof(*t->first));
	t->next = malloc((n ? n : 1) * sizeof(*t->next));
	if (!t->first || !t->next) {
		nametable_close(t);
		return -ENOMEM;
	}
	memset(t->first, 0xff, n_first * sizeof(*t->first));
	return 0;
}

void nametable_close(struct nametable *t)
{
	free(t->first);
	free(t->next);
	memset(t, 0, sizeof(*t));
}

void nametable_add(struct nametable *t, const char *name, uint32_t i)
{
	uint32_t *first = &t->first[hash(name) & t->mask];

	t->next[i] = *first;
	*first = i;
}

uint32_t nametable_first(const struct nametable *t, const char *name)
{
	return t->first ? t->first[hash(name) & t->mask] : NAMETABLE_NONE;
}

uint32_t nametable_next(const struct nametable *t, uint32_t i)
{
	return t->next[i];
}
