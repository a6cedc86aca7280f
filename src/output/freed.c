// SPDX-License-Identifier: GPL-2.0-or-later
/* output/freed.c - a block that was freed twice, and what is remembered of freed blocks: as text and as JSON. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>

#include "output/internal.h"

/* begin - an event's object, with whose it was. */
static json_t *begin(const char *type, const struct model_event *e)
{
	json_t *o = json_begin(type, e->utc_ns);

	json_object_set_new(o, "pid", json_integer(e->pid));
	json_object_set_new(o, "tid", json_integer(e->tid));
	json_object_set_new(o, "comm", json_text(e->comm));
	json_object_set_new(o, "identity", json_identity(e->identity));
	return o;
}

/* of_realloc - begins what a line says of a block; a free is what its head says already. */
static const char *of_realloc(const struct model_event *e)
{
	return e->by_realloc ? "realloc of " : "";
}

static json_t *json_op(const struct model_event *e)
{
	return json_string(e->by_realloc ? "realloc" : "free");
}

int output_text_freed(FILE *f, const struct model_event *e, const struct output_stack *again,
	const struct output_stack *allocated, const struct output_stack *freed)
{
	char time[FORMAT_TIME_BYTES], size[FORMAT_BYTES_BYTES];
	const struct model_near *n = e->block;
	struct strbuf b = { 0 };

	strbuf_addf(&b, "[%s] DOUBLE FREE ", format_time(e->utc_ns, time));
	text_add_whose_thread(&b, e);
	strbuf_addf(&b, ": %s%s, %s, at 0x%" PRIx64 ", was freed %.2f s before by thread %d\n", of_realloc(e),
		format_bytes(n->size_bytes, size), model_layer_name(n->layer), n->addr, (double)n->freed_ns / 1e9,
		n->freed_tid);
	text_add_stack(&b, again);
	if (freed->n) {
		strbuf_add(&b, "    freed first by:\n");
		text_add_stack(&b, freed);
	} else {
		strbuf_add(&b, "    who freed it first: --free-stacks tells\n");
	}
	if (allocated->n) {
		strbuf_addf(&b, "    allocated %.2f s before by:\n", (double)n->age_ns / 1e9);
		text_add_stack(&b, allocated);
	}
	strbuf_add(&b, "\n");
	return strbuf_write(&b, f);
}

int output_json_freed(FILE *f, const struct model_event *e, const struct output_stack *again,
	const struct output_stack *allocated, const struct output_stack *freed)
{
	json_t *o = begin("double_free", e);
	const struct model_near *n = e->block;
	struct strbuf b = { 0 };

	json_object_set_new(o, "layer", json_string(model_layer_name(n->layer)));
	json_object_set_new(o, "op", json_op(e));
	json_object_set_new(o, "addr", json_hex(n->addr));
	json_object_set_new(o, "size_bytes", json_number(n->size_bytes));
	json_object_set_new(o, "age_ms", json_number(n->age_ns / 1000000));
	json_object_set_new(o, "freed_ms", json_number(n->freed_ns / 1000000));
	json_object_set_new(o, "freed_tid", json_integer(n->freed_tid));
	json_set_stack(o, again);
	json_object_set_new(o, "allocated_by", json_stack(allocated));
	json_object_set_new(o, "freed_by", json_stack(freed));
	json_end(&b, o);
	return strbuf_write(&b, f);
}

int output_text_stray(
	FILE *f, const struct model_event *e, const struct output_stack *stack, const struct output_stack *allocated)
{
	char time[FORMAT_TIME_BYTES], size[FORMAT_BYTES_BYTES];
	const struct model_near *n = e->block;
	struct strbuf b = { 0 };

	strbuf_addf(&b, "[%s] INVALID FREE ", format_time(e->utc_ns, time));
	text_add_whose_thread(&b, e);
	strbuf_addf(&b, ": %s0x%" PRIx64 ", ", of_realloc(e), e->stray->addr);
	if (n->kind != MODEL_NEAR_NONE)
		strbuf_addf(&b, "%" PRId64 " bytes into a live block of %s, %s, at 0x%" PRIx64 "\n", n->offset,
			format_bytes(n->size_bytes, size), model_layer_name(n->layer), n->addr);
	else
		strbuf_add(&b, e->stray->is_new
				       ? "which was never allocated\n"
				       : "where no block lives: it was never allocated, or was freed before\n");
	text_add_stack(&b, stack);
	if (allocated->n) {
		strbuf_addf(&b, "    the block was allocated %.2f s before by:\n", (double)n->age_ns / 1e9);
		text_add_stack(&b, allocated);
	}
	strbuf_add(&b, "\n");
	return strbuf_write(&b, f);
}

