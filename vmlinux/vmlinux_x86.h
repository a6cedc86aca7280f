/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* vmlinux_x86.h - kernel types of x86-64. Included by vmlinux.h only. */

/* A user process's registers as the kernel saves them at entry. The layout is user ABI (ptrace, signal frames), so no
 * CO-RE is needed and the context of a uprobe program can be read directly. */
struct pt_regs {
	unsigned long r15;
	unsigned long r14;
	unsigned long r13;
	unsigned long r12;
	unsigned long bp;
	unsigned long bx;
	unsigned long r11;
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	unsigned long ax;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned long cs;
	unsigned long flags;
	unsigned long sp;
	unsigned long ss;
};
