/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcmalloc.c - tcmalloc's own functions, each with its books. The answer to a command is "BYTES BLOCKS". */
#include "books.h"
#include <gperftools/tcmalloc.h>
#include <stdint.h>

/* The header has these for C++ alone. */
void *tc_new(size_t size);
void *tc_newarray(size_t size);
void tc_delete(void *p);
void tc_deletearray(void *p);
void tc_delete_sized(void *p, size_t size);
void tc_deletearray_sized(void *p, size_t size);

static NOINLINE void leak_all(long n)
{
	for (long i = 0; i < n; i++) {
		volatile size_t huge = SIZE_MAX / 4;
		void *p;

		hold(tc_malloc(100), 100);
		hold(tc_malloc_skip_new_handler(101), 101);
		hold(tc_calloc(5, 50), 250);
		hold(tc_memalign(64, 203), 203);
		hold(tc_valloc(1000), 1000);
		hold(tc_pvalloc(1001), 1001);
		if (tc_posix_memalign(&p, 64, 204))
			_exit(97);
		hold(p, 204);
		hold(tc_new(104), 104);
		hold(tc_newarray(105), 105);
		hold(tc_realloc(tc_malloc(50), 5000), 5000);
		hold(tc_realloc(tc_malloc(5000), 50), 50);
		p = tc_malloc(50);
		if (tc_realloc(p, huge)) /* stays */
			_exit(96);
		hold(p, 50);
	}
}

static NOINLINE void free_all(long n)
{
	for (long i = 0; i < n; i++) {
		keep = tc_malloc(300);
		tc_free(keep);
		keep = tc_malloc(300);
		tc_cfree(keep);
		keep = tc_malloc(300);
		tc_free_sized(keep, 300);
		keep = tc_new(300);
		tc_delete(keep);
		keep = tc_new(300);
		tc_delete_sized(keep, 300);
		keep = tc_newarray(300);
		tc_deletearray(keep);
		keep = tc_newarray(300);
		tc_deletearray_sized(keep, 300);
	}
}

int main(void)
{
	static const struct command commands[] = {
		{ "leak_all", leak_all },
		{ "free_all", free_all },
	};

	return OBEY(commands);
}
