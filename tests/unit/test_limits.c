/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_limits.c - when a process that grows meets a limit, what grows beside live blocks, and what is garbage: on made-up
 * histories. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "analyze/analyze.h"
#include "cli/plan.h"
#include "dice.h"

#define SECOND	1000000000ULL
#define MIB	1048576.0
#define CHUNK	(2 * MIB)
#define SECONDS 100

/* What a process is at one second. */
struct moment {
	double zend;
	double libc;
	double mmap;
	uint64_t n_unknown_frees;
	struct model_vitals vitals;
};

/* Who tells the story of a process, second by second. */
typedef void story(int second, struct moment *m);

static struct analyze_standing standing;
static int has_ended; /* at the last moment */

/* live - the story as snapshots, kept and judged as reports do.  Return: the process at its end, and what is thought of it. */
static struct model_process live(story *tell)
{
	struct model_history history = { .n_stacks = 0 };
	struct analyze_verdicts verdicts = { .n_stacks = 0 };
	struct model_process p = { .pid = 7, .alive = 1 };
	struct model_snapshot s = { .process = &p, .n_processes = 1, .start_ns = SECOND };

	for (int i = 0; i < SECONDS; i++) {
		struct moment m = { .zend = 0 };

		tell(i, &m);
		s.time_ns = s.table_ns = s.counted_ns = (5 + i) * SECOND;
		p.zend.is_known = m.zend > 0;
		p.zend.size_bytes = (uint64_t)m.zend;
		p.layer[MODEL_LIBC].live_bytes = (uint64_t)m.libc;
		p.layer[MODEL_MMAP].live_bytes = (uint64_t)m.mmap;
		p.vitals = m.vitals;
		p.vitals.time_ns = s.time_ns;
		p.alive = i < SECONDS - 1 || !has_ended;
		s.bounds = history.bounds;
		assert_int_equal(analyze_verdicts_update(&verdicts, &s, &history, i == SECONDS - 1), 0);
		assert_true(model_history_add(&history, &s) >= 0);
	}
	assert_non_null(analyze_standing_of(&verdicts, &p));
	standing = *analyze_standing_of(&verdicts, &p);
	analyze_verdicts_clear(&verdicts);
	model_history_clear(&history);
	return p;
}

/* php_takes - real_size and resident memory for so much in blocks. */
static void php_takes(struct moment *m, double bytes)
{
	m->zend = bytes;
	m->vitals.heap = (struct model_php_heap){
		.is_known = 1,
		.size_bytes = (uint64_t)bytes,
		.real_bytes = (uint64_t)(ceil(bytes / CHUNK) * CHUNK),
		.limit_bytes = (uint64_t)(128 * MIB),
		.has_cached = 1,
	};
	m->vitals.rss_bytes = (uint64_t)(20 * MIB + bytes);
	m->vitals.machine_bytes = (uint64_t)(8192 * MIB);
	m->vitals.machine_available_bytes = (uint64_t)(4096 * MIB);
}

/* ---- limits ---- */

static void leaks_in_php(int second, struct moment *m)
{
	php_takes(m, 10 * MIB + 0.1 * MIB * second + 0.2 * MIB * dice());
}

static void the_time_to_memory_limit_is_told_within_bounds(void **state)
{
	/* 20 MiB at the end, 108 to go at 0.1 a second */
	const double due = 1080;
	const struct analyze_limit *l = &standing.limits.limit[LIMIT_PHP];

	(void)state;
	live(leaks_in_php);
	assert_int_equal(standing.limits.soonest, LIMIT_PHP);
	assert_true(l->least_s < due && due < l->most_s);
	assert_true(fabs(l->seconds - due) < due / 10);
	assert_true(l->most_s < 2 * due && l->least_s > due / 2);
	assert_int_equal(l->limit_bytes, (uint64_t)(128 * MIB));
	/* the machine's memory is met, too, but later */
	assert_true(standing.limits.limit[LIMIT_MACHINE].is_near);
	assert_true(fabs(standing.limits.limit[LIMIT_MACHINE].seconds - 40960) < 4096);
}

