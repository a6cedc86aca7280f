// SPDX-License-Identifier: GPL-2.0-or-later
/* analyze/analyze.c - rank the stacks and the processes of a snapshot by live bytes, and tell what each gained. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/analyze.h"

/* Which stack of the snapshot before is the same as this one. */
static int compare_identity(const struct model_stack *x, const struct model_stack *y)
{
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->life < y->life ? -1 : x->life > y->life;
}

static int by_identity(const void *a, const void *b)
{
	return compare_identity(*(const struct model_stack *const *)a, *(const struct model_stack *const *)b);
}

static double leaks(const struct analyze_row *r)
{
	return r->leak && r->leak->verdict == LEAK_YES ? r->leak->bytes_per_s : 0;
}

/* by_rank - what leaks is what the user is here for; of the rest, what holds most. */
static int by_rank(const void *a, const void *b)
{
	const struct analyze_row *x = a, *y = b;

	if (leaks(x) != leaks(y))
		return leaks(x) > leaks(y) ? -1 : 1;
	if (x->stack->live_bytes != y->stack->live_bytes)
		return x->stack->live_bytes > y->stack->live_bytes ? -1 : 1;
	return x->stack->id < y->stack->id ? -1 : x->stack->id > y->stack->id;
}

static int is_chosen(const struct analyze_opts *opts, const struct model_stack *s)
{
	return opts->layer_mask >> s->layer & 1;
}

static uint64_t live_bytes(const struct model_snapshot *s, const struct analyze_opts *opts)
{
	uint64_t sum = 0;

	for (size_t i = 0; s && i < s->n_stacks; i++)
		if (is_chosen(opts, &s->stack[i]))
			sum += s->stack[i].live_bytes;
	return sum;
}

/* index_of - the stacks of a snapshot in the order of their identity. */
static const struct model_stack **index_of(const struct model_snapshot *s)
{
	size_t n = s ? s->n_stacks : 0;
	const struct model_stack **index = calloc(n ? n : 1, sizeof(*index));
	int is_sorted = 1;

	if (!index)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		index[i] = &s->stack[i];
		is_sorted &= !i || compare_identity(index[i - 1], index[i]) < 0;
	}
	if (!is_sorted)
		qsort(index, n, sizeof(*index), by_identity);
	return index;
}

/* bytes_before - what the stack had then.
 * @at  where to look first, and out: where to look for the next one; most often that is right */
static uint64_t bytes_before(const struct model_stack **index, size_t n, const struct model_stack *s, size_t *at)
{
	const struct model_stack **found = index + *at;

	if (*at >= n || compare_identity(*found, s))
		found = bsearch(&s, index, n, sizeof(*index), by_identity);
	if (!found)
		return 0;
	*at = found - index + 1;
	return (*found)->live_bytes;
}

/* add_verdict - what is thought of the row's stack. */
static void add_verdict(struct analyze_report *r, struct analyze_row *row, const struct analyze_verdicts *v)
{
	row->leak = analyze_verdict_of(v, row->stack);
	r->n_early += !row->leak || row->leak->verdict == LEAK_EARLY;
	if (!row->leak || row->leak->verdict != LEAK_YES)
		return;
	r->n_leaks++;
	r->leak_bytes_per_s += row->leak->bytes_per_s;
}

static void add_row(struct analyze_report *r, const struct model_snapshot *now, const struct model_stack *s,
	uint64_t before, const struct analyze_opts *opts)
{
	struct analyze_row *row = &r->row[r->n_rows++];

	row->stack = s;
	row->process = model_process_of(now, s);
	row->gained_bytes = (int64_t)(s->live_bytes - before);
	/* Nothing is tracked when tracing begins, so all that is live was gained since. */
	row->gained_start_bytes = (int64_t)s->live_bytes;
	row->oldest_age_ns = s->oldest_ns && now->time_ns > s->oldest_ns ? now->time_ns - s->oldest_ns : 0;
	if (opts->verdicts)
		add_verdict(r, row, opts->verdicts);
	if (opts->history)
		row->history = model_history_stack(opts->history, s);
}

