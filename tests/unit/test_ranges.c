// SPDX-License-Identifier: GPL-2.0-or-later
/* test_ranges.c - what is taken is never free, what is given back can be taken again. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/ranges.h"

static void what_is_given_back_is_one_range_again(void **state)
{
	struct ranges r = { 0 };
	uint32_t a, b, c;

	(void)state;
	assert_int_equal(ranges_give(&r, 0, 30), 0);
	assert_int_equal(ranges_take(&r, 10, 0, &a), 0);
	assert_int_equal(ranges_take(&r, 10, 0, &b), 0);
	assert_int_equal(ranges_take(&r, 10, 0, &c), 0);
	assert_int_equal(ranges_take(&r, 1, 0, &a), -ENOSPC);
	assert_int_equal(ranges_give(&r, 20, 10), 0);
	assert_int_equal(ranges_give(&r, 0, 10), 0);
	assert_int_equal(r.n, 2);
	assert_int_equal(ranges_take(&r, 11, 0, &a), -ENOSPC);
	assert_int_equal(ranges_give(&r, 10, 10), 0);
	assert_int_equal(r.n, 1);
	assert_int_equal(ranges_take(&r, 30, 0, &a), 0);
	assert_int_equal(a, 0);
	ranges_free(&r);
}

static void a_range_does_not_lie_across_a_boundary(void **state)
{
	struct ranges r = { 0 };
	uint32_t a;

	(void)state;
	assert_int_equal(ranges_give(&r, 0, 200), 0);
	assert_int_equal(ranges_take(&r, 70, 100, &a), 0);
	assert_int_equal(a, 0);
	assert_int_equal(ranges_take(&r, 70, 100, &a), 0);
	assert_int_equal(a, 100);
	/* What was left before the boundary is not lost. */
	assert_int_equal(ranges_take(&r, 30, 100, &a), 0);
	assert_int_equal(a, 70);
	assert_int_equal(ranges_take(&r, 31, 100, &a), -ENOSPC);
	ranges_free(&r);
}

#define SPACE 4096
#define HELD  64

/* Random takes and gives against an array of who owns what. */
static void nothing_is_taken_twice(void **state)
{
	struct {
		uint32_t first, n;
	} held[HELD] = { 0 };
	static char owner[SPACE];
	struct ranges r = { 0 };
	uint32_t n_taken = 0;

	(void)state;
	memset(owner, 0, sizeof(owner));
	srand(1);
	assert_int_equal(ranges_give(&r, 0, SPACE), 0);
	for (int round = 0; round < 20000; round++) {
		int i = rand() % HELD;

		uint32_t n = 1 + rand() % 200;

		if (held[i].n) {
			memset(owner + held[i].first, 0, held[i].n);
			assert_int_equal(ranges_give(&r, held[i].first, held[i].n), 0);
			held[i].n = 0;
		} else if (!ranges_take(&r, n, 512, &held[i].first)) {
			held[i].n = n;
			assert_true(held[i].first + n <= SPACE);
			assert_int_equal(held[i].first / 512, (held[i].first + n - 1) / 512);
			for (uint32_t k = 0; k < n; k++)
				assert_int_equal(owner[held[i].first + k], 0);
			memset(owner + held[i].first, 1, n);
			n_taken++;
		}
	}
	for (int i = 0; i < HELD; i++)
		assert_int_equal(ranges_give(&r, held[i].first, held[i].n), 0);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.range[0].n, SPACE);
	assert_true(n_taken > 1000);
	ranges_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_given_back_is_one_range_again),
		cmocka_unit_test(a_range_does_not_lie_across_a_boundary),
		cmocka_unit_test(nothing_is_taken_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
