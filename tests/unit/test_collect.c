/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_collect.c - hand-made kernel tables to a snapshot: what is counted, filtered, and left out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collect/internal.h"
#include "swtrace/abi.h"

#define UNIT   64000000ULL
#define SECOND 1000000000ULL
#define MS     1000000ULL

static struct swt_proc procs[4];
static struct swt_bucket buckets[2];
static struct swt_stack stacks[8];
static struct swt_losses losses;
static struct collect c;
static struct target *target;
static struct model_snapshot *s;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

/* Tracing began 100 s ago; this process has slot 2; stack 5 is its malloc stack, of two frames. */
static int set_up(void **state)
{
	struct target_process *p;

	(void)state;
	memset(procs, 0, sizeof(procs));
	memset(buckets, 0, sizeof(buckets));
	memset(stacks, 0, sizeof(stacks));
	memset(&losses, 0, sizeof(losses));
	c.tables = (struct attach_tables){
		.proc = procs,
		.n_procs = 4,
		.bucket = buckets,
		.n_buckets = 2,
		.stack = stacks,
		.n_stacks = 8,
		.losses = &losses,
		.start_ns = now_ns() - 100 * SECOND,
		.birth_unit_ns = UNIT,
	};
	assert_int_equal(target_open(&target), 0);
	assert_int_equal(target_add(target, getpid(), &p), 0);
	procs[2].tgid = getpid();
	procs[2].flags = SWT_PROC_USED;
	procs[2].epoch[SWT_LAYER_LIBC] = 3;
	procs[2].life = 9;
	stacks[5] = (struct swt_stack){
		.key = 0x500,
		.epoch = 3,
		.life = 9,
		.proc = 2,
		.layer = SWT_LAYER_LIBC,
		.walk = SWT_WALK_COMPLETE,
		.n_frames = 2,
		.n_allocs = 9,
		.frame = { 0x111, 0x222 },
	};
	return 0;
}

static int take_down(void **state)
{
	(void)state;
	model_snapshot_free(s);
	s = NULL;
	target_close(target);
	free(c.last.of_stack);
	free(c.last.generations);
	free(c.last.is_estimate);
	c.last = (struct last_reading){ 0 };
	c.bounds = (struct model_bounds){ 0 };
	return 0;
}

/* A block of stack 5, born so many seconds after the start. */
static struct swt_block born(uint64_t addr, uint64_t size, unsigned after_s)
{
	return (struct swt_block){
		.addr = addr,
		.size_bytes = size,
		.stack = 5,
		.birth = swt_birth(after_s * SECOND / UNIT),
		.epoch = 3,
		.proc = 2,
		.layer = SWT_LAYER_LIBC,
	};
}

/* put - into a place of the live table. */
static void put(size_t bucket, size_t place, struct swt_block b)
{
	buckets[bucket].key[place] = SWT_KEY(b.addr, b.proc, b.layer);
	buckets[bucket].payload[place] = (struct swt_payload){
		.what = SWT_WHAT(&b),
		.when = SWT_WHEN(&b),
	};
}

static void snapshot(const struct collect_filter *filter)
{
	static const struct collect_filter none;

	assert_int_equal(collect_snapshot(&c, filter ? filter : &none, 1, target, &s), 0);
}

static void live_blocks_are_added_up_by_stack_and_process(void **state)
{
	(void)state;
	/* GIVEN two blocks in different buckets */
	put(0, 0, born(0x1000, 100, 10));
	put(1, 7, born(0x2000, 50, 20));
	procs[2].layer[SWT_LAYER_LIBC].n_unknown_frees = 4;
	/* WHEN */
	snapshot(NULL);
	/* THEN */
	assert_int_equal(s->n_stacks, 1);
	assert_int_equal(s->stack[0].live_bytes, 150);
	assert_int_equal(s->stack[0].live_blocks, 2);
	assert_in_range(s->stack[0].oldest_ns, s->start_ns + 10 * SECOND - UNIT, s->start_ns + 10 * SECOND);
	assert_int_equal(s->stack[0].n_allocs, 9);
	assert_int_equal(s->stack[0].n_frames, 2);
	assert_int_equal(s->stack[0].frame[1], 0x222);
	assert_int_equal(s->n_processes, 1);
	assert_int_equal(s->process[0].pid, getpid());
	assert_int_equal(s->process[0].layer[MODEL_LIBC].live_bytes, 150);
	assert_int_equal(s->process[0].layer[MODEL_LIBC].n_unknown_frees, 4);
	assert_int_equal(s->blocks.used, 2);
	assert_int_equal(s->blocks.capacity, 2 * SWT_BUCKET_BLOCKS);
	assert_int_equal(s->stacks.used, 1);
}

