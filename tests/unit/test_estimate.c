/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_estimate.c - promises of analyze/estimate.h.
 *
 * In: survivors of windows, made up by a small model of a program: what it allocates in a window, and after how many windows each
 * block is seen to be gone. Out: which stacks are named, at which rate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/analyze.h"

#define SEC	    1000000000ULL
#define PID	    42
#define MAX_WINDOWS 100
#define SLOTS	    32 /* judged, of each window: 33.6 ms */

/* A window each 6 s. */
#define PERIOD (6 * SEC)

/* What a stack does: blocks a window, of a size, and when they are seen to be gone. */
struct habit {
	enum model_layer layer;
	int blocks;
	int bytes;
	double cleared; /* chance in each later window; 0 = leaked */
	int until;	/* allocates in the windows before this one alone; 0 = always */
	int noise;	/* up to so many blocks more or less */
	double often;	/* chance of a window to have any; 0 = all have */
};

struct world {
	struct model_windows w;
	struct model_snapshot s;
	struct model_stack stack[8];
	struct model_survivors survivors[8 * MAX_WINDOWS];
	struct model_process process;
	struct model_windowed windowed;
	struct analyze_estimate *e;
	uint64_t random;
};

static double chance(struct world *x)
{
	x->random = x->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (double)(x->random >> 11) / (double)(1ULL << 53);
}

/* stack_live - one stack through all windows. */
static void stack_live(struct world *x, size_t at, const struct habit *h, int n)
{
	struct model_stack *s = &x->stack[at];

	*s = (struct model_stack){ .id = at, .pid = PID, .layer = h->layer };
	for (int j = 0; j < n; j++) {
		int born = h->until && j >= h->until ? 0 : h->blocks, left = 0;

		if (h->often > 0 && chance(x) >= h->often)
			born = 0;
		if (born && h->noise)
			born += (int)(chance(x) * (2 * h->noise + 1)) - h->noise;
		for (int i = 0; i < born; i++) {
			int age = 0;

			while (age < n - 1 - j && !(chance(x) < h->cleared))
				age++;
			if (age == n - 1 - j) {
				left++;
				continue;
			}
			s->n_late++;
			s->late_windows += age + 1;
		}
		s->live_blocks += left;
		s->live_bytes += (uint64_t)left * h->bytes;
		if (left)
			x->survivors[x->s.n_survivors++] = (struct model_survivors){
				.stack = at, .window = j, .blocks = left, .bytes = (uint64_t)left * h->bytes
			};
	}
}

/* world_of - n windows of a program whose stacks have these habits; another course of events for each seed. */
static struct world *world_of(uint64_t seed, const struct habit *h, size_t n_stacks, int n)
{
	struct world *x = calloc(1, sizeof(*x));

	assert_non_null(x);
	x->random = seed;
	x->process = (struct model_process){ .pid = PID, .alive = 1 };
	x->windowed = (struct model_windowed){ .pid = PID, .since = 1 };
	x->w.process = &x->windowed;
	x->w.n_processes = 1;
	x->w.n_windows = n;
	for (int i = 0; i < n; i++)
		x->w.window[x->w.n++] = (struct model_window){
			.first = i + 1, .last = i + 1, .time_ns = i * PERIOD, .judged_slots = SLOTS
		};
	for (size_t i = 0; i < n_stacks; i++)
		stack_live(x, i, &h[i], n);
	x->s.stack = x->stack;
	x->s.n_stacks = n_stacks;
	x->s.survivors = x->survivors;
	x->s.process = &x->process;
	x->s.n_processes = 1;
	return x;
}

static struct world *world_make(const struct habit *h, size_t n_stacks, int n)
{
	return world_of(7, h, n_stacks, n);
}

/* heap_grows - PHP's count, which goes up and down by a request's needs, and grows from and up to these moments. */
static void heap_grows(struct world *x, double bytes_per_s, double until_s)
{
	x->windowed.has_heap = 1;
	for (size_t i = 0; i < x->w.n * PERIOD / SEC; i++) {
		struct model_heap_point one = { .time_ns = i * SEC };
		double t = (double)i < until_s ? (double)i : until_s;

		one.size_bytes = (uint64_t)(4e6 + bytes_per_s * t + 3000 * chance(x) * chance(x));
		model_heap_add(&x->windowed, &one);
	}
}

