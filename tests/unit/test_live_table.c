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
	cfg.n_buckets = BUCKETS;
	cfg.hash_seed = 0x1234567;
	return 0;
}

static struct swt_block block(uint64_t addr, uint64_t size, int proc, int layer)
{
	struct swt_block b = { .addr = addr, .size_bytes = size, .proc = proc, .layer = layer };

	b.epoch = process[proc].epoch[layer];
	b.stack = (uint32_t)(addr >> 4) % SWT_MAX_STACKS;
	return b;
}

/* used - records that hold a block, or are being written. */
static int used(void)
{
	int n = 0;

	for (int i = 0; i < PLACES; i++)
		n += table[i / SWT_BUCKET_BLOCKS].key[i % SWT_BUCKET_BLOCKS] != SWT_BLOCK_FREE;
	return n;
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

static void filled_as_it_is_made_for_it_takes_every_block_and_finds_each_again(void **state)
{
	const int blocks = PLACES * SWT_FILL_PERCENT / 100;
	struct swt_block b;

	(void)state;
	assert_in_range(SWT_BUCKETS(blocks), BUCKETS - 1, BUCKETS);
	/* GIVEN addresses as an allocator gives them: 16 bytes apart */
	for (int i = 1; i <= blocks; i++)
		assert_int_equal(insert(0x7f0000000000 + 16 * (uint64_t)i, i), 0);
	assert_int_equal(lost.count[SWT_LOSS_BLOCKS_FULL], 0);
	for (int i = 1; i <= blocks; i++) {
		assert_int_equal(remove_block(0x7f0000000000 + 16 * (uint64_t)i, 0, SWT_LAYER_LIBC, &b), 0);
		assert_int_equal(b.size_bytes, i);
	}
	/* THEN nothing is left behind */
	assert_int_equal(used(), 0);
}

static void every_part_of_a_block_comes_out_as_it_went_in(void **state)
{
	/* GIVEN all that a record has room for, and as little */
	const struct swt_block most = { .addr = SWT_BITS48,
		.size_bytes = SWT_BITS48,
		.stack = SWT_MAX_STACKS - 1,
		.birth = SWT_BIRTH_MAX,
		.epoch = (1 << SWT_EPOCH_BITS) - 1,
		.proc = SWT_MAX_PROCS - 1,
		.layer = SWT_LAYER_MMAP_END,
		.zend_bin = 30 };
	const struct swt_block least = { .addr = 1 };
	struct swt_block b = most, replaced = { 0 };

	(void)state;
	assert_int_equal(live_insert(&b, &replaced), 0);
	b = least;
	assert_int_equal(live_insert(&b, &replaced), 0);
	assert_int_equal(replaced.addr, 0);
	/* WHEN they are looked for by address, process and layer alone */
	b = (struct swt_block){ .addr = most.addr, .proc = most.proc, .layer = most.layer };
	assert_int_equal(live_remove(&b), 0);
	assert_memory_equal(&b, &most, sizeof(b));
	b = (struct swt_block){ .addr = least.addr };
	assert_int_equal(live_remove(&b), 0);
	assert_memory_equal(&b, &least, sizeof(b));
}

static void what_has_more_bits_than_a_record_is_counted_and_disturbs_no_other(void **state)
{
	struct swt_block b, replaced = { 0 };

	(void)state;
	assert_int_equal(insert(0x1000, 10), 0);
	/* GIVEN an address whose bits would be those of process 1, and a size too large */
	assert_int_equal(insert(1ULL << 48 | 0x1000, 10), -1);
	assert_int_equal(insert(0x2000, 1ULL << 48), -1);
	assert_int_equal(lost.count[SWT_LOSS_BEYOND], 2);
	assert_int_equal(used(), 1);
	/* WHEN such an address is freed */
	b = block(0x1000, 10, 1, SWT_LAYER_LIBC);
	assert_int_equal(live_insert(&b, &replaced), 0);
	assert_int_equal(remove_block(1ULL << 48 | 0x1000, 0, SWT_LAYER_LIBC, &b), -1);
	/* THEN the block of process 1 is still there; and no address is that of a free or half-written record */
	assert_int_equal(used(), 2);
	table[0].key[0] = SWT_BLOCK_CLAIMED;
	assert_int_equal(remove_block(SWT_BLOCK_FREE, 0, SWT_LAYER_ZEND, &b), -1);
	assert_int_equal(remove_block(SWT_BLOCK_CLAIMED, 0, SWT_LAYER_ZEND, &b), -1);
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

static void a_block_does_not_come_back_to_life_when_its_epochs_number_does(void **state)
{
	struct swt_block b = block(0x1000, 10, 0, SWT_LAYER_ZEND), replaced = { 0 };

	(void)state;
	/* GIVEN a block, and so many epochs since that the bits that a record keeps of them are the same */
	b.birth = 100;
	assert_int_equal(live_insert(&b, &replaced), 0);
	process[0].began[SWT_LAYER_ZEND] = 101;
	process[0].epoch[SWT_LAYER_ZEND] += 1 << SWT_EPOCH_BITS;
	assert_true(SWT_EPOCH_IS(b.epoch, process[0].epoch[SWT_LAYER_ZEND]));
	/* THEN it is dead, and one of the same moment as the epoch's beginning is not */
	assert_int_equal(remove_block(0x1000, 0, SWT_LAYER_ZEND, &b), -1);
	b = block(0x1000, 10, 0, SWT_LAYER_ZEND);
	b.birth = 101;
	assert_int_equal(live_insert(&b, &replaced), 0);
	assert_int_equal(remove_block(0x1000, 0, SWT_LAYER_ZEND, &b), 0);
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
	cfg.n_buckets = 16;
	for (uintptr_t i = 0; i < RACERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, race, (void *)((i + 1) << 32)), 0);
	for (int i = 0; i < RACERS; i++) {
		pthread_join(thread[i], &wrong);
		assert_int_equal((uintptr_t)wrong, 0);
	}
	assert_int_equal(used(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_removed_block_is_handed_out_as_it_was_inserted, empty_table),
		cmocka_unit_test_setup(a_block_inserted_twice_replaces_the_first, empty_table),
		cmocka_unit_test_setup(filled_as_it_is_made_for_it_takes_every_block_and_finds_each_again, empty_table),
		cmocka_unit_test_setup(every_part_of_a_block_comes_out_as_it_went_in, empty_table),
		cmocka_unit_test_setup(what_has_more_bits_than_a_record_is_counted_and_disturbs_no_other, empty_table),
		cmocka_unit_test_setup(full_it_counts_every_block_that_it_refuses, empty_table),
		cmocka_unit_test_setup(blocks_of_an_ended_epoch_are_dead_and_make_room, empty_table),
		cmocka_unit_test_setup(a_block_does_not_come_back_to_life_when_its_epochs_number_does, empty_table),
		cmocka_unit_test_setup(threads_that_insert_and_remove_at_once_disturb_nobody, empty_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
