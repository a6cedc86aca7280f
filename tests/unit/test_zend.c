// SPDX-License-Identifier: GPL-2.0-or-later
/* test_zend.c - what a block of the Zend heap takes (bpf/zend.bpf.h compiled for the host), how the heap is found, and what the
 * proof of the books says. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "bpf_host.h"
#include "model/model.h"
#include "target/internal.h"

/* Only what these headers need of maps.bpf.h and thread.bpf.h: a process whose heap pointer and heap are here. */
static struct swt_config cfg = { .may_skip = 1 };
static struct swt_php php;
static struct swt_proc process;
static int php_procs;
struct thread_state {
	uint32_t proc;
	struct {
		uint64_t size_bytes;
		uint64_t foretold;
	} call;
	uint64_t frame[SWT_MAX_FRAMES];
};
static struct swt_proc *proc_at(__u32 slot);
static __u64 freed_doubt_tick;
static __u64 tick_now(void)
{
	return 5;
}
static __u32 birth_now(void)
{
	return 7;
}
static long bpf_probe_read_user(void *to, uint32_t len, const void *from);
#include "../../bpf/zend.bpf.h"
#include "../../bpf/foretell.bpf.h"

static uint64_t heap[ZEND_HEAP_WORDS]; /* the first word: use_custom_heap */
static uint64_t *heap_pointer = heap;
static struct zend_trust trust;

static struct swt_proc *proc_at(__u32 slot)
{
	return slot ? NULL : &process;
}

static void *host_map_lookup(const void *map, const void *key)
{
	(void)key;
	return map == &php_procs ? (void *)&php : map == &zend_trusts ? &trust : NULL;
}

static long bpf_probe_read_user(void *to, uint32_t len, const void *from)
{
	memcpy(to, from, len);
	return 0;
}

static const unsigned bins[] = { 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448,
	512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048, 2560, 3072 };

static void every_small_size_is_in_the_smallest_bin_that_holds_it(void **state)
{
	unsigned bin = 0;

	(void)state;
	for (unsigned size = 1; size <= 3072; size++) {
		bin += size > bins[bin];
		assert_int_equal(zend_bin_of(size, 8), bin + 1);
		assert_int_equal(zend_bin_bytes(bin + 1), bins[bin]);
	}
	assert_int_equal(zend_bin_of(0, 8), 1);
	assert_int_equal(zend_bin_of(0, 16), 2);
	assert_int_equal(zend_bin_of(8, 16), 2);
	assert_int_equal(zend_bin_of(17, 16), 3);
	assert_int_equal(zend_bin_of(3073, 8), 0);
}

static uint64_t takes(uint64_t size)
{
	struct swt_block b = { .size_bytes = size, .zend_bin = zend_bin_of(size, 8) };

	return zend_bytes(&b);
}

static void larger_blocks_take_pages_and_huge_ones_an_entry(void **state)
{
	(void)state;
	assert_int_equal(takes(3072), 3072);
	assert_int_equal(takes(3073), 4096);
	assert_int_equal(takes(4097), 8192);
	assert_int_equal(takes((2 << 20) - 4096), (2 << 20) - 4096);
	assert_int_equal(takes((2 << 20) - 4095), (2 << 20) + 24);
}

static void a_block_that_realloc_left_where_it_was_is_in_its_old_bin(void **state)
{
	struct swt_block old = { .addr = 0x1000, .size_bytes = 64, .zend_bin = 8 },
			 b = { .addr = 0x1000, .size_bytes = 56 };

	(void)state;
	zend_place(&b, &old, 8);
	assert_int_equal(zend_bytes(&b), 64);
	/* moved, it is in another */
	b.addr = 0x2000;
	zend_place(&b, &old, 8);
	assert_int_equal(zend_bytes(&b), 56);
	/* what was large is cut to pages */
	old = (struct swt_block){ .addr = 0x2000, .size_bytes = 9000 };
	b.size_bytes = 5000;
	zend_place(&b, &old, 8);
	assert_int_equal(zend_bytes(&b), 8192);
}

