// SPDX-License-Identifier: GPL-2.0-or-later
/* target/entry.c - where in a function a probe is cheap.
 * The kernel emulates few instructions and single-steps the others, which costs many times as much: docs/probes.md. So a
 * probe is moved from a function's first instruction to the first one that is emulated, if nothing that the probe looks at
 * has changed by then: every call passes there once, with the same arguments, and the return address on top of the stack.
 * It is never a guess: where that cannot be shown, the entry itself is probed.
 * Source of what is emulated: arch/x86/kernel/uprobes.c (push_setup_xol_ops, branch_setup_xol_ops), the same since 4.18. */
#include <Zydis/Zydis.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "swtrace/abi.h"
#include "target/internal.h"

#define MAX_FUNCTION_BYTES 16384 /* allocator functions have a few hundred */

/* is_emulated - whatever its prefixes, so only what has none but the one that names r8 to r15. */
static int is_emulated(const uint8_t *code, size_t length)
{
	switch (length) {
	case 1:
		return (code[0] >= 0x50 && code[0] <= 0x57 && code[0] != 0x54) || code[0] == 0x90; /* push; nop */
	case 2:
		return (code[0] == 0x41 && code[1] >= 0x50 && code[1] <= 0x57) || /* push %r8 to %r15 */
		       code[0] == 0xeb || (code[0] >= 0x70 && code[0] <= 0x7f);	  /* jmp, jcc */
	case 5:
		return code[0] == 0xe9;
	case 6:
		return code[0] == 0x0f && code[1] >= 0x80 && code[1] <= 0x8f;
	default:
		return 0;
	}
}

/* changes - does the instruction write one of the argument registers, or the stack pointer? */
static int changes(const ZydisDecodedInstruction *in, const ZydisDecodedOperand *op, unsigned kept)
{
	static const ZydisRegister argument[] = { ZYDIS_REGISTER_RDI, ZYDIS_REGISTER_RSI, ZYDIS_REGISTER_RDX,
		ZYDIS_REGISTER_RCX };

	for (size_t i = 0; i < in->operand_count; i++) {
		ZydisRegister reg;

		if (op[i].type != ZYDIS_OPERAND_TYPE_REGISTER || !(op[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		reg = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, op[i].reg.value);
		if (reg == ZYDIS_REGISTER_RSP)
			return 1;
		for (size_t k = 0; k < sizeof(argument) / sizeof(argument[0]); k++)
			if (reg == argument[k] && kept & 1U << k)
				return 1;
	}
	return 0;
}

/* may_precede - instructions of a function's straight-line start: they compute. */
static int may_precede(const ZydisDecodedInstruction *in, const ZydisDecodedOperand *op, unsigned kept)
{
	switch (in->meta.category) {
	case ZYDIS_CATEGORY_BINARY:
	case ZYDIS_CATEGORY_LOGICAL:
	case ZYDIS_CATEGORY_DATAXFER:
	case ZYDIS_CATEGORY_MISC: /* lea */
	case ZYDIS_CATEGORY_SHIFT:
	case ZYDIS_CATEGORY_WIDENOP:
	case ZYDIS_CATEGORY_NOP:
	case ZYDIS_CATEGORY_CET: /* endbr64 */
	case ZYDIS_CATEGORY_SETCC:
	case ZYDIS_CATEGORY_CMOV:
		return !changes(in, op, kept);
	default:
		return 0;
	}
}

/* A function that is read from its entry to its end. */
struct reading {
	ZydisDecoder decoder;
	const uint8_t *code;
	size_t n;
	ZydisDecodedInstruction in;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
	ZydisRegister pointer; /* holds what was read from one place in memory; ZYDIS_REGISTER_NONE: none is known to */
	uint8_t is_target[MAX_FUNCTION_BYTES / 8]; /* a bit a byte of code: a branch leads there */
};

static int read_instruction(struct reading *r, size_t at)
{
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&r->decoder, r->code + at, r->n - at, &r->in, r->op));
}

/* read_target - where a direct branch at an offset leads, as an offset.  Return: 0 it is no direct branch. */
static int read_target(const struct reading *r, size_t at, uint64_t *target)
{
	return r->in.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE && r->op[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
	       ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&r->in, &r->op[0], at, target));
}

