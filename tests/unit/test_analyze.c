/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_analyze.c - promises of analyze/analyze.h and model/model.h.
 *
 * In: snapshots built by hand. Out: rows and totals of the report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "analyze/analyze.h"

#define SEC 1000000000ULL
#define ALL 7

static struct model_process processes[] = { { .pid = 42, .comm = "php", .alive = 1 }, { .pid = 43 } };

static struct model_stack stack(uint32_t id, enum model_layer layer, uint64_t bytes, uint64_t blocks)
{
	return (struct model_stack){
		.id = id, .life = 1, .pid = 42, .layer = layer, .live_bytes = bytes, .live_blocks = blocks
	};
}

static struct model_snapshot snapshot(uint64_t time_ns, struct model_stack *s, size_t n)
{
	return (struct model_snapshot){ .time_ns = time_ns,
		.start_ns = 100 * SEC,
		.process = processes,
		.n_processes = 2,
		.stack = s,
		.n_stacks = n };
}

static struct analyze_report *report(
	const struct model_snapshot *now, const struct model_snapshot *before, size_t top, unsigned layer_mask)
{
	struct analyze_opts opts = { .top = top, .layer_mask = layer_mask };
	struct analyze_report *r = NULL;

	assert_int_equal(analyze_report_make(now, before, &opts, &r), 0);
	assert_non_null(r);
	return r;
}

static void stacks_are_ranked_by_live_bytes_and_ties_by_id(void **state)
{
	(void)state;
	/* GIVEN three stacks, two of the same size */
	struct model_stack s[] = { stack(9, MODEL_LIBC, 50, 1), stack(3, MODEL_ZEND, 50, 2),
		stack(5, MODEL_MMAP, 4096, 1) };
	struct model_snapshot now = snapshot(110 * SEC, s, 3);
	/* WHEN */
	struct analyze_report *r = report(&now, NULL, 0, ALL);

	/* THEN */
	assert_int_equal(r->n_rows, 3);
	assert_int_equal(r->row[0].stack->id, 5);
	assert_int_equal(r->row[1].stack->id, 3);
	assert_int_equal(r->row[2].stack->id, 9);
	assert_ptr_equal(r->row[0].process, &processes[0]);
	assert_ptr_equal(r->snapshot, &now);
	analyze_report_free(r);
}

static void the_first_report_counts_everything_as_gained(void **state)
{
	(void)state;
	/* GIVEN a first snapshot, 10 s after the start */
	struct model_stack s[] = { stack(1, MODEL_LIBC, 100, 2) };
	struct model_snapshot now = snapshot(110 * SEC, s, 1);
	/* WHEN */
	struct analyze_report *r = report(&now, NULL, 0, ALL);

	/* THEN */
	assert_int_equal(r->gained_bytes, 100);
	assert_int_equal(r->row[0].gained_bytes, 100);
	assert_int_equal(r->row[0].gained_start_bytes, 100);
	assert_int_equal(r->since_start_ns, 10 * SEC);
	assert_int_equal(r->since_last_ns, 10 * SEC);
	analyze_report_free(r);
}

static void a_gain_is_the_difference_to_the_same_stack_before(void **state)
{
	(void)state;
	/* GIVEN a stack that grew, one that shrank, one that is new; the snapshots have different orders */
	struct model_stack old[] = { stack(2, MODEL_LIBC, 70, 1), stack(1, MODEL_LIBC, 10, 1) };
	struct model_stack new[] = { stack(1, MODEL_LIBC, 100, 1), stack(2, MODEL_LIBC, 30, 1),
		stack(3, MODEL_LIBC, 5, 1) };
	struct model_snapshot before = snapshot(110 * SEC, old, 2), now = snapshot(115 * SEC, new, 3);
	/* WHEN */
	struct analyze_report *r = report(&now, &before, 0, ALL);

	/* THEN */
	assert_int_equal(r->row[0].gained_bytes, 90);
	assert_int_equal(r->row[1].gained_bytes, -40);
	assert_int_equal(r->row[1].gained_start_bytes, 30);
	assert_int_equal(r->row[2].gained_bytes, 5);
	assert_int_equal(r->gained_bytes, 55);
	assert_int_equal(r->since_last_ns, 5 * SEC);
	assert_int_equal(r->since_start_ns, 15 * SEC);
	analyze_report_free(r);
}