static uint64_t process_bytes(const struct model_process *p)
{
	uint64_t sum = 0;

	for (int l = 0; p && l < MODEL_LAYERS; l++)
		sum += p->layer[l].live_bytes;
	return sum;
}

static int by_process_bytes(const void *a, const void *b)
{
	const struct analyze_process *x = a, *y = b;

	if (x->live_bytes != y->live_bytes)
		return x->live_bytes > y->live_bytes ? -1 : 1;
	return x->process->pid < y->process->pid ? -1 : x->process->pid > y->process->pid;
}

/* add_processes - the processes of the snapshot, most live bytes first. */
static int add_processes(struct analyze_report *r, const struct model_snapshot *now,
	const struct model_snapshot *before, const struct analyze_verdicts *v)
{
	r->process = calloc(now->n_processes ? now->n_processes : 1, sizeof(*r->process));
	if (!r->process)
		return -ENOMEM;
	for (size_t i = 0; i < now->n_processes; i++) {
		const struct model_process *p = &now->process[i];
		struct analyze_process *row = &r->process[r->n_processes++];

		row->process = p;
		row->live_bytes = process_bytes(p);
		row->standing = v ? analyze_standing_of(v, p) : NULL;
		row->gained_bytes =
			(int64_t)(row->live_bytes - process_bytes(before ? model_find_process(before, p->pid) : NULL));
		for (int l = 0; l < MODEL_LAYERS; l++) {
			row->live_blocks += p->layer[l].live_blocks;
			if (p->layer[l].live_bytes > p->layer[row->layer].live_bytes)
				row->layer = l;
		}
	}
	qsort(r->process, r->n_processes, sizeof(*r->process), by_process_bytes);
	return 0;
}

int analyze_report_make(const struct model_snapshot *now, const struct model_snapshot *before,
	const struct analyze_opts *opts, struct analyze_report **out)
{
	const struct model_stack **index = index_of(before);
	struct analyze_report *r = calloc(1, sizeof(*r));
	size_t at = 0;
	int err = -ENOMEM;

	if (!r || !index)
		goto out;
	r->row = calloc(now->n_stacks ? now->n_stacks : 1, sizeof(*r->row));
	if (!r->row || add_processes(r, now, before, opts->verdicts))
		goto out;
	r->snapshot = now;
	r->is_system = opts->is_system;
	r->top = opts->top;
	r->since_start_ns = now->time_ns - now->start_ns;
	r->since_last_ns = now->time_ns - (before ? before->time_ns : now->start_ns);
	r->live_bytes = live_bytes(now, opts);
	r->gained_bytes = (int64_t)(r->live_bytes - live_bytes(before, opts));
	for (size_t i = 0; i < now->n_stacks; i++) {
		const struct model_stack *s = &now->stack[i];

		if (!is_chosen(opts, s) || !(s->live_blocks || (opts->also_freed && s->n_allocs)))
			continue;
		r->live_blocks += s->live_blocks;
		r->n_stacks += s->live_blocks != 0;
		r->n_complete += s->live_blocks && model_walk_is_whole(s->walk);
		add_row(r, now, s, bytes_before(index, before ? before->n_stacks : 0, s, &at), opts);
	}
	qsort(r->row, r->n_rows, sizeof(*r->row), by_rank);
	if (opts->top && r->n_rows > opts->top)
		r->n_rows = opts->top;
	r->lost = model_lost(now);
	*out = r;
	r = NULL;
	err = 0;
out:
	analyze_report_free(r);
	free(index);
	return err;
}

void analyze_report_free(struct analyze_report *r)
{
	if (!r)
		return;
	free(r->row);
	free(r->process);
	free(r);
}