static void neighbours_in_the_table_go_to_their_own_layer_and_stack(void **state)
{
	struct swt_block b;

	(void)state;
	stacks[6] = stacks[5];
	stacks[6].layer = SWT_LAYER_MMAP;
	procs[2].epoch[SWT_LAYER_MMAP] = 3;
	/* GIVEN two full buckets in which the blocks of two layers take turns, and blocks of no process between them */
	for (int i = 0; i < 2 * SWT_BUCKET_BLOCKS; i++) {
		b = born(0x1000 + 16 * (uint64_t)i, 1 << (i % 3), 10);
		b.layer = i % 3 == 1 ? SWT_LAYER_MMAP : SWT_LAYER_LIBC;
		b.stack = i % 3 == 1 ? 6 : 5;
		b.proc = i % 3 == 2 ? 1 : 2;
		put(i / SWT_BUCKET_BLOCKS, i % SWT_BUCKET_BLOCKS, b);
	}
	snapshot(NULL);
	assert_int_equal(s->process[0].layer[MODEL_LIBC].live_bytes, 11);
	assert_int_equal(s->process[0].layer[MODEL_LIBC].live_blocks, 11);
	assert_int_equal(s->process[0].layer[MODEL_MMAP].live_bytes, 22);
	assert_int_equal(s->process[0].layer[MODEL_MMAP].live_blocks, 11);
	assert_int_equal(s->n_stacks, 2);
	assert_int_equal(s->stack[0].live_bytes, 11);
	assert_int_equal(s->stack[1].live_bytes, 22);
	assert_int_equal(s->blocks.used, 2 * SWT_BUCKET_BLOCKS);
}

static void a_sampled_block_counts_for_those_that_were_left_out(void **state)
{
	struct collect_filter f = { .min_size_bytes = 200 };
	struct swt_block b = born(0x1000, 100, 10);

	(void)state;
	/* GIVEN a block of 100 bytes that stands for 4096, one that stands for itself, and a mapping */
	b.sample_shift = 12;
	b.sample_up = 1;
	put(0, 0, b);
	put(0, 1, born(0x2000, 200, 10));
	b = born(0x3000, 4096, 10);
	b.layer = SWT_LAYER_MMAP;
	procs[2].epoch[SWT_LAYER_MMAP] = 3;
	put(0, 2, b);
	procs[2].layer[SWT_LAYER_LIBC].n_left_out = 7;
	snapshot(NULL);
	assert_int_equal(s->process[0].layer[MODEL_LIBC].live_bytes, 4096 + 200);
	assert_int_equal(s->process[0].layer[MODEL_LIBC].live_blocks, 4096 / 100 + 1 + 1);
	assert_int_equal(s->stack[0].live_bytes, 4096 + 200 + 4096);
	assert_int_equal(s->stack[0].live_blocks, 4096 / 100 + 1 + 1 + 1);
	assert_true(s->process[0].layer[MODEL_LIBC].is_estimate && !s->process[0].layer[MODEL_MMAP].is_estimate);
	assert_true(model_is_estimate(s));
	assert_int_equal(model_left_out(s), 7);
	/* THEN a mapping takes the two places that it has */
	assert_int_equal(s->live_places, 4);
	model_snapshot_free(s);
	/* Filters ask for the block's own size. */
	snapshot(&f);
	assert_int_equal(s->stack[0].live_bytes, 200 + 4096);
}

