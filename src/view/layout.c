// SPDX-License-Identifier: GPL-2.0-or-later
/* view/layout.c - which line of the screen shows what. From the top: the head, the table or what stands for it, the pane, the last
 * events, what is under way, the keys. */
#include <errno.h>
#include <stdlib.h>

#include "view/internal.h"

#define LEAST_TABLE 5

struct heights {
	int table; /* rows, without the two lines above */
	int pane;  /* lines, with its heading */
	int events;
	int output; /* 1: the last line of it */
};

static struct heights heights(const struct view *v, int rows)
{
	int rest = rows - HEAD_LINES - 2 - 2, most = rows >= 40 ? 5 : 2;
	struct heights h = { .events = (int)v->n_events < most ? (int)v->n_events : most };

	if (v->pane == PANE_EVENTS)
		h.events = 0;
	h.output = v->output.len && v->pane != PANE_OUTPUT;
	rest -= h.events + h.output;
	if (v->pane && !v->is_help && !v->is_choosing)
		h.pane = rest - LEAST_TABLE < rest * 3 / 5 ? rest - LEAST_TABLE : rest * 3 / 5;
	h.table = rest - h.pane;
	return h;
}

static void keep_in_sight(size_t at, size_t *top, size_t page, size_t n)
{
	size_t most = n > page ? n - page : 0;

	if (at < *top)
		*top = at;
	if (page && at >= *top + page)
		*top = at - page + 1;
	if (*top > most)
		*top = most;
}

/* next - the line after this one. */
static struct line *next(struct view *v, int *y, int cols)
{
	struct line *l = &v->line[(*y)++];

	line_begin(l, cols, v->is_utf8);
	return l;
}

static void add_table(struct view *v, int *y, int cols, int height)
{
	v->page = (size_t)height;
	keep_in_sight(v->at, &v->top, v->page, v->n_order);
	table_about(v, next(v, y, cols));
	table_heading(v, next(v, y, cols));
	for (int i = 0; i < height; i++) {
		struct line *l = next(v, y, cols);

		if (v->top + (size_t)i < v->n_order)
			table_row(v, v->top + (size_t)i, l);
		else if (!i && view_data_of(v))
			line_add(l, VIEW_DIM,
				view_data_of(v)->n ? "  no stack is left by filter, layer and process" : "");
	}
}

static void add_choices(struct view *v, int *y, int cols, int height)
{
	size_t n = view_data_of(v)->profile.n_processes + 1;

	v->page = (size_t)height;
	v->choice = v->choice < n ? v->choice : n - 1;
	keep_in_sight(v->choice, &v->choice_top, v->page, n);
	next(v, y, cols);
	table_choice_heading(next(v, y, cols));
	for (int i = 0; i < height; i++) {
		struct line *l = next(v, y, cols);

		if (v->choice_top + (size_t)i < n)
			table_choice(v, v->choice_top + (size_t)i, l);
	}
}

static void add_help(struct view *v, int *y, int cols, int height)
{
	size_t most;

	v->help_lines = (size_t)height;
	most = help_count() > v->help_lines ? help_count() - v->help_lines : 0;
	v->help_top = v->help_top < most ? v->help_top : most;
	next(v, y, cols);
	line_fit(next(v, y, cols), VIEW_BAR,
		most ? " help (Up, Down: more; any other key goes back)" : " help (any key goes back)", cols, 0);
	for (int i = 0; i < height; i++) {
		struct line *l = next(v, y, cols);

		if (v->help_top + (size_t)i < help_count())
			help_line(v->help_top + (size_t)i, l);
	}
}

static void add_pane(struct view *v, int *y, int cols, int height)
{
	size_t n = pane_count(v), most;

	v->pane_page = height > 1 ? (size_t)height - 1 : 0;
	most = n > v->pane_page ? n - v->pane_page : 0;
	if (v->pane_top > most || (v->pane == PANE_OUTPUT && v->is_at_end))
		v->pane_top = most;
	if (height < 1)
		return;
	pane_heading(v, next(v, y, cols));
	for (int i = 0; i + 1 < height; i++) {
		struct line *l = next(v, y, cols);

		if (v->pane_top + (size_t)i < n)
			pane_line(v, v->pane_top + (size_t)i, l);
	}
}

