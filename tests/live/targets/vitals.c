/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vitals.c - memory of other kinds than blocks. What is there at the start: 256 MiB without a file, and as much of the file that the
 * argument names, none of it touched. On "anon N" N more pages of the one are touched, on "file N" of the other; on "stacks N" there
 * are N more mappings of 2 MiB above a guard, with one page touched; on "mappings N" N more pages that are mappings of their own; on
 * "holes N" N more blocks of malloc's, and as many holes between them that none of the next fits into; on "fibers N" N more
 * stacks of that kind that the kernel itself is asked for, each used to a depth of 256 KiB.
 * Each is answered by "done". */
#include "target.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE	    4096
#define MAP_BYTES   (256UL << 20)
#define STACK_BYTES (2UL << 20)
#define DEEP_BYTES  (256 << 10)
#define HOLES_MOST  100

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

static NOINLINE void make_holes(int n)
{
	static size_t bytes = 2000; /* more than malloc keeps for a thread when they are freed */
	char *hole[HOLES_MOST];

	n = n > HOLES_MOST ? HOLES_MOST : n;
	bytes += 16;
	for (int i = 0; i < n; i++) {
		hole[i] = memset(malloc(bytes), 1, bytes);
		memset(malloc(bytes), 1, bytes);
	}
	for (int i = 0; i < n; i++)
		free(hole[i]);
}

/* Not by libc's mmap, whose mappings are in the books. */
static NOINLINE void make_fibers(int n)
{
	for (int i = 0; i < n; i++) {
		char *stack = (char *)syscall(SYS_mmap, NULL, STACK_BYTES + PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);

		if (stack == MAP_FAILED)
			_exit(97);
		mprotect(stack, PAGE, PROT_NONE);
		madvise(stack, STACK_BYTES + PAGE, MADV_NOHUGEPAGE);
		memset(stack + PAGE + STACK_BYTES - DEEP_BYTES, 1, DEEP_BYTES);
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
		else if (sscanf(line, "holes %d", &n) == 1)
			make_holes(n);
		else if (sscanf(line, "fibers %d", &n) == 1)
			make_fibers(n);
		say("done");
	}
	return 0;
}
