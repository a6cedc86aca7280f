/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seeds/frames.S - one function for each sort of unwind rule that target/rows.c knows, or must refuse. None is ever run:
 * bodies are only as long as their rules need. */

	.macro	begin name
	.balign	16
	.globl	\name
	.type	\name, @function
\name:	.cfi_startproc
	nop
	.endm

	.macro	end name
	.cfi_endproc
	.size	\name, . - \name
	.endm

	.text

	begin	leaf
	ret
	end	leaf

	begin	frame_pointer
	push	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	mov	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	push	%rbx
	.cfi_offset %rbx, -24
	nop
	.cfi_remember_state
	leave
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	ret
	.cfi_restore_state
	nop
	end	frame_pointer

	begin	large
	sub	$40000, %rsp
	.cfi_def_cfa_offset 40008
	nop
	.cfi_def_cfa_offset 8 * 131071	/* the most a row holds */
	nop
	.cfi_def_cfa_offset 8 * 131072
	nop
	.cfi_def_cfa_offset -8 * 131072
	nop
	.cfi_def_cfa_offset 12		/* no whole words */
	nop
	end	large

	begin	base_rbx
	.cfi_def_cfa %rbx, 32
	nop
	.cfi_def_cfa %r10, 32		/* no base of ours */
	nop
	.cfi_def_cfa 40, 8		/* a register beyond the general ones */
	nop
	end	base_rbx

	begin	realigned		/* CFA = word at rbp - 8, as gcc writes it for a stack that it realigns */
	.cfi_escape 0x0f, 3, 0x76, 0x78, 0x06
	nop
	.cfi_escape 0x10, 6, 2, 0x76, 0		/* rbp at rbp, rbx at rbp - 24 */
	.cfi_escape 0x10, 3, 2, 0x76, 0x68
	nop
	.cfi_escape 0x10, 3, 2, 0x77, 0x68	/* at rsp - 24 */
	nop
	.cfi_escape 0x10, 3, 2, 0x76, 0x6c	/* no whole words */
	nop
	.cfi_escape 0x10, 3, 3, 0x76, 0x80, 0x7f	/* deeper than a row holds */
	nop
	.cfi_escape 0x0f, 4, 0x92, 6, 8, 0x06	/* the same by DW_OP_bregx */
	nop
	.cfi_escape 0x0f, 2, 0x76, 8	/* an expression without a deref */
	nop
	.cfi_escape 0x0f, 3, 0x76, 0x7c, 0x06	/* no whole words */
	nop
	.cfi_escape 0x0f, 5, 0x77, 8, 0x77, 0, 0x22
	nop
	.cfi_escape 0x0f, 2, 0x31, 0x06	/* no register at all */
	nop
	.cfi_escape 0x0f, 0		/* empty */
	nop
	end	realigned

	begin	nearly_plt		/* .plt's expression, and two that differ from it by one number */
	.cfi_escape 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22
	nop
	.cfi_escape 0x0f, 11, 0x77, 16, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22
	nop
	.cfi_escape 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3a, 0x2a, 0x33, 0x24, 0x22
	nop
	end	nearly_plt

	begin	saved			/* places of rbp and rbx */
	.cfi_def_cfa_offset 256
	.cfi_offset %rbp, -112
	.cfi_offset %rbx, -120
	nop
	.cfi_offset %rbx, -128		/* deeper than a row holds */
	nop
	.cfi_offset %rbp, -8		/* where the return address is */
	nop
	.cfi_offset %rbp, 16
	nop
	.cfi_offset %rbp, 0
	nop
	.cfi_val_offset %rbp, -16
	nop
	.cfi_register %rbp, %rax
	nop
	.cfi_undefined %rbp
	.cfi_same_value %rbx
	nop
	.cfi_escape 0x10, 6, 2, 0x76, 8	/* at an expression */
	nop
	.cfi_escape 0x16, 6, 2, 0x76, 8	/* is an expression */
	nop
	end	saved

	begin	return_elsewhere
	.cfi_offset %rip, -16
	nop
	.cfi_register %rip, %rax
	nop
	.cfi_offset %rip, -8
	nop
	end	return_elsewhere

	begin	root
	.cfi_undefined %rip
	hlt
	end	root

	.balign	16
	.globl	no_rules		/* a gap that is longer than padding */
	.type	no_rules, @function
no_rules:
	.skip	40, 0x90
	.size	no_rules, . - no_rules

	.balign	16
one_byte:				/* the row of the signal function begins in this one */
	.cfi_startproc
	.cfi_def_cfa_offset 64
	nop
	.cfi_endproc
	.globl	signal
	.type	signal, @function
signal:	.cfi_startproc
	.cfi_signal_frame
	.cfi_def_cfa %rsp, 160
	nop
	.cfi_def_cfa_offset 168
	nop
	end	signal

	.globl	handled			/* a personality routine and a table of its own */
	.type	handled, @function
handled:
	.cfi_startproc
	.cfi_personality 0x1b, after
	.cfi_lsda 0x1b, table
	call	unknown@PLT
	nop
	end	handled

	.balign	16
	.globl	no_length
	.type	no_length, @function
no_length:
	.cfi_startproc
	.cfi_endproc
after:	.cfi_startproc
	nop
	.cfi_def_cfa_offset 24
	nop
	.cfi_endproc

	.section .rodata, "a", @progbits
table:	.byte	0xff, 0xff, 1, 0
	.section .note.GNU-stack, "", @progbits
