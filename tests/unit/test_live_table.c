/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_live_table.c - bpf/live.bpf.h compiled for the host: the live table must lose nothing, find everything, and
 * say so when it is full. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
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
	pressed = 0;
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
		.zend_bin = 30,
		.sample_shift = 31,
		.sample_up = 1 };
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

/* ---- a table that is too small ---- */

#define STACKS	   4
#define RUNS	   1000
#define RUN_BLOCKS 4096 /* of which the table holds half */
#define RUN_TABLE  128	/* buckets */

/* Of one stack's blocks: what they are, what the table says of them, and the variance that its estimate must have. */
struct sums {
	double truth[2]; /* bytes, blocks */
	double estimate[2];
	double variance[2];
};

/* A block that lives. */
struct real {
	struct swt_block b;
	double variance[2];
};

static uint64_t test_seed;

static uint32_t next(uint32_t below)
{
	test_seed ^= test_seed << 13;
	test_seed ^= test_seed >> 7;
	test_seed ^= test_seed << 17;
	return (test_seed >> 32) * below >> 32;
}

/* any_stack - those of large blocks have fewer of them. */
static int any_stack(void)
{
	static const int stack[16] = { 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 3 };

	return stack[next(16)];
}

/* any_size - five orders of magnitude; each stack has its own share of them. */
static uint64_t any_size(int stack)
{
	static const int least[STACKS] = { 4, 6, 8, 10 }, span[STACKS] = { 4, 6, 8, 10 };

	return (1U << (least[stack] + next(span[stack]))) + next(16);
}

/* real_begin - what the block that comes now adds to the variance: it counts R with the probability size / R. */
static void real_begin(struct real *r, const struct swt_block *b)
{
	struct bucket_pair pair;
	double size = (double)b->size_bytes, all, rest;

	*r = (struct real){ .b = *b };
	live_buckets(live_key(b), &pair);
	all = ldexp(1, (int)sample_level(buckets_count(&pair)));
	if (size >= all)
		return;
	rest = all / size - floor(all / size);
	r->variance[0] = size * (all - size);
	r->variance[1] = size / all * (all * all / size / size + rest * (1 - rest)) - 1;
}

static void sums_add(struct sums *s, const struct real *r, int sign)
{
	s->truth[0] += sign * (double)r->b.size_bytes;
	s->truth[1] += sign;
	s->variance[0] += sign * r->variance[0];
	s->variance[1] += sign * r->variance[1];
}

static void press_begin(struct real *r, struct sums *sums)
{
	struct swt_block b = r->b, replaced = { 0 };
	int sampled;

	real_begin(r, &b);
	sampled = live_sample(&b);
	if (sampled > 0)
		assert_int_equal(live_insert(&b, &replaced), 0);
	if (sampled < 0)
		r->b.addr = 0; /* no place: counted as lost, and in no sum */
	else
		sums_add(&sums[r->b.stack], r, 1);
}

/* press_once - more blocks than the table has room for, which come and go. */
static void press_once(struct sums *sums)
{
	static struct real real[RUN_BLOCKS];
	struct swt_block b;

	memset(table, 0, sizeof(table));
	memset(real, 0, sizeof(real));
	for (uint32_t i = 0; i < 4 * RUN_BLOCKS; i++) {
		uint32_t at = i < RUN_BLOCKS ? i : next(RUN_BLOCKS), stack = any_stack();

		if (real[at].b.addr) {
			sums_add(&sums[real[at].b.stack], &real[at], -1);
			b = real[at].b;
			live_remove(&b);
		}
		real[at].b = block(0x7f0000000000 + 0x100000ULL * at, any_size(stack), 0, SWT_LAYER_LIBC);
		real[at].b.stack = stack;
		press_begin(&real[at], sums);
	}
	for (int i = 0; i < PLACES; i++) {
		const struct swt_bucket *bucket = &table[i / SWT_BUCKET_BLOCKS];
		int k = i % SWT_BUCKET_BLOCKS;

		if (!SWT_KEY_USED(bucket->key[k]))
			continue;
		swt_block_unpack(bucket->key[k], &bucket->payload[k], &b);
		sums[b.stack].estimate[0] += (double)swt_block_bytes(&b);
		sums[b.stack].estimate[1] += (double)swt_block_blocks(&b);
	}
}

/* farthest - how far the farthest of the estimates is from the truth, in standard errors.
 * @wrong  by which all estimates are multiplied; 1 = not at all
 * @share  out: the largest standard error, as a share of the truth */
