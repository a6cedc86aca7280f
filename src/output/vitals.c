// SPDX-License-Identifier: GPL-2.0-or-later
/* output/vitals.c - what a process has of memory, for people and for programs. */
#include <jansson.h>

#include "output/internal.h"

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
	strbuf_addf(b, "    php: %s taken of ", format_bytes(h->real_bytes, real));
	strbuf_addf(b, h->limit_bytes ? "memory_limit %s" : "no memory_limit", format_bytes(h->limit_bytes, limit));
	strbuf_addf(b, ", peak %s", format_bytes(h->real_peak_bytes, peak));
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

static void set(json_t *o, const char *key, uint64_t n)
{
	json_object_set_new(o, key, json_integer((json_int_t)n));
}

static void set_if(json_t *o, const char *key, int is_known, uint64_t n)
{
	json_object_set_new(o, key, is_known ? json_integer((json_int_t)n) : json_null());
}

static json_t *php_heap(const struct model_php_heap *h)
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
	json_object_set_new(o, "php", php_heap(&v->heap));
	json_object_set_new(o, "gc", php_gc(&v->gc));
	json_object_set_new(o, "cgroup", cgroup(v));
	json_object_set_new(o, "machine", machine(v));
	return o;
}
