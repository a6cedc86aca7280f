/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_elffile.c - any file to elffile_open(), and every question to it: the promises of util/elffile.h hold, and of
 * util/elfimports.h.
 * Addresses, offsets and names that are asked for come from the input itself. */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "util/elffile.h"
#include "util/elfimports.h"

#define MAX_QUESTIONS 256 /* of each sort: a file has more bytes than time allows to ask about */

static void check_identity(const struct elffile *f)
{
	const char *id = elffile_build_id(f), *interp = elffile_interp(f);
	size_t len = strlen(id);

	FUZZ_CHECK(len <= 128 && len % 2 == 0 && strspn(id, "0123456789abcdef") == len);
	FUZZ_CHECK(!interp || strlen(interp) < 4096);
}

static void check_symbol(const struct elffile_symbol *sym)
{
	FUZZ_CHECK(sym->name && *sym->name && sym->vaddr);
	FUZZ_CHECK(sym->vaddr + sym->size_bytes >= sym->vaddr);
}

/* check_name - what is found bears the name, and a function with a size is what covers its first and last byte, or
 * another is that is preferred. */
static void check_name(const struct elffile *f, const char *name)
{
	struct elffile_symbol sym, other;

	if (!elffile_find_object(f, name, &sym)) {
		check_symbol(&sym);
		FUZZ_CHECK(!strcmp(sym.name, name));
	}
	if (elffile_find(f, name, &sym))
		return;
	check_symbol(&sym);
	FUZZ_CHECK(!strcmp(sym.name, name));
	if (!sym.size_bytes)
		return;
	FUZZ_CHECK(!elffile_covering(f, sym.vaddr, &other) && other.size_bytes);
	FUZZ_CHECK(!elffile_covering(f, sym.vaddr + sym.size_bytes - 1, &other) && other.size_bytes);
}

static void check_covering(const struct elffile *f, uint64_t vaddr)
{
	struct elffile_symbol sym, same;

	if (elffile_covering(f, vaddr, &sym))
		return;
	check_symbol(&sym);
	FUZZ_CHECK(vaddr >= sym.vaddr);
	FUZZ_CHECK(!sym.size_bytes || vaddr - sym.vaddr < sym.size_bytes);
	FUZZ_CHECK(!elffile_find(f, sym.name, &same));
}

/* The loadable segments as the input has them, read without any library. */
struct segments {
	Elf64_Phdr ph[16];
	size_t n;
	int known; /* 0: there are more, or they lie outside of the input */
};

static struct segments read_segments(const uint8_t *data, size_t size)
{
	struct segments s = { 0 };
	Elf64_Ehdr eh;

	if (size < sizeof(eh))
		return s;
	memcpy(&eh, data, sizeof(eh));
	if (!eh.e_phoff || eh.e_phentsize != sizeof(s.ph[0]) || eh.e_phnum > 16 || eh.e_phoff > size ||
		eh.e_phnum * sizeof(s.ph[0]) > size - eh.e_phoff)
		return s;
	for (size_t i = 0; i < eh.e_phnum; i++) {
		memcpy(&s.ph[s.n], data + eh.e_phoff + i * sizeof(s.ph[0]), sizeof(s.ph[0]));
		s.n += s.ph[s.n].p_type == PT_LOAD && s.ph[s.n].p_vaddr + s.ph[s.n].p_filesz >= s.ph[s.n].p_vaddr &&
		       s.ph[s.n].p_offset + s.ph[s.n].p_filesz >= s.ph[s.n].p_offset;
		if (s.n == 16)
			return s;
	}
	s.known = 1;
	return s;
}

static size_t n_holding(const struct segments *s, uint64_t at, int is_offset)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += at - (is_offset ? s->ph[i].p_offset : s->ph[i].p_vaddr) < s->ph[i].p_filesz;
	return n;
}

/* check_translation - there and back is where it started, unless segments overlap; what no segment holds is refused. */
static void check_translation(const struct elffile *f, const struct segments *s, uint64_t at)
{
	uint64_t offset, vaddr, again;

	if (!elffile_vaddr_to_offset(f, at, &offset)) {
		FUZZ_CHECK(!elffile_offset_to_vaddr(f, offset, &vaddr));
		FUZZ_CHECK(!elffile_vaddr_to_offset(f, vaddr, &again));
		if (s->known && n_holding(s, at, 0) == 1 && n_holding(s, offset, 1) == 1)
			FUZZ_CHECK(vaddr == at);
		FUZZ_CHECK(!s->known || n_holding(s, at, 0));
	} else {
		FUZZ_CHECK(!s->known || !n_holding(s, at, 0));
	}
	if (!elffile_offset_to_vaddr(f, at, &vaddr)) {
		FUZZ_CHECK(!elffile_vaddr_to_offset(f, vaddr, &offset));
		if (s->known && n_holding(s, at, 1) == 1 && n_holding(s, vaddr, 0) == 1)
			FUZZ_CHECK(offset == at);
		FUZZ_CHECK(!s->known || n_holding(s, at, 1));
	} else {
		FUZZ_CHECK(!s->known || !n_holding(s, at, 1));
	}
}

