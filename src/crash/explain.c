// SPDX-License-Identifier: GPL-2.0-or-later
/* crash/explain.c - a crash in sentences that its maintainer understands. */
#include <ctype.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "crash/internal.h"

const char *crash_register_name(int reg)
{
	static const char *const names[MODEL_REGISTERS] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
		"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip", "rflags" };

	return reg >= 0 && reg < MODEL_REGISTERS ? names[reg] : "";
}

/* did - "wrote 4 bytes to". */
static void did(const struct crash_report *r, char *buf, size_t len)
{
	char bytes[32] = "";

	if (r->access_bytes)
		snprintf(bytes, sizeof(bytes), "%u byte%s ", r->access_bytes, r->access_bytes == 1 ? "" : "s");
	switch (r->access) {
	case MODEL_WRITE:
		snprintf(buf, len, "wrote %sto", bytes);
		break;
	case MODEL_READ:
		snprintf(buf, len, "read %sfrom", bytes);
		break;
	case MODEL_EXECUTE:
		snprintf(buf, len, "called, jumped or returned to");
		break;
	default:
		snprintf(buf, len, "accessed");
	}
}

static void null_summary(struct crash_report *r, const char *verb)
{
	uint64_t a = r->address.addr;

	if (r->access == MODEL_EXECUTE)
		snprintf(r->summary, sizeof(r->summary), "called a null function pointer (address 0x%" PRIx64 ")", a);
	else if (!a)
		snprintf(r->summary, sizeof(r->summary), "%s a null pointer", verb);
	else if (a < UINT64_MAX / 2)
		snprintf(r->summary, sizeof(r->summary), "%s a null pointer plus %" PRIu64 " (0x%" PRIx64 ")", verb, a,
			a);
	else
		snprintf(r->summary, sizeof(r->summary), "%s a null pointer minus %" PRIu64, verb, -a);
}

static void address_summary(struct crash_report *r, const char *verb)
{
	static const char *const what[CRASH_KINDS] = {
		[CRASH_USE_AFTER_FREE] = "freed memory",
		[CRASH_PAST_BLOCK_END] = "memory behind the end of a block",
		[CRASH_IN_LIVE_BLOCK] = "a live block whose memory is not there",
		[CRASH_READ_ONLY] = "read-only memory",
		[CRASH_NOT_EXECUTABLE] = "memory that is not code",
		[CRASH_NO_ACCESS] = "memory that may not be accessed",
		[CRASH_UNMAPPED] = "an address at which nothing is mapped",
		[CRASH_KERNEL_ADDRESS] = "an address of the kernel",
		[CRASH_NON_CANONICAL] = "a value that is no address",
		[CRASH_MISALIGNED] = "an address that is not aligned as the instruction demands",
	};

	snprintf(r->summary, sizeof(r->summary), "%s %s: 0x%" PRIx64 "%s%.300s", verb, what[r->kind], r->address.addr,
		r->address.text[0] ? ", " : "", r->address.text);
}

static void signal_summary(const struct model_event *e, struct crash_report *r)
{
	const struct model_crash *c = e->crash;
	char name[16];

	crash_signal_name(e->signal, name, sizeof(name));
	switch (r->kind) {
	case CRASH_ABORT:
		snprintf(r->summary, sizeof(r->summary),
			c->abort_message[0] ? "aborted itself: %s" : "aborted itself%s", c->abort_message);
		r->summary[strcspn(r->summary, "\n")] = 0;
		break;
	case CRASH_RAISED:
		snprintf(r->summary, sizeof(r->summary), "sent %s to itself", name);
		break;
	case CRASH_SENT:
		if (e->sender_pid)
			snprintf(r->summary, sizeof(r->summary), "%s was sent by process %d", name, e->sender_pid);
		else
			snprintf(r->summary, sizeof(r->summary), "%s was sent from outside its container", name);
		break;
	case CRASH_SECCOMP:
		snprintf(r->summary, sizeof(r->summary), "called system call %d, which a seccomp filter refuses",
			c->syscall);
		break;
	default:
		snprintf(r->summary, sizeof(r->summary), "%s, code %d", name, e->code);
	}
}

static const char *fixed_summary(const struct model_event *e, const struct fault *f, enum crash_kind kind)
{
	switch (kind) {
	case CRASH_STACK_OVERFLOW:
		return "used up the stack of the thread";
	case CRASH_PRIVILEGED:
		return "executed an instruction that only the kernel may use";
	case CRASH_GENERAL_PROTECTION:
		return "the processor refused the instruction (general protection fault)";
	case CRASH_BUS:
		return mapping_at(e->crash, f->addr) && mapping_at(e->crash, f->addr)->is_file
			       ? "accessed a mapped file behind its end: it was truncated while it was mapped"
			       : "accessed memory that the kernel could not provide";
	case CRASH_MEMORY_ERROR:
		return "the hardware reports broken memory";
	case CRASH_DIVISION_BY_ZERO:
		return "divided by zero";
	case CRASH_DIVISION_OVERFLOW:
		return "divided, and the quotient does not fit (the least number by -1)";
	case CRASH_DIVISION:
		return "divided by zero, or the quotient does not fit";
	case CRASH_FLOATING_POINT:
		return "a floating-point operation raised an exception that is enabled";
	case CRASH_ILLEGAL_INSTRUCTION:
		return f->decode.is_undefined
			       ? "executed ud2: an instruction put there to crash (unreachable code, or a check that failed)"
			       : "executed an instruction that this processor does not have";
	case CRASH_TRAP:
		return "hit a breakpoint instruction that no debugger waits for";
	default:
		return NULL;
	}
}

