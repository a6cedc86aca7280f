// SPDX-License-Identifier: GPL-2.0-or-later
/* unit/test_freed.c - bpf/freed.bpf.h compiled for the host, and collect/freed.c: what is remembered of freed blocks, when a block
 * counts as freed twice, and what is found at an address. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "bpf_host.h"
#include "collect/internal.h"
#include "crash/crash.h"

#pragma GCC diagnostic ignored "-Wunused-function"
#define cfg cfg_in_bpf /* const there; here it must be set */
#include "../../bpf/maps.bpf.h"
#undef cfg
static struct swt_config cfg;

/* Only what these headers need of the others. */
struct thread_state {
	uint32_t proc;
	uint32_t tid;
	struct {
		uint64_t sp, cookie, size_bytes;
		struct swt_block old;
	} call;
	int at;
	struct {
		int is_entry;
	} walk;
	struct swt_block block;
	uint32_t n_calls;
	struct swt_call last_call[SWT_LAST_CALLS];
};
#define STACK_NONE (-1L)
static struct swt_proc *proc_at(__u32 slot);
static void walk_begin(struct thread_state *t, const int *at, bool is_exact)
{
	(void)t, (void)at, (void)is_exact;
}
static long stack_slot(struct thread_state *t, __u32 layer)
{
	(void)t, (void)layer;
	return 3;
}
static void event_fill(struct swt_event *e, __u32 type, __u32 size_bytes, const struct thread_state *t)
{
	(void)t;
	e->type = type;
	e->size_bytes = size_bytes;
}
static struct swt_event_freed sent;
static struct swt_event_stray stray;
static int n_sent;
static void *bpf_ringbuf_reserve(const void *map, uint64_t size, uint64_t flags)
{
	(void)map, (void)flags;
	if (size == sizeof(stray))
		return &stray;
	assert_int_equal(size, sizeof(sent));
	return &sent;
}
static void bpf_ringbuf_submit(const void *e, uint64_t flags)
{
	(void)e, (void)flags;
	n_sent++;
}
static long bpf_probe_read_kernel(void *to, uint32_t len, const void *from)
{
	memcpy(to, from, len);
	return 0;
}
#include "../../bpf/live.bpf.h"
#include "../../bpf/freed.bpf.h"

#define SLOTS	1024
#define BUCKETS 64
#define TICK_NS 4000000ULL

static struct swt_freed history[SLOTS];
static struct swt_bucket table[BUCKETS];
static struct swt_stack stack[8];
static struct swt_proc process[4];
static struct swt_losses lost;
static struct thread_state thread;

static struct swt_proc *proc_at(__u32 slot)
{
	return slot < 4 ? &process[slot] : NULL;
}

static void *host_map_lookup(const void *map, const void *key)
{
	uint32_t i = *(const uint32_t *)key;

	if (map == &freed)
		return i < SLOTS ? &history[i] : NULL;
	if (map == &live)
		return i < BUCKETS ? &table[i] : NULL;
	if (map == &stacks)
		return i < 8 ? &stack[i] : NULL;
	return map == &losses ? &lost : NULL;
}

static int begin(void **state)
{
	(void)state;
	memset(history, 0, sizeof(history));
	memset(table, 0, sizeof(table));
	memset(stack, 0, sizeof(stack));
	memset(process, 0, sizeof(process));
	memset(&thread, 0, sizeof(thread));
	cfg = (struct swt_config){ .freed_shift = 64 - 10, .n_buckets = BUCKETS };
	stack[1] = (struct swt_stack){ .key = 0x10, .n_frames = 1, .frame = { 0x111 } };
	stack[2] = (struct swt_stack){ .key = 0x20, .n_frames = 1, .frame = { 0x222 } };
	freed_doubt_tick = stray_doubt_tick = freed_lookups = freed_found = 0;
	stray_doubts = 0;
	host_ticks = 100;
	start_tick = n_sent = 0;
	return 0;
}

static struct swt_block block(uint64_t addr, uint64_t size, int layer)
{
	return (struct swt_block){ .addr = addr,
		.size_bytes = size,
		.layer = layer,
		.proc = 2,
		.stack = 1,
		.birth = 1,
		.epoch = process[2].epoch[layer] };
}

