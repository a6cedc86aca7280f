// SPDX-License-Identifier: GPL-2.0-or-later
/* util/ranges.c - a sorted list of free ranges, searched from its start: it is short, and used when files are loaded. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/ranges.h"

static int insert(struct ranges *r, size_t at, uint32_t first, uint32_t n)
{
	struct range *grown;

	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 16;

		grown = realloc(r->range, cap * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		r->range = grown;
		r->cap = cap;
	}
	memmove(&r->range[at + 1], &r->range[at], (r->n - at) * sizeof(*r->range));
	r->range[at] = (struct range){ first, n };
	r->n++;
	return 0;
}

static void remove_at(struct ranges *r, size_t at)
{
	r->n--;
	memmove(&r->range[at], &r->range[at + 1], (r->n - at) * sizeof(*r->range));
}

int ranges_give(struct ranges *r, uint32_t first, uint32_t n)
{
	struct range *before, *after;
	size_t at = 0;

	if (!n)
		return 0;
	while (at < r->n && r->range[at].first < first)
		at++;
	before = at ? &r->range[at - 1] : NULL;
	after = at < r->n ? &r->range[at] : NULL;
	if (before && before->first + before->n == first) {
		before->n += n;
		if (after && after->first == first + n) {
			before->n += after->n;
			remove_at(r, at);
		}
		return 0;
	}
	if (after && after->first == first + n) {
		after->first = first;
		after->n += n;
		return 0;
	}
	return insert(r, at, first, n);
}

/* fit - where n can start in a free range.  Return: 0, or -ENOSPC. */
static int fit(const struct range *free_range, uint32_t n, uint32_t boundary, uint32_t *first)
{
	uint64_t start = free_range->first, end = start + free_range->n;

	if (boundary && start / boundary != (start + n - 1) / boundary)
		start = (start / boundary + 1) * boundary;
	if (start + n > end)
		return -ENOSPC;
	*first = (uint32_t)start;
	return 0;
}

int ranges_take(struct ranges *r, uint32_t n, uint32_t boundary, uint32_t *first)
{
	uint32_t head, tail;

	for (size_t i = 0; i < r->n; i++) {
		struct range *f = &r->range[i];

		if (fit(f, n, boundary, first))
			continue;
		head = *first - f->first;
		tail = f->n - head - n;
		if (head && tail) {
			if (insert(r, i + 1, *first + n, tail))
				return -ENOSPC;
			r->range[i].n = head;
		} else if (head) {
			f->n = head;
		} else if (tail) {
			f->first += n;
			f->n = tail;
		} else {
			remove_at(r, i);
		}
		return 0;
	}
	return -ENOSPC;
}

void ranges_free(struct ranges *r)
{
	free(r->range);
	memset(r, 0, sizeof(*r));
}
