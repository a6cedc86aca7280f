// SPDX-License-Identifier: GPL-2.0-or-later
/* model/history.c - keep what snapshots tell, in bounded room. */
#include <errno.h>
#include <stdlib.h>

#include "model/history.h"
#include "util/grow.h"

/* A stack with no more than one in so many of the blocks has few. */
#define FEW 100

const char *model_curve_name(enum model_curve_kind kind)
{
	static const char *const names[MODEL_CURVES] = { "zend", "libc", "mmap", "rss", "rss_swap", "swap", "pss",
		"zend_real", "zend_cached", "files", "heap_map", "stacks", "gc_roots" };

	return (unsigned)kind < MODEL_CURVES ? names[kind] : "unknown";
}

static int is_lower(const struct model_point *a, const struct model_point *b)
{
	return a->value < b->value;
}

/* curve_halve - put neighbours together. */
static void curve_halve(struct model_curve *c)
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < c->n; i += 2)
		c->point[n++] = is_lower(&c->point[i + 1], &c->point[i]) ? c->point[i + 1] : c->point[i];
	c->n = n;
	c->per_point *= 2;
}

void model_curve_add(struct model_curve *c, const struct model_point *p)
{
	if (!c->per_point)
		c->per_point = 1;
	if (c->n && c->in_last < c->per_point) {
		if (is_lower(p, &c->point[c->n - 1]))
			c->point[c->n - 1] = *p;
		c->in_last++;
		return;
	}
	if (c->n == MODEL_POINTS)
		curve_halve(c);
	c->point[c->n++] = *p;
	c->in_last = 1;
}

uint64_t model_sample_ns(uint64_t watched_ns)
{
	uint64_t ns = 1000000000;

	while (watched_ns / MODEL_POINTS >= ns)
		ns *= 2;
	return ns;
}

/* thin - every second bound goes, and the marks with it. The last one is among those that go: what follows is longer, too. */
static void thin(struct model_history *h)
{
	for (size_t i = 0; i < MODEL_BOUNDS / 2; i++)
		h->bounds.time_ns[i] = h->bounds.time_ns[2 * i + 1];
	h->bounds.n = MODEL_BOUNDS / 2;
	for (size_t k = 0; k < h->n_stacks; k++)
		for (size_t i = 0; h->stack[k] && i < MODEL_BOUNDS / 2; i++)
			h->stack[k]->mark[i] = h->stack[k]->mark[2 * i + 1];
	for (size_t k = 0; k < h->n_processes; k++)
		for (size_t i = 0; i < MODEL_BOUNDS / 2; i++)
			h->process[k]->n_requests[i] = h->process[k]->n_requests[2 * i + 1];
	h->step_ns *= 2;
}

/* stack_at - the history of a stack, made or begun anew where that is needed; NULL: no memory. */
static struct model_stack_history *stack_at(struct model_history *h, const struct model_stack *s)
{
	struct model_stack_history **grown = grow_to(h->stack, &h->n_stacks, s->id, sizeof(*grown)), *k;

	if (!grown)
		return NULL;
	h->stack = grown;
	if (!h->stack[s->id])
		h->stack[s->id] = calloc(1, sizeof(**h->stack));
	k = h->stack[s->id];
	if (k && (k->life != s->life || k->pid != s->pid))
		*k = (struct model_stack_history){ .life = s->life, .pid = s->pid };
	return k;
}

/* add_bound - the time of the snapshot becomes a bound. */
static int add_bound(struct model_history *h, const struct model_snapshot *s)
{
	size_t at;

	if (h->bounds.n == MODEL_BOUNDS)
		thin(h);
	at = h->bounds.n++;
	h->bounds.time_ns[at] = s->counted_ns;	    /* what is in the marks was born before it */
	for (size_t i = 0; i < s->n_processes; i++) /* in the snapshot's order: they were just added */
		h->process[i]->n_requests[at] = s->process[i].n_requests;
	for (size_t i = 0; i < s->n_stacks; i++) {
		const struct model_stack *from = &s->stack[i];
		struct model_stack_history *to = stack_at(h, from);

		if (!to)
			return -ENOMEM;
		to->mark[at] = (struct model_mark){
			.n_allocs = from->n_allocs,
			.alloc_bytes = from->alloc_bytes,
			.n_frees = from->n_frees,
			.freed_bytes = from->freed_bytes,
		};
	}
	return 1;
}