static void drop(uint64_t addr, uint64_t size, int layer)
{
	struct swt_block b = block(addr, size, layer);

	freed_note(&b, 77, 2);
}

/* is_again - would a second free be told? */
static int is_again(uint64_t addr, int layer)
{
	thread.block = block(addr, 0, layer);
	return freed_before(&thread);
}

static struct model_near near_at(uint64_t addr)
{
	static struct collect c;
	struct model_near n;

	process[2].flags = SWT_PROC_USED;
	process[2].tgid = 5;
	c.tables = (struct attach_tables){ .proc = process,
		.n_procs = 4,
		.bucket = table,
		.n_buckets = BUCKETS,
		.stack = stack,
		.n_stacks = 8,
		.freed = history,
		.n_freed = SLOTS,
		.freed_shift = cfg.freed_shift,
		.birth_unit_ns = 64000000,
		.tick_ns = TICK_NS };
	collect_near(&c, 5, 300 * TICK_NS, &addr, &n, 1);
	return n;
}

static void a_second_free_is_one_of_the_same_process_layer_and_address(void **state)
{
	(void)state;
	drop(0x1000, 56, SWT_LAYER_LIBC);
	assert_true(is_again(0x1000, SWT_LAYER_LIBC));
	assert_false(is_again(0x1008, SWT_LAYER_LIBC));
	assert_false(is_again(0x1000, SWT_LAYER_ZEND));
	thread.block = block(0x1000, 0, SWT_LAYER_LIBC);
	thread.block.proc = 3;
	assert_false(freed_before(&thread));
	assert_int_equal(freed_lookups, 4);
	assert_int_equal(freed_found, 1);
}

static void mappings_may_be_unmapped_twice(void **state)
{
	(void)state;
	drop(0x1000, 4096, SWT_LAYER_MMAP);
	assert_false(is_again(0x1000, SWT_LAYER_MMAP));
}

static void nothing_is_told_of_a_block_that_may_live_unseen(void **state)
{
	struct swt_block b, replaced;

	(void)state;
	/* WHEN its birth was not recorded, at a known address */
	drop(0x1000, 56, SWT_LAYER_LIBC);
	freed_forget(0x1000, 2, SWT_LAYER_LIBC);
	assert_false(is_again(0x1000, SWT_LAYER_LIBC));
	/* WHEN one was not seen, at an address that nobody knows, since it was freed; later frees are believed again */
	drop(0x1000, 56, SWT_LAYER_LIBC);
	host_ticks++;
	loss_add(SWT_LOSS_RETURN_MISSED);
	assert_false(is_again(0x1000, SWT_LAYER_LIBC));
	host_ticks++;
	drop(0x2000, 56, SWT_LAYER_LIBC);
	assert_true(is_again(0x2000, SWT_LAYER_LIBC));
	/* WHEN it lives in the other heap */
	b = block(0x2000, 56, SWT_LAYER_ZEND);
	assert_int_equal(live_insert(&b, &replaced), 0);
	assert_false(is_again(0x2000, SWT_LAYER_LIBC));
}

static void what_was_freed_before_the_heap_was_dropped_is_over(void **state)
{
	(void)state;
	drop(0x1000, 56, SWT_LAYER_ZEND);
	process[2].epoch[SWT_LAYER_ZEND]++;
	assert_false(is_again(0x1000, SWT_LAYER_ZEND));
	assert_int_equal(near_at(0x1000).kind, MODEL_NEAR_NONE);
	/* Also when as many epochs have passed as the record tells apart. */
	process[2].epoch[SWT_LAYER_ZEND] += 0xffff;
	process[2].began[SWT_LAYER_ZEND] = 2;
	assert_false(is_again(0x1000, SWT_LAYER_ZEND));
}

