// SPDX-License-Identifier: GPL-2.0-or-later
/* crash/fault.c - a fault, from the processor's words (exception, error code), the kernel's (si_code, si_addr) and the
 * instruction.
 * Source: Intel SDM, volume 3, 6.15 (exceptions 12, 13, 14) and 4.7 (error code of a page fault); arch/x86/mm/fault.c. */
#include <signal.h>
#include <string.h>

#include "crash/internal.h"

#define FAULT_WRITE 2 /* bits of the error code of a page fault */
#define FAULT_FETCH 16

static void take_operand(struct fault *f, const struct decode_operand *o)
{
	f->bytes = o->bytes;
	f->base = o->base;
	f->index = o->index;
}

/* page_fault - the kernel says where; the instruction, by which register. */
static void page_fault(const struct model_event *e, struct fault *f)
{
	f->is_fault = 1;
	f->has_address = e->has_fault_addr;
	f->addr = e->fault_addr;
	if (e->crash->trap != TRAP_PAGE_FAULT)
		return;
	f->access = e->crash->error_code & FAULT_FETCH	 ? MODEL_EXECUTE
		    : e->crash->error_code & FAULT_WRITE ? MODEL_WRITE
							 : MODEL_READ;
	for (size_t i = 0; i < f->decode.n; i++) {
		const struct decode_operand *o = &f->decode.operand[i];

		/* Of an access that begins in one page and fails in the next the kernel tells the second. */
		if (f->access != MODEL_EXECUTE && o->access & f->access &&
			f->addr - o->addr < (o->bytes ? o->bytes : 1)) {
			take_operand(f, o);
			return;
		}
	}
}

/* protection - the processor has refused, and says neither where nor why: the operand that has no possible address is it. */
static void protection(const struct model_event *e, struct fault *f)
{
	f->is_fault = 1;
	if (!is_canonical(e->ip)) {
		f->has_address = 1;
		f->addr = e->ip;
		f->access = MODEL_EXECUTE;
		f->is_computed = 1;
	}
	for (size_t i = 0; i < f->decode.n && !f->has_address; i++) {
		const struct decode_operand *o = &f->decode.operand[i];

		if (is_canonical(o->addr) && (o->bytes < 16 || o->addr % o->bytes == 0))
			continue;
		f->has_address = 1;
		f->is_computed = 1;
		f->addr = o->addr;
		f->access = o->access;
		take_operand(f, o);
	}
	if (f->access == (MODEL_READ | MODEL_WRITE))
		f->access = MODEL_WRITE;
}

void fault_of(const struct model_event *e, struct fault *out)
{
	int is_memory = e->signal == SIGSEGV || e->signal == SIGBUS;

	memset(out, 0, sizeof(*out));
	out->base = -1;
	out->index = -1;
	decode_at_ip(e->crash, &out->decode);
	if (e->code <= 0)
		return;
	if (!is_memory) {
		out->is_fault = e->signal != SIGSYS && e->signal != SIGABRT;
	} else if (e->code != SI_KERNEL_CODE) {
		page_fault(e, out);
	} else if (e->crash->trap == TRAP_PROTECTION || e->crash->trap == TRAP_STACK_SEGMENT) {
		protection(e, out);
	} else if (e->crash->trap == TRAP_PAGE_FAULT) {
		/* A handler could not be called, since there is no stack for it: the fault before that is the cause. */
		out->has_address = e->crash->cr2 != 0;
		out->addr = e->crash->cr2;
	}
}

void crash_addresses(const struct model_event *e, uint64_t addr[CRASH_ADDRESSES])
{
	struct fault f;

	fault_of(e, &f);
	addr[0] = f.has_address ? f.addr : freed_address(e);
	for (int i = 0; i <= MODEL_RIP; i++)
		addr[i + 1] = e->crash->reg[i];
}
