// SPDX-License-Identifier: GPL-2.0-or-later
/* output/crash.c - a crash for people. What it was comes first, then where, then the evidence. */
#include <inttypes.h>
#include <string.h>

#include "output/internal.h"

#define REGISTERS_A_LINE 4

/* add_line - one line of text that may hold untrusted names. */
static void add_line(struct strbuf *b, const char *before, const char *text)
{
	strbuf_add(b, before);
	strbuf_add_safe(b, text, "");
	strbuf_add(b, "\n");
}

static void add_instruction(struct strbuf *b, const struct output_crash *c)
{
	const struct model_crash *m = c->event->crash;

	if (!m->n_code) {
		strbuf_add(b, "    instruction: not readable\n");
		return;
	}
	strbuf_add(b, "    instruction: ");
	strbuf_add_safe(b, c->report->instruction[0] ? c->report->instruction : "(none that is known)", "");
	strbuf_add(b, ", bytes");
	for (size_t i = 0; i < m->n_code && i < 16; i++)
		strbuf_addf(b, " %02x", m->code[i]);
	strbuf_add(b, "\n");
}

static void add_registers(struct strbuf *b, const struct model_crash *m)
{
	/* In the order in which debuggers show them. */
	static const int order[MODEL_REGISTERS] = { MODEL_RAX, MODEL_RBX, MODEL_RCX, MODEL_RDX, MODEL_RSI, MODEL_RDI,
		MODEL_RBP, MODEL_RSP, MODEL_R8, MODEL_R9, MODEL_R10, MODEL_R11, MODEL_R12, MODEL_R13, MODEL_R14,
		MODEL_R15, MODEL_RIP, MODEL_RFLAGS };

	for (int i = 0; i < MODEL_REGISTERS; i++)
		strbuf_addf(b, "%s%-3s %016" PRIx64 "%s", i % REGISTERS_A_LINE ? "  " : "    ",
			crash_register_name(order[i]), m->reg[order[i]],
			i % REGISTERS_A_LINE == REGISTERS_A_LINE - 1 || i == MODEL_REGISTERS - 1 ? "\n" : "");
}

static void add_pointers(struct strbuf *b, const struct crash_report *r)
{
	for (size_t i = 0; i < r->n_pointers; i++) {
		strbuf_addf(b, "    %-3s points ", crash_register_name(r->pointer[i].reg));
		add_line(b, "", r->pointer[i].text);
	}
}

/* add_stack - with a cycle shown once. */
static void add_stack(struct strbuf *b, const struct output_stack *s, const struct crash_cycle *cycle)
{
	size_t once = cycle->first + cycle->frames, rest = cycle->first + cycle->frames * cycle->times;

	if (!cycle->frames || rest > s->n) {
		text_add_stack(b, s);
		return;
	}
	for (size_t i = 0; i < s->n; i++) {
		if (i == once)
			strbuf_addf(b, "      (%s %zu more times, as far as the stack is recorded)\n",
				cycle->frames == 1 ? "this frame" : "these frames", cycle->times - 1);
		if (i < once || i >= rest)
			text_add_frame(b, &s->frame[i]);
	}
	if (s->walk != MODEL_WALK_COMPLETE)
		strbuf_addf(b, "      (the stack ends here: %s)\n", model_walk_text(s->walk));
}

/* blamed - the block whose history is worth a stack: that of the fault's address, or one of a register that was freed or has been
 * passed.  Return: its place among near, or -1. */
static int blamed(const struct output_crash *c)
{
	const struct crash_report *r = c->report;

	if (!c->near)
		return -1;
	if (r->has_address && r->address.near)
		return 0;
	for (size_t i = 0; i < r->n_pointers; i++)
		if (r->pointer[i].near &&
			(r->pointer[i].near->kind == MODEL_NEAR_FREED || !model_near_contains(r->pointer[i].near)))
			return (int)(r->pointer[i].near - c->near);
	return -1;
}