static void blocks_freed_twice_at_a_stack_are_told_once_and_counted(void **state)
{
	(void)state;
	drop(0x1000, 56, SWT_LAYER_LIBC);
	thread.block = block(0x1000, 0, SWT_LAYER_LIBC);
	for (int i = 0; i < 5; i++)
		freed_again(&thread, 3, SWT_OP_REALLOC);
	assert_int_equal(n_sent, 1);
	assert_int_equal(stack[3].n_frees, 5);
	assert_int_equal(sent.first.block.addr, 0x1000);
	assert_int_equal(sent.first.block.size_bytes, 56);
	assert_int_equal(sent.first.tid, 77);
	assert_int_equal(sent.first.tick, 100);
	assert_int_equal(sent.first.stack, 2);
	assert_int_equal(sent.op, SWT_OP_REALLOC);
}

#define BIRTH_TICKS 16

/* tables_open - what user space has of them. */
static void tables_open(struct collect *c)
{
	memset(c, 0, sizeof(*c));
	process[2].flags = SWT_PROC_USED;
	process[2].tgid = 5;
	c->tables = (struct attach_tables){ .proc = process,
		.n_procs = 4,
		.bucket = table,
		.n_buckets = BUCKETS,
		.stack = stack,
		.n_stacks = 8,
		.freed = history,
		.n_freed = SLOTS,
		.freed_shift = cfg.freed_shift,
		.birth_unit_ns = BIRTH_TICKS * TICK_NS,
		.tick_ns = TICK_NS,
		.losses = &lost,
		.freed_doubt_tick = (const uint64_t *)&freed_doubt_tick,
		.stray_doubt_tick = (const uint64_t *)&stray_doubt_tick,
		.stray_doubts = &stray_doubts };
}

static void be_born(uint64_t addr, uint64_t size, int layer, uint32_t birth)
{
	struct swt_block b = block(addr, size, layer), replaced;

	b.birth = birth;
	assert_int_equal(live_insert(&b, &replaced), 0);
}

/* stray_at - what is said of a free of an address, which is 16 bytes into the block that it is found in: 0 nothing, 1 that it is in a
 * block, 2 in none. */
static int stray_at(struct collect *c, uint64_t addr, int layer)
{
	struct model_event e = { .pid = 5, .time_ns = host_ticks * TICK_NS };
	struct model_stray s;
	struct model_near n;

	thread.block = block(addr, 0, layer);
	assert_int_equal(stray_tell(&thread, 3, SWT_OP_FREE), 0);
	stray.e.proc = 2;
	stray_event_fill(c, &e, &s, &stray);
	assert_int_equal(s.addr, addr);
	c->stray_pace = (struct pace){ 0 };
	if (!collect_stray(c, &e, &n))
		return 0;
	assert_int_equal(n.kind == MODEL_NEAR_NONE ? 16 : n.offset, 16);
	return n.kind == MODEL_NEAR_NONE ? 2 : 1;
}

static void a_free_inside_a_block_is_one_of_a_block_that_lived_then(void **state)
{
	struct collect c;

	(void)state;
	tables_open(&c);
	host_ticks = 100; /* births of 6 */
	be_born(0x1000, 64, SWT_LAYER_LIBC, 5);
	assert_int_equal(stray_at(&c, 0x1010, SWT_LAYER_LIBC), 1);
	/* Not of the other heap, of another process, at its beginning, behind its end. */
	assert_int_equal(stray_at(&c, 0x1010, SWT_LAYER_ZEND), 0);
	assert_int_equal(stray_at(&c, 0x1000, SWT_LAYER_LIBC), 0);
	assert_int_equal(stray_at(&c, 0x1040, SWT_LAYER_LIBC), 0);
	process[2].tgid = 6;
	assert_int_equal(stray_at(&c, 0x1010, SWT_LAYER_LIBC), 0);
	process[2].tgid = 5;
	/* WHEN it may have been born after the free, in memory that the free has given back */
	be_born(0x2000, 64, SWT_LAYER_LIBC, 6);
	assert_int_equal(stray_at(&c, 0x2010, SWT_LAYER_LIBC), 0);
	host_ticks = 112;
	assert_int_equal(stray_at(&c, 0x2010, SWT_LAYER_LIBC), 1);
	/* WHEN it was freed after that free, and when before it */
	drop(0x3000, 64, SWT_LAYER_LIBC);
	assert_int_equal(stray_at(&c, 0x3010, SWT_LAYER_LIBC), 0);
	host_ticks = 113;
	drop(0x3000, 64, SWT_LAYER_LIBC);
	host_ticks = 112;
	assert_int_equal(stray_at(&c, 0x3010, SWT_LAYER_LIBC), 1);
	/* WHEN PHP has dropped its heap before, and when since */
	be_born(0x4000, 64, SWT_LAYER_ZEND, 5);
	assert_int_equal(stray_at(&c, 0x4010, SWT_LAYER_ZEND), 1);
	process[2].epoch[SWT_LAYER_ZEND]++;
	assert_int_equal(stray_at(&c, 0x4010, SWT_LAYER_ZEND), 0);
}

