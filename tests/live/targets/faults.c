/* SPDX-License-Identifier: GPL-2.0-or-later */
/* faults.c - dies in the way that its first argument names, and says before what is to be found of it (faults.h).
 *
 *   faults CASE FILE [wait] [registers]     FILE: where it says so, - for standard output
 *   faults storm FILE COUNT MILLISECONDS    children that die, evenly spread over that time; for each "child=PID"
 *   faults list FILE                        the names of the cases
 *
 * wait: it first says "ready" on standard output, and waits for a line on standard input. registers: a handler says the
 * registers and lets the same instruction fault once more; handlers are gone by then. */
#include "faults-end.h"
#include <ucontext.h>

static const struct {
	const char *name;
	void (*die)(void);
} cases[] = {
	{ "null-read", die_null_read },
	{ "null-write", die_null_write },
	{ "null-far", die_null_far },
	{ "null-call", die_null_call },
	{ "wild-read", die_wild_read },
	{ "wild-write", die_wild_write },
	{ "wild-call", die_wild_call },
	{ "hole", die_hole },
	{ "noncanonical-read", die_noncanonical_read },
	{ "noncanonical-write", die_noncanonical_write },
	{ "noncanonical-call", die_noncanonical_call },
	{ "noncanonical-return", die_noncanonical_return },
	{ "read-only", die_read_only },
	{ "code-write", die_code_write },
	{ "no-access", die_no_access },
	{ "kernel-address", die_kernel_address },
	{ "execute-data", die_execute_data },
	{ "execute-block", die_execute_block },
	{ "execute-stack", die_execute_stack },
	{ "block-no-access", die_block_no_access },
	{ "mapping-read-only", die_mapping_read_only },
	{ "freed-read", die_freed_read },
	{ "freed-write", die_freed_write },
	{ "unmapped-read", die_unmapped_read },
	{ "freed-pointer", die_freed_pointer },
	{ "freed-method", die_freed_method },
	{ "past-end", die_past_end },
	{ "past-end-guard", die_past_end_guard },
	{ "past-end-copy", die_past_end_copy },
	{ "past-mapping", die_past_mapping },
	{ "truncated", die_truncated },
	{ "in-malloc", die_in_malloc },
	{ "overflow", die_overflow },
	{ "overflow-cycle", die_overflow_cycle },
	{ "overflow-jump", die_overflow_jump },
	{ "overflow-thread", die_overflow_thread },
	{ "overflow-own", die_overflow_own },
	{ "overflow-altstack", die_overflow_altstack },
	{ "divide", die_divide },
	{ "divide-overflow", die_divide_overflow },
	{ "float", die_float },
	{ "illegal", die_illegal },
	{ "privileged", die_privileged },
	{ "misaligned", die_misaligned },
	{ "breakpoint", die_breakpoint },
	{ "seccomp", die_seccomp },
	{ "seccomp-kill", die_seccomp_kill },
	{ "abort", die_abort },
	{ "assert", die_assert },
	{ "smash", die_smash },
	{ "double-free", die_double_free },
	{ "double-free-big", die_double_free_big },
	{ "invalid-free", die_invalid_free },
	{ "corrupt-size", die_corrupt_size },
	{ "raise", die_raise },
	{ "killed", die_killed },
	{ "reraise", die_reraise },
	{ "handler-faults", die_handler_faults },
	{ "blocked", die_blocked },
	{ "ignored", die_ignored },
	{ "overflow-handled", die_overflow_handled },
	{ "in-thread", die_in_thread },
	{ "two-threads", die_two_threads },
	{ "in-handler", die_in_handler },
	{ "in-child", die_in_child },
	{ "in-grandchild", die_in_grandchild },
	{ "in-vfork", die_in_vfork },
	{ "in-exec", die_in_exec },
	{ "in-namespace", die_in_namespace },
	{ "abort-in-namespace", die_abort_in_namespace },
	{ "raise-in-namespace", die_raise_in_namespace },
	{ "soon", die_soon },
	{ "deleted", die_deleted },
};
#define N_CASES (sizeof(cases) / sizeof(cases[0]))

static const char *const storm_of[] = { "null-write", "abort", "divide", "illegal", "wild-read", "wild-call" };

static void say_registers(int sig, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	note("handled=%d code=%d rip=0x%llx rsp=0x%llx rax=0x%llx rbx=0x%llx rcx=0x%llx rdx=0x%llx rsi=0x%llx rdi=0x%llx "
	     "rbp=0x%llx r8=0x%llx r9=0x%llx r10=0x%llx r11=0x%llx r12=0x%llx r13=0x%llx r14=0x%llx r15=0x%llx err=0x%llx "
	     "trapno=0x%llx",
		sig, info->si_code, r[REG_RIP], r[REG_RSP], r[REG_RAX], r[REG_RBX], r[REG_RCX], r[REG_RDX], r[REG_RSI],
		r[REG_RDI], r[REG_RBP], r[REG_R8], r[REG_R9], r[REG_R10], r[REG_R11], r[REG_R12], r[REG_R13],
		r[REG_R14], r[REG_R15], r[REG_ERR], r[REG_TRAPNO]);
}

static void handle_faults(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
	struct sigaction action = { .sa_sigaction = say_registers, .sa_flags = (int)(SA_SIGINFO | SA_RESETHAND) };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

static int die(const char *name)
{
	for (size_t i = 0; i < N_CASES; i++) {
		if (!strcmp(cases[i].name, name)) {
			cases[i].die();
			return 0;
		}
	}
	return 89;
}

/* Not inlined: before debug information is read, crashes are named by symbols alone. */
static __attribute__((noinline)) int storm(int n, long ms)
{
	long start = now_ns(), early;
	int quiet = open("/dev/null", O_WRONLY), told = facts, child;

	for (int i = 0; i < n; i++) {
		early = start + ms * 1000000 / n * i - now_ns();
		if (early > 0)
			usleep((useconds_t)(early / 1000));
		child = fork();
		if (!child) {
			facts = quiet;
			exit(die(storm_of[i % (sizeof(storm_of) / sizeof(storm_of[0]))]));
		}
		facts = told;
		note("child=%d case=%s", child, storm_of[i % (sizeof(storm_of) / sizeof(storm_of[0]))]);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	while (wait(NULL) > 0)
		;
	note("took=%ld", now_ns() - start);
	return 0;
}

int main(int argc, char **argv)
{
	char line[64];

	if (argc < 3)
		return 88;
	file_of_facts = argv[2];
	if (strcmp(argv[2], "-"))
		facts = open(argv[2], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (!strcmp(argv[1], "list")) {
		for (size_t i = 0; i < N_CASES; i++)
			note("%s", cases[i].name);
		return 0;
	}
	if (!strcmp(argv[1], "storm")) {
		if (argc > 5 && !strcmp(argv[5], "wait")) {
			say("ready");
			hear(line, sizeof(line));
		}
		return argc < 5 ? 88 : storm(atoi(argv[3]), atol(argv[4]));
	}
	for (int i = 3; i < argc; i++) {
		if (!strcmp(argv[i], "wait")) {
			say("ready");
			if (!hear(line, sizeof(line)))
				return 87;
		} else if (!strcmp(argv[i], "registers")) {
			handle_faults();
		}
	}
	return die(argv[1]);
}
