/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_profile.c - profile_read() of recordings that hold anything: each chunk has a right checksum, or nothing behind that would ever be
 * reached. In: chunks, each a byte for its type, two for its length, and what it holds. Promises: what was read can be written, and read
 * again as the same; the difference of a profile and itself has no stack. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "fuzz.h"
#include "profile/profile.h"
#include "util/strbuf.h"

static const char *const types[] = { "HEAD", "STRS", "FRMS", "PROC", "STKS", "LOSS", "EVNT", "TAIL", "NEXT" };
#define N_TYPES (sizeof(types) / sizeof(types[0]))

static void add_le32(struct strbuf *b, uint32_t n)
{
	char bytes[4] = { (char)n, (char)(n >> 8), (char)(n >> 16), (char)(n >> 24) };

	strbuf_add_bytes(b, bytes, 4);
}

static void add_chunk(struct strbuf *b, const char *type, const uint8_t *data, size_t n)
{
	static uint8_t packed[1 << 17];
	uLongf n_packed = sizeof(packed);
	size_t at = b->len;

	FUZZ_CHECK(compress2(packed, &n_packed, data, n, 1) == Z_OK);
	strbuf_add(b, type);
	add_le32(b, (uint32_t)n_packed);
	add_le32(b, (uint32_t)n);
	add_le32(b, (uint32_t)crc32(crc32(0, (const Bytef *)b->data + at, 12), packed, (uInt)n_packed));
	strbuf_add_bytes(b, (const char *)packed, n_packed);
}

static void check_again(const struct profile *p)
{
	struct profile again, none;
	int fd = fuzz_file((const uint8_t *)"", 0);

	lseek(fd, 0, SEEK_SET);
	FUZZ_CHECK(!profile_write(p, fd));
	lseek(fd, 0, SEEK_SET);
	FUZZ_CHECK(!profile_read(&again, fd) && again.fault == PROFILE_SOUND);
	FUZZ_CHECK(
		again.n_stacks == p->n_stacks && again.n_frames == p->n_frames && again.n_processes == p->n_processes);
	FUZZ_CHECK(again.n_losses == p->n_losses && again.n_events == p->n_events);
	for (size_t i = 0; i < p->n_stacks; i++) {
		FUZZ_CHECK(!memcmp(again.stack[i].value, p->stack[i].value, sizeof(p->stack[i].value)));
		FUZZ_CHECK(!strcmp(again.stack[i].why, p->stack[i].why));
		FUZZ_CHECK(again.stack[i].n_frames == p->stack[i].n_frames);
	}
	for (size_t i = 0; i < p->n_frames; i++)
		FUZZ_CHECK(!strcmp(again.frame[i].function, p->frame[i].function) &&
			   again.frame[i].kind == p->frame[i].kind);
	FUZZ_CHECK(!profile_subtract(p, &again, &none) && none.n_stacks == 0);
	profile_free(&again);
	profile_free(&none);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf file = { 0 };
	struct profile p;
	int fd;

	strbuf_add_bytes(&file, "\x89SWT\r\n\x1a\n", 8);
	while (size >= 3) {
		size_t n = data[1] | (size_t)data[2] << 8;

		n = n < size - 3 ? n : size - 3;
		add_chunk(&file, types[data[0] % N_TYPES], data + 3, n);
		data += 3 + n;
		size -= 3 + n;
	}
	fd = fuzz_file((const uint8_t *)file.data, file.len);
	lseek(fd, 0, SEEK_SET);
	FUZZ_CHECK(!profile_read(&p, fd) && p.fault != PROFILE_FOREIGN);
	check_again(&p);
	profile_free(&p);
	strbuf_free(&file);
	return 0;
}
