// SPDX-License-Identifier: GPL-2.0-or-later
/* collect/snapshot.c - the live table and the counters, read once and put into a struct model_snapshot. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/internal.h"
#include "swtrace/abi.h"
#include "util/clock.h"

_Static_assert((int)MODEL_ZEND == SWT_LAYER_ZEND && (int)MODEL_LIBC == SWT_LAYER_LIBC &&
		       (int)MODEL_MMAP == SWT_LAYER_MMAP && (int)MODEL_LAYERS == SWT_LAYERS,
	"layers are numbered alike");

#define HEAP_TRIES   60 /* the process runs meanwhile */
#define HEAP_WAIT_US 100

/* read_heap_once - what PHP counts in its heap, beside what the books hold.  Return: 0, or -errno: it counts nothing. */
static int read_heap_once(const struct swt_proc *p, uint64_t heap_at, struct model_zend_heap *out)
{
	int was_asleep = target_is_asleep((pid_t)p->tgid), err;

	*out = (struct model_zend_heap){ .is_known = 1, .n_drops = p->zend.n_drops };
	out->traced_bytes = __atomic_load_n(&p->zend.traced_bytes, __ATOMIC_ACQUIRE);
	out->before_bytes = __atomic_load_n(&p->zend.before_bytes, __ATOMIC_ACQUIRE);
	err = target_zend_size((pid_t)p->tgid, heap_at, &out->size_bytes);
	out->is_steady = was_asleep && target_is_asleep((pid_t)p->tgid) &&
			 __atomic_load_n(&p->zend.traced_bytes, __ATOMIC_ACQUIRE) == out->traced_bytes;
	return err;
}

static int64_t heap_distance(const struct model_zend_heap *h)
{
	return llabs(model_zend_difference(h));
}

/* read_heap - read both counts until they agree, or the process waits for something. While it runs, a block that is just being
 * allocated stands in one of them first; then the closest is told. */
static void read_heap(const struct reading *r, size_t slot, struct model_zend_heap *out)
{
	uint64_t heap_at = r->t->php ? __atomic_load_n(&r->t->php[slot].heap_at, __ATOMIC_ACQUIRE) : 0;
	struct model_zend_heap h;

	if (r->windows) { /* nothing to agree with */
		out->is_known = heap_at && !target_zend_size((pid_t)r->t->proc[slot].tgid, heap_at, &out->size_bytes);
		return;
	}
	for (int i = 0; heap_at && i < HEAP_TRIES && !out->is_steady; i++) {
		if (r->t->proc[slot].zend.is_custom || read_heap_once(&r->t->proc[slot], heap_at, &h)) {
			*out = (struct model_zend_heap){ 0 };
			return;
		}
		if (!out->is_known || h.is_steady || heap_distance(&h) < heap_distance(out))
			*out = h;
		if (!heap_distance(out))
			out->is_steady = 1;
		if (i % 4 == 3) /* it may be waiting for a processor, in the middle of an allocation */
			usleep(HEAP_WAIT_US);
	}
}

/* read_requests - how many requests the process has begun to serve, by the one source that tells best: what the user has named; else
 * Swoole's servers or PHP, whichever counts more: all that a server of Swoole's does is one request to PHP. The script of PHP's command
 * line is none. */
static void read_requests(const struct swt_proc *kp, const struct target_process *tp, struct model_process *p)
{
	uint32_t kinds = __atomic_load_n(&kp->request_kinds, __ATOMIC_ACQUIRE);
	uint64_t swoole = kp->n_requests[SWT_REQUEST_SWOOLE], php = kp->n_requests[SWT_REQUEST_PHP];

	if (php == 1 && !(swoole > 1) && target_is_php_cli(tp))
		php = 0;
	if (kinds & 1U << SWT_REQUEST_ASKED) {
		p->requests_by = MODEL_REQUESTS_ASKED;
		p->n_requests = kp->n_requests[SWT_REQUEST_ASKED];
	} else if (swoole && swoole >= php) {
		p->requests_by = MODEL_REQUESTS_SWOOLE;
		p->n_requests = swoole;
	} else if (php || (kinds & 1U << SWT_REQUEST_PHP && !target_is_php_cli(tp))) {
		p->requests_by = MODEL_REQUESTS_PHP;
		p->n_requests = php;
	}
	p->has_requests = p->requests_by != MODEL_REQUESTS_NONE;
}