static void numbers_are_estimates_while_blocks_that_were_left_out_may_live(void **state)
{
	(void)state;
	put(0, 0, born(0x1000, 100, 10));
	procs[2].layer[SWT_LAYER_LIBC].n_left_out = 7;
	procs[2].layer[SWT_LAYER_LIBC].left_out_now = 1;
	snapshot(NULL);
	assert_true(model_is_estimate(s));
	model_snapshot_free(s);
	procs[2].layer[SWT_LAYER_LIBC].left_out_now = 0;
	snapshot(NULL);
	assert_false(model_is_estimate(s));
	assert_int_equal(model_left_out(s), 7);
}

static void filters_choose_blocks_of_stacks_but_not_the_totals(void **state)
{
	struct collect_filter f = { .older_ns = 60 * SECOND, .min_size_bytes = 60, .max_size_bytes = 200 };

	(void)state;
	put(0, 0, born(0x1000, 100, 10)); /* 90 s old: the only one to count */
	put(0, 1, born(0x2000, 100, 50)); /* too young */
	put(0, 2, born(0x3000, 59, 10));  /* too small */
	put(0, 3, born(0x4000, 201, 10)); /* too large */
	snapshot(&f);
	assert_int_equal(s->stack[0].live_bytes, 100);
	assert_int_equal(s->stack[0].live_blocks, 1);
	assert_int_equal(s->process[0].layer[MODEL_LIBC].live_blocks, 4);
}

static void what_is_dead_or_half_written_is_left_out(void **state)
{
	struct swt_block b = born(0x1000, 100, 10);

	(void)state;
	b.epoch = 2; /* of the program before the last exec */
	put(0, 0, b);
	put(0, 1, born(0x2000, 100, 10));
	buckets[0].key[1] = SWT_BLOCK_CLAIMED;
	b = born(0x3000, 100, 10);
	b.proc = 3; /* an empty slot */
	put(0, 2, b);
	b = born(0x4000, 100, 10);
	b.layer = SWT_LAYER_MMAP_END; /* the second record of a mapping */
	put(0, 3, b);
	put(0, 4, born(0x5000, 100, 10)); /* of an epoch with the same last bits, long ago */
	procs[2].began[SWT_LAYER_LIBC] = swt_birth(11 * SECOND / UNIT);
	stacks[6] = stacks[5];
	stacks[6].key |= SWT_STACK_FILLING; /* its frames are being written */
	stacks[7] = stacks[5];
	stacks[7].life = 8; /* likewise */
	snapshot(NULL);
	assert_int_equal(s->n_stacks, 1);
	assert_int_equal(s->stack[0].live_blocks, 0);
	assert_int_equal(s->process[0].layer[MODEL_LIBC].live_blocks, 0);
}

static void numbers_out_of_range_in_the_tables_are_not_believed(void **state)
{
	struct swt_block b = born(0x1000, 100, 10);

	(void)state;
	b.stack = 8;
	put(0, 0, b);
	b = born(0x2000, 100, 10);
	b.proc = 4;
	put(0, 1, b);
	stacks[5].n_frames = 1000000;
	stacks[6] = stacks[5];
	stacks[6].proc = 60000;
	snapshot(NULL);
	assert_int_equal(s->n_stacks, 1);
	assert_int_equal(s->stack[0].n_frames, SWT_MAX_FRAMES);
	assert_int_equal(s->stack[0].live_blocks, 0);
}

/* A snapshot by a table that took so long to read that it is not read again yet, and cannot tell what is live. */
static void snapshot_between_readings(const struct collect_filter *filter)
{
	static const struct collect_filter none;

	model_snapshot_free(s);
	c.last.pace.took_ns = 10 * SECOND;
	c.last.pace.n_readings = COLLECT_FIRST;
	memset(buckets, 0, sizeof(buckets));
	assert_int_equal(collect_snapshot(&c, filter ? filter : &none, 0, target, &s), 0);
}

