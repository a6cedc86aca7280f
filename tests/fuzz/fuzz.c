/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz.c - see fuzz.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

/* libFuzzer's own mutations, on the first size bytes. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

int fuzz_file(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	FUZZ_CHECK(fd >= 0 && !ftruncate(fd, 0) && pwrite(fd, data, size, 0) == (ssize_t)size);
	if (size > FUZZ_HOLE_BYTE && data[FUZZ_HOLE_BYTE] == FUZZ_HOLE)
		FUZZ_CHECK(!ftruncate(fd, (off_t)size + FUZZ_HOLE_BYTES));
	return fd;
}

void fuzz_broken(const char *file, int line, const char *promise)
{
	fprintf(stderr, "%s:%d: broken: %s\n", file, line, promise);
	abort();
}

static unsigned pick(unsigned *seed, size_t below)
{
	*seed = *seed * 1103515245 + 12345;
	return below ? (*seed >> 8) % below : 0;
}

/* put_number - write a number that means something in this file: a limit, its size, or a number from elsewhere in it. */
static void put_number(uint8_t *data, size_t size, unsigned *seed)
{
	static const uint64_t limits[] = { 0, 1, 2, 0x7f, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 1ULL << 32,
		1ULL << 40, INT64_MAX, 1ULL << 63, UINT64_MAX };
	size_t width = (size_t)1 << pick(seed, 4), from, to;
	uint64_t value = 0;

	if (size < 2 * sizeof(value))
		return;
	from = pick(seed, size - sizeof(value));
	to = pick(seed, size - sizeof(value)) / width * width;
	switch (pick(seed, 3)) {
	case 0:
		value = limits[pick(seed, sizeof(limits) / sizeof(limits[0]))];
		break;
	case 1:
		value = size;
		break;
	default:
		memcpy(&value, data + from / width * width, width);
	}
	value += pick(seed, 4) ? 0 : pick(seed, 33) - 16;
	memcpy(data + to, &value, width);
}

/* LLVMFuzzerCustomMutator - libFuzzer's mutations insert and erase bytes, which moves all that follows away from where
 * the headers say it is: so most are made inside a short window that keeps its length, some are numbers, and only one in
 * eight is left to do as it likes. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	uint8_t window[64];
	size_t at, n;

	switch (pick(&seed, 8)) {
	case 0:
		return LLVMFuzzerMutate(data, size, max_size);
	case 1:
	case 2:
	case 3:
		put_number(data, size, &seed);
		return size;
	default:
		n = 1 + pick(&seed, sizeof(window));
		n = n < size ? n : size;
		at = pick(&seed, size - n + 1);
		memcpy(window, data + at, n);
		n = LLVMFuzzerMutate(window, n, n);
		memcpy(data + at, window, n);
		return size;
	}
}
