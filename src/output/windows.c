// SPDX-License-Identifier: GPL-2.0-or-later
/* output/windows.c - what tracing in windows has found, for people and as JSON lines (docs/json.md). All of it are estimates, and
 * they are called that. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>

#include "output/internal.h"

static double percent(uint64_t part, uint64_t of)
{
	return of ? 100 * (double)part / (double)of : 0;
}

static size_t count_alive(const struct analyze_estimate *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->snapshot->n_processes; i++)
		n += e->snapshot->process[i].alive != 0;
	return n;
}

/* add_spread - "about 2.1 MiB/s (1.8 MiB/s to 2.4 MiB/s)". */
static void add_spread(struct strbuf *b, const struct analyze_estimate_rate *r, const char *(*format)(int64_t, char *))
{
	char rate[FORMAT_BYTES_BYTES], low[FORMAT_BYTES_BYTES], high[FORMAT_BYTES_BYTES];

	strbuf_addf(b, "%s/s (%s/s to %s/s)", format((int64_t)llround(r->rate), rate),
		format((int64_t)llround(r->low), low), format((int64_t)llround(r->high), high));
}

static const char *format_rate(int64_t bytes, char *buf)
{
	return format_bytes(bytes > 0 ? (uint64_t)bytes : 0, buf);
}

static int has_growing_heap(const struct analyze_estimate *e)
{
	for (size_t i = 0; i < e->n_heaps; i++)
		if (e->heap[i].is_known && e->heap[i].growth.low > 0)
			return 1;
	return 0;
}

static void add_heading(struct strbuf *b, const struct analyze_estimate *e)
{
	const struct model_windows *w = e->windows;
	char time[FORMAT_TIME_BYTES];

	strbuf_addf(b, "[%s] ", format_time(e->snapshot->utc_ns, time));
	if (e->is_final)
		strbuf_add(b, "final report");
	else
		strbuf_addf(b, "report %u", e->number);
	strbuf_addf(b, " after %.1f s, estimated from %" PRIu32 " window%s: ", (double)w->elapsed_ns / 1e9,
		w->n_windows, w->n_windows == 1 ? "" : "s");
	if (e->n_named)
		strbuf_addf(b, "%zu stack%s growing\n", e->n_named, e->n_named == 1 ? " is" : "s are");
	else if (!count_alive(e))
		strbuf_add(b, "the process has ended, and its memory is gone; the report before tells of it\n");
	else if (e->n_judged < ESTIMATE_MIN_WINDOWS)
		strbuf_addf(
			b, "too early to tell: %u of %d windows can be judged\n", e->n_judged, ESTIMATE_MIN_WINDOWS);
	else if (e->is_heap_early)
		strbuf_add(b, "too early to tell: PHP's own count must be followed for some seconds more\n");
	else if (has_growing_heap(e))
		strbuf_addf(b, "PHP's heap grows, but %u windows have not seen enough of why: trace for longer\n",
			e->n_judged);
	else
		strbuf_addf(b, "no stack is growing, as far as %u windows can tell\n", e->n_judged);
	strbuf_addf(b,
		"  probes were in place for %.2f s of %.1f s: %.2f %% (at most %.4g %%); %.2f s of that recorded\n",
		(double)w->probed_ns / 1e9, (double)w->elapsed_ns / 1e9, percent(w->probed_ns, w->elapsed_ns),
		100 * w->budget, (double)w->recorded_ns / 1e9);
}

static const struct analyze_estimate_heap *heap_of(const struct analyze_estimate *e, int pid)
{
	for (size_t i = 0; i < e->n_heaps; i++)
		if (e->heap[i].pid == pid)
			return &e->heap[i];
	return NULL;
}

static void add_heap(struct strbuf *b, const struct analyze_estimate_heap *h)
{
	char size[FORMAT_BYTES_BYTES];

	if (!h || !h->has_heap)
		return;
	strbuf_addf(b, "    zend heap: PHP counts %s", format_bytes(h->size_bytes, size));
	if (h->is_known) {
		strbuf_add(b, ", lately ");
		add_spread(b, &h->growth, format_gain);
	}
	strbuf_add(b, "\n");
}