static void what_was_called_is_told(void **state)
{
	struct model_event e = { 0 };
	struct model_near near;
	struct model_stray s;
	struct collect c;

	(void)state;
	tables_open(&c);
	thread.block = block(0x1000, 0, SWT_LAYER_LIBC);
	stray_tell(&thread, 3, SWT_OP_REALLOCF);
	stray_event_fill(&c, &e, &s, &stray);
	assert_true(e.by_realloc);
	stray_tell(&thread, 3, SWT_OP_FREE);
	stray_event_fill(&c, &e, &s, &stray);
	assert_false(e.by_realloc);
	freed_again(&thread, 3, SWT_OP_REALLOC);
	freed_event_fill(&c, &e, &near, &sent);
	assert_true(e.by_realloc);
}

static void a_block_that_may_have_died_unseen_holds_nothing(void **state)
{
	struct collect c;

	(void)state;
	tables_open(&c);
	host_ticks = 112;
	be_born(0x1000, 64, SWT_LAYER_LIBC, 3);
	be_born(0x2000, 64, SWT_LAYER_LIBC, 4);
	/* WHEN a block was born in no books, in the time of births of 3 */
	host_ticks = 60;
	doubt_known();
	host_ticks = 112;
	assert_int_equal(stray_at(&c, 0x1010, SWT_LAYER_LIBC), 0);
	assert_int_equal(stray_at(&c, 0x2010, SWT_LAYER_LIBC), 1);
	/* WHEN one was missed since */
	loss_add(SWT_LOSS_RETURN_MISSED);
	assert_int_equal(stray_at(&c, 0x2010, SWT_LAYER_LIBC), 0);
}

static void what_is_in_no_block_is_an_error_only_where_all_blocks_are_known(void **state)
{
	struct collect c;

	(void)state;
	tables_open(&c);
	host_ticks = 100;
	assert_int_equal(stray_at(&c, 0x9000, SWT_LAYER_LIBC), 0);
	collect_trust(&c, 5);
	assert_int_equal(stray_at(&c, 0x9000, SWT_LAYER_LIBC), 2);
	assert_true(stray.is_new);
	/* Not in the Zend heap, some of whose blocks are foretold. */
	assert_int_equal(stray_at(&c, 0x9000, SWT_LAYER_ZEND), 0);
	/* A block that is just as young may be what it lies in: nothing was freed there, so nothing can have been born again. */
	be_born(0x8ff0, 64, SWT_LAYER_LIBC, 6);
	assert_int_equal(stray_at(&c, 0x9000, SWT_LAYER_LIBC), 1);
	drop(0x5010, 64, SWT_LAYER_LIBC);
	be_born(0x5000, 64, SWT_LAYER_LIBC, 6);
	assert_int_equal(stray_at(&c, 0x5010, SWT_LAYER_LIBC), 2);
	assert_false(stray.is_new);
	/* WHEN another program runs in the process, WHEN something was missed */
	process[2].life++;
	assert_int_equal(stray_at(&c, 0x7000, SWT_LAYER_LIBC), 0);
	collect_trust(&c, 5);
	assert_int_equal(stray_at(&c, 0x7000, SWT_LAYER_LIBC), 2);
	doubt_known();
	assert_int_equal(stray_at(&c, 0x7000, SWT_LAYER_LIBC), 0);
	process[2].life--;
}

