/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_crash_explain.c - promises of docs/crashes.md: which kind a crash is, what its address is, and what is said of it.
 * In: made-up events. No process crashes here. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "crash/crash.h"

#define CODE  0x400000ULL
#define HEAP  0x600000ULL
#define RO    0x500000ULL
#define GUARD 0x7f0000000000ULL
#define STACK (GUARD + 0x1000)

static struct model_crash crash;
static struct model_event event;
static struct model_near near[CRASH_ADDRESSES];
static struct crash_report report;

static void map(uint64_t start, uint64_t end, unsigned flags, const char *name)
{
	struct model_mapping *m = &crash.mapping[crash.n_mappings++];

	*m = (struct model_mapping){ .start = start, .end = end, .flags = flags, .is_file = name[0] != '[' };
	strncpy(m->name, name, sizeof(m->name) - 1);
}

/* begin - a process with code, read-only data, a heap and a stack with a guard below it. */
static int begin(void **state)
{
	(void)state;
	memset(&crash, 0, sizeof(crash));
	memset(near, 0, sizeof(near));
	event = (struct model_event){ .type = MODEL_SIGNAL, .pid = 7, .tid = 8, .comm = "victim", .crash = &crash };
	crash.has_mappings = 1;
	map(CODE, CODE + 0x1000, MODEL_READ | MODEL_EXECUTE, "victim");
	map(RO, RO + 0x1000, MODEL_READ, "victim");
	map(HEAP, HEAP + 0x10000, MODEL_READ | MODEL_WRITE, "[heap]");
	map(GUARD, GUARD + 0x1000, 0, "[anon]");
	map(STACK, STACK + 0x100000, MODEL_READ | MODEL_WRITE, "[anon]");
	event.ip = CODE + 0x10;
	crash.reg[MODEL_RIP] = event.ip;
	event.sp = STACK + 0x80000;
	crash.reg[MODEL_RSP] = event.sp;
	return 0;
}

static void code(const void *bytes, size_t n)
{
	memcpy(crash.code, bytes, n);
	crash.n_code = n;
}

#define CODE_IS(text) code(text, sizeof(text) - 1)

#define READS	0
#define WRITES	2
#define FETCHES 16

/* fault - the processor found no page, or one that it may not use so. */
static void fault(int si_code, uint64_t addr, uint64_t error)
{
	event.signal = SIGSEGV;
	event.code = si_code;
	event.has_fault_addr = 1;
	event.fault_addr = addr;
	crash.trap = 14;
	crash.error_code = error | 4;
	crash.cr2 = addr;
}

static enum crash_kind explain(void)
{
	crash_explain(&event, near, NULL, 0, &report);
	return report.kind;
}

static void a_write_to_null_plus_an_offset_is_told_with_both(void **state)
{
	(void)state;
	/* GIVEN mov dword ptr [rdi+0x10], 1 with rdi 0 */
	CODE_IS("\xc7\x47\x10\x01\x00\x00\x00");
	fault(SEGV_MAPERR, 0x10, WRITES);
	/* WHEN, THEN */
	assert_int_equal(explain(), CRASH_NULL_POINTER);
	assert_int_equal(report.access, MODEL_WRITE);
	assert_int_equal(report.access_bytes, 4);
	assert_string_equal(report.summary, "wrote 4 bytes to a null pointer plus 16 (0x10)");
	assert_string_equal(report.likely, "rdi, from which the address was computed, is null (0x0)");
	assert_string_equal(report.instruction, "mov dword ptr [rdi+0x10], 0x1");
}

static void a_null_minus_an_offset_is_one_too(void **state)
{
	(void)state;
	fault(SEGV_MAPERR, -8ULL, READS);
	assert_int_equal(explain(), CRASH_NULL_POINTER);
	assert_non_null(strstr(report.summary, "minus 8"));
}

static void a_call_of_null_is_called_so(void **state)
{
	(void)state;
	event.ip = crash.reg[MODEL_RIP] = 0;
	fault(SEGV_MAPERR, 0, FETCHES);
	assert_int_equal(explain(), CRASH_NULL_POINTER);
	assert_non_null(strstr(report.summary, "null function pointer"));
}

