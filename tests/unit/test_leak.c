/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_leak.c - verdicts on stacks, from the histories of simulated programs: what leaks is named, at its rate, and what only
 * takes memory for a while is not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "simulated.h"

static void leaking(const struct analyze_leak *l, double bytes_per_s)
{
	assert_non_null(l);
	assert_int_equal(l->verdict, LEAK_YES);
	assert_true(l->low <= bytes_per_s * 1.02 && l->high >= bytes_per_s * 0.98);
	assert_true(l->bytes_per_s > bytes_per_s * 0.7 && l->bytes_per_s < bytes_per_s * 1.3);
}

/* ---- leaks ---- */

static void each(int i)
{
	(void)i;
	allocate(INFINITY, SIZE);
}

static void a_leak_at_each_request_is_named_with_its_rate(void **state)
{
	const struct analyze_leak *l;

	(void)state;
	l = run(40, each);
	leaking(l, 50 * SIZE);
	assert_int_equal(l->n_old_freed, 0);
	assert_true(l->n_old > 1000 && l->n_old <= 2000 && l->old_ns > 0);
	assert_int_equal(l->p50_ns, 0);
}

/* Few requests come at first, and many later. */
static void unevenly(int i)
{
	if (i < 1000 && i % 10)
		process.n_requests--;
	else
		allocate(INFINITY, SIZE);
}

static void bytes_a_request_are_those_of_the_requests_of_the_same_time(void **state)
{
	const struct analyze_leak *l;

	(void)state;
	l = run(40, each);
	assert_true(l->per_request > 0.99 * SIZE && l->per_request < 1.01 * SIZE);
	begin_anew();
	l = run(40, unevenly);
	assert_int_equal(l->verdict, LEAK_YES);
	assert_true(l->per_request > 0.99 * SIZE && l->per_request < 1.01 * SIZE);
	begin_anew();
	process.has_requests = 0;
	assert_true(run(40, each)->per_request == 0);
}

static void the_bounds_of_bytes_a_request_do_not_widen_with_uneven_traffic(void **state)
{
	const struct analyze_leak *l;

	(void)state;
	/* WHEN the traffic changes, and not what a request leaves. THEN the bounds of bytes a second say so, and those a request are tight */
	l = run(40, unevenly);
	assert_true(l->request_low > 0.98 * SIZE && l->request_low <= SIZE);
	assert_true(l->request_high < 1.02 * SIZE && l->request_high >= SIZE);
	assert_true(l->high > 1.3 * l->low);
}

/* One of five requests leaks, and each as much as it likes. */
static void by_chance(int i)
{
	(void)i;
	if (dice() < 0.2)
		allocate(INFINITY, 1 + (uint32_t)(dice() * 2 * SIZE));
}

static void the_bounds_of_a_leaks_rate_hold_what_it_is_in_truth(void **state)
{
	int misses = 0, request_misses = 0;
	double truth = 0.2 * (SIZE + 0.5);

	(void)state;
	/* GIVEN two standard errors, which are estimated from eight to sixteen generations: 5 to 10 of 100 are outside */
	for (int k = 0; k < 200; k++) {
		const struct analyze_leak *l;

		begin_anew();
		l = run(30, by_chance);
		assert_int_equal(l->verdict, LEAK_YES);
		misses += l->low > 50 * truth || l->high < 50 * truth;
		request_misses += l->request_low > truth || l->request_high < truth;
	}
	assert_in_range(misses, 2, 28);
	assert_in_range(request_misses, 2, 28);
}

static void a_leak_is_named_after_some_seconds_and_not_before(void **state)
{
	(void)state;
	assert_int_equal(run(7, each)->verdict, LEAK_EARLY);
	begin_anew();
	assert_int_equal(run(15, each)->verdict, LEAK_YES);
}

static void rare(int i)
{
	if (i % 500 == 250)
		allocate(INFINITY, 100000);
}

static void a_rare_leak_is_named(void **state)
{
	(void)state;
	/* once in ten seconds */
	leaking(run(200, rare), 10000);
}

