/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_tsrm.c - code of tsrm_get_ls_cache as compilers write it, and code that must be refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "target/internal.h"

#define CODE(...) ((const uint8_t[]){ __VA_ARGS__ }), sizeof((const uint8_t[]){ __VA_ARGS__ })
#define ENDBR64	  0xf3, 0x0f, 0x1e, 0xfa
#define LOCAL	  0x64, 0x48, 0x8b, 0x04, 0x25, 0xf8, 0xff, 0xff, 0xff /* mov %fs:-8,%rax */
#define INITIAL	  0x48, 0x8b, 0x05, 0xe1, 0x2f, 0x00, 0x00, 0x64, 0x48, 0x8b, 0x00

static struct tsrm_access a;

static void an_offset_in_the_instruction_is_taken(void **state)
{
	(void)state;
	assert_int_equal(tsrm_decode(CODE(LOCAL, 0xc3), &a), 0);
	assert_int_equal(a.tls, -8);
	assert_false(a.is_slot);
	assert_int_equal(tsrm_decode(CODE(ENDBR64, LOCAL, 0xc3, 0x90), &a), 0);
	assert_int_equal(tsrm_decode(CODE(0x55, 0x48, 0x89, 0xe5, LOCAL, 0x5d, 0xc3), &a), 0);
	assert_int_equal(a.tls, -8);
}

static void an_offset_in_a_slot_is_found_from_the_next_instruction(void **state)
{
	(void)state;
	assert_int_equal(tsrm_decode(CODE(INITIAL, 0xc3), &a), 0);
	assert_true(a.is_slot);
	assert_int_equal(a.tls, 7 + 0x2fe1);
	assert_int_equal(tsrm_decode(CODE(ENDBR64, 0x55, 0x48, 0x89, 0xe5, INITIAL, 0x5d, 0xc3), &a), 0);
	assert_int_equal(a.tls, 15 + 0x2fe1);
}

static void other_code_is_refused(void **state)
{
	(void)state;
	/* a call of __tls_get_addr; a descriptor; a positive offset; more than a return behind; a frame that is not left */
	assert_int_equal(
		tsrm_decode(CODE(0x66, 0x48, 0x8d, 0x3d, 1, 2, 3, 4, 0x66, 0x66, 0x48, 0xe8, 1, 2, 3, 4), &a), -ENOSYS);
	assert_int_equal(
		tsrm_decode(CODE(0x48, 0x8d, 0x05, 1, 2, 3, 4, 0xff, 0x10, 0x64, 0x48, 0x8b, 0x00, 0xc3), &a), -ENOSYS);
	assert_int_equal(tsrm_decode(CODE(0x64, 0x48, 0x8b, 0x04, 0x25, 8, 0, 0, 0, 0xc3), &a), -ENOSYS);
	assert_int_equal(tsrm_decode(CODE(LOCAL, 0x48, 0x8b, 0x00, 0xc3), &a), -ENOSYS);
	assert_int_equal(tsrm_decode(CODE(0x55, 0x48, 0x89, 0xe5, LOCAL, 0xc3), &a), -ENOSYS);
	assert_int_equal(tsrm_decode(CODE(LOCAL, 0x5d, 0xc3), &a), -ENOSYS);
	assert_int_equal(tsrm_decode(CODE(0xc3), &a), -ENOSYS);
}

static void code_that_ends_early_is_not_read_beyond(void **state)
{
	static const uint8_t whole[] = { ENDBR64, 0x55, 0x48, 0x89, 0xe5, INITIAL, 0x5d, 0xc3 };

	(void)state;
	for (size_t n = 0; n < sizeof(whole); n++) {
		uint8_t *part = test_malloc(n ? n : 1);

		memcpy(part, whole, n);
		assert_int_equal(tsrm_decode(part, n, &a), -ENOSYS);
		test_free(part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_offset_in_the_instruction_is_taken),
		cmocka_unit_test(an_offset_in_a_slot_is_found_from_the_next_instruction),
		cmocka_unit_test(other_code_is_refused),
		cmocka_unit_test(code_that_ends_early_is_not_read_beyond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
