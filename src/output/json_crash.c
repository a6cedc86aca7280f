// SPDX-License-Identifier: GPL-2.0-or-later
/* output/json_crash.c - a crash as a JSON line; described in docs/crashes.md. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "output/internal.h"

static json_t *mapping(const struct crash_place *p)
{
	static const char *const relations[] = {
		[CRASH_NOWHERE] = "", [CRASH_IN] = "in", [CRASH_AFTER] = "after", [CRASH_BEFORE] = "before"
	};
	char flags[MODEL_FLAGS_BYTES];
	json_t *o;

	if (!p->mapping)
		return json_null();
	o = json_object();
	json_object_set_new(o, "name", json_text(p->mapping->name));
	json_object_set_new(o, "start", json_hex(p->mapping->start));
	json_object_set_new(o, "end", json_hex(p->mapping->end));
	json_object_set_new(o, "flags", json_string(model_mapping_flags(p->mapping, flags)));
	json_object_set_new(o, "relation", json_string(relations[p->relation]));
	json_object_set_new(o, "distance_bytes", json_number(p->distance_bytes));
	return o;
}

static json_t *block(const struct output_crash *c, const struct model_near *n)
{
	int is_freed = n && n->kind == MODEL_NEAR_FREED;
	json_t *o;
	size_t i;

	if (!n)
		return json_null();
	i = (size_t)(n - c->near);
	o = json_object();
	json_object_set_new(o, "state", json_string(is_freed ? "freed" : "live"));
	json_object_set_new(o, "layer", json_string(model_layer_name(n->layer)));
	json_object_set_new(o, "addr", json_hex(n->addr));
	json_object_set_new(o, "size_bytes", json_number(n->size_bytes));
	json_object_set_new(o, "offset", json_integer((json_int_t)n->offset));
	json_object_set_new(o, "age_ms", json_number(n->age_ns / 1000000));
	json_object_set_new(o, "freed_ms", is_freed ? json_number(n->freed_ns / 1000000) : json_null());
	json_object_set_new(o, "freed_tid", is_freed && n->freed_tid ? json_integer(n->freed_tid) : json_null());
	json_object_set_new(o, "allocated_by", json_stack(c->allocated ? &c->allocated[i] : NULL));
	json_object_set_new(o, "freed_by", json_stack(is_freed && c->freed ? &c->freed[i] : NULL));
	return o;
}

static json_t *place(const struct output_crash *c, const struct crash_place *p)
{
	json_t *o = json_object();

	json_object_set_new(o, "addr", json_hex(p->addr));
	json_object_set_new(o, "text", json_text(p->text));
	json_object_set_new(o, "mapping", mapping(p));
	json_object_set_new(o, "block", block(c, p->near));
	return o;
}

static json_t *address(const struct output_crash *c)
{
	json_t *o;

	if (!c->report->has_address)
		return json_null();
	o = place(c, &c->report->address);
	json_object_set_new(o, "source", json_string(c->report->is_computed ? "instruction" : "kernel"));
	return o;
}

static json_t *pointers(const struct output_crash *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->report->n_pointers; i++) {
		json_t *o = place(c, &c->report->pointer[i]);

		json_object_set_new(o, "register", json_string(crash_register_name(c->report->pointer[i].reg)));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *registers(const struct model_crash *m)
{
	json_t *o = json_object();

	for (int i = 0; i < MODEL_REGISTERS; i++)
		json_object_set_new(o, crash_register_name(i), json_hex(m->reg[i]));
	return o;
}

static json_t *code_bytes(const struct model_crash *m)
{
	char buf[2 * MODEL_CODE_BYTES + 1];

	for (size_t i = 0; i < m->n_code && i < MODEL_CODE_BYTES; i++)
		snprintf(buf + 2 * i, 3, "%02x", m->code[i]);
	return m->n_code ? json_string(buf) : json_null();
}

static json_t *recursion(const struct crash_cycle *r)
{
	json_t *o;

	if (!r->frames)
		return json_null();
	o = json_object();
	json_object_set_new(o, "kind", json_string(r->is_php ? "php" : "native"));
	json_object_set_new(o, "first", json_number(r->first));
	json_object_set_new(o, "frames", json_number(r->frames));
	json_object_set_new(o, "times", json_number(r->times));
	return o;
}

static json_t *calls(const struct model_crash *m)
{
	static const char *const names[] = { "alloc", "realloc", "free" };
	json_t *list = json_array();

	for (size_t i = 0; i < m->n_calls && i < MODEL_MAX_CALLS; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "before_us", json_number(m->call[i].before_ns / 1000));
		json_object_set_new(o, "op", json_string(names[m->call[i].op]));
		json_object_set_new(o, "layer", json_string(model_layer_name(m->call[i].layer)));
		json_object_set_new(o, "addr", json_hex(m->call[i].addr));
		json_object_set_new(o, "size_bytes", json_number(m->call[i].size_bytes));
		json_object_set_new(o, "pending", json_boolean(m->call[i].is_pending));
		json_object_set_new(o, "known", json_boolean(!m->call[i].is_unknown));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *live(const struct output_crash *c)
{
	json_t *o;

	if (!c->has_live)
		return json_null();
	o = json_object();
	for (int l = 0; l < MODEL_LAYERS; l++)
		json_object_set_new(o, model_layer_name(l), json_number(c->live_bytes[l]));
	return o;
}

/* memory - what it held, and what it was when it was last looked at. */
static json_t *memory(const struct output_crash *c)
{
	const struct model_vitals *v = c->process && c->process->vitals.time_ns ? &c->process->vitals : NULL;
	json_t *o, *verdict;

	if (!c->has_live && !c->process)
		return json_null();
	o = json_object();
	verdict = json_object();
	for (int k = 0; c->standing && k < MODEL_CURVES; k++)
		json_object_set_new(
			verdict, model_curve_name(k), json_string(analyze_growth_name(c->standing->growth[k].verdict)));
	json_object_set_new(o, "live_bytes", live(c));
	json_object_set_new(o, "age_ms", c->process ? json_number(c->process_age_ns / 1000000) : json_null());
	json_object_set_new(o, "rss_bytes", v ? json_number(v->rss_bytes) : json_null());
	json_object_set_new(o, "swap_bytes", v ? json_number(v->swap_bytes) : json_null());
	json_object_set_new(o, "php", v ? json_php_heap(&v->heap) : json_null());
	json_object_set_new(o, "verdict", verdict);
	json_set_outlook(o, c->standing);
	return o;
}