static void between_two_readings_of_the_table_counters_tell_what_lives(void **state)
{
	(void)state;
	put(0, 0, born(0x1000, 100, 10));
	snapshot(NULL);
	assert_int_equal(s->table_ns, s->time_ns);
	/* GIVEN a stack that had a block at the last reading, and one that is new */
	stacks[5].n_allocs = 12;
	stacks[5].alloc_bytes = 1200;
	stacks[5].n_frees = 2;
	stacks[5].freed_bytes = 150;
	stacks[6] = stacks[5];
	stacks[6].key = 0x600;
	stacks[6].n_frees = 11;
	stacks[6].freed_bytes = 1193;
	/* and one whose blocks have all been dropped, and one of which a death was read before its birth */
	stacks[4] = stacks[5];
	stacks[4].epoch = 2;
	stacks[3] = stacks[5];
	stacks[3].n_frees = 13;
	snapshot_between_readings(NULL);
	assert_int_equal(s->n_stacks, 4);
	assert_int_equal(s->stack[0].live_blocks + s->stack[0].live_bytes, 0);
	assert_int_equal(s->stack[1].live_blocks + s->stack[1].live_bytes, 0);
	assert_int_equal(s->stack[2].live_blocks, 10);
	assert_int_equal(s->stack[2].live_bytes, 1050);
	assert_int_equal(s->stack[3].live_blocks, 1);
	assert_int_equal(s->stack[3].live_bytes, 7);
	assert_int_equal(s->process[0].layer[MODEL_LIBC].live_blocks, 11);
	assert_int_equal(s->process[0].layer[MODEL_LIBC].live_bytes, 1057);
	/* THEN what only the table tells is as it was then */
	assert_true(s->table_ns < s->time_ns);
	assert_int_equal(s->blocks.used, 1);
	assert_int_equal(s->live_places, 1);
	assert_in_range(s->stack[2].oldest_ns, s->start_ns + 10 * SECOND - UNIT, s->start_ns + 10 * SECOND);
	assert_int_equal(s->stack[3].oldest_ns, s->table_ns);
}

static void an_old_block_is_not_that_of_a_stack_which_has_its_slot_now(void **state)
{
	(void)state;
	put(0, 0, born(0x1000, 100, 10));
	snapshot(NULL);
	stacks[5].key = 0x700;
	stacks[5].n_allocs = 1;
	snapshot_between_readings(NULL);
	assert_int_equal(s->stack[0].live_blocks, 1);
	assert_int_equal(s->stack[0].oldest_ns, s->table_ns);
}

static void an_estimate_stays_one_between_two_readings(void **state)
{
	struct swt_block b = born(0x1000, 100, 10);

	(void)state;
	b.sample_shift = 12;
	put(0, 0, b);
	snapshot(NULL);
	snapshot_between_readings(NULL);
	assert_true(s->process[0].layer[MODEL_LIBC].is_estimate && !s->process[0].layer[MODEL_MMAP].is_estimate);
}

static void the_table_is_read_when_its_time_has_come_or_a_filter_asks(void **state)
{
	struct collect_filter none = { 0 },
			      filters[] = { { .older_ns = 1 }, { .min_size_bytes = 1 }, { .max_size_bytes = 1 } };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		snapshot(NULL);
		snapshot_between_readings(&filters[i]);
		assert_int_equal(s->table_ns, s->time_ns);
		model_snapshot_free(s);
		s = NULL;
	}
	snapshot_between_readings(NULL);
	assert_true(s->table_ns < s->time_ns);
	/* WHEN a second ago it took 10 ms: that is too much but for the first ones */
	for (int is_first = 0; is_first < 2; is_first++) {
		snapshot_between_readings(NULL);
		c.last.pace.time_ns = now_ns() - SECOND;
		c.last.pace.took_ns = SECOND / 100;
		c.last.pace.n_readings = COLLECT_FIRST - is_first;
		model_snapshot_free(s);
		assert_int_equal(collect_snapshot(&c, &none, 0, target, &s), 0);
		assert_int_equal(s->table_ns == s->time_ns, is_first);
	}
	snapshot_between_readings(NULL);
	/* WHEN the reading took less than its share of the time that has passed since */
	c.last.pace.took_ns = (uint64_t)(COLLECT_SHARE * (double)(s->time_ns - s->table_ns));
	model_snapshot_free(s);
	assert_int_equal(collect_snapshot(&c, &none, 0, target, &s), 0);
	assert_int_equal(s->table_ns, s->time_ns);
}

