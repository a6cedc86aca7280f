/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_growth.c - trends and verdicts on curves of memory: what grows is told from what only moves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "analyze/growth.h"
#include "analyze/trend.h"
#include "dice.h"

#define SECOND 1000000000ULL
#define MIB    1048576.0

/* ---- trends ---- */

static void the_slope_of_a_line_is_found_with_narrow_bounds(void **state)
{
	double x[20], y[20];
	struct analyze_trend t;

	(void)state;
	for (int i = 0; i < 20; i++) {
		x[i] = i;
		y[i] = 7 + 3 * i;
	}
	assert_int_equal(analyze_trend_make(x, y, 20, &t), 1);
	assert_true(t.slope == 3 && t.low == 3 && t.high == 3);
}

static void wild_points_do_not_move_the_slope(void **state)
{
	double x[20], y[20];
	struct analyze_trend t;

	(void)state;
	for (int i = 0; i < 20; i++) {
		x[i] = i;
		y[i] = i + (i % 7 == 3 ? 1000 : 0);
	}
	assert_int_equal(analyze_trend_make(x, y, 20, &t), 1);
	assert_true(t.slope > 0.9 && t.slope < 1.1);
	assert_true(t.low <= 1 && t.low > 0 && t.high >= 1 && t.high < 10);
}

static void few_points_have_no_trend(void **state)
{
	double x[TREND_MAX + 1] = { 0, 1, 2, 3, 4, 5 }, y[TREND_MAX + 1] = { 0, 1, 2, 3, 4, 5 };
	struct analyze_trend t;

	(void)state;
	assert_int_equal(analyze_trend_make(x, y, 5, &t), 0);
	assert_int_equal(analyze_trend_make(x, y, 6, &t), 1);
	assert_int_equal(analyze_trend_make(x, y, TREND_MAX + 1, &t), 0);
}

static void noise_alone_is_taken_for_a_trend_as_rarely_as_is_said(void **state)
{
	double x[12], y[12];
	struct analyze_trend t;
	int wrong = 0;

	(void)state;
	for (int run = 0; run < 5000; run++) {
		for (int i = 0; i < 12; i++) {
			x[i] = i;
			y[i] = dice();
		}
		assert_int_equal(analyze_trend_make(x, y, 12, &t), 1);
		wrong += t.low > 0 || t.high < 0;
	}
	/* 1 of 100, within 4 standard deviations (28) of what is expected; and the bounds are no wider than they must be */
	assert_in_range(wrong, 15, 78);
}

/* ---- curves ---- */

/* judge - a curve of so many values, one a second. */
static struct analyze_growth judge(int n, double (*value)(int i))
{
	struct model_curve c = { .n = 0 };
	struct analyze_growth g;

	for (int i = 0; i < n; i++) {
		struct model_point p = { .time_ns = 5 * SECOND + i * SECOND, .value = (int64_t)value(i) };

		model_curve_add(&c, &p);
	}
	analyze_growth_make(&c, &g);
	return g;
}

/* judge_for - a line that grows is looked at as swtrace does: for each report, and in between when model_sample_ns() says so; for ten
 * thousand reports or three days.
 * Return: seconds after which it was known that it grows.  Never after it is that taken back. */
static unsigned judge_for(unsigned interval)
{
	uint64_t sample = 1, until = 10000ULL * interval < 3 * 86400 ? 10000ULL * interval : 3 * 86400;
	struct model_curve c = { .n = 0 };
	unsigned known = 0;

	for (uint64_t t = 1; t < until; t++) {
		struct model_point p = { .time_ns = t * SECOND, .value = (int64_t)(50000 * t) };
		struct analyze_growth g;
		int is_sample = t == sample;

		if (t % interval && !is_sample)
			continue;
		model_curve_add(&c, &p);
		if (is_sample && model_sample_ns(t * SECOND) < interval * SECOND)
			sample = t + model_sample_ns(t * SECOND) / SECOND;
		if (is_sample && !(t % interval)) /* the report's own look comes behind it */
			model_curve_add(&c, &p);
		analyze_growth_make(&c, &g);
		if (g.verdict == GROWTH_GROWING && !known)
			known = (unsigned)t;
		if (known && g.verdict != GROWTH_GROWING)
			fail_msg("-i %u: %s after %llu s", interval, analyze_growth_name(g.verdict),
				(unsigned long long)t);
	}
	return known;
}

static void what_grows_is_not_said_to_be_unknown_again_however_seldom_reports_are_made(void **state)
{
	static const unsigned intervals[] = { 1, 2, 3, 5, 7, 10, 15, 22, 30, 60, 100, 300, 600, 3600 };

	(void)state;
	for (size_t i = 0; i < sizeof(intervals) / sizeof(intervals[0]); i++)
		assert_in_range(judge_for(intervals[i]), 5, 20);
}

static double leak_in_noise(int i)
{
	return 40 * MIB + 20000.0 * i + 3 * MIB * dice();
}