static void frees_of_unknown_blocks_are_asked_about_now_and_then(void **state)
{
	int n = 0;

	(void)state;
	thread.block = block(0x1000, 0, SWT_LAYER_LIBC);
	for (int i = 0; i < 1000; i++)
		n += stray_is_asked(&thread);
	assert_int_equal(n, STRAY_FIRST);
	host_ticks += STRAY_TICKS;
	assert_true(stray_is_asked(&thread));
	assert_false(stray_is_asked(&thread));
	/* Mappings may be unmapped that are unknown; what lives in the other heap was booked there. */
	host_ticks += STRAY_TICKS;
	thread.block.layer = SWT_LAYER_MMAP;
	assert_false(stray_is_asked(&thread));
	thread.block.layer = SWT_LAYER_ZEND;
	be_born(0x1000, 64, SWT_LAYER_LIBC, 1);
	assert_false(stray_is_asked(&thread));
	thread.block.addr = 0x1010;
	assert_true(stray_is_asked(&thread));
}

static void strays_are_told_once_for_their_stack_and_counted(void **state)
{
	struct model_freed_history h = { 0 };
	struct model_event e = { .stack = 1 };
	struct collect c;

	(void)state;
	tables_open(&c);
	c.tables.freed_lookups = c.tables.freed_found = (const uint64_t *)&freed_lookups;
	assert_true(collect_count_stray(&c, &e));
	assert_false(collect_count_stray(&c, &e));
	e.stack = 2;
	assert_true(collect_count_stray(&c, &e));
	freed_read(&c, &h);
	assert_int_equal(h.n_stray, 3);
}

static void words_of_two_records_make_none(void **state)
{
	uint32_t slot = swt_freed_slot(SWT_KEY(0x1000, 2, SWT_LAYER_LIBC), cfg.freed_shift);
	struct swt_freed_block f;
	struct swt_freed whole;

	(void)state;
	drop(0x1000, 56, SWT_LAYER_LIBC);
	whole = history[slot];
	assert_true(swt_freed_unpack(&whole, slot, cfg.freed_shift, &f));
	for (int word = 0; word < 3; word++) {
		struct swt_freed torn = whole;

		/* Of a block that differs in little. */
		*(word == 0 ? &torn.what : word == 1 ? &torn.when : &torn.gone) ^= 0x30;
		assert_false(swt_freed_unpack(&torn, slot, cfg.freed_shift, &f) && f.block.addr == 0x1000);
	}
	assert_false(swt_freed_unpack(&(struct swt_freed){ 0 }, 0, cfg.freed_shift, &f));
}

static void an_address_is_in_the_block_that_was_freed_last(void **state)
{
	struct model_near n;

	(void)state;
	drop(0x1000, 0x100, SWT_LAYER_LIBC);
	host_ticks = 200;
	drop(0x1080, 0x40, SWT_LAYER_LIBC);
	n = near_at(0x1090);
	assert_int_equal(n.kind, MODEL_NEAR_FREED);
	assert_int_equal(n.addr, 0x1080);
	assert_int_equal(n.offset, 0x10);
	assert_int_equal(n.freed_ns, 100 * TICK_NS);
	assert_int_equal(n.freed_tid, 77);
	assert_int_equal(n.allocated.frame[0], 0x111);
	assert_int_equal(n.freed.frame[0], 0x222);
	assert_int_equal(near_at(0x10f0).addr, 0x1000);
	assert_int_equal(near_at(0x1f00).kind, MODEL_NEAR_NONE);
}

static void a_live_block_is_nearer_than_a_freed_one(void **state)
{
	struct swt_block b = block(0x1080, 0x40, SWT_LAYER_LIBC), replaced;

	(void)state;
	drop(0x1000, 0x100, SWT_LAYER_LIBC);
	assert_int_equal(live_insert(&b, &replaced), 0);
	assert_int_equal(near_at(0x1090).kind, MODEL_NEAR_LIVE);
	/* Behind it, in memory that was freed: that contains it. */
	assert_int_equal(near_at(0x10c8).kind, MODEL_NEAR_FREED);
	drop(0x2000, 8, SWT_LAYER_LIBC);
	b = block(0x2010, 8, SWT_LAYER_LIBC);
	assert_int_equal(live_insert(&b, &replaced), 0);
	/* Nobody contains it. */
	assert_int_equal(near_at(0x200f).kind, MODEL_NEAR_LIVE);
}

