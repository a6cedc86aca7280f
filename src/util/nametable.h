/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/nametable.h - which things of a list bear a name: a hash table from names to indices.
 * The names may be hostile: only their beginnings are hashed, so building costs the same however long they are. Names made to
 * collide make a look-up as slow as a search of the list, no slower.
 * Owner: the struct owns its tables; the names stay the caller's. All zero is an empty one. Thread: one. */
#ifndef UTIL_NAMETABLE_H
#define UTIL_NAMETABLE_H

#include <stddef.h>
#include <stdint.h>

#define NAMETABLE_NONE UINT32_MAX

struct nametable {
	uint32_t *first; /* by hash */
	uint32_t *next;	 /* by index */
	uint32_t mask;
};

/* nametable_open - for indices below n, none of which is there yet.  Return: 0, or -ENOMEM. */
int nametable_open(struct nametable *t, size_t n);
void nametable_close(struct nametable *t);

/* nametable_add - index i bears that name. Each index once. */
void nametable_add(struct nametable *t, const char *name, uint32_t i);

/* nametable_first, nametable_next - the indices that may bear the name, the last added first; NAMETABLE_NONE at the end. Their
 * names must be compared. */
uint32_t nametable_first(const struct nametable *t, const char *name);
uint32_t nametable_next(const struct nametable *t, uint32_t i);

#endif
