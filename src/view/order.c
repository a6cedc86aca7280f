// SPDX-License-Identifier: GPL-2.0-or-later
/* view/order.c - which rows the table has, in which order; what they gained since a mark; where the cursor is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "view/internal.h"

const struct view_data *view_data_of(const struct view *v)
{
	return v->frozen ? v->frozen : v->now;
}

const struct view_row *order_selected(const struct view *v)
{
	const struct view_data *d = view_data_of(v);

	return d && v->at < v->n_order ? &d->row[v->order[v->at]] : NULL;
}

/* has_name - is the filter part of the name of one of its frames? */
static int has_name(const struct profile *p, const struct profile_stack *s, const char *part)
{
	for (uint32_t i = 0; i < s->n_frames; i++) {
		const struct profile_frame *f = &p->frame[s->frame[i]];

		if (strcasestr(f->function, part) || strcasestr(f->file, part) || strcasestr(f->module, part))
			return 1;
	}
	return 0;
}

static int is_chosen(const struct view *v, const struct view_data *d, const struct view_row *row)
{
	const struct profile_stack *s = row->stack;

	return (v->layer < 0 || (int)s->layer == v->layer) &&
	       (!v->pid || d->profile.process[s->process].pid == v->pid) &&
	       (!*v->filter || has_name(&d->profile, s, v->filter));
}

/* What is compared: qsort has no room for it. One thread has all views. */
static const struct view *ordered;

/* weight - by which a row is sorted, the most first. */
static double weight(const struct view_row *row)
{
	switch (ordered->sort) {
	case SORT_LEAK:
		return (double)row->value[PROFILE_LEAK_RATE];
	case SORT_BLOCKS:
		return (double)row->gained[1];
	case SORT_ALLOC:
		return row->alloc_per_s;
	case SORT_AGE:
		return (double)row->oldest_age_ms;
	default:
		return (double)row->gained[0];
	}
}

static int by_weight(const void *a, const void *b)
{
	const struct view_data *d = view_data_of(ordered);
	const struct view_row *x = &d->row[*(const size_t *)a], *y = &d->row[*(const size_t *)b];
	double u = weight(x), w = weight(y);
	int order = (u < w) - (u > w);

	if (ordered->is_reversed)
		order = -order;
	if (!order)
		order = (x->gained[0] < y->gained[0]) - (x->gained[0] > y->gained[0]);
	return order ? order : (x->key > y->key) - (x->key < y->key);
}

static const struct view_mark *mark_of(const struct view *v, uint64_t key)
{
	return bsearch(&key, v->mark, v->n_marks, sizeof(*v->mark), data_compare_key);
}

static void set_gains(const struct view *v, const struct view_data *d)
{
	for (size_t i = 0; i < d->n; i++) {
		struct view_row *row = &d->row[i];
		const struct view_mark *m = v->has_mark ? mark_of(v, row->key) : NULL;

		row->gained[0] = row->value[PROFILE_LIVE_BYTES] - (m ? m->value[0] : 0);
		row->gained[1] = row->value[PROFILE_LIVE_BLOCKS] - (m ? m->value[1] : 0);
	}
}

/* place_cursor - at the row where it was; where that is gone, in the same place. */
static void place_cursor(struct view *v, const struct view_data *d)
{
	size_t at = v->has_moved ? v->at : 0;

	for (size_t i = 0; v->has_moved && i < v->n_order; i++)
		if (d->row[v->order[i]].key == v->selected)
			at = i;
	if (at >= v->n_order)
		at = v->n_order ? v->n_order - 1 : 0;
	v->at = at;
	if (v->n_order) {
		if (v->selected != d->row[v->order[at]].key)
			v->pane_top = v->pane == PANE_STACK ? 0 : v->pane_top;
		v->selected = d->row[v->order[at]].key;
	}
}

int order_make(struct view *v)
{
	const struct view_data *d = view_data_of(v);
	size_t *grown;

	if (!d)
		return 0;
	grown = realloc(v->order, (d->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	v->order = grown;
	v->n_order = 0;
	set_gains(v, d);
	for (size_t i = 0; i < d->n; i++)
		if (is_chosen(v, d, &d->row[i]))
			v->order[v->n_order++] = i;
	ordered = v;
	qsort(v->order, v->n_order, sizeof(*v->order), by_weight);
	place_cursor(v, d);
	return 0;
}

void order_clear_mark(struct view *v)
{
	free(v->mark);
	v->mark = NULL;
	v->n_marks = 0;
	v->has_mark = 0;
}

int order_set_mark(struct view *v)
{
	const struct view_data *d = view_data_of(v);

	order_clear_mark(v);
	if (!d)
		return 0;
	v->mark = calloc(d->n + 1, sizeof(*v->mark));
	if (!v->mark)
		return -ENOMEM;
	for (size_t i = 0; i < d->n; i++)
		v->mark[i] = (struct view_mark){ d->row[i].key,
			{ d->row[i].value[PROFILE_LIVE_BYTES], d->row[i].value[PROFILE_LIVE_BLOCKS] } };
	v->n_marks = d->n;
	v->has_mark = 1;
	v->mark_ms = data_since_ms(d);
	return 0;
}
