/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_request_growth.c - growth by requests: what is kept of it, and what is made of that. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/analyze.h"
#include "dice.h"
#include "output/internal.h"

#define SEC 1000000000ULL

static const struct model_history nothing; /* is known of earlier times */
static struct model_request_histories history;
static struct model_process process;
static struct model_snapshot snapshot;
static struct analyze_requests found;

static int begin(void **state)
{
	(void)state;
	process = (struct model_process){
		.pid = 42, .life = 1, .alive = 1, .has_requests = 1, .requests_by = MODEL_REQUESTS_PHP
	};
	snapshot = (struct model_snapshot){
		.process = &process, .n_processes = 1, .start_ns = 100 * SEC, .time_ns = 100 * SEC
	};
	return 0;
}

static int end(void **state)
{
	(void)state;
	model_request_histories_clear(&history);
	return 0;
}

/* note - one more snapshot: so many requests so far, and so many bytes of libc's. */
static void note(uint64_t n_requests, int64_t bytes)
{
	snapshot.time_ns += SEC;
	process.n_requests = n_requests;
	process.layer[MODEL_LIBC].live_bytes = (uint64_t)bytes;
	assert_int_equal(model_request_histories_add(&history, &snapshot, &nothing), 0);
}

/* look - likewise, and what is made of it. */
static void look(uint64_t n_requests, int64_t bytes)
{
	note(n_requests, bytes);
	analyze_requests_make(history.process[0], &found);
}

static void a_leak_a_request_is_told_to_the_byte_in_each_section(void **state)
{
	(void)state;
	/* GIVEN 24 bytes a request, and a warm-up of 1 MiB in the first hundred */
	for (uint64_t n = 50; n <= 150000; n += 50)
		look(n, (int64_t)(24 * n + (n < 100 ? 0 : 1 << 20)));

	/* THEN each section has its own rate, and the warm-up is in the first one's gain alone */
	assert_int_equal(found.n_growth, 4);
	for (size_t i = 0; i < 4; i++) {
		const struct analyze_request_growth *g = &found.growth[i];

		assert_true(g->milestone == (i < 3 ? model_milestone(i) : 0));
		assert_true(i == 3 || g->to == g->milestone);
		assert_true(g->gained_bytes[MODEL_LIBC] == (int64_t)(24 * g->to + (1 << 20)));
		assert_true(!i || fabs(g->per_request[MODEL_LIBC] - 24) < 1e-9);
		assert_true(g->from == (i ? model_milestone(i - 1) : 0));
	}
	assert_true(found.n_requests == 150000);
	assert_true(fabs(found.per_s - 50) < 0.1);
}

static void a_process_that_comes_to_rest_costs_nothing_a_request(void **state)
{
	(void)state;
	for (uint64_t n = 100; n <= 20000; n += 100)
		look(n, n < 1000 ? (int64_t)(100 * n) : 100000);
	assert_true(found.growth[0].per_request[MODEL_LIBC] > 90);
	assert_true(found.growth[1].per_request[MODEL_LIBC] == 0);
	assert_true(found.growth[1].gained_bytes[MODEL_LIBC] == 100000);
}

static void a_sawtooth_is_told_by_its_lows(void **state)
{
	(void)state;
	for (uint64_t n = 10; n <= 9990; n += 10)
		look(n, (int64_t)(n / 10 % 7 * 50000));
	assert_true(fabs(found.growth[found.n_growth - 1].per_request[MODEL_LIBC]) < 1);
}

/* misses - of so many processes that leak 24 bytes a request, of how many are these not within the bounds of the second section?
 * @width  out, that of the bounds, at the mean */
static int misses(int runs, double noise_bytes, double *width)
{
	int n = 0;

	*width = 0;
	for (int run = 0; run < runs; run++) {
		const struct analyze_request_growth *g = &found.growth[1];

		begin(NULL);
		model_request_histories_clear(&history);
		for (uint64_t k = 100; k <= 10000; k += 100)
			note(k, (int64_t)(1e6 + 24.0 * (double)k + noise_bytes * dice()));
		analyze_requests_make(history.process[0], &found);
		assert_int_equal(found.n_growth, 2);
		assert_true(g->has_bounds);
		assert_true(g->low[MODEL_LIBC] <= g->per_request[MODEL_LIBC]);
		assert_true(g->per_request[MODEL_LIBC] <= g->high[MODEL_LIBC]);
		n += g->low[MODEL_LIBC] > 24 || g->high[MODEL_LIBC] < 24;
		*width += (g->high[MODEL_LIBC] - g->low[MODEL_LIBC]) / runs;
	}
	return n;
}

