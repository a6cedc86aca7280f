// SPDX-License-Identifier: GPL-2.0-or-later
/* crash/kind.c - which kind of crash it was. The order in which kinds are tried stands in docs/crashes.md. */
#include <signal.h>

#include "crash/internal.h"

#define NULL_BYTES   65536ULL /* vm.mmap_min_addr: nothing is ever mapped below */
#define BELOW_NULL   4096ULL  /* null minus so much: the end of the address space */
#define KERNEL_BEGIN (1ULL << 47)

/* division - by zero, or a quotient that does not fit. Where the divisor was in memory, and is not known, the dividend may tell:
 * one that fits into a register overflows by -1 alone, and only if it is the least number. */
static enum crash_kind division(const struct model_crash *c, const struct decode *d)
{
	uint64_t low, high, least;
	unsigned n = d->divisor_bytes;

	if (!d->is_division || !n)
		return CRASH_DIVISION;
	if (d->has_divisor)
		return d->divisor ? CRASH_DIVISION_OVERFLOW : CRASH_DIVISION_BY_ZERO;
	low = low_bytes(c->reg[MODEL_RAX], n);
	high = n == 1 ? low_bytes(c->reg[MODEL_RAX] >> 8, 1) : low_bytes(c->reg[MODEL_RDX], n);
	least = 1ULL << (8 * n - 1);
	if (!d->is_signed)
		return high ? CRASH_DIVISION : CRASH_DIVISION_BY_ZERO;
	if (high != (low & least ? low_bytes(UINT64_MAX, n) : 0) || low == least)
		return CRASH_DIVISION;
	return CRASH_DIVISION_BY_ZERO;
}

/* protection - general protection, or the stack segment's. */
static enum crash_kind protection(const struct fault *f)
{
	if (f->has_address)
		return is_canonical(f->addr) ? CRASH_MISALIGNED : CRASH_NON_CANONICAL;
	return f->decode.is_privileged ? CRASH_PRIVILEGED : CRASH_GENERAL_PROTECTION;
}

/* by_mapping - what the mapping that holds the address does not allow; CRASH_OTHER: it allows it. */
static enum crash_kind by_mapping(const struct model_event *e, const struct fault *f)
{
	const struct model_mapping *m = mapping_at(e->crash, f->addr);

	if (!m)
		return CRASH_OTHER;
	if (f->access == MODEL_EXECUTE && !(m->flags & MODEL_EXECUTE))
		return m->flags & ANY_ACCESS ? CRASH_NOT_EXECUTABLE : CRASH_NO_ACCESS;
	if (f->access == MODEL_WRITE && !(m->flags & MODEL_WRITE))
		return m->flags & ANY_ACCESS ? CRASH_READ_ONLY : CRASH_NO_ACCESS;
	if (!(m->flags & ANY_ACCESS) || (f->access == MODEL_READ && !(m->flags & MODEL_READ)))
		return CRASH_NO_ACCESS;
	return e->code == SEGV_PKUERR ? CRASH_NO_ACCESS : CRASH_OTHER;
}

/* is_just_past - right behind the end of a live block, where nothing may be accessed. */
static int is_just_past(const struct model_event *e, const struct fault *f, const struct model_near *near)
{
	const struct model_mapping *m = mapping_at(e->crash, f->addr);

	return near && near->kind == MODEL_NEAR_LIVE && near->offset >= 0 && !model_near_contains(near) &&
	       (!m || !(m->flags & ANY_ACCESS));
}

/* by_address - a page fault in memory. */
static enum crash_kind by_address(const struct model_event *e, const struct fault *f, const struct model_near *near)
{
	enum crash_kind kind;

	if (f->addr < NULL_BYTES || f->addr >= -BELOW_NULL)
		return CRASH_NULL_POINTER;
	if (!is_canonical(f->addr))
		return CRASH_NON_CANONICAL;
	if (f->addr >= KERNEL_BEGIN)
		return CRASH_KERNEL_ADDRESS;
	if (is_stack_overflow(e->crash, f->addr))
		return CRASH_STACK_OVERFLOW;
	if (near && near->kind == MODEL_NEAR_FREED && model_near_contains(near))
		return CRASH_USE_AFTER_FREE;
	if (is_just_past(e, f, near))
		return CRASH_PAST_BLOCK_END;
	kind = by_mapping(e, f);
	if (kind != CRASH_OTHER)
		return kind;
	if (near && near->kind == MODEL_NEAR_LIVE && model_near_contains(near))
		return CRASH_IN_LIVE_BLOCK;
	return e->code == SEGV_MAPERR ? CRASH_UNMAPPED : CRASH_NO_ACCESS;
}

