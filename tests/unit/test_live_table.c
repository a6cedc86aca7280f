/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_live_table.c - bpf/live.bpf.h compiled for the host: the live table must lose nothing, find everything, and
 * say so when it is full. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>

#include "bpf_host.h"

#pragma GCC diagnostic ignored "-Wunused-function"
#define cfg cfg_in_bpf /* const there; here it must be set */
#include "../../bpf/maps.bpf.h"
#undef cfg
static struct swt_config cfg;

/* Only what live.bpf.h needs of thread.bpf.h. */
static struct swt_proc *proc_at(__u32 slot);
#include "../../bpf/live.bpf.h"

#define BUCKETS 1024
#define PLACES	(BUCKETS * SWT_BUCKET_BLOCKS)

static struct swt_bucket table[BUCKETS];
static struct swt_proc process[4];
static struct swt_losses lost;

static struct swt_proc *proc_at(__u32 slot)
{
	return slot < 4 ? &process[slot] : NULL;
}

static void *host_map_lookup(const void *map, const void *key)
{
	uint32_t i = *(const uint32_t *)key;

	if (map == &live)
		return i < BUCKETS ? &table[i] : NULL;
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
	cfg.bucket_mask = BUCKETS - 1;
	cfg.hash_seed = 0x1234567;
	return 0;
}

static struct swt_block block(uint64_t addr, uint64_t size, int proc, int layer)
{
	struct swt_block b = { .addr = addr, .size_bytes = size, .proc = proc, .layer = layer };

	b.epoch = process[proc].epoch[layer];
	b.stack = (uint32_t)(addr >> 4);
	return b;
}

static int insert(uint64_t addr, uint64_t size)
{
	struct swt_block b = block(addr, size, 0, SWT_LAYER_LIBC), replaced = { 0 };

	return live_insert(&b, &replaced);
}

static int remove_block(uint64_t addr, int proc, int layer, struct swt_block *out)
{
	*out = block(addr, 0, proc, layer);
	return live_remove(out);
}

static void a_removed_block_is_handed_out_as_it_was_inserted(void **state)
{
	struct swt_block b, replaced = { 0 };

	(void)state;
	/* GIVEN two blocks at one address, in different processes and layers */
	b = block(0x1000, 10, 0, SWT_LAYER_LIBC);
	assert_int_equal(live_insert(&b, &replaced), 0);
	b = block(0x1000, 20, 1, SWT_LAYER_LIBC);
	assert_int_equal(live_insert(&b, &replaced), 0);
	b = block(0x1000, 30, 0, SWT_LAYER_MMAP);
	assert_int_equal(live_insert(&b, &replaced), 0);
	/* WHEN they are removed THEN each is the right one, once */
	assert_int_equal(remove_block(0x1000, 1, SWT_LAYER_LIBC, &b), 0);
	assert_int_equal(b.size_bytes, 20);
	assert_int_equal(b.stack, 0x100);
	assert_int_equal(remove_block(0x1000, 0, SWT_LAYER_MMAP, &b), 0);
	assert_int_equal(b.size_bytes, 30);
	assert_int_equal(remove_block(0x1000, 0, SWT_LAYER_LIBC, &b), 0);
	assert_int_equal(b.size_bytes, 10);
	assert_int_equal(remove_block(0x1000, 0, SWT_LAYER_LIBC, &b), -1);
}

static void a_block_inserted_twice_replaces_the_first(void **state)
{
	struct swt_block b = block(0x2000, 10, 0, SWT_LAYER_LIBC), replaced = { 0 };

	(void)state;
	assert_int_equal(live_insert(&b, &replaced), 0);
	assert_int_equal(replaced.addr, 0);
	b.size_bytes = 11;
	assert_int_equal(live_insert(&b, &replaced), 0);
	assert_int_equal(replaced.addr, 0x2000);
	assert_int_equal(replaced.size_bytes, 10);
	assert_int_equal(remove_block(0x2000, 0, SWT_LAYER_LIBC, &b), 0);
	assert_int_equal(b.size_bytes, 11);
	assert_int_equal(remove_block(0x2000, 0, SWT_LAYER_LIBC, &b), -1);
}

