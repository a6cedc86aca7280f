/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_leaves.c - the instructions by which functions return, of functions of this very file whose code is given. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "target/internal.h"

/* Labels of return instructions are exported, so that they can be found by name. */
__asm__(".text\n"
	".globl two_returns, two_returns_a, two_returns_b, loops, loops_a, goes_on, by_table, never, grows\n"
	".type two_returns, @function\n.type two_returns_a, @function\n.type two_returns_b, @function\n"
	".type loops, @function\n.type loops_a, @function\n.type goes_on, @function\n.type by_table, @function\n"
	".type never, @function\n.type grows, @function\n"
	"two_returns: test %edi, %edi\n je 1f\n xor %eax, %eax\n"
	"two_returns_a: ret\n"
	/* bytes of returns that are none: part of an instruction, and behind one */
	"1: mov $0xc3c3c3c3, %eax\n"
	"two_returns_b: ret\n .byte 0xc3\n"
	"loops: dec %edi\n jnz loops\n loop loops\n call never\n"
	"loops_a: ret\n"
	"goes_on: sub $8, %rsp\n add $8, %rsp\n jmp two_returns\n"
	"by_table: jmp *(%rdi,%rsi,8)\n ret\n"
	"never: ud2\n ret\n"
	"grows: .rept 5000\n nop\n .endr\n ret\n");

static struct target_module self = { .fd = -1 };

static int know_self(void **state)
{
	(void)state;
	self.fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	return elffile_open(&self.elf, self.fd);
}

static int forget_self(void **state)
{
	(void)state;
	elffile_close(self.elf);
	close(self.fd);
	return 0;
}

static uint64_t vaddr(const char *name)
{
	struct elffile_symbol sym;

	assert_int_equal(elffile_find(self.elf, name, &sym), 0);
	return sym.vaddr;
}

static int leaves(const char *name, uint64_t *offset, size_t cap)
{
	return leaves_find(&self, vaddr(name), offset, cap);
}

static void assert_among(const uint64_t *offset, int n, const char *name)
{
	uint64_t expected;

	assert_int_equal(elffile_vaddr_to_offset(self.elf, vaddr(name), &expected), 0);
	for (int i = 0; i < n; i++)
		if (offset[i] == expected)
			return;
	fail();
}

static void all_returns_are_found_and_no_bytes_that_look_like_one(void **state)
{
	uint64_t offset[8];

	(void)state;
	assert_int_equal(leaves("two_returns", offset, 8), 2);
	assert_among(offset, 2, "two_returns_a");
	assert_among(offset, 2, "two_returns_b");
}

static void a_function_that_goes_on_in_another_returns_there(void **state)
{
	uint64_t offset[8];

	(void)state;
	assert_int_equal(leaves("goes_on", offset, 8), 2);
	assert_among(offset, 2, "two_returns_a");
	assert_among(offset, 2, "two_returns_b");
}

static void loops_end_and_calls_are_passed(void **state)
{
	uint64_t offset[8];

	(void)state;
	assert_int_equal(leaves("loops", offset, 8), 1);
	assert_among(offset, 1, "loops_a");
}

static void a_jump_whose_target_is_not_known_gives_none(void **state)
{
	uint64_t offset[8];

	(void)state;
	assert_int_equal(leaves("by_table", offset, 8), 0);
	assert_int_equal(leaves("never", offset, 8), 0);
	assert_int_equal(leaves_find(&self, 0, offset, 8), 0);
	assert_int_equal(leaves_find(&self, UINT64_MAX, offset, 8), 0);
}

static void what_is_too_much_is_refused(void **state)
{
	uint64_t offset[1];

	(void)state;
	assert_int_equal(leaves("two_returns", offset, 1), -E2BIG);
	assert_int_equal(leaves("grows", offset, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_returns_are_found_and_no_bytes_that_look_like_one),
		cmocka_unit_test(a_function_that_goes_on_in_another_returns_there),
		cmocka_unit_test(loops_end_and_calls_are_passed),
		cmocka_unit_test(a_jump_whose_target_is_not_known_gives_none),
		cmocka_unit_test(what_is_too_much_is_refused),
	};

	return cmocka_run_group_tests(tests, know_self, forget_self);
}