/* follow_pointer - which register holds a pointer, after the instruction. */
static void follow_pointer(struct reading *r)
{
	const ZydisDecodedOperand *op = r->op;

	if (r->in.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE)
		r->pointer = ZYDIS_REGISTER_NONE;
	for (size_t i = 0; i < r->in.operand_count; i++)
		if (op[i].type == ZYDIS_OPERAND_TYPE_REGISTER && op[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
			ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, op[i].reg.value) == r->pointer)
			r->pointer = ZYDIS_REGISTER_NONE;
	if (r->in.mnemonic == ZYDIS_MNEMONIC_MOV && op[0].type == ZYDIS_OPERAND_TYPE_REGISTER && op[0].size == 64 &&
		op[1].type == ZYDIS_OPERAND_TYPE_MEMORY && op[1].mem.index == ZYDIS_REGISTER_NONE)
		r->pointer = op[0].reg.value;
}

/* may_lead_back - may the indirect jump lead to where this function begins? One by a table may; one through a pointer that was
 * read from one place in memory calls another function. */
static int may_lead_back(const struct reading *r)
{
	if (r->in.meta.category != ZYDIS_CATEGORY_UNCOND_BR || r->op[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return 0;
	if (r->op[0].type == ZYDIS_OPERAND_TYPE_REGISTER)
		return r->op[0].reg.value != r->pointer;
	return r->op[0].type != ZYDIS_OPERAND_TYPE_MEMORY || r->op[0].mem.index != ZYDIS_REGISTER_NONE;
}

/* is_passed_once - does every call pass (0, move] from the entry on, and never come back? */
static int is_passed_once(struct reading *r, size_t move)
{
	uint64_t target;

	for (size_t at = 0; at < r->n; at += r->in.length) {
		if (!read_instruction(r, at))
			return 0;
		if (!read_target(r, at, &target))
			continue;
		if (target - 1 < move)
			return 0;
		if (target < r->n)
			r->is_target[target / 8] |= 1U << target % 8;
	}
	r->pointer = ZYDIS_REGISTER_NONE;
	for (size_t at = 0; at < r->n && read_instruction(r, at); at += r->in.length) {
		if (r->is_target[at / 8] & 1U << at % 8)
			r->pointer = ZYDIS_REGISTER_NONE;
		if (may_lead_back(r))
			return 0;
		follow_pointer(r);
	}
	return 1;
}

uint32_t entry_move(const uint8_t *code, size_t n, unsigned kept)
{
	struct reading r = { .code = code, .n = n };
	size_t move = 0;

	if (!n || n > MAX_FUNCTION_BYTES ||
		!ZYAN_SUCCESS(ZydisDecoderInit(&r.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)))
		return 0;
	for (;;) {
		if (move > ENTRY_MAX_MOVE || move >= n || !read_instruction(&r, move))
			return 0;
		if (is_emulated(code + move, r.in.length))
			break;
		if (!may_precede(&r.in, r.op, kept))
			return 0;
		move += r.in.length;
	}
	return move && is_passed_once(&r, move) ? move : 0;
}

unsigned entry_kept(uint64_t cookie)
{
	static const unsigned char n_sizes[] = {
		[SWT_SIZE_ARG] = 1, [SWT_SIZE_MUL] = 2, [SWT_SIZE_MUL_ADD] = 3, [SWT_SIZE_ARG_1] = 1
	};
	uint32_t op = SWT_COOKIE_OP(cookie), kind = SWT_COOKIE_KIND(cookie);
	unsigned kept = kind < sizeof(n_sizes) ? ((1U << n_sizes[kind]) - 1) << SWT_COOKIE_SIZE_ARG(cookie) : ~0U;

	if (op == SWT_OP_MUNMAP)
		return kept | 3;
	return op == SWT_OP_ALLOC || op == SWT_OP_MMAP ? kept : kept | 1U << SWT_COOKIE_PTR_ARG(cookie);
}

/* ---- branches from elsewhere ------------------------------------------------------------------------------------------ */

#define PIECE_BYTES (1 << 20)
#define LONG_BRANCH 6 /* bytes of the longest branch that leads far: 0f 8x and 32 bits */

/* is_branch - are the bytes before a 32-bit offset the opcode of jmp, call or jcc? */
static int is_branch(const uint8_t *offset)
{
	return offset[-1] == 0xe8 || offset[-1] == 0xe9 || (offset[-2] == 0x0f && (offset[-1] & 0xf0) == 0x80);
}

/* stay_where - the sites that a branch to this address leads behind the entry of are not moved. */
static void stay_where(struct entry_place *place, size_t n, uint64_t address)
{
	for (size_t i = 0; i < n; i++)
		if (place[i].move && address - place[i].vaddr - 1 < place[i].move)
			place[i].move = 0;
}

/* look_for_branches - in a piece of code at vaddr. Every place is taken for one where an instruction may begin: what looks
 * like a branch and is none does no harm. */
static void look_for_branches(struct entry_place *place, size_t n, const uint8_t *code, size_t n_code, uint64_t vaddr,
	const uint64_t range[2])
{
	for (size_t i = 2; i + 4 <= n_code; i++) {
		int32_t offset;
		uint64_t address;

		memcpy(&offset, code + i, sizeof(offset));
		address = vaddr + i + 4 + (int64_t)offset;
		if (address - range[0] < range[1] - range[0] && is_branch(code + i))
			stay_where(place, n, address);
	}
}

int entry_check_branches(int fd, const struct elffile *elf, struct entry_place *place, size_t n)
{
	uint64_t range[2] = { UINT64_MAX, 0 };
	struct elffile_code code;
	uint8_t *piece;
	int err = 0;

	for (size_t i = 0; i < n; i++) {
		range[0] = place[i].move && place[i].vaddr < range[0] ? place[i].vaddr : range[0];
		range[1] = place[i].move && place[i].vaddr + place[i].move >= range[1]
				   ? place[i].vaddr + place[i].move + 1
				   : range[1];
	}
	if (range[0] >= range[1])
		return 0;
	piece = malloc(PIECE_BYTES);
	if (!piece)
		return -ENOMEM;
	for (size_t k = 0; !err && !elffile_code(elf, k, &code); k++) {
		for (uint64_t at = 0; !err && at < code.n_bytes; at += PIECE_BYTES - LONG_BRANCH) {
			size_t wanted = code.n_bytes - at < PIECE_BYTES ? code.n_bytes - at : PIECE_BYTES;
			ssize_t got = pread(fd, piece, wanted, (off_t)(code.offset + at));

			err = got == (ssize_t)wanted ? 0 : -EIO;
			if (!err)
				look_for_branches(place, n, piece, wanted, code.vaddr + at, range);
		}
	}
	free(piece);
	return err;
}

/* is_cheap - does the kernel emulate the instruction at that place of the file? */
static int is_cheap(int fd, uint64_t offset)
{
	uint8_t code[6];

	/* Which of these lengths it has its first byte says. */
	return pread(fd, code, sizeof(code), (off_t)offset) == (ssize_t)sizeof(code) &&
	       (is_emulated(code, 1) || is_emulated(code, 2) || is_emulated(code, 5) || is_emulated(code, 6));
}

/* ---- a function of a file ---------------------------------------------------------------------------------------------- */

static uint32_t move_in_file(int fd, uint64_t offset, uint64_t size_bytes, unsigned kept)
{
	static uint8_t code[MAX_FUNCTION_BYTES];

	if (!size_bytes || size_bytes > sizeof(code) ||
		pread(fd, code, size_bytes, (off_t)offset) != (ssize_t)size_bytes)
		return 0;
	return entry_move(code, size_bytes, kept);
}

void entry_decide(int fd, const struct elffile *elf, struct entry_place *place, size_t n)
{
	for (size_t i = 0; i < n; i++)
		place[i].move = move_in_file(fd, place[i].offset, place[i].size_bytes, place[i].kept);
	if (entry_check_branches(fd, elf, place, n))
		for (size_t i = 0; i < n; i++)
			place[i].move = 0;
	for (size_t i = 0; i < n; i++)
		place[i].is_cheap = is_cheap(fd, place[i].offset + place[i].move);
}