static double farthest(const struct sums *sums, double wrong, double *share)
{
	double worst = 0, error;

	*share = 0;
	for (int s = 0; s < STACKS; s++) {
		for (int i = 0; i < 2; i++) {
			error = sqrt(sums[s].variance[i]);
			worst = fmax(worst, fabs(wrong * sums[s].estimate[i] - sums[s].truth[i]) / error);
			*share = fmax(*share, error / sums[s].truth[i]);
		}
	}
	return worst;
}

#define ERRORS 4 /* one of eight estimates is farther off in one of 2,000 tests; the seeds are fixed */

static void what_a_full_table_says_is_right_on_average_and_a_wrong_weight_would_be_found(void **state)
{
	struct sums sums[STACKS] = { 0 };
	double share;

	(void)state;
	cfg.n_buckets = RUN_TABLE;
	pressed = 1;
	test_seed = 20261125;
	host_seed = 20261125;
	for (int run = 0; run < RUNS; run++)
		press_once(sums);
	assert_true(farthest(sums, 1, &share) < ERRORS);
	/* Hardly any was lost, and an estimate that is wrong by 7 % would be found whatever the stack. */
	assert_in_range(lost.count[SWT_LOSS_BLOCKS_FULL], 0, RUNS * 4 * RUN_BLOCKS / 50000);
	assert_true(share * (ERRORS + 2) < 0.07);
	/* One that is wrong with all stacks is found sooner. */
	assert_true(farthest(sums, 1.02, &share) > ERRORS);
	assert_true(farthest(sums, 0.98, &share) > ERRORS);
}

static void with_room_every_block_is_taken_for_itself_while_the_table_is_pressed(void **state)
{
	struct swt_block b;

	(void)state;
	pressed = 1;
	for (int i = 1; i <= PLACES / 2; i++) {
		b = block(16 * (uint64_t)i, 1, 0, SWT_LAYER_LIBC);
		assert_int_equal(live_sample(&b), 1);
		assert_int_equal(b.sample_shift, 0);
		assert_int_equal(insert(16 * (uint64_t)i, 1), 0);
	}
}

static void sampling_begins_before_a_block_finds_no_place(void **state)
{
	int n = 0;

	(void)state;
	while (!pressed && n < PLACES)
		assert_int_equal(insert(16 * (uint64_t)++n, 1), 0);
	assert_in_range(n, PLACES * 82 / 100, PLACES * 92 / 100);
}

static void a_table_as_full_as_it_is_made_for_records_every_block(void **state)
{
	const int blocks = PLACES * SWT_FILL_PERCENT / 100;
	struct swt_block b;

	(void)state;
	test_seed = 7;
	for (int i = 0; i < blocks; i++)
		assert_int_equal(insert(0x100000 + 16 * (uint64_t)i, 1), 0);
	for (int i = 0; i < 4 * PLACES; i++) {
		uint64_t addr = 0x100000 + 16 * (uint64_t)next(blocks);

		assert_int_equal(remove_block(addr, 0, SWT_LAYER_LIBC, &b), 0);
		assert_int_equal(insert(addr, 1), 0);
	}
	assert_int_equal(pressed, 0);
}

static void dead_blocks_make_room_before_anything_is_left_out(void **state)
{
	struct swt_block b;

	(void)state;
	for (int i = 1; i <= 4 * PLACES; i++)
		insert(16 * (uint64_t)i, 1);
	assert_int_equal(pressed, 1);
	process[0].began[SWT_LAYER_LIBC] = 1;
	process[0].epoch[SWT_LAYER_LIBC]++;
	for (int i = 1; i <= PLACES / 2; i++) {
		b = block(0x7f0000000000 + 16 * (uint64_t)i, 1, 0, SWT_LAYER_LIBC);
		assert_int_equal(live_sample(&b), 1);
		assert_int_equal(b.sample_shift, 0);
	}
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
		cmocka_unit_test_setup(
			what_a_full_table_says_is_right_on_average_and_a_wrong_weight_would_be_found, empty_table),
		cmocka_unit_test_setup(
			with_room_every_block_is_taken_for_itself_while_the_table_is_pressed, empty_table),
		cmocka_unit_test_setup(sampling_begins_before_a_block_finds_no_place, empty_table),
		cmocka_unit_test_setup(a_table_as_full_as_it_is_made_for_records_every_block, empty_table),
		cmocka_unit_test_setup(dead_blocks_make_room_before_anything_is_left_out, empty_table),
		cmocka_unit_test_setup(threads_that_insert_and_remove_at_once_disturb_nobody, empty_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