/* Blocks that live, of one process and layer. */
struct survivors {
	double blocks;
	double bytes;
};

/* survivors_find - by process and layer. Stacks with few of the blocks are left out: what was there before tracing began is
 * likely to be of the common kind.  NULL: no memory. */
static struct survivors (*survivors_find(const struct model_snapshot *s))[MODEL_LAYERS]
{
	struct survivors(*list)[MODEL_LAYERS] = calloc(s->n_processes ? s->n_processes : 1, sizeof(*list));

	for (size_t i = 0; list && i < s->n_stacks; i++) {
		const struct model_stack *k = &s->stack[i];
		const struct model_process *p = model_process_of(s, k);
		struct survivors *of;

		if (!p || k->live_blocks <= p->layer[k->layer].live_blocks / FEW)
			continue;
		of = &list[p - s->process][k->layer];
		of->blocks += (double)k->live_blocks;
		of->bytes += (double)k->live_bytes;
	}
	return list;
}

int64_t model_net_bytes(const struct model_process_history *h, const struct model_process *p, enum model_layer layer)
{
	return (int64_t)p->layer[layer].live_bytes - (h ? (int64_t)h->unknown_bytes[layer] : 0);
}

/* add_unknown - what was there before tracing began is freed, too: of what size, those tell that are made now and live. Blocks that are
 * freed soon do not. */
static void add_unknown(
	struct model_process_history *h, const struct model_process *p, int layer, const struct survivors *of)
{
	const struct model_layer_counts *l = &p->layer[layer];
	double mean = of->blocks > 0 ? of->bytes / of->blocks : 0;
	uint64_t n = l->n_unknown_frees > l->n_left_out ? l->n_unknown_frees - l->n_left_out : 0;

	if (n > h->n_unknown[layer]) {
		h->unknown_bytes[layer] += mean * (double)(n - h->n_unknown[layer]);
		h->n_unknown[layer] = n;
	}
}

/* add_vitals - unless they were not read anew; PSS may be older than the rest. */
static void add_vitals(struct model_process_history *h, const struct model_vitals *v)
{
	const uint64_t value[MODEL_CURVES] = {
		[MODEL_CURVE_RSS] = v->rss_bytes,
		[MODEL_CURVE_RSS_SWAP] = v->rss_bytes + v->swap_bytes,
		[MODEL_CURVE_SWAP] = v->swap_bytes,
		[MODEL_CURVE_PSS] = v->pss_bytes,
		[MODEL_CURVE_REAL] = v->heap.real_bytes,
		[MODEL_CURVE_CACHED] = v->heap.cached_bytes,
		[MODEL_CURVE_FILES] = v->file_bytes + v->shmem_bytes,
		[MODEL_CURVE_HEAP_MAP] = v->heap_map_bytes,
		[MODEL_CURVE_STACKS] = v->stack_bytes,
		[MODEL_CURVE_ROOTS] = v->gc.roots,
	};
	const int is_unknown[MODEL_CURVES] = {
		[MODEL_CURVE_PSS] = !v->has_pss || v->pss_ns <= h->pss_ns || v->pss_ns < h->begin_ns,
		[MODEL_CURVE_REAL] = !v->heap.is_known,
		[MODEL_CURVE_CACHED] = !v->heap.has_cached,
		[MODEL_CURVE_ROOTS] = !v->gc.is_known,
	};

	if (v->time_ns <= h->vitals_ns)
		return;
	h->vitals_ns = v->time_ns;
	for (int c = MODEL_CURVE_RSS; c < MODEL_CURVES; c++) {
		struct model_point at = { .time_ns = c == MODEL_CURVE_PSS ? v->pss_ns : v->time_ns,
			.value = (int64_t)value[c] };

		if (!is_unknown[c])
			model_curve_add(&h->curve[c], &at);
	}
	if (v->has_pss)
		h->pss_ns = v->pss_ns;
	if (v->gc.is_known && !h->gc.is_known)
		h->gc = (struct model_gc_history){ 1, v->gc.runs, v->gc.collected };
}