static void judge(struct world *x)
{
	struct analyze_opts opts = { .layer_mask = 7 };

	assert_int_equal(analyze_estimate_make(&x->s, &x->w, &opts, &x->e), 0);
	assert_non_null(x->e);
}

static void world_free(struct world *x)
{
	analyze_estimate_free(x->e);
	free(x);
}

static void a_leak_among_temporary_blocks_is_named_and_no_other(void **state)
{
	static const struct habit habits[] = {
		{ .layer = MODEL_LIBC, .blocks = 10, .bytes = 100, .noise = 4 },
		{ .layer = MODEL_LIBC, .blocks = 50, .bytes = 500, .cleared = 0.6, .noise = 10 },
		{ .layer = MODEL_LIBC, .blocks = 20, .bytes = 4000, .cleared = 0.3, .noise = 10 },
	};
	struct world *x = world_make(habits, 3, 15);
	double truth = 10 * 100 / (SLOTS * (double)MODEL_WINDOW_SLOT_NS / 1e9);

	(void)state;
	judge(x);
	assert_int_equal(x->e->n_named, 1);
	assert_int_equal(x->e->row[0].stack->id, 0);
	assert_int_equal(x->e->row[0].n_windows, 15 - ESTIMATE_AGE);
	assert_true(x->e->row[0].rate.low < truth && truth < x->e->row[0].rate.high);
	assert_true(x->e->row[0].rate.low > truth / 2);
	assert_false(x->e->row[0].is_scaled);
	world_free(x);
}

static void temporary_blocks_that_are_cleared_slowly_are_not_named(void **state)
{
	static const double cleared[] = { 0.9, 0.5, 0.2, 0.1, 0.05, 0.03 };

	(void)state;
	for (size_t i = 0; i < sizeof(cleared) / sizeof(*cleared); i++) {
		for (int n = ESTIMATE_MIN_WINDOWS + ESTIMATE_AGE; n < MAX_WINDOWS; n += 7) {
			struct habit h = {
				.layer = MODEL_LIBC, .blocks = 60, .bytes = 300, .cleared = cleared[i], .noise = 20
			};
			struct world *x = world_make(&h, 1, n);

			judge(x);
			assert_int_equal(x->e->n_named, 0);
			assert_true(x->e->unjudged_blocks > 0 || x->stack[0].live_blocks == 0);
			world_free(x);
		}
	}
}

/* named_of_1000 - in how many programs of this habit, after so many windows? */
static int named_of_1000(const struct habit *h, int n)
{
	int named = 0;

	for (uint64_t seed = 1; seed <= 1000; seed++) {
		struct world *x = world_of(seed, h, 1, n);

		judge(x);
		named += x->e->n_named == 1;
		world_free(x);
	}
	return named;
}

static void bursts_are_named_if_they_stay_and_not_if_they_are_cleared_slowly(void **state)
{
	static const double cleared[] = { 0.5, 0.2, 0.1, 0.05 };
	struct habit h = { .layer = MODEL_LIBC, .blocks = 20, .bytes = 85, .noise = 3, .often = 0.5 };

	(void)state;
	assert_true(named_of_1000(&h, 45) >= 995);
	assert_true(named_of_1000(&h, 70) >= 999);
	for (size_t i = 0; i < sizeof(cleared) / sizeof(*cleared); i++) {
		h.cleared = cleared[i];
		for (int n = 10; n < MAX_WINDOWS; n += 10)
			assert_true(named_of_1000(&h, n) <= 10);
	}
}

static void what_varies_much_is_named_before_it_is_sure(void **state)
{
	static const struct habit even = { .layer = MODEL_LIBC, .blocks = 10, .bytes = 100, .noise = 2 };
	static const struct habit bursts = { .layer = MODEL_LIBC, .blocks = 20, .bytes = 85, .noise = 3, .often = 0.5 };
	struct world *x = world_make(&even, 1, ESTIMATE_MIN_WINDOWS + ESTIMATE_AGE);
	size_t named = 0, sure = 0, sure_later = 0;

	(void)state;
	judge(x);
	assert_int_equal(x->e->n_named, 1);
	assert_int_equal(x->e->n_sure, 1);
	world_free(x);
	/* GIVEN bursts in every second window: as soon as it can be named, by nine degrees of freedom, and much later */
	for (uint64_t seed = 1; seed <= 1000; seed++) {
		x = world_of(seed, &bursts, 1, 10 + ESTIMATE_AGE);
		judge(x);
		named += x->e->n_named;
		sure += x->e->n_sure;
		if (x->e->n_sure) /* 2.821 and 1.833 */
			assert_true(x->e->row[0].rate.rate >
				    2.821 / 1.833 * (x->e->row[0].rate.rate - x->e->row[0].rate.low));
		world_free(x);
		x = world_of(seed, &bursts, 1, 70);
		judge(x);
		sure_later += x->e->n_sure;
		world_free(x);
	}
	assert_true(sure > 0 && sure < named);
	assert_true(sure_later >= 999);
}

