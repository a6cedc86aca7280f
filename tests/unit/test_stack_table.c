/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_stack_table.c - bpf/stack.bpf.h and bpf/books.bpf.h compiled for the host: threads that meet in the stack table
 * lose no count, and a stack has one slot. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "bpf_host.h"

#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"
#define cfg cfg_in_bpf /* const there; here it must be set */
#include "../../bpf/maps.bpf.h"
#undef cfg
static struct swt_config cfg;

/* What of thread.bpf.h and walk.bpf.h is needed: the walk is given its result. */
struct thread_state {
	__u32 proc;
	struct {
		__u64 files;
		__u32 generation;
		__u32 met_unknown;
	} walk;
	__u32 n_frames;
	__u32 tid;
	__u64 frame[SWT_MAX_FRAMES];
};

static struct swt_proc *proc_at(__u32 slot);

static __u32 walk_all(const struct thread_state *t, __u8 *why)
{
	*why = SWT_WALK_COMPLETE;
	return t->n_frames;
}

static long cache_find(struct thread_state *t, const struct swt_proc *p, __u64 owner)
{
	(void)t, (void)p, (void)owner;
	return -1;
}

static void cache_store(struct thread_state *t, __u32 slot)
{
	(void)t, (void)slot;
}

static void event_ask(const struct thread_state *t, struct swt_proc *p)
{
	(void)t, (void)p;
}

static void freed_note(const struct swt_block *b, __u32 tid, __u32 where)
{
	(void)b, (void)tid, (void)where;
}

static long copy(void *to, __u32 bytes, const void *from)
{
	memcpy(to, from, bytes);
	return 0;
}
#define bpf_probe_read_kernel(to, bytes, from) copy(to, bytes, from)
#define bpf_probe_read_user(to, bytes, from)   ((void)(from), -1L)
#define PAGE_BYTES			       4096ULL

#include "../../bpf/live.bpf.h"
#include "../../bpf/stack.bpf.h"
#include "../../bpf/zend.bpf.h"
#include "../../bpf/books.bpf.h"

#define STACKS 16
#define LAYER  SWT_LAYER_LIBC

static struct swt_stack table[STACKS];
static struct swt_bucket bucket;
static struct swt_proc process[4];
static struct swt_losses lost;
static int yields; /* threads are taken off the processor wherever a table is looked into */

static struct swt_proc *proc_at(__u32 slot)
{
	return slot < 4 ? &process[slot] : NULL;
}

static void *host_map_lookup(const void *map, const void *key)
{
	uint32_t i = *(const uint32_t *)key;

	if (yields)
		sched_yield();
	if (map == &stacks)
		return i < STACKS ? &table[i] : NULL;
	if (map == &live)
		return &bucket;
	if (map == &losses)
		return &lost;
	return NULL;
}

static int empty_table(void **state)
{
	(void)state;
	memset(table, 0, sizeof(table));
	memset(process, 0, sizeof(process));
	memset(&lost, 0, sizeof(lost));
	cfg.stack_mask = STACKS - 1;
	cfg.hash_seed = 0x1234567;
	yields = 0;
	return 0;
}

/* book - a block of the stack with these two frames, in a process.  Return: its slot. */
static long book(uint32_t proc, uint64_t first, uint64_t second)
{
	struct thread_state t = { .proc = proc + 1, .n_frames = 2, .frame = { first, second } };
	struct swt_block b = { .proc = proc, .layer = LAYER, .size_bytes = 10, .epoch = process[proc].epoch[LAYER] };
	long slot = stack_slot(&t, LAYER);

	if (slot >= 0) {
		b.stack = slot;
		book_alloc(&b);
	}
	return slot;
}

/* end_program - what the kernel side does to a process that executes another program. */
static void end_program(uint32_t proc)
{
	process[proc].life++;
	process[proc].epoch[LAYER]++;
}

static int slots_in_use(void)
{
	int n = 0;

	for (int i = 0; i < STACKS; i++)
		n += SWT_STACK_IS_FILLED(table[i].key) && !stack_is_over(&table[i]);
	return n;
}

static void a_stack_has_one_slot_and_another_one_another(void **state)
{
	long slot = book(0, 1, 2);

	(void)state;
	assert_true(slot >= 0);
	assert_int_equal(book(0, 1, 2), slot);
	assert_int_not_equal(book(0, 1, 3), slot);
	assert_int_not_equal(book(1, 1, 2), slot);
	assert_int_equal(table[slot].n_allocs, 2);
	assert_int_equal(table[slot].alloc_bytes, 20);
	assert_int_equal(table[slot].frame[1], 2);
	assert_int_equal(table[slot].n_frames, 2);
	assert_int_equal(slots_in_use(), 3);
}