static int drop(uint32_t custom)
{
	process = (struct swt_proc){ .zend = { .traced_bytes = 5, .before_bytes = 6 } };
	process.layer[SWT_LAYER_ZEND].n_allocs = 7;
	php.heap_at = (uint64_t)(uintptr_t)&heap_pointer;
	heap[0] = custom;
	zend_drop(0);
	return process.epoch[SWT_LAYER_ZEND];
}

static void a_heap_that_passes_everything_on_to_malloc_is_not_dropped(void **state)
{
	(void)state;
	assert_int_equal(drop(1), 0);
	assert_int_equal(process.zend.traced_bytes, 5);
	assert_int_equal(process.layer[SWT_LAYER_ZEND].n_frees, 0);
	assert_int_equal(drop(0), 1);
	assert_int_equal(process.zend.traced_bytes + process.zend.before_bytes, 0);
	assert_int_equal(process.zend.n_drops, 1);
	assert_int_equal(process.layer[SWT_LAYER_ZEND].n_frees, 7);
	assert_int_equal(process.epoch[SWT_LAYER_LIBC], 0);
}

#define FREE_SLOTS 32
#define OF_64	   (FREE_SLOTS / 8 + 7) /* in the heap: the list of its eighth bin */

/* A thread that is about to allocate 60 bytes. */
static struct thread_state set_up(void)
{
	memset(&trust, 0, sizeof(trust));
	memset(heap, 0, sizeof(heap));
	process = (struct swt_proc){ .zend_least_bytes = 8 };
	php = (struct swt_php){ .heap = (uint64_t)(uintptr_t)heap, .free_slots = FREE_SLOTS };
	return (struct thread_state){ .proc = 1, .call = { .size_bytes = 60 } };
}

static void the_first_block_of_the_bins_list_is_foretold(void **state)
{
	struct thread_state t = set_up();
	bool is_sure;

	(void)state;
	assert_int_equal(foretell(&t, &is_sure), 0); /* the list is empty */
	heap[OF_64] = 0x7000;
	assert_int_equal(foretell(&t, &is_sure), 0x7000);
	heap[0] = 1;
	assert_int_equal(foretell(&t, &is_sure), 0); /* the heap is malloc */
	heap[0] = 0;
	t.call.size_bytes = 4000;
	assert_int_equal(foretell(&t, &is_sure), 0); /* no bin */
	t.call.size_bytes = 60;
	cfg.may_skip = 0;
	assert_int_equal(foretell(&t, &is_sure), 0); /* a kernel that cannot spare the return */
	cfg.may_skip = 1;
}

static void a_heap_that_passes_calls_on_is_noted_until_all_blocks_are_dropped(void **state)
{
	struct thread_state t = set_up();
	bool is_sure;

	(void)state;
	foretell(&t, &is_sure);
	assert_int_equal(process.zend.is_custom, 0);
	heap[0] = 1;
	foretell(&t, &is_sure);
	assert_int_equal(process.zend.is_custom, 1);
	assert_false(is_sure);
	php.heap_at = (uint64_t)(uintptr_t)&heap_pointer;
	zend_drop(0);
	assert_int_equal(process.zend.is_custom, 1);
	heap[0] = 0;
	zend_drop(0);
	assert_int_equal(process.zend.is_custom, 0);
}

static void it_is_believed_after_a_thousand_times_and_checked_ever_after(void **state)
{
	struct thread_state t = set_up();
	unsigned n_sure = 0, n = 0;
	bool is_sure;

	(void)state;
	for (; n < 1000; n++) {
		heap[OF_64] = 0x7000 + 64 * n;
		t.call.foretold = foretell(&t, &is_sure);
		assert_false(is_sure);
		foretell_check(&t, 0x7000 + 64 * n);
	}
	for (n = 0; n < 100000; n++) {
		heap[OF_64] = 0x7f0000000000 + 64 * n;
		foretell(&t, &is_sure);
		n_sure += is_sure;
	}
	assert_in_range(n_sure, 99800, 99950);
	/* other bins have to earn it themselves */
	t.call.size_bytes = 30;
	heap[FREE_SLOTS / 8 + 3] = 0x9000;
	assert_int_equal(foretell(&t, &is_sure), 0x9000);
	assert_false(is_sure);
}

