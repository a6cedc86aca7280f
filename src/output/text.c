// SPDX-License-Identifier: GPL-2.0-or-later
/* output/text.c - reports and events for people. What limits the numbers (losses, incomplete stacks) comes first. */
#include <inttypes.h>
#include <string.h>

#include "output/internal.h"

void text_add_who(struct strbuf *b, const char *comm, int pid)
{
	strbuf_add_safe(b, comm, "");
	strbuf_addf(b, "(%d)", pid);
}

void text_add_whose_thread(struct strbuf *b, const struct model_event *e)
{
	size_t bare;

	text_add_who(b, e->comm, e->pid);
	bare = b->len;
	text_add_role(b, e->identity);
	text_add_container(b, e->identity);
	strbuf_addf(b, "%s thread %d", b->len > bare ? "," : "", e->tid);
}

static void add_blocks(struct strbuf *b, uint64_t bytes, const char *how, uint64_t blocks)
{
	char size[FORMAT_BYTES_BYTES], count[FORMAT_COUNT_BYTES];

	strbuf_addf(b, "%s %s %s block%s", format_bytes(bytes, size), how, format_count(blocks, count),
		blocks == 1 ? "" : "s");
}

static void add_heading(struct strbuf *b, const struct analyze_report *r)
{
	char time[FORMAT_TIME_BYTES], gain[FORMAT_BYTES_BYTES];

	strbuf_addf(b, "[%s] ", format_time(r->snapshot->utc_ns, time));
	if (r->is_final)
		strbuf_add(b, "final report");
	else
		strbuf_addf(b, "report %u", r->number);
	if (model_is_estimate(r->snapshot))
		strbuf_add(b, " (estimate)");
	strbuf_addf(b, " after %.1f s: ", (double)r->since_start_ns / 1e9);
	add_blocks(b, r->live_bytes, "live in", r->live_blocks);
	strbuf_addf(b, ", %s in %.1f s\n", format_gain(r->gained_bytes, gain), (double)r->since_last_ns / 1e9);
}

/* add_zend_proof - do the books add up? PHP counts for itself. */
static void add_zend_proof(struct strbuf *b, const struct model_zend_heap *h, int is_estimate)
{
	char size[FORMAT_BYTES_BYTES], traced[FORMAT_BYTES_BYTES], before[FORMAT_BYTES_BYTES];
	int64_t difference = model_zend_difference(h);

	if (!h->is_known)
		return;
	strbuf_addf(b, "    zend heap: PHP counts %s: %s in traced blocks, %s from before tracing",
		format_bytes(h->size_bytes, size), format_bytes(h->traced_bytes, traced),
		format_bytes(model_zend_before(h), before));
	strbuf_addf(b, ", difference %s%s%" PRId64 " B\n", h->is_steady ? "" : "(while it ran) ",
		is_estimate ? "(traced: an estimate) " : "", difference);
}

/* add_rate_of_growth - " +5.0 KiB/s (+4.9 KiB/s to +5.1 KiB/s)": within these. */
static void add_rate_of_growth(struct strbuf *b, const struct analyze_growth *g)
{
	char rate[FORMAT_BYTES_BYTES], low[FORMAT_BYTES_BYTES], high[FORMAT_BYTES_BYTES];

	strbuf_addf(b, " %s/s", format_gain((int64_t)g->bytes_per_s, rate));
	if (g->low < g->high)
		strbuf_addf(
			b, " (%s/s to %s/s)", format_gain((int64_t)g->low, low), format_gain((int64_t)g->high, high));
}

/* is_told - swap has a word where it grows, and what is resident or swapped out together where that is not what rss says. */
static int is_told(const struct analyze_standing *s, enum model_curve_kind c)
{
	enum analyze_growth_verdict swap = s->growth[MODEL_CURVE_SWAP].verdict;
	int swap_grows = swap == GROWTH_GROWING || swap == GROWTH_WARMING;

	if (s->growth[c].verdict == GROWTH_UNKNOWN)
		return 0;
	if (c == MODEL_CURVE_RSS_SWAP)
		return swap_grows || s->growth[c].verdict != s->growth[MODEL_CURVE_RSS].verdict;
	return c <= MODEL_CURVE_RSS || (c == MODEL_CURVE_SWAP && swap_grows);
}

