/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_crash.c - promises of crash/crash.h.
 *
 * In: numbers of signals and codes, from the system's own headers where they have them. Out: names and words. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crash/crash.h"

static void assert_code(int signal, int code, const char *name, const char *text)
{
	char buf[16];

	assert_string_equal(crash_code_name(signal, code, buf, sizeof(buf)), name);
	if (text)
		assert_string_equal(crash_code_text(signal, code), text);
	else
		assert_true(strlen(crash_code_text(signal, code)) > 0);
}

static void signals_that_kill_have_their_names(void **state)
{
	static const struct {
		int signal;
		const char *name;
	} named[] = { { SIGSEGV, "SIGSEGV" }, { SIGABRT, "SIGABRT" }, { SIGBUS, "SIGBUS" }, { SIGFPE, "SIGFPE" },
		{ SIGILL, "SIGILL" }, { SIGTRAP, "SIGTRAP" }, { SIGSYS, "SIGSYS" }, { SIGKILL, "SIGKILL" },
		{ SIGTERM, "SIGTERM" }, { SIGHUP, "SIGHUP" }, { SIGXCPU, "SIGXCPU" } };
	char buf[16];

	(void)state;
	/* GIVEN, WHEN, THEN */
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		assert_string_equal(crash_signal_name(named[i].signal, buf, sizeof(buf)), named[i].name);
}

static void signals_without_a_name_are_numbers(void **state)
{
	char buf[16];

	(void)state;
	/* GIVEN real-time signals and numbers that are no signal, WHEN named, THEN the number is seen */
	assert_string_equal(crash_signal_name(34, buf, sizeof(buf)), "SIG34");
	assert_string_equal(crash_signal_name(64, buf, sizeof(buf)), "SIG64");
	assert_string_equal(crash_signal_name(0, buf, sizeof(buf)), "SIG0");
	assert_string_equal(crash_signal_name(-1, buf, sizeof(buf)), "SIG-1");
	assert_string_equal(crash_signal_name(INT32_MIN, buf, sizeof(buf)), "SIG-2147483648");
}

static void a_code_is_read_with_its_signal(void **state)
{
	(void)state;
	/* GIVEN the same number for different signals, WHEN named, THEN the names differ */
	assert_code(SIGSEGV, SEGV_MAPERR, "SEGV_MAPERR", "address not mapped");
	assert_code(SIGSEGV, SEGV_ACCERR, "SEGV_ACCERR", NULL);
	assert_code(SIGSEGV, 3, "SEGV_BNDERR", NULL);
	assert_code(SIGSEGV, 4, "SEGV_PKUERR", NULL);
	assert_code(SIGBUS, BUS_ADRALN, "BUS_ADRALN", NULL);
	assert_code(SIGBUS, BUS_ADRERR, "BUS_ADRERR", NULL);
	assert_code(SIGILL, ILL_ILLOPC, "ILL_ILLOPC", "illegal opcode");
	assert_code(SIGILL, ILL_ILLOPN, "ILL_ILLOPN", "illegal operand");
	assert_code(SIGFPE, FPE_INTDIV, "FPE_INTDIV", NULL);
	assert_code(SIGFPE, FPE_FLTINV, "FPE_FLTINV", "invalid floating-point operation");
	assert_code(SIGTRAP, TRAP_BRKPT, "TRAP_BRKPT", "breakpoint");
	assert_code(SIGSYS, 1, "SYS_SECCOMP", NULL);
}

static void codes_of_sent_signals_hold_for_every_signal(void **state)
{
	(void)state;
	/* GIVEN signals sent by a process or raised by the kernel, WHEN named, THEN the way is told */
	assert_code(SIGABRT, SI_TKILL, "SI_TKILL", NULL);
	assert_code(SIGSEGV, SI_TKILL, "SI_TKILL", NULL);
	assert_code(SIGSEGV, SI_USER, "SI_USER", NULL);
	assert_code(SIGTERM, SI_QUEUE, "SI_QUEUE", NULL);
	assert_code(SIGSEGV, SI_KERNEL, "SI_KERNEL", NULL);
	assert_code(SIGKILL, SI_KERNEL, "SI_KERNEL", NULL);
}

static void an_unknown_code_is_a_number_without_words(void **state)
{
	(void)state;
	/* GIVEN codes that no table has, WHEN named, THEN the number is seen */
	assert_code(SIGSEGV, 17, "code 17", "");
	assert_code(SIGABRT, 1, "code 1", "");
	assert_code(SIGSEGV, -99, "code -99", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signals_that_kill_have_their_names),
		cmocka_unit_test(signals_without_a_name_are_numbers),
		cmocka_unit_test(a_code_is_read_with_its_signal),
		cmocka_unit_test(codes_of_sent_signals_hold_for_every_signal),
		cmocka_unit_test(an_unknown_code_is_a_number_without_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