static void who_has_ended_meets_no_limit(void **state)
{
	(void)state;
	has_ended = 1;
	live(leaks_in_php);
	has_ended = 0;
	/* What it did is still told, and not what it is going to do. */
	assert_int_equal(standing.growth[MODEL_CURVE_ZEND].verdict, GROWTH_GROWING);
	assert_int_equal(standing.limits.soonest, LIMIT_NONE);
	assert_false(standing.limits.limit[LIMIT_MACHINE].is_near);
}

static void leaks_and_ends(int second, struct moment *m)
{
	leaks_in_php(second, m);
	if (second == SECONDS - 1) {
		m->zend = 0;
		m->vitals.heap.size_bytes = 0;
		m->vitals.heap.real_bytes = (uint64_t)CHUNK;
	}
}

static void a_heap_that_is_empty_again_meets_no_limit(void **state)
{
	(void)state;
	live(leaks_and_ends);
	assert_int_equal(standing.growth[MODEL_CURVE_ZEND].verdict, GROWTH_GROWING);
	assert_int_equal(standing.limits.soonest, LIMIT_NONE);
}

static void leaks_and_is_torn_down(int second, struct moment *m)
{
	leaks_in_php(second, m);
	if (second == SECONDS - 1)
		m->vitals.heap.is_known = 0;
}

static void a_heap_that_is_torn_down_meets_no_limit(void **state)
{
	(void)state;
	live(leaks_and_is_torn_down);
	assert_int_equal(standing.growth[MODEL_CURVE_ZEND].verdict, GROWTH_GROWING);
	assert_int_equal(standing.growth[MODEL_CURVE_RSS_SWAP].verdict, GROWTH_GROWING);
	assert_int_equal(standing.limits.soonest, LIMIT_NONE);
}

static void leaks_in_a_small_cgroup(int second, struct moment *m)
{
	leaks_in_php(second, m);
	m->vitals.cgroup_bytes = (uint64_t)(64 * MIB);
	m->vitals.cgroup_used_bytes = (uint64_t)(34 * MIB + 0.1 * MIB * second);
}

static void the_limit_that_is_met_first_is_the_one_that_is_told(void **state)
{
	(void)state;
	live(leaks_in_a_small_cgroup);
	assert_int_equal(standing.limits.soonest, LIMIT_CGROUP);
	assert_true(fabs(standing.limits.limit[LIMIT_CGROUP].seconds - 201) < 30);
}

static void rests(int second, struct moment *m)
{
	(void)second;
	php_takes(m, 100 * MIB + MIB * dice());
	m->vitals.cgroup_bytes = (uint64_t)(125 * MIB);
	m->vitals.cgroup_used_bytes = (uint64_t)(124 * MIB);
}

static void warms_up(int second, struct moment *m)
{
	php_takes(m, 100 * MIB * (1 - exp(-second / 12.0)));
}

static void nothing_is_said_of_what_does_not_grow_however_near_the_limit_is(void **state)
{
	(void)state;
	live(rests);
	assert_int_equal(standing.limits.soonest, LIMIT_NONE);
	live(warms_up);
	assert_int_equal(standing.limits.soonest, LIMIT_NONE);
}

static void creeps(int second, struct moment *m)
{
	php_takes(m, 10 * MIB + second);
}

static void a_limit_that_lies_years_ahead_is_not_told(void **state)
{
	(void)state;
	live(creeps);
	assert_int_equal(standing.growth[MODEL_CURVE_ZEND].verdict, GROWTH_GROWING);
	assert_int_equal(standing.limits.soonest, LIMIT_NONE);
}

static void has_no_limit(int second, struct moment *m)
{
	leaks_in_php(second, m);
	m->vitals.heap.limit_bytes = 0;
	m->vitals.machine_bytes = 0;
}