static void add_curves(struct model_process_history *h, const struct model_snapshot *s, const struct model_process *p,
	const struct survivors *of)
{
	struct model_point at = { .time_ns = s->time_ns };

	if (p->zend.is_known) {
		at.value = (int64_t)p->zend.size_bytes;
		model_curve_add(&h->curve[MODEL_CURVE_ZEND], &at);
	}
	for (int l = MODEL_LIBC; l <= MODEL_MMAP && !s->is_outside; l++) {
		add_unknown(h, p, l, &of[l]);
		at.value = model_net_bytes(h, p, l);
		model_curve_add(&h->curve[l], &at);
	}
	add_vitals(h, &p->vitals);
}

/* add_processes - processes that are not in the snapshot are gone, and those that are new begin. The list is in the snapshot's
 * order, which seldom changes: most often each is found where it is looked for first. */
static int add_processes(struct model_history *h, const struct model_snapshot *s)
{
	struct model_process_history **list = calloc(s->n_processes ? s->n_processes : 1, sizeof(*list));
	struct survivors(*of)[MODEL_LAYERS] = survivors_find(s);
	size_t n_before = h->n_processes;
	int err = list && of ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < s->n_processes; i++) {
		const struct model_process *p = &s->process[i];

		for (size_t k = 0; k < n_before && !list[i]; k++) {
			struct model_process_history **was = &h->process[(i + k) % n_before];

			if (!*was || (*was)->pid != p->pid || (*was)->life != p->life)
				continue;
			list[i] = *was;
			*was = NULL;
		}
		if (!list[i] && (list[i] = calloc(1, sizeof(**list))))
			*list[i] = (struct model_process_history){
				.pid = p->pid, .life = p->life, .begin_ns = h->step_ns ? s->time_ns : s->start_ns
			};
		err = list[i] ? 0 : -ENOMEM;
		if (!err && p->alive)
			add_curves(list[i], s, p, of[i]);
	}
	free(of);
	if (!list)
		return err;
	for (size_t k = 0; k < n_before; k++)
		free(h->process[k]);
	free(h->process);
	h->process = list;
	h->n_processes = s->n_processes;
	return err;
}

int model_history_add(struct model_history *h, const struct model_snapshot *s)
{
	uint64_t last_ns = h->bounds.n ? h->bounds.time_ns[h->bounds.n - 1] : s->start_ns;
	int err = add_processes(h, s);

	if (!h->step_ns) /* this was the first */
		h->step_ns = MODEL_GENERATION_NS;
	if (err || s->is_outside || s->table_ns != s->time_ns || s->time_ns < last_ns + h->step_ns)
		return err;
	return add_bound(h, s);
}

void model_history_clear(struct model_history *h)
{
	for (size_t i = 0; i < h->n_stacks; i++)
		free(h->stack[i]);
	for (size_t i = 0; i < h->n_processes; i++)
		free(h->process[i]);
	free(h->stack);
	free(h->process);
	*h = (struct model_history){ 0 };
}

const struct model_stack_history *model_history_stack(const struct model_history *h, const struct model_stack *s)
{
	const struct model_stack_history *k = s->id < h->n_stacks ? h->stack[s->id] : NULL;

	return k && k->life == s->life && k->pid == s->pid ? k : NULL;
}

const struct model_process_history *model_history_process(const struct model_history *h, const struct model_process *p)
{
	for (size_t i = 0; i < h->n_processes; i++)
		if (h->process[i] && h->process[i]->pid == p->pid && h->process[i]->life == p->life)
			return h->process[i];
	return NULL;
}
