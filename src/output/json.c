// SPDX-License-Identifier: GPL-2.0-or-later
/* output/json.c - JSON lines, one object a line; described in docs/json.md. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>

#include "output/internal.h"
#include "util/jsonline.h"

/* Jansson refuses strings that are not UTF-8. */
json_t *json_text(const char *s)
{
	struct strbuf b = { 0 };
	json_t *j;

	strbuf_add_utf8(&b, s);
	j = json_string(b.data ? b.data : "");
	strbuf_free(&b);
	return j;
}

json_t *json_text_or_null(const char *s)
{
	return s && *s ? json_text(s) : json_null();
}

json_t *json_hex(uint64_t n)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "0x%" PRIx64, n);
	return json_string(buf);
}

json_t *json_number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

/* json_begin - an object with the fields that every line has. */
json_t *json_begin(const char *type, int64_t utc_ns)
{
	char time[FORMAT_TIME_BYTES];
	json_t *o = json_object();

	json_object_set_new(o, "schema", json_integer(OUTPUT_JSON_SCHEMA));
	json_object_set_new(o, "type", json_string(type));
	json_object_set_new(o, "time", json_string(format_time(utc_ns, time)));
	return o;
}

/* json_end - append the object as a line. */
void json_end(struct strbuf *b, json_t *o)
{
	jsonline_add(b, o);
	json_decref(o);
}

/* rounded - to hundredths. */
static json_t *rounded(double x)
{
	return json_real(round(x * 100) / 100);
}

static json_t *usage(const struct model_usage *u)
{
	json_t *o = json_object();

	json_object_set_new(o, "used", json_number(u->used));
	json_object_set_new(o, "capacity", json_number(u->capacity));
	return o;
}

static json_t *zend_heap(const struct model_zend_heap *h, int is_estimate)
{
	json_t *o = json_object();

	if (!h->is_known) {
		json_decref(o);
		return json_null();
	}
	json_object_set_new(o, "size_bytes", json_number(h->size_bytes));
	json_object_set_new(o, "traced_bytes", json_number(h->traced_bytes));
	json_object_set_new(o, "before_bytes", json_number(model_zend_before(h)));
	json_object_set_new(o, "difference_bytes", json_integer(model_zend_difference(h)));
	json_object_set_new(o, "steady", json_boolean(h->is_steady));
	json_object_set_new(o, "drops", json_number(h->n_drops));
	json_object_set_new(o, "estimate", json_boolean(is_estimate));
	return o;
}

/* growth - what is thought of a curve. */
static json_t *growth(const struct analyze_growth *g)
{
	json_t *o = json_object();

	json_object_set_new(o, "verdict", json_string(analyze_growth_name(g->verdict)));
	json_object_set_new(o, "bytes_per_s", json_integer((json_int_t)g->bytes_per_s));
	json_object_set_new(o, "low_bytes_per_s", json_integer((json_int_t)g->low));
	json_object_set_new(o, "high_bytes_per_s", json_integer((json_int_t)g->high));
	json_object_set_new(o, "gained_bytes", json_integer(g->gained_bytes));
	return o;
}

json_t *json_growths(const struct analyze_standing *s)
{
	json_t *o = json_object();

	for (int c = 0; s && c < MODEL_CURVE_ROOTS; c++)
		json_object_set_new(o, model_curve_name(c), growth(&s->growth[c]));
	return o;
}

static json_t *process(
	const struct analyze_process *row, const struct analyze_requests *q, const struct model_snapshot *s)
{
	json_t *o = json_object(), *layers = json_object();
	const struct model_process *p = row->process;

	json_object_set_new(o, "pid", json_integer(p->pid));
	json_object_set_new(o, "comm", json_text(p->comm));
	json_object_set_new(o, "alive", json_boolean(p->alive));
	json_object_set_new(o, "allocator", p->allocator ? json_text(p->allocator) : json_null());
	for (int i = 0; i < MODEL_LAYERS; i++) {
		const struct model_layer_counts *c = &p->layer[i];
		json_t *l = json_object();

		json_object_set_new(l, "live_bytes", json_number(c->live_bytes));
		json_object_set_new(l, "live_blocks", json_number(c->live_blocks));
		json_object_set_new(l, "allocs", json_number(c->n_allocs));
		json_object_set_new(l, "alloc_bytes", json_number(c->alloc_bytes));
		json_object_set_new(l, "frees", json_number(c->n_frees));
		json_object_set_new(l, "freed_bytes", json_number(c->freed_bytes));
		json_object_set_new(l, "unknown_frees", json_number(c->n_unknown_frees));
		json_object_set_new(l, "left_out", json_number(c->n_left_out));
		json_object_set_new(l, "estimate", json_boolean(c->is_estimate));
		json_object_set_new(layers, model_layer_name(i), l);
	}
	json_object_set_new(o, "identity", json_identity(p->identity));
	json_object_set_new(o, "live_bytes", json_number(row->live_bytes));
	json_object_set_new(o, "gained_bytes", json_integer(row->gained_bytes));
	json_object_set_new(o, "layers", layers);
	json_object_set_new(o, "zend_heap", zend_heap(&p->zend, p->layer[MODEL_ZEND].is_estimate));
	json_object_set_new(o, "vitals", json_vitals(s, &p->vitals));
	json_object_set_new(o, "growth", json_growths(row->standing));
	json_set_outlook(o, row->standing);
	json_set_requests(o, q, p, s);
	return o;
}