static void where_there_is_no_limit_none_is_met(void **state)
{
	(void)state;
	live(has_no_limit);
	assert_int_equal(standing.limits.soonest, LIMIT_NONE);
}

static void crumbles(int second, struct moment *m)
{
	/* blocks are as they were, but what they take from the system grows */
	php_takes(m, 10 * MIB + 0.01 * MIB * dice());
	m->vitals.heap.real_bytes = (uint64_t)(12 * MIB + floor(0.5 * second) * CHUNK);
}

static void a_heap_that_only_crumbles_meets_the_limit_by_what_it_takes(void **state)
{
	(void)state;
	live(crumbles);
	assert_int_equal(standing.limits.soonest, LIMIT_PHP);
	assert_true(standing.limits.limit[LIMIT_PHP].seconds < 30);
}

/* leaks_into_swap - what it leaks was resident for a moment: memory is full, and swap fills up. */
static void leaks_into_swap(int second, struct moment *m)
{
	m->vitals.rss_bytes = (uint64_t)(40 * MIB + MIB * dice());
	m->vitals.swap_bytes = (uint64_t)(0.1 * MIB * second);
	m->vitals.machine_bytes = (uint64_t)(1024 * MIB);
	m->vitals.machine_available_bytes = (uint64_t)(100 * MIB);
	m->vitals.machine_swap_bytes = (uint64_t)(500 * MIB - 0.1 * MIB * second);
	m->vitals.cgroup_bytes = (uint64_t)(41 * MIB);
	m->vitals.cgroup_used_bytes = (uint64_t)(41 * MIB);
	m->vitals.cgroup_swap_bytes = (uint64_t)(50 * MIB - 0.1 * MIB * second);
}

static void swaps(int second, struct moment *m)
{
	leaks_into_swap(second, m);
	m->vitals.rss_bytes = (uint64_t)(40 * MIB - 0.1 * MIB * second + 0.01 * MIB * dice());
}

static void comes_back(int second, struct moment *m)
{
	leaks_into_swap(second, m);
	m->vitals.rss_bytes = (uint64_t)(40 * MIB + 0.1 * MIB * second);
	m->vitals.swap_bytes = (uint64_t)(20 * MIB - 0.1 * MIB * second);
}

static void a_leak_whose_pages_are_swapped_out_is_growth_and_meets_a_limit_when_swap_is_full(void **state)
{
	(void)state;
	live(leaks_into_swap);
	assert_int_equal(standing.growth[MODEL_CURVE_RSS].verdict, GROWTH_PLATEAU);
	assert_int_equal(standing.growth[MODEL_CURVE_SWAP].verdict, GROWTH_GROWING);
	assert_int_equal(standing.growth[MODEL_CURVE_RSS_SWAP].verdict, GROWTH_GROWING);
	assert_true(plan_is_growing(&standing) && !plan_is_at_rest(&standing));
	assert_int_equal(standing.limits.soonest, LIMIT_CGROUP);
	assert_true(fabs(standing.limits.limit[LIMIT_CGROUP].seconds - 401) < 40);
	assert_true(fabs(standing.limits.limit[LIMIT_MACHINE].seconds - 5901) < 590);
}

static void what_only_moves_between_memory_and_swap_does_not_grow(void **state)
{
	(void)state;
	live(swaps);
	assert_int_equal(standing.growth[MODEL_CURVE_SWAP].verdict, GROWTH_GROWING);
	assert_true(plan_is_at_rest(&standing) && !plan_is_growing(&standing));
	assert_int_equal(standing.limits.soonest, LIMIT_NONE);
	live(comes_back);
	assert_int_equal(standing.growth[MODEL_CURVE_RSS].verdict, GROWTH_GROWING);
	assert_true(plan_is_at_rest(&standing) && !plan_is_growing(&standing));
	assert_int_equal(standing.limits.soonest, LIMIT_NONE);
}

/* ---- limits that are shared ---- */

#define WORKERS 4