static void add_process(struct strbuf *b, const struct analyze_estimate *e, size_t i)
{
	const struct model_process *p = &e->snapshot->process[i];
	const struct analyze_standing *standing = e->verdicts ? analyze_standing_of(e->verdicts, p) : NULL;

	strbuf_add(b, "  ");
	text_add_who(b, p->comm, p->pid);
	text_add_role(b, p->identity);
	strbuf_add(b, p->alive ? ":\n" : " (ended):\n");
	text_add_new_identity(b, p);
	add_heap(b, heap_of(e, p->pid));
	text_add_vitals(b, &p->vitals);
	text_add_memory(b, standing);
	text_add_outlook(b, &p->vitals, standing);
	text_add_requests(b, e->requests ? &e->requests[i] : NULL, p, e->is_final);
}

static json_t *processes(const struct analyze_estimate *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->snapshot->n_processes; i++) {
		const struct model_process *p = &e->snapshot->process[i];
		const struct analyze_standing *standing = e->verdicts ? analyze_standing_of(e->verdicts, p) : NULL;
		json_t *o = json_object();

		json_object_set_new(o, "pid", json_integer(p->pid));
		json_object_set_new(o, "comm", json_text(p->comm));
		json_object_set_new(o, "alive", json_boolean(p->alive));
		json_object_set_new(o, "vitals", json_vitals(e->snapshot, &p->vitals));
		json_object_set_new(o, "growth", json_growths(standing));
		json_set_outlook(o, standing);
		json_set_requests(o, e->requests ? &e->requests[i] : NULL, p, e->snapshot);
		json_array_append_new(list, o);
	}
	return list;
}

static void add_candidates(struct strbuf *b, const struct analyze_estimate *e)
{
	char size[FORMAT_BYTES_BYTES], count[FORMAT_COUNT_BYTES];

	strbuf_addf(b, "  candidates, not yet judged or not growing: %s blocks, %s; most of them are freed by now\n",
		format_count(e->unjudged_blocks, count), format_bytes(e->unjudged_bytes, size));
	strbuf_addf(b, "  known to be gone since their address was handed out again: %s blocks; ",
		format_count(e->windows->n_cleared, count));
	strbuf_addf(b, "calls cut by the edge of a window: %s\n", format_count(e->windows->n_cut, count));
}

static void add_rate(struct strbuf *b, const struct analyze_estimate_row *row)
{
	strbuf_add(b, row->is_scaled ? "about " : "at least about ");
	add_spread(b, &row->rate, format_rate);
}

static void add_seen(struct strbuf *b, const struct analyze_estimate_row *row)
{
	char size[FORMAT_BYTES_BYTES], count[FORMAT_COUNT_BYTES];

	strbuf_addf(b, "%s blocks, %s, from %u of %u windows were not seen to be freed%s",
		format_count(row->blocks, count), format_bytes(row->bytes, size), row->n_with, row->n_windows,
		row->is_scaled ? "; the rate is this stack's share of what PHP's count grows by" : "");
}

void text_add_estimate(struct strbuf *b, const struct analyze_estimate_row *row)
{
	strbuf_add(b, "LEAK ");
	add_rate(b, row);
	strbuf_add(b, ": ");
	add_seen(b, row);
}

static void add_row(struct strbuf *b, const struct analyze_estimate *e, size_t i, const struct output_stack *s)
{
	const struct analyze_estimate_row *row = &e->row[i];

	strbuf_addf(b, "\n#%zu  ", i + 1);
	add_rate(b, row);
	strbuf_addf(b, ", %s, ", model_layer_name(row->stack->layer));
	text_add_who(b, row->process ? row->process->comm : "", row->stack->pid);
	text_add_role(b, row->process ? row->process->identity : NULL);
	text_add_site(b, row->process, row->stack->layer, s);
	strbuf_add(b, "\n    estimate: ");
	add_seen(b, row);
	strbuf_add(b, "\n");
	text_add_stack(b, s);
}

int output_text_estimate(FILE *f, const struct analyze_estimate *e, const struct output_stack *stacks)
{
	struct strbuf b = { 0 };

	add_heading(&b, e);
	for (size_t i = 0; i < e->snapshot->n_processes; i++)
		add_process(&b, e, i);
	add_candidates(&b, e);
	text_add_losses(&b, e->snapshot, e->lost);
	for (size_t i = 0; i < e->n_rows; i++)
		add_row(&b, e, i, &stacks[i]);
	if (e->n_named > e->n_rows)
		strbuf_addf(&b, "\n%zu more %s not shown (--top)\n", e->n_named - e->n_rows,
			e->n_named - e->n_rows == 1 ? "stack is" : "stacks are");
	strbuf_add(&b, "\n");
	return strbuf_write(&b, f);
}

