// SPDX-License-Identifier: GPL-2.0-or-later
/* output/vitals.c - what a process has of memory, for people and for programs. */
#include <jansson.h>

#include "output/internal.h"

#define REST_SHOWN 0.05 /* of the growth of resident memory: smaller parts are left out of the text */

static void add_resident(struct strbuf *b, const struct model_vitals *v)
{
	char size[FORMAT_BYTES_BYTES], anon[FORMAT_BYTES_BYTES], file[FORMAT_BYTES_BYTES];

	strbuf_addf(b, "    resident: %s (anonymous %s, files %s", format_bytes(v->rss_bytes, size),
		format_bytes(v->anon_bytes, anon), format_bytes(v->file_bytes, file));
	if (v->shmem_bytes)
		strbuf_addf(b, ", shared memory %s", format_bytes(v->shmem_bytes, size));
	strbuf_add(b, ")");
	if (v->has_pss)
		strbuf_addf(b, ", its share of that %s", format_bytes(v->pss_bytes, size));
	if (v->has_pss && v->time_ns > v->pss_ns + 1000000000)
		strbuf_addf(b, " (%.0f s ago)", (double)(v->time_ns - v->pss_ns) / 1e9);
	if (v->swap_bytes)
		strbuf_addf(b, ", swapped out %s", format_bytes(v->swap_bytes, size));
	strbuf_add(b, "\n");
}

static void add_php(struct strbuf *b, const struct model_php_heap *h, const struct model_php_gc *gc)
{
	char real[FORMAT_BYTES_BYTES], limit[FORMAT_BYTES_BYTES], peak[FORMAT_BYTES_BYTES];
	char roots[FORMAT_COUNT_BYTES], runs[FORMAT_COUNT_BYTES];

	if (!h->is_known)
		return;
	strbuf_addf(b, "    php: %s taken", format_bytes(h->real_bytes, real));
	if (h->limit_bytes)
		strbuf_addf(b, " of memory_limit %s", format_bytes(h->limit_bytes, limit));
	strbuf_addf(
		b, "%s, peak %s", h->limit_bytes ? "" : ", no memory_limit", format_bytes(h->real_peak_bytes, peak));
	if (gc->is_known)
		strbuf_addf(b, "; cycle collector%s: %s roots, %s run%s", gc->is_enabled ? "" : " (off)",
			format_count(gc->roots, roots), format_count(gc->runs, runs), gc->runs == 1 ? "" : "s");
	strbuf_add(b, "\n");
}

void text_add_vitals(struct strbuf *b, const struct model_vitals *v)
{
	if (!v->time_ns)
		return;
	add_resident(b, v);
	add_php(b, &v->heap, &v->gc);
}