static void mappings_say_what_they_do_not_allow(void **state)
{
	static const struct {
		int si_code;
		uint64_t addr;
		uint64_t error;
		enum crash_kind kind;
	} cases[] = {
		{ SEGV_ACCERR, RO + 5, WRITES, CRASH_READ_ONLY },
		{ SEGV_ACCERR, CODE + 5, WRITES, CRASH_READ_ONLY },
		{ SEGV_ACCERR, HEAP + 5, FETCHES, CRASH_NOT_EXECUTABLE },
		{ SEGV_ACCERR, GUARD + 5, READS, CRASH_NO_ACCESS }, /* sp is far from it */
		{ SEGV_ACCERR, GUARD + 5, WRITES, CRASH_NO_ACCESS },
		{ SEGV_PKUERR, HEAP + 5, READS, CRASH_NO_ACCESS },
		{ SEGV_MAPERR, 0x12345678, READS, CRASH_UNMAPPED },
		{ SEGV_MAPERR, 0xffff888000000000, READS, CRASH_KERNEL_ADDRESS },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fault(cases[i].si_code, cases[i].addr, cases[i].error);
		assert_int_equal(explain(), cases[i].kind);
	}
}

static void the_nearest_mapping_of_a_wild_address_is_told(void **state)
{
	(void)state;
	fault(SEGV_MAPERR, HEAP + 0x10000 + 24, READS);
	explain();
	assert_int_equal(report.address.relation, CRASH_AFTER);
	assert_int_equal(report.address.distance_bytes, 24);
	assert_string_equal(report.address.mapping->name, "[heap]");
	assert_string_equal(report.address.text, "not mapped, 24 bytes behind the end of [heap] (rw-p)");
}

static void a_push_into_the_guard_is_a_stack_overflow(void **state)
{
	(void)state;
	/* GIVEN a stack that is used up to its first byte, or a frame that has reached into the guard */
	crash.reg[MODEL_RSP] = STACK;
	fault(SEGV_ACCERR, STACK - 8, WRITES);
	assert_int_equal(explain(), CRASH_STACK_OVERFLOW);
	crash.reg[MODEL_RSP] = GUARD + 0x800;
	fault(SEGV_ACCERR, GUARD + 0x900, WRITES);
	assert_int_equal(explain(), CRASH_STACK_OVERFLOW);
	/* AND one below which nothing is mapped, as a main thread's */
	begin(NULL);
	crash.mapping[3] = crash.mapping[4];
	crash.n_mappings = 4;
	crash.reg[MODEL_RSP] = STACK + 16;
	fault(SEGV_MAPERR, STACK - 1000, WRITES);
	assert_int_equal(explain(), CRASH_STACK_OVERFLOW);
	/* AND one for which the kernel could not even call the handler */
	event.code = SI_KERNEL;
	event.has_fault_addr = 0;
	assert_int_equal(explain(), CRASH_STACK_OVERFLOW);
}

static void a_frame_larger_than_what_was_left_of_the_stack_is_a_stack_overflow(void **state)
{
	(void)state;
	/* GIVEN the stack of a main thread, with nothing below, and sp 16 MiB below it */
	crash.mapping[3] = crash.mapping[4];
	crash.mapping[3].flags |= MODEL_GROWS;
	crash.n_mappings = 4;
	crash.reg[MODEL_RSP] = STACK - (16 << 20);
	fault(SEGV_MAPERR, STACK - (16 << 20), WRITES);
	assert_int_equal(explain(), CRASH_STACK_OVERFLOW);
	/* BUT it is a wild pointer if sp is where it should be */
	crash.reg[MODEL_RSP] = STACK + 0x80000;
	assert_int_equal(explain(), CRASH_UNMAPPED);
	/* AND if it is not that stack which is the next mapping */
	crash.reg[MODEL_RSP] = STACK - (16 << 20);
	crash.mapping[3].flags &= ~(unsigned)MODEL_GROWS;
	assert_int_equal(explain(), CRASH_UNMAPPED);
}