static void mixed(int i)
{
	for (int k = 0; k < 10; k++)
		allocate(3 + 2 * dice(), SIZE);
	if (i % 7 == 0)
		allocate(INFINITY, SIZE);
}

static void a_leak_among_blocks_that_live_for_a_while_on_the_same_line_is_named(void **state)
{
	const struct analyze_leak *l;

	(void)state;
	l = run(120, mixed);
	leaking(l, 50.0 / 7 * SIZE);
	assert_true(l->p50_ns >= 4 * SECOND && l->p90_ns >= l->p50_ns);
}

/* Those that live for some seconds hide, in all generations together, that some stay. */
static void short_and_mixed(int i)
{
	allocate(2 + 2 * dice(), SIZE);
	if (i % 50 == 25)
		allocate(INFINITY, SIZE);
}

static void short_mixed(int i)
{
	for (int k = 0; k < 20; k++)
		allocate(0.01, SIZE);
	if (i % 50 == 0)
		allocate(INFINITY, SIZE);
}

static void a_leak_of_one_block_in_a_thousand_is_named(void **state)
{
	const struct analyze_leak *l;

	(void)state;
	l = run(120, short_mixed);
	leaking(l, SIZE);
	assert_true(l->n_old_freed * 1.01 > l->n_old);
}

static void doubling(int i)
{
	static uint32_t bytes;

	if (!i)
		bytes = 64;
	if (i && 16 * (uint32_t)i <= bytes)
		return;
	bytes *= 2;
	now -= 1e-6;
	release_all();
	allocate(INFINITY, bytes);
}

static void a_block_that_is_replaced_by_ever_larger_ones_is_named(void **state)
{
	const struct analyze_leak *l;

	(void)state;
	l = run(100, doubling);
	assert_int_equal(l->verdict, LEAK_YES);
	assert_true(l->is_growing_block);
	/* 16 bytes a request, and up to twice as much room */
	assert_true(l->low <= 800 && l->high >= 800);
	assert_true(l->request_low <= 16 && l->request_high >= 16 && l->per_request == l->request_high);
}

/* ---- no leaks ---- */

static void session(int i)
{
	(void)i;
	allocate(10, SIZE);
}

static void what_expires_is_no_leak(void **state)
{
	const struct analyze_leak *l;

	(void)state;
	/* GIVEN sessions of 10 s: in the first 10 s nobody can know */
	for (double s = 16; s < 100; s += 5.7) {
		l = run(s, session);
		assert_int_equal(l->verdict, LEAK_NONE);
		begin_anew();
	}
	l = run(100, session);
	assert_true(l->p50_ns >= 10 * SECOND && l->p50_ns < 22 * SECOND);
}

static void random_age(int i)
{
	(void)i;
	allocate(-8 * log(1 - dice()), SIZE);
}

static void what_is_replaced_at_random_is_no_leak(void **state)
{
	(void)state;
	for (double s = 20; s < 200; s *= 1.4) {
		assert_int_equal(run(s, random_age)->verdict, LEAK_NONE);
		begin_anew();
	}
}

static void warm_up(int i)
{
	if (i < 500)
		allocate(INFINITY, SIZE);
}

static void slow_warm_up(int i)
{
	if (dice() < exp(-i / 400.0))
		allocate(INFINITY, SIZE);
}

static int serves(int i)
{
	return (int)(400 * (1 - exp(-i / 400.0))) != (int)(400 * (1 - exp(-(i - 1) / 400.0)));
}

/* What is made for the first time, ever more rarely. */
static void fading(int i)
{
	if (serves(i))
		allocate(INFINITY, SIZE);
}

/* A leak of each request, of which there are ever fewer. */
static void fading_traffic(int i)
{
	if (serves(i))
		allocate(INFINITY, SIZE);
	else
		process.n_requests--;
}

static void a_warm_up_is_told_while_it_still_goes_on(void **state)
{
	(void)state;
	/* GIVEN that the latest third of the time has still left four of ten of what the oldest has */
	assert_int_equal(run(12, fading)->verdict, LEAK_STOPPED);
	begin_anew();
	/* WHEN it is the requests that become fewer, THEN it is no warm-up */
	assert_int_equal(run(12, fading_traffic)->verdict, LEAK_YES);
}