/* add_times - when, at the earliest and at the latest: all in one unit. */
static void add_times(struct strbuf *b, const struct analyze_limit *l)
{
	static const struct {
		double seconds;
		const char *name;
	} units[] = { { 86400, "days" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	size_t i = 0;

	while (i + 1 < sizeof(units) / sizeof(units[0]) && l->seconds < 2 * units[i].seconds)
		i++;
	strbuf_addf(b, "%.1f %s (%.1f to %.1f)", l->seconds / units[i].seconds, units[i].name,
		l->least_s / units[i].seconds, l->most_s / units[i].seconds);
}

/* swap_beside - free swap that is used up, too, before the limit is met. */
static uint64_t swap_beside(const struct model_vitals *v, enum analyze_limit_kind limit)
{
	return limit == LIMIT_CGROUP ? v->cgroup_swap_bytes : limit == LIMIT_MACHINE ? v->machine_swap_bytes : 0;
}

static void add_limit(struct strbuf *b, const struct model_vitals *v, const struct analyze_limits *l)
{
	char size[FORMAT_BYTES_BYTES];
	const struct analyze_limit *one = &l->limit[l->soonest];

	if (l->soonest == LIMIT_NONE)
		return;
	strbuf_addf(b, "    limit: %s (%s", analyze_limit_text(l->soonest), format_bytes(one->limit_bytes, size));
	if (swap_beside(v, l->soonest))
		strbuf_addf(b, ", and %s of free swap", format_bytes(swap_beside(v, l->soonest), size));
	strbuf_add(b, ") in about ");
	add_times(b, one);
	if (one->n_taking > 1)
		strbuf_addf(b, ", if it and %zu more that grow", one->n_taking - 1);
	strbuf_addf(b, "%s like this%s\n", one->n_taking > 1 ? " go on" : ", if it goes on",
		l->soonest == LIMIT_CGROUP && v->cgroup_is_high ? " (memory.high: it is slowed down then)" : "");
}

double output_add_limit(struct strbuf *b, const struct analyze_standing *s)
{
	char size[FORMAT_BYTES_BYTES];
	const struct analyze_limit *one = &s->limits.limit[s->limits.soonest];

	if (s->limits.soonest == LIMIT_NONE)
		return 0;
	strbuf_add(b, "in ");
	add_times(b, one);
	strbuf_addf(b, ": %s (%s)", analyze_limit_text(s->limits.soonest), format_bytes(one->limit_bytes, size));
	return one->seconds;
}

static void add_rest(struct strbuf *b, const struct analyze_rest *r)
{
	char rss[FORMAT_BYTES_BYTES], explained[FORMAT_BYTES_BYTES], part[FORMAT_BYTES_BYTES];
	int n = 0;

	if (!r->is_there)
		return;
	strbuf_addf(b, "    not in the books: of %s/s of resident memory live blocks explain %s/s; the rest is ",
		format_gain((int64_t)r->rss_per_s, rss), format_bytes((uint64_t)r->explained_per_s, explained));
	for (int i = 0; i < REST_PARTS; i++)
		if (r->part_per_s[i] >= REST_SHOWN * r->rss_per_s)
			strbuf_addf(b, "%s%s/s %s", n++ ? ", " : "", format_gain((int64_t)r->part_per_s[i], part),
				analyze_rest_text(i));
	strbuf_add(b, n ? "\n" : "of many kinds\n");
}

static void add_garbage(struct strbuf *b, const struct model_php_gc *gc, enum analyze_garbage g)
{
	char roots[FORMAT_COUNT_BYTES], at[FORMAT_COUNT_BYTES];

	format_count(gc->roots, roots);
	switch (g) {
	case GARBAGE_PENDING:
		strbuf_addf(b,
			"    garbage: perhaps part of zend's growth: PHP's cycle collector has not run meanwhile, and has "
			"%s possible roots to look at, ever more (it runs at %s)\n",
			roots, format_count(gc->threshold, at));
		break;
	case GARBAGE_OFF:
		strbuf_addf(b,
			"    garbage: perhaps part of zend's growth: PHP's cycle collector is off, and %s possible roots "
			"wait, ever more (zend.enable_gc, gc_enable())\n",
			roots);
		break;
	case GARBAGE_OVERFLOW:
		strbuf_add(b, "    garbage: perhaps part of zend's growth: the buffer of PHP's cycle collector has "
			      "overflowed, so that it notes no more possible roots\n");
		break;
	case GARBAGE_RETAINED:
		strbuf_add(b, "    garbage: no, what grows in zend is retained: ");
		strbuf_add(b, gc->runs ? "PHP's cycle collector has run, and left it\n"
				       : "there are no more possible roots of garbage cycles than before\n");
		break;
	default:
		break;
	}
}

void text_add_outlook(struct strbuf *b, const struct model_vitals *v, const struct analyze_standing *s)
{
	if (!s)
		return;
	add_limit(b, v, &s->limits);
	add_rest(b, &s->rest);
	add_garbage(b, &v->gc, s->garbage);
}

static void set(json_t *o, const char *key, uint64_t n)
{
	json_object_set_new(o, key, json_number(n));
}

static void set_if(json_t *o, const char *key, int is_known, uint64_t n)
{
	json_object_set_new(o, key, is_known ? json_number(n) : json_null());
}

json_t *json_php_heap(const struct model_php_heap *h)
{
	json_t *o;

	if (!h->is_known)
		return json_null();
	o = json_object();
	set(o, "size_bytes", h->size_bytes);
	set(o, "peak_bytes", h->peak_bytes);
	set(o, "real_bytes", h->real_bytes);
	set(o, "real_peak_bytes", h->real_peak_bytes);
	set_if(o, "limit_bytes", h->limit_bytes != 0, h->limit_bytes);
	set_if(o, "cached_bytes", h->has_cached, h->cached_bytes);
	return o;
}

static json_t *php_gc(const struct model_php_gc *gc)
{
	json_t *o;

	if (!gc->is_known)
		return json_null();
	o = json_object();
	json_object_set_new(o, "enabled", json_boolean(gc->is_enabled));
	json_object_set_new(o, "protected", json_boolean(gc->is_protected));
	set(o, "roots", gc->roots);
	set(o, "threshold", gc->threshold);
	set(o, "runs", gc->runs);
	set(o, "collected", gc->collected);
	return o;
}

static json_t *cgroup(const struct model_vitals *v)
{
	json_t *o;

	if (!v->cgroup_bytes)
		return json_null();
	o = json_object();
	set(o, "limit_bytes", v->cgroup_bytes);
	set(o, "used_bytes", v->cgroup_used_bytes);
	json_object_set_new(o, "high", json_boolean(v->cgroup_is_high));
	set(o, "swap_free_bytes", v->cgroup_swap_bytes);
	return o;
}

static json_t *machine(const struct model_vitals *v)
{
	json_t *o;

	if (!v->machine_bytes)
		return json_null();
	o = json_object();
	set(o, "total_bytes", v->machine_bytes);
	set(o, "available_bytes", v->machine_available_bytes);
	set(o, "swap_free_bytes", v->machine_swap_bytes);
	return o;
}

static uint64_t age_ms(const struct model_snapshot *s, uint64_t time_ns)
{
	return s->time_ns > time_ns ? (s->time_ns - time_ns) / 1000000 : 0;
}

json_t *json_vitals(const struct model_snapshot *s, const struct model_vitals *v)
{
	json_t *o;

	if (!v->time_ns)
		return json_null();
	o = json_object();
	set(o, "age_ms", age_ms(s, v->time_ns));
	set(o, "rss_bytes", v->rss_bytes);
	set(o, "anon_bytes", v->anon_bytes);
	set(o, "file_bytes", v->file_bytes);
	set(o, "shmem_bytes", v->shmem_bytes);
	set(o, "swap_bytes", v->swap_bytes);
	set_if(o, "pss_bytes", v->has_pss, v->pss_bytes);
	set_if(o, "pss_age_ms", v->has_pss, age_ms(s, v->pss_ns));
	set(o, "heap_mapping_bytes", v->heap_map_bytes);
	set(o, "stack_mappings", v->n_stacks);
	set(o, "stack_mapping_bytes", v->stack_bytes);
	json_object_set_new(o, "php", json_php_heap(&v->heap));
	json_object_set_new(o, "gc", php_gc(&v->gc));
	json_object_set_new(o, "cgroup", cgroup(v));
	json_object_set_new(o, "machine", machine(v));
	return o;
}

/* time_to_limit - the limit that is met first. */
static json_t *time_to_limit(const struct analyze_limits *l)
{
	const struct analyze_limit *one;
	json_t *o;

	if (l->soonest == LIMIT_NONE)
		return json_null();
	one = &l->limit[l->soonest];
	o = json_object();
	json_object_set_new(o, "limit", json_string(analyze_limit_name(l->soonest)));
	set(o, "limit_bytes", one->limit_bytes);
	set(o, "seconds", (uint64_t)one->seconds);
	set(o, "least_s", (uint64_t)one->least_s);
	json_object_set_new(
		o, "most_s", one->most_s < LIMIT_LONGEST_S ? json_integer((json_int_t)one->most_s) : json_null());
	set(o, "processes", one->n_taking);
	return o;
}

static json_t *rest(const struct analyze_rest *r)
{
	json_t *o, *parts;

	if (!r->is_there)
		return json_null();
	o = json_object();
	parts = json_object();
	set(o, "rss_bytes_per_s", (uint64_t)r->rss_per_s);
	set(o, "explained_bytes_per_s", (uint64_t)r->explained_per_s);
	for (int i = 0; i < REST_PARTS; i++)
		set(parts, analyze_rest_name(i), (uint64_t)r->part_per_s[i]);
	json_object_set_new(o, "parts", parts);
	return o;
}

void json_set_outlook(json_t *o, const struct analyze_standing *s)
{
	json_object_set_new(o, "time_to_limit", s ? time_to_limit(&s->limits) : json_null());
	json_object_set_new(o, "unexplained", s ? rest(&s->rest) : json_null());
	json_object_set_new(o, "garbage", json_string(analyze_garbage_name(s ? s->garbage : GARBAGE_UNKNOWN)));
}
