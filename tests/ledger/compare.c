// SPDX-License-Identifier: GPL-2.0-or-later
/* compare.c - the ledger against swtrace's books. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "swtrace/abi.h"

#include "compare.h"

#define SHOWN 10 /* differences of a kind, at each look */

/* An allocator that is no more than a way to malloc (PHP's with USE_ZEND_ALLOC=0) has its blocks in its own layer. */
#define IS_COMPARED(layer) ((layer) == SWT_LAYER_LIBC || (layer) == SWT_LAYER_ZEND)

/* What swtrace's table holds of one stack. */
struct stack_sum {
	uint64_t blocks;
	uint64_t bytes;
};

struct look {
	struct comparison *c;
	struct ledger *l;
	const struct attach_tables *t;
	const struct swt_proc *proc;
	size_t slot;
	unsigned char *seen; /* for each record of the ledger: swtrace has it too */
	struct stack_sum *stack;
	uint64_t records; /* in swtrace's table */
	uint64_t blocks;  /* what they stand for */
	uint64_t bytes;
	uint64_t missing;
	uint64_t extra;
	uint64_t wrong;
	FILE *f;
};

static const char *function_name(uint64_t function)
{
#define NAME(name) #name,
	static const char *const names[] = { LEDGER_FUNCTIONS(NAME) };

	return function < sizeof(names) / sizeof(names[0]) ? names[function] : "?";
}

static void total(const struct look *k, const char *what, uint64_t got, uint64_t expected)
{
	if (got == expected)
		return;
	k->c->totals++;
	fprintf(k->f, "%s: %" PRIu64 ", not %" PRIu64 "\n", what, got, expected);
}

static void print_missing(const struct look *k)
{
	size_t shown = 0;

	for (size_t i = 0; i < LEDGER_BUCKETS * LEDGER_BUCKET_BLOCKS && shown < SHOWN; i++) {
		const struct ledger_bucket *bucket = &k->l->bucket[i / LEDGER_BUCKET_BLOCKS];
		const struct ledger_block *b = &bucket->block[i % LEDGER_BUCKET_BLOCKS];

		if (i % LEDGER_BUCKET_BLOCKS >= bucket->n || k->seen[i])
			continue;
		fprintf(k->f, "missing: 0x%" PRIx64 ", %" PRIu64 " bytes by %s, called from 0x%" PRIx64 "\n", b->addr,
			b->size_bytes, function_name(b->function), b->caller);
		shown++;
	}
}

static void print_extra(const struct look *k, const struct swt_block *b)
{
	const struct swt_stack *s = &k->t->stack[b->stack < k->t->n_stacks ? b->stack : 0];

	fprintf(k->f, "extra: 0x%" PRIx64 ", %" PRIu64 " bytes, layer %u, called from", (uint64_t)b->addr,
		(uint64_t)b->size_bytes, b->layer);
	for (uint32_t i = 0; i < s->n_frames && i < 8; i++)
		fprintf(k->f, " 0x%" PRIx64, (uint64_t)s->frame[i]);
	fprintf(k->f, "\n");
}

/* see - one live block of swtrace's. */
static void see(struct look *k, const struct swt_block *b)
{
	struct ledger_bucket *bucket = ledger_bucket(k->l, b->addr);
	size_t first = (bucket - k->l->bucket) * LEDGER_BUCKET_BLOCKS;
	uint32_t i;

	k->records++;
	k->blocks += swt_block_blocks(b);
	k->bytes += swt_block_bytes(b);
	if (b->stack < k->t->n_stacks) {
		k->stack[b->stack].blocks += swt_block_blocks(b);
		k->stack[b->stack].bytes += swt_block_bytes(b);
	}
	for (i = 0; i < bucket->n && bucket->block[i].addr != b->addr; i++)
		;
	if (i == bucket->n || k->seen[first + i]) { /* twice is once too often */
		if (k->extra++ < SHOWN)
			print_extra(k, b);
		return;
	}
	k->seen[first + i] = 1;
	if (bucket->block[i].size_bytes != b->size_bytes && k->wrong++ < SHOWN)
		fprintf(k->f, "wrong size: 0x%" PRIx64 ", %" PRIu64 " bytes by %s, swtrace has %" PRIu64 "\n",
			(uint64_t)b->addr, bucket->block[i].size_bytes, function_name(bucket->block[i].function),
			(uint64_t)b->size_bytes);
}

