// SPDX-License-Identifier: GPL-2.0-or-later
/* same-place.c - different stacks that start at the same instruction with the same stack pointer: what is left of the one
 * on the stack is in the way of the other. Command: "callers N" or "registers N"; answer: "done". */
#include "target.h"

/* Two functions of the same frame size, one callee. */
static NOINLINE void *leaf(size_t n)
{
	void *p = malloc(n);

	__asm__ volatile("" : : "r"(p) : "memory");
	return p;
}

static NOINLINE void *caller_a(size_t n)
{
	void *p = leaf(n);

	__asm__ volatile("" : : "r"(p) : "memory");
	return p;
}

static NOINLINE void *caller_b(size_t n)
{
	void *p = leaf(n);

	__asm__ volatile("" : : "r"(p) : "memory");
	return p;
}

/* grow(n) makes its frame n bytes larger and is found by rbp. At its call of malloc the stack pointer is the same when
 * frame_small calls it with 32 and when frame_large, whose own frame is 32 bytes larger, calls it with 0; where its return
 * address was in the one case, that of the other is still to be read. */
void *grow(size_t n);
void *frame_small(void);
void *frame_large(void);
__asm__(".text\n"
	".type grow,@function\ngrow:\n.cfi_startproc\n"
	"push %rbp\n.cfi_def_cfa_offset 16\n.cfi_offset 6,-16\nmov %rsp,%rbp\n.cfi_def_cfa_register 6\n"
	"sub %rdi,%rsp\nmov $40,%edi\ncall malloc\nleave\n.cfi_def_cfa 7,8\nret\n.cfi_endproc\n.size grow,.-grow\n"
	".type frame_small,@function\nframe_small:\n.cfi_startproc\nsub $24,%rsp\n.cfi_def_cfa_offset 32\n"
	"mov $32,%edi\ncall grow\nadd $24,%rsp\n.cfi_def_cfa_offset 8\nret\n.cfi_endproc\n"
	".size frame_small,.-frame_small\n"
	".type frame_large,@function\nframe_large:\n.cfi_startproc\nsub $56,%rsp\n.cfi_def_cfa_offset 64\n"
	"mov $0,%edi\ncall grow\nadd $56,%rsp\n.cfi_def_cfa_offset 8\nret\n.cfi_endproc\n"
	".size frame_large,.-frame_large\n");

int main(void)
{
	/* One call in main for both: what differs is below it. */
	static void *(*const by_frames[])(size_t) = { caller_a, caller_b };
	static void *(*const by_register[])(void) = { frame_small, frame_large };
	char line[64], what[16];
	int n;

	say("ready");
	while (hear(line, sizeof(line)) && sscanf(line, "%15s %d", what, &n) == 2) {
		for (int i = 0; i < 2 * n; i++) {
			if (*what == 'c')
				by_frames[i % 2](24);
			else
				by_register[i % 2]();
		}
		say("done");
	}
	return 0;
}