static void the_slots_of_a_program_that_has_ended_are_used_again_with_counts_of_their_own(void **state)
{
	(void)state;
	/* GIVEN a full table */
	for (uint64_t i = 0; i < 1000; i++)
		book(0, i, i);
	assert_int_equal(slots_in_use(), STACKS);
	assert_true(lost.count[SWT_LOSS_STACKS_FULL] > 0);
	/* WHEN its program has ended THEN each slot is taken for a stack of the next, and counts it alone */
	end_program(0);
	lost.count[SWT_LOSS_STACKS_FULL] = 0;
	for (uint64_t i = 0; i < STACKS / 2; i++) {
		long slot = book(0, i, i);

		assert_true(slot >= 0);
		assert_int_equal(table[slot].n_allocs, 1);
		assert_int_equal(table[slot].n_frees, 0);
	}
	assert_int_equal(lost.count[SWT_LOSS_STACKS_FULL], 0);
}

static void a_slot_that_becomes_free_on_the_way_to_a_stack_does_not_divide_it(void **state)
{
	uint32_t slots[STACKS];

	(void)state;
	/* GIVEN stacks that stand behind those of another program, where they found their place taken */
	for (uint64_t i = 0; i < STACKS / 2; i++)
		assert_true(book(1, i, i) >= 0);
	for (uint64_t i = 0; i < STACKS / 4; i++)
		slots[i] = book(0, i, i);
	/* WHEN that program has ended THEN each is found where it is */
	end_program(1);
	for (uint64_t i = 0; i < STACKS / 4; i++)
		assert_int_equal(book(0, i, i), slots[i]);
	assert_int_equal(slots_in_use(), STACKS / 4);
}

static void a_slot_whose_filling_is_interrupted_holds_nobody_up(void **state)
{
	long slot = book(0, 1, 2), second;
	uint64_t key = table[slot].key;

	(void)state;
	/* GIVEN a thread that has taken a slot and is kept from filling it */
	table[slot].key = key | SWT_STACK_FILLING;
	/* WHEN another comes with the same stack THEN it takes another slot */
	second = book(0, 1, 2);
	assert_true(second >= 0 && second != slot);
	assert_int_equal(table[second].n_allocs, 1);
	/* but no more when the first is filled */
	table[slot].key = key;
	assert_int_equal(book(0, 1, 2), slot);
	assert_int_equal(table[slot].n_allocs, 2);
}

#define RACERS 4

static pthread_barrier_t barrier;

struct racer {
	uint64_t rounds;
	uint64_t n_booked;
};

static void *race(void *arg)
{
	struct racer *r = arg;

	for (uint64_t round = 0; round < r->rounds; round++) {
		pthread_barrier_wait(&barrier);
		r->n_booked += book(0, 7, round % 3) >= 0;
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier); /* the counts are compared */
	}
	return NULL;
}

/* count_live - blocks that are counted for the program that runs. */
static uint64_t count_live(void)
{
	uint64_t n = 0;

	for (int i = 0; i < STACKS; i++)
		if (SWT_STACK_IS_FILLED(table[i].key) && !stack_is_over(&table[i]))
			n += table[i].n_allocs - table[i].n_frees;
	return n;
}

/* race_for_slots - all threads book a block of the same new stack at once, again and again, each round in the slots of the
 * program before. */
static void race_for_slots(uint64_t rounds)
{
	struct racer racer[RACERS] = { 0 };
	pthread_t thread[RACERS];

	pthread_barrier_init(&barrier, NULL, RACERS + 1);
	for (int i = 0; i < RACERS; i++) {
		racer[i].rounds = rounds;
		assert_int_equal(pthread_create(&thread[i], NULL, race, &racer[i]), 0);
	}
	for (uint64_t round = 0; round < rounds; round++) {
		end_program(0);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		assert_int_equal(count_live(), RACERS);
		pthread_barrier_wait(&barrier);
	}
	for (int i = 0; i < RACERS; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(racer[i].n_booked, rounds);
	}
	pthread_barrier_destroy(&barrier);
}

static void threads_that_meet_in_a_new_slot_lose_no_count(void **state)
{
	(void)state;
	race_for_slots(5000);
}

static void threads_that_are_interrupted_while_they_fill_a_slot_lose_no_count_either(void **state)
{
	(void)state;
	yields = 1;
	race_for_slots(5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_stack_has_one_slot_and_another_one_another, empty_table),
		cmocka_unit_test_setup(
			the_slots_of_a_program_that_has_ended_are_used_again_with_counts_of_their_own, empty_table),
		cmocka_unit_test_setup(a_slot_that_becomes_free_on_the_way_to_a_stack_does_not_divide_it, empty_table),
		cmocka_unit_test_setup(a_slot_whose_filling_is_interrupted_holds_nobody_up, empty_table),
		cmocka_unit_test_setup(threads_that_meet_in_a_new_slot_lose_no_count, empty_table),
		cmocka_unit_test_setup(
			threads_that_are_interrupted_while_they_fill_a_slot_lose_no_count_either, empty_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
