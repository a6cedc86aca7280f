/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vitals.c - memory of other kinds than blocks. What is there at the start: 256 MiB without a file, and as much of the file that the
 * argument names, none of it touched. On "anon N" N more pages of the one are touched, on "file N" of the other; on "stacks N" there
 * are N more mappings of 2 MiB above a guard, with one page touched; on "mappings N" N more pages that are mappings of their own.
 * Each is answered by "done". */
#include "target.h"
#include <fcntl.h>
#include <sys/mman.h>

#define PAGE	    4096
#define MAP_BYTES   (256UL << 20)
#define STACK_BYTES (2UL << 20)

static int fd;

static NOINLINE void make_stacks(int n)
{
	for (int i = 0; i < n; i++) {
		char *stack =
			mmap(NULL, STACK_BYTES + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		mprotect(stack, PAGE, PROT_NONE);
		stack[STACK_BYTES] = 1;
	}
}

static NOINLINE void make_mappings(int n)
{
	for (int i = 0; i < n; i++) {
		char *page = mmap(
			NULL, PAGE, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (page == MAP_FAILED)
			_exit(98);
	}
}

int main(int argc, char **argv)
{
	size_t anon_at = 0, file_at = 0;
	char line[64], *anon, *file;
	int n;

	if (argc < 2)
		return 1;
	fd = open(argv[1], O_RDONLY);
	anon = mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	file = mmap(NULL, MAP_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	if (anon == MAP_FAILED || file == MAP_FAILED)
		return 2;
	madvise(anon, MAP_BYTES, MADV_NOHUGEPAGE);
	madvise(file, MAP_BYTES, MADV_RANDOM); /* no pages but those that are touched */
	say("ready");
	while (hear(line, sizeof(line))) {
		if (sscanf(line, "anon %d", &n) == 1)
			for (; n-- && anon_at < MAP_BYTES; anon_at += PAGE)
				anon[anon_at] = 1;
		else if (sscanf(line, "file %d", &n) == 1)
			for (; n-- && file_at < MAP_BYTES; file_at += PAGE)
				*(volatile char *)&file[file_at];
		else if (sscanf(line, "stacks %d", &n) == 1)
			make_stacks(n);
		else if (sscanf(line, "mappings %d", &n) == 1)
			make_mappings(n);
		say("done");
	}
	return 0;
}