static void what_leaks_is_within_the_bounds_however_large_the_noise(void **state)
{
	double width, wide;

	(void)state;
	/* GIVEN noise of a tenth of what a section gains, and of four times as much. THEN 1 of 100 may be missed: 5 of 500, within 4
	 * standard deviations (9) of that */
	assert_in_range(misses(500, 2e4, &width), 0, 14);
	assert_in_range(misses(500, 1e6, &wide), 0, 14);
	/* and the bounds are as wide as the noise, and not much wider */
	assert_true(width < 5 && wide > 10 * width && wide < 250);
}

static void a_clean_process_has_bounds_around_nothing_a_request(void **state)
{
	int misses = 0;

	(void)state;
	for (int run = 0; run < 500; run++) {
		begin(NULL);
		model_request_histories_clear(&history);
		for (uint64_t k = 10; k < 1000; k += 10)
			note(k, (int64_t)(1e6 * dice()));
		analyze_requests_make(history.process[0], &found);
		misses += found.growth[0].low[MODEL_LIBC] > 0 || found.growth[0].high[MODEL_LIBC] < 0;
	}
	assert_in_range(misses, 0, 14);
}

static void few_points_have_no_bounds(void **state)
{
	(void)state;
	/* counting begins at 0, and the sixth point of all is the fifth report */
	for (uint64_t k = 100; k <= 400; k += 100)
		look(k, (int64_t)(24 * k));
	assert_false(found.growth[0].has_bounds);
	assert_true(found.growth[0].per_request[MODEL_LIBC] == 24);
	assert_true(found.growth[0].low[MODEL_LIBC] == 0 && found.growth[0].high[MODEL_LIBC] == 0);
	look(500, (int64_t)(24 * 500));
	assert_true(found.growth[0].has_bounds);
	assert_true(found.growth[0].low[MODEL_LIBC] == 24 && found.growth[0].high[MODEL_LIBC] == 24);
}

static void a_milestone_is_news_once(void **state)
{
	(void)state;
	look(500, 0);
	assert_false(found.has_news);
	assert_int_equal(found.n_growth, 1);
	assert_true(found.growth[0].milestone == 0);
	look(1500, 10);
	assert_true(found.has_news);
	assert_true(found.growth[0].milestone == 1000);
	look(1600, 20);
	assert_false(found.has_news);
	/* two at once: both are passed by the same snapshot, told as the greater one */
	look(200000, 30);
	assert_true(found.has_news);
	assert_int_equal(found.n_growth, 2);
	assert_true(found.growth[1].milestone == 100000 && found.growth[1].to == 200000);
}

static void what_php_had_before_tracing_is_no_growth(void **state)
{
	(void)state;
	process.zend = (struct model_zend_heap){ .is_known = 1, .size_bytes = 5000, .before_bytes = 4000 };
	look(10, 0);
	assert_true(found.growth[0].gained_bytes[MODEL_ZEND] == 1000);
	assert_true(fabs(found.growth[0].per_request[MODEL_ZEND] - 100) < 1e-9);
	/* nor is what a request holds in a heap that is dropped at its end */
	process.life++;
	process.zend.n_drops = 9;
	look(10, 0);
	assert_true(found.growth[0].gained_bytes[MODEL_ZEND] == 0);
}

static void resident_memory_grows_from_what_was_seen_first(void **state)
{
	(void)state;
	look(5, 0);
	assert_true(!(history.process[0]->curves >> MODEL_REQUEST_RSS & 1));
	process.vitals.time_ns = 1;
	process.vitals.rss_bytes = 20000;
	look(10, 0);
	assert_true(found.growth[0].gained_bytes[MODEL_REQUEST_RSS] == 0);
	for (int i = 0; i < 8; i++) {
		process.vitals.rss_bytes += 4096;
		look(10 * (i + 2), 0);
	}
	assert_true(history.process[0]->curves >> MODEL_REQUEST_RSS & 1);
	assert_true(found.growth[0].gained_bytes[MODEL_REQUEST_RSS] == 8 * 4096LL);
	assert_true(found.growth[0].has_bounds && fabs(found.growth[0].per_request[MODEL_REQUEST_RSS] - 409.6) < 50);
}