/* add_notice - what is under way, or what has just happened and stands nowhere else. */
static void add_notice(struct view *v, struct line *l)
{
	int unseen = event_unseen(v);

	if (v->busy.len && (unseen < 0 || v->event[unseen].tone != VIEW_TROUBLE))
		line_add(l, VIEW_WARN, v->busy.data);
	else if (unseen >= 0)
		event_brief(v, (size_t)unseen, l);
}

static void lay_out_whole(struct view *v, int rows, int cols)
{
	struct heights h = heights(v, rows);
	int y = 0;

	for (int i = 0; i < HEAD_LINES; i++)
		head_line(v, i, next(v, &y, cols));
	if (v->is_help)
		add_help(v, &y, cols, h.table);
	else if (v->is_choosing)
		add_choices(v, &y, cols, h.table);
	else
		add_table(v, &y, cols, h.table);
	add_pane(v, &y, cols, h.pane);
	for (int i = 0; i < h.events; i++)
		event_brief(v, v->n_events - (size_t)h.events + (size_t)i, next(v, &y, cols));
	if (h.output)
		pane_output(v, next(v, &y, cols));
	add_notice(v, next(v, &y, cols));
	help_keys(v, next(v, &y, cols));
}

/* lay_out_small - there is no room: how things stand, and that tracing goes on. */
static void lay_out_small(struct view *v, int rows, int cols)
{
	int y = 0, above = v->busy.len ? 4 : 3;

	for (; y < rows;) {
		struct line *l = next(v, &y, cols);

		if (y == 1)
			line_addf(l, VIEW_WARN,
				cols < 50 ? "%dx%d: needs %dx%d" : "%dx%d is too small for the view: it needs %dx%d",
				cols, rows, VIEW_LEAST_COLS, VIEW_LEAST_ROWS);
		else if (y == 2)
			line_add(l, VIEW_PLAIN, "q ends it, tracing goes on");
		else if (y == 3)
			head_line(v, HEAD_VERDICT, l);
		else if (y <= above)
			line_add(l, VIEW_WARN, v->busy.data);
		else if ((size_t)(y - above) <= v->n_events)
			event_brief(v, v->n_events - (size_t)(y - above), l);
	}
}

static int make_room(struct view *v, size_t rows)
{
	struct line *line = rows > v->n_lines ? realloc(v->line, rows * sizeof(*line)) : v->line;
	struct view_line *shown;

	if (!line)
		return -ENOMEM;
	v->line = line;
	for (; v->n_lines < rows; v->n_lines++)
		line[v->n_lines] = (struct line){ 0 };
	shown = realloc(v->shown_line, v->n_lines * sizeof(*shown));
	if (!shown)
		return -ENOMEM;
	v->shown_line = shown;
	return 0;
}

const struct view_line *view_lay_out(struct view *v, int rows, int cols, uint64_t now_ms)
{
	if (rows < 1 || cols < 1 || make_room(v, (size_t)rows))
		return NULL;
	v->cols = cols;
	v->now_ms = now_ms;
	for (size_t i = 0; i < v->n_events; i++)
		v->event[i].is_seen = 0;
	if (v->pane == PANE_EVENTS)
		event_measure(v);
	v->is_small = rows < VIEW_LEAST_ROWS || cols < VIEW_LEAST_COLS;
	if (v->is_small)
		lay_out_small(v, rows, cols);
	else
		lay_out_whole(v, rows, cols);
	for (int i = 0; i < rows; i++) {
		const struct line *l = &v->line[i];
		struct view_line *to = &v->shown_line[i];

		to->text = l->text.data ? l->text.data : "";
		to->n_spans = l->n_spans;
		for (size_t k = 0; k < l->n_spans; k++)
			to->span[k] = l->span[k];
	}
	return v->shown_line;
}