static json_t *json_holder(const struct model_near *n, const struct output_stack *allocated)
{
	json_t *o;

	if (n->kind == MODEL_NEAR_NONE)
		return json_null();
	o = json_object();
	json_object_set_new(o, "addr", json_hex(n->addr));
	json_object_set_new(o, "size_bytes", json_number(n->size_bytes));
	json_object_set_new(o, "offset", json_integer(n->offset));
	json_object_set_new(o, "age_ms", json_number(n->age_ns / 1000000));
	json_object_set_new(o, "allocated_by", json_stack(allocated));
	return o;
}

int output_json_stray(
	FILE *f, const struct model_event *e, const struct output_stack *stack, const struct output_stack *allocated)
{
	json_t *o = begin("invalid_free", e);
	struct strbuf b = { 0 };

	json_object_set_new(o, "layer", json_string(model_layer_name(e->stray->layer)));
	json_object_set_new(o, "op", json_op(e));
	json_object_set_new(o, "addr", json_hex(e->stray->addr));
	json_object_set_new(o, "what",
		json_string(e->block->kind != MODEL_NEAR_NONE ? "inside_block"
			    : e->stray->is_new		      ? "never_allocated"
							      : "no_block"));
	json_set_stack(o, stack);
	json_object_set_new(o, "block", json_holder(e->block, allocated));
	json_end(&b, o);
	return strbuf_write(&b, f);
}

json_t *json_freed_history(const struct model_freed_history *h)
{
	json_t *o;

	if (!h->capacity)
		return json_null();
	o = json_object();
	json_object_set_new(o, "capacity", json_number(h->capacity));
	json_object_set_new(o, "used", json_number(h->used));
	json_object_set_new(o, "kept",
		h->n_watched ? json_real(round(1e4 * (double)h->n_kept / (double)h->n_watched) / 1e4) : json_null());
	json_object_set_new(o, "stacks", json_boolean(h->has_stacks));
	json_object_set_new(o, "lookups", json_number(h->lookups));
	json_object_set_new(o, "found", json_number(h->found));
	json_object_set_new(o, "double_frees", json_number(h->n_twice));
	json_object_set_new(o, "invalid_frees", json_number(h->n_stray));
	return o;
}

/* add_hits - how often what was looked for was found, and how much is forgotten from one report to the next. */
static void add_hits(struct strbuf *b, const struct model_freed_history *h)
{
	char used[FORMAT_COUNT_BYTES], found[FORMAT_COUNT_BYTES], lookups[FORMAT_COUNT_BYTES];

	strbuf_addf(b, "  freed blocks: %s remembered", format_count(h->used, used));
	if (h->n_watched)
		strbuf_addf(b, ", and %.1f %% of those of the report before",
			100.0 * (double)h->n_kept / (double)h->n_watched);
	strbuf_addf(b, "; %s of %s looked up were found\n", format_count(h->found, found),
		format_count(h->lookups, lookups));
}

void text_add_freed_history(struct strbuf *b, const struct model_freed_history *h)
{
	char count[FORMAT_COUNT_BYTES];

	if (h->n_twice)
		strbuf_addf(b, "  double free: %s so far\n", format_count(h->n_twice, count));
	if (h->n_stray)
		strbuf_addf(b, "  invalid free: %s so far\n", format_count(h->n_stray, count));
	if (h->capacity && h->lookups)
		add_hits(b, h);
}