static void a_stack_of_an_earlier_program_is_another_stack(void **state)
{
	(void)state;
	/* GIVEN the same id in two lives */
	struct model_stack old[] = { stack(1, MODEL_LIBC, 80, 1) }, new[] = { stack(1, MODEL_LIBC, 90, 1) };
	struct model_snapshot before = snapshot(110 * SEC, old, 1), now = snapshot(115 * SEC, new, 1);

	new[0].life = 2;
	/* WHEN */
	struct analyze_report *r = report(&now, &before, 0, ALL);

	/* THEN all of it is new, and the total knows that the old one is gone */
	assert_int_equal(r->row[0].gained_bytes, 90);
	assert_int_equal(r->gained_bytes, 10);
	analyze_report_free(r);
}

static void stacks_that_vanished_count_in_the_total_gain(void **state)
{
	(void)state;
	/* GIVEN two stacks of which one vanished and one was emptied */
	struct model_stack old[] = { stack(1, MODEL_LIBC, 60, 1), stack(2, MODEL_LIBC, 40, 1) };
	struct model_stack new[] = { stack(2, MODEL_LIBC, 0, 0) };
	struct model_snapshot before = snapshot(110 * SEC, old, 2), now = snapshot(115 * SEC, new, 1);
	/* WHEN */
	struct analyze_report *r = report(&now, &before, 0, ALL);

	/* THEN */
	assert_int_equal(r->gained_bytes, -100);
	assert_int_equal(r->n_stacks, 0);
	assert_int_equal(r->n_rows, 0);
	analyze_report_free(r);
}

static void stacks_of_which_nothing_lives_are_rows_if_asked_for(void **state)
{
	(void)state;
	/* GIVEN a stack with a block, one whose blocks were freed, and one that has seen none */
	struct model_stack s[] = { stack(1, MODEL_LIBC, 60, 1), stack(2, MODEL_LIBC, 0, 0),
		stack(3, MODEL_LIBC, 0, 0) };
	struct model_snapshot now = snapshot(110 * SEC, s, 3);
	struct analyze_opts opts = { .layer_mask = ALL, .also_freed = 1 };
	struct analyze_report *r = NULL;

	s[1].n_allocs = s[1].n_frees = 5;
	/* WHEN */
	assert_int_equal(analyze_report_make(&now, NULL, &opts, &r), 0);

	/* THEN they come last, and do not count as stacks with live blocks */
	assert_int_equal(r->n_rows, 2);
	assert_int_equal(r->row[1].stack->id, 2);
	assert_int_equal(r->n_stacks, 1);
	analyze_report_free(r);
}

static void only_chosen_layers_are_counted(void **state)
{
	(void)state;
	/* GIVEN stacks of all layers, now and before */
	struct model_stack old[] = { stack(1, MODEL_ZEND, 10, 1), stack(2, MODEL_LIBC, 20, 1) };
	struct model_stack new[] = { stack(1, MODEL_ZEND, 11, 1), stack(2, MODEL_LIBC, 22, 2),
		stack(3, MODEL_MMAP, 33, 3) };
	struct model_snapshot before = snapshot(110 * SEC, old, 2), now = snapshot(115 * SEC, new, 3);
	/* WHEN only libc is chosen */
	struct analyze_report *r = report(&now, &before, 0, 1 << MODEL_LIBC);

	/* THEN */
	assert_int_equal(r->n_rows, 1);
	assert_int_equal(r->row[0].stack->id, 2);
	assert_int_equal(r->live_bytes, 22);
	assert_int_equal(r->live_blocks, 2);
	assert_int_equal(r->gained_bytes, 2);
	analyze_report_free(r);
}