static json_t *access_name(int access)
{
	switch (access) {
	case MODEL_READ:
		return json_string("read");
	case MODEL_WRITE:
		return json_string("write");
	case MODEL_EXECUTE:
		return json_string("execute");
	default:
		return json_null();
	}
}

int output_json_crash(FILE *f, const struct output_crash *c)
{
	const struct model_crash *m = c->event->crash;
	json_t *o = json_crash(c->event, c->stack);
	const struct crash_report *r = c->report;
	struct strbuf b = { 0 };

	json_object_set_new(o, "kind", json_string(crash_kind_name(r->kind)));
	json_object_set_new(o, "summary", json_text(r->summary));
	json_object_set_new(o, "likely", json_text_or_null(r->likely));
	json_object_set_new(o, "access", access_name(r->access));
	json_object_set_new(o, "access_bytes", r->access_bytes ? json_number(r->access_bytes) : json_null());
	json_object_set_new(o, "instruction", json_text_or_null(r->instruction));
	json_object_set_new(o, "code_bytes", code_bytes(m));
	json_object_set_new(o, "address", address(c));
	json_object_set_new(o, "registers", registers(m));
	json_object_set_new(o, "trap", json_number(m->trap));
	json_object_set_new(o, "error_code", json_number(m->error_code));
	json_object_set_new(o, "pointers", pointers(c));
	json_object_set_new(o, "recursion", recursion(&r->cycle));
	json_object_set_new(o, "abort_message", json_text_or_null(m->abort_message));
	json_object_set_new(o, "syscall", r->kind == CRASH_SECCOMP ? json_integer(m->syscall) : json_null());
	json_object_set_new(o, "calls", calls(m));
	json_object_set_new(o, "memory", memory(c));
	json_object_set_new(o, "kernel_line", json_text_or_null(r->kernel_line));
	json_end(&b, o);
	return strbuf_write(&b, f);
}
