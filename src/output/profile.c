// SPDX-License-Identifier: GPL-2.0-or-later
/* output/profile.c - a report as a profile: all that is known by now, by names. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "output/internal.h"

_Static_assert((int)PROFILE_ZEND == (int)MODEL_ZEND && (int)PROFILE_LIBC == (int)MODEL_LIBC &&
		       (int)PROFILE_MMAP == (int)MODEL_MMAP && (int)PROFILE_LAYERS == (int)MODEL_LAYERS,
	"layers are numbered alike");

/* frame_of - by borrowed names. */
static struct profile_frame frame_of(const struct symbol_frame *f)
{
	static const enum profile_frame_kind kinds[] = {
		[SYMBOL_FUNCTION] = PROFILE_NATIVE,
		[SYMBOL_MODULE] = PROFILE_MODULE,
		[SYMBOL_REGION] = PROFILE_REGION,
		[SYMBOL_NOTHING] = PROFILE_NOTHING,
		[SYMBOL_PHP] = PROFILE_PHP,
	};
	int has_module = f->kind != SYMBOL_PHP && f->kind != SYMBOL_NOTHING;

	return (struct profile_frame){
		.kind = kinds[f->kind],
		.function = f->function,
		.file = f->file,
		.module = has_module ? f->module : NULL,
		.build_id = has_module ? f->build_id : NULL,
		.offset = f->kind == SYMBOL_FUNCTION || f->kind == SYMBOL_MODULE ? f->module_offset : 0,
		.line = f->line,
		.is_inlined = f->is_inlined != 0,
		.is_approximate = f->is_approximate != 0,
	};
}

const char *output_site(
	const char *comm, enum model_layer layer, const struct output_stack *s, char buf[OUTPUT_SITE_BYTES])
{
	struct strbuf key = { 0 };

	profile_key_begin(&key, comm, (enum profile_layer)layer);
	for (size_t i = 0; i < s->n && i < PROFILE_MAX_FRAMES; i++) {
		struct profile_frame f = frame_of(&s->frame[i]);

		if (!f.is_inlined)
			profile_key_add(&key, &f);
	}
	return profile_site(&key, buf);
}

/* is_repeated - what is resident or swapped out is what is resident, where nothing is ever swapped out. */
static int is_repeated(const struct model_process_history *h, enum model_curve_kind c)
{
	const struct model_curve *swap = &h->curve[MODEL_CURVE_SWAP];

	for (size_t i = 0; i < swap->n; i++)
		if (swap->point[i].value)
			return 0;
	return c == MODEL_CURVE_RSS_SWAP;
}

static void add_curves(struct profile *p, const struct model_snapshot *now, const struct analyze_standing *standing,
	const struct model_process_history *h)
{
	struct profile_point point[MODEL_POINTS];

	for (int c = 0; h && c < MODEL_CURVE_ROOTS; c++) {
		const struct model_curve *from = &h->curve[c];
		const struct analyze_growth *g = standing ? &standing->growth[c] : NULL;

		if (!from->n || is_repeated(h, c))
			continue;
		for (size_t i = 0; i < from->n; i++)
			point[i] = (struct profile_point){ (from->point[i].time_ns - now->start_ns) / 1000000,
				from->point[i].value };
		profile_add_curve(p, &(struct profile_curve){
					     .name = model_curve_name(c),
					     .verdict = analyze_growth_name(g ? g->verdict : GROWTH_UNKNOWN),
					     .bytes_per_s = g ? (int64_t)g->bytes_per_s : 0,
					     .point = point,
					     .n = from->n,
				     });
	}
}

static void add_process(struct profile *p, const struct model_snapshot *now, const struct model_process *x,
	const struct analyze_standing *standing, const struct model_history *h)
{
	struct profile_process to = {
		.pid = (uint32_t)x->pid,
		.comm = x->comm,
		.role = x->identity ? model_role_name(x->identity->role) : NULL,
		.worker = x->identity ? x->identity->worker : -1,
		.container = x->identity ? x->identity->container_id : NULL,
		.is_alive = x->alive != 0,
		.n_requests = x->has_requests ? x->n_requests : UINT64_MAX,
	};
	struct strbuf what = { 0 };

	text_add_identity(&what, x->identity);
	to.what = what.data;
	for (int l = 0; l < MODEL_LAYERS; l++) {
		to.live_bytes[l] = (int64_t)x->layer[l].live_bytes;
		to.live_blocks[l] = (int64_t)x->layer[l].live_blocks;
	}
	profile_add_process(p, &to);
	add_curves(p, now, standing, h ? model_history_process(h, x) : NULL);
	p->failed |= what.failed;
	strbuf_free(&what);
}

static enum profile_verdict verdict_of(const struct analyze_leak *l)
{
	if (!l || l->verdict == LEAK_EARLY)
		return PROFILE_UNKNOWN;
	return l->verdict == LEAK_YES ? PROFILE_LEAK : PROFILE_CLEAN;
}

/* add_stack - one of which all is known but its layer, its frames and why it is what it is.  @why  emptied */
static void add_stack(struct profile *p, struct profile_stack *to, const struct model_stack *k,
	const struct output_stack *s, struct strbuf *why)
{
	uint32_t frame[PROFILE_MAX_FRAMES];

	for (size_t i = 0; i < s->n && to->n_frames < PROFILE_MAX_FRAMES; i++) {
		struct profile_frame f = frame_of(&s->frame[i]);

		frame[to->n_frames++] = profile_add_frame(p, &f);
	}
	to->frame = frame;
	to->layer = (enum profile_layer)k->layer;
	to->is_whole = model_walk_is_whole(s->walk) != 0;
	to->why = why->data;
	profile_add_stack(p, to);
	p->failed |= why->failed;
	to->frame = NULL; /* the profile has its own copies */
	to->why = NULL;
	strbuf_free(why);
}

