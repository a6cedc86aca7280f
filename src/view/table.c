// SPDX-License-Identifier: GPL-2.0-or-later
/* view/table.c - the table of stacks, and the list of processes to choose from. */
#include <inttypes.h>
#include <string.h>

#include "view/internal.h"

static const struct {
	const char *title;
	const char *since;  /* with a mark */
	const char *sorted; /* "sorted by" */
	int width;
} columns[SORTS] = {
	[SORT_LEAK] = { "LEAK/h", "LEAK/h", "leak rate", 7 },
	[SORT_LIVE] = { "LIVE", "+LIVE", "live bytes", 7 },
	[SORT_BLOCKS] = { "BLOCKS", "+BLOCKS", "live blocks", 8 },
	[SORT_ALLOC] = { "ALLOC/s", "ALLOC/s", "allocation rate", 8 },
	[SORT_AGE] = { "OLDEST", "OLDEST", "age of the oldest block", 7 },
};

/* process_width - of the column that tells whose stack it is; 0: all are of one. */
static int process_width(const struct view *v, const struct line *l)
{
	const struct view_data *d = view_data_of(v);

	if (!d || v->pid || d->profile.n_processes < 2)
		return 0;
	return l->cols >= 120 ? 24 : 15;
}

/* is_shown - of two numbers a narrow screen of several processes has only one, or there is no room to tell where. */
static int is_shown(const struct view *v, const struct line *l, enum view_sort column)
{
	if (!process_width(v, l) || l->cols >= 100)
		return 1;
	return column != (v->sort == SORT_AGE ? SORT_ALLOC : SORT_AGE);
}

void table_about(const struct view *v, struct line *l)
{
	const struct view_data *d = view_data_of(v);
	const struct profile_process *p = d && v->pid ? data_process(d, v->pid) : NULL;
	char age[NUMBER_BYTES];

	if (!d)
		return;
	line_addf(l, VIEW_DIM, "%zu of %zu rows, by %s%s", v->n_order, d->n, columns[v->sort].sorted,
		v->is_reversed ? ", least first" : "");
	if (v->frozen)
		line_add(l, VIEW_WARN, "   FROZEN");
	if (v->has_mark)
		line_addf(l, VIEW_WARN, "   since mark, %s ago",
			number_age(data_since_ms(d) > v->mark_ms ? data_since_ms(d) - v->mark_ms : 0, age));
	if (*v->filter)
		line_addf(l, VIEW_WARN, "   /%s", v->filter);
	if (v->layer >= 0)
		line_addf(l, VIEW_WARN, "   layer %s", profile_layer_name((enum profile_layer)v->layer));
	if (v->pid)
		line_addf(l, VIEW_WARN, "   process %s(%" PRIu32 ")", p ? p->comm : "", v->pid);
}

void table_heading(const struct view *v, struct line *l)
{
	int width = process_width(v, l);

	line_add(l, VIEW_BAR, " ");
	for (int i = 0; i < SORTS; i++)
		if (is_shown(v, l, (enum view_sort)i))
			line_fit(l, (int)v->sort == i ? VIEW_SORTED : VIEW_BAR,
				v->has_mark ? columns[i].since : columns[i].title, columns[i].width, 1);
	line_add(l, VIEW_BAR, " LAYER ");
	if (width)
		line_fit(l, VIEW_BAR, "PROCESS", width + 1, 0);
	line_fit(l, VIEW_BAR, "WHERE", line_left(l), 0);
}

static void add_numbers(const struct view *v, const struct view_row *row, struct line *l)
{
	char buf[NUMBER_BYTES];
	int is_leak = row->verdict == PROFILE_LEAK;

	line_fit(l, is_leak ? VIEW_BAD : VIEW_DIM,
		is_leak				  ? number_size(row->value[PROFILE_LEAK_RATE], 0, buf)
		: row->verdict == PROFILE_UNKNOWN ? "?"
						  : "-",
		columns[SORT_LEAK].width, 1);
	line_fit(l, VIEW_PLAIN, number_size(row->gained[0], v->has_mark, buf), columns[SORT_LIVE].width, 1);
	line_fit(l, VIEW_PLAIN, number_count(row->gained[1], v->has_mark, buf), columns[SORT_BLOCKS].width, 1);
	if (is_shown(v, l, SORT_ALLOC))
		line_fit(l, VIEW_PLAIN, row->alloc_per_s < 0 ? "?" : number_size((int64_t)row->alloc_per_s, 0, buf),
			columns[SORT_ALLOC].width, 1);
	if (is_shown(v, l, SORT_AGE))
		line_fit(l, VIEW_PLAIN, row->oldest_age_ms ? number_age(row->oldest_age_ms, buf) : "-",
			columns[SORT_AGE].width, 1);
}

void table_row(const struct view *v, size_t place, struct line *l)
{
	const struct view_data *d = view_data_of(v);
	const struct view_row *row = &d->row[v->order[place]];
	int width = process_width(v, l);

	if (place == v->at)
		l->attr = VIEW_SELECTED;
	line_add(l, VIEW_PLAIN, place == v->at ? ">" : " ");
	add_numbers(v, row, l);
	line_addf(l, VIEW_PLAIN, " %-5s ", profile_layer_name(row->stack->layer));
	if (width) {
		struct strbuf b = { 0 };

		head_who(&b, &d->profile.process[row->stack->process]);
		line_fit(l, VIEW_PLAIN, b.data ? b.data : "", width, 0);
		line_add(l, VIEW_PLAIN, " ");
		strbuf_free(&b);
	}
	if (row->frame)
		frame_fit(l, row->verdict == PROFILE_LEAK ? VIEW_BOLD : VIEW_PLAIN, row->frame, line_left(l), 0);
	else
		line_fit(l, VIEW_PLAIN, "(no frame is known)", line_left(l), 0);
}

void table_choice_heading(struct line *l)
{
	line_fit(l, VIEW_BAR, "    LIVE  PROCESS (Enter chooses, Esc goes back)", line_left(l), 0);
}

void table_choice(const struct view *v, size_t place, struct line *l)
{
	const struct view_data *d = view_data_of(v);
	const struct profile_process *p = place ? &d->profile.process[place - 1] : NULL;
	struct strbuf b = { 0 };
	char buf[NUMBER_BYTES];
	int64_t live = 0;

	for (size_t i = 0; i < d->profile.n_processes; i++)
		for (int k = 0; k < PROFILE_LAYERS; k++)
			live += !place || place == i + 1 ? d->profile.process[i].live_bytes[k] : 0;
	if (place == v->choice)
		l->attr = VIEW_SELECTED;
	line_add(l, VIEW_PLAIN, place == v->choice ? ">" : " ");
	line_fit(l, VIEW_PLAIN, number_size(live, 0, buf), 7, 1);
	line_add(l, VIEW_PLAIN, "  ");
	if (p) {
		head_who(&b, p);
		if (*p->what)
			strbuf_addf(&b, "  %s", p->what);
	}
	line_fit(l, VIEW_PLAIN, p ? (b.data ? b.data : "") : "all of them", line_left(l), 0);
	strbuf_free(&b);
}
