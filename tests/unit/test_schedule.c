/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_schedule.c - promises of cli/schedule.h.
 *
 * In: made-up costs of placing and removing probes. Out: the share of time with probes, at the end of each window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/schedule.h"

#define MS    1000000ULL
#define START (100000 * MS)

struct simulation {
	struct schedule s;
	uint64_t now_ns;
	uint64_t probed_ns;
	uint64_t recorded_ns;
	unsigned n;
	double worst; /* share, at the end of a window */
};

static void begin(struct simulation *x, double percent, uint64_t edge_ns)
{
	*x = (struct simulation){ .now_ns = START };
	schedule_begin(&x->s, percent, 12345, START, edge_ns);
}

/* window - one that takes edge_ns to place and remove; it records as long as was planned. */
static double window(struct simulation *x, uint64_t edge_ns)
{
	double share;

	if (x->now_ns < x->s.next_ns)
		x->now_ns = x->s.next_ns;
	x->probed_ns += edge_ns + x->s.window_ns;
	x->recorded_ns += x->s.window_ns;
	x->now_ns += edge_ns + x->s.window_ns;
	x->n++;
	share = (double)x->probed_ns / (double)(x->now_ns - START);
	if (share > x->worst)
		x->worst = share;
	schedule_next(&x->s, x->now_ns, edge_ns, x->probed_ns);
	return share;
}

static void the_share_is_never_above_the_budget(void **state)
{
	static const double percent[] = { 0.1, 1, 2, 10, 50 };
	static const uint64_t edge_ms[] = { 1, 30, 100, 1000, 20000 };

	(void)state;
	for (size_t p = 0; p < sizeof(percent) / sizeof(*percent); p++) {
		for (size_t e = 0; e < sizeof(edge_ms) / sizeof(*edge_ms); e++) {
			struct simulation x;

			/* GIVEN placing and removing that takes so long, sometimes a quarter more or less */
			begin(&x, percent[p], edge_ms[e] * MS);
			/* WHEN */
			for (int i = 0; i < 200; i++)
				window(&x, edge_ms[e] * MS * (3 + i % 3) / 4);
			/* THEN */
			assert_true(x.worst <= percent[p] / 100);
			/* and the budget is used, not saved up: what is below two thirds of it is waste */
			assert_true((double)x.probed_ns / (double)(x.now_ns - START) > percent[p] / 100 * 2 / 3);
		}
	}
}

static void a_window_that_takes_unforeseen_long_is_waited_for(void **state)
{
	struct simulation x;

	(void)state;
	begin(&x, 2, 50 * MS);
	window(&x, 50 * MS);
	/* WHEN one takes 3 s to remove */
	window(&x, 3000 * MS);
	/* THEN the next one begins when the share is within the budget again */
	assert_true(window(&x, 3000 * MS) <= 0.02);
	/* and when they are fast again, it is believed after a while */
	for (int i = 0; i < 60; i++)
		window(&x, 50 * MS);
	assert_true(x.s.edge_ns < 100 * MS);
}

static void windows_record_10_to_50_ms_and_more_when_placing_is_dear(void **state)
{
	struct simulation cheap, dear;

	(void)state;
	begin(&cheap, 2, 1 * MS);
	begin(&dear, 2, 200 * MS);
	assert_int_equal(cheap.s.window_ns, SCHEDULE_LEAST_NS);
	assert_int_equal(dear.s.window_ns, SCHEDULE_MOST_NS);
	begin(&dear, 2, 30 * MS);
	assert_int_equal(dear.s.window_ns, SCHEDULE_MOST_NS);
	begin(&dear, 2, 15 * MS);
	assert_int_equal(dear.s.window_ns, 30 * MS);
}

static void windows_do_not_come_in_step_with_anything(void **state)
{
	struct simulation x;
	uint64_t wait, last = 0;
	int n_same = 0;

	(void)state;
	begin(&x, 2, 50 * MS);
	for (int i = 0; i < 100; i++) {
		window(&x, 50 * MS);
		wait = x.s.next_ns - x.now_ns;
		n_same += wait / MS == last / MS;
		last = wait;
	}
	assert_true(n_same < 10);
}

/* Moments come 2 ms early and late by turns, which adds up to nothing. */
static void what_is_done_once_in_a_period_is_done_at_the_nearest_moment(void **state)
{
	uint64_t last = 0;
	int n = 0;

	(void)state;
	for (uint64_t i = 0; i < 60; i++) {
		uint64_t now = START + i * 10000 * MS + (i % 2 ? 0 : 2 * MS);

		if (!schedule_is_time(last, 10000 * MS, now, 10000 * MS))
			continue;
		last = now;
		n++;
	}
	assert_int_equal(n, 60);
	assert_false(schedule_is_time(START, 60000 * MS, START + 50000 * MS, 10000 * MS));
	assert_true(schedule_is_time(START, 60000 * MS, START + 59990 * MS, 10000 * MS));
	assert_true(schedule_is_time(START, 1000 * MS, START + 60000 * MS, 60000 * MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_share_is_never_above_the_budget),
		cmocka_unit_test(a_window_that_takes_unforeseen_long_is_waited_for),
		cmocka_unit_test(windows_record_10_to_50_ms_and_more_when_placing_is_dear),
		cmocka_unit_test(windows_do_not_come_in_step_with_anything),
		cmocka_unit_test(what_is_done_once_in_a_period_is_done_at_the_nearest_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