int proc_slot(const struct attach_tables *t, int pid)
{
	for (size_t i = 0; i < t->n_procs; i++) {
		size_t slot = SWT_PROC_SLOT(pid, i, t->n_procs);

		if (t->proc[slot].flags & SWT_PROC_USED && t->proc[slot].tgid == (uint32_t)pid)
			return (int)slot;
	}
	return -1;
}

int processes_begin(struct model_snapshot *s, const struct target *t)
{
	size_t n = target_count(t);

	s->process = calloc(n ? n : 1, sizeof(*s->process));
	s->identities = calloc(n ? n : 1, sizeof(*s->identities));
	return s->process && s->identities ? 0 : -ENOMEM;
}

struct model_process *processes_add(struct model_snapshot *s, struct target_process *tp)
{
	struct model_process *p = &s->process[s->n_processes];
	struct model_identity *copy = &s->identities[s->n_processes++];
	const struct model_identity *known = target_identity(tp);

	p->pid = tp->pid;
	memcpy(p->comm, tp->comm, sizeof(p->comm));
	p->alive = tp->alive;
	if (known) {
		*copy = *known;
		p->identity = copy;
		p->identity_is_new = tp->identity_told != tp->identity_serial;
	}
	return p;
}

static void read_layers(const struct reading *r, size_t slot, struct model_process *p)
{
	const struct swt_proc *kp = &r->t->proc[slot];

	for (int l = 0; l < SWT_LAYERS; l++) {
		p->layer[l].n_allocs = kp->layer[l].n_allocs;
		p->layer[l].alloc_bytes = kp->layer[l].alloc_bytes;
		p->layer[l].n_frees = kp->layer[l].n_frees;
		p->layer[l].freed_bytes = kp->layer[l].freed_bytes;
		p->layer[l].n_unknown_frees = kp->layer[l].n_unknown_frees;
		p->layer[l].n_left_out = kp->layer[l].n_left_out;
		p->layer[l].is_estimate =
			kp->layer[l].left_out_now > 0 || (r->by_counters && r->last->is_estimate[slot] >> l & 1);
	}
}

/* read_processes - every process of the target that has a slot. */
static int read_processes(struct reading *r, struct target *target)
{
	struct target_process *tp;
	int err = processes_begin(r->s, target);

	for (size_t i = 0; !err && (tp = target_at(target, i)); i++) {
		int slot = proc_slot(r->t, tp->pid);
		struct model_process *p;

		if (slot < 0)
			continue;
		p = processes_add(r->s, tp);
		p->life = r->t->proc[slot].life;
		p->allocator = tp->n_allocators ? tp->allocator[0].module->name : NULL;
		read_layers(r, slot, p);
		read_requests(&r->t->proc[slot], tp, p);
		if (p->alive)
			read_heap(r, slot, &p->zend);
		r->of_slot[slot] = p;
	}
	return err;
}

/* birth_of - when a block was born. */
static uint64_t birth_of(const struct reading *r, uint32_t birth)
{
	int window;

	if (!r->windows)
		return r->t->start_ns + birth * r->t->birth_unit_ns;
	window = model_window_of(r->windows, SWT_BIRTH_WINDOW(birth));
	return window < 0 ? r->s->time_ns : r->windows->window[window].time_ns;
}

static size_t frames_of(const struct swt_stack *k)
{
	return k->n_frames < SWT_MAX_FRAMES ? k->n_frames : SWT_MAX_FRAMES;
}

static int stack_is_current(const struct reading *r, const struct swt_stack *k)
{
	uint64_t key = __atomic_load_n(&k->key, __ATOMIC_ACQUIRE);

	return SWT_STACK_IS_FILLED(key) && k->proc < r->t->n_procs && k->layer < SWT_LAYERS && r->of_slot[k->proc] &&
	       r->t->proc[k->proc].life == k->life;
}

/* live_by_table - the live blocks of a stack, as they were added up. */
static void live_by_table(const struct reading *r, size_t slot, struct model_stack *out)
{
	const struct tally *t = &r->tally[slot];

	out->live_bytes = t->bytes;
	out->live_blocks = t->blocks + r->others[slot];
	if (t->oldest)
		out->oldest_ns = birth_of(r, t->oldest - 1);
}

/* live_by_counters - the same while the table is not read, and what it is of the process's. Where there was no block at the last
 * reading, all are younger. */