static void top_limits_the_rows_but_not_the_totals(void **state)
{
	(void)state;
	/* GIVEN */
	struct model_stack s[] = { stack(1, MODEL_LIBC, 1, 1), stack(2, MODEL_LIBC, 2, 1), stack(3, MODEL_LIBC, 3, 1) };
	struct model_snapshot now = snapshot(110 * SEC, s, 3);
	/* WHEN */
	struct analyze_report *r = report(&now, NULL, 1, ALL);

	/* THEN */
	assert_int_equal(r->n_rows, 1);
	assert_int_equal(r->row[0].stack->id, 3);
	assert_int_equal(r->n_stacks, 3);
	assert_int_equal(r->live_bytes, 6);
	assert_int_equal(r->live_blocks, 3);
	analyze_report_free(r);
}

static void blocks_of_size_zero_are_live_too(void **state)
{
	(void)state;
	/* GIVEN malloc(0) */
	struct model_stack s[] = { stack(1, MODEL_LIBC, 0, 4) };
	struct model_snapshot now = snapshot(110 * SEC, s, 1);
	/* WHEN */
	struct analyze_report *r = report(&now, NULL, 0, ALL);

	/* THEN */
	assert_int_equal(r->n_rows, 1);
	assert_int_equal(r->live_blocks, 4);
	analyze_report_free(r);
}

static void the_age_of_a_stack_is_that_of_its_oldest_block(void **state)
{
	(void)state;
	/* GIVEN a block born at 103 s, one whose birth is unknown, one born while the table was being read */
	struct model_stack s[] = { stack(1, MODEL_LIBC, 3, 1), stack(2, MODEL_LIBC, 2, 1), stack(3, MODEL_LIBC, 1, 1) };
	struct model_snapshot now = snapshot(110 * SEC, s, 3);

	s[0].oldest_ns = 103 * SEC;
	s[2].oldest_ns = 111 * SEC;
	/* WHEN */
	struct analyze_report *r = report(&now, NULL, 0, ALL);

	/* THEN no age is negative */
	assert_int_equal(r->row[0].oldest_age_ns, 7 * SEC);
	assert_int_equal(r->row[1].oldest_age_ns, 0);
	assert_int_equal(r->row[2].oldest_age_ns, 0);
	analyze_report_free(r);
}

static void losses_are_summed_and_an_unknown_process_is_null(void **state)
{
	(void)state;
	/* GIVEN */
	struct model_loss losses[] = { { "a", "a", 3 }, { "b", "b", 0 }, { "c", "c", 4 } };
	struct model_stack s[] = { stack(1, MODEL_LIBC, 3, 1) };
	struct model_snapshot now = snapshot(110 * SEC, s, 1);

	s[0].pid = 999;
	now.loss = losses;
	now.n_losses = 3;
	/* WHEN */
	struct analyze_report *r = report(&now, NULL, 0, ALL);

	/* THEN */
	assert_int_equal(r->lost, 7);
	assert_null(r->row[0].process);
	analyze_report_free(r);
}

static void full_stack_tables_are_compared_in_a_blink(void **state)
{
	enum { N = 200000 };
	struct model_stack *old = calloc(N, sizeof(*old)), *new = calloc(N, sizeof(*new));
	clock_t start = clock();

	(void)state;
	assert_non_null(old);
	assert_non_null(new);
	/* GIVEN many stacks, in opposite orders, each 1 byte larger now */
	for (uint32_t i = 0; i < N; i++) {
		old[i] = stack(i, MODEL_LIBC, i + 1, 1);
		new[N - 1 - i] = stack(i, MODEL_LIBC, i + 2, 1);
	}
	struct model_snapshot before = snapshot(110 * SEC, old, N), now = snapshot(115 * SEC, new, N);
	/* WHEN */
	struct analyze_report *r = report(&now, &before, 0, ALL);

	/* THEN; a quadratic search would take minutes */
	assert_int_equal(r->gained_bytes, N);
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(r->row[i].gained_bytes, 1);
	assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 5);
	analyze_report_free(r);
	free(old);
	free(new);
}

