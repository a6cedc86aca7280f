// SPDX-License-Identifier: GPL-2.0-or-later
/* view/view.c - a view from its making to its end, and what it is told. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "view/internal.h"

int view_new(struct view **out, int is_utf8)
{
	struct view *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->is_utf8 = is_utf8;
	v->layer = -1;
	*out = v;
	return 0;
}

void view_free(struct view *v)
{
	if (!v)
		return;
	if (v->frozen != v->now)
		data_free(v->frozen);
	data_free(v->now);
	order_clear_mark(v);
	free(v->order);
	for (size_t i = 0; i < v->n_events; i++)
		free(v->event[i].text);
	strbuf_free(&v->busy);
	strbuf_free(&v->output);
	for (size_t i = 0; i < v->n_lines; i++)
		strbuf_free(&v->line[i].text);
	free(v->line);
	free(v->shown_line);
	free(v);
}

int view_update(struct view *v, const struct profile *p, const struct view_facts *f)
{
	struct view_data *d = NULL;
	int err = data_make(&d, p, f, v->now);

	if (err)
		return err;
	if (v->frozen != v->now)
		data_free(v->now);
	v->now = d;
	return v->frozen ? 0 : order_make(v);
}

void view_tell(struct view *v, const char *text, enum view_tone tone, uint64_t now_ms)
{
	char *copy = strdup(text);

	if (!copy)
		return;
	if (v->n_events == VIEW_EVENTS) {
		free(v->event[0].text);
		memmove(v->event, v->event + 1, (VIEW_EVENTS - 1) * sizeof(v->event[0]));
		v->n_events--;
	}
	v->event[v->n_events++] =
		(struct view_event){ .text = copy, .tone = tone, .until_ms = now_ms + VIEW_NOTICE_MS };
}

void view_output(struct view *v, const char *text)
{
	const char *line;
	size_t drop;

	strbuf_add(&v->output, text);
	if (v->output.len <= VIEW_OUTPUT_BYTES)
		return;
	/* Whole lines, if it has any. */
	drop = v->output.len - VIEW_OUTPUT_BYTES / 2;
	line = memchr(v->output.data + drop, '\n', v->output.len - drop);
	drop = line ? (size_t)(line + 1 - v->output.data) : drop;
	memmove(v->output.data, v->output.data + drop, v->output.len - drop + 1);
	v->output.len -= drop;
}

void view_busy(struct view *v, const char *text)
{
	v->busy.len = 0;
	if (text)
		strbuf_add(&v->busy, text);
}

int view_next_ms(const struct view *v, uint64_t now_ms)
{
	int next = -1;

	for (size_t i = 0; i < v->n_events; i++) {
		uint64_t until = v->event[i].until_ms;

		if (until > now_ms && (next < 0 || until - now_ms < (uint64_t)next))
			next = (int)(until - now_ms);
	}
	return next;
}