static void set_rate(json_t *o, const struct analyze_estimate_rate *r)
{
	json_object_set_new(o, "bytes_per_s", json_integer(llround(r->rate)));
	json_object_set_new(o, "low_bytes_per_s", json_integer(llround(r->low)));
	json_object_set_new(o, "high_bytes_per_s", json_integer(llround(r->high)));
}

static json_t *heap(const struct analyze_estimate *e, const struct analyze_estimate_heap *h)
{
	const struct model_process *p = model_find_process(e->snapshot, h->pid);
	json_t *o = json_object(), *growth;

	json_object_set_new(o, "pid", json_integer(h->pid));
	json_object_set_new(o, "size_bytes", h->has_heap ? json_number(h->size_bytes) : json_null());
	growth = h->is_known ? json_object() : json_null();
	if (h->is_known)
		set_rate(growth, &h->growth);
	json_object_set_new(o, "growth", growth);
	json_object_set_new(o, "identity", json_identity(p ? p->identity : NULL));
	return o;
}

static void add_json(struct strbuf *b, const struct analyze_estimate *e)
{
	json_t *o = json_begin("windows", e->snapshot->utc_ns), *heaps = json_array();
	const struct model_windows *w = e->windows;

	json_object_set_new(o, "number", json_integer(e->number));
	json_object_set_new(o, "final", json_boolean(e->is_final));
	json_object_set_new(o, "elapsed_ms", json_number(w->elapsed_ns / 1000000));
	json_object_set_new(o, "probed_ms", json_number(w->probed_ns / 1000000));
	json_object_set_new(o, "recorded_ms", json_number(w->recorded_ns / 1000000));
	json_object_set_new(o, "probed_percent", json_real(percent(w->probed_ns, w->elapsed_ns)));
	json_object_set_new(o, "budget_percent", json_real(100 * w->budget));
	json_object_set_new(o, "alive", json_number(count_alive(e)));
	json_object_set_new(o, "windows", json_integer(w->n_windows));
	json_object_set_new(o, "judged", json_integer(e->n_judged));
	json_object_set_new(o, "enough", json_boolean(e->n_judged >= ESTIMATE_MIN_WINDOWS && !e->is_heap_early));
	json_object_set_new(o, "named", json_number(e->n_named));
	json_object_set_new(o, "shown", json_number(e->n_rows));
	json_object_set_new(o, "candidate_blocks", json_number(e->unjudged_blocks));
	json_object_set_new(o, "candidate_bytes", json_number(e->unjudged_bytes));
	json_object_set_new(o, "cleared", json_number(w->n_cleared));
	json_object_set_new(o, "cut", json_number(w->n_cut));
	json_object_set_new(o, "lost", json_number(e->lost));
	for (size_t i = 0; i < e->n_heaps; i++)
		json_array_append_new(heaps, heap(e, &e->heap[i]));
	json_object_set_new(o, "zend_heaps", heaps);
	json_object_set_new(o, "processes", processes(e));
	json_end(b, o);
}

static void add_json_row(struct strbuf *b, const struct analyze_estimate *e, size_t i, const struct output_stack *s)
{
	json_t *o = json_begin("estimate", e->snapshot->utc_ns);
	const struct analyze_estimate_row *row = &e->row[i];

	json_object_set_new(o, "report", json_integer(e->number));
	json_object_set_new(o, "rank", json_number(i + 1));
	json_object_set_new(o, "pid", json_integer(row->stack->pid));
	json_object_set_new(o, "comm", json_text(row->process ? row->process->comm : ""));
	json_object_set_new(o, "layer", json_string(model_layer_name(row->stack->layer)));
	json_object_set_new(o, "site", json_site(row->process, row->stack->layer, s));
	set_rate(o, &row->rate);
	json_object_set_new(o, "scaled", json_boolean(row->is_scaled));
	json_object_set_new(o, "blocks", json_number(row->blocks));
	json_object_set_new(o, "bytes", json_number(row->bytes));
	json_object_set_new(o, "late", json_number(row->n_late));
	json_object_set_new(o, "windows_with", json_integer(row->n_with));
	json_object_set_new(o, "windows", json_integer(row->n_windows));
	json_set_stack(o, s);
	json_end(b, o);
}

int output_json_estimate(FILE *f, const struct analyze_estimate *e, const struct output_stack *stacks)
{
	struct strbuf b = { 0 };

	add_json(&b, e);
	json_add_losses(&b, e->snapshot, e->number, e->lost);
	for (size_t i = 0; i < e->n_rows; i++)
		add_json_row(&b, e, i, &stacks[i]);
	return strbuf_write(&b, f);
}