int text_add_growth(struct strbuf *b, const struct analyze_standing *s)
{
	int n = 0;

	for (int c = 0; s && c <= MODEL_CURVE_SWAP; c++) {
		const struct analyze_growth *g = &s->growth[c];

		if (!is_told(s, c))
			continue;
		strbuf_addf(b, "%s%s %s", n++ ? ", " : "", model_curve_name(c), analyze_growth_text(g->verdict));
		if (g->verdict != GROWTH_PLATEAU)
			add_rate_of_growth(b, g);
	}
	return n;
}

void text_add_memory(struct strbuf *b, const struct analyze_standing *s)
{
	struct strbuf said = { 0 };

	if (text_add_growth(&said, s))
		strbuf_addf(b, "    memory: %s\n", said.data ? said.data : "");
	b->failed |= said.failed;
	strbuf_free(&said);
}

static void add_requests(struct strbuf *b, const struct analyze_report *r, const struct analyze_process *row)
{
	text_add_requests(
		b, r->requests ? &r->requests[row->process - r->snapshot->process] : NULL, row->process, r->is_final);
}

static void add_process(struct strbuf *b, const struct analyze_report *r, const struct analyze_process *row)
{
	const struct model_process *p = row->process;

	strbuf_add(b, "  ");
	text_add_who(b, p->comm, p->pid);
	text_add_role(b, p->identity);
	strbuf_add(b, p->alive ? ":" : " (ended):");
	for (int l = 0; l < MODEL_LAYERS; l++) {
		strbuf_addf(b, "%s %s ", l ? "," : "", model_layer_name(l));
		add_blocks(b, p->layer[l].live_bytes, "in", p->layer[l].live_blocks);
	}
	strbuf_add(b, "\n");
	text_add_new_identity(b, p);
	add_zend_proof(b, &p->zend, p->layer[MODEL_ZEND].is_estimate);
	text_add_vitals(b, &p->vitals);
	text_add_memory(b, row->standing);
	text_add_outlook(b, &p->vitals, row->standing);
	add_requests(b, r, row);
}

/* add_processes - in the order in which they came. */
static void add_processes(struct strbuf *b, const struct analyze_report *r)
{
	for (size_t i = 0; i < r->snapshot->n_processes; i++)
		for (size_t k = 0; k < r->n_processes; k++)
			if (r->process[k].process == &r->snapshot->process[i])
				add_process(b, r, &r->process[k]);
}

/* add_table - the processes that hold most. */
static void add_table(struct strbuf *b, const struct analyze_report *r)
{
	char live[FORMAT_BYTES_BYTES], gain[FORMAT_BYTES_BYTES], count[FORMAT_COUNT_BYTES];
	size_t n_holding = 0, n_shown;

	while (n_holding < r->n_processes && r->process[n_holding].live_blocks)
		n_holding++;
	n_shown = r->top && r->top < n_holding ? r->top : n_holding;
	strbuf_addf(b, "  processes: %s traced, ", format_count(r->n_processes, count));
	strbuf_addf(b, "%s with live blocks", format_count(n_holding, count));
	if (n_shown < n_holding)
		strbuf_addf(b, ", these hold most (--top)");
	strbuf_add(b, n_shown ? "\n        live       gained  most in  process\n" : "\n");
	for (size_t i = 0; i < n_shown; i++) {
		const struct analyze_process *p = &r->process[i];

		strbuf_addf(b, "  %10s  %11s  %-7s  ", format_bytes(p->live_bytes, live),
			format_gain(p->gained_bytes, gain), model_layer_name(p->layer));
		text_add_who(b, p->process->comm, p->process->pid);
		text_add_role(b, p->process->identity);
		strbuf_add(b, p->process->alive ? "\n" : " (ended)\n");
		add_zend_proof(b, &p->process->zend, p->process->layer[MODEL_ZEND].is_estimate);
		text_add_memory(b, p->standing);
		add_requests(b, r, p);
	}
}

static void add_usage(struct strbuf *b, const struct model_snapshot *s)
{
	char used[FORMAT_COUNT_BYTES], capacity[FORMAT_COUNT_BYTES];

	strbuf_addf(b, "  tables: %s of %s blocks", format_count(s->blocks.used, used),
		format_count(s->blocks.capacity, capacity));
	if (s->table_ns + 100000000 < s->time_ns)
		strbuf_addf(b, " (read %.1f s ago)", (double)(s->time_ns - s->table_ns) / 1e9);
	strbuf_addf(b, ", %s of %s stacks\n", format_count(s->stacks.used, used),
		format_count(s->stacks.capacity, capacity));
}