static void a_cache_that_fills_and_stops_is_not_named(void **state)
{
	static const struct habit h = { .layer = MODEL_LIBC, .blocks = 40, .bytes = 300, .until = 5, .noise = 5 };
	struct world *x = world_make(&h, 1, 20);

	(void)state;
	judge(x);
	assert_int_equal(x->e->n_named, 0);
	assert_int_equal(x->e->n_judged, 20 - ESTIMATE_AGE);
	world_free(x);
}

static void too_few_windows_name_nothing(void **state)
{
	static const struct habit h = { .layer = MODEL_LIBC, .blocks = 10, .bytes = 100 };
	struct world *few = world_make(&h, 1, ESTIMATE_MIN_WINDOWS + ESTIMATE_AGE - 1);
	struct world *enough = world_make(&h, 1, ESTIMATE_MIN_WINDOWS + ESTIMATE_AGE);

	(void)state;
	judge(few);
	judge(enough);
	assert_int_equal(few->e->n_named, 0);
	assert_int_equal(enough->e->n_named, 1);
	world_free(few);
	world_free(enough);
}

static void survivors_of_few_windows_are_no_leak(void **state)
{
	static const struct habit h = { .layer = MODEL_LIBC, .blocks = 10, .bytes = 100 };
	struct world *x = world_make(&h, 1, 30);
	size_t n = 0;

	(void)state;
	/* GIVEN three windows of 30 that have left any, one in each third */
	for (size_t i = 0; i < x->s.n_survivors; i++)
		if (i == 2 || i == 13 || i == 25)
			x->survivors[n++] = x->survivors[i];
	x->s.n_survivors = n;
	judge(x);
	assert_int_equal(x->e->n_named, 0);
	world_free(x);
}

static void php_says_how_much_and_windows_say_where(void **state)
{
	static const struct habit habits[] = {
		{ .layer = MODEL_ZEND, .blocks = 10, .bytes = 3000, .noise = 3 },
		{ .layer = MODEL_ZEND, .blocks = 10, .bytes = 1000, .noise = 3 },
		{ .layer = MODEL_ZEND, .blocks = 30, .bytes = 500, .cleared = 0.5, .noise = 10 },
	};
	struct world *x = world_make(habits, 3, 20);

	(void)state;
	/* GIVEN a heap that grows by 8 MB a second: in windows the process is slower, so what they saw is less */
	heap_grows(x, 8e6, 1e9);
	judge(x);
	assert_int_equal(x->e->n_named, 2);
	assert_int_equal(x->e->row[0].stack->id, 0);
	assert_true(x->e->row[0].is_scaled);
	assert_true(x->e->row[0].rate.low < 6e6 && 6e6 < x->e->row[0].rate.high);
	assert_true(x->e->row[1].rate.low < 2e6 && 2e6 < x->e->row[1].rate.high);
	assert_true(x->e->row[0].rate.rate + x->e->row[1].rate.rate < 8.01e6);
	assert_true(x->e->heap[0].growth.low > 7.9e6 && x->e->heap[0].growth.high < 8.1e6);
	world_free(x);
}

