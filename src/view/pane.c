// SPDX-License-Identifier: GPL-2.0-or-later
/* view/pane.c - the lower part of the screen: all frames of the selected stack, or all that has happened. */
#include <inttypes.h>
#include <string.h>

#include "util/format.h"
#include "view/internal.h"

/* pane_frame - @is_short  for a column: without the module and the folders */
void pane_frame(struct strbuf *b, const struct profile_frame *f, int is_short)
{
	const char *slash = strrchr(f->file, '/');
	int whole = f->kind == PROFILE_PHP && !is_short;

	if (*f->function)
		strbuf_add(b, f->function);
	else if (f->kind == PROFILE_MODULE)
		strbuf_addf(b, "[%s+0x%" PRIx64 "]", f->module, f->offset);
	else
		strbuf_addf(b, "[%s]", *f->module ? f->module : "unmapped");
	if (*f->file && f->line)
		strbuf_addf(b, " %s:%s%" PRIu32, slash && !whole ? slash + 1 : f->file, f->is_approximate ? "~" : "",
			f->line);
	else if (f->kind == PROFILE_PHP && !is_short)
		strbuf_add(b, " (PHP)");
	if (f->kind == PROFILE_NATIVE && !is_short)
		strbuf_addf(b, " (%s%s)", f->module, f->is_inlined ? ", inlined" : "");
}

/* ---- what has happened ---- */

