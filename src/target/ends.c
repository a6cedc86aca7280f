// SPDX-License-Identifier: GPL-2.0-or-later
/* target/ends.c - the functions in which a PHP engine gives up: over its memory_limit, and over a corrupted heap.
 *
 * In: the file's bytes. Out: places in the file. The functions are static and most engines stripped, so they are found by what
 * they are given: a few instructions that take the address of a message, and then a call. Where several are called that way, it is
 * the one that is called most often (the message's address is also taken by functions that pass it on, or print it).
 * Source: Zend/zend_alloc.c of PHP 7.2 to 8.5, zend_mm_safe_error and zend_mm_panic.
 * The file may be hostile: all that is read is bounded, and a wrong place is a probe that finds no message there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <Zydis/Zydis.h>

#include "target/internal.h"

#define PIECE_BYTES	 (1 << 20)
#define OVERLAP_BYTES	 64
#define MAX_FILE_BYTES	 (64 << 20)
#define MAX_INSTRUCTIONS 8    /* from the message's address to the call */
#define MAX_FOLLOWED	 1024 /* addresses of messages in the code: of PHP 8.2 there are 50 */
#define MAX_CALLED	 16   /* different functions */

/* The beginnings of messages, each behind the end of another string. */
static const char *const messages[TARGET_PHP_ENDS] = {
	[TARGET_PHP_LIMIT] = "Allowed memory size of %zu bytes exhausted",
	[TARGET_PHP_PANIC] = "zend_mm_heap corrupted",
};

/* What is called with one message. */
struct called {
	uint64_t message; /* link-time address; 0 = the file has none */
	uint64_t function[MAX_CALLED];
	unsigned n_calls[MAX_CALLED];
	size_t n;
};

struct looking {
	const struct target_module *m;
	ZydisDecoder decoder;
	struct called called[TARGET_PHP_ENDS];
	size_t n_followed;
	uint8_t piece[PIECE_BYTES];
};

/* look_for_messages - where they are in the file. */
static void look_for_messages(struct looking *l)
{
	size_t left = TARGET_PHP_ENDS;

	for (off_t at = 0; left && at < MAX_FILE_BYTES; at += PIECE_BYTES - OVERLAP_BYTES) {
		ssize_t n = pread(l->m->fd, l->piece, PIECE_BYTES, at);

		if (n <= 0)
			return;
		for (int k = 0; k < TARGET_PHP_ENDS; k++) {
			size_t length = strlen(messages[k]);
			uint8_t *found = l->called[k].message ? NULL : memmem(l->piece, n, messages[k], length);

			/* One that is cut at the front is whole in the piece before. */
			if (!found || found == l->piece || found[-1] ||
				elffile_offset_to_vaddr(l->m->elf, at + (found - l->piece), &l->called[k].message))
				continue;
			left--;
		}
	}
}

/* is_code - is it in the file, and no entry of the procedure linkage table: a jump through a pointer? */
static int is_code(const struct looking *l, uint64_t vaddr)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	struct elffile_code code;
	uint8_t b[8], *at = b;
	int is_within = 0;

	for (size_t i = 0; !is_within && !elffile_code(l->m->elf, i, &code); i++)
		if (vaddr - code.vaddr < code.n_bytes && code.n_bytes - (vaddr - code.vaddr) > sizeof(b))
			is_within =
				pread(l->m->fd, b, sizeof(b), (off_t)(code.offset + (vaddr - code.vaddr))) == sizeof(b);
	if (!is_within)
		return 0;
	if (!memcmp(b, endbr64, sizeof(endbr64)))
		at += sizeof(endbr64);
	at += *at == 0xf2; /* bnd */
	return at[0] != 0xff || at[1] != 0x25;
}

/* count - one more call. */
static void count(struct called *c, uint64_t function)
{
	size_t i = 0;

	while (i < c->n && c->function[i] != function)
		i++;
	if (i == MAX_CALLED)
		return;
	c->function[i] = function;
	c->n_calls[i]++;
	c->n += i == c->n;
}

