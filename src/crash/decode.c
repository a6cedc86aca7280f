// SPDX-License-Identifier: GPL-2.0-or-later
/* crash/decode.c - the faulting instruction: its text, and the memory that it accesses.
 * In: up to 32 bytes from a process that is not trusted, and its registers. The decoder (Zydis) takes any bytes. */
#include <string.h>

#include <Zydis/Zydis.h>

#include "crash/internal.h"

/* register_of - the general register that a part of it belongs to, or -1. */
static int register_of(ZydisRegister r)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);

	/* Both number them as x86 does. */
	return whole >= ZYDIS_REGISTER_RAX && whole <= ZYDIS_REGISTER_R15 ? (int)(whole - ZYDIS_REGISTER_RAX) : -1;
}

/* register_value - of a register, or of its lower part (ah and its like are the upper byte of two). */
static uint64_t register_value(const struct model_crash *c, ZydisRegister r, unsigned bytes)
{
	int reg = register_of(r);
	uint64_t value = reg < 0 ? 0 : c->reg[reg];

	if (r >= ZYDIS_REGISTER_AH && r <= ZYDIS_REGISTER_BH)
		value >>= 8;
	return low_bytes(value, bytes);
}

/* memory_address - what a memory operand means.  Return: 1, or 0: it cannot be told (relative to the base of a thread, or many
 * addresses at once). */
static int memory_address(const struct model_crash *c, const ZydisDecodedInstruction *in, const ZydisDecodedOperand *op,
	struct decode_operand *out)
{
	uint64_t addr = op->mem.disp.has_displacement ? (uint64_t)op->mem.disp.value : 0;

	out->base = register_of(op->mem.base);
	out->index = register_of(op->mem.index);
	if (op->mem.type != ZYDIS_MEMOP_TYPE_MEM || op->mem.segment == ZYDIS_REGISTER_FS ||
		op->mem.segment == ZYDIS_REGISTER_GS)
		return 0;
	if (op->mem.base == ZYDIS_REGISTER_RIP)
		addr += c->reg[MODEL_RIP] + in->length;
	else if (out->base >= 0)
		addr += low_bytes(c->reg[out->base], in->address_width / 8);
	else if (op->mem.base != ZYDIS_REGISTER_NONE)
		return 0;
	if (out->index >= 0)
		addr += low_bytes(c->reg[out->index], in->address_width / 8) * op->mem.scale;
	out->addr = in->address_width == 32 ? (uint32_t)addr : addr;
	/* A push, or a call, stores below the stack pointer. */
	if (op->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN && out->base == MODEL_RSP &&
		op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE && !op->mem.disp.has_displacement)
		out->addr -= op->size / 8;
	return 1;
}

/* add_operand - memory that it accesses; and, of a jump, where it goes. */
static void add_operand(
	struct decode *d, const struct model_crash *c, const ZydisDecodedInstruction *in, const ZydisDecodedOperand *op)
{
	int is_jump = in->meta.category == ZYDIS_CATEGORY_CALL || in->meta.category == ZYDIS_CATEGORY_UNCOND_BR;
	struct decode_operand *to = &d->operand[d->n];

	if (d->n == DECODE_OPERANDS)
		return;
	*to = (struct decode_operand){ .base = -1, .index = -1, .bytes = op->size / 8 };
	if (op->type == ZYDIS_OPERAND_TYPE_MEMORY) {
		to->access = (op->actions & ZYDIS_OPERAND_ACTION_MASK_READ ? MODEL_READ : 0) |
			     (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE ? MODEL_WRITE : 0);
		d->n += to->access && memory_address(c, in, op, to);
	} else if (is_jump && op->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		   op->visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT && register_of(op->reg.value) >= 0) {
		to->access = MODEL_EXECUTE;
		to->base = register_of(op->reg.value);
		to->addr = c->reg[to->base];
		to->bytes = 0;
		d->n++;
	}
}

/* set_divisor - by what it divides, if that is known. */
static void set_divisor(struct decode *d, const struct model_crash *c, const ZydisDecodedOperand *op)
{
	d->divisor_bytes = op->size / 8;
	if (op->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return;
	d->has_divisor = 1;
	d->divisor = register_value(c, op->reg.value, d->divisor_bytes);
}

/* return_target - a ret goes where the word at sp says. */
static void return_target(struct decode *d, const struct model_crash *c)
{
	if (c->n_stack && d->n < DECODE_OPERANDS)
		d->operand[d->n++] = (struct decode_operand){
			.addr = c->stack[0], .access = MODEL_EXECUTE, .base = MODEL_RSP, .index = -1
		};
}

static void set_text(
	struct decode *d, const struct model_crash *c, const ZydisDecodedInstruction *in, const ZydisDecodedOperand *op)
{
	ZydisFormatter f;

	ZydisFormatterInit(&f, ZYDIS_FORMATTER_STYLE_INTEL);
	ZydisFormatterSetProperty(&f, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, 0);
	ZydisFormatterSetProperty(&f, ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE, ZYDIS_PADDING_DISABLED);
	ZydisFormatterSetProperty(&f, ZYDIS_FORMATTER_PROP_DISP_PADDING, ZYDIS_PADDING_DISABLED);
	ZydisFormatterSetProperty(&f, ZYDIS_FORMATTER_PROP_IMM_PADDING, ZYDIS_PADDING_DISABLED);
	if (ZYAN_FAILED(ZydisFormatterFormatInstruction(
		    &f, in, op, in->operand_count_visible, d->text, sizeof(d->text), c->reg[MODEL_RIP], NULL)))
		d->text[0] = 0;
}

void decode_at_ip(const struct model_crash *c, struct decode *out)
{
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction in;
	ZydisDecoder decoder;

	memset(out, 0, sizeof(*out));
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	if (!c->n_code || ZYAN_FAILED(ZydisDecoderDecodeFull(&decoder, c->code, c->n_code, &in, op)))
		return;
	out->is_known = 1;
	set_text(out, c, &in, op);
	for (int i = 0; i < in.operand_count; i++)
		add_operand(out, c, &in, &op[i]);
	if (in.meta.category == ZYDIS_CATEGORY_RET)
		return_target(out, c);
	out->is_division = in.mnemonic == ZYDIS_MNEMONIC_DIV || in.mnemonic == ZYDIS_MNEMONIC_IDIV;
	out->is_signed = in.mnemonic == ZYDIS_MNEMONIC_IDIV;
	if (out->is_division)
		set_divisor(out, c, &op[0]);
	out->is_privileged = (in.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED) != 0;
	out->is_breakpoint = in.mnemonic == ZYDIS_MNEMONIC_INT3;
	out->is_undefined = in.mnemonic == ZYDIS_MNEMONIC_UD0 || in.mnemonic == ZYDIS_MNEMONIC_UD1 ||
			    in.mnemonic == ZYDIS_MNEMONIC_UD2;
}
