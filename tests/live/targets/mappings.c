/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mappings.c - mappings over and beside mappings, of more than 4 GiB, and calls that fail. All are made by map() and
 * map_at(). The answer to a command is "BYTES BLOCKS": what is live by the program's own count. */
#include "target.h"
#include <stdint.h>
#include <sys/mman.h>

#define PAGE  4096UL
#define FIXED (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

static volatile size_t huge = SIZE_MAX / 2;
static long bytes, blocks;

static void add(long size)
{
	bytes += size;
	blocks++;
}

static void must(int fact)
{
	if (!fact)
		_exit(94);
}

static NOINLINE char *map(size_t pages)
{
	char *p = mmap(NULL, pages * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	must(p != MAP_FAILED);
	return p;
}

static NOINLINE char *map_at(char *at, size_t pages)
{
	must(mmap(at, pages * PAGE, PROT_NONE, FIXED, -1, 0) == at);
	return at;
}

static NOINLINE void huge_mmap(long n)
{
	for (long i = 0; i < n; i++) {
		map(5UL << 18); /* 5 GiB */
		add(5L << 30);
	}
}

static NOINLINE void mapped_over(long n)
{
	for (long i = 0; i < n; i++) {
		map_at(map(4), 4);
		add(4 * PAGE);
	}
}

/* Reserve, commit a part by mapping over it, release all. */
static NOINLINE void reserve_commit_release(long n)
{
	for (long i = 0; i < n; i++) {
		char *p = map(16);

		map_at(p + 4 * PAGE, 4);
		must(!munmap(p, 16 * PAGE));
	}
}

static void unmap_neighbours(long n, int neighbours)
{
	for (long i = 0; i < n; i++) {
		char *p = map(neighbours);

		munmap(p, neighbours * PAGE);
		for (int j = 0; j < neighbours; j++)
			map_at(p + j * PAGE, 1);
		must(!munmap(p, neighbours * PAGE));
	}
}

static NOINLINE void unmap_two(long n)
{
	unmap_neighbours(n, 2);
}

static NOINLINE void unmap_six(long n)
{
	unmap_neighbours(n, 6);
}

static NOINLINE void unmap_both_ends(long n)
{
	for (long i = 0; i < n; i++) {
		char *p = map(9);

		must(!munmap(p, PAGE) && !munmap(p + 8 * PAGE, PAGE));
		add(7 * PAGE);
	}
}

static NOINLINE void munmap_fails(long n)
{
	for (long i = 0; i < n; i++) {
		char *p = map(3);

		must(munmap(p, 0) && munmap(p + 1, PAGE) && munmap(p, huge));
		add(3 * PAGE);
	}
}

static NOINLINE void mremap_fails(long n)
{
	for (long i = 0; i < n; i++) {
		must(mremap(map(3), 3 * PAGE, 1UL << 47, MREMAP_MAYMOVE) == MAP_FAILED);
		add(3 * PAGE);
	}
}

static NOINLINE void mremap_shrinks(long n)
{
	for (long i = 0; i < n; i++) {
		must(mremap(map(9), 9 * PAGE, 2 * PAGE, 0) != MAP_FAILED);
		add(2 * PAGE);
	}
}

static NOINLINE void all_fail(long n)
{
	for (long i = 0; i < n; i++) {
		must(mmap(NULL, huge, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
		must(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	}
}

#define COMMAND(f)    \
	{             \
#f, f \
	}

int main(void)
{
	static const struct {
		const char *name;
		void (*run)(long n);
	} commands[] = { COMMAND(huge_mmap), COMMAND(mapped_over), COMMAND(reserve_commit_release), COMMAND(unmap_two),
		COMMAND(unmap_six), COMMAND(unmap_both_ends), COMMAND(all_fail), COMMAND(munmap_fails),
		COMMAND(mremap_fails), COMMAND(mremap_shrinks) };
	char line[128], name[64];
	long n;

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