/* ask - about the numbers that stand in the input, and their neighbours, and about each string that ends in it. */
static void ask(const struct elffile *f, const uint8_t *data, size_t size)
{
	struct segments s = read_segments(data, size);
	size_t n = 0;

	for (size_t at = 0; at + 8 <= size && n < MAX_QUESTIONS; at += 8) {
		uint64_t number;

		memcpy(&number, data + at, sizeof(number));
		if (!number)
			continue;
		n++;
		for (int64_t by = -1; by <= 1; by++) {
			check_covering(f, number + by);
			check_translation(f, &s, number + by);
		}
	}
	n = 0;
	for (size_t at = 0, end; at < size && n < MAX_QUESTIONS; at = end + 1) {
		const uint8_t *nul = memchr(data + at, 0, size - at);

		if (!nul)
			break;
		end = nul - data;
		if (end - at > 1 && end - at < 128) {
			check_name(f, (const char *)data + at);
			n++;
		}
	}
}

/* check_imports - the words that the loader fills: of names that were asked for, and of no more than there may be. */
static void check_imports(int fd, int is_readable)
{
	static const char *const names[] = { "malloc", "free", "calloc", "puts" };
	struct elfimport *import;
	char name[64];
	int n = elfimports_read(fd, names, 4, &import);

	FUZZ_CHECK(n >= 0 ? n <= ELFIMPORTS_MAX : n == -ENOEXEC && !is_readable);
	FUZZ_CHECK(n > 0 == !!import);
	for (int i = 0; i < n; i++) {
		FUZZ_CHECK(import[i].name < 4);
		FUZZ_CHECK(elfimports_name(fd, import[i].vaddr, name, sizeof(name)) || strlen(name) < sizeof(name));
	}
	free(import);
}

/* bytes_of - an elffile as bytes; to be freed. */
static uint8_t *bytes_of(const struct elffile *f, size_t *n)
{
	struct elffile_piece piece[ELFFILE_PIECES];
	uint8_t *all;

	elffile_pieces(f, piece);
	*n = 0;
	for (size_t i = 0; i < ELFFILE_PIECES; i++)
		*n += piece[i].n_bytes;
	all = malloc(*n);
	if (!all)
		abort();
	*n = 0;
	for (size_t i = 0; i < ELFFILE_PIECES; i++) {
		if (piece[i].n_bytes)
			memcpy(all + *n, piece[i].data, piece[i].n_bytes);
		*n += piece[i].n_bytes;
	}
	return all;
}

/* check_bytes - an elffile of the bytes of another is as good; of damaged ones, where the input says how, it keeps its promises or
 * there is none. */
static void check_bytes(const struct elffile *f, const uint8_t *data, size_t size)
{
	struct elffile *again;
	uint8_t *bytes;
	size_t n;

	bytes = bytes_of(f, &n);
	FUZZ_CHECK(!elffile_from(&again, bytes, n));
	check_identity(again);
	ask(again, data, size);
	elffile_close(again);
	bytes = bytes_of(f, &n);
	for (size_t at = 0; at + 4 <= size && at < 256; at += 4)
		bytes[(data[at] | data[at + 1] << 8 | data[at + 2] << 16) % n] = data[at + 3];
	if (elffile_from(&again, bytes, n))
		return;
	check_identity(again);
	for (size_t at = 0; at + 8 <= size && at < 1024; at += 8) {
		struct elffile_symbol sym;
		uint64_t number;

		memcpy(&number, data + at, sizeof(number));
		if (!elffile_covering(again, number, &sym))
			check_symbol(&sym);
	}
	elffile_close(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elffile *f = NULL;
	int fd = fuzz_file(data, size), err = elffile_open(&f, fd);

	FUZZ_CHECK(!err || err == -ENOEXEC);
	FUZZ_CHECK(!err == !!f);
	check_imports(fd, !err);
	if (err)
		return 0;
	check_identity(f);
	check_covering(f, 0);
	check_covering(f, UINT64_MAX);
	ask(f, data, size);
	check_bytes(f, data, size);
	elffile_close(f);
	return 0;
}