static void add_row(struct profile *p, const struct analyze_report *r, const struct analyze_row *row, uint32_t process,
	const struct output_stack *s)
{
	const struct model_stack *k = row->stack;
	enum profile_verdict verdict = verdict_of(row->leak);
	struct profile_stack to = {
		.process = process,
		.verdict = verdict,
		.value = { (int64_t)k->live_bytes, (int64_t)k->live_blocks, (int64_t)k->alloc_bytes,
			(int64_t)k->n_allocs, verdict == PROFILE_LEAK ? (int64_t)(row->leak->bytes_per_s * 3600) : 0 },
		.oldest_age_ms = row->oldest_age_ns / 1000000,
	};
	struct strbuf why = { 0 };

	text_add_leak(&why, r, row);
	add_stack(p, &to, k, s, &why);
}

/* place_of - of the stack's process among those that were added, or -1. */
static int64_t place_of(const struct analyze_report *r, const struct model_process *p)
{
	for (size_t i = 0; p && i < r->n_processes; i++)
		if (r->process[i].process == p)
			return (int64_t)i;
	return -1;
}

static void add_head(struct profile *p, const char *version, const struct model_snapshot *s)
{
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	p->version = profile_string(p, version);
	p->host = profile_string(p, host);
	p->utc_ns = s->utc_ns;
	p->start_utc_ns = s->utc_ns - (int64_t)(s->time_ns - s->start_ns);
}

static void add_losses(struct profile *p, const struct model_snapshot *s)
{
	for (size_t i = 0; i < s->n_losses; i++)
		profile_add_loss(p, s->loss[i].key, s->loss[i].text, s->loss[i].count);
}

int output_profile(struct profile *p, const char *version, const struct analyze_report *r,
	const struct output_stack *stacks, const struct model_history *h)
{
	const struct model_snapshot *s = r->snapshot;
	int64_t process;

	add_head(p, version, s);
	p->basis = model_is_estimate(s) ? PROFILE_SAMPLED : PROFILE_COUNTED;
	for (size_t i = 0; i < r->n_processes; i++)
		add_process(p, s, r->process[i].process, r->process[i].standing, h);
	for (size_t i = 0; i < r->n_rows; i++) {
		process = place_of(r, r->row[i].process);
		if (process >= 0)
			add_row(p, r, &r->row[i], (uint32_t)process, &stacks[i]);
	}
	add_losses(p, s);
	return p->failed ? -ENOMEM : 0;
}

/* traced_s - for how long the process has been traced, in seconds: since its first window, or, if that is not kept any more, the first that is. */
static double traced_s(const struct analyze_estimate *e, int pid)
{
	const struct model_windows *w = e->windows;
	uint64_t since_ns = e->snapshot->start_ns;

	for (size_t i = 0; i < w->n_processes; i++) {
		int first = w->process[i].pid == pid && w->process[i].since > 1
				    ? model_window_of(w, w->process[i].since)
				    : -1;

		if (first >= 0)
			since_ns = w->window[first].time_ns;
	}
	return (double)(e->snapshot->time_ns - since_ns) / 1e9;
}

/* add_estimate - a stack that leaks: what it has left since its process is traced, by its rate. */
static void add_estimate(struct profile *p, const struct analyze_estimate *e, const struct analyze_estimate_row *row,
	uint32_t process, const struct output_stack *s)
{
	int64_t bytes = (int64_t)(row->rate.rate * traced_s(e, row->stack->pid));
	int64_t blocks = row->bytes ? (int64_t)((double)bytes * (double)row->blocks / (double)row->bytes + 0.5) : 0;
	struct profile_stack to = {
		.process = process,
		.verdict = PROFILE_LEAK,
		.value = { bytes, blocks, bytes, blocks, (int64_t)(row->rate.rate * 3600) },
	};
	struct strbuf why = { 0 };

	text_add_estimate(&why, row);
	p->process[process].live_bytes[row->stack->layer] += bytes;
	p->process[process].live_blocks[row->stack->layer] += blocks;
	add_stack(p, &to, row->stack, s, &why);
}

int output_profile_estimate(struct profile *p, const char *version, const struct analyze_estimate *e,
	const struct output_stack *stacks, const struct model_history *h)
{
	const struct model_snapshot *s = e->snapshot;

	add_head(p, version, s);
	p->basis = PROFILE_WINDOWS;
	for (size_t i = 0; i < s->n_processes && !p->failed; i++) {
		const struct model_process *x = &s->process[i];
		struct model_process told = *x;

		/* What the windows have seen is no measure of what lives. */
		memset(told.layer, 0, sizeof(told.layer));
		add_process(p, s, &told, e->verdicts ? analyze_standing_of(e->verdicts, x) : NULL, h);
	}
	for (size_t i = 0; i < e->n_rows && !p->failed; i++)
		if (e->row[i].process)
			add_estimate(p, e, &e->row[i], (uint32_t)(e->row[i].process - s->process), &stacks[i]);
	add_losses(p, s);
	return p->failed ? -ENOMEM : 0;
}