static void live_by_counters(const struct reading *r, const struct swt_stack *k, size_t slot, struct model_stack *out)
{
	struct model_layer_counts *of_layer = &r->of_slot[k->proc]->layer[k->layer];
	const struct last_stack *was = &r->last->of_stack[slot];

	if (out->n_allocs <= out->n_frees || out->alloc_bytes < out->freed_bytes)
		return;
	out->live_blocks = out->n_allocs - out->n_frees;
	out->live_bytes = out->alloc_bytes - out->freed_bytes;
	out->oldest_ns = r->last->pace.time_ns;
	if (was->key && was->key == __atomic_load_n(&k->key, __ATOMIC_RELAXED))
		out->oldest_ns = birth_of(r, was->birth);
	of_layer->live_blocks += out->live_blocks;
	of_layer->live_bytes += out->live_bytes;
}

/* generations_of - what the last reading found of the stack that has the slot, if it still holds. */
static const struct model_generations *generations_of(const struct reading *r, const struct swt_stack *k, size_t slot)
{
	const struct last_stack *was = &r->last->of_stack[slot];

	return r->generations && was->key && was->key == __atomic_load_n(&k->key, __ATOMIC_RELAXED) &&
			       was->epoch == r->t->proc[k->proc].epoch[k->layer]
		       ? &r->generations[slot]
		       : NULL;
}

static void stack_fill(
	const struct reading *r, const struct swt_stack *k, size_t slot, uint64_t *frames, struct model_stack *out)
{
	out->id = slot;
	out->life = k->life;
	out->pid = r->of_slot[k->proc]->pid;
	out->place = r->of_slot[k->proc] - r->s->process;
	out->layer = k->layer;
	out->walk = k->walk;
	/* Deaths before births, so that there are never more of them. */
	out->n_frees = __atomic_load_n(&k->n_frees, __ATOMIC_ACQUIRE);
	out->freed_bytes = __atomic_load_n(&k->freed_bytes, __ATOMIC_ACQUIRE);
	out->n_allocs = k->n_allocs;
	out->alloc_bytes = k->alloc_bytes;
	if (r->t->proc[k->proc].epoch[k->layer] != k->epoch) { /* dropped since, all of them */
		out->n_frees = out->n_allocs;
		out->freed_bytes = out->alloc_bytes;
	}
	if (r->by_counters)
		live_by_counters(r, k, slot, out);
	else
		live_by_table(r, slot, out);
	out->n_late = k->n_late;
	out->late_windows = k->late_windows;
	out->generation = k->generation;
	out->n_frames = frames_of(k);
	out->frame = frames;
	memcpy(frames, k->frame, out->n_frames * sizeof(*frames));
}

static int read_stacks(struct reading *r)
{
	size_t n_stacks = 0, n_frames = 0, n_aged = 0, at = 0;

	for (size_t i = 0; i < r->t->n_stacks; i++) {
		const struct swt_stack *k = &r->t->stack[i];

		if (!stack_is_current(r, k))
			continue; /* the slots of programs that have ended are used again */
		n_stacks++;
		n_frames += frames_of(k);
		n_aged += generations_of(r, k, i) != NULL;
	}
	r->s->stacks.used = n_stacks;
	r->s->stacks.capacity = r->t->n_stacks;
	r->s->stack = calloc(n_stacks ? n_stacks : 1, sizeof(*r->s->stack));
	r->s->frames = calloc(n_frames ? n_frames : 1, sizeof(*r->s->frames));
	r->s->generations = calloc(n_aged ? n_aged : 1, sizeof(*r->s->generations));
	if (!r->s->stack || !r->s->frames || !r->s->generations)
		return -ENOMEM;
	/* Stacks that appear between the two loops wait for the next snapshot. */
	for (size_t i = 0; i < r->t->n_stacks && r->s->n_stacks < n_stacks; i++) {
		const struct swt_stack *k = &r->t->stack[i];
		const struct model_generations *aged;
		struct model_stack *out;

		if (!stack_is_current(r, k) || at + frames_of(k) > n_frames)
			continue;
		out = &r->s->stack[r->s->n_stacks++];
		stack_fill(r, k, i, r->s->frames + at, out);
		at += frames_of(k);
		aged = n_aged ? generations_of(r, k, i) : NULL;
		if (!aged)
			continue;
		out->generations = &r->s->generations[--n_aged];
		r->s->generations[n_aged] = *aged;
	}
	return 0;
}