/* One of several processes that live at the same time. */
struct worker {
	double bytes_per_s;
	uint64_t cgroup; /* 0: none, */
	int is_unknown;	 /* or one, but not which */
	int is_dead;	 /* at the end */
	struct analyze_standing standing;
};

static void work(const struct worker *w, int second, struct model_process *p)
{
	p->alive = !w->is_dead || second < SECONDS - 1;
	p->vitals.time_ns = (5 + second) * SECOND;
	p->vitals.rss_bytes = (uint64_t)(40 * MIB + w->bytes_per_s * second + 0.1 * MIB * dice());
	p->vitals.machine_bytes = (uint64_t)(8192 * MIB);
	p->vitals.machine_available_bytes = (uint64_t)(4096 * MIB);
	p->vitals.cgroup_id = w->cgroup;
	p->vitals.cgroup_bytes = w->cgroup || w->is_unknown ? (uint64_t)(1024 * MIB) : 0;
	p->vitals.cgroup_used_bytes = w->cgroup || w->is_unknown ? (uint64_t)(512 * MIB) : 0;
}

/* live_together - workers as reports see them; what is thought of each stands in it at the end. */
static void live_together(struct worker worker[WORKERS])
{
	struct model_history history = { .n_stacks = 0 };
	struct analyze_verdicts verdicts = { .n_stacks = 0 };
	struct model_process p[WORKERS] = { 0 };
	struct model_snapshot s = { .process = p, .n_processes = WORKERS, .start_ns = SECOND };

	for (int i = 0; i < SECONDS; i++) {
		s.time_ns = s.table_ns = s.counted_ns = (5 + i) * SECOND;
		for (int k = 0; k < WORKERS; k++) {
			p[k].pid = 7 + k;
			work(&worker[k], i, &p[k]);
		}
		s.bounds = history.bounds;
		assert_int_equal(analyze_verdicts_update(&verdicts, &s, &history, i == SECONDS - 1), 0);
		assert_true(model_history_add(&history, &s) >= 0);
	}
	for (int k = 0; k < WORKERS; k++)
		worker[k].standing = *analyze_standing_of(&verdicts, &p[k]);
	analyze_verdicts_clear(&verdicts);
	model_history_clear(&history);
}

static void assert_limit(const struct worker *w, enum analyze_limit_kind kind, double due, size_t n)
{
	const struct analyze_limit *l = &w->standing.limits.limit[kind];

	assert_true(l->is_near);
	assert_int_equal(l->n_taking, n);
	assert_true(fabs(l->seconds - due) < due / 20);
	assert_true(l->least_s <= due * 1.001 && due * 0.999 <= l->most_s);
	assert_true(l->least_s > due * 0.8 && l->most_s < due * 1.25);
}

static void what_workers_take_together_is_gone_in_a_part_of_the_time(void **state)
{
	struct worker alike[WORKERS] = { { .bytes_per_s = MIB, .cgroup = 1 }, { .bytes_per_s = MIB, .cgroup = 1 },
		{ .bytes_per_s = MIB, .cgroup = 1 }, { .bytes_per_s = MIB, .cgroup = 1 } };

	(void)state;
	live_together(alike);
	for (int k = 0; k < WORKERS; k++) {
		assert_limit(&alike[k], LIMIT_CGROUP, 512 / 4.0, 4);
		assert_limit(&alike[k], LIMIT_MACHINE, 4096 / 4.0, 4);
		assert_int_equal(alike[k].standing.limits.soonest, LIMIT_CGROUP);
	}
}

