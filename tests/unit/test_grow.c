/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_grow.c - lists that grow keep what they have, and what is new is zero. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "util/grow.h"

static void a_list_grows_with_its_numbers_and_keeps_its_elements(void **state)
{
	uint64_t *list = NULL, *same;
	size_t n = 0, before;

	(void)state;
	for (size_t at = 0; at < 5000; at += 7) {
		list = grow_to(list, &n, at, sizeof(*list));
		assert_non_null(list);
		assert_true(n > at);
		assert_int_equal(list[at], 0);
		list[at] = at + 1;
		for (size_t i = 0; i < n; i++)
			assert_int_equal(list[i], i % 7 == 0 && i <= at ? i + 1 : 0);
	}
	/* WHEN there is room THEN nothing moves */
	before = n;
	same = grow_to(list, &n, 3, sizeof(*list));
	assert_ptr_equal(same, list);
	assert_int_equal(n, before);
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_grows_with_its_numbers_and_keeps_its_elements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