static struct model_near block(enum model_near_kind kind, uint64_t addr, uint64_t size, uint64_t at)
{
	return (struct model_near){ .kind = kind,
		.layer = MODEL_LIBC,
		.addr = addr,
		.size_bytes = size,
		.offset = (int64_t)(at - addr),
		.age_ns = 5000000000,
		.freed_ns = kind == MODEL_NEAR_FREED ? 3000000 : 0 };
}

static void a_block_explains_an_address(void **state)
{
	uint64_t gone = 0x7e0000000000;

	(void)state;
	fault(SEGV_MAPERR, gone + 16, READS);
	near[0] = block(MODEL_NEAR_FREED, gone, 64, gone + 16);
	assert_int_equal(explain(), CRASH_USE_AFTER_FREE);
	assert_non_null(strstr(report.summary, "16 bytes into a block of 64 bytes (libc) that was freed 3 ms before"));
	near[0] = block(MODEL_NEAR_LIVE, gone, 16, gone + 16);
	assert_int_equal(explain(), CRASH_PAST_BLOCK_END);
	assert_non_null(strstr(report.summary, "at the end of a live block of 16 bytes (libc)"));
	near[0] = block(MODEL_NEAR_LIVE, gone, 64, gone + 16);
	assert_int_equal(explain(), CRASH_IN_LIVE_BLOCK);
	/* AND where a mapping explains it, too, that is told, and the block beside it */
	fault(SEGV_ACCERR, RO + 16, WRITES);
	near[0] = block(MODEL_NEAR_LIVE, RO, 64, RO + 16);
	assert_int_equal(explain(), CRASH_READ_ONLY);
	assert_ptr_equal(report.address.near, &near[0]);
}

static void a_register_that_points_to_a_freed_block_is_the_likely_cause(void **state)
{
	(void)state;
	/* GIVEN mov eax, [rax] with a wild rax, and rbx in a block that was freed */
	CODE_IS("\x8b\x00");
	crash.reg[MODEL_RAX] = 0x123456789;
	crash.reg[MODEL_RBX] = HEAP + 0x20;
	near[1 + MODEL_RBX] = block(MODEL_NEAR_FREED, HEAP, 64, HEAP + 0x20);
	fault(SEGV_MAPERR, 0x123456789, READS);
	assert_int_equal(explain(), CRASH_UNMAPPED);
	assert_non_null(strstr(report.likely, "rbx points 32 bytes into a block of 64 bytes (libc) that was freed"));
}

static void a_pointer_that_spells_text_is_recognised(void **state)
{
	(void)state;
	/* GIVEN mov eax, [rdi] with rdi "AAAAAAAA": no address, so that the kernel tells none */
	CODE_IS("\x8b\x07");
	crash.reg[MODEL_RDI] = 0x4141414141414141;
	event.signal = SIGSEGV;
	event.code = SI_KERNEL;
	crash.trap = 13;
	assert_int_equal(explain(), CRASH_NON_CANONICAL);
	assert_int_equal(report.address.addr, 0x4141414141414141);
	assert_true(report.is_computed);
	assert_int_equal(report.access, MODEL_READ);
	assert_string_equal(report.likely, "rdi holds the text \"AAAAAAAA\": the pointer was overwritten by a string");
}

static void a_return_to_no_address_blames_the_stack(void **state)
{
	(void)state;
	CODE_IS("\xc3");
	crash.stack[0] = 0x4141414141414141;
	crash.n_stack = 8;
	event.signal = SIGSEGV;
	event.code = SI_KERNEL;
	crash.trap = 13;
	assert_int_equal(explain(), CRASH_NON_CANONICAL);
	assert_non_null(strstr(report.likely, "return address"));
}

static void other_protection_faults_are_told_apart(void **state)
{
	(void)state;
	event.signal = SIGSEGV;
	event.code = SI_KERNEL;
	crash.trap = 13;
	/* movaps xmm0, [rax] of an odd address; hlt; and one of which nothing is known */
	CODE_IS("\x0f\x28\x00");
	crash.reg[MODEL_RAX] = HEAP + 8;
	assert_int_equal(explain(), CRASH_MISALIGNED);
	CODE_IS("\xf4");
	assert_int_equal(explain(), CRASH_PRIVILEGED);
	CODE_IS("\x90");
	assert_int_equal(explain(), CRASH_GENERAL_PROTECTION);
}