static void each_cgroup_is_shared_by_its_own_and_the_machine_by_all(void **state)
{
	struct worker worker[WORKERS] = { { .bytes_per_s = MIB, .cgroup = 1 }, { .bytes_per_s = MIB, .cgroup = 2 },
		{ .bytes_per_s = MIB, .cgroup = 1 }, { .bytes_per_s = MIB, .cgroup = 0 } };

	(void)state;
	live_together(worker);
	assert_limit(&worker[0], LIMIT_CGROUP, 512 / 2.0, 2);
	assert_limit(&worker[1], LIMIT_CGROUP, 512, 1);
	assert_limit(&worker[2], LIMIT_CGROUP, 512 / 2.0, 2);
	assert_false(worker[3].standing.limits.limit[LIMIT_CGROUP].is_near);
	for (int k = 0; k < WORKERS; k++)
		assert_limit(&worker[k], LIMIT_MACHINE, 4096 / 4.0, 4);
}

static void who_does_not_grow_or_has_ended_takes_nothing(void **state)
{
	struct worker worker[WORKERS] = { { .bytes_per_s = MIB, .cgroup = 1 }, { .bytes_per_s = 0, .cgroup = 1 },
		{ .bytes_per_s = 2 * MIB, .cgroup = 1 }, { .bytes_per_s = MIB, .cgroup = 1, .is_dead = 1 } };

	(void)state;
	live_together(worker);
	assert_limit(&worker[0], LIMIT_CGROUP, 512 / 3.0, 2);
	assert_limit(&worker[2], LIMIT_MACHINE, 4096 / 3.0, 2);
	/* of what is at rest nothing is said, whoever grows beside it */
	assert_int_equal(worker[1].standing.growth[MODEL_CURVE_RSS_SWAP].verdict, GROWTH_PLATEAU);
	assert_int_equal(worker[1].standing.limits.soonest, LIMIT_NONE);
}

static void who_is_in_a_cgroup_that_cannot_be_told_from_others_is_alone_in_it(void **state)
{
	struct worker worker[WORKERS] = { { .bytes_per_s = MIB, .cgroup = 0, .is_unknown = 1 },
		{ .bytes_per_s = MIB, .cgroup = 0, .is_unknown = 1 } };

	(void)state;
	live_together(worker);
	assert_limit(&worker[0], LIMIT_CGROUP, 512, 1);
	assert_limit(&worker[1], LIMIT_MACHINE, 4096 / 2.0, 2);
}

/* ---- what grows beside the books ---- */

static void assert_rest(enum analyze_rest_part part, double per_s)
{
	assert_true(standing.rest.is_there);
	for (int i = 0; i < REST_PARTS; i++) {
		double expected = i == (int)part ? per_s : 0;

		if (fabs(standing.rest.part_per_s[i] - expected) > per_s / 4)
			fail_msg("%s: %f", analyze_rest_name(i), standing.rest.part_per_s[i]);
	}
}

static void what_live_blocks_explain_needs_no_other_name(void **state)
{
	(void)state;
	live(leaks_in_php);
	assert_int_equal(standing.growth[MODEL_CURVE_RSS].verdict, GROWTH_GROWING);
	assert_false(standing.rest.is_there);
	live(rests);
	assert_false(standing.rest.is_there);
}

/* of_rss - resident memory that grows by 1 MiB a second while the books are at rest. */
static void of_rss(int second, struct moment *m)
{
	m->libc = 5 * MIB + 0.1 * MIB * dice();
	m->vitals.rss_bytes = (uint64_t)(30 * MIB + MIB * second + 0.3 * MIB * dice());
	m->vitals.file_bytes = (uint64_t)(10 * MIB);
	m->vitals.heap_map_bytes = (uint64_t)(6 * MIB);
}

static void maps_files(int second, struct moment *m)
{
	of_rss(second, m);
	m->vitals.file_bytes += (uint64_t)(MIB * second);
}

static void crumbles_in_malloc(int second, struct moment *m)
{
	of_rss(second, m);
	m->vitals.heap_map_bytes += (uint64_t)(MIB * second);
}

static void keeps_chunks(int second, struct moment *m)
{
	of_rss(second, m);
	m->zend = 10 * MIB;
	m->vitals.heap = (struct model_php_heap){ .is_known = 1,
		.size_bytes = (uint64_t)(10 * MIB),
		.has_cached = 1,
		.cached_bytes = (uint64_t)(MIB * second),
		.real_bytes = (uint64_t)(12 * MIB + MIB * second) };
}

