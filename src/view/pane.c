// SPDX-License-Identifier: GPL-2.0-or-later
/* view/pane.c - the lower part of the screen: all frames of the selected stack, all that has happened, or what a
 * command has written. */
#include <string.h>

#include "util/format.h"
#include "view/internal.h"

/* ---- what a started command writes ---- */

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; (text = strchr(text, '\n')) && text[1]; text++)
		n++;
	return n;
}

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

#define NUMBER_COLS 5 /* of a frame's number */
#define INDENT	    4 /* of what goes on in the next line */

/* A line of the pane before it is cut into lines of the screen. */
struct piece {
	struct strbuf text;
	enum view_attr attr;
	int number;		       /* of the frame; -1: none */
	const struct profile_frame *f; /* NULL: none, or it is told in full */
};

enum { PIECE_NUMBERS, PIECE_WHY, PIECE_FRAMES };

static size_t count_pieces(const struct view_row *row)
{
	return PIECE_FRAMES + row->stack->n_frames + !row->stack->is_whole;
}

static void add_numbers(struct strbuf *b, const struct view_row *row)
{
	char live[FORMAT_BYTES_BYTES], alloc[FORMAT_BYTES_BYTES], blocks[FORMAT_COUNT_BYTES], all[FORMAT_COUNT_BYTES];

	strbuf_addf(b, "%s live in %s block%s; allocated since tracing began: %s in %s",
		format_bytes((uint64_t)row->value[PROFILE_LIVE_BYTES], live),
		format_count((uint64_t)row->value[PROFILE_LIVE_BLOCKS], blocks),
		row->value[PROFILE_LIVE_BLOCKS] == 1 ? "" : "s",
		format_bytes((uint64_t)row->value[PROFILE_ALLOC_BYTES], alloc),
		format_count((uint64_t)row->value[PROFILE_ALLOC_BLOCKS], all));
}

/* make_piece - a frame is told in full to who has gone into the pane; before, in one line: that is how calls are looked over. */
static void make_piece(const struct view *v, const struct view_row *row, size_t i, struct piece *out)
{
	*out = (struct piece){ .attr = VIEW_PLAIN, .number = -1 };
	if (i == PIECE_NUMBERS) {
		add_numbers(&out->text, row);
	} else if (i == PIECE_WHY) {
		out->attr = row->verdict == PROFILE_LEAK ? VIEW_BAD : VIEW_DIM;
		strbuf_add(&out->text, *row->stack->why ? row->stack->why : "not enough data yet for a verdict");
	} else if (i - PIECE_FRAMES < row->stack->n_frames) {
		const struct profile_frame *f = &view_data_of(v)->profile.frame[row->stack->frame[i - PIECE_FRAMES]];

		out->attr = f->kind == PROFILE_PHP ? VIEW_BOLD : VIEW_PLAIN;
		out->number = (int)(i - PIECE_FRAMES);
		frame_text(&out->text, f);
		out->f = v->in_pane ? NULL : f;
	} else {
		out->attr = VIEW_DIM;
		strbuf_add(&out->text, "     (incomplete: the callers are not known)");
	}
}

static int first_cols(const struct view *v, const struct piece *p)
{
	return p->number >= 0 ? v->cols - NUMBER_COLS : v->cols;
}

static int rest_cols(const struct view *v, const struct piece *p)
{
	return first_cols(v, p) - INDENT;
}

static const char *text_of(const struct piece *p)
{
	return p->text.data ? p->text.data : "";
}

static size_t piece_rows(const struct view *v, const struct piece *p)
{
	return p->f ? 1 : line_rows(text_of(p), first_cols(v, p), rest_cols(v, p), v->is_utf8);
}

static void piece_line(const struct view *v, const struct piece *p, size_t row, struct line *l)
{
	if (p->number >= 0 && !row)
		line_addf(l, VIEW_DIM, "%3d  ", p->number);
	if (p->f && line_width(text_of(p), v->is_utf8) > line_left(l))
		frame_fit(l, p->attr, p->f, line_left(l), 1);
	else
		line_add_row(l, p->attr, text_of(p), row, first_cols(v, p), rest_cols(v, p));
}

/* stack_rows - lines of the screen that the stack takes.  @l  if not NULL: write that with the number i */
static size_t stack_rows(const struct view *v, size_t i, struct line *l)
{
	const struct view_row *row = order_selected(v);
	size_t n = 0;

	for (size_t k = 0; row && k < count_pieces(row) && !(l && n > i); k++) {
		struct piece p;
		size_t rows;

		make_piece(v, row, k, &p);
		rows = piece_rows(v, &p);
		if (l && i - n < rows)
			piece_line(v, &p, i - n, l);
		n += rows;
		strbuf_free(&p.text);
	}
	return n;
}

size_t pane_count(const struct view *v)
{
	if (v->pane == PANE_STACK)
		return stack_rows(v, 0, NULL);
	if (v->pane == PANE_OUTPUT)
		return v->output.len ? count_lines(v->output.data) : 0;
	return event_count(v);
}

void pane_line(struct view *v, size_t i, struct line *l)
{
	if (v->pane == PANE_STACK)
		stack_rows(v, i, l);
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
	strbuf_add(&b, v->in_pane ? "   (Left: back)" : "   (Right: in full)");
	line_fit(l, v->in_pane ? VIEW_SORTED : VIEW_BAR, b.data ? b.data : "", line_left(l), 0);
	strbuf_free(&b);
}
