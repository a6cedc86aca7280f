// SPDX-License-Identifier: GPL-2.0-or-later
/* target/leaves.c - the instructions by which a function returns to its caller, found by following its code.
 *
 * In: the file's bytes and symbols. Out: offsets of return instructions. A function may go on in others by jumps (tail
 * calls), also through the file's procedure linkage table: they are followed as far as the file tells where they lead.
 * What is not found (a jump by a table, code of another file) makes a return unseen, which the kernel side counts; what is
 * found too much (the code after a call that never returns is another function's) is ignored there.
 * The file may be hostile: no more than MAX_INSTRUCTIONS are decoded. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <Zydis/Zydis.h>

#include "target/internal.h"
#include "util/elfimports.h"

#define MAX_INSTRUCTIONS 4096 /* operator new of tcmalloc has 400, with all that it goes on in */
#define SEEN_SLOTS	 (4 * MAX_INSTRUCTIONS)
#define MAX_WAYS	 1024
#define CODE_BYTES	 4096
#define MAX_NAME	 256

struct following {
	const struct target_module *m;
	ZydisDecoder decoder;
	uint64_t seen[SEEN_SLOTS]; /* addresses of instructions; 0 = empty */
	size_t n_seen;
	uint64_t way[MAX_WAYS]; /* still to go */
	size_t n_ways;
	uint8_t code[CODE_BYTES]; /* of the file, from code_at on */
	uint64_t code_at;
	size_t n_code;
	uint64_t *leaf;
	size_t n_leaves;
	size_t cap;
};

/* see - note an instruction.  Return: 1 if it is new, 0 if not, or if there are too many. */
static int see(struct following *f, uint64_t vaddr)
{
	size_t slot = (vaddr * 0x9e3779b97f4a7c15ULL) % SEEN_SLOTS;

	while (f->seen[slot]) {
		if (f->seen[slot] == vaddr)
			return 0;
		slot = (slot + 1) % SEEN_SLOTS;
	}
	if (f->n_seen == MAX_INSTRUCTIONS || !vaddr)
		return 0;
	f->seen[slot] = vaddr;
	f->n_seen++;
	return 1;
}

/* bytes_at - up to 15 bytes of code.  Return: their number. */
static size_t bytes_at(struct following *f, uint64_t vaddr, const uint8_t **out)
{
	uint64_t offset;
	ssize_t n;

	if (elffile_vaddr_to_offset(f->m->elf, vaddr, &offset))
		return 0;
	if (offset < f->code_at || offset - f->code_at + ZYDIS_MAX_INSTRUCTION_LENGTH > f->n_code) {
		n = pread(f->m->fd, f->code, sizeof(f->code), (off_t)offset);
		f->code_at = offset;
		f->n_code = n > 0 ? n : 0;
	}
	*out = f->code + (offset - f->code_at);
	if (offset - f->code_at >= f->n_code)
		return 0;
	return f->n_code - (offset - f->code_at);
}

/* linked_to - where the jump through this word leads, if the function of that name is in this file as well; else 0. */
static uint64_t linked_to(const struct following *f, uint64_t word)
{
	struct elffile_symbol sym;
	char name[MAX_NAME];

	if (elfimports_name(f->m->fd, word, name, sizeof(name)) || elffile_find(f->m->elf, name, &sym))
		return 0;
	return sym.vaddr;
}

/* jump_target - of a jump at vaddr; 0 = not known. */
static uint64_t jump_target(
	const struct following *f, const ZydisDecodedInstruction *in, const ZydisDecodedOperand *op, uint64_t vaddr)
{
	ZyanU64 target;

	if (ZYAN_FAILED(ZydisCalcAbsoluteAddress(in, op, vaddr, &target)))
		return 0;
	if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return target;
	return op->type == ZYDIS_OPERAND_TYPE_MEMORY && op->mem.base == ZYDIS_REGISTER_RIP ? linked_to(f, target) : 0;
}

static int add_leaf(struct following *f, uint64_t vaddr)
{
	uint64_t offset;

	if (elffile_vaddr_to_offset(f->m->elf, vaddr, &offset))
		return 0;
	for (size_t i = 0; i < f->n_leaves; i++)
		if (f->leaf[i] == offset)
			return 0;
	if (f->n_leaves == f->cap)
		return -E2BIG;
	f->leaf[f->n_leaves++] = offset;
	return 0;
}

/* follow - one way, to where it ends.  Return: 0, or -E2BIG: more leaves than there is room for. */
static int follow(struct following *f, uint64_t vaddr)
{
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction in;
	const uint8_t *code;
	uint64_t to;
	size_t n;

	while (see(f, vaddr)) {
		n = bytes_at(f, vaddr, &code);
		if (!n || ZYAN_FAILED(ZydisDecoderDecodeFull(&f->decoder, code, n, &in, op)))
			return 0;
		switch (in.meta.category) {
		case ZYDIS_CATEGORY_RET:
			return in.mnemonic == ZYDIS_MNEMONIC_RET ? add_leaf(f, vaddr) : 0;
		case ZYDIS_CATEGORY_COND_BR:
			to = jump_target(f, &in, &op[0], vaddr);
			if (to && f->n_ways < MAX_WAYS)
				f->way[f->n_ways++] = to;
			vaddr += in.length;
			break;
		case ZYDIS_CATEGORY_UNCOND_BR:
			vaddr = jump_target(f, &in, &op[0], vaddr);
			break;
		case ZYDIS_CATEGORY_INTERRUPT:
			return 0;
		default:
			if (in.mnemonic == ZYDIS_MNEMONIC_UD2 || in.mnemonic == ZYDIS_MNEMONIC_HLT)
				return 0;
			vaddr += in.length;
		}
	}
	return 0;
}

int leaves_find(const struct target_module *m, uint64_t vaddr, uint64_t *offset, size_t cap)
{
	struct following *f = calloc(1, sizeof(*f));
	int err = 0, n;

	if (!f)
		return -ENOMEM;
	f->m = m;
	f->leaf = offset;
	f->cap = cap;
	ZydisDecoderInit(&f->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	f->way[f->n_ways++] = vaddr;
	while (f->n_ways && !err)
		err = follow(f, f->way[--f->n_ways]);
	n = (int)f->n_leaves;
	free(f);
	return err ? err : n;
}