static int by_stack_and_window(const void *a, const void *b)
{
	const struct survivor *x = a, *y = b;

	if (x->stack != y->stack)
		return x->stack < y->stack ? -1 : 1;
	return x->window < y->window ? -1 : x->window > y->window;
}

/* read_survivors - what was noted of blocks, added up. The snapshot's stacks are in the order of their slots. */
static int read_survivors(struct reading *r)
{
	struct survivor_list *l = &r->survivors;
	struct model_snapshot *s = r->s;
	size_t at = 0;

	blocks_survivors(r);
	if (l->failed)
		return -ENOMEM;
	s->survivors = calloc(l->n ? l->n : 1, sizeof(*s->survivors));
	if (!s->survivors)
		return -ENOMEM;
	if (l->n)
		qsort(l->block, l->n, sizeof(*l->block), by_stack_and_window);
	for (size_t i = 0; i < l->n; i++) {
		const struct survivor *b = &l->block[i];
		struct model_survivors *last = &s->survivors[s->n_survivors - 1];

		while (at < s->n_stacks && s->stack[at].id < b->stack)
			at++;
		if (at == s->n_stacks || s->stack[at].id != b->stack)
			continue; /* of a stack that has just appeared */
		if (!s->n_survivors || last->stack != at || last->window != b->window) {
			last = &s->survivors[s->n_survivors++];
			*last = (struct model_survivors){ .stack = at, .window = b->window };
		}
		last->blocks++;
		last->bytes += b->bytes;
	}
	return 0;
}

static int read_losses(struct reading *r)
{
#define LOSS_ROW(name, key, text) { key, text, r->t->losses->count[SWT_LOSS_##name] },
	const struct model_loss rows[] = { SWT_LOSS_LIST (LOSS_ROW) };

	r->s->loss = malloc(sizeof(rows));
	if (!r->s->loss)
		return -ENOMEM;
	memcpy(r->s->loss, rows, sizeof(rows));
	r->s->n_losses = SWT_LOSSES;
	return 0;
}

/* table_is_due - has the live table to be read, or will the counters do? */
static int table_is_due(const struct collect *c, const struct collect_filter *f, uint64_t now_ns)
{
	return c->windows || f->older_ns || f->min_size_bytes || f->max_size_bytes ||
	       pace_is_due(&c->last.pace, now_ns);
}

/* has_generations - has the stack blocks that no filter lets through? */
static int has_generations(const struct reading *r, size_t slot)
{
	uint64_t n = 0;

	for (size_t g = 0; r->generations && SWT_STACK_IS_FILLED(r->t->stack[slot].key) && g <= r->bounds->n; g++)
		n += r->generations[slot].blocks[g];
	return n > 0;
}

/* keep_reading - what snapshots until the next reading are to know of this one. */
static void keep_reading(struct reading *r, struct last_reading *last)
{
	for (size_t i = 0; i < r->t->n_stacks; i++) {
		int has_blocks = r->tally[i].oldest || has_generations(r, i);

		last->of_stack[i].key = has_blocks ? __atomic_load_n(&r->t->stack[i].key, __ATOMIC_RELAXED) : 0;
		last->of_stack[i].birth = r->tally[i].oldest - 1;
		last->of_stack[i].epoch = r->t->stack[i].epoch;
	}
	for (size_t i = 0; i < r->t->n_procs; i++) {
		last->is_estimate[i] = 0;
		for (int l = 0; r->of_slot[i] && l < MODEL_LAYERS; l++)
			last->is_estimate[i] |= r->of_slot[i]->layer[l].is_estimate << l;
	}
}

/* read_table - the live table, now. */
static int read_table(struct reading *r, struct collect *c, const struct collect_filter *filter)
{
	struct last_reading *last = &c->last;
	uint64_t begin;

	if (!last->of_stack)
		last->of_stack = calloc(r->t->n_stacks, sizeof(*last->of_stack));
	if (!last->is_estimate)
		last->is_estimate = calloc(r->t->n_procs, sizeof(*last->is_estimate));
	if (!last->of_stack || !last->is_estimate)
		return -ENOMEM;
	begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	blocks_read(r, filter);
	pace_note(&last->pace, r->s->time_ns, clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin);
	last->used = r->s->blocks.used;
	last->live_places = r->s->live_places;
	keep_reading(r, last);
	return 0;
}