static void the_last_calls_are_told_newest_first(void **state)
{
	uint64_t cookie = SWT_COOKIE(SWT_OP_ALLOC, SWT_LAYER_LIBC, SWT_SIZE_ARG, 0, 0, 0);
	struct swt_last_calls last;
	struct model_crash crash;

	(void)state;
	for (int i = 0; i < 40; i++) {
		host_ticks = 100 + i;
		call_note(&thread, cookie, 0x1000 + i, i, 1, 0);
	}
	call_note(&thread, cookie - SWT_OP_ALLOC + SWT_OP_FREE, 0x5000, 0, 0, SWT_CALL_UNKNOWN);
	thread.call.sp = 0x7000;
	thread.call.cookie = cookie;
	thread.call.size_bytes = 4711;
	host_ticks = 149;
	calls_tell(&thread, &last);
	calls_fill(&crash, &last, TICK_NS);
	assert_int_equal(crash.n_calls, 17);
	assert_true(crash.call[0].is_pending);
	assert_int_equal(crash.call[0].size_bytes, 4711);
	assert_int_equal(crash.call[1].op, MODEL_CALL_FREE);
	assert_int_equal(crash.call[1].addr, 0x5000);
	assert_true(crash.call[1].is_unknown);
	assert_int_equal(crash.call[2].addr, 0x1000 + 39);
	assert_int_equal(crash.call[2].layer, MODEL_LIBC);
	assert_int_equal(crash.call[2].before_ns, 10 * TICK_NS);
	assert_int_equal(crash.call[16].addr, 0x1000 + 25);
}

static void nothing_is_kept_if_that_is_not_wanted(void **state)
{
	struct swt_last_calls last;
	struct model_crash crash;

	(void)state;
	cfg.freed_shift = 0;
	drop(0x1000, 56, SWT_LAYER_LIBC);
	call_note(&thread, SWT_OP_ALLOC, 0x1000, 1, 1, 0);
	calls_tell(&thread, &last);
	calls_fill(&crash, &last, TICK_NS);
	assert_int_equal(thread.n_calls, 0);
	assert_false(crash.has_calls);
	for (int i = 0; i < SLOTS; i++)
		assert_int_equal(history[i].check, 0);
}

static void how_long_the_history_lasts_is_measured(void **state)
{
	static struct collect c;
	struct model_freed_history h = { 0 };
	static const uint64_t none;

	(void)state;
	c.tables = (struct attach_tables){ .freed = history,
		.n_freed = SLOTS,
		.freed_shift = cfg.freed_shift,
		.stack = stack,
		.n_stacks = 8,
		.freed_lookups = &none,
		.freed_found = &none };
	for (int i = 0; i < 200; i++)
		drop(0x10000 + 16 * i, 8, SWT_LAYER_LIBC);
	freed_read(&c, &h);
	assert_int_equal(h.capacity, SLOTS);
	assert_true(h.used > 150 && h.used <= 200);
	assert_int_equal(h.n_watched, 0);
	/* The same addresses again: all are kept. */
	for (int i = 0; i < 200; i++)
		drop(0x10000 + 16 * i, 8, SWT_LAYER_LIBC);
	h = (struct model_freed_history){ 0 };
	freed_read(&c, &h);
	assert_int_equal(h.n_watched, h.used);
	assert_int_equal(h.n_kept, h.n_watched);
	/* So many others that hardly any is left. */
	for (int i = 0; i < 20 * SLOTS; i++)
		drop(0x4000000 + 16 * i, 8, SWT_LAYER_LIBC);
	h = (struct model_freed_history){ 0 };
	freed_read(&c, &h);
	assert_true(h.n_watched > 150 && h.n_kept < 10);
	assert_true(h.used > SLOTS * 9 / 10);
}

