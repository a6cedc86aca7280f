/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_recorded.c - verdicts on the histories of real programs, as they were recorded (tests/corpus/recorded.py says how). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/verdicts.h"

#define FOLDER "tests/corpus/recorded/"
#define MS     1000000ULL
#define START  (7000 * MS)
#define MOST   64 /* stacks, and processes */

/* What is replayed. A snapshot is added when the next one begins, or the file ends. */
struct replay {
	struct model_history history;
	struct analyze_verdicts verdicts;
	struct model_snapshot s;
	struct model_process process[MOST];
	struct model_stack stack[MOST];
	struct model_generations generations[MOST];
	char truth[MOST]; /* of stacks, by id: l, n, s: leak, none, some */
	int n_wrong;	  /* verdicts of all times that a stack leaks that does not */
};

static int is_leak(const struct replay *r, const struct model_stack *s)
{
	const struct analyze_leak *l = analyze_verdict_of(&r->verdicts, s);

	return l && l->verdict == LEAK_YES;
}

static void add(struct replay *r, int is_last)
{
	if (!r->s.time_ns)
		return;
	assert_int_equal(analyze_verdicts_update(&r->verdicts, &r->s, &r->history, is_last), 0);
	assert_true(model_history_add(&r->history, &r->s) >= 0);
	for (size_t i = 0; i < r->s.n_stacks; i++)
		r->n_wrong += r->truth[r->stack[i].id] == 'n' && is_leak(r, &r->stack[i]);
}

static void begin_snapshot(struct replay *r, unsigned long ms, unsigned long table_ms, unsigned long counted_ms)
{
	add(r, 0);
	memset(r->generations, 0, sizeof(r->generations));
	r->s = (struct model_snapshot){
		.time_ns = START + ms * MS,
		.counted_ns = START + counted_ms * MS,
		.table_ns = START + table_ms * MS,
		.start_ns = START,
		.process = r->process,
		.stack = r->stack,
		.bounds = r->history.bounds,
	};
}

static void begin_process(struct replay *r, int pid, long heap, unsigned long n_requests)
{
	assert_true(r->s.n_processes < MOST);
	r->process[r->s.n_processes++] = (struct model_process){
		.pid = pid,
		.life = 1,
		.alive = 1,
		.n_requests = n_requests,
		.zend = { .is_known = heap >= 0, .size_bytes = heap >= 0 ? (uint64_t)heap : 0 },
	};
}

static void add_layer(struct replay *r, const unsigned long v[6])
{
	assert_true(r->s.n_processes && v[0] < MODEL_LAYERS);
	r->process[r->s.n_processes - 1].layer[v[0]] = (struct model_layer_counts){
		.live_blocks = v[1],
		.live_bytes = v[2],
		.n_frees = v[3],
		.freed_bytes = v[4],
		.n_unknown_frees = v[5],
	};
}

static void add_stack(struct replay *r, const unsigned long v[8])
{
	assert_true(r->s.n_processes && r->s.n_stacks < MOST && v[0] < MOST && v[1] < MODEL_LAYERS);
	r->stack[r->s.n_stacks] = (struct model_stack){
		.id = (uint32_t)v[0],
		.life = 1,
		.pid = r->process[r->s.n_processes - 1].pid,
		.layer = (enum model_layer)v[1],
		.n_allocs = v[2],
		.alloc_bytes = v[3],
		.n_frees = v[4],
		.freed_bytes = v[5],
		.live_blocks = v[6],
		.live_bytes = v[7],
		.generations = &r->generations[r->s.n_stacks],
	};
	r->s.n_stacks++;
}

/* generation_at - that which ends at that time. */
static size_t generation_at(const struct model_bounds *b, long to_ms)
{
	size_t g = 0;

	if (to_ms < 0)
		return b->n;
	while (g < b->n && b->time_ns[g] != START + (uint64_t)to_ms * MS)
		g++;
	assert_true(g < b->n);
	return g;
}

