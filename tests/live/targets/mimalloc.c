/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mimalloc.c - mimalloc's own functions, each with its books. The answer to a command is "BYTES BLOCKS". */
#include "books.h"
#include <mimalloc.h>
#include <stdint.h>

static volatile size_t huge = SIZE_MAX / 4;
static mi_heap_t *heap;

static NOINLINE void leak_default(long n)
{
	for (long i = 0; i < n; i++) {
		void *p;

		hold(mi_malloc(100), 100);
		hold(mi_malloc_small(101), 101);
		hold(mi_mallocn(3, 40), 120);
		hold(mi_zalloc(102), 102);
		hold(mi_zalloc_small(103), 103);
		hold(mi_calloc(5, 50), 250);
		hold(mi_malloc_aligned(200, 64), 200);
		hold(mi_malloc_aligned_at(201, 64, 8), 201);
		hold(mi_zalloc_aligned(202, 64), 202);
		hold(mi_calloc_aligned(4, 60, 64), 240);
		hold(mi_memalign(64, 203), 203);
		hold(mi_aligned_alloc(64, 256), 256);
		hold(mi_new(104), 104);
		hold(mi_new_nothrow(105), 105);
		hold(mi_new_aligned(106, 64), 106);
		hold(mi_new_aligned_nothrow(107, 64), 107);
		hold(mi_new_n(3, 36), 108);
		hold(mi_new_realloc(mi_new(50), 5000), 5000);
		hold(mi_valloc(1000), 1000);
		hold(mi_pvalloc(1001), 1001);
		if (mi_posix_memalign(&p, 64, 204))
			_exit(97);
		hold(p, 204);
	}
}

static NOINLINE void leak_heap(long n)
{
	for (long i = 0; i < n; i++) {
		hold(mi_heap_malloc(heap, 100), 100);
		hold(mi_heap_malloc_small(heap, 101), 101);
		hold(mi_heap_alloc_new(heap, 104), 104);
		hold(mi_heap_alloc_new_n(heap, 3, 35), 105);
		hold(mi_heap_mallocn(heap, 3, 40), 120);
		hold(mi_heap_zalloc(heap, 102), 102);
		hold(mi_heap_calloc(heap, 5, 50), 250);
		hold(mi_heap_malloc_aligned(heap, 200, 64), 200);
		hold(mi_heap_zalloc_aligned_at(heap, 201, 64, 8), 201);
		hold(mi_heap_calloc_aligned(heap, 4, 60, 64), 240);
		hold(mi_heap_realloc(heap, mi_heap_malloc(heap, 50), 5000), 5000);
		hold(mi_heap_reallocn(heap, mi_heap_malloc(heap, 50), 7, 600), 4200);
		hold(mi_heap_reallocf(heap, mi_heap_malloc(heap, 50), 300), 300);
		hold(mi_heap_rezalloc(heap, mi_heap_zalloc(heap, 50), 301), 301);
		hold(mi_heap_recalloc(heap, mi_heap_zalloc(heap, 50), 3, 101), 303);
		hold(mi_heap_realloc_aligned(heap, mi_heap_malloc(heap, 50), 304, 64), 304);
		hold(mi_heap_recalloc_aligned(heap, mi_heap_zalloc(heap, 50), 5, 61, 64), 305);
	}
}

static NOINLINE void move(long n)
{
	for (long i = 0; i < n; i++) {
		void *p;

		hold(mi_realloc(mi_malloc(50), 5000), 5000);
		hold(mi_realloc(mi_malloc(5000), 50), 50);
		hold(mi_reallocn(mi_malloc(50), 7, 600), 4200);
		hold(mi_reallocarray(mi_malloc(50), 7, 601), 4207);
		hold(mi_reallocf(mi_malloc(50), 300), 300);
		hold(mi_rezalloc(mi_zalloc(50), 301), 301);
		hold(mi_recalloc(mi_zalloc(50), 3, 101), 303);
		hold(mi_realloc_aligned(mi_malloc(50), 304, 64), 304);
		p = mi_malloc(50);
		if (mi_realloc(p, huge)) /* stays */
			_exit(96);
		hold(p, 50);
		if (mi_reallocf(mi_malloc(51), huge)) /* does not */
			_exit(96);
	}
}

/* In place: all of a size class can be had, and no more. */
static NOINLINE void expand(long n)
{
	size_t real = mi_good_size(100);

	for (long i = 0; i < n; i++) {
		void *p = mi_malloc(100);

		if (mi_expand(p, real) != p)
			_exit(95);
		hold(p, real);
		p = mi_malloc(90);
		if (mi_expand(p, 4000))
			_exit(95);
		hold(p, 90);
	}
}

static NOINLINE void free_all(long n)
{
	for (long i = 0; i < n; i++) {
		keep = mi_malloc(300);
		mi_free(keep);
		keep = mi_malloc(300);
		mi_free_size(keep, 300);
		keep = mi_malloc_aligned(300, 64);
		mi_free_aligned(keep, 64);
		keep = mi_malloc_aligned(300, 64);
		mi_free_size_aligned(keep, 300, 64);
		keep = mi_malloc(300);
		mi_cfree(keep);
	}
}

static NOINLINE void leak_strings(long n)
{
	for (long i = 0; i < n; i++) {
		hold(mi_strdup("nineteen characters"), 20);
		hold(mi_strndup("nineteen characters", 5), 6);
	}
}

int main(void)
{
	static const struct command commands[] = {
		{ "leak_default", leak_default },
		{ "leak_heap", leak_heap },
		{ "move", move },
		{ "expand", expand },
		{ "free_all", free_all },
		{ "leak_strings", leak_strings },
	};

	heap = mi_heap_new();
	mi_option_set_enabled(mi_option_show_errors, false); /* of sizes that are too large */
	return OBEY(commands);
}