static void has_holes(int second, struct moment *m)
{
	keeps_chunks(second, m);
	m->vitals.heap.cached_bytes = 0;
}

static void piles_up_stacks(int second, struct moment *m)
{
	of_rss(second, m);
	m->vitals.n_stacks = 100 + 10 * second;
	m->vitals.stack_bytes = m->vitals.n_stacks * (2 << 20);
}

static void growth_beside_live_blocks_is_named_as_what_it_is(void **state)
{
	(void)state;
	live(maps_files);
	assert_rest(REST_FILES, MIB);
	live(crumbles_in_malloc);
	assert_rest(REST_MALLOC, MIB);
	live(keeps_chunks);
	assert_rest(REST_CACHED, MIB);
	live(has_holes);
	assert_rest(REST_HOLES, MIB);
	live(piles_up_stacks);
	assert_rest(REST_STACKS, MIB);
	live(of_rss);
	assert_rest(REST_UNKNOWN, MIB);
}

static void half_a_leak(int second, struct moment *m)
{
	maps_files(second, m);
	m->libc += MIB * second;
	m->vitals.rss_bytes += (uint64_t)(MIB * second);
}

static void of_growth_that_is_half_explained_the_other_half_is_named(void **state)
{
	(void)state;
	live(half_a_leak);
	assert_rest(REST_FILES, MIB);
	assert_true(fabs(standing.rest.explained_per_s - MIB) < 0.2 * MIB);
}

/* ---- garbage ---- */

static void makes_cycles(int second, struct moment *m)
{
	leaks_in_php(second, m);
	m->vitals.gc = (struct model_php_gc){ 1, 1, 0, 100 + 20 * second, 10001, 3, 50 };
}

static void makes_cycles_with_the_collector_off(int second, struct moment *m)
{
	makes_cycles(second, m);
	m->vitals.gc.is_enabled = 0;
}

static void overflows(int second, struct moment *m)
{
	makes_cycles(second, m);
	m->vitals.gc.is_protected = 1;
}

static void is_collected(int second, struct moment *m)
{
	makes_cycles(second, m);
	m->vitals.gc.runs = 3 + second / 30;
}

static void has_few_roots(int second, struct moment *m)
{
	leaks_in_php(second, m);
	m->vitals.gc = (struct model_php_gc){ 1, 1, 0, 5 + second % 3, 10001, 0, 0 };
}

static void cycles_at_rest(int second, struct moment *m)
{
	rests(second, m);
	m->vitals.gc = (struct model_php_gc){ 1, 1, 0, 100 + 20 * second, 10001, 3, 50 };
}

static void garbage_that_nobody_has_collected_is_told_from_what_is_retained(void **state)
{
	(void)state;
	live(makes_cycles);
	assert_int_equal(standing.garbage, GARBAGE_PENDING);
	live(makes_cycles_with_the_collector_off);
	assert_int_equal(standing.garbage, GARBAGE_OFF);
	live(overflows);
	assert_int_equal(standing.garbage, GARBAGE_OVERFLOW);
	live(is_collected);
	assert_int_equal(standing.garbage, GARBAGE_RETAINED);
	live(has_few_roots);
	assert_int_equal(standing.garbage, GARBAGE_RETAINED);
	/* where nothing grows, or nothing is known, nothing is said */
	live(cycles_at_rest);
	assert_int_equal(standing.garbage, GARBAGE_UNKNOWN);
	live(leaks_in_php);
	assert_int_equal(standing.garbage, GARBAGE_UNKNOWN);
}

/* ---- history ---- */