static void a_division_is_told_by_its_operands(void **state)
{
	(void)state;
	event.signal = SIGFPE;
	event.code = FPE_INTDIV;
	/* idiv ecx */
	CODE_IS("\xf7\xf9");
	assert_int_equal(explain(), CRASH_DIVISION_BY_ZERO);
	crash.reg[MODEL_RCX] = 0xffffffff;
	crash.reg[MODEL_RAX] = 0x80000000;
	crash.reg[MODEL_RDX] = 0xffffffff;
	assert_int_equal(explain(), CRASH_DIVISION_OVERFLOW);
	/* idiv dword ptr [rsp+64], which is not known: 1000 fits whatever it is divided by, but for 0; the least number may not */
	CODE_IS("\xf7\x7c\x24\x40");
	assert_int_equal(explain(), CRASH_DIVISION);
	crash.reg[MODEL_RAX] = 1000;
	crash.reg[MODEL_RDX] = 0;
	assert_int_equal(explain(), CRASH_DIVISION_BY_ZERO);
}

static void signals_without_a_fault_are_told_by_their_sender(void **state)
{
	static const struct {
		int signal;
		int sender;
		enum crash_kind kind;
	} cases[] = {
		{ SIGABRT, 7, CRASH_ABORT },
		{ SIGABRT, 99, CRASH_SENT },
		{ SIGSEGV, 7, CRASH_RAISED },
		{ SIGSEGV, 99, CRASH_SENT },
		{ SIGFPE, 0, CRASH_SENT },
	};
	(void)state;
	event.code = SI_TKILL;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		event.signal = cases[i].signal;
		event.sender_pid = cases[i].sender;
		assert_int_equal(explain(), cases[i].kind);
		assert_false(report.has_address);
		assert_string_equal(report.kernel_line, "");
	}
}

static void the_rest_has_a_kind_of_its_own(void **state)
{
	static const struct {
		int signal;
		int code;
		enum crash_kind kind;
	} cases[] = {
		{ SIGBUS, BUS_ADRERR, CRASH_BUS },
		{ SIGBUS, BUS_ADRALN, CRASH_MISALIGNED },
		{ SIGBUS, BUS_MCEERR_AR, CRASH_MEMORY_ERROR },
		{ SIGFPE, FPE_FLTDIV, CRASH_FLOATING_POINT },
		{ SIGILL, ILL_ILLOPN, CRASH_ILLEGAL_INSTRUCTION },
		{ SIGTRAP, SI_KERNEL, CRASH_TRAP },
		{ SIGSYS, 1, CRASH_SECCOMP },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		event.signal = cases[i].signal;
		event.code = cases[i].code;
		assert_int_equal(explain(), cases[i].kind);
		assert_true(strlen(report.summary) > 10);
	}
}

static void an_abort_says_what_libc_said_and_who_asked(void **state)
{
	static const struct crash_frame frames[] = { { .function = "raise" }, { .function = "abort" },
		{ .function = "malloc_printerr" } };
	(void)state;
	event.signal = SIGABRT;
	event.code = SI_TKILL;
	event.sender_pid = 7;
	strcpy(crash.abort_message, "double free or corruption (fasttop)\n");
	crash_explain(&event, near, frames, 3, &report);
	assert_string_equal(report.summary, "aborted itself: double free or corruption (fasttop)");
	assert_non_null(strstr(report.likely, "heap damaged"));
}

static void a_cycle_is_found_behind_other_frames(void **state)
{
	struct crash_frame f[100] = { 0 };
	struct crash_cycle c;

	(void)state;
	/* GIVEN two other frames, then rounds of three, the second of PHP, then the root */
	for (size_t i = 0; i < 100; i++)
		f[i].id = i < 2 || i > 95 ? 1000 + i : i % 3;
	for (size_t i = 2; i < 96; i++)
		f[i].is_php = i % 3 == 1;
	/* WHEN */
	crash_find_cycle(f, 100, &c);
	/* THEN */
	assert_int_equal(c.first, 2);
	assert_int_equal(c.frames, 3);
	assert_int_equal(c.times, 31);
	assert_true(c.is_php);
	/* AND a stack that does not repeat has none */
	for (size_t i = 0; i < 100; i++)
		f[i].id = i;
	crash_find_cycle(f, 100, &c);
	assert_int_equal(c.frames, 0);
	crash_find_cycle(NULL, 0, &c);
	assert_int_equal(c.frames, 0);
}

