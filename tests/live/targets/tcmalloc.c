/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcmalloc.c - tcmalloc's own functions, each with its books. The answer to a command is "BYTES BLOCKS". */
#include "target.h"
#include <gperftools/tcmalloc.h>
#include <stdint.h>

/* The header has these for C++ alone. */
void *tc_new(size_t size);
void *tc_newarray(size_t size);
void tc_delete(void *p);
void tc_deletearray(void *p);
void tc_delete_sized(void *p, size_t size);
void tc_deletearray_sized(void *p, size_t size);

static void *volatile keep;
static long bytes, blocks;

static void add(void *p, long size)
{
	if (!p)
		_exit(98);
	keep = p;
	bytes += size;
	blocks++;
}

static NOINLINE void leak_all(long n)
{
	for (long i = 0; i < n; i++) {
		volatile size_t huge = SIZE_MAX / 4;
		void *p;

		add(tc_malloc(100), 100);
		add(tc_malloc_skip_new_handler(101), 101);
		add(tc_calloc(5, 50), 250);
		add(tc_memalign(64, 203), 203);
		add(tc_valloc(1000), 1000);
		add(tc_pvalloc(1001), 1001);
		if (tc_posix_memalign(&p, 64, 204))
			_exit(97);
		add(p, 204);
		add(tc_new(104), 104);
		add(tc_newarray(105), 105);
		add(tc_realloc(tc_malloc(50), 5000), 5000);
		add(tc_realloc(tc_malloc(5000), 50), 50);
		p = tc_malloc(50);
		if (tc_realloc(p, huge)) /* stays */
			_exit(96);
		add(p, 50);
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
	static const struct {
		const char *name;
		void (*run)(long n);
	} commands[] = {
		{ "leak_all", leak_all },
		{ "free_all", free_all },
	};
	char line[128], name[64];
	long n;

	keep = malloc(1); /* from now on it is known whose malloc that is, also if calls are bound at their first use */
	say("ready");
	while (hear(line, sizeof(line))) {
		if (sscanf(line, "%63s %ld", name, &n) != 2)
			return 95;
		bytes = blocks = 0;
		for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
			if (!strcmp(commands[i].name, name))
				commands[i].run(n);
		say("%ld %ld", bytes, blocks);
	}
	return 0;
}