static void one_reading_that_was_held_up_does_not_put_off_the_next(void **state)
{
	struct pace p = { 0 };
	uint64_t at = SECOND, apart = (uint64_t)(1.01 * MS / COLLECT_SHARE);

	(void)state;
	for (int i = 0; i < COLLECT_FIRST; i++, at += apart) {
		assert_true(pace_is_due(&p, at));
		pace_note(&p, at, MS);
	}
	pace_note(&p, at, 40 * MS);
	assert_true(pace_is_due(&p, at + apart));
	/* WHEN it is not one alone, the next one waits for as long as they take */
	pace_note(&p, at + apart, 40 * MS);
	assert_false(pace_is_due(&p, at + 39 * apart));
	assert_true(pace_is_due(&p, at + 41 * apart));
	/* and no longer than until one of them was quick again */
	pace_note(&p, at + 41 * apart, MS);
	assert_false(pace_is_due(&p, at + 41 * apart + apart / 2));
	assert_true(pace_is_due(&p, at + 42 * apart));
}

/* The bounds, in seconds since the start; 0 = none. */
static void bounds(unsigned one, unsigned two, unsigned three)
{
	struct model_bounds b = { 0 };
	unsigned s_of[] = { one, two, three };

	for (size_t i = 0; i < 3 && s_of[i]; i++)
		b.time_ns[b.n++] = c.tables.start_ns + s_of[i] * SECOND;
	assert_int_equal(collect_set_bounds(&c, &b), 0);
}

static void generations(uint32_t a, uint32_t b, uint32_t d, uint32_t e)
{
	const struct model_generations *g = s->stack[0].generations;

	assert_non_null(g);
	assert_int_equal(g->blocks[0], a);
	assert_int_equal(g->blocks[1], b);
	assert_int_equal(g->blocks[2], d);
	assert_int_equal(g->blocks[3], e);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(g->bytes[i], 100 * g->blocks[i]);
}

static void live_blocks_are_told_by_generation(void **state)
{
	struct collect_filter f = { .min_size_bytes = 200 };
	struct model_bounds b;

	(void)state;
	for (unsigned i = 0; i < 9; i++)
		put(0, i, born(0x1000 + 16 * (uint64_t)i, 100, 10 * i + 5)); /* 5, 15, ... 85 s */
	snapshot(NULL);
	assert_null(s->stack[0].generations);
	model_snapshot_free(s);
	bounds(20, 50, 80);
	snapshot(NULL);
	generations(2, 3, 3, 1);
	assert_int_equal(s->bounds.n, 3);
	model_snapshot_free(s);
	/* Filters are for what is shown. */
	snapshot(&f);
	assert_int_equal(s->stack[0].live_blocks, 0);
	generations(2, 3, 3, 1);
	/* WHEN the table is not read, and bounds are dropped and added THEN the last reading is told by the new ones */
	snapshot_between_readings(NULL);
	generations(2, 3, 3, 1);
	b = (struct model_bounds){ .time_ns = { s->bounds.time_ns[1], s->bounds.time_ns[2], c.last.end_ns }, .n = 3 };
	assert_int_equal(collect_set_bounds(&c, &b), 0);
	snapshot_between_readings(NULL);
	generations(5, 3, 1, 0);
	/* but not of a stack that has the slot since, nor of what was dropped */
	procs[2].epoch[SWT_LAYER_LIBC]++;
	snapshot_between_readings(NULL);
	assert_null(s->stack[0].generations);
	procs[2].epoch[SWT_LAYER_LIBC]--;
	stacks[5].key = 0x700;
	snapshot_between_readings(NULL);
	assert_null(s->stack[0].generations);
}