static void one_that_differs_ends_it_for_the_bin(void **state)
{
	struct thread_state t = set_up();
	bool is_sure;

	(void)state;
	trust.n_right[8] = 1000;
	heap[OF_64] = 0x7000;
	t.call.foretold = foretell(&t, &is_sure);
	assert_int_equal(t.call.foretold, 0x7000);
	foretell_check(&t, 0x8000);
	assert_int_equal(foretell(&t, &is_sure), 0);
	foretell_check(&t, 0x7000);
	assert_int_equal(foretell(&t, &is_sure), 0);
}

static void the_heaps_place_is_read_from_the_code_that_loads_it(void **state)
{
	static const uint8_t plain[] = { 0x48, 0x8b, 0x05, 0x10, 0x00, 0x00, 0x00, 0xc3 };
	static const uint8_t with_endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x8b, 0x05, 0xf0, 0xff, 0xff, 0xff, 0xc3 };
	static const uint8_t threaded[] = { 0x64, 0x48, 0x8b, 0x04, 0x25, 0xf8, 0xff, 0xff, 0xff, 0xc3 };
	int64_t offset;

	(void)state;
	assert_int_equal(zend_decode(plain, sizeof(plain), &offset), 0);
	assert_int_equal(offset, 7 + 16);
	assert_int_equal(zend_decode(with_endbr, sizeof(with_endbr), &offset), 0);
	assert_int_equal(offset, 11 - 16);
	assert_int_equal(zend_decode(threaded, sizeof(threaded), &offset), -ENOSYS);
	assert_int_equal(zend_decode(plain, sizeof(plain) - 1, &offset), -ENOSYS);
}

static void the_difference_is_what_neither_the_books_nor_the_past_explain(void **state)
{
	struct model_zend_heap h = { .size_bytes = 1000, .traced_bytes = 600, .before_bytes = 400 };

	(void)state;
	assert_int_equal(model_zend_before(&h), 400);
	assert_int_equal(model_zend_difference(&h), 0);
	h.size_bytes = 900; /* some of what was there before is freed */
	assert_int_equal(model_zend_before(&h), 300);
	assert_int_equal(model_zend_difference(&h), 0);
	h.size_bytes = 1100; /* a block was missed */
	assert_int_equal(model_zend_difference(&h), 100);
	h.size_bytes = 500; /* a free was missed */
	assert_int_equal(model_zend_before(&h), 0);
	assert_int_equal(model_zend_difference(&h), -100);
}

static void the_smallest_block_depends_on_the_version(void **state)
{
	(void)state;
	assert_int_equal(target_zend_least_bytes("7.4.33"), 8);
	assert_int_equal(target_zend_least_bytes("8.3.30"), 8);
	assert_int_equal(target_zend_least_bytes("8.4.1"), 16);
	assert_int_equal(target_zend_least_bytes("8.10.0"), 16);
	assert_int_equal(target_zend_least_bytes(""), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_small_size_is_in_the_smallest_bin_that_holds_it),
		cmocka_unit_test(larger_blocks_take_pages_and_huge_ones_an_entry),
		cmocka_unit_test(a_block_that_realloc_left_where_it_was_is_in_its_old_bin),
		cmocka_unit_test(a_heap_that_passes_everything_on_to_malloc_is_not_dropped),
		cmocka_unit_test(the_first_block_of_the_bins_list_is_foretold),
		cmocka_unit_test(a_heap_that_passes_calls_on_is_noted_until_all_blocks_are_dropped),
		cmocka_unit_test(it_is_believed_after_a_thousand_times_and_checked_ever_after),
		cmocka_unit_test(one_that_differs_ends_it_for_the_bin),
		cmocka_unit_test(the_heaps_place_is_read_from_the_code_that_loads_it),
		cmocka_unit_test(the_difference_is_what_neither_the_books_nor_the_past_explain),
		cmocka_unit_test(the_smallest_block_depends_on_the_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