static void vitals_that_were_not_read_anew_are_no_new_point(void **state)
{
	struct model_history h = { .n_stacks = 0 };
	struct model_process p = { .pid = 7, .alive = 1, .vitals = { .time_ns = 5, .rss_bytes = 100 } };
	struct model_snapshot s = { .process = &p, .n_processes = 1, .time_ns = 5 };
	const struct model_process_history *k;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(model_history_add(&h, &s) >= 0);
	k = model_history_process(&h, &p);
	assert_int_equal(k->curve[MODEL_CURVE_RSS].n, 1);
	assert_int_equal(k->curve[MODEL_CURVE_LIBC].n, 3);
	assert_int_equal(k->curve[MODEL_CURVE_REAL].n, 0); /* no PHP */
	p.vitals.time_ns = 6;
	model_history_add(&h, &s);
	assert_int_equal(k->curve[MODEL_CURVE_RSS].n, 2);
	assert_int_equal(k->curve[MODEL_CURVE_SWAP].n, 2);
	model_history_clear(&h);
}

static void a_share_that_was_not_read_anew_is_no_new_point(void **state)
{
	struct model_history h = { .n_stacks = 0 };
	struct model_process p = { .pid = 7, .alive = 1 };
	struct model_snapshot s = { .process = &p, .n_processes = 1, .start_ns = 100 };
	const struct model_curve *pss;

	(void)state;
	for (uint64_t i = 0; i < 9; i++) {
		/* at first it is not known, then it is that of the program before; later it is read each third time */
		s.time_ns = p.vitals.time_ns = 200 + i;
		p.vitals.has_pss = i > 0;
		p.vitals.pss_ns = i < 3 ? 50 : 200 + i / 3 * 3;
		p.vitals.pss_bytes = 1000 * i;
		assert_true(model_history_add(&h, &s) >= 0);
	}
	pss = &model_history_process(&h, &p)->curve[MODEL_CURVE_PSS];
	assert_int_equal(pss->n, 2);
	assert_int_equal(pss->point[0].time_ns, 203);
	assert_int_equal(pss->point[0].value, 3000);
	assert_int_equal(pss->point[1].time_ns, 206);
	assert_int_equal(pss->point[1].value, 6000);
	model_history_clear(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_time_to_memory_limit_is_told_within_bounds),
		cmocka_unit_test(who_has_ended_meets_no_limit),
		cmocka_unit_test(a_heap_that_is_empty_again_meets_no_limit),
		cmocka_unit_test(a_heap_that_is_torn_down_meets_no_limit),
		cmocka_unit_test(the_limit_that_is_met_first_is_the_one_that_is_told),
		cmocka_unit_test(nothing_is_said_of_what_does_not_grow_however_near_the_limit_is),
		cmocka_unit_test(a_limit_that_lies_years_ahead_is_not_told),
		cmocka_unit_test(where_there_is_no_limit_none_is_met),
		cmocka_unit_test(a_heap_that_only_crumbles_meets_the_limit_by_what_it_takes),
		cmocka_unit_test(a_leak_whose_pages_are_swapped_out_is_growth_and_meets_a_limit_when_swap_is_full),
		cmocka_unit_test(what_only_moves_between_memory_and_swap_does_not_grow),
		cmocka_unit_test(what_workers_take_together_is_gone_in_a_part_of_the_time),
		cmocka_unit_test(each_cgroup_is_shared_by_its_own_and_the_machine_by_all),
		cmocka_unit_test(who_does_not_grow_or_has_ended_takes_nothing),
		cmocka_unit_test(who_is_in_a_cgroup_that_cannot_be_told_from_others_is_alone_in_it),
		cmocka_unit_test(what_live_blocks_explain_needs_no_other_name),
		cmocka_unit_test(growth_beside_live_blocks_is_named_as_what_it_is),
		cmocka_unit_test(of_growth_that_is_half_explained_the_other_half_is_named),
		cmocka_unit_test(garbage_that_nobody_has_collected_is_told_from_what_is_retained),
		cmocka_unit_test(vitals_that_were_not_read_anew_are_no_new_point),
		cmocka_unit_test(a_share_that_was_not_read_anew_is_no_new_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