/* overflow - the stack is used up by rounds of these frames.  Return: what is said to be most likely. */
static const char *overflow(const struct crash_frame *round, size_t len)
{
	struct crash_frame f[100] = { 0 };

	for (size_t i = 0; i < 100; i++) {
		f[i] = round[i % len];
		f[i].id = 1 + i % len;
	}
	event.signal = SIGSEGV;
	event.code = SEGV_ACCERR;
	event.fault_addr = crash.cr2 = STACK - 8;
	event.sp = crash.reg[MODEL_RSP] = STACK;
	crash_explain(&event, NULL, f, 100, &report);
	assert_int_equal(report.kind, CRASH_STACK_OVERFLOW);
	return report.likely;
}

static void php_recursion_is_named_by_the_script_s_function(void **state)
{
	/* array_map, which calls back, is the engine's own: it has no file. */
	const struct crash_frame round[] = { { .function = "zif_array_map" },
		{ .function = "array_map", .is_php = 1, .file = "" }, { .function = "execute_ex" },
		{ .function = "rec", .is_php = 1, .file = "/srv/app/leak.php", .line = 3 } };

	(void)state;
	assert_string_equal(overflow(round, 4), "endless PHP recursion of rec leak.php:3: 4 frames repeat");
	/* Without one of the script's there is the engine's; and what is native is named as before. */
	assert_string_equal(overflow(round, 3), "endless PHP recursion of array_map: 3 frames repeat");
	assert_string_equal(overflow(round, 1), "endless recursion of zif_array_map: 1 frame repeats");
	assert_string_equal(
		overflow((struct crash_frame[]){ { .is_php = 1 } }, 1), "endless PHP recursion: 1 frame repeats");
}

/* as_logged - what the kernel prints: "%s[%d]: segfault at %lx ip %px sp %px error %lx" of a page fault (arch/x86/mm/fault.c), and
 * "traps: %s[%d] %s ip:%lx sp:%lx error:%lx" of the others (arch/x86/kernel/traps.c); then " in NAME[START+SIZE]" of the file that
 * ip is in. %px is 16 digits. */
static const char *as_logged(const char *trap, unsigned long error)
{
	static char line[512];
	int n;

	if (trap)
		n = snprintf(line, sizeof(line), "traps: %s[%d] %s ip:%lx sp:%lx error:%lx", event.comm, event.tid,
			trap, (unsigned long)event.ip, (unsigned long)event.sp, error);
	else
		n = snprintf(line, sizeof(line), "%s[%d]: segfault at %lx ip %016lx sp %016lx error %lx", event.comm,
			event.tid, (unsigned long)event.fault_addr, (unsigned long)event.ip, (unsigned long)event.sp,
			error);
	snprintf(line + n, sizeof(line) - (size_t)n, " in victim[%lx+%lx]", (unsigned long)CODE, 0x1000UL);
	return line;
}

