// SPDX-License-Identifier: GPL-2.0-or-later
/* output/profile.c - a report as a profile: all that is known by now, by names. */
#include <errno.h>
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

static void add_curves(struct profile *p, const struct analyze_report *r, const struct analyze_process *row,
	const struct model_process_history *h)
{
	struct profile_point point[MODEL_POINTS];

	for (int c = 0; h && c < MODEL_CURVE_ROOTS; c++) {
		const struct model_curve *from = &h->curve[c];
		const struct analyze_growth *g = row->standing ? &row->standing->growth[c] : NULL;

		if (!from->n)
			continue;
		for (size_t i = 0; i < from->n; i++)
			point[i] = (struct profile_point){ (from->point[i].time_ns - r->snapshot->start_ns) / 1000000,
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

static void add_process(struct profile *p, const struct analyze_report *r, const struct analyze_process *row,
	const struct model_history *h)
{
	const struct model_process *x = row->process;
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
	add_curves(p, r, row, h ? model_history_process(h, x) : NULL);
	p->failed |= what.failed;
	strbuf_free(&what);
}

static enum profile_verdict verdict_of(const struct analyze_leak *l)
{
	if (!l || l->verdict == LEAK_EARLY)
		return PROFILE_UNKNOWN;
	return l->verdict == LEAK_YES ? PROFILE_LEAK : PROFILE_CLEAN;
}

static void add_stack(struct profile *p, const struct analyze_report *r, const struct analyze_row *row,
	uint32_t process, const struct output_stack *s)
{
	const struct model_stack *k = row->stack;
	enum profile_verdict verdict = verdict_of(row->leak);
	uint32_t frame[PROFILE_MAX_FRAMES], n = 0;
	struct strbuf why = { 0 };

	for (size_t i = 0; i < s->n && n < PROFILE_MAX_FRAMES; i++) {
		struct profile_frame f = frame_of(&s->frame[i]);

		frame[n++] = profile_add_frame(p, &f);
	}
	text_add_leak(&why, r, row);
	profile_add_stack(p, &(struct profile_stack){
				     .process = process,
				     .layer = (enum profile_layer)k->layer,
				     .verdict = verdict,
				     .is_whole = model_walk_is_whole(s->walk) != 0,
				     .value = { (int64_t)k->live_bytes, (int64_t)k->live_blocks,
					     (int64_t)k->alloc_bytes, (int64_t)k->n_allocs,
					     verdict == PROFILE_LEAK ? (int64_t)(row->leak->bytes_per_s * 3600) : 0 },
				     .oldest_age_ms = row->oldest_age_ns / 1000000,
				     .why = why.data,
				     .n_frames = n,
				     .frame = frame,
			     });
	p->failed |= why.failed;
	strbuf_free(&why);
}

/* place_of - of the stack's process among those that were added, or -1. */
static int64_t place_of(const struct analyze_report *r, const struct model_process *p)
{
	for (size_t i = 0; p && i < r->n_processes; i++)
		if (r->process[i].process == p)
			return (int64_t)i;
	return -1;
}

int output_profile(struct profile *p, const char *version, const struct analyze_report *r,
	const struct output_stack *stacks, const struct model_history *h)
{
	const struct model_snapshot *s = r->snapshot;
	char host[256] = "";
	int64_t process;

	gethostname(host, sizeof(host) - 1);
	p->version = profile_string(p, version);
	p->host = profile_string(p, host);
	p->utc_ns = s->utc_ns;
	p->start_utc_ns = s->utc_ns - (int64_t)(s->time_ns - s->start_ns);
	p->is_estimate = model_is_estimate(s) != 0;
	for (size_t i = 0; i < r->n_processes; i++)
		add_process(p, r, &r->process[i], h);
	for (size_t i = 0; i < r->n_rows; i++) {
		process = place_of(r, r->row[i].process);
		if (process >= 0)
			add_stack(p, r, &r->row[i], (uint32_t)process, &stacks[i]);
	}
	for (size_t i = 0; i < s->n_losses; i++)
		profile_add_loss(p, s->loss[i].key, s->loss[i].text, s->loss[i].count);
	return p->failed ? -ENOMEM : 0;
}
