/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_probecost.c - what probes are likely to take: calls, times what one costs, by the time between two looks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/probecost.h"

#define SECOND 1000000000ULL

/* Of two processes, with calls of all kinds. */
static double look(struct probecost *c, uint64_t at_s, uint64_t allocs, uint64_t frees)
{
	struct model_process p[2] = { { .pid = 1, .layer = { { .n_allocs = allocs }, { .n_frees = frees } } },
		{ .pid = 2, .layer = { { .n_unknown_frees = 5 } } } };
	struct model_snapshot s = { .time_ns = at_s * SECOND, .process = p, .n_processes = 2 };

	return probecost_look(c, &s);
}

static void it_is_a_share_of_one_cpu_since_the_look_before(void **state)
{
	struct probecost c = { .call_ns = 1000, .at_ns = 10 * SECOND };

	(void)state;
	/* 100,000 calls of 1.7 us in two seconds. */
	assert_float_equal(look(&c, 12, 60000, 39995), 0.085, 1e-9);
	assert_float_equal(look(&c, 13, 60000, 39995), 0, 1e-9);
	/* More than all of one. */
	assert_float_equal(look(&c, 14, 1060000, 39995), 1.7, 1e-9);
}

static void what_is_not_known_is_below_0(void **state)
{
	struct probecost unmeasured = { .at_ns = 10 * SECOND }, first = { .call_ns = 1000 };

	(void)state;
	assert_true(look(&unmeasured, 12, 1000, 0) < 0);
	assert_true(look(&first, 12, 1000, 0) < 0);
	assert_float_equal(look(&first, 13, 2000, 0), 0.0017, 1e-9);
	/* The same moment again; then a process has ended, and its calls are gone; then it is known again. */
	assert_true(look(&first, 13, 2000, 0) < 0);
	assert_true(look(&first, 14, 500, 0) < 0);
	assert_float_equal(look(&first, 15, 1500, 0), 0.0017, 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_a_share_of_one_cpu_since_the_look_before),
		cmocka_unit_test(what_is_not_known_is_below_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