static enum crash_kind segv(const struct model_event *e, const struct fault *f, const struct model_near *near)
{
	const struct model_crash *c = e->crash;

	if (e->code != SI_KERNEL_CODE)
		return by_address(e, f, near);
	if (c->trap != TRAP_PAGE_FAULT)
		return f->is_fault ? protection(f) : CRASH_OTHER;
	return is_stack_overflow(c, f->addr) || is_stack_overflow(c, c->reg[MODEL_RSP] - 256) ? CRASH_STACK_OVERFLOW
											      : CRASH_OTHER;
}

static enum crash_kind bus(const struct model_event *e, const struct fault *f, const struct model_near *near)
{
	switch (e->code) {
	case BUS_ADRALN:
		return CRASH_MISALIGNED;
	case BUS_ADRERR:
		if (near && near->kind == MODEL_NEAR_FREED && model_near_contains(near) &&
			!mapping_at(e->crash, f->addr))
			return CRASH_USE_AFTER_FREE;
		return CRASH_BUS;
	case SI_KERNEL_CODE:
		return f->is_fault ? protection(f) : CRASH_OTHER;
	default:
		return CRASH_MEMORY_ERROR;
	}
}

enum crash_kind kind_of(const struct model_event *e, const struct fault *f, const struct model_near *near)
{
	if (e->code <= 0) {
		if (e->sender_pid != e->pid)
			return CRASH_SENT;
		return e->signal == SIGABRT ? CRASH_ABORT : CRASH_RAISED;
	}
	switch (e->signal) {
	case SIGSEGV:
		return segv(e, f, near);
	case SIGBUS:
		return bus(e, f, near);
	case SIGFPE:
		return e->code == FPE_INTDIV || e->code == FPE_INTOVF ? division(e->crash, &f->decode)
								      : CRASH_FLOATING_POINT;
	case SIGILL:
		return CRASH_ILLEGAL_INSTRUCTION;
	case SIGTRAP:
		return CRASH_TRAP;
	case SIGSYS:
		return CRASH_SECCOMP;
	default:
		return CRASH_OTHER;
	}
}

const char *crash_kind_name(enum crash_kind kind)
{
	static const char *const names[CRASH_KINDS] = {
		[CRASH_OTHER] = "other",
		[CRASH_NULL_POINTER] = "null_pointer",
		[CRASH_STACK_OVERFLOW] = "stack_overflow",
		[CRASH_USE_AFTER_FREE] = "use_after_free",
		[CRASH_PAST_BLOCK_END] = "past_block_end",
		[CRASH_IN_LIVE_BLOCK] = "in_live_block",
		[CRASH_READ_ONLY] = "read_only",
		[CRASH_NOT_EXECUTABLE] = "not_executable",
		[CRASH_NO_ACCESS] = "no_access",
		[CRASH_UNMAPPED] = "unmapped",
		[CRASH_KERNEL_ADDRESS] = "kernel_address",
		[CRASH_NON_CANONICAL] = "non_canonical",
		[CRASH_MISALIGNED] = "misaligned",
		[CRASH_PRIVILEGED] = "privileged",
		[CRASH_GENERAL_PROTECTION] = "general_protection",
		[CRASH_BUS] = "bus",
		[CRASH_MEMORY_ERROR] = "memory_error",
		[CRASH_DIVISION_BY_ZERO] = "division_by_zero",
		[CRASH_DIVISION_OVERFLOW] = "division_overflow",
		[CRASH_DIVISION] = "division",
		[CRASH_FLOATING_POINT] = "floating_point",
		[CRASH_ILLEGAL_INSTRUCTION] = "illegal_instruction",
		[CRASH_TRAP] = "trap",
		[CRASH_ABORT] = "abort",
		[CRASH_RAISED] = "raised",
		[CRASH_SENT] = "sent",
		[CRASH_SECCOMP] = "seccomp",
	};

	return kind >= 0 && kind < CRASH_KINDS ? names[kind] : "other";
}