static void nothing_is_named_in_a_heap_that_does_not_grow(void **state)
{
	static const struct habit h = { .layer = MODEL_ZEND, .blocks = 10, .bytes = 3000, .noise = 3 };
	struct world *flat = world_make(&h, 1, 20), *stopped = world_make(&h, 1, 20), *unknown = world_make(&h, 1, 20);

	(void)state;
	/* GIVEN survivors all the time; but a heap that is as large as before, or has stopped growing, or was not seen yet */
	heap_grows(flat, 0, 1e9);
	heap_grows(stopped, 8e6, 40);
	unknown->windowed.has_heap = 1;
	judge(flat);
	judge(stopped);
	judge(unknown);
	assert_int_equal(flat->e->n_named, 0);
	assert_int_equal(stopped->e->n_named, 0);
	assert_int_equal(unknown->e->n_named, 0);
	assert_true(unknown->e->is_heap_early);
	assert_false(flat->e->is_heap_early);
	world_free(flat);
	world_free(stopped);
	world_free(unknown);
}

static void windows_from_before_a_process_was_traced_do_not_count(void **state)
{
	static const struct habit h = { .layer = MODEL_LIBC, .blocks = 10, .bytes = 100 };
	struct world *x = world_make(&h, 1, 30);
	size_t n = 0;

	(void)state;
	/* GIVEN a process that is there from window 16 on */
	x->windowed.since = 16;
	for (size_t i = 15; i < x->s.n_survivors; i++)
		x->survivors[n++] = x->survivors[i];
	x->s.n_survivors = n;
	judge(x);
	assert_int_equal(x->e->n_named, 1);
	assert_int_equal(x->e->row[0].n_windows, 15 - ESTIMATE_AGE);
	assert_int_equal(x->e->row[0].n_with, 15 - ESTIMATE_AGE);
	world_free(x);
}

static void the_fastest_stands_first_and_top_limits_what_is_shown(void **state)
{
	static const struct habit habits[] = {
		{ .layer = MODEL_LIBC, .blocks = 10, .bytes = 100 },
		{ .layer = MODEL_LIBC, .blocks = 10, .bytes = 300 },
		{ .layer = MODEL_MMAP, .blocks = 10, .bytes = 4096 },
	};
	struct analyze_opts opts = { .top = 1, .layer_mask = 1 << MODEL_LIBC };
	struct world *x = world_make(habits, 3, 20);

	(void)state;
	assert_int_equal(analyze_estimate_make(&x->s, &x->w, &opts, &x->e), 0);
	assert_int_equal(x->e->n_named, 2);
	assert_int_equal(x->e->n_rows, 1);
	assert_int_equal(x->e->row[0].stack->id, 1);
	world_free(x);
}

static void windows_are_put_together_when_there_are_many_and_none_is_lost(void **state)
{
	struct model_windows *w = calloc(1, sizeof(*w));
	uint32_t n = 0, next = 1;

	(void)state;
	assert_non_null(w);
	for (uint32_t i = 1; i <= 10000; i++) {
		struct model_window one = { .first = i, .last = i, .judged_slots = 20 + i % 2 };

		model_windows_add(w, &one);
		assert_true(w->n <= MODEL_MAX_WINDOWS);
	}
	for (size_t i = 0; i < w->n; i++) {
		assert_int_equal(w->window[i].first, next);
		next = w->window[i].last + 1;
		n += w->window[i].last - w->window[i].first + 1;
		assert_int_equal(model_window_of(w, w->window[i].first), i);
		assert_int_equal(model_window_of(w, w->window[i].last), i);
	}
	assert_int_equal(n, 10000);
	assert_int_equal(model_window_of(w, 0), -1);
	assert_int_equal(model_window_of(w, 10001), -1);
	assert_int_equal(w->window[0].judged_slots, 20);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leak_among_temporary_blocks_is_named_and_no_other),
		cmocka_unit_test(temporary_blocks_that_are_cleared_slowly_are_not_named),
		cmocka_unit_test(bursts_are_named_if_they_stay_and_not_if_they_are_cleared_slowly),
		cmocka_unit_test(what_varies_much_is_named_before_it_is_sure),
		cmocka_unit_test(a_cache_that_fills_and_stops_is_not_named),
		cmocka_unit_test(too_few_windows_name_nothing),
		cmocka_unit_test(survivors_of_few_windows_are_no_leak),
		cmocka_unit_test(php_says_how_much_and_windows_say_where),
		cmocka_unit_test(nothing_is_named_in_a_heap_that_does_not_grow),
		cmocka_unit_test(windows_from_before_a_process_was_traced_do_not_count),
		cmocka_unit_test(the_fastest_stands_first_and_top_limits_what_is_shown),
		cmocka_unit_test(windows_are_put_together_when_there_are_many_and_none_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