static void see_all(struct look *k)
{
	for (size_t i = 0; i < k->t->n_buckets * SWT_BUCKET_BLOCKS; i++) {
		const struct swt_bucket *bucket = &k->t->bucket[i / SWT_BUCKET_BLOCKS];
		uint64_t key = bucket->key[i % SWT_BUCKET_BLOCKS];
		struct swt_block b;

		swt_block_unpack(key, &bucket->payload[i % SWT_BUCKET_BLOCKS], &b);
		if (key == SWT_BLOCK_CLAIMED)
			total(k, "records that are being written", 1, 0);
		else if (SWT_KEY_USED(key) && b.proc == k->slot && IS_COMPARED(b.layer) &&
			 !swt_block_is_dead(&b, k->proc))
			see(k, &b);
	}
}

/* count_ledger - what is in the ledger, and what of it swtrace has not shown. */
static void count_ledger(struct look *k)
{
	k->c->blocks = 0;
	k->c->bytes = 0;
	for (size_t i = 0; i < LEDGER_BUCKETS; i++) {
		const struct ledger_bucket *b = &k->l->bucket[i];

		for (uint32_t n = 0; n < b->n; n++) {
			k->c->blocks++;
			k->c->bytes += b->block[n].size_bytes;
			k->missing += !k->seen[i * LEDGER_BUCKET_BLOCKS + n];
		}
	}
}

/* count_losses - mappings are left out: what an allocator maps for itself, in a free, is no block of the ledger's. */
static void count_losses(struct comparison *c, const struct swt_losses *losses)
{
	static const enum swt_loss of_blocks[] = { SWT_LOSS_BLOCKS_FULL, SWT_LOSS_STACKS_FULL, SWT_LOSS_NO_STATE,
		SWT_LOSS_RETURN_MISSED, SWT_LOSS_RESULT_UNREAD };

	c->lost = 0;
	c->other_losses = 0;
	for (int i = 0; i < SWT_LOSSES; i++)
		c->other_losses += losses->count[i];
	for (size_t i = 0; i < sizeof(of_blocks) / sizeof(of_blocks[0]); i++)
		c->lost += losses->count[of_blocks[i]];
	c->other_losses -= c->lost + losses->count[SWT_LOSS_MAPS_FULL];
}

/* check_counters - of the process: what lives by them is what is in the table; and where nothing is lost, they have
 * counted what the ledger has. */
static void check_counters(struct look *k)
{
	struct swt_layer_counts sum = { 0 };

	for (int layer = 0; layer < SWT_LAYERS; layer++) {
		const struct swt_layer_counts *l = &k->proc->layer[layer];

		if (!IS_COMPARED(layer))
			continue;
		sum.n_allocs += l->n_allocs;
		sum.alloc_bytes += l->alloc_bytes;
		sum.n_frees += l->n_frees;
		sum.freed_bytes += l->freed_bytes;
		sum.n_unknown_frees += l->n_unknown_frees;
		sum.n_left_out += l->n_left_out;
	}
	k->c->unknown_frees = sum.n_unknown_frees;
	k->c->left_out = sum.n_left_out;
	total(k, "blocks that live by the process's counters", sum.n_allocs - sum.n_frees, k->blocks);
	total(k, "bytes that live by the process's counters", sum.alloc_bytes - sum.freed_bytes, k->bytes);
	if (k->c->lost || k->c->left_out)
		return;
	total(k, "allocations", sum.n_allocs, k->l->n_allocs);
	total(k, "bytes allocated", sum.alloc_bytes, k->l->alloc_bytes);
	total(k, "frees", sum.n_frees, k->l->n_frees);
	total(k, "bytes freed", sum.freed_bytes, k->l->freed_bytes);
}