/* likely - what is said of an abort with that message, whose thread's last call was that one. */
static const char *likely(const char *message, struct model_call call, struct model_near near)
{
	static struct model_near all[CRASH_ADDRESSES];
	static struct crash_report r;
	static struct model_crash crash;
	struct model_event e = { .type = MODEL_SIGNAL, .signal = 6, .code = -6, .crash = &crash };
	uint64_t addr[CRASH_ADDRESSES];

	memset(&crash, 0, sizeof(crash));
	snprintf(crash.abort_message, sizeof(crash.abort_message), "%s", message);
	crash.call[0] = (struct model_call){ .op = MODEL_CALL_ALLOC, .layer = MODEL_MMAP, .addr = 0x7000 };
	crash.call[1] = call;
	crash.n_calls = 2;
	crash_addresses(&e, addr);
	all[0] = addr[0] ? near : (struct model_near){ 0 };
	crash_explain(&e, all, NULL, 0, &r);
	return r.likely;
}

static void an_abort_by_free_says_what_is_wrong_with_the_block(void **state)
{
	struct model_call freed = {
		.op = MODEL_CALL_FREE, .layer = MODEL_LIBC, .addr = 0x1008, .is_unknown = 1, .before_ns = 4000000
	};
	struct model_near near = { .kind = MODEL_NEAR_LIVE,
		.layer = MODEL_LIBC,
		.addr = 0x1000,
		.size_bytes = 64,
		.offset = 8,
		.age_ns = 2000000000 };

	(void)state;
	assert_non_null(strstr(
		likely("free(): invalid pointer\n", freed, near), "no block: it is 8 bytes into a live block of 64"));
	near.kind = MODEL_NEAR_FREED;
	assert_non_null(strstr(likely("free(): invalid pointer\n", freed, near), "no block: it is 8 bytes into"));
	near.offset = 0;
	assert_non_null(
		strstr(likely("free(): double free detected in tcache 2\n", freed, near), "double free: 0x1008"));
	near.kind = MODEL_NEAR_NONE;
	assert_non_null(
		strstr(likely("munmap_chunk(): invalid pointer\n", freed, near), "no block that was allocated"));
	freed.is_unknown = 0;
	assert_non_null(strstr(likely("free(): invalid size\n", freed, near), "a live block was freed"));
	/* It is not free that has aborted, or not this thread's last call. */
	assert_string_equal(likely("a.c:1: f: Assertion `free(p)' failed.\n", freed, near), "");
	freed.op = MODEL_CALL_ALLOC;
	assert_string_equal(likely("free(): invalid size\n", freed, near), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_second_free_is_one_of_the_same_process_layer_and_address, begin),
		cmocka_unit_test_setup(mappings_may_be_unmapped_twice, begin),
		cmocka_unit_test_setup(nothing_is_told_of_a_block_that_may_live_unseen, begin),
		cmocka_unit_test_setup(what_was_freed_before_the_heap_was_dropped_is_over, begin),
		cmocka_unit_test_setup(blocks_freed_twice_at_a_stack_are_told_once_and_counted, begin),
		cmocka_unit_test_setup(a_free_inside_a_block_is_one_of_a_block_that_lived_then, begin),
		cmocka_unit_test_setup(a_block_that_may_have_died_unseen_holds_nothing, begin),
		cmocka_unit_test_setup(what_is_in_no_block_is_an_error_only_where_all_blocks_are_known, begin),
		cmocka_unit_test_setup(frees_of_unknown_blocks_are_asked_about_now_and_then, begin),
		cmocka_unit_test_setup(what_was_called_is_told, begin),
		cmocka_unit_test_setup(strays_are_told_once_for_their_stack_and_counted, begin),
		cmocka_unit_test_setup(words_of_two_records_make_none, begin),
		cmocka_unit_test_setup(an_address_is_in_the_block_that_was_freed_last, begin),
		cmocka_unit_test_setup(a_live_block_is_nearer_than_a_freed_one, begin),
		cmocka_unit_test_setup(the_last_calls_are_told_newest_first, begin),
		cmocka_unit_test_setup(nothing_is_kept_if_that_is_not_wanted, begin),
		cmocka_unit_test(an_abort_by_free_says_what_is_wrong_with_the_block),
		cmocka_unit_test_setup(how_long_the_history_lasts_is_measured, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