static void a_birth_just_behind_a_bound_may_count_as_before_it_but_none_the_other_way(void **state)
{
	struct swt_block b = born(0x1000, 100, 0);

	(void)state;
	/* GIVEN a bound in the middle of a unit of births, and blocks of that unit, the one before and the next */
	bounds(0, 0, 0);
	c.bounds = (struct model_bounds){ .time_ns = { c.tables.start_ns + 1000 * UNIT + UNIT / 2 }, .n = 1 };
	for (unsigned i = 0; i < 3; i++) {
		b.addr += 16;
		b.birth = 999 + i;
		put(0, i, b);
	}
	snapshot(NULL);
	generations(2, 1, 0, 0);
}

static void births_of_months_are_told_apart(void **state)
{
	struct swt_block b = born(0x1000, 100, 0);

	(void)state;
	c.tables.start_ns = 1;
	bounds(0, 0, 0);
	c.bounds = (struct model_bounds){ .time_ns = { 1 + UNIT, 1 + 40000000 * UNIT, 1 + 40000001 * UNIT }, .n = 3 };
	for (unsigned i = 0; i < 4; i++) {
		b.addr += 16;
		b.birth = (unsigned[]){ 0, 1, 40000000, SWT_BIRTH_MAX }[i];
		put(0, i, b);
	}
	snapshot(NULL);
	generations(1, 1, 1, 1);
}

static void every_cause_of_loss_is_listed_with_its_count(void **state)
{
	(void)state;
	losses.count[SWT_LOSS_BLOCKS_FULL] = 7;
	snapshot(NULL);
	assert_int_equal(s->n_losses, SWT_LOSSES);
	for (size_t i = 0; i < s->n_losses; i++)
		assert_int_equal(s->loss[i].count, strcmp(s->loss[i].key, "live_table_full") ? 0 : 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_reading_that_was_held_up_does_not_put_off_the_next),
		cmocka_unit_test_setup_teardown(live_blocks_are_added_up_by_stack_and_process, set_up, take_down),
		cmocka_unit_test_setup_teardown(
			neighbours_in_the_table_go_to_their_own_layer_and_stack, set_up, take_down),
		cmocka_unit_test_setup_teardown(a_sampled_block_counts_for_those_that_were_left_out, set_up, take_down),
		cmocka_unit_test_setup_teardown(
			numbers_are_estimates_while_blocks_that_were_left_out_may_live, set_up, take_down),
		cmocka_unit_test_setup_teardown(filters_choose_blocks_of_stacks_but_not_the_totals, set_up, take_down),
		cmocka_unit_test_setup_teardown(what_is_dead_or_half_written_is_left_out, set_up, take_down),
		cmocka_unit_test_setup_teardown(numbers_out_of_range_in_the_tables_are_not_believed, set_up, take_down),
		cmocka_unit_test_setup_teardown(
			between_two_readings_of_the_table_counters_tell_what_lives, set_up, take_down),
		cmocka_unit_test_setup_teardown(
			an_old_block_is_not_that_of_a_stack_which_has_its_slot_now, set_up, take_down),
		cmocka_unit_test_setup_teardown(an_estimate_stays_one_between_two_readings, set_up, take_down),
		cmocka_unit_test_setup_teardown(
			the_table_is_read_when_its_time_has_come_or_a_filter_asks, set_up, take_down),
		cmocka_unit_test_setup_teardown(live_blocks_are_told_by_generation, set_up, take_down),
		cmocka_unit_test_setup_teardown(
			a_birth_just_behind_a_bound_may_count_as_before_it_but_none_the_other_way, set_up, take_down),
		cmocka_unit_test_setup_teardown(births_of_months_are_told_apart, set_up, take_down),
		cmocka_unit_test_setup_teardown(every_cause_of_loss_is_listed_with_its_count, set_up, take_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
