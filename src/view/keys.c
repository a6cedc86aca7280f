// SPDX-License-Identifier: GPL-2.0-or-later
/* view/keys.c - what keys change. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "view/internal.h"

#define CTRL(letter) ((letter)&0x1f)

/* moved - a place in a list of n, after a key. */
static size_t moved(size_t at, size_t n, size_t page, int key)
{
	size_t step = key == VIEW_KEY_PAGE_UP || key == VIEW_KEY_PAGE_DOWN ? (page > 1 ? page - 1 : 1) : 1;

	if (!n)
		return 0;
	switch (key) {
	case VIEW_KEY_UP:
	case VIEW_KEY_PAGE_UP:
		return at > step ? at - step : 0;
	case VIEW_KEY_DOWN:
	case VIEW_KEY_PAGE_DOWN:
		return at + step < n ? at + step : n - 1;
	case VIEW_KEY_HOME:
		return 0;
	case VIEW_KEY_END:
		return n - 1;
	default:
		return at;
	}
}

static int is_movement(int key)
{
	return key == VIEW_KEY_UP || key == VIEW_KEY_DOWN || key == VIEW_KEY_PAGE_UP || key == VIEW_KEY_PAGE_DOWN ||
	       key == VIEW_KEY_HOME || key == VIEW_KEY_END;
}

/* scrolled - likewise the first line that is seen of a text. */
static size_t scrolled(size_t top, size_t n, size_t page, int key)
{
	size_t most = n > page ? n - page : 0;

	top = moved(top, most + 1, page, key);
	return top < most ? top : most;
}