static void add_report(struct strbuf *b, const struct analyze_report *r)
{
	json_t *o = json_begin("report", r->snapshot->utc_ns), *processes = json_array();

	json_object_set_new(o, "number", json_integer(r->number));
	json_object_set_new(o, "final", json_boolean(r->is_final));
	json_object_set_new(o, "since_start_ms", json_number(r->since_start_ns / 1000000));
	json_object_set_new(o, "since_last_ms", json_number(r->since_last_ns / 1000000));
	json_object_set_new(o, "live_bytes", json_number(r->live_bytes));
	json_object_set_new(o, "live_blocks", json_number(r->live_blocks));
	json_object_set_new(o, "gained_bytes", json_integer(r->gained_bytes));
	json_object_set_new(o, "stacks", json_number(r->n_stacks));
	json_object_set_new(o, "complete", json_number(r->n_complete));
	json_object_set_new(o, "shown", json_number(r->n_rows));
	json_object_set_new(o, "leaks", json_number(r->n_leaks));
	json_object_set_new(o, "leak_bytes_per_s", json_integer((json_int_t)r->leak_bytes_per_s));
	json_object_set_new(o, "lost", json_number(r->lost));
	json_object_set_new(o, "left_out", json_number(model_left_out(r->snapshot)));
	json_object_set_new(o, "estimate", json_boolean(model_is_estimate(r->snapshot)));
	json_object_set_new(o, "live_table", usage(&r->snapshot->blocks));
	json_object_set_new(
		o, "live_table_age_ms", json_number((r->snapshot->time_ns - r->snapshot->table_ns) / 1000000));
	json_object_set_new(o, "stack_table", usage(&r->snapshot->stacks));
	json_object_set_new(o, "freed_history", json_freed_history(&r->snapshot->freed));
	for (size_t i = 0; i < r->n_processes; i++)
		json_array_append_new(processes, json_null());
	/* In the order of the snapshot, which is that in which they came. */
	for (size_t i = 0; i < r->n_processes; i++) {
		size_t at = r->process[i].process - r->snapshot->process;

		json_array_set_new(
			processes, at, process(&r->process[i], r->requests ? &r->requests[at] : NULL, r->snapshot));
	}
	json_object_set_new(o, "processes", processes);
	json_end(b, o);
}

void json_add_losses(struct strbuf *b, const struct model_snapshot *s, unsigned report, uint64_t lost)
{
	json_t *o = json_begin("loss", s->utc_ns), *causes = json_object();

	json_object_set_new(o, "report", json_integer(report));
	json_object_set_new(o, "total", json_number(lost));
	for (size_t i = 0; i < s->n_losses; i++)
		json_object_set_new(causes, s->loss[i].key, json_number(s->loss[i].count));
	json_object_set_new(o, "causes", causes);
	json_end(b, o);
}

static json_t *frame(const struct symbol_frame *f)
{
	json_t *o = json_object();
	int in_file = f->kind == SYMBOL_FUNCTION || f->kind == SYMBOL_MODULE;
	int is_php = f->kind == SYMBOL_PHP;

	json_object_set_new(o, "kind", json_string(is_php ? "php" : "native"));
	json_object_set_new(o, "addr", is_php ? json_null() : json_hex(f->addr));
	json_object_set_new(o, "function", f->function ? json_text(f->function) : json_null());
	json_object_set_new(o, "function_offset",
		f->function && !is_php && !f->is_inlined ? json_number(f->function_offset) : json_null());
	json_object_set_new(o, "inlined", json_boolean(f->is_inlined));
	json_object_set_new(o, "file", f->file && *f->file ? json_text(f->file) : json_null());
	json_object_set_new(o, "line", f->line ? json_number(f->line) : json_null());
	json_object_set_new(o, "line_exact", f->line ? json_boolean(!f->is_approximate) : json_null());
	json_object_set_new(o, "module", json_text(f->module));
	json_object_set_new(o, "module_offset", in_file ? json_hex(f->module_offset) : json_null());
	json_object_set_new(o, "build_id", json_text(f->build_id));
	return o;
}