void text_add_losses(struct strbuf *b, const struct model_snapshot *s, uint64_t lost)
{
	char count[FORMAT_COUNT_BYTES];

	if (!lost)
		strbuf_add(b, "  lost: nothing\n");
	for (size_t i = 0; i < s->n_losses; i++)
		if (s->loss[i].count)
			strbuf_addf(b, "  lost: %s %s\n", format_count(s->loss[i].count, count), s->loss[i].text);
}

/* add_left_out - what sampling has left out is no loss: other blocks stand for it. */
static void add_left_out(struct strbuf *b, const struct model_snapshot *s)
{
	char count[FORMAT_COUNT_BYTES];
	uint64_t n = model_left_out(s);

	if (!n)
		return;
	strbuf_addf(b, "  sampled: the table was full for %s small block%s (--max-blocks); ", format_count(n, count),
		n == 1 ? "" : "s");
	strbuf_add(b, model_is_estimate(s) ? "others stand for them, so that all numbers are estimates\n"
					   : "they are freed, so that what is live is exact again\n");
}

/* add_verdict - the answer in one line. */
static void add_verdict(struct strbuf *b, const struct analyze_report *r)
{
	char rate[FORMAT_BYTES_BYTES];

	if (r->n_leaks)
		strbuf_addf(b, "  verdict: LEAK, %s/s in %zu stack%s\n",
			format_bytes((uint64_t)r->leak_bytes_per_s, rate), r->n_leaks, r->n_leaks == 1 ? "" : "s");
	else if (r->n_stacks && r->n_early == r->n_stacks)
		strbuf_add(b, "  verdict: not enough data yet\n");
	else if (r->n_stacks)
		strbuf_add(b, "  verdict: no leak, as far as can be told by now\n");
}

static void add_complete(struct strbuf *b, const struct analyze_report *r)
{
	if (r->n_stacks)
		strbuf_addf(b, "  stacks: %zu of %zu are complete\n", r->n_complete, r->n_stacks);
}

/* add_function - with its source line where that is known, else with the offset in it. */
static void add_function(struct strbuf *b, const struct symbol_frame *f)
{
	const char *slash = f->file ? strrchr(f->file, '/') : NULL;

	strbuf_add_safe(b, f->function, "");
	if (f->file && f->line) {
		strbuf_add(b, " ");
		strbuf_add_safe(b, slash ? slash + 1 : f->file, "");
		strbuf_addf(b, ":%u (", f->line);
	} else {
		strbuf_addf(b, f->is_inlined ? " (" : "+0x%" PRIx64 " (", f->function_offset);
	}
	strbuf_add_safe(b, f->module, "");
	strbuf_add(b, f->is_inlined ? ", inlined)" : ")");
}

void text_add_place(struct strbuf *b, const struct symbol_frame *f)
{
	switch (f->kind) {
	case SYMBOL_FUNCTION:
		add_function(b, f);
		break;
	case SYMBOL_MODULE:
		strbuf_add_safe(b, f->module, "");
		strbuf_addf(b, "+0x%" PRIx64, f->module_offset);
		break;
	case SYMBOL_REGION:
		strbuf_addf(b, "0x%" PRIx64 " in ", f->addr);
		strbuf_add_safe(b, f->module, "");
		break;
	case SYMBOL_PHP:
		strbuf_add_safe(b, f->function, "");
		if (*f->file) {
			strbuf_add(b, " ");
			strbuf_add_safe(b, f->file, "");
			strbuf_addf(b, ":%s%u", f->is_approximate ? "~" : "", f->line);
		} else {
			strbuf_add(b, " (PHP)");
		}
		break;
	case SYMBOL_NOTHING:
		strbuf_addf(b, "0x%" PRIx64 " (nothing is mapped there)", f->addr);
		break;
	}
}

void text_add_frame(struct strbuf *b, const struct symbol_frame *f)
{
	strbuf_add(b, "      ");
	text_add_place(b, f);
	strbuf_add(b, "\n");
}

