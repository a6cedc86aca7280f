/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seeds/symbols.S - one symbol for each case of util/elffile.c. */

	.macro	symbol name, type, bytes
	.type	\name, @\type
	.size	\name, \bytes
	.endm

	.text
	.globl	outer, inner, sizeless, alias, old_open, new_open, resolver
outer:	.skip	16, 0x90
inner:	.skip	16, 0x90
local:	.skip	16, 0x90
	.skip	16, 0x90
	symbol	outer, function, 64
	symbol	inner, function, 32
	symbol	local, function, 8
sizeless:
	.skip	16, 0x90
alias:	.skip	16, 0x90
	.type	sizeless, @function
	.type	alias, @function
	.set	twin, alias
	.globl	twin
	symbol	twin, function, 8
	.weak	weak
weak:	.skip	8, 0x90
	symbol	weak, function, 8
	.set	wrapped, weak
	symbol	wrapped, function, 0xfffffffffffffff0

old_open:
	.skip	8, 0x90
new_open:
	.skip	8, 0x90
	symbol	old_open, function, 8
	symbol	new_open, function, 8
	.symver	old_open, versioned@V1
	.symver	new_open, versioned@@V2

resolver:
	ret
	symbol	resolver, gnu_indirect_function, 1
	call	undefined@PLT
	call	another@PLT

	.section .text.other, "ax", @progbits
	.globl	last
last:	.skip	32, 0x90
	.type	last, @function

	.data
	.globl	exported
exported:
	.quad	resolver
	.globl	empty
empty:
	symbol	exported, object, 8
	symbol	empty, object, 0
private:
	.quad	0
	symbol	private, object, 8
	.section .tdata, "awT", @progbits
	.globl	of_thread
of_thread:
	.quad	0
	symbol	of_thread, tls_object, 8
	.section .eh_frame, "a", @unwind	/* the end that crtend.o would add */
	.long	0
	.section .note.GNU-stack, "", @progbits