static void check_stacks(struct look *k)
{
	uint64_t blocks = 0, bytes = 0;

	for (size_t i = 0; i < k->t->n_stacks; i++) {
		const struct swt_stack *s = &k->t->stack[i];

		blocks += k->stack[i].blocks;
		bytes += k->stack[i].bytes;
		if (!SWT_STACK_IS_FILLED(s->key) || s->proc != k->slot || !IS_COMPARED(s->layer) ||
			s->epoch != k->proc->epoch[s->layer]) {
			total(k, "blocks of a stack that is not there", k->stack[i].blocks, 0);
			continue;
		}
		total(k, "blocks that live by a stack's counters", s->n_allocs - s->n_frees, k->stack[i].blocks);
		total(k, "bytes that live by a stack's counters", s->alloc_bytes - s->freed_bytes, k->stack[i].bytes);
	}
	total(k, "blocks of all stacks", blocks, k->blocks);
	total(k, "bytes of all stacks", bytes, k->bytes);
}

/* check_report - what a report would say. */
static int check_report(struct look *k, struct collect *collect, struct target *target, pid_t pid)
{
	const struct collect_filter all = { 0 };
	struct model_snapshot *s;
	uint64_t blocks = 0, bytes = 0, of_stacks = 0;
	int err = collect_snapshot(collect, &all, 1, target, &s);

	if (err)
		return err;
	for (size_t i = 0; i < s->n_processes; i++) {
		for (int layer = 0; s->process[i].pid == pid && layer < MODEL_LAYERS; layer++) {
			if (!IS_COMPARED(layer))
				continue;
			blocks += s->process[i].layer[layer].live_blocks;
			bytes += s->process[i].layer[layer].live_bytes;
		}
	}
	for (size_t i = 0; i < s->n_stacks; i++)
		if (s->stack[i].pid == pid && IS_COMPARED(s->stack[i].layer))
			of_stacks += s->stack[i].live_blocks;
	total(k, "blocks of the report", blocks, k->blocks);
	total(k, "bytes of the report", bytes, k->bytes);
	total(k, "blocks of the report's stacks", of_stacks, k->blocks);
	model_snapshot_free(s);
	return 0;
}

static int find_process(struct look *k, pid_t pid)
{
	for (k->slot = 0; k->slot < k->t->n_procs; k->slot++) {
		k->proc = &k->t->proc[k->slot];
		if (k->proc->flags & SWT_PROC_USED && k->proc->tgid == (uint32_t)pid)
			return 0;
	}
	return -ESRCH;
}

static void sum_up(struct look *k)
{
	struct comparison *c = k->c;

	c->looks++;
	c->compared += k->records;
	c->most = c->blocks > c->most ? c->blocks : c->most;
	c->missing_now = k->missing;
	c->missing += k->missing;
	c->extra += k->extra;
	c->wrong += k->wrong;
	c->is_unaccounted |= k->missing > c->lost + c->left_out;
}

int compare(struct comparison *c, struct ledger *l, const struct attach_tables *t, struct collect *collect,
	struct target *target, pid_t pid, FILE *f)
{
	struct look k = { .c = c, .l = l, .t = t, .f = f };
	int err = find_process(&k, pid);

	if (err)
		return err;
	k.seen = calloc(LEDGER_BUCKETS, LEDGER_BUCKET_BLOCKS);
	k.stack = calloc(t->n_stacks, sizeof(*k.stack));
	err = k.seen && k.stack ? 0 : -ENOMEM;
	if (err)
		goto out;
	count_losses(c, t->losses);
	see_all(&k);
	count_ledger(&k);
	if (k.missing > c->lost)
		print_missing(&k);
	check_counters(&k);
	check_stacks(&k);
	err = check_report(&k, collect, target, pid);
	sum_up(&k);
out:
	free(k.seen);
	free(k.stack);
	return err;
}

int compare_passes(const struct comparison *c)
{
	return c->looks && !c->extra && !c->wrong && !c->totals && !c->is_unaccounted;
}
