// SPDX-License-Identifier: GPL-2.0-or-later
/* crash/crash.c - names and meanings of signals and their codes.
 * Source: siginfo(7); include/uapi/asm-generic/siginfo.h. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "crash/crash.h"

struct code_name {
	int signal; /* 0 = any */
	int code;
	const char *name;
	const char *text;
};

static const struct code_name codes[] = {
	{ SIGSEGV, 1, "SEGV_MAPERR", "address not mapped" },
	{ SIGSEGV, 2, "SEGV_ACCERR", "mapping does not allow this access" },
	{ SIGSEGV, 3, "SEGV_BNDERR", "bounds check failed" },
	{ SIGSEGV, 4, "SEGV_PKUERR", "access denied by memory protection key" },
	/* x86 raises #GP for such an address: the CPU does not tell which it was. */
	{ SIGSEGV, 0x80, "SI_KERNEL", "general protection fault (often: the address is not canonical)" },
	{ SIGSEGV, 10, "SEGV_CPERR", "control protection fault (shadow stack or indirect branch)" },
	{ SIGBUS, 1, "BUS_ADRALN", "misaligned address" },
	{ SIGBUS, 2, "BUS_ADRERR", "no memory or file behind the address" },
	{ SIGBUS, 3, "BUS_OBJERR", "hardware error of the object" },
	{ SIGBUS, 4, "BUS_MCEERR_AR", "hardware memory error" },
	{ SIGBUS, 5, "BUS_MCEERR_AO", "hardware memory error found in the background" },
	{ SIGILL, 1, "ILL_ILLOPC", "illegal opcode" },
	{ SIGILL, 2, "ILL_ILLOPN", "illegal operand" },
	{ SIGILL, 3, "ILL_ILLADR", "illegal addressing mode" },
	{ SIGILL, 4, "ILL_ILLTRP", "illegal trap" },
	{ SIGILL, 5, "ILL_PRVOPC", "privileged opcode" },
	{ SIGILL, 6, "ILL_PRVREG", "privileged register" },
	{ SIGILL, 7, "ILL_COPROC", "coprocessor error" },
	{ SIGILL, 8, "ILL_BADSTK", "internal stack error" },
	{ SIGFPE, 1, "FPE_INTDIV", "integer division by zero or overflow of a division" },
	{ SIGFPE, 2, "FPE_INTOVF", "integer overflow" },
	{ SIGFPE, 3, "FPE_FLTDIV", "floating-point division by zero" },
	{ SIGFPE, 4, "FPE_FLTOVF", "floating-point overflow" },
	{ SIGFPE, 5, "FPE_FLTUND", "floating-point underflow" },
	{ SIGFPE, 6, "FPE_FLTRES", "floating-point inexact result" },
	{ SIGFPE, 7, "FPE_FLTINV", "invalid floating-point operation" },
	{ SIGFPE, 8, "FPE_FLTSUB", "subscript out of range" },
	{ SIGTRAP, 1, "TRAP_BRKPT", "breakpoint" },
	{ SIGTRAP, 2, "TRAP_TRACE", "single step" },
	{ SIGTRAP, 3, "TRAP_BRANCH", "branch trap" },
	{ SIGTRAP, 4, "TRAP_HWBKPT", "hardware breakpoint or watchpoint" },
	{ SIGTRAP, 0x80, "SI_KERNEL", "breakpoint instruction (int3)" },
	{ SIGSYS, 1, "SYS_SECCOMP", "system call refused by a seccomp filter" },
	{ SIGSYS, 2, "SYS_USER_DISPATCH", "system call dispatched to user space" },
	{ 0, 0, "SI_USER", "sent by kill" },
	{ 0, 0x80, "SI_KERNEL", "raised by the kernel" },
	{ 0, -1, "SI_QUEUE", "sent by sigqueue" },
	{ 0, -2, "SI_TIMER", "a timer expired" },
	{ 0, -3, "SI_MESGQ", "a message queue changed" },
	{ 0, -4, "SI_ASYNCIO", "asynchronous I/O completed" },
	{ 0, -5, "SI_SIGIO", "I/O became possible" },
	{ 0, -6, "SI_TKILL", "sent by tkill or tgkill (raise, abort)" },
};

static const struct code_name *find_code(int signal, int code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code && (!codes[i].signal || codes[i].signal == signal))
			return &codes[i];
	return NULL;
}

const char *crash_signal_name(int signal, char *buf, size_t len)
{
	const char *abbrev = sigabbrev_np(signal);

	if (abbrev)
		snprintf(buf, len, "SIG%s", abbrev);
	else
		snprintf(buf, len, "SIG%d", signal);
	return buf;
}

const char *crash_code_name(int signal, int code, char *buf, size_t len)
{
	const struct code_name *c = find_code(signal, code);

	if (c)
		return c->name;
	snprintf(buf, len, "code %d", code);
	return buf;
}

const char *crash_code_text(int signal, int code)
{
	const struct code_name *c = find_code(signal, code);

	return c ? c->text : "";
}
