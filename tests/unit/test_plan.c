/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_plan.c - a process that grows is traced soon, then ever more seldom, and one at a time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/plan.h"

#define MIN 60000000000ULL

/* From minute begin to end, judged each minute as growing and traced for a minute when it is to be.  Return: how often. */
static unsigned grow(struct plan *p, struct plan_process *one, uint64_t begin, uint64_t end)
{
	unsigned n = 0;

	for (uint64_t t = begin; t < end; t++) {
		if (!plan_judged(p, one, 1, 0, t * MIN))
			continue;
		plan_traced(p, one, t * MIN, (t + 1) * MIN, 1);
		n++;
	}
	return n;
}

static void one_verdict_on_the_edge_starts_nothing(void **state)
{
	struct plan_process one = { 0 };
	struct plan p = { 0 };

	(void)state;
	for (uint64_t t = 0; t < 100; t++)
		assert_false(plan_judged(&p, &one, t % 2, 0, t * MIN));
	assert_false(plan_judged(&p, &one, 0, 0, 100 * MIN));
	assert_false(plan_judged(&p, &one, 1, 0, 101 * MIN));
	assert_true(plan_judged(&p, &one, 1, 0, 102 * MIN));
}

static void what_goes_on_growing_is_traced_ever_more_seldom(void **state)
{
	struct plan_process one = { 0 };
	struct plan p = { 0 };

	(void)state;
	assert_int_equal(grow(&p, &one, 0, 60), 1);
	/* After 1, 2, 4, 8, 16 hours, and each day after that. */
	assert_int_equal(grow(&p, &one, 60, 34 * 60), 5);
	assert_int_equal(grow(&p, &one, 34 * 60, (34 + 10 * 24) * 60), 10);
}

/* Judged each minute. A trace of two minutes is followed by a pause of eight, and a judgement does not begin one alone. */
static void what_was_not_named_is_soon_traced_for_longer(void **state)
{
	static const uint64_t length[] = { 1, 2, 4, 8, 8, 8 }, pause[] = { 0, 4, 8, 16, 60, 120 };
	uint64_t t = 0, end = 0, begin;
	struct plan_process one = { 0 };
	struct plan p = { 0 };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		while (!plan_judged(&p, &one, 1, 0, t * MIN))
			t++;
		begin = t;
		assert_int_equal(plan_length_ns(&one, MIN), length[i] * MIN);
		assert_in_range(begin - end, pause[i], pause[i] + PLAN_CONFIRM);
		end = t += length[i];
		assert_int_equal(plan_traced(&p, &one, begin * MIN, end * MIN, 0), i < PLAN_LONGER);
	}
	/* What it took to name it once is what it takes the next time. */
	while (!plan_judged(&p, &one, 1, 0, t * MIN))
		t++;
	assert_int_equal(plan_traced(&p, &one, t * MIN, (t + 8) * MIN, 1), 0);
	assert_int_equal(plan_length_ns(&one, MIN), 8 * MIN);
	assert_false(plan_judged(&p, &one, 0, 1, (t + 9) * MIN));
	assert_int_equal(plan_length_ns(&one, MIN), MIN);
}

static void what_came_to_rest_is_new_when_it_grows_again(void **state)
{
	struct plan_process one = { 0 };
	struct plan p = { 0 };

	(void)state;
	assert_int_equal(grow(&p, &one, 0, 40), 1);
	assert_false(plan_judged(&p, &one, 0, 1, 41 * MIN));
	assert_int_equal(grow(&p, &one, 42, 60), 1);
}

static void however_many_grow_tracing_takes_a_small_share_of_time(void **state)
{
	static struct plan_process many[200];
	uint64_t busy_until = 0, traced = 0;
	struct plan p = { 0 };

	(void)state;
	for (uint64_t t = 0; t < 24 * 60; t++)
		for (size_t i = 0; i < 200; i++) {
			if (!plan_judged(&p, &many[i], 1, 0, t * MIN) || t < busy_until)
				continue;
			plan_traced(&p, &many[i], t * MIN, (t + 1) * MIN, t % 2);
			busy_until = t + 1;
			traced++;
		}
	assert_in_range(traced, 24 * 60 / 6, 24 * 60 / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_verdict_on_the_edge_starts_nothing),
		cmocka_unit_test(what_goes_on_growing_is_traced_ever_more_seldom),
		cmocka_unit_test(what_was_not_named_is_soon_traced_for_longer),
		cmocka_unit_test(what_came_to_rest_is_new_when_it_grows_again),
		cmocka_unit_test(however_many_grow_tracing_takes_a_small_share_of_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