static void processes_are_ranked_by_what_they_hold_and_tell_where(void **state)
{
	struct model_process were[] = { { .pid = 1, .layer[MODEL_LIBC].live_bytes = 70 }, { .pid = 2 } },
			     are[] = { { .pid = 1, .layer[MODEL_LIBC] = { .live_bytes = 50, .live_blocks = 5 } },
				     { .pid = 2,
					     .layer[MODEL_ZEND] = { .live_bytes = 40, .live_blocks = 2 },
					     .layer[MODEL_MMAP] = { .live_bytes = 60, .live_blocks = 1 } },
				     { .pid = 3, .layer[MODEL_ZEND] = { .live_bytes = 100, .live_blocks = 9 } } };
	struct model_snapshot before = snapshot(110 * SEC, NULL, 0), now = snapshot(115 * SEC, NULL, 0);
	struct analyze_report *r;

	(void)state;
	/* GIVEN three processes, one of them new */
	before.process = were;
	now.process = are;
	now.n_processes = 3;
	/* WHEN */
	r = report(&now, &before, 1, ALL);
	/* THEN all are there, also when fewer stacks are asked for; ties by pid */
	assert_int_equal(r->n_processes, 3);
	assert_ptr_equal(r->process[0].process, &are[1]);
	assert_int_equal(r->process[0].live_bytes, 100);
	assert_int_equal(r->process[0].live_blocks, 3);
	assert_int_equal(r->process[0].layer, MODEL_MMAP);
	assert_int_equal(r->process[0].gained_bytes, 100);
	assert_ptr_equal(r->process[1].process, &are[2]);
	assert_int_equal(r->process[1].gained_bytes, 100);
	assert_ptr_equal(r->process[2].process, &are[0]);
	assert_int_equal(r->process[2].gained_bytes, -20);
	analyze_report_free(r);
}

static void snapshots_and_reports_that_are_null_can_be_freed(void **state)
{
	(void)state;
	/* GIVEN nothing, WHEN freed, THEN nothing happens */
	model_snapshot_free(NULL);
	analyze_report_free(NULL);
}

static void layers_have_stable_names(void **state)
{
	(void)state;
	/* GIVEN, WHEN, THEN */
	assert_string_equal(model_layer_name(MODEL_ZEND), "zend");
	assert_string_equal(model_layer_name(MODEL_LIBC), "libc");
	assert_string_equal(model_layer_name(MODEL_MMAP), "mmap");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_are_ranked_by_live_bytes_and_ties_by_id),
		cmocka_unit_test(the_first_report_counts_everything_as_gained),
		cmocka_unit_test(a_gain_is_the_difference_to_the_same_stack_before),
		cmocka_unit_test(a_stack_of_an_earlier_program_is_another_stack),
		cmocka_unit_test(stacks_that_vanished_count_in_the_total_gain),
		cmocka_unit_test(stacks_of_which_nothing_lives_are_rows_if_asked_for),
		cmocka_unit_test(only_chosen_layers_are_counted),
		cmocka_unit_test(top_limits_the_rows_but_not_the_totals),
		cmocka_unit_test(blocks_of_size_zero_are_live_too),
		cmocka_unit_test(the_age_of_a_stack_is_that_of_its_oldest_block),
		cmocka_unit_test(losses_are_summed_and_an_unknown_process_is_null),
		cmocka_unit_test(full_stack_tables_are_compared_in_a_blink),
		cmocka_unit_test(processes_are_ranked_by_what_they_hold_and_tell_where),
		cmocka_unit_test(snapshots_and_reports_that_are_null_can_be_freed),
		cmocka_unit_test(layers_have_stable_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
