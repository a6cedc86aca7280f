/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/simulated.h - a simulated program of one stack, and what is thought of it. Included after cmocka.h, once. */
#ifndef UNIT_SIMULATED_H
#define UNIT_SIMULATED_H

#include <math.h>
#include <string.h>

#include "analyze/verdicts.h"
#include "dice.h"

#define SECOND	   1000000000ULL
#define START	   (7 * SECOND)
#define MAX_BLOCKS 200000
#define SIZE	   100

/* A simulated stack: its blocks, in the order of their birth. */
struct block {
	double born;
	double dies; /* INFINITY: never */
	uint32_t bytes;
	int is_dead;
};

static struct block blocks[MAX_BLOCKS];
static size_t n_blocks, n_first; /* all before n_first are dead */
static struct model_history history;
static struct analyze_verdicts verdicts;
static struct model_stack stack;
static struct model_process process;
static struct model_generations generations;
static uint64_t n_unknown;
static double now;
static double beside_per_s; /* bytes that other stacks of the layer leak */

static void allocate(double lifetime, uint32_t bytes)
{
	assert_true(n_blocks < MAX_BLOCKS);
	blocks[n_blocks++] = (struct block){ .born = now, .dies = now + lifetime, .bytes = bytes };
	stack.n_allocs++;
	stack.alloc_bytes += bytes;
}

static void release(struct block *b)
{
	b->is_dead = 1;
	stack.n_frees++;
	stack.freed_bytes += b->bytes;
}

static void release_all(void)
{
	for (size_t k = n_first; k < n_blocks; k++)
		if (!blocks[k].is_dead)
			release(&blocks[k]);
}

/* bury - the dead. */
static void bury(void)
{
	for (size_t i = n_first; i < n_blocks; i++)
		if (!blocks[i].is_dead && blocks[i].dies <= now)
			release(&blocks[i]);
	while (n_first < n_blocks && blocks[n_first].is_dead)
		n_first++;
}

/* look - a snapshot, what is thought of it, and its share in the history. */
static void look(int is_last)
{
	struct model_snapshot s = {
		.time_ns = START + (uint64_t)(now * 1e9),
		.start_ns = START,
		.process = &process,
		.n_processes = 1,
		.stack = &stack,
		.n_stacks = 1,
		.bounds = history.bounds,
	};

	s.table_ns = s.counted_ns = s.time_ns;
	memset(&generations, 0, sizeof(generations));
	for (size_t i = n_first; i < n_blocks; i++) {
		uint64_t born_ns = START + (uint64_t)(blocks[i].born * 1e9);
		size_t g = model_generation_of(&s.bounds, born_ns / 64000000 * 64000000); /* known no better */

		if (blocks[i].is_dead)
			continue;
		generations.blocks[g]++;
		generations.bytes[g] += blocks[i].bytes;
	}
	stack.generations = &generations;
	stack.live_blocks = stack.n_allocs - stack.n_frees;
	stack.live_bytes = stack.alloc_bytes - stack.freed_bytes;
	process.layer[MODEL_LIBC] = (struct model_layer_counts){
		.live_blocks = stack.live_blocks,
		.live_bytes = stack.live_bytes + (uint64_t)(now * beside_per_s),
		.n_allocs = stack.n_allocs,
		.n_frees = stack.n_frees,
		.freed_bytes = stack.freed_bytes,
		.n_unknown_frees = n_unknown,
	};
	assert_int_equal(analyze_verdicts_update(&verdicts, &s, &history, is_last), 0);
	assert_true(model_history_add(&history, &s) >= 0);
}

/* run - a program for so many seconds, with 50 requests a second and a look each second. */
static const struct analyze_leak *run(double seconds, void (*request)(int i))
{
	for (int i = 0; now < seconds; i++) {
		now = i / 50.0;
		bury();
		process.n_requests++;
		request(i);
		if (i % 50 == 49)
			look(0);
	}
	look(1);
	return analyze_verdict_of(&verdicts, &stack);
}

static int set_up(void **state)
{
	(void)state;
	n_blocks = n_first = 0;
	n_unknown = 0;
	now = 0;
	beside_per_s = 0;
	stack = (struct model_stack){ .id = 3, .life = 1, .pid = 42, .layer = MODEL_LIBC };
	process = (struct model_process){ .pid = 42, .life = 1, .alive = 1, .has_requests = 1 };
	return 0;
}

static int take_down(void **state)
{
	(void)state;
	model_history_clear(&history);
	analyze_verdicts_clear(&verdicts);
	return 0;
}

static void begin_anew(void)
{
	take_down(NULL);
	set_up(NULL);
}

#endif
