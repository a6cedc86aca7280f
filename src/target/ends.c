// SPDX-License-Identifier: GPL-2.0-or-later
/* target/ends.c - where a PHP engine gives up: over its memory_limit, and over a corrupted heap.
 *
 * In: the file's bytes. Out: places in the file. The functions are static and most engines stripped, so they are found by
 * what they are given: a few instructions that take the address of a message, and then a call with it in one of the
 * registers that the kernel side looks at. Where several are called that way, it is the one that is called most often.
 *
 * Where all calls of zend_mm_panic have the same message, compilers give it no argument and let it take the address itself,
 * or put it into its callers: then nothing is called with the message but a function that prints. There the instruction
 * itself is probed that takes the address. It may stand in the middle of a function, which a probe would break that is not
 * at the beginning of an instruction: so it must be shown that one begins there.
 * Source: Zend/zend_alloc.c of PHP 7.2 to 8.5, zend_mm_safe_error and zend_mm_panic.
 * The file may be hostile: all that is read is bounded, and a wrong function is a probe that finds no message there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <Zydis/Zydis.h>

#include "swtrace/abi.h"
#include "target/parser.h"

#define PIECE_BYTES	 (1 << 20)
#define OVERLAP_BYTES	 64
#define CODE_OVERLAP	 6 /* a byte less than what takes an address: nothing is missed, and nothing met twice */
#define MAX_FILE_BYTES	 (64 << 20)
#define MAX_INSTRUCTIONS 8    /* from the message's address to the call */
#define MAX_FOLLOWED	 1024 /* addresses of messages in the code: of PHP 8.2 there are 50 */
#define MAX_CALLED	 16   /* different functions */
#define MAX_PLACES	 (ENDS_MAX - 1)
#define BEFORE_BYTES	 256 /* of code that is read to see where instructions begin */

/* zend_mm_panic is called from dozens of places: what is called once with its message only prints it. */
#define MIN_PANIC_CALLS 2

/* Registers by their numbers in instructions. */
#define REG_RSI 6
#define REG_RDI 7
#define REG_R8	8

#define GIVEN (1U << REG_RSI | 1U << REG_RDI) /* those in which the kernel side looks for a message */

enum { LIMIT, PANIC, MESSAGES };

/* The beginnings of messages, each behind the end of another string. */
static const char *const messages[MESSAGES] = {
	[LIMIT] = "Allowed memory size of %zu bytes exhausted",
	[PANIC] = "zend_mm_heap corrupted",
};

/* What is called with one message, and where its address is taken for a call that is made in any case. */
struct called {
	uint64_t message; /* link-time address; 0 = the file has none */
	uint64_t function[MAX_CALLED];
	unsigned n_calls[MAX_CALLED];
	size_t n;
	uint64_t place[MAX_PLACES];
	size_t n_places;
};

/* An instruction that takes an address. */
struct taking {
	uint64_t address;
	uint64_t at;   /* where it stands */
	uint64_t next; /* and the next one */
	unsigned reg;  /* into which register */
};

struct looking {
	const struct target_module *m;
	ZydisDecoder decoder;
	struct called called[MESSAGES];
	size_t n_followed;
	uint8_t piece[PIECE_BYTES];
};

