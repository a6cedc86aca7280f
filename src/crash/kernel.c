// SPDX-License-Identifier: GPL-2.0-or-later
/* crash/kernel.c - the line that the kernel's own log has of such a fault: what people search for, and tools parse.
 * Source: show_signal_msg() in arch/x86/mm/fault.c, show_signal() in arch/x86/kernel/traps.c (which says "traps: " first, its
 * pr_fmt()), print_vma_addr() in mm/memory.c. Kernels of later years add to that, in the brackets and at the end: it is left out. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "crash/internal.h"

static const char *trap_name(unsigned trap)
{
	switch (trap) {
	case 0:
		return "trap divide error";
	case 3:
		return "trap int3";
	case 6:
		return "trap invalid opcode";
	case TRAP_STACK_SEGMENT:
		return "trap stack segment";
	case TRAP_PROTECTION:
		return "general protection fault";
	case 17:
		return "trap alignment check";
	default:
		return NULL;
	}
}

void kernel_line(const struct model_event *e, char *buf, size_t len)
{
	const struct model_crash *c = e->crash;
	const struct model_mapping *m = mapping_at(c, e->ip);
	const char *trap = trap_name(c->trap);
	char in[128] = "";

	buf[0] = 0;
	if (e->code <= 0 || e->signal == SIGSYS || e->signal == SIGABRT)
		return;
	if (m && m->is_file)
		snprintf(in, sizeof(in), " in %s[%" PRIx64 "+%" PRIx64 "]", m->name, m->start, m->end - m->start);
	if (e->signal == SIGSEGV && c->trap == TRAP_PAGE_FAULT && e->has_fault_addr)
		snprintf(buf, len,
			"%s[%d]: segfault at %" PRIx64 " ip %016" PRIx64 " sp %016" PRIx64 " error %" PRIx64 "%s",
			e->comm, e->tid, e->fault_addr, e->ip, e->sp, c->error_code, in);
	else if (trap && c->trap != TRAP_PAGE_FAULT)
		snprintf(buf, len, "traps: %s[%d] %s ip:%" PRIx64 " sp:%" PRIx64 " error:%" PRIx64 "%s", e->comm,
			e->tid, trap, e->ip, e->sp, c->error_code, in);
}
