/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/ranges.h - which parts of a numbered space are free: take some, give them back.
 * Owner: the struct owns its list; all zero is an empty one. Thread: one. */
#ifndef UTIL_RANGES_H
#define UTIL_RANGES_H

#include <stddef.h>
#include <stdint.h>

struct range {
	uint32_t first;
	uint32_t n;
};

/* The free ranges, sorted, none touching the next. */
struct ranges {
	struct range *range;
	size_t n;
	size_t cap;
};

/* ranges_give - [first, first + n) is free from now on. None of it may be free already.
 * Return: 0, or -ENOMEM: it stays taken for ever. */
int ranges_give(struct ranges *r, uint32_t first, uint32_t n);

/* ranges_take - the lowest free range of n (at least 1).
 * @boundary  the range may not lie across a multiple of this; 0 = anywhere. At least n.
 * Return: 0 and *first, or -ENOSPC, also when memory for the list runs out. */
int ranges_take(struct ranges *r, uint32_t n, uint32_t boundary, uint32_t *first);

void ranges_free(struct ranges *r);

#endif