/* look_for_messages - where they are in the file. */
static void look_for_messages(struct looking *l)
{
	size_t left = MESSAGES;

	for (off_t at = 0; left && at < MAX_FILE_BYTES; at += PIECE_BYTES - OVERLAP_BYTES) {
		ssize_t n = pread(l->m->fd, l->piece, PIECE_BYTES, at);

		if (n <= 0)
			return;
		for (int k = 0; k < MESSAGES; k++) {
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

/* find_code - the segment that holds an address, more than n_bytes before its end.  Return: 0, or -ENOENT. */
static int find_code(const struct looking *l, uint64_t vaddr, size_t n_bytes, struct elffile_code *code)
{
	for (size_t i = 0; !elffile_code(l->m->elf, i, code); i++)
		if (vaddr - code->vaddr < code->n_bytes && code->n_bytes - (vaddr - code->vaddr) > n_bytes)
			return 0;
	return -ENOENT;
}

/* is_code - is it in the file, and no entry of the procedure linkage table: a jump through a pointer? */
static int is_code(const struct looking *l, uint64_t vaddr)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	struct elffile_code code;
	uint8_t b[8], *at = b;

	if (find_code(l, vaddr, sizeof(b), &code) ||
		pread(l->m->fd, b, sizeof(b), (off_t)(code.offset + (vaddr - code.vaddr))) != sizeof(b))
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

/* is_instruction - does an instruction begin at vaddr?
 * No instruction is longer than 15 bytes, so at one of any 15 addresses one begins: if the code leads to vaddr from each of
 * them from which it can be read at all, it does so from that one. Wrong readings soon meet the right one, so that this
 * shows nearly all that are: all of 15,000 in PHP 7.4. Where the code begins, one does, too. */
static int is_instruction(const struct looking *l, uint64_t vaddr)
{
	uint8_t bytes[BEFORE_BYTES + ZYDIS_MAX_INSTRUCTION_LENGTH];
	ZydisDecodedInstruction in;
	struct elffile_code code;
	int n_starts = 1, n_ways = 0;
	size_t before, n;
	ssize_t got;

	if (find_code(l, vaddr, 0, &code))
		return 0;
	before = vaddr - code.vaddr;
	if (before >= BEFORE_BYTES) {
		before = BEFORE_BYTES;
		n_starts = ZYDIS_MAX_INSTRUCTION_LENGTH;
	}
	got = pread(l->m->fd, bytes, before + ZYDIS_MAX_INSTRUCTION_LENGTH,
		(off_t)(code.offset + (vaddr - before - code.vaddr)));
	n = got > 0 ? got : 0;
	for (int start = 0; start < n_starts; start++) {
		size_t at = start;

		while (at < before && at < n &&
			ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&l->decoder, NULL, bytes + at, n - at, &in)))
			at += in.length;
		if (at > before)
			return 0;
		n_ways += at == before;
	}
	return n_ways > 0;
}

static unsigned bit_of(ZydisRegister reg)
{
	reg = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
	return ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_GPR64 ? 1U << ZydisRegisterGetId(reg) : 0;
}

/* held_after - which registers hold the message's address after an instruction. */
static unsigned held_after(const ZydisDecodedInstruction *in, const ZydisDecodedOperand *op, unsigned held)
{
	int is_copy = in->mnemonic == ZYDIS_MNEMONIC_MOV && op[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		      op[1].type == ZYDIS_OPERAND_TYPE_REGISTER && held & bit_of(op[1].reg.value);

	for (size_t i = 0; i < in->operand_count; i++)
		if (op[i].type == ZYDIS_OPERAND_TYPE_REGISTER && op[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
			held &= ~bit_of(op[i].reg.value);
	return is_copy ? held | bit_of(op[0].reg.value) : held;
}

/* follow - the code behind a message's address, to the first call, or jump that is one. */
static void follow(struct looking *l, struct called *c, const struct taking *t)
{
	uint8_t code[MAX_INSTRUCTIONS * ZYDIS_MAX_INSTRUCTION_LENGTH];
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
	unsigned held = 1U << t->reg;
	ZydisDecodedInstruction in;
	int may_not_call = 0;
	uint64_t offset;
	ZyanU64 target;
	ssize_t n = 0, at = 0;

	if (!elffile_vaddr_to_offset(l->m->elf, t->next, &offset))
		n = pread(l->m->fd, code, sizeof(code), (off_t)offset);
	for (int i = 0; i < MAX_INSTRUCTIONS && at < n; i++, at += in.length) {
		if (ZYAN_FAILED(ZydisDecoderDecodeFull(&l->decoder, code + at, n - at, &in, op)))
			return;
		if (in.meta.category == ZYDIS_CATEGORY_RET || in.meta.category == ZYDIS_CATEGORY_INTERRUPT)
			return;
		may_not_call |= in.meta.category == ZYDIS_CATEGORY_COND_BR;
		if (in.meta.category != ZYDIS_CATEGORY_CALL && in.meta.category != ZYDIS_CATEGORY_UNCOND_BR) {
			held = held_after(&in, op, held);
			continue;
		}
		if (held & GIVEN && op[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
			ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&in, &op[0], t->next + at, &target)) &&
			is_code(l, target))
			count(c, target);
		if (!may_not_call && c->n_places < MAX_PLACES)
			c->place[c->n_places++] = t->at;
		return;
	}
}

/* is_taking - do these 32 bits belong to an instruction that takes an address: lea from the instruction pointer (REX.W 8d,
 * mod 0, rm 5), or, in a program that is not relocated, mov of a constant? */
static int is_taking(const uint8_t *word, uint64_t vaddr, struct taking *t)
{
	int32_t value;

	memcpy(&value, word, sizeof(value));
	t->next = vaddr + sizeof(value);
	if (word[-2] == 0x8d && (word[-3] & 0xfb) == 0x48 && (word[-1] & 0xc7) == 5) {
		t->address = t->next + (int64_t)value;
		t->at = vaddr - 3;
		t->reg = (word[-1] >> 3 & 7) | (word[-3] & 4 ? REG_R8 : 0);
		return 1;
	}
	t->address = (uint32_t)value;
	t->at = vaddr - 1;
	t->reg = word[-1] & 7;
	return (word[-1] & 0xf8) == 0xb8;
}

/* look_for_calls - in a piece of code at vaddr. Every place is taken for one where an instruction may begin. */
static void look_for_calls(struct looking *l, size_t n, uint64_t vaddr)
{
	struct taking t;

	for (size_t i = 3; i + 4 <= n; i++) {
		if (!is_taking(l->piece + i, vaddr + i, &t) || !t.address)
			continue;
		for (int k = 0; k < MESSAGES; k++) {
			if (t.address != l->called[k].message || l->n_followed++ >= MAX_FOLLOWED)
				continue;
			/* of a constant: has it the prefix that names r8 to r15? */
			if (t.at == vaddr + i - 1 && l->piece[i - 2] == 0x41 && is_instruction(l, t.at - 1)) {
				t.at--;
				t.reg += REG_R8;
			}
			follow(l, &l->called[k], &t);
		}
	}
}

static void look_through_code(struct looking *l)
{
	struct elffile_code code;

	for (size_t i = 0; !elffile_code(l->m->elf, i, &code); i++) {
		uint64_t end = code.n_bytes < MAX_FILE_BYTES ? code.n_bytes : MAX_FILE_BYTES;

		for (uint64_t at = 0; at < end; at += PIECE_BYTES - CODE_OVERLAP) {
			size_t wanted = end - at < PIECE_BYTES ? end - at : PIECE_BYTES;
			ssize_t n = pread(l->m->fd, l->piece, wanted, (off_t)(code.offset + at));

			if (n <= 0)
				break;
			look_for_calls(l, n, code.vaddr + at);
		}
	}
}

/* most_called - the offset in the file of the function that is called most often, at least so often; 0 = none is. */
static uint64_t most_called(const struct looking *l, const struct called *c, unsigned at_least)
{
	uint64_t offset = 0;
	size_t best = 0;

	for (size_t i = 1; i < c->n; i++)
		if (c->n_calls[i] > c->n_calls[best])
			best = i;
	if (!c->n || c->n_calls[best] < at_least || elffile_vaddr_to_offset(l->m->elf, c->function[best], &offset))
		return 0;
	return offset;
}

static int limit_place(const struct looking *l, struct end_place *out)
{
	struct elffile_symbol sym;

	*out = (struct end_place){ most_called(l, &l->called[LIMIT], 1), END_LIMIT };
	/* By this one it is told in the end. */
	if (!out->offset && !elffile_find(l->m->elf, "zend_error_noreturn", &sym))
		elffile_vaddr_to_offset(l->m->elf, sym.vaddr, &out->offset);
	return out->offset != 0;
}

static int panic_places(const struct looking *l, struct end_place *out)
{
	const struct called *c = &l->called[PANIC];
	struct end_place one = { most_called(l, c, MIN_PANIC_CALLS), END_PANIC };
	int n = 0;

	if (one.offset) {
		out[n++] = one;
		return n;
	}
	one.what = END_CORRUPT;
	for (size_t i = 0; i < c->n_places; i++)
		if (is_instruction(l, c->place[i]) && !elffile_vaddr_to_offset(l->m->elf, c->place[i], &one.offset))
			out[n++] = one;
	return n;
}

int ends_find(const struct target_module *m, struct end_place *out)
{
	struct looking *l = calloc(1, sizeof(*l));
	int n;

	if (!l)
		return -ENOMEM;
	l->m = m;
	ZydisDecoderInit(&l->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	look_for_messages(l);
	look_through_code(l);
	n = limit_place(l, out);
	n += panic_places(l, out + n);
	free(l);
	return n;
}

int target_php_ends(const struct target_module *m, struct target_site **out)
{
	struct end_place place[ENDS_MAX];
	struct elffile_symbol sym;
	int n;

	*out = NULL;
	if (!m->elf || elffile_find(m->elf, "execute_ex", &sym))
		return 0;
	n = parser_ends(m, place);
	if (n <= 0)
		return n == -ENOMEM ? n : 0;
	*out = calloc(n, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	for (int i = 0; i < n; i++)
		(*out)[i] = (struct target_site){
			.function = place[i].what == END_LIMIT ? "zend_mm_safe_error" : "zend_mm_panic",
			.offset = place[i].offset,
			.cookie = place[i].what == END_CORRUPT ? SWT_END_CORRUPT : SWT_END_GIVEN,
		};
	return n;
}