/* is_date - does it begin with "[2026-11-29T02:34:00.765Z] "? */
static int is_date(const char *s)
{
	static const char form[] = "[0000-00-00T00:00:00.000Z] ";

	for (size_t i = 0; form[i]; i++)
		if (form[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return 0;
	return 1;
}

static void add_first_line(struct line *l, enum view_attr attr, const char *text)
{
	size_t n = strcspn(text, "\n");
	struct strbuf b = { 0 };

	if (is_date(text)) {
		strbuf_add_bytes(&b, text + 12, 8);
		strbuf_add(&b, " ");
		text += 27;
		n -= 27;
	}
	strbuf_add_bytes(&b, text, n);
	line_add(l, attr, b.data ? b.data : "");
	strbuf_free(&b);
}

static enum view_attr attr_of(enum view_tone tone)
{
	return tone == VIEW_TROUBLE ? VIEW_BAD : tone == VIEW_HAPPENED ? VIEW_PLAIN : VIEW_DIM;
}

void pane_event(const struct view *v, size_t i, struct line *l)
{
	add_first_line(l, attr_of(v->event[i].tone), v->event[i].text);
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; (text = strchr(text, '\n')) && text[1]; text++)
		n++;
	return n;
}

/* event_line - the line i of all events, the last event first. */
static void event_line(const struct view *v, size_t i, struct line *l)
{
	for (size_t k = v->n_events; k--;) {
		const char *text = v->event[k].text;
		size_t n = count_lines(text);
		struct strbuf b = { 0 };

		if (i >= n) {
			i -= n;
			continue;
		}
		for (size_t skip = i; skip; skip--)
			text = strchr(text, '\n') + 1;
		strbuf_add_bytes(&b, text, strcspn(text, "\n"));
		line_add(l, i ? VIEW_PLAIN : attr_of(v->event[k].tone), b.data ? b.data : "");
		strbuf_free(&b);
		return;
	}
}

/* ---- what a started command writes ---- */

static void output_line(const struct view *v, size_t i, struct line *l)
{
	const char *text = v->output.data;
	struct strbuf b = { 0 };

	for (; i; i--)
		text = strchr(text, '\n') + 1;
	strbuf_add_bytes(&b, text, strcspn(text, "\n"));
	line_add(l, VIEW_PLAIN, b.data);
	strbuf_free(&b);
}

void pane_output(const struct view *v, struct line *l)
{
	line_add(l, VIEW_DIM, "output (o): ");
	output_line(v, count_lines(v->output.data) - 1, l);
}

/* ---- the selected stack ---- */

enum { LINE_NUMBERS, LINE_WHY, LINE_FRAMES };

static void numbers(const struct view_row *row, struct line *l)
{
	char live[FORMAT_BYTES_BYTES], alloc[FORMAT_BYTES_BYTES], blocks[FORMAT_COUNT_BYTES], all[FORMAT_COUNT_BYTES];

	line_addf(l, VIEW_PLAIN, "%s live in %s block%s; allocated since tracing began: %s in %s",
		format_bytes((uint64_t)row->value[PROFILE_LIVE_BYTES], live),
		format_count((uint64_t)row->value[PROFILE_LIVE_BLOCKS], blocks),
		row->value[PROFILE_LIVE_BLOCKS] == 1 ? "" : "s",
		format_bytes((uint64_t)row->value[PROFILE_ALLOC_BYTES], alloc),
		format_count((uint64_t)row->value[PROFILE_ALLOC_BLOCKS], all));
}

static void stack_line(const struct view *v, size_t i, struct line *l)
{
	const struct view_data *d = view_data_of(v);
	const struct view_row *row = order_selected(v);
	struct strbuf b = { 0 };

	if (!row)
		return;
	if (i == LINE_NUMBERS) {
		numbers(row, l);
	} else if (i == LINE_WHY) {
		line_add(l, row->verdict == PROFILE_LEAK ? VIEW_BAD : VIEW_DIM,
			*row->stack->why ? row->stack->why : "not enough data yet for a verdict");
	} else if (i - LINE_FRAMES < row->stack->n_frames) {
		const struct profile_frame *f = &d->profile.frame[row->stack->frame[i - LINE_FRAMES]];

		pane_frame(&b, f, 0);
		line_addf(l, VIEW_DIM, "%3zu  ", i - LINE_FRAMES);
		line_add(l, f->kind == PROFILE_PHP ? VIEW_BOLD : VIEW_PLAIN, b.data ? b.data : "");
		strbuf_free(&b);
	} else {
		line_add(l, VIEW_DIM, "     (incomplete: the callers are not known)");
	}
}

size_t pane_count(const struct view *v)
{
	const struct view_row *row = order_selected(v);
	size_t n = 0;

	if (v->pane == PANE_STACK)
		return row ? LINE_FRAMES + row->stack->n_frames + !row->stack->is_whole : 0;
	if (v->pane == PANE_OUTPUT)
		return v->output.len ? count_lines(v->output.data) : 0;
	for (size_t i = 0; i < v->n_events; i++)
		n += count_lines(v->event[i].text);
	return n;
}

void pane_line(const struct view *v, size_t i, struct line *l)
{
	if (v->pane == PANE_STACK)
		stack_line(v, i, l);
	else if (v->pane == PANE_OUTPUT)
		output_line(v, i, l);
	else
		event_line(v, i, l);
}

void pane_heading(const struct view *v, struct line *l)
{
	static const char *const titles[] = { [PANE_NONE] = "",
		[PANE_STACK] = " selected stack, innermost frame first",
		[PANE_EVENTS] = " what has happened, the latest first",
		[PANE_OUTPUT] = " what the command has written" };
	size_t n = pane_count(v), last = v->pane_top + v->pane_page;
	struct strbuf b = { 0 };

	strbuf_add(&b, titles[v->pane]);
	if (n > v->pane_page)
		strbuf_addf(&b, "   lines %zu to %zu of %zu", v->pane_top + 1, last < n ? last : n, n);
	strbuf_add(&b, v->in_pane	  ? "   (arrows scroll here; Left goes back)"
		       : n > v->pane_page ? "   (Right: scroll)"
					  : "");
	line_fit(l, v->in_pane ? VIEW_SORTED : VIEW_BAR, b.data ? b.data : "", line_left(l), 0);
	strbuf_free(&b);
}