static void add_block(struct strbuf *b, const struct output_crash *c)
{
	int i = blamed(c);

	if (i < 0)
		return;
	strbuf_addf(b, "    the block at 0x%" PRIx64 ", %" PRIu64 " bytes, was allocated by\n", c->near[i].addr,
		c->near[i].size_bytes);
	if (c->allocated && c->allocated[i].n)
		text_add_stack(b, &c->allocated[i]);
	else
		strbuf_add(b, "      (its stack is not known)\n");
	if (c->near[i].kind != MODEL_NEAR_FREED)
		return;
	if (c->near[i].freed_tid)
		strbuf_addf(b, "    and freed by thread %d in\n", c->near[i].freed_tid);
	else
		strbuf_add(b, "    and freed by\n");
	if (c->freed && c->freed[i].n)
		text_add_stack(b, &c->freed[i]);
	else
		strbuf_add(b, "      (--free-stacks tells)\n");
}

static void add_calls(struct strbuf *b, const struct model_crash *m)
{
	static const char *const names[] = { "alloc", "realloc", "free" };

	if (m->n_calls)
		strbuf_add(b, "    last allocator calls of this thread, newest first (times to about 4 ms):\n");
	for (size_t i = 0; i < m->n_calls; i++) {
		const struct model_call *call = &m->call[i];

		strbuf_addf(b, "      %6.0f ms before: %-7s %s 0x%" PRIx64 ", %" PRIu64 " bytes%s\n",
			(double)call->before_ns / 1e6, names[call->op], model_layer_name(call->layer), call->addr,
			call->size_bytes,
			call->is_pending				  ? ", has not returned"
			: call->is_unknown && call->op == MODEL_CALL_FREE ? ", no block that is known to live"
									  : "");
	}
}

/* add_memory - what it held, what it was when it was last looked at, and what was thought of that. */
static void add_memory(struct strbuf *b, const struct output_crash *c)
{
	const struct model_vitals *v = c->process ? &c->process->vitals : NULL;
	char bytes[FORMAT_BYTES_BYTES];
	struct strbuf said = { 0 };

	for (int l = 0; c->has_live && l < MODEL_LAYERS; l++)
		strbuf_addf(b, "%s%s %s", l ? ", " : "    memory: live ", model_layer_name(l),
			format_bytes(c->live_bytes[l], bytes));
	if (v && v->time_ns) {
		strbuf_addf(b, "%s%.1f s before: %s resident", c->has_live ? "; " : "    memory ",
			(double)c->process_age_ns / 1e9, format_bytes(v->rss_bytes, bytes));
		if (v->heap.is_known)
			strbuf_addf(b, ", %s in PHP's heap", format_bytes(v->heap.size_bytes, bytes));
		if (v->heap.is_known && v->heap.limit_bytes)
			strbuf_addf(b, " (memory_limit %s)", format_bytes(v->heap.limit_bytes, bytes));
	}
	if (c->has_live || (v && v->time_ns))
		strbuf_add(b, "\n");
	if (text_add_growth(&said, c->standing))
		strbuf_addf(b, "    growth: %s\n", said.data ? said.data : "");
	b->failed |= said.failed;
	strbuf_free(&said);
}

int output_text_crash(FILE *f, const struct output_crash *c)
{
	const struct crash_report *r = c->report;
	char time[FORMAT_TIME_BYTES];
	struct strbuf b = { 0 };

	strbuf_addf(&b, "[%s] ", format_time(c->event->utc_ns, time));
	text_add_crash(&b, c->event, c->stack);
	add_line(&b, "    what: ", r->summary);
	if (r->likely[0])
		add_line(&b, "    most likely: ", r->likely);
	add_stack(&b, c->stack, &r->cycle);
	add_block(&b, c);
	add_instruction(&b, c);
	add_registers(&b, c->event->crash);
	add_pointers(&b, r);
	add_calls(&b, c->event->crash);
	add_memory(&b, c);
	if (r->kernel_line[0])
		add_line(&b, "    kernel: ", r->kernel_line);
	strbuf_add(&b, "\n");
	return strbuf_write(&b, f);
}