/* follow - the code behind a message's address, to the first call, or jump that is one. */
static void follow(struct looking *l, struct called *c, uint64_t vaddr)
{
	uint8_t code[MAX_INSTRUCTIONS * ZYDIS_MAX_INSTRUCTION_LENGTH];
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction in;
	uint64_t offset;
	ZyanU64 target;
	ssize_t n = 0, at = 0;

	if (!elffile_vaddr_to_offset(l->m->elf, vaddr, &offset))
		n = pread(l->m->fd, code, sizeof(code), (off_t)offset);
	for (int i = 0; i < MAX_INSTRUCTIONS && at < n; i++, at += in.length) {
		if (ZYAN_FAILED(ZydisDecoderDecodeFull(&l->decoder, code + at, n - at, &in, op)))
			return;
		if (in.meta.category == ZYDIS_CATEGORY_RET || in.meta.category == ZYDIS_CATEGORY_INTERRUPT)
			return;
		if (in.meta.category != ZYDIS_CATEGORY_CALL && in.meta.category != ZYDIS_CATEGORY_UNCOND_BR)
			continue;
		if (op[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
			ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&in, &op[0], vaddr + at, &target)) && is_code(l, target))
			count(c, target);
		return;
	}
}

/* is_address - do the bytes before these 32 bits take an address: lea from the instruction pointer (REX.W 8d, mod 0, rm 5), or, in
 * a program that is not relocated, mov of a constant?  Return: the address, or 0. */
static uint64_t is_address(const uint8_t *word, uint64_t vaddr)
{
	int32_t value;

	memcpy(&value, word, sizeof(value));
	if (word[-2] == 0x8d && (word[-3] & 0xfb) == 0x48 && (word[-1] & 0xc7) == 5)
		return vaddr + sizeof(value) + (int64_t)value;
	return (word[-1] & 0xf8) == 0xb8 ? (uint32_t)value : 0;
}

/* look_for_calls - in a piece of code at vaddr. Every place is taken for one where an instruction may begin. */
static void look_for_calls(struct looking *l, size_t n, uint64_t vaddr)
{
	for (size_t i = 3; i + 4 <= n; i++) {
		uint64_t address = is_address(l->piece + i, vaddr + i);

		for (int k = 0; address && k < TARGET_PHP_ENDS; k++)
			if (address == l->called[k].message && l->n_followed++ < MAX_FOLLOWED)
				follow(l, &l->called[k], vaddr + i + 4);
	}
}

static void look_through_code(struct looking *l)
{
	struct elffile_code code;

	for (size_t i = 0; !elffile_code(l->m->elf, i, &code); i++) {
		uint64_t end = code.n_bytes < MAX_FILE_BYTES ? code.n_bytes : MAX_FILE_BYTES;

		for (uint64_t at = 0; at < end; at += PIECE_BYTES - OVERLAP_BYTES) {
			size_t wanted = end - at < PIECE_BYTES ? end - at : PIECE_BYTES;
			ssize_t n = pread(l->m->fd, l->piece, wanted, (off_t)(code.offset + at));

			if (n <= 0)
				break;
			look_for_calls(l, n, code.vaddr + at);
		}
	}
}

/* most_called - the offset in the file of the function that is called most often; 0 = none is. */
static uint64_t most_called(const struct looking *l, const struct called *c)
{
	uint64_t offset = 0;
	size_t best = 0;

	for (size_t i = 1; i < c->n; i++)
		if (c->n_calls[i] > c->n_calls[best])
			best = i;
	if (!c->n || elffile_vaddr_to_offset(l->m->elf, c->function[best], &offset))
		return 0;
	return offset;
}

int target_php_ends(const struct target_module *m, uint64_t offset[TARGET_PHP_ENDS])
{
	struct elffile_symbol sym;
	struct looking *l;

	memset(offset, 0, TARGET_PHP_ENDS * sizeof(*offset));
	if (!m->elf || elffile_find(m->elf, "execute_ex", &sym))
		return -ENOENT;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->m = m;
	ZydisDecoderInit(&l->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	look_for_messages(l);
	look_through_code(l);
	for (int k = 0; k < TARGET_PHP_ENDS; k++)
		offset[k] = most_called(l, &l->called[k]);
	free(l);
	/* By this one it is told in the end. */
	if (!offset[TARGET_PHP_LIMIT] && !elffile_find(m->elf, "zend_error_noreturn", &sym))
		elffile_vaddr_to_offset(m->elf, sym.vaddr, &offset[TARGET_PHP_LIMIT]);
	return 0;
}