static void half_full_it_takes_every_block_and_finds_each_again(void **state)
{
	struct swt_block b;

	(void)state;
	/* GIVEN addresses as an allocator gives them: 16 bytes apart */
	for (int i = 1; i <= PLACES / 2; i++)
		assert_int_equal(insert(0x7f0000000000 + 16 * (uint64_t)i, i), 0);
	assert_int_equal(lost.count[SWT_LOSS_BLOCKS_FULL], 0);
	for (int i = 1; i <= PLACES / 2; i++) {
		assert_int_equal(remove_block(0x7f0000000000 + 16 * (uint64_t)i, 0, SWT_LAYER_LIBC, &b), 0);
		assert_int_equal(b.size_bytes, i);
	}
	/* THEN nothing is left behind */
	for (int i = 0; i < BUCKETS; i++)
		assert_int_equal(bucket_free(&table[i]), SWT_BUCKET_BLOCKS);
}

static void full_it_counts_every_block_that_it_refuses(void **state)
{
	int taken = 0, refused = 0;

	(void)state;
	for (int i = 1; i <= 2 * PLACES; i++) {
		if (insert(16 * (uint64_t)i, 1))
			refused++;
		else
			taken++;
	}
	assert_true(taken > PLACES * 9 / 10);
	assert_int_equal(taken + refused, 2 * PLACES);
	assert_int_equal(lost.count[SWT_LOSS_BLOCKS_FULL], refused);
}

static void blocks_of_an_ended_epoch_are_dead_and_make_room(void **state)
{
	struct swt_block b;

	(void)state;
	/* GIVEN a full table */
	for (int i = 1; i <= 4 * PLACES; i++)
		insert(16 * (uint64_t)i, 1);
	lost.count[SWT_LOSS_BLOCKS_FULL] = 0;
	/* WHEN the process executes a new program */
	process[0].epoch[SWT_LAYER_LIBC]++;
	/* THEN the old blocks are gone, and new ones find room */
	assert_int_equal(remove_block(16, 0, SWT_LAYER_LIBC, &b), -1);
	for (int i = 1; i <= PLACES / 2; i++)
		assert_int_equal(insert(0x7f0000000000 + 16 * (uint64_t)i, i), 0);
	assert_int_equal(lost.count[SWT_LOSS_BLOCKS_FULL], 0);
}

#define RACERS	   4
#define RACE_TURNS 200000

static void *race(void *arg)
{
	uint64_t base = (uintptr_t)arg, wrong = 0;
	struct swt_block b;

	for (int i = 0; i < RACE_TURNS; i++) {
		uint64_t addr = base + 16 * (uint64_t)(i % 500 + 1);

		wrong += insert(addr, addr) != 0;
		wrong += remove_block(addr, 0, SWT_LAYER_LIBC, &b) != 0 || b.size_bytes != addr;
	}
	return (void *)(uintptr_t)wrong;
}

static void threads_that_insert_and_remove_at_once_disturb_nobody(void **state)
{
	pthread_t thread[RACERS];
	void *wrong;

	(void)state;
	/* GIVEN few buckets, so that threads meet in them */
	cfg.bucket_mask = 15;
	for (uintptr_t i = 0; i < RACERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, race, (void *)((i + 1) << 32)), 0);
	for (int i = 0; i < RACERS; i++) {
		pthread_join(thread[i], &wrong);
		assert_int_equal((uintptr_t)wrong, 0);
	}
	for (int i = 0; i < BUCKETS; i++)
		assert_int_equal(bucket_free(&table[i]), SWT_BUCKET_BLOCKS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_removed_block_is_handed_out_as_it_was_inserted, empty_table),
		cmocka_unit_test_setup(a_block_inserted_twice_replaces_the_first, empty_table),
		cmocka_unit_test_setup(half_full_it_takes_every_block_and_finds_each_again, empty_table),
		cmocka_unit_test_setup(full_it_counts_every_block_that_it_refuses, empty_table),
		cmocka_unit_test_setup(blocks_of_an_ended_epoch_are_dead_and_make_room, empty_table),
		cmocka_unit_test_setup(threads_that_insert_and_remove_at_once_disturb_nobody, empty_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