void text_add_stack(struct strbuf *b, const struct output_stack *s)
{
	for (size_t i = 0; i < s->n; i++)
		text_add_frame(b, &s->frame[i]);
	if (s->n && s->walk != MODEL_WALK_COMPLETE)
		strbuf_addf(b, "      (the stack ends here: %s)\n", model_walk_text(s->walk));
}

/* add_rate - of a leak: by request, where that is known, and by hour. */
static void add_rate(struct strbuf *b, const struct analyze_row *row)
{
	char bytes[FORMAT_BYTES_BYTES];

	strbuf_add(b, "LEAK ");
	if (row->leak->per_request > 0)
		strbuf_addf(b, "%s/request, ", format_bytes((uint64_t)(row->leak->per_request + 0.5), bytes));
	strbuf_addf(b, "%s/h", format_bytes((uint64_t)(row->leak->bytes_per_s * 3600), bytes));
}

/* add_old - how many of the old blocks were freed. */
static void add_old(struct strbuf *b, const struct analyze_leak *l)
{
	char freed[FORMAT_COUNT_BYTES], born[FORMAT_COUNT_BYTES];

	strbuf_addf(b, "%s of %s blocks older than %.0f s were freed", format_count(l->n_old_freed, freed),
		format_count(l->n_old, born), (double)l->old_ns / 1e9);
}

/* is_perhaps_garbage - PHP's memory that its cycle collector may free some day? */
static int is_perhaps_garbage(const struct analyze_report *r, const struct analyze_row *row)
{
	const struct analyze_standing *s = NULL;

	for (size_t i = 0; i < r->n_processes && row->stack->layer == MODEL_ZEND && !s; i++)
		if (r->process[i].process == row->process)
			s = r->process[i].standing;
	return s && s->garbage != GARBAGE_UNKNOWN && s->garbage != GARBAGE_RETAINED;
}

void text_add_leak(struct strbuf *b, const struct analyze_report *r, const struct analyze_row *row)
{
	const struct analyze_leak *l = row->leak;

	if (!l || l->verdict == LEAK_EARLY)
		return;
	switch (l->verdict) {
	case LEAK_YES:
		add_rate(b, row);
		strbuf_add(b, l->is_growing_block ? ": few blocks, replaced by ever larger ones" : ", ");
		if (!l->is_growing_block)
			add_old(b, l);
		strbuf_add(b, is_perhaps_garbage(r, row) ? "; or garbage that was not collected yet" : "");
		break;
	case LEAK_FLAT:
		strbuf_add(b, "no leak so far: ");
		add_old(b, l);
		strbuf_addf(
			b, ", but %s as a whole does not grow by what they take", model_layer_name(row->stack->layer));
		break;
	case LEAK_STOPPED:
		strbuf_add(b, "no leak so far: old blocks stay, but hardly any were added of late");
		break;
	default:
		strbuf_add(b, "no leak so far: ");
		add_old(b, l);
		if (l->p90_ns)
			strbuf_addf(b, ", nine of ten within %.1f s", (double)l->p90_ns / 1e9);
		break;
	}
}

static void add_leak(struct strbuf *b, const struct analyze_report *r, const struct analyze_row *row)
{
	struct strbuf said = { 0 };

	text_add_leak(&said, r, row);
	if (said.len)
		strbuf_addf(b, "    %s\n", said.data);
	b->failed |= said.failed;
	strbuf_free(&said);
}

void text_add_site(
	struct strbuf *b, const struct model_process *p, enum model_layer layer, const struct output_stack *s)
{
	char site[OUTPUT_SITE_BYTES];

	strbuf_addf(b, ", site %s", output_site(p ? p->comm : "", layer, s, site));
}

static void add_row(struct strbuf *b, const struct analyze_report *r, size_t i, const struct output_stack *s)
{
	char gain[FORMAT_BYTES_BYTES], start[FORMAT_BYTES_BYTES], rate[FORMAT_BYTES_BYTES];
	const struct analyze_row *row = &r->row[i];
	double seconds = (double)r->since_start_ns / 1e9;
	uint64_t per_second = seconds > 0 ? (uint64_t)((double)row->gained_start_bytes / seconds) : 0;

	strbuf_addf(b, "\n#%zu  ", i + 1);
	add_blocks(b, row->stack->live_bytes, "live in", row->stack->live_blocks);
	strbuf_addf(b, ", %s, ", model_layer_name(row->stack->layer));
	text_add_who(b, row->process ? row->process->comm : "", row->stack->pid);
	text_add_role(b, row->process ? row->process->identity : NULL);
	text_add_site(b, row->process, row->stack->layer, s);
	strbuf_addf(b, "\n    %s in %.1f s, %s since the start (%s/s), oldest block %.1f s\n",
		format_gain(row->gained_bytes, gain), (double)r->since_last_ns / 1e9,
		format_gain(row->gained_start_bytes, start), format_bytes(per_second, rate),
		(double)row->oldest_age_ns / 1e9);
	add_leak(b, r, row);
	text_add_stack(b, s);
}