/* read_live - which blocks live, or what is still known of them. */
static int read_live(struct reading *r, struct collect *c, const struct collect_filter *filter)
{
	int err = r->by_counters ? 0 : read_table(r, c, filter);

	r->s->bounds = c->bounds;
	r->s->table_ns = c->last.pace.time_ns;
	r->s->blocks = (struct model_usage){ c->last.used, c->tables.n_buckets * SWT_BUCKET_BLOCKS };
	r->s->live_places = c->last.live_places;
	return err;
}

static int reading_begin(struct reading *r)
{
	r->s = calloc(1, sizeof(*r->s));
	r->tally = calloc(r->t->n_stacks, sizeof(*r->tally));
	r->others = calloc(r->t->n_stacks, sizeof(*r->others));
	r->of_slot = calloc(r->t->n_procs, sizeof(*r->of_slot));
	if (!r->s || !r->tally || !r->others || !r->of_slot)
		return -ENOMEM;
	r->s->time_ns = clock_ns(CLOCK_MONOTONIC);
	r->s->utc_ns = collect_utc_ns(r->s->time_ns);
	r->s->start_ns = r->t->start_ns;
	return 0;
}

static void reading_end(struct reading *r)
{
	model_snapshot_free(r->s);
	free(r->survivors.block);
	free(r->tally);
	free(r->others);
	free(r->of_slot);
}

int collect_snapshot(struct collect *c, const struct collect_filter *filter, int is_final, struct target *t,
	struct model_snapshot **out)
{
	struct reading r = { .t = &c->tables,
		.windows = c->windows,
		.last = &c->last,
		.bounds = &c->bounds,
		.generations = c->last.generations };
	int err;

	err = reading_begin(&r);
	if (!err)
		r.s->is_outside = c->windows != NULL;
	if (!err)
		r.by_counters = !is_final && !table_is_due(c, filter, r.s->time_ns);
	if (!err)
		err = read_processes(&r, t);
	if (!err)
		vitals_read(c, r.s, t, is_final);
	if (!err)
		err = read_live(&r, c, filter);
	if (!err)
		err = read_stacks(&r);
	if (!err) {
		r.s->counted_ns = clock_ns(CLOCK_MONOTONIC);
		if (!r.by_counters)
			c->last.end_ns = r.s->counted_ns;
	}
	if (!err && r.windows)
		err = read_survivors(&r);
	if (!err)
		freed_read(c, &r.s->freed);
	if (!err)
		err = read_losses(&r);
	if (!err) {
		*out = r.s;
		r.s = NULL;
	}
	reading_end(&r);
	return err;
}

int collect_vitals(struct collect *c, struct target *t, struct model_snapshot **out)
{
	struct reading r = { .t = &c->tables, .windows = c->windows, .last = &c->last, .bounds = &c->bounds };
	int err = reading_begin(&r);

	if (!err)
		err = read_processes(&r, t);
	if (!err)
		err = read_losses(&r);
	if (!err) {
		r.s->is_outside = 1;
		vitals_read(c, r.s, t, 0);
		r.s->counted_ns = clock_ns(CLOCK_MONOTONIC);
		*out = r.s;
		r.s = NULL;
	}
	reading_end(&r);
	return err;
}

void collect_set_windows(struct collect *c, const struct model_windows *w)
{
	c->windows = w;
}

_Static_assert(MODEL_WINDOW_SLOT_NS == 1ULL << SWT_BIRTH_SLOT_SHIFT && MODEL_WINDOW_SLOTS == SWT_BIRTH_SLOTS,
	"births are timed alike");
_Static_assert(MODEL_FRAME_PHP == SWT_FRAME_PHP, "frames are marked alike");

int collect_php_frame(const struct collect *c, uint64_t frame, struct model_php_frame *out)
{
	uint64_t slot = frame & ~MODEL_FRAME_PHP;
	const struct swt_php_frame *f;

	if (slot >= c->tables.n_php_frames)
		return -ENOENT;
	f = &c->tables.php_frame[slot];
	if (!__atomic_load_n(&f->ready, __ATOMIC_ACQUIRE))
		return -ENOENT;
	out->class_name = f->flags & SWT_PHP_METHOD ? f->class_name : NULL;
	out->function = f->name;
	out->file = f->file;
	out->line = f->line;
	out->is_approximate = !!(f->flags & SWT_PHP_APPROXIMATE);
	out->is_truncated = !!(f->flags & SWT_PHP_TRUNCATED);
	out->is_main = !!(f->flags & SWT_PHP_MAIN);
	out->is_eval = f->type == SWT_PHP_EVAL;
	return 0;
}
