// SPDX-License-Identifier: GPL-2.0-or-later
/* export/text.c - a profile for people, in the words of the reports of tracing. */
#include <inttypes.h>
#include <string.h>

#include "export/internal.h"
#include "util/format.h"

static void add_size(struct strbuf *b, int64_t bytes, const struct export_opts *opts)
{
	char buf[FORMAT_BYTES_BYTES];

	strbuf_add(b, opts->is_difference ? format_gain(bytes, buf) : format_bytes((uint64_t)bytes, buf));
}

static void add_blocks(struct strbuf *b, int64_t blocks, const struct export_opts *opts)
{
	char buf[FORMAT_COUNT_BYTES];

	if (opts->is_difference)
		strbuf_add(b, blocks < 0 ? "-" : "+");
	strbuf_addf(b, "%s block%s", format_count(blocks < 0 ? -(uint64_t)blocks : (uint64_t)blocks, buf),
		blocks == 1 || blocks == -1 ? "" : "s");
}

static void add_who(struct strbuf *b, const struct profile_process *p)
{
	strbuf_add_safe(b, p->comm, "");
	strbuf_addf(b, "(%" PRIu32 ")", p->pid);
	if (*p->role) {
		strbuf_add(b, ", ");
		strbuf_add_safe(b, p->role, "");
	}
	if (p->worker >= 0)
		strbuf_addf(b, " %" PRId32, p->worker);
}

/* is_shown - something lives; of a difference, more or less than before. What was only allocated and freed is for other forms. */
static int is_shown(const struct profile_stack *s)
{
	return s->value[PROFILE_LIVE_BYTES] || s->value[PROFILE_LIVE_BLOCKS];
}

static size_t count_shown(const struct profile *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_stacks; i++)
		n += is_shown(&p->stack[i]);
	return n;
}

static void add_heading(struct strbuf *b, const struct profile *p, const struct export_opts *opts, size_t n_shown)
{
	char time[FORMAT_TIME_BYTES], count[FORMAT_COUNT_BYTES];
	static const char *const basis_text[PROFILE_BASES] = { "", " (estimate)",
		" (estimate, of windows of tracing)" };
	size_t n_leaks = 0;
	uint64_t live = 0;

	for (size_t i = 0; i < p->n_stacks; i++) {
		n_leaks += p->stack[i].verdict == PROFILE_LEAK;
		live += (uint64_t)p->stack[i].value[PROFILE_LIVE_BYTES];
	}
	strbuf_addf(b, "[%s] ", format_time(p->utc_ns, time));
	strbuf_add_safe(b, p->host, "");
	strbuf_addf(
		b, opts->is_difference ? ", against %s: " : ", traced since %s: ", format_time(p->start_utc_ns, time));
	add_size(b, (int64_t)live, opts);
	strbuf_addf(b, " %s in %s stack%s%s\n", p->basis == PROFILE_WINDOWS ? "leaked" : "live",
		format_count(n_shown, count), n_shown == 1 ? "" : "s", basis_text[p->basis]);
	if (p->fault)
		strbuf_addf(b, "  DAMAGED FILE: %s; %s stack%s could be read, what else was in it is not known\n",
			profile_fault_text(p->fault), format_count(p->n_stacks, count), p->n_stacks == 1 ? "" : "s");
	if (n_leaks)
		strbuf_addf(b, "  verdict: LEAK, in %zu stack%s\n", n_leaks, n_leaks == 1 ? "" : "s");
	else if (p->fault)
		strbuf_add(b, "  verdict: not known\n");
}

static void add_curves(struct strbuf *b, const struct profile_process *p)
{
	char gain[FORMAT_BYTES_BYTES];
	int n = 0;

	for (size_t i = 0; i < p->n_curves; i++) {
		const struct profile_curve *c = &p->curve[i];

		if (strcmp(c->verdict, "growing") && strcmp(c->verdict, "warming_up"))
			continue;
		strbuf_add(b, n++ ? ", " : "    memory: ");
		strbuf_add_safe(b, c->name, "");
		strbuf_add(b, *c->verdict == 'g' ? " growing " : " warming up ");
		strbuf_addf(b, "%s/s", format_gain(c->bytes_per_s, gain));
	}
	strbuf_add(b, n ? "\n" : "");
}