int output_text_losses(FILE *f, const struct model_snapshot *s)
{
	struct strbuf b = { 0 };

	text_add_losses(&b, s, model_lost(s));
	return strbuf_write(&b, f);
}

int output_text_report(FILE *f, const struct analyze_report *r, const struct output_stack *stacks)
{
	struct strbuf b = { 0 };

	add_heading(&b, r);
	if (r->is_system)
		add_table(&b, r);
	if (!r->is_system)
		add_processes(&b, r);
	add_verdict(&b, r);
	text_add_losses(&b, r->snapshot, r->lost);
	add_left_out(&b, r->snapshot);
	text_add_freed_history(&b, &r->snapshot->freed);
	add_usage(&b, r->snapshot);
	add_complete(&b, r);
	for (size_t i = 0; i < r->n_rows; i++)
		add_row(&b, r, i, &stacks[i]);
	if (!r->n_rows)
		strbuf_add(&b, "\nno live blocks to show\n");
	else if (r->n_stacks > r->n_rows)
		strbuf_addf(&b, "\n%zu more %s not shown (--top)\n", r->n_stacks - r->n_rows,
			r->n_stacks - r->n_rows == 1 ? "stack is" : "stacks are");
	strbuf_add(&b, "\n");
	return strbuf_write(&b, f);
}

void text_add_crash(struct strbuf *b, const struct model_event *e, const struct output_stack *stack)
{
	char signal[16], code[16];
	const char *text = crash_code_text(e->signal, e->code);

	strbuf_add(b, "CRASH ");
	text_add_whose_thread(b, e);
	strbuf_addf(b, ": %s (signal %d), %s", crash_signal_name(e->signal, signal, sizeof(signal)), e->signal,
		crash_code_name(e->signal, e->code, code, sizeof(code)));
	if (*text)
		strbuf_addf(b, ": %s", text);
	if (e->has_fault_addr)
		strbuf_addf(b, ", fault address 0x%" PRIx64, e->fault_addr);
	if (e->sender_pid)
		strbuf_addf(b, ", sent by process %d", e->sender_pid);
	if (stack->n) {
		strbuf_add(b, ", in ");
		text_add_place(b, &stack->frame[0]);
	}
	strbuf_addf(b, "\n    ip 0x%" PRIx64 ", sp 0x%" PRIx64 "\n", e->ip, e->sp);
}

int output_text_event(FILE *f, const struct model_event *e, const struct output_stack *stack)
{
	char time[FORMAT_TIME_BYTES];
	struct strbuf b = { 0 };

	strbuf_addf(&b, "[%s] ", format_time(e->utc_ns, time));
	switch (e->type) {
	case MODEL_SIGNAL:
		text_add_crash(&b, e, stack);
		text_add_stack(&b, stack);
		strbuf_add(&b, "\n");
		break;
	case MODEL_EXIT:
		text_add_exit(&b, e);
		break;
	case MODEL_EXEC:
		text_add_who(&b, e->comm, e->pid);
		strbuf_add(&b, " runs a new program; its old memory is gone\n");
		break;
	case MODEL_FORK:
		text_add_who(&b, e->comm, e->pid);
		strbuf_addf(&b, " made a child process, %d, which is not traced\n", e->child_pid);
		break;
	case MODEL_DL:
		text_add_who(&b, e->comm, e->pid);
		strbuf_add(&b, " loaded or unloaded libraries\n");
		break;
	case MODEL_FREED: /* freed.c */
	case MODEL_STRAY:
		break;
	case MODEL_CODE:
		text_add_who(&b, e->comm, e->pid);
		strbuf_add(&b, " runs code that was just mapped\n");
		break;
	default: /* ends.c */
		break;
	}
	return strbuf_write(&b, f);
}