void json_set_stack(json_t *o, const struct output_stack *s)
{
	json_t *frames = json_array();

	json_object_set_new(o, "walk", json_string(model_walk_name(s->walk)));
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(frames, frame(&s->frame[i]));
	json_object_set_new(o, "frames", frames);
}

json_t *json_stack(const struct output_stack *s)
{
	json_t *o;

	if (!s || !s->n)
		return json_null();
	o = json_object();
	json_set_stack(o, s);
	return o;
}

json_t *json_site(const struct model_process *p, enum model_layer layer, const struct output_stack *s)
{
	char site[OUTPUT_SITE_BYTES];

	return json_string(output_site(p ? p->comm : "", layer, s, site));
}

static json_t *age_ms(uint64_t ns)
{
	return ns ? json_number(ns / 1000000) : json_null();
}

/* leak - how fast it leaks; null: it does not, as far as can be told. */
static json_t *leak(const struct analyze_row *row)
{
	const struct analyze_leak *l = row->leak;
	json_t *o;

	if (!l || l->verdict != LEAK_YES)
		return json_null();
	o = json_object();
	json_object_set_new(o, "bytes_per_s", json_integer((json_int_t)l->bytes_per_s));
	json_object_set_new(o, "low_bytes_per_s", json_integer((json_int_t)l->low));
	json_object_set_new(o, "high_bytes_per_s", json_integer((json_int_t)l->high));
	json_object_set_new(o, "bytes_per_request", l->per_request > 0 ? rounded(l->per_request) : json_null());
	json_object_set_new(o, "low_bytes_per_request", l->per_request > 0 ? rounded(l->request_low) : json_null());
	json_object_set_new(o, "high_bytes_per_request", l->per_request > 0 ? rounded(l->request_high) : json_null());
	json_object_set_new(o, "growing_block", json_boolean(l->is_growing_block));
	return o;
}

/* born - how many blocks of a stack were made in a generation. */
static uint64_t born(const struct model_snapshot *s, const struct analyze_row *row, size_t g)
{
	uint64_t before = g ? row->history->mark[g - 1].n_allocs : 0;
	uint64_t by = g < s->bounds.n ? row->history->mark[g].n_allocs : row->stack->n_allocs;

	return by > before ? by - before : 0;
}

/* generations - the blocks by when they were born, and how many of them live: of those that had any. */
static json_t *generations(const struct model_snapshot *s, const struct analyze_row *row)
{
	const struct model_generations *live = row->stack->generations;
	json_t *list = json_array();

	for (size_t g = 0; (live || row->history) && g <= s->bounds.n; g++) {
		uint64_t n = row->history ? born(s, row, g) : 0;
		json_t *o;

		if (!n && !(live && live->blocks[g]))
			continue;
		o = json_object();
		json_object_set_new(
			o, "from_ms", json_number(g ? (s->bounds.time_ns[g - 1] - s->start_ns) / 1000000 : 0));
		json_object_set_new(o, "to_ms",
			g < s->bounds.n ? json_number((s->bounds.time_ns[g] - s->start_ns) / 1000000) : json_null());
		json_object_set_new(o, "live_blocks", json_number(live ? live->blocks[g] : 0));
		json_object_set_new(o, "live_bytes", json_number(live ? live->bytes[g] : 0));
		json_object_set_new(o, "born_blocks", row->history ? json_number(n) : json_null());
		json_array_append_new(list, o);
	}
	return list;
}

/* set_verdict - what is thought of a stack, and why. */
static void set_verdict(json_t *o, const struct model_snapshot *s, const struct analyze_row *row)
{
	static const struct analyze_leak none = { .verdict = LEAK_EARLY };
	const struct analyze_leak *l = row->leak ? row->leak : &none;
	json_t *life = json_object();

	json_object_set_new(o, "verdict", json_string(analyze_leak_name(l->verdict)));
	json_object_set_new(o, "leak", leak(row));
	json_object_set_new(o, "old_age_ms", age_ms(l->old_ns));
	json_object_set_new(o, "old_blocks", json_number(l->n_old));
	json_object_set_new(o, "old_freed", json_number(l->n_old_freed));
	json_object_set_new(life, "p50", age_ms(l->p50_ns));
	json_object_set_new(life, "p90", age_ms(l->p90_ns));
	json_object_set_new(life, "p99", age_ms(l->p99_ns));
	json_object_set_new(o, "lifetime_ms", life);
	json_object_set_new(o, "generations", generations(s, row));
}