static void add_process(struct strbuf *b, const struct profile_process *p)
{
	char buf[FORMAT_BYTES_BYTES], count[FORMAT_COUNT_BYTES];

	strbuf_add(b, "  ");
	add_who(b, p);
	strbuf_add(b, p->is_alive ? ":" : " (ended):");
	for (int l = 0; l < PROFILE_LAYERS; l++) {
		strbuf_addf(b, "%s %s %s", l ? "," : "", profile_layer_name(l),
			format_bytes((uint64_t)p->live_bytes[l], buf));
		strbuf_addf(b, " in %s block%s", format_count((uint64_t)p->live_blocks[l], count),
			p->live_blocks[l] == 1 ? "" : "s");
	}
	strbuf_add(b, "\n");
	if (*p->what) {
		strbuf_add(b, "    is: ");
		strbuf_add_safe(b, p->what, "");
		strbuf_add(b, "\n");
	}
	if (p->n_requests != UINT64_MAX)
		strbuf_addf(b, "    requests: %s\n", format_count(p->n_requests, count));
	add_curves(b, p);
}

static void add_frame(struct strbuf *b, const struct profile_frame *f)
{
	const char *slash = strrchr(f->file, '/');
	struct strbuf label = { 0 };

	export_add_label(&label, f);
	strbuf_add(b, "      ");
	strbuf_add_safe(b, label.data ? label.data : "", "");
	if (*f->file && f->line) {
		strbuf_add(b, " ");
		strbuf_add_safe(b, slash && f->kind != PROFILE_PHP ? slash + 1 : f->file, "");
		strbuf_addf(b, f->is_approximate ? ":~%" PRIu32 : ":%" PRIu32, f->line);
	}
	if (f->kind == PROFILE_NATIVE) {
		strbuf_add(b, " (");
		strbuf_add_safe(b, f->module, "");
		strbuf_add(b, f->is_inlined ? ", inlined)" : ")");
	}
	strbuf_add(b, "\n");
	b->failed |= label.failed;
	strbuf_free(&label);
}

static void add_stack(struct strbuf *b, const struct profile *p, const struct profile_stack *s, size_t rank,
	const struct export_opts *opts)
{
	char site[PROFILE_SITE_BYTES];

	strbuf_addf(b, "\n#%zu  ", rank);
	add_size(b, s->value[PROFILE_LIVE_BYTES], opts);
	strbuf_add(b, opts->is_difference ? " in " : p->basis == PROFILE_WINDOWS ? " leaked in " : " live in ");
	add_blocks(b, s->value[PROFILE_LIVE_BLOCKS], opts);
	strbuf_addf(b, ", %s, ", profile_layer_name(s->layer));
	add_who(b, &p->process[s->process]);
	strbuf_addf(b, ", site %s\n", profile_site_of(p, s, site));
	if (*s->why) {
		strbuf_add(b, "    ");
		strbuf_add_safe(b, s->why, "");
		strbuf_add(b, "\n");
	}
	for (uint32_t k = 0; k < s->n_frames; k++)
		add_frame(b, &p->frame[s->frame[k]]);
	if (!s->is_whole)
		strbuf_add(b, "      (incomplete: the callers are not known)\n");
}

static void add_losses(struct strbuf *b, const struct profile *p)
{
	char count[FORMAT_COUNT_BYTES];
	int n = 0;

	for (size_t i = 0; i < p->n_losses; i++) {
		if (!p->loss[i].count)
			continue;
		strbuf_addf(b, "  lost: %s ", format_count(p->loss[i].count, count));
		strbuf_add_safe(b, p->loss[i].text, "");
		strbuf_add(b, "\n");
		n++;
	}
	if (!n && p->n_losses)
		strbuf_add(b, "  lost: nothing\n");
	else if (!n && p->fault)
		strbuf_add(b, "  lost: not known\n");
}

int export_text(FILE *f, const struct profile *p, const struct export_opts *opts)
{
	size_t n_shown = count_shown(p), n = opts->top && opts->top < n_shown ? opts->top : n_shown, rank = 0;
	struct strbuf b = { 0 };

	add_heading(&b, p, opts, n_shown);
	for (size_t i = 0; i < p->n_processes; i++)
		add_process(&b, &p->process[i]);
	add_losses(&b, p);
	export_add_events(&b, p);
	for (size_t i = 0; rank < n; i++)
		if (is_shown(&p->stack[i]))
			add_stack(&b, p, &p->stack[i], ++rank, opts);
	if (n < n_shown)
		strbuf_addf(
			&b, "\n%zu more stack%s not shown (--top)\n", n_shown - n, n_shown - n == 1 ? " is" : "s are");
	return strbuf_write(&b, f);
}