/* add_character - to the filter, as UTF-8, if there is room. */
static void add_character(struct view *v, uint32_t c)
{
	size_t n = strlen(v->filter), need = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (n + need >= VIEW_FILTER_BYTES || c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0xd800 && c < 0xe000))
		return;
	for (size_t i = need - 1; i; i--) {
		v->filter[n + i] = (char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	v->filter[n] = (char)(need == 1 ? c : (0xf00U >> need & 0xff) | c);
	v->filter[n + need] = 0;
}

static void remove_character(struct view *v)
{
	size_t n = strlen(v->filter);

	while (n && (v->filter[--n] & 0xc0) == 0x80)
		;
	v->filter[n] = 0;
}

static void type(struct view *v, int key)
{
	int is_done = key == VIEW_KEY_ENTER || key == VIEW_KEY_UP || key == VIEW_KEY_DOWN || key == VIEW_KEY_ESCAPE ||
		      (key == VIEW_KEY_BACKSPACE && !*v->filter);

	if (key == VIEW_KEY_ESCAPE || key == CTRL('u'))
		v->filter[0] = 0;
	if (is_done)
		v->is_typing = 0;
	else if (key == VIEW_KEY_BACKSPACE)
		remove_character(v);
	else if (key < 0x110000)
		add_character(v, (uint32_t)key);
}

static void choose(struct view *v, int key)
{
	const struct view_data *d = view_data_of(v);
	size_t n = d ? d->profile.n_processes + 1 : 0;

	v->choice = v->choice < n ? v->choice : 0;
	if (key == VIEW_KEY_ENTER || key == VIEW_KEY_RIGHT) {
		v->pid = d && v->choice ? d->profile.process[v->choice - 1].pid : 0;
		v->is_choosing = 0;
	} else if (key == VIEW_KEY_ESCAPE || key == VIEW_KEY_LEFT || key == 'p' || key == 'q') {
		v->is_choosing = 0;
	} else {
		v->choice = moved(v->choice, n, v->page, key);
	}
}

static void begin_choice(struct view *v)
{
	const struct view_data *d = view_data_of(v);

	v->is_choosing = d != NULL;
	v->choice = 0;
	for (size_t i = 0; d && i < d->profile.n_processes; i++)
		if (d->profile.process[i].pid == v->pid && v->pid)
			v->choice = i + 1;
}

static void freeze(struct view *v)
{
	if (v->frozen) {
		if (v->frozen != v->now)
			data_free(v->frozen);
		v->frozen = NULL;
	} else {
		v->frozen = v->now;
	}
}

static void open_pane(struct view *v, enum view_pane pane)
{
	if (v->pane == pane) {
		v->in_pane = 1;
		return;
	}
	v->pane = pane;
	v->pane_top = 0;
	v->in_pane = pane != PANE_STACK;
	v->is_at_end = 1;
}

static void back(struct view *v, int key)
{
	if (v->in_pane && v->pane == PANE_STACK)
		v->in_pane = 0;
	else if (v->pane) {
		v->pane = PANE_NONE;
		v->in_pane = 0;
	} else if (key == VIEW_KEY_ESCAPE)
		v->filter[0] = 0;
}

static void sort_by(struct view *v, int sort)
{
	v->sort = (enum view_sort)((sort + SORTS) % SORTS);
	v->is_reversed = 0;
}

static void move(struct view *v, int key)
{
	const struct view_data *d = view_data_of(v);

	if (v->in_pane) {
		v->pane_top = scrolled(v->pane_top, pane_count(v), v->pane_page, key);
		v->is_at_end = key == VIEW_KEY_END;
		return;
	}
	v->at = moved(v->at, v->n_order, v->page, key);
	v->has_moved = v->at != 0;
	if (v->n_order && v->selected != d->row[v->order[v->at]].key) {
		v->selected = d->row[v->order[v->at]].key;
		v->pane_top = v->pane == PANE_STACK ? 0 : v->pane_top;
	}
}

/* change - a key that changes what is in the table.  Return: 0: it is none of them. */
static int change(struct view *v, int key)
{
	switch (key) {
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
		sort_by(v, key - '1');
		return 1;
	case 's':
	case '>':
		sort_by(v, (int)v->sort + 1);
		return 1;
	case 'S':
	case '<':
		sort_by(v, (int)v->sort - 1);
		return 1;
	case 'r':
		v->is_reversed = !v->is_reversed;
		return 1;
	case 'l':
		v->layer = v->layer + 1 < PROFILE_LAYERS ? v->layer + 1 : -1;
		return 1;
	case 'm':
		order_set_mark(v);
		return 1;
	case 'M':
		order_clear_mark(v);
		return 1;
	case 'f':
		freeze(v);
		return 1;
	default:
		return 0;
	}
}

static void go(struct view *v, int key)
{
	switch (key) {
	case '/':
		v->is_typing = 1;
		break;
	case 'p':
		begin_choice(v);
		break;
	case '?':
	case 'h':
		v->is_help = 1;
		v->help_top = 0;
		break;
	case 'v':
		if (v->pane == PANE_EVENTS)
			back(v, key);
		else
			open_pane(v, PANE_EVENTS);
		break;
	case 'o':
		if (v->pane == PANE_OUTPUT)
			back(v, key);
		else
			open_pane(v, PANE_OUTPUT);
		break;
	case VIEW_KEY_ENTER:
	case VIEW_KEY_RIGHT:
		open_pane(v, v->pane ? v->pane : PANE_STACK);
		break;
	case VIEW_KEY_LEFT:
	case VIEW_KEY_ESCAPE:
		back(v, key);
		break;
	default:
		move(v, key);
		break;
	}
}

/* vi_key - the keys that many fingers know. */
static int vi_key(int key)
{
	return key == 'j'   ? VIEW_KEY_DOWN
	       : key == 'k' ? VIEW_KEY_UP
	       : key == 'g' ? VIEW_KEY_HOME
	       : key == 'G' ? VIEW_KEY_END
			    : key;
}

enum view_wish view_press(struct view *v, int key)
{
	enum view_wish wish = VIEW_WISH_NONE;

	if (key == CTRL('l'))
		return VIEW_WISH_REDRAW;
	if (v->is_small)
		return key == 'q' || key == 'Q' ? VIEW_WISH_QUIT : VIEW_WISH_NONE;
	if (v->is_typing) {
		type(v, key);
	} else if (v->is_choosing) {
		choose(v, vi_key(key));
	} else if (v->is_help) {
		v->is_help = is_movement(vi_key(key));
		v->help_top = scrolled(v->help_top, help_count(), v->help_lines, vi_key(key));
	} else if (key == 'q' || key == 'Q') {
		wish = VIEW_WISH_QUIT;
	} else if (key == 'e') {
		wish = VIEW_WISH_EXPORT;
	} else if (!change(v, key)) {
		go(v, vi_key(key));
	}
	order_make(v); /* without memory for it the old one stays */
	return wish;
}
