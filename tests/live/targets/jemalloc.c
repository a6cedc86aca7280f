/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jemalloc.c - jemalloc's own functions, each with its books. The answer to a command is "BYTES BLOCKS". */
#include "books.h"
#include <jemalloc/jemalloc.h>
#include <stdint.h>

static NOINLINE void leak_mallocx(long n)
{
	for (long i = 0; i < n; i++) {
		keep = mallocx(100 + i % 7, 0);
		add(100 + i % 7);
		keep = mallocx(200, MALLOCX_ALIGN(256) | MALLOCX_ZERO);
		add(200);
	}
}

static NOINLINE void move_rallocx(long n)
{
	for (long i = 0; i < n; i++) {
		volatile size_t huge = SIZE_MAX / 4;
		void *p = rallocx(mallocx(100, 0), 5000, 0);

		keep = p;
		add(5000);
		p = mallocx(88, 0); /* stays: there is not that much */
		keep = p;
		if (rallocx(p, huge, 0))
			_exit(98);
		add(88);
	}
}

/* In place: all of a size class can be had, and no more. */
static NOINLINE void resize_xallocx(long n)
{
	size_t real = nallocx(100, 0);

	for (long i = 0; i < n; i++) {
		void *p = mallocx(100, 0);

		keep = p;
		if (xallocx(p, real, 0, 0) != real)
			_exit(97);
		add(real);
		p = mallocx(real, 0);
		keep = p;
		if (xallocx(p, real - 5, 0, 0) != real)
			_exit(97);
		add(real - 5);
		p = mallocx(90, 0);
		keep = p;
		if (xallocx(p, 4000, 0, 0) >= 4000)
			_exit(97);
		add(90);
	}
}

static NOINLINE void free_all(long n)
{
	for (long i = 0; i < n; i++) {
		void *p = mallocx(300, 0);

		keep = p;
		dallocx(p, 0);
		p = mallocx(300, 0);
		keep = p;
		sdallocx(p, 300, 0);
	}
}

int main(void)
{
	static const struct command commands[] = {
		{ "leak_mallocx", leak_mallocx },
		{ "move_rallocx", move_rallocx },
		{ "resize_xallocx", resize_xallocx },
		{ "free_all", free_all },
	};

	return OBEY(commands);
}