static void set_summary(const struct model_event *e, const struct fault *f, struct crash_report *r)
{
	const char *fixed = fixed_summary(e, f, r->kind);
	char verb[64];

	did(r, verb, sizeof(verb));
	if (fixed)
		snprintf(r->summary, sizeof(r->summary), "%s", fixed);
	else if (r->kind == CRASH_NULL_POINTER)
		null_summary(r, verb);
	else if (r->kind >= CRASH_USE_AFTER_FREE && r->kind <= CRASH_MISALIGNED && r->has_address)
		address_summary(r, verb);
	else
		signal_summary(e, r);
}

/* Who calls abort(), by a function in the stack. */
static const struct {
	const char *function;
	const char *text;
} aborters[] = {
	{ "__assert_fail", "an assertion of the program failed" },
	{ "__assert_fail_base", "an assertion of the program failed" },
	{ "__stack_chk_fail", "a buffer on the stack was overrun (stack protector)" },
	{ "__chk_fail", "a buffer was overrun (_FORTIFY_SOURCE)" },
	{ "malloc_printerr",
		"glibc found its heap damaged: a double free, or a write outside of a block, now or earlier" },
	{ "zend_mm_panic", "PHP found its heap damaged: a double free, or a write outside of a block, now or earlier" },
	{ "__gnu_cxx::__verbose_terminate_handler()", "a C++ exception was not caught" },
	{ "_ZN9__gnu_cxx27__verbose_terminate_handlerEv", "a C++ exception was not caught" },
	{ "_ZSt9terminatev", "a C++ exception was not caught" },
	{ "std::terminate()", "a C++ exception was not caught" },
	{ "__libc_message", "libc found something wrong, and aborted" },
};

#define ABORT_FRAMES 16

static int likely_aborter(const struct crash_frame *frame, size_t n, struct crash_report *r)
{
	for (size_t k = 0; k < sizeof(aborters) / sizeof(aborters[0]); k++)
		for (size_t i = 0; i < n && i < ABORT_FRAMES; i++)
			if (frame[i].function && !strcmp(frame[i].function, aborters[k].function)) {
				snprintf(r->likely, sizeof(r->likely), "%s", aborters[k].text);
				return 1;
			}
	return 0;
}

/* likely_text - a pointer that spells something was overwritten by text. */
static int likely_text(const struct model_crash *c, int reg, struct crash_report *r)
{
	char text[9] = "";
	int n = 0;

	if (reg < 0)
		return 0;
	for (; n < 8 && isprint((int)(c->reg[reg] >> 8 * n & 0xff)); n++)
		text[n] = (char)(c->reg[reg] >> 8 * n & 0xff);
	/* What follows must be the end of the text; a few letters may be chance. */
	if (n < 5 || (n < 8 && c->reg[reg] >> 8 * n))
		return 0;
	text[n] = 0;
	snprintf(r->likely, sizeof(r->likely), "%s holds the text \"%s\": the pointer was overwritten by a string",
		crash_register_name(reg), text);
	return 1;
}

static int likely_block(const struct crash_place *p, const char *how, struct crash_report *r)
{
	char block[256];

	explain_block(p->near, block, sizeof(block));
	snprintf(r->likely, sizeof(r->likely), "%s points %s%s", crash_register_name(p->reg), block, how);
	return 1;
}

/* place_of - what is known of the place that a register points to, or NULL. */
static const struct crash_place *place_of(const struct crash_report *r, int reg)
{
	for (size_t i = 0; i < r->n_pointers; i++)
		if (r->pointer[i].reg == reg)
			return &r->pointer[i];
	return NULL;
}

/* likely_base - the register from which the address was made points to a block, or should have. */
static int likely_base(const struct model_event *e, const struct fault *f, struct crash_report *r)
{
	const struct crash_place *p = place_of(r, f->base);

	if (p && p->near)
		return likely_block(p, ", and the address was computed from it", r);
	if (f->base >= 0 && f->base != MODEL_RSP && e->crash->reg[f->base] < 4096) {
		snprintf(r->likely, sizeof(r->likely), "%s, from which the address was computed, is %s (0x%" PRIx64 ")",
			crash_register_name(f->base), e->crash->reg[f->base] ? "nearly null" : "null",
			e->crash->reg[f->base]);
		return 1;
	}
	return 0;
}