static void add_born(struct replay *r, long to_ms, unsigned blocks, unsigned long bytes)
{
	size_t g = generation_at(&r->s.bounds, to_ms);

	assert_true(r->s.n_stacks);
	r->generations[r->s.n_stacks - 1].blocks[g] += blocks;
	r->generations[r->s.n_stacks - 1].bytes[g] += bytes;
}

static void obey(struct replay *r, const char *line)
{
	unsigned long v[8];
	char truth[8];
	long n;

	if (sscanf(line, "truth %lu %7s", &v[0], truth) == 2) {
		assert_true(v[0] < MOST);
		r->truth[v[0]] = *truth;
	} else if (sscanf(line, "snapshot %lu %lu %lu", &v[0], &v[1], &v[2]) == 3) {
		begin_snapshot(r, v[0], v[1], v[2]);
	} else if (sscanf(line, "process %lu %ld %lu", &v[0], &n, &v[1]) == 3) {
		begin_process(r, (int)v[0], n, v[1]);
	} else if (sscanf(line, "layer %lu %lu %lu %lu %lu %lu", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]) == 6) {
		add_layer(r, v);
	} else if (sscanf(line, "stack %lu %lu %lu %lu %lu %lu %lu %lu", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5],
			   &v[6], &v[7]) == 8) {
		add_stack(r, v);
	} else if (sscanf(line, "born %ld %lu %lu", &n, &v[0], &v[1]) == 3) {
		add_born(r, n, (unsigned)v[0], v[1]);
	} else {
		assert_int_equal(line[0], '#');
	}
}

/* replay - a history that was recorded.  Return: what has come of it, to be freed with end(). */
static struct replay *replay(const char *path)
{
	struct replay *r = calloc(1, sizeof(*r));
	FILE *f = fopen(path, "r");
	char line[256];

	assert_non_null(r);
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		obey(r, line);
	fclose(f);
	add(r, 1);
	return r;
}

static void end(struct replay *r)
{
	model_history_clear(&r->history);
	analyze_verdicts_clear(&r->verdicts);
	free(r);
}

/* check - the verdicts that stand in the end.  Return: how many stacks leak. */
static int check(const struct replay *r)
{
	int n = 0;

	for (size_t i = 0; i < r->s.n_stacks; i++) {
		char truth = r->truth[r->stack[i].id];
		int leaks = is_leak(r, &r->stack[i]);

		assert_true(truth);
		assert_false(truth == 'n' && leaks);
		assert_false(truth == 'l' && !leaks);
		n += leaks;
	}
	return n;
}

static void leaks(void **state)
{
	struct replay *r = replay(*state);

	assert_true(check(r) > 0);
	end(r);
}

static void clean(void **state)
{
	struct replay *r = replay(*state);

	assert_int_equal(check(r), 0);
	end(r);
}

/* never - at no time was a stack said to leak that does not. */
static void never(void **state)
{
	struct replay *r = replay(*state);

	assert_int_equal(check(r), 0);
	assert_int_equal(r->n_wrong, 0);
	end(r);
}

int main(void)
{
#define RECORDED(name, what)                                           \
	{                                                              \
#name "_" #what, what, NULL, NULL, FOLDER #name ".txt" \
	}
	const struct CMUnitTest tests[] = {
		RECORDED(beside_a_cache, leaks),
		RECORDED(c_error_path, leaks),
		RECORDED(c_flush, never),
		RECORDED(c_fragments, clean),
		RECORDED(c_in_steps, leaks),
		RECORDED(c_mappings, leaks),
		RECORDED(c_old_cache, never),
		RECORDED(cycles_collected, clean),
		RECORDED(delayed, clean),
		RECORDED(in_steps, leaks),
		RECORDED(least_recently_used, clean),
		RECORDED(linked_list, leaks),
		RECORDED(log_in_memory, leaks),
		RECORDED(log_in_memory_busy, leaks),
		RECORDED(one_of_eight, leaks),
		RECORDED(periodic_flush, never),
		RECORDED(rare_and_large, leaks),
		RECORDED(replaced_at_random, never),
		RECORDED(sawtooth, clean),
		RECORDED(sessions_that_expire, never),
		RECORDED(slow_cache, never),
		RECORDED(some_are_kept, leaks),
		RECORDED(warm_up, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