static void a_few_old_blocks_among_those_that_turn_over_are_no_leak_yet(void **state)
{
	(void)state;
	/* GIVEN one in a thousand that stays. THEN it takes sixteen of them, each in its second, among others of the same line */
	assert_int_not_equal(run(16, short_and_mixed)->verdict, LEAK_YES);
	begin_anew();
	assert_int_equal(run(60, short_and_mixed)->verdict, LEAK_YES);
}

static void a_warm_up_is_no_leak(void **state)
{
	(void)state;
	assert_int_equal(run(40, warm_up)->verdict, LEAK_STOPPED);
	begin_anew();
	assert_int_not_equal(run(40, slow_warm_up)->verdict, LEAK_YES);
}

static void flushed(int i)
{
	if (i % 350 == 0)
		release_all();
	allocate(INFINITY, SIZE);
}

static void a_buffer_that_is_flushed_is_no_leak(void **state)
{
	(void)state;
	for (double s = 20; s < 150; s += 7.3) {
		assert_int_equal(run(s, flushed)->verdict, LEAK_NONE);
		begin_anew();
	}
}

static void old_cache(int i)
{
	(void)i;
	/* A cache of 1,000 s: what leaves it was there before tracing began. */
	allocate(1000, SIZE);
	n_unknown++;
	if (i % 50 == 0)
		allocate(0.001, SIZE); /* so that a mean size is known */
}

static void a_cache_that_was_full_before_tracing_began_is_no_leak(void **state)
{
	(void)state;
	assert_int_equal(run(60, old_cache)->verdict, LEAK_FLAT);
}

static void buffer_moves(int i)
{
	release_all();
	allocate(INFINITY, 1000 + (uint32_t)(i * 37 % 5000));
}

static void a_buffer_that_grows_and_shrinks_is_no_leak(void **state)
{
	(void)state;
	assert_int_equal(run(60, buffer_moves)->verdict, LEAK_NONE);
}

static void nothing(int i)
{
	if (i == 7)
		allocate(INFINITY, SIZE);
}

static void a_single_block_is_no_leak(void **state)
{
	(void)state;
	assert_int_not_equal(run(60, nothing)->verdict, LEAK_YES);
}

static void stacks_of_another_program_in_the_same_slot_begin_anew(void **state)
{
	(void)state;
	run(40, each);
	stack.life = 2;
	assert_null(analyze_verdict_of(&verdicts, &stack));
	assert_null(model_history_stack(&history, &stack));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, take_down)
	const struct CMUnitTest tests[] = {
		TEST(a_leak_at_each_request_is_named_with_its_rate),
		TEST(bytes_a_request_are_those_of_the_requests_of_the_same_time),
		TEST(the_bounds_of_bytes_a_request_do_not_widen_with_uneven_traffic),
		TEST(the_bounds_of_a_leaks_rate_hold_what_it_is_in_truth),
		TEST(a_leak_is_named_after_some_seconds_and_not_before),
		TEST(a_rare_leak_is_named),
		TEST(a_leak_among_blocks_that_live_for_a_while_on_the_same_line_is_named),
		TEST(a_leak_of_one_block_in_a_thousand_is_named),
		TEST(a_block_that_is_replaced_by_ever_larger_ones_is_named),
		TEST(what_expires_is_no_leak),
		TEST(what_is_replaced_at_random_is_no_leak),
		TEST(a_warm_up_is_told_while_it_still_goes_on),
		TEST(a_few_old_blocks_among_those_that_turn_over_are_no_leak_yet),
		TEST(a_warm_up_is_no_leak),
		TEST(a_buffer_that_is_flushed_is_no_leak),
		TEST(a_cache_that_was_full_before_tracing_began_is_no_leak),
		TEST(a_buffer_that_grows_and_shrinks_is_no_leak),
		TEST(a_single_block_is_no_leak),
		TEST(stacks_of_another_program_in_the_same_slot_begin_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