static void in_windows_only_phps_own_count_is_known(void **state)
{
	(void)state;
	process.zend = (struct model_zend_heap){ .is_known = 1, .size_bytes = 5000 };
	process.n_requests = 30;
	snapshot.time_ns += SEC;
	assert_int_equal(model_request_histories_add(&history, &snapshot, NULL), 0);
	process.n_requests = 40;
	process.zend.size_bytes = 6000;
	snapshot.time_ns += SEC;
	assert_int_equal(model_request_histories_add(&history, &snapshot, NULL), 0);
	analyze_requests_make(history.process[0], &found);
	assert_int_equal(history.process[0]->curves, 1 << MODEL_ZEND);
	assert_true(found.growth[0].from == 30 && found.growth[0].gained_bytes[MODEL_ZEND] == 1000);
	assert_true(fabs(found.growth[0].per_request[MODEL_ZEND] - 100) < 1e-9);
	assert_true(fabs(found.per_s - 10) < 1e-9);
}

static void a_new_program_begins_anew_and_the_dead_keep_what_they_had(void **state)
{
	(void)state;
	look(500, 1000);
	process.life++;
	look(3, 30);
	assert_true(found.n_requests == 3 && found.growth[0].to == 3);
	process.alive = 0;
	look(4, 0);
	assert_true(found.n_requests == 4 && found.growth[0].gained_bytes[MODEL_LIBC] == 30);
	/* one whose requests are not counted any more */
	process.has_requests = 0;
	look(4, 0);
	assert_null(found.history);
	snapshot.n_processes = 0;
	assert_int_equal(model_request_histories_add(&history, &snapshot, &nothing), 0);
	snapshot.n_processes = 1;
}

static void counting_by_something_else_begins_anew(void **state)
{
	(void)state;
	look(500, 1000);
	process.requests_by = MODEL_REQUESTS_ASKED;
	look(20, 2000);
	assert_true(found.growth[0].from == 0 && found.growth[0].to == 20);
}

static void an_idle_process_has_a_curve_and_no_growth(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		look(0, 100);
	assert_int_equal(found.n_growth, 0);
	assert_false(found.has_spark);
	assert_true(found.per_s == 0);
}

static void the_curve_is_drawn_by_requests_not_by_time(void **state)
{
	(void)state;
	/* GIVEN that most of the time was spent on the first requests */
	for (uint64_t n = 1; n <= 10; n++)
		look(n, 0);
	look(310, 7000);
	for (int c = 0; c < ANALYZE_SPARK_COLUMNS; c++)
		assert_true(abs(found.spark[MODEL_LIBC].level[c] -
				    c * (ANALYZE_SPARK_LEVELS - 1) / (ANALYZE_SPARK_COLUMNS - 1)) <= 1);
	assert_true(found.spark[MODEL_LIBC].low_bytes == 0 && found.spark[MODEL_LIBC].high_bytes == 7000);
}

static void lines_for_people(void **state)
{
	struct strbuf b = { 0 };

	(void)state;
	for (uint64_t n = 10; n <= 1200; n += 10)
		look(n, (int64_t)(1024 * n));
	text_add_requests(&b, &found, &process, 0);
	assert_string_equal(b.data, "    requests: 1,200 so far, 10.0/s\n");
	strbuf_free(&b);
	text_add_requests(&b, &found, &process, 1);
	assert_string_equal(b.data,
		"    requests: 1,200 so far, 10.0/s\n"
		"    libc by requests: by 1,000 +1000.0 KiB (+1.0 KiB a request, +1.0 KiB to +1.0 KiB), so far, by 1,200 +1.2 MiB "
		"(+1.0 KiB a request, +1.0 KiB to +1.0 KiB)\n"
		"      curve [___....-----~~~~====+++++****###] 0 B to 1.2 MiB\n");
	strbuf_free(&b);
	process.has_requests = 0;
	text_add_requests(&b, &found, &process, 1);
	assert_null(b.data);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_leak_a_request_is_told_to_the_byte_in_each_section),
		TEST(a_process_that_comes_to_rest_costs_nothing_a_request),
		TEST(a_sawtooth_is_told_by_its_lows),
		TEST(what_leaks_is_within_the_bounds_however_large_the_noise),
		TEST(a_clean_process_has_bounds_around_nothing_a_request),
		TEST(few_points_have_no_bounds),
		TEST(a_milestone_is_news_once),
		TEST(what_php_had_before_tracing_is_no_growth),
		TEST(resident_memory_grows_from_what_was_seen_first),
		TEST(in_windows_only_phps_own_count_is_known),
		TEST(a_new_program_begins_anew_and_the_dead_keep_what_they_had),
		TEST(counting_by_something_else_begins_anew),
		TEST(an_idle_process_has_a_curve_and_no_growth),
		TEST(the_curve_is_drawn_by_requests_not_by_time),
		TEST(lines_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
