/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alloc.c - every function of the malloc and mmap families, each in a function of its own that keeps books. The answer to
 * a command is "BYTES BLOCKS": what that function has live, by its own count. */
#include "books.h"
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>

#define PAGE 4096UL

static NOINLINE void leak_malloc(long n)
{
	for (long i = 0; i < n; i++) {
		keep = malloc(100 + i % 7);
		add(100 + i % 7);
	}
}

static NOINLINE void leak_calloc(long n)
{
	for (long i = 0; i < n; i++) {
		keep = calloc(3, 50);
		add(150);
	}
}

#define MAX_KEPT 200000

static void *kept[MAX_KEPT];
static long n_kept;

/* Small blocks of many sizes, until drop() frees them. */
static NOINLINE void keep_some(long n)
{
	for (long i = 0; i < n && n_kept < MAX_KEPT; i++) {
		kept[n_kept++] = malloc(16 + i * 37 % 500);
		add(16 + i * 37 % 500);
	}
}

static NOINLINE void drop(long n)
{
	(void)n;
	while (n_kept)
		free(kept[--n_kept]);
}

static NOINLINE void churn(long n)
{
	for (long i = 0; i < n; i++) {
		keep = malloc(64 + i % 500);
		free(keep);
	}
}

/* Half of the blocks are freed again: by this function, whoever allocated them. */
static NOINLINE void half_freed(long n)
{
	void **p = mmap(NULL, n * sizeof(*p), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (long i = 0; i < n; i++)
		p[i] = malloc(200);
	for (long i = 0; i < n; i += 2)
		free(p[i]);
	munmap(p, n * sizeof(*p));
	bytes += n / 2 * 200;
	blocks += n / 2;
}

static NOINLINE void realloc_grow(long n)
{
	for (long i = 0; i < n; i++) {
		char *p = malloc(10);

		for (int size = 20; size <= 5120; size *= 2) {
			p = realloc(p, size);
			keep = p;
		}
		add(5120);
	}
}

static NOINLINE void realloc_shrink(long n)
{
	for (long i = 0; i < n; i++) {
		keep = realloc(malloc(4000), 40);
		add(40);
	}
}

static NOINLINE void realloc_null(long n)
{
	for (long i = 0; i < n; i++) {
		keep = realloc(NULL, 33);
		add(33);
	}
}

static NOINLINE void realloc_zero(long n)
{
	for (long i = 0; i < n; i++) {
		keep = realloc(malloc(77), 0);
		if (keep) /* a block of size zero, with musl and mimalloc */
			add(0);
	}
}

/* The old block stays when realloc fails; it belongs to the malloc that made it. */
static NOINLINE void realloc_fails(long n)
{
	for (long i = 0; i < n; i++) {
		void *p = malloc(88);
		volatile size_t huge = SIZE_MAX / 2;

		keep = p;
		if (realloc(p, huge))
			_exit(98);
		add(88);
	}
}

static NOINLINE void leak_reallocarray(long n)
{
	for (long i = 0; i < n; i++) {
		keep = reallocarray(malloc(8), 11, 13);
		add(143);
	}
}

static NOINLINE void leak_memalign(long n)
{
	for (long i = 0; i < n; i++) {
		void *p;

		if (!posix_memalign(&p, 256, 300))
			add(300);
		if (!posix_memalign(&p, 3, 300)) /* fails: no alignment */
			_exit(97);
		keep = aligned_alloc(128, 256);
		add(256);
		keep = memalign(64, 90);
		add(90);
		keep = valloc(1000);
		add(1000);
#ifndef NO_PVALLOC /* musl and jemalloc have none */
		keep = pvalloc(2000);
		add(2000);
#endif
	}
}

/* What libc allocates for its callers, more than once on the way. */
static NOINLINE void leak_asprintf(long n)
{
	for (long i = 0; i < n; i++) {
		char *line;

		add(asprintf(&line, "%0300ld", i) + 1);
		keep = line;
	}
}

static NOINLINE void use_files(long n)
{
	char *line = NULL;
	size_t cap = 0;

	for (long i = 0; i < n; i++) {
		FILE *f = fopen("/proc/self/status", "r");

		if (!f || getline(&line, &cap, f) < 0 || fclose(f))
			_exit(94);
	}
	free(line);
}

static NOINLINE void leak_strdup(long n)
{
	for (long i = 0; i < n; i++) {
		keep = strdup("nineteen characters");
		add(20);
	}
}

static NOINLINE void *map(size_t pages)
{
	return mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static NOINLINE void leak_mmap(long n)
{
	for (long i = 0; i < n; i++) {
		char *whole = map(3), *head = map(5), *tail = map(7);

		munmap(whole, 3 * PAGE);
		munmap(head, 2 * PAGE);
		munmap(tail + 3 * PAGE, 4 * PAGE);
		add(3 * PAGE);
		add(3 * PAGE);
		keep = mmap(NULL, 100, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* a page */
		add(PAGE);
		if (mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
			_exit(96);
	}
}

/* What alignment does: map too much, trim both ends. */
static NOINLINE void leak_trimmed(long n)
{
	for (long i = 0; i < n; i++) {
		char *p = map(10);

		munmap(p, 3 * PAGE);
		munmap(p + 8 * PAGE, 2 * PAGE);
		add(5 * PAGE);
	}
}

static NOINLINE void leak_mremap(long n)
{
	for (long i = 0; i < n; i++) {
		keep = mremap(map(2), 2 * PAGE, 9 * PAGE, MREMAP_MAYMOVE);
		add(9 * PAGE);
	}
}

int main(void)
{
	static const struct command commands[] = {
		{ "leak_malloc", leak_malloc },
		{ "leak_calloc", leak_calloc },
		{ "keep_some", keep_some },
		{ "drop", drop },
		{ "churn", churn },
		{ "half_freed", half_freed },
		{ "realloc_grow", realloc_grow },
		{ "realloc_shrink", realloc_shrink },
		{ "realloc_null", realloc_null },
		{ "realloc_zero", realloc_zero },
		{ "realloc_fails", realloc_fails },
		{ "leak_reallocarray", leak_reallocarray },
		{ "leak_memalign", leak_memalign },
		{ "leak_strdup", leak_strdup },
		{ "leak_asprintf", leak_asprintf },
		{ "use_files", use_files },
		{ "leak_mmap", leak_mmap },
		{ "leak_trimmed", leak_trimmed },
		{ "leak_mremap", leak_mremap },
	};

	return OBEY(commands);
}