/* likely_others - any register that points into a block that was freed, or past the end of one. */
static int likely_others(struct crash_report *r)
{
	for (size_t i = 0; i < r->n_pointers; i++)
		if (r->pointer[i].near && r->pointer[i].near->kind == MODEL_NEAR_FREED &&
			model_near_contains(r->pointer[i].near))
			return likely_block(&r->pointer[i], ": what was read there may have been anything", r);
	for (size_t i = 0; i < r->n_pointers; i++)
		if (r->pointer[i].near && !model_near_contains(r->pointer[i].near) && r->pointer[i].near->offset >= 0)
			return likely_block(&r->pointer[i], ": a loop may have gone too far", r);
	return 0;
}

/* recursing - the frame of the cycle that says most: of PHP one of the script's, since functions that call back (array_map) are the
 * engine's and have no file; else the innermost. NULL: none has a name. */
static const struct crash_frame *recursing(const struct crash_frame *frame, const struct crash_cycle *c)
{
	const struct crash_frame *best = NULL;

	for (size_t i = c->first; i < c->first + c->frames; i++) {
		if (frame[i].is_php != c->is_php || !frame[i].function)
			continue;
		if (c->is_php && frame[i].file && *frame[i].file)
			return &frame[i];
		if (!best)
			best = &frame[i];
	}
	return best;
}

static int likely_recursion(const struct crash_frame *frame, struct crash_report *r)
{
	const struct crash_cycle *c = &r->cycle;
	const struct crash_frame *f;
	const char *slash;
	char of[320] = "";

	if (!c->frames)
		return 0;
	f = recursing(frame, c);
	if (f && c->is_php && f->file && *f->file) {
		slash = strrchr(f->file, '/');
		snprintf(of, sizeof(of), " of %.200s %.80s:%u", f->function, slash ? slash + 1 : f->file, f->line);
	} else if (f) {
		snprintf(of, sizeof(of), " of %.200s", f->function);
	}
	snprintf(r->likely, sizeof(r->likely), "endless %srecursion%s: %zu frame%s repeat%s", c->is_php ? "PHP " : "",
		of, c->frames, c->frames == 1 ? "" : "s", c->frames == 1 ? "s" : "");
	return 1;
}

static void set_likely(const struct model_event *e, const struct fault *f, const struct model_near *near,
	const struct crash_frame *frame, size_t n, struct crash_report *r)
{
	switch (r->kind) {
	case CRASH_ABORT:
		if (!explain_freed(e, near, r->likely, sizeof(r->likely)))
			likely_aborter(frame, n, r);
		return;
	case CRASH_STACK_OVERFLOW:
		likely_recursion(frame, r);
		return;
	case CRASH_NULL_POINTER:
	case CRASH_USE_AFTER_FREE:
	case CRASH_PAST_BLOCK_END:
	case CRASH_IN_LIVE_BLOCK:
	case CRASH_READ_ONLY:
	case CRASH_NOT_EXECUTABLE:
	case CRASH_NO_ACCESS:
	case CRASH_UNMAPPED:
	case CRASH_KERNEL_ADDRESS:
	case CRASH_NON_CANONICAL:
	case CRASH_MISALIGNED:
	case CRASH_GENERAL_PROTECTION:
		break;
	default:
		return;
	}
	if (f->base == MODEL_RSP && f->access == MODEL_EXECUTE) {
		snprintf(r->likely, sizeof(r->likely), "the return address on the stack was overwritten");
		return;
	}
	if (likely_text(e->crash, f->base, r) || (f->access == MODEL_EXECUTE && likely_text(e->crash, MODEL_RIP, r)))
		return;
	if (!likely_base(e, f, r))
		likely_others(r);
}

/* set_pointers - the registers that point into something known. */
static void set_pointers(const struct model_event *e, const struct model_near *near, struct crash_report *r)
{
	for (int reg = 0; reg <= MODEL_RIP; reg++) {
		struct crash_place *p = &r->pointer[r->n_pointers];

		place_find(e, e->crash->reg[reg], reg, near ? &near[reg + 1] : NULL, p);
		r->n_pointers += p->mapping || p->near;
	}
}

void crash_explain(const struct model_event *e, const struct model_near *near, const struct crash_frame *frame,
	size_t n, struct crash_report *out)
{
	struct fault f;

	memset(out, 0, sizeof(*out));
	fault_of(e, &f);
	out->kind = kind_of(e, &f, near && f.has_address && near->kind != MODEL_NEAR_NONE ? near : NULL);
	out->access = f.access;
	out->access_bytes = f.bytes;
	memcpy(out->instruction, f.decode.text, sizeof(out->instruction));
	out->has_address = f.has_address;
	out->is_computed = f.is_computed;
	if (f.has_address)
		place_find(e, f.addr, -1, near, &out->address);
	set_pointers(e, near, out);
	if (out->kind == CRASH_STACK_OVERFLOW)
		crash_find_cycle(frame, n, &out->cycle);
	set_summary(e, &f, out);
	set_likely(e, &f, near, frame, n, out);
	kernel_line(e, out->kernel_line, sizeof(out->kernel_line));
}