static void add_stack(struct strbuf *b, const struct analyze_report *r, size_t i, const struct output_stack *s)
{
	json_t *o = json_begin("stack", r->snapshot->utc_ns);
	const struct analyze_row *row = &r->row[i];
	const struct model_stack *m = row->stack;

	json_object_set_new(o, "report", json_integer(r->number));
	json_object_set_new(o, "rank", json_number(i + 1));
	json_object_set_new(o, "pid", json_integer(m->pid));
	json_object_set_new(o, "comm", json_text(row->process ? row->process->comm : ""));
	json_object_set_new(o, "layer", json_string(model_layer_name(m->layer)));
	json_object_set_new(o, "site", json_site(row->process, m->layer, s));
	json_object_set_new(o, "live_bytes", json_number(m->live_bytes));
	json_object_set_new(o, "live_blocks", json_number(m->live_blocks));
	json_object_set_new(o, "gained_bytes", json_integer(row->gained_bytes));
	json_object_set_new(o, "gained_start_bytes", json_integer(row->gained_start_bytes));
	json_object_set_new(o, "oldest_age_ms", json_number(row->oldest_age_ns / 1000000));
	json_object_set_new(o, "allocs", json_number(m->n_allocs));
	json_object_set_new(o, "alloc_bytes", json_number(m->alloc_bytes));
	json_object_set_new(o, "frees", json_number(m->n_frees));
	json_object_set_new(o, "freed_bytes", json_number(m->freed_bytes));
	set_verdict(o, r->snapshot, row);
	json_set_stack(o, s);
	json_end(b, o);
}

int output_json_losses(FILE *f, const struct model_snapshot *s)
{
	struct strbuf b = { 0 };

	json_add_losses(&b, s, 0, model_lost(s));
	return strbuf_write(&b, f);
}

int output_json_report(FILE *f, const struct analyze_report *r, const struct output_stack *stacks)
{
	struct strbuf b = { 0 };

	add_report(&b, r);
	json_add_losses(&b, r->snapshot, r->number, r->lost);
	for (size_t i = 0; i < r->n_rows; i++)
		add_stack(&b, r, i, &stacks[i]);
	return strbuf_write(&b, f);
}

json_t *json_crash(const struct model_event *e, const struct output_stack *stack)
{
	json_t *o = json_begin("crash", e->utc_ns);
	char signal[16], code[16];

	json_object_set_new(o, "pid", json_integer(e->pid));
	json_object_set_new(o, "tid", json_integer(e->tid));
	json_object_set_new(o, "comm", json_text(e->comm));
	json_object_set_new(o, "identity", json_identity(e->identity));
	json_object_set_new(o, "signal", json_integer(e->signal));
	json_object_set_new(o, "signal_name", json_string(crash_signal_name(e->signal, signal, sizeof(signal))));
	json_object_set_new(o, "code", json_integer(e->code));
	json_object_set_new(o, "code_name", json_string(crash_code_name(e->signal, e->code, code, sizeof(code))));
	json_object_set_new(o, "code_text", json_string(crash_code_text(e->signal, e->code)));
	json_object_set_new(o, "fault_addr", e->has_fault_addr ? json_hex(e->fault_addr) : json_null());
	json_object_set_new(o, "sender_pid", e->sender_pid ? json_integer(e->sender_pid) : json_null());
	json_object_set_new(o, "ip", json_hex(e->ip));
	json_object_set_new(o, "sp", json_hex(e->sp));
	json_set_stack(o, stack);
	return o;
}

static json_t *lifecycle(const struct model_event *e)
{
	static const char *const names[] = {
		[MODEL_EXEC] = "exec",
		[MODEL_EXIT] = "exit",
		[MODEL_FORK] = "fork",
		[MODEL_DL] = "libraries",
		[MODEL_CODE] = "code",
	};
	json_t *o = json_begin("lifecycle", e->utc_ns);

	json_object_set_new(o, "event", json_string(names[e->type]));
	json_object_set_new(o, "pid", json_integer(e->pid));
	json_object_set_new(o, "comm", json_text(e->comm));
	if (e->type == MODEL_EXIT)
		json_set_exit(o, e);
	if (e->type == MODEL_FORK)
		json_object_set_new(o, "child_pid", json_integer(e->child_pid));
	return o;
}

int output_json_event(FILE *f, const struct model_event *e, const struct output_stack *stack)
{
	struct strbuf b = { 0 };

	json_end(&b, e->type == MODEL_SIGNAL ? json_crash(e, stack) : lifecycle(e));
	return strbuf_write(&b, f);
}