static void a_leak_below_the_noise_is_growing_and_its_rate_is_told(void **state)
{
	struct analyze_growth g;

	(void)state;
	/* GIVEN 20,000 bytes a second, where the curve goes up and down by 150 times as much */
	g = judge(1200, leak_in_noise);
	assert_int_equal(g.verdict, GROWTH_GROWING);
	assert_true(g.low <= 20000 && g.high >= 20000 && g.bytes_per_s > 15000 && g.bytes_per_s < 25000);
}

static double noise(int i)
{
	(void)i;
	return 40 * MIB + 3 * MIB * dice();
}

static void noise_is_a_plateau(void **state)
{
	int growing = 0;

	(void)state;
	for (int run = 0; run < 300; run++)
		growing += judge(100 + run, noise).verdict != GROWTH_PLATEAU;
	assert_in_range(growing, 0, 6);
}

static double sawtooth(int i)
{
	return 10 * MIB + 50000.0 * (i % 37);
}

static double leaking_sawtooth(int i)
{
	return sawtooth(i) + 2000.0 * i;
}

static void a_sawtooth_is_judged_by_its_lows(void **state)
{
	(void)state;
	assert_int_equal(judge(600, sawtooth).verdict, GROWTH_PLATEAU);
	assert_int_equal(judge(600, leaking_sawtooth).verdict, GROWTH_GROWING);
}

static double warm_up(int i)
{
	return 30 * MIB * (1 - exp(-i / 60.0));
}

static void a_warm_up_is_one_and_ends_as_a_plateau(void **state)
{
	(void)state;
	assert_int_equal(judge(150, warm_up).verdict, GROWTH_WARMING);
	assert_int_not_equal(judge(300, warm_up).verdict, GROWTH_GROWING);
	assert_int_equal(judge(1500, warm_up).verdict, GROWTH_PLATEAU);
}

static double steps(int i)
{
	return 5 * MIB + 204800.0 * (i / 40); /* NOLINT(bugprone-integer-division): steps */
}

static double one_step(int i)
{
	return 5 * MIB + (i > 300 ? MIB : 0);
}

static void a_stepwise_leak_grows_and_a_single_step_does_not(void **state)
{
	(void)state;
	assert_int_equal(judge(600, steps).verdict, GROWTH_GROWING);
	assert_int_not_equal(judge(600, one_step).verdict, GROWTH_GROWING);
}

static double falling(int i)
{
	return 40 * MIB - 10000.0 * i;
}

static void what_falls_does_not_grow(void **state)
{
	struct analyze_growth g;

	(void)state;
	g = judge(300, falling);
	assert_int_equal(g.verdict, GROWTH_PLATEAU);
	assert_true(g.high < 0 && g.gained_bytes < 0);
}

static void what_was_seen_for_a_moment_is_not_judged(void **state)
{
	(void)state;
	assert_int_equal(judge(11, steps).verdict, GROWTH_UNKNOWN);
	assert_int_equal(judge(0, steps).verdict, GROWTH_UNKNOWN);
}

static void a_long_curve_keeps_its_lows_and_its_ends(void **state)
{
	struct model_curve c = { .n = 0 };

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct model_point p = { .time_ns = (uint64_t)i, .value = i == 41234 ? 5 : 1000 + i % 10 };

		model_curve_add(&c, &p);
		assert_in_range(c.n, 1, MODEL_POINTS);
	}
	assert_int_equal(c.point[0].value, 1000);
	assert_in_range(c.n, MODEL_POINTS / 2, MODEL_POINTS);
	for (size_t i = 0; i < c.n; i++) {
		if (i)
			assert_true(c.point[i].time_ns > c.point[i - 1].time_ns);
		assert_int_equal(c.point[i].value, c.point[i].time_ns == 41234 ? 5 : 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_slope_of_a_line_is_found_with_narrow_bounds),
		cmocka_unit_test(wild_points_do_not_move_the_slope),
		cmocka_unit_test(few_points_have_no_trend),
		cmocka_unit_test(noise_alone_is_taken_for_a_trend_as_rarely_as_is_said),
		cmocka_unit_test(what_grows_is_not_said_to_be_unknown_again_however_seldom_reports_are_made),
		cmocka_unit_test(a_leak_below_the_noise_is_growing_and_its_rate_is_told),
		cmocka_unit_test(noise_is_a_plateau),
		cmocka_unit_test(a_sawtooth_is_judged_by_its_lows),
		cmocka_unit_test(a_warm_up_is_one_and_ends_as_a_plateau),
		cmocka_unit_test(a_stepwise_leak_grows_and_a_single_step_does_not),
		cmocka_unit_test(what_falls_does_not_grow),
		cmocka_unit_test(what_was_seen_for_a_moment_is_not_judged),
		cmocka_unit_test(a_long_curve_keeps_its_lows_and_its_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