static void the_kernels_line_is_as_in_its_log(void **state)
{
	static const struct {
		unsigned trap;
		int signal;
		int code;
		const char *text;
	} traps[] = {
		{ 0, SIGFPE, FPE_INTDIV, "trap divide error" },
		{ 3, SIGTRAP, SI_KERNEL, "trap int3" },
		{ 6, SIGILL, ILL_ILLOPN, "trap invalid opcode" },
		{ 12, SIGBUS, SI_KERNEL, "trap stack segment" },
		{ 13, SIGSEGV, SI_KERNEL, "general protection fault" },
		{ 17, SIGBUS, BUS_ADRALN, "trap alignment check" },
	};

	(void)state;
	fault(SEGV_MAPERR, 0x10, WRITES);
	explain();
	assert_string_equal(report.kernel_line, as_logged(NULL, 6));
	fault(SEGV_ACCERR, 0xffff888000000000, READS);
	explain();
	assert_string_equal(report.kernel_line, as_logged(NULL, READS | 4));
	event.has_fault_addr = 0;
	crash.error_code = 0;
	for (size_t i = 0; i < sizeof(traps) / sizeof(traps[0]); i++) {
		crash.trap = traps[i].trap;
		event.signal = traps[i].signal;
		event.code = traps[i].code;
		explain();
		assert_string_equal(report.kernel_line, as_logged(traps[i].text, 0));
	}
	/* AND of code that no file is behind the kernel names no place; of a file that was cut it says nothing */
	event.ip = HEAP;
	explain();
	assert_non_null(strstr(report.kernel_line, " error:0"));
	assert_null(strstr(report.kernel_line, " in "));
	fault(SEGV_MAPERR, 0x10, READS);
	event.signal = SIGBUS;
	event.code = BUS_ADRERR;
	explain();
	assert_string_equal(report.kernel_line, "");
}

static void any_bytes_and_registers_are_explained(void **state)
{
	uint64_t x = 88172645463325252ULL;

	(void)state;
	/* GIVEN anything at all: a process that is not trusted chooses it. THEN nothing breaks, and every text ends */
	for (int round = 0; round < 20000; round++) {
		for (size_t i = 0; i < sizeof(crash.code); i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			crash.code[i] = (uint8_t)(x >> 32);
			if (i < MODEL_REGISTERS)
				crash.reg[i] = x & 1 ? x : HEAP + (x >> 8) % 0x20000;
		}
		crash.n_code = x % (MODEL_CODE_BYTES + 1);
		crash.trap = x >> 8 & 1 ? 13 : 14;
		event.signal = x >> 9 & 1 ? SIGSEGV : x >> 10 & 1 ? SIGFPE : SIGBUS;
		event.code = x >> 11 & 1 ? SI_KERNEL : 1;
		event.has_fault_addr = x >> 12 & 1;
		event.fault_addr = x;
		explain();
		assert_in_range(report.kind, 0, CRASH_KINDS - 1);
		assert_non_null(memchr(report.summary, 0, sizeof(report.summary)));
		assert_non_null(memchr(report.likely, 0, sizeof(report.likely)));
		assert_non_null(memchr(report.instruction, 0, sizeof(report.instruction)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_write_to_null_plus_an_offset_is_told_with_both, begin),
		cmocka_unit_test_setup(a_null_minus_an_offset_is_one_too, begin),
		cmocka_unit_test_setup(a_call_of_null_is_called_so, begin),
		cmocka_unit_test_setup(mappings_say_what_they_do_not_allow, begin),
		cmocka_unit_test_setup(the_nearest_mapping_of_a_wild_address_is_told, begin),
		cmocka_unit_test_setup(a_push_into_the_guard_is_a_stack_overflow, begin),
		cmocka_unit_test_setup(a_frame_larger_than_what_was_left_of_the_stack_is_a_stack_overflow, begin),
		cmocka_unit_test_setup(a_block_explains_an_address, begin),
		cmocka_unit_test_setup(a_register_that_points_to_a_freed_block_is_the_likely_cause, begin),
		cmocka_unit_test_setup(a_pointer_that_spells_text_is_recognised, begin),
		cmocka_unit_test_setup(a_return_to_no_address_blames_the_stack, begin),
		cmocka_unit_test_setup(other_protection_faults_are_told_apart, begin),
		cmocka_unit_test_setup(a_division_is_told_by_its_operands, begin),
		cmocka_unit_test_setup(signals_without_a_fault_are_told_by_their_sender, begin),
		cmocka_unit_test_setup(the_rest_has_a_kind_of_its_own, begin),
		cmocka_unit_test_setup(an_abort_says_what_libc_said_and_who_asked, begin),
		cmocka_unit_test_setup(a_cycle_is_found_behind_other_frames, begin),
		cmocka_unit_test_setup(php_recursion_is_named_by_the_script_s_function, begin),
		cmocka_unit_test_setup(the_kernels_line_is_as_in_its_log, begin),
		cmocka_unit_test_setup(any_bytes_and_registers_are_explained, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
